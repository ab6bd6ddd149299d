//! Facts in, verdicts out. `captured/hybrid_*.json` and `captured/debian_v2_*.json` were taken with `--format json` on real machines
//! (the latter virtual); the others are written after the documentation of those systems, for want of the machines.

use super::facts::Facts;
use super::verdict::{self, Verdict};
use super::{lacks, report, texts};

/// One machine: name, facts, and a letter for each of the 18 chapters.
type Machine = (&'static str, &'static str, &'static str);

/// `.` runs here, `f` needs a fix, `r` needs root, `L` needs the lab machine.
const MACHINES: [Machine; 17] = [
    //                                                                         123456789012345678
    ("hybrid_root", include_str!("captured/hybrid_root.json"), ".........ffff.f.ff"),
    ("hybrid_user", include_str!("captured/hybrid_user.json"), "....rr...ffrr.rrrf"),
    ("ubuntu_24_04_apparmor", include_str!("captured/ubuntu_24_04_apparmor.json"), "rrrrrrrrrrrrrrrrrr"),
    ("wsl2", include_str!("captured/wsl2.json"), "....rr...ffrr.rrrf"),
    ("wsl1", include_str!("captured/wsl1.json"), "LLLLLLLLLLLLLLLLLL"),
    ("devcontainer", include_str!("captured/devcontainer.json"), "....ff.....ff.fff."),
    ("plain_docker", include_str!("captured/plain_docker.json"), "LLLLLLLLLLLLLLLLLL"),
    ("container_on_overlay", include_str!("captured/container_on_overlay.json"), "......fff..ffff.ff"),
    ("container_masked_proc", include_str!("captured/container_masked_proc.json"), "LLLLLLLLLLLLLLLLLL"),
    ("fedora_v2", include_str!("captured/fedora_v2.json"), "....ff.....ff.fff."),
    ("fedora_v2_root", include_str!("captured/fedora_v2_root.json"), ".................."),
    (
        "debian_v2_root_on_overlay",
        include_str!("captured/debian_v2_root_on_overlay.json"),
        "......fff..ffff.ff",
    ),
    ("debian_v2_user", include_str!("captured/debian_v2_user.json"), "....rr.....rr.rrr."),
    ("debian_v2_switched_off", include_str!("captured/debian_v2_switched_off.json"), "rrrrrrrrrrrrrrrrrr"),
    ("debian_10_switched_off", include_str!("captured/debian_10_switched_off.json"), "LLLLLLLLLLLLLLLLLL"),
    ("macos", include_str!("captured/macos.json"), "LLLLLLLLLLLLLLLLLL"),
    ("windows", include_str!("captured/windows.json"), "LLLLLLLLLLLLLLLLLL"),
];

/// The facts of a machine.
fn facts(json: &str) -> Facts {
    serde_json::from_str(json).unwrap()
}

#[test]
fn each_machine_gets_its_verdicts_for_every_chapter() {
    for (name, json, expected) in MACHINES {
        // As if all chapters were written: else most verdicts would be "not written yet".
        let facts = Facts { written: (1..=18).collect(), ..facts(json) };
        let letters: String = verdict::judge(&facts)
            .iter()
            .map(|chapter| match chapter.verdict {
                Verdict::RunsHere => '.',
                Verdict::NeedsFix => 'f',
                Verdict::NeedsRoot => 'r',
                Verdict::NeedsLab => 'L',
                Verdict::NotWritten => '?',
            })
            .collect();
        assert_eq!(letters, expected, "{name}");
    }
}

#[test]
fn the_report_of_each_machine() {
    for (name, json, _) in MACHINES {
        let facts = facts(json);
        let judged = verdict::judge(&facts);
        let text = report::text(&facts, &judged, &lacks::advice(&facts), Some(1), 100);
        insta::assert_snapshot!(name, anstream::adapter::strip_str(&text).to_string());
    }
}

#[test]
fn the_exit_code_follows_the_next_chapter() {
    let (apparmor, fedora) = (facts(MACHINES[2].1), facts(MACHINES[9].1));
    assert!(!verdict::ready(&verdict::judge(&apparmor), Some(1)));
    assert!(verdict::ready(&verdict::judge(&fedora), Some(1)));
    assert!(
        verdict::ready(&verdict::judge(&apparmor), None),
        "nothing is left to do, so nothing is in the way"
    );
}

#[test]
fn a_narrow_terminal_wraps_words_but_never_commands() {
    let facts = facts(MACHINES[2].1);
    let judged = verdict::judge(&facts);
    let text = report::text(&facts, &judged, &[], Some(1), 40);
    let text = anstream::adapter::strip_str(&text).to_string();
    assert!(text.contains("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n"), "{text}");
    let command = |line: &&str| !["sudo ", "systemd-run "].iter().any(|word| line.contains(word));
    let long: Vec<_> = text.lines().filter(|line| line.len() > 40).filter(command).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_fix_that_names_a_file_of_the_workbook_names_one_that_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert!(super::fixes::LAB.contains("tests/lab/lima.yaml"));
    assert!(root.join("tests/lab/lima.yaml").is_file());
    assert!(root.join(".devcontainer/devcontainer.json").is_file());
    assert!(texts::rust_version(&std::fs::read_to_string(root.join("Cargo.toml")).unwrap()).is_some());
}
