//! Links and nft tables. Both vanish with their network namespace, so those of test worlds never get here; those of the host can.

use super::remedy::{Leftover, Remedy, tool};
use anyhow::Result;
use std::fs;
use std::path::Path;

/// Virtual links with a name that the engine gives: `cor` and 8 to 12 hex digits for the host's end of a container's cable,
/// `cor-…` for a network's bridge, `coracle…` for the default one. A network card of the machine is never virtual.
pub(crate) fn links() -> Vec<Leftover> {
    let virtual_links = Path::new("/sys/devices/virtual/net");
    let names = fs::read_dir(virtual_links).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| is_ours(name))
        .map(|name| Leftover {
            what: format!("link {name}"),
            why: "its name is one of ours, and no engine runs".into(),
            remedy: Remedy::DeleteLink(name),
        })
        .collect()
}

/// The rule for names.
fn is_ours(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("cor") else { return false };
    let hex =
        (8..=12).contains(&rest.len()) && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hex || rest.starts_with('-') || rest.starts_with("acle")
}

/// Tables called `coracle`. Without `nft`, or without the right to ask, there is nothing to say.
pub(crate) fn tables() -> Vec<Leftover> {
    tables_in(&tool("nft", &["list", "tables"]).unwrap_or_default())
}

/// Reads lines such as `table inet coracle`.
fn tables_in(list: &str) -> Vec<Leftover> {
    let tables = list.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        match (words.next()?, words.next()?, words.next()?) {
            ("table", family, name) => Some((family.to_owned(), name.to_owned())),
            _ => None,
        }
    });
    let ours = |name: &str| {
        name.strip_prefix("coracle").is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
    };
    tables
        .filter(|(_, name)| ours(name))
        .map(|(family, name)| Leftover {
            what: format!("nft table {family} {name}"),
            why: "its name is one of ours, and no engine runs".into(),
            remedy: Remedy::DeleteTable { family, name },
        })
        .collect()
}

/// Deleting one end of a pair deletes the other.
pub(super) fn delete_link(name: &str) -> Result<()> {
    if !Path::new("/sys/class/net").join(name).exists() {
        return Ok(());
    }
    tool("ip", &["link", "delete", name]).map(drop)
}

/// With all its chains and rules.
pub(super) fn delete_table(family: &str, name: &str) -> Result<()> {
    tool("nft", &["delete", "table", family, name]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_links() {
        for (name, ours) in [
            ("cor3f0c12ab", true),
            ("cor-backend", true),
            ("coracle0", true),
            ("core0", false),
            ("corporate0", false),
            ("cor12ab", false),
            ("eth0", false),
        ] {
            assert_eq!(is_ours(name), ours, "{name}");
        }
    }

    #[test]
    fn names_of_tables() {
        let list = "table inet coracle\ntable ip nat\ntable ip6 coracle_test\ntable inet coraclette\n\n";
        let found: Vec<_> = tables_in(list).into_iter().map(|leftover| leftover.what).collect();
        assert_eq!(found, ["nft table inet coracle", "nft table ip6 coracle_test"]);
    }
}
