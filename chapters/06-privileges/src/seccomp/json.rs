//! Reading a profile. Strictly: a word that we do not understand could be the one that was to protect.

use super::calls::Call;
use super::names::{ActionName, ArchName, CapabilityName, KernelVersion};
use super::{Action, Condition};
use crate::Refused;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};

/// A profile as it stands in the file. Which of its rules hold, only the container decides: [`Profile::for_container`].
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Profile {
    default_action: ActionName,
    default_errno_ret: Option<u32>,
    /// Checked for its words, and not used: calls of other architectures are killed, whatever a profile says.
    #[serde(default)]
    arch_map: Option<Vec<ArchMap>>,
    #[serde(default)]
    architectures: Option<Vec<ArchName>>,
    #[serde(default)]
    pub(super) syscalls: Vec<Entry>,
}

impl Profile {
    /// Reads a profile in Docker's JSON format. `what` names it in errors: the file's name.
    ///
    /// # Errors
    /// In one sentence, with line and column: it is not JSON, or a field, a call, an action, a capability, an
    /// architecture or a comparison has a name that does not exist.
    pub fn parse(text: &str, what: &str) -> Result<Profile, Refused> {
        let refused = |why: String| Refused(format!("the seccomp profile `{what}` cannot be used: {why}"));
        if let Some(kind) = another_value(text) {
            return Err(refused(format!(
                "it is {kind}, and must be an object, as in {{\"defaultAction\": …, \"syscalls\": […]}}"
            )));
        }
        let profile: Profile = serde_json::from_str(text).map_err(|error| refused(say(&error)))?;
        let wrong = if profile.arch_map.is_some() && profile.architectures.is_some() {
            Some("it has both `architectures` and `archMap`, and only one of them can be meant".to_string())
        } else {
            profile.syscalls.iter().zip(1..).find_map(|(entry, at)| entry.wrong(at))
        };
        match wrong {
            Some(why) => Err(refused(why)),
            None => Ok(profile),
        }
    }

    /// Docker's default profile.
    pub fn docker_default() -> Profile {
        Profile::parse(super::DEFAULT, "default.json").expect("a test reads our own file")
    }

    /// What happens to a call that no rule speaks of.
    pub(super) fn default_action(&self) -> Action {
        self.default_action.with(self.default_errno_ret)
    }
}

/// What the text is, when it is JSON and no object. (A list of the right length would pass for one: serde reads the
/// fields of a struct by their order, too.)
fn another_value(text: &str) -> Option<&'static str> {
    use serde_json::Value;
    match serde_json::from_str(text).ok()? {
        Value::Object(_) => None,
        Value::Array(_) => Some("a list"),
        Value::String(_) => Some("a text"),
        Value::Number(_) => Some("a number"),
        Value::Bool(_) | Value::Null => Some("a single word"),
    }
}

/// What is wrong, with line and column.
fn say(error: &serde_json::Error) -> String {
    if error.is_data() { error.to_string() } else { format!("it is not JSON: {error}") }
}

/// One element of `syscalls`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(default)]
    names: Vec<Call>,
    /// One name: how profiles were written at first.
    #[serde(default)]
    name: Option<Call>,
    action: ActionName,
    errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) args: Vec<Condition>,
    #[serde(default)]
    pub(super) includes: When,
    #[serde(default)]
    pub(super) excludes: When,
    #[serde(default, rename = "comment")]
    _comment: Option<String>,
}

impl Entry {
    /// What happens to these calls.
    pub(super) fn action(&self) -> Action {
        self.action.with(self.errno_ret)
    }

    /// The calls.
    pub(super) fn calls(&self) -> impl Iterator<Item = Call> {
        self.names.iter().chain(&self.name).copied()
    }

    /// What JSON alone cannot see; `at` counts from 1.
    fn wrong(&self, at: usize) -> Option<String> {
        match (&self.name, self.names.len()) {
            (None, 0) => Some(format!("number {at} of its `syscalls` names no call")),
            (Some(_), 1..) => Some(format!("number {at} of its `syscalls` has both `name` and `names`")),
            _ => None,
        }
    }
}

