//! Small readers of the kernel's and the system's text files. Each takes text and returns a value; none opens a file.

use super::facts::Distribution;

/// A field of `/proc/self/status`: `field(text, "CapEff")` is `000001ffffffffff`.
pub(crate) fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(|value| value.split_whitespace().next().unwrap_or_default())
}

/// `ID`, `ID_LIKE` and `PRETTY_NAME` of `/etc/os-release`. Values may stand in quotes.
pub(crate) fn distribution(os_release: &str) -> Distribution {
    let value = |name: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    };
    let ids = format!("{} {}", value("ID"), value("ID_LIKE"));
    Distribution { ids: ids.split_whitespace().map(str::to_owned).collect(), name: value("PRETTY_NAME") }
}

/// How many ids `/etc/subuid` grants to a user, named or by number: lines `name:first:count`.
pub(crate) fn subordinate_ids(table: &str, name: &str, uid: u32) -> u64 {
    let number = uid.to_string();
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let owner = fields.next()?;
            let count: u64 = fields.nth(1)?.trim().parse().ok()?;
            (owner == name || owner == number).then_some(count)
        })
        .sum()
}

/// `1.85.0` of `rustc 1.85.0 (4d91de4e4 2025-02-17)`.
pub(crate) fn rustc_version(line: &str) -> Option<String> {
    line.strip_prefix("rustc ")?.split_whitespace().next().map(str::to_owned)
}

/// The first two numbers of a version or release: `(6, 8)` of `6.8.0-45-generic`, `(1, 85)` of `1.85`.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The value of `rust-version` in the workspace's `Cargo.toml`.
pub(crate) fn rust_version(cargo_toml: &str) -> Option<String> {
    let line = cargo_toml.lines().find(|line| line.trim_start().starts_with("rust-version"))?;
    line.split('"').nth(1).map(str::to_owned)
}

/// `12.3 GB`: whole numbers from 10 up, as `df -H` does.
pub(crate) fn human_bytes(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 10.0);
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_fields_are_found_by_their_whole_name() {
        let status = "Name:\tbash\nSeccomp:\t2\nSeccomp_filters:\t1\nCapEff:\t000001fffeffffff\n";
        assert_eq!(field(status, "CapEff"), Some("000001fffeffffff"));
        assert_eq!(field(status, "Seccomp"), Some("2"));
        assert_eq!(field(status, "CapPrm"), None);
    }

    #[test]
    fn a_distribution_and_its_relatives() {
        let mint =
            "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\nPRETTY_NAME=\"Linux Mint 22\"\n";
        assert_eq!(
            distribution(mint),
            Distribution {
                ids: vec!["linuxmint".into(), "ubuntu".into(), "debian".into()],
                name: "Linux Mint 22".into()
            }
        );
        assert_eq!(distribution(""), Distribution::default());
    }

    #[test]
    fn subordinate_ids_count_for_a_name_and_for_a_number() {
        let table = "anna:100000:65536\n1000:165536:1000\nbert:1:5\nbroken\n";
        assert_eq!(subordinate_ids(table, "anna", 1000), 66_536);
        assert_eq!(subordinate_ids(table, "root", 0), 0);
    }

    #[test]
    fn versions() {
        assert_eq!(version("6.8.0-45-generic"), Some((6, 8)));
        assert_eq!(version("5.15.167.4-microsoft-standard-WSL2"), Some((5, 15)));
        assert_eq!(version("1.85"), Some((1, 85)));
        assert_eq!(version("none"), None);
        assert_eq!(rustc_version("rustc 1.85.0 (4d91de4e4 2025-02-17)").as_deref(), Some("1.85.0"));
        assert_eq!(rust_version("[workspace.package]\nrust-version = \"1.85\"\n").as_deref(), Some("1.85"));
    }

    #[test]
    fn bytes_are_rounded_for_people() {
        for (bytes, text) in
            [(0, "0 bytes"), (999, "999 bytes"), (1_500_000_000, "1.5 GB"), (80_400_000_000, "80 GB")]
        {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
