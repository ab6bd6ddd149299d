//! From a profile to a policy: which rules hold for this container, and the numbers of their calls.

use super::json::{Entry, When};
use super::names::KernelVersion;
use super::{Action, Arch, Condition, Profile};
use crate::CapabilitySet;

/// What a filter is compiled from: a default, and the calls that are treated otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The machine whose numbers these are.
    pub arch: Arch,
    /// What happens to a call of which no rule speaks.
    pub default: Action,
    /// The others. Several may speak of the same call.
    pub rules: Vec<CallRule>,
}

/// One call, and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRule {
    /// The call's number on the policy's machine.
    pub number: i64,
    /// All of these must hold; none means always.
    pub conditions: Vec<Condition>,
    /// What happens then.
    pub action: Action,
}

impl Profile {
    /// Keeps the rules that hold for a container with these capabilities, on such a machine, under a kernel of this
    /// `release` (`uname -r`), and looks their numbers up. Calls that the machine does not have need no rule.
    pub fn for_container(&self, capabilities: CapabilitySet, arch: Arch, release: &str) -> Policy {
        // A kernel that says something strange about itself is taken for an old one.
        let kernel = KernelVersion::of(release).unwrap_or(KernelVersion(0, 0));
        let place = Place { capabilities, arch, kernel };
        let mut policy = Policy { arch, default: self.default_action(), rules: Vec::new() };
        for entry in self.syscalls.iter().filter(|entry| place.holds(entry)) {
            for number in entry.calls().filter_map(|call| call.number(arch)) {
                policy.rules.extend(rules_for(entry, number));
            }
        }
        policy
    }
}

/// One rule of the profile for one call. Two conditions on the *same* argument are alternatives, and so become rules
/// of their own: libseccomp cannot join them, and runc has made this of it ever since.
fn rules_for(entry: &Entry, number: i64) -> Vec<CallRule> {
    let rule = |conditions: &[Condition]| CallRule {
        number,
        conditions: conditions.to_vec(),
        action: entry.action(),
    };
    let args = &entry.args;
    let twice = args.iter().any(|one| args.iter().filter(|other| other.index == one.index).count() > 1);
    match twice {
        true => args.chunks(1).map(rule).collect(),
        false => vec![rule(args)],
    }
}

/// Where a container is to run.
struct Place {
    capabilities: CapabilitySet,
    arch: Arch,
    kernel: KernelVersion,
}

impl Place {
    /// Does this rule hold here? Everything in `includes` must be so, and nothing in `excludes`.
    fn holds(&self, entry: &Entry) -> bool {
        let When { caps, arches, min_kernel } = &entry.includes;
        let included = caps.iter().all(|name| self.capabilities.has(name.0))
            && (arches.is_empty() || self.is_one_of(arches))
            && min_kernel.is_none_or(|least| self.kernel >= least);
        let When { caps, arches, min_kernel } = &entry.excludes;
        let excluded = caps.iter().any(|name| self.capabilities.has(name.0))
            || self.is_one_of(arches)
            || min_kernel.is_some_and(|least| self.kernel >= least);
        included && !excluded
    }

    fn is_one_of(&self, arches: &[String]) -> bool {
        arches.iter().any(|name| name == self.arch.docker_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capability;

    fn policy(rule: &str, capabilities: CapabilitySet, release: &str) -> Policy {
        let text = format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{rule}]}}");
        Profile::parse(&text, "test").unwrap().for_container(capabilities, Arch::X86_64, release)
    }

    #[test]
    fn rules_hold_by_capability_architecture_and_kernel() {
        let admin = CapabilitySet::EMPTY.with(Capability::SYS_ADMIN);
        let table = [
            ("", CapabilitySet::EMPTY, "6.1", true),
            ("\"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}", admin, "6.1", true),
            ("\"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}", CapabilitySet::EMPTY, "6.1", false),
            ("\"includes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}", admin, "6.1", false),
            ("\"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}", admin, "6.1", false),
            ("\"includes\": {\"arches\": [\"amd64\", \"x32\"]}", admin, "6.1", true),
            ("\"includes\": {\"arches\": [\"arm64\"]}", admin, "6.1", false),
            ("\"excludes\": {\"arches\": [\"s390\"]}", admin, "6.1", true),
            ("\"includes\": {\"minKernel\": \"4.8\"}", admin, "4.7.9-old", false),
            ("\"includes\": {\"minKernel\": \"4.8\"}", admin, "4.18.0-305.el8", true),
            ("\"includes\": {\"minKernel\": \"4.8\"}", admin, "strange", false),
        ];
        for (when, capabilities, release, holds) in table {
            let comma = if when.is_empty() { "" } else { "," };
            let rule = format!("{{\"names\": [\"mount\"], \"action\": \"SCMP_ACT_ALLOW\"{comma} {when}}}");
            let rules = policy(&rule, capabilities, release).rules;
            assert_eq!(rules.len(), usize::from(holds), "{when} {capabilities} {release}");
        }
    }

    #[test]
    fn two_conditions_on_one_argument_are_alternatives() {
        let condition = |index: u8, value: u64| {
            format!("{{\"index\": {index}, \"value\": {value}, \"op\": \"SCMP_CMP_EQ\"}}")
        };
        let rule = |one: String, other: String| {
            format!("{{\"names\": [\"kill\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{one}, {other}]}}")
        };
        let same = policy(&rule(condition(1, 9), condition(1, 15)), CapabilitySet::EMPTY, "6.1");
        assert_eq!(same.rules.iter().map(|rule| rule.conditions.len()).collect::<Vec<_>>(), [1, 1]);
        let different = policy(&rule(condition(0, 1), condition(1, 15)), CapabilitySet::EMPTY, "6.1");
        assert_eq!(different.rules.iter().map(|rule| rule.conditions.len()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn calls_that_the_machine_lacks_need_no_rule() {
        let rule = "{\"names\": [\"arm_fadvise64_64\", \"read\"], \"action\": \"SCMP_ACT_ALLOW\"}";
        assert_eq!(policy(rule, CapabilitySet::EMPTY, "6.1").rules.len(), 1);
    }
}