/// `includes` and `excludes`: when a rule holds.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct When {
    #[serde(default)]
    pub(super) caps: Vec<CapabilityName>,
    #[serde(default)]
    pub(super) arches: Vec<String>,
    pub(super) min_kernel: Option<KernelVersion>,
}

/// An element of `archMap`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ArchMap {
    #[serde(rename = "architecture")]
    _architecture: ArchName,
    #[serde(rename = "subArchitectures", default)]
    _sub_architectures: Option<Vec<ArchName>>,
}

/// `null` for a list: how Go writes an empty one.
fn null_is_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Condition>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A call has six arguments, 0 to 5.
pub(super) fn argument_index<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    match u8::deserialize(from)? {
        index @ 0..=5 => Ok(index),
        other => Err(D::Error::invalid_value(Unexpected::Unsigned(other.into()), &"an argument from 0 to 5")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_default_profile_can_be_read() {
        assert!(Profile::docker_default().syscalls.len() > 40);
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_place() {
        let rule = |rest: &str| {
            format!(
                "{{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"syscalls\": [{{\"names\": [\"mkdir\"], {rest}}}]}}"
            )
        };
        let table = [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("unconfined", "expected value at line 1 column 1"),
            ("{\"defaultAction\": \"SCMP_ACT_ALLOW\"", "EOF while parsing an object at line 1 column 34"),
            ("{}", "missing field `defaultAction` at line 1 column 2"),
            ("[]", "it is a list, and must be an object, as in {\"defaultAction\""),
            ("[\"SCMP_ACT_ALLOW\", null, null, null, []]", "it is a list, and must be an object"),
            ("\"unconfined\"", "it is a text, and must be an object"),
            ("null", "it is a single word, and must be an object"),
            ("{\"defaultAction\": \"ALLOW\"}", "unknown variant `ALLOW`, expected one of `SCMP_ACT_ALLOW`"),
            ("{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}", "unknown variant `SCMP_ACT_NOTIFY`"),
            ("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscall\": []}", "unknown field `syscall`"),
            (&rule("\"action\": \"SCMP_ACT_FORBID\""), "unknown variant `SCMP_ACT_FORBID`"),
            (&rule("\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": -1"), "invalid value: integer `-1`"),
            (&rule("\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 99999999999"), "99999999999"),
            (
                &rule(
                    "\"action\": \"SCMP_ACT_LOG\", \"args\": [{\"index\": 6, \"value\": 0, \"op\": \"SCMP_CMP_EQ\"}]",
                ),
                "expected an argument from 0 to 5 at line 2",
            ),
            (
                &rule(
                    "\"action\": \"SCMP_ACT_LOG\", \"args\": [{\"index\": 0, \"value\": 0, \"op\": \"==\"}]",
                ),
                "unknown variant `==`",
            ),
            (
                &rule("\"action\": \"SCMP_ACT_LOG\", \"includes\": {\"caps\": [\"CAP_ROOT\"]}"),
                "no capability `CAP_ROOT`",
            ),
            (
                &rule("\"action\": \"SCMP_ACT_LOG\", \"includes\": {\"minKernel\": \"new\"}"),
                "a kernel's version, like 4.8",
            ),
            (&rule("\"action\": \"SCMP_ACT_LOG\", \"name\": \"open\""), "has both `name` and `names`"),
            (
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"syscalls\": [{\"names\": [\"mkdirs\"], \"action\": \"SCMP_ACT_LOG\"}]}",
                "there is no system call `mkdirs` at line 2 column",
            ),
            (
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [], \"action\": \"SCMP_ACT_LOG\"}]}",
                "number 1 of its `syscalls` names no call",
            ),
            (
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_Z80\"]}",
                "there is no architecture `SCMP_ARCH_Z80`",
            ),
            (
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [], \"archMap\": []}",
                "both `architectures` and `archMap`",
            ),
        ];
        for (text, expected) in table {
            let refused = Profile::parse(text, "my.json").map(drop).expect_err(text).to_string();
            assert!(refused.starts_with("the seccomp profile `my.json` cannot be used: "), "{refused}");
            assert!(refused.contains(expected) && !refused.contains('\n'), "{text}: {refused}");
        }
    }
}
