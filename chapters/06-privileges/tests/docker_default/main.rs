//! Is our default profile Docker's? Call for call: each call of x86_64 and arm64, under each capability, through the
//! compiled filter, against the table of facts in `table.txt`, which names its source.
//!
//! The filter is run by a small machine of our own (`machine.rs`), so that the other architecture's can be, too.

mod machine;
mod table;

use coracle_privileges::seccomp::{Action, Arch, Profile, calls};
use coracle_privileges::{Capability, CapabilitySet, Filter, compile};
use machine::{AARCH64, Asked, I386, X86_64, answer};
use table::{Answer, Table};

/// The default profile's filter.
fn filter(capabilities: CapabilitySet, arch: Arch, release: &str) -> Filter {
    compile(&Profile::docker_default().for_container(capabilities, arch, release))
        .unwrap_or_else(|error| panic!("Docker's profile for {arch:?} does not compile: {error}. {TOO_LONG}"))
}

/// Why a filter is longer than it need be.
const TOO_LONG: &str = "If it is too long: rules whose action is the default must be left out, and nothing comes after \
                        the answer of a rule without conditions";

fn audit(arch: Arch) -> u32 {
    if arch == Arch::X86_64 { X86_64 } else { AARCH64 }
}

#[test]
fn every_call_is_answered_as_in_docker() {
    let table = Table::read();
    let none = CapabilitySet::EMPTY;
    let mut sets = vec![none, CapabilitySet::DOCKER_DEFAULT, CapabilitySet(u64::MAX >> 23)];
    sets.extend(Capability::all().map(|capability| none.with(capability)));
    let mut compared = 0;
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for capabilities in &sets {
            for release in ["4.7.0", "6.18.5"] {
                let filter = filter(*capabilities, arch, release);
                for (name, number) in calls(arch) {
                    for argument in machine::ARGUMENTS {
                        let asked = Asked::call(audit(arch), number).with(0, argument);
                        let expected = match table.answer(name, argument, *capabilities, arch, release) {
                            Answer::Allow => Action::Allow,
                            Answer::Errno(errno) => Action::Errno(errno),
                        };
                        let got = answer(&filter, &asked);
                        assert_eq!(
                            got, expected,
                            "{name}({argument:#x}) on {arch:?}, Linux {release}, with {capabilities}"
                        );
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 900_000, "only {compared} answers were compared");
}

#[test]
fn every_name_of_the_table_is_a_call_that_we_know() {
    let profile = |name: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["{name}"], "action": "SCMP_ACT_ALLOW"}}]}}"#
        )
    };
    for name in Table::read().names() {
        Profile::parse(&profile(name), "test").unwrap();
    }
}

#[test]
fn calls_of_another_architecture_are_killed() {
    let all = CapabilitySet::DOCKER_DEFAULT;
    for (arch, others) in [(Arch::X86_64, [I386, AARCH64]), (Arch::Aarch64, [X86_64, I386])] {
        for other in others {
            for number in [0, 1, 11, 59, 400] {
                let got = answer(&filter(all, arch, "6.18"), &Asked::call(other, number));
                assert_eq!(got, Action::KillProcess, "{arch:?}, call {number} made for {other:x}");
            }
        }
    }
    let filter = filter(all, Arch::X86_64, "6.18");
    for number in [0x4000_0000, 0x4000_0000 + 520, 0x7fff_ffff] {
        assert_eq!(answer(&filter, &Asked::call(X86_64, number)), Action::KillProcess, "x32, {number:#x}");
    }
    assert_eq!(answer(&filter, &Asked::call(X86_64, 0xffff_ffff)), Action::Errno(1), "-1 is no call");
    assert_eq!(answer(&filter, &Asked::call(X86_64, 9999)), Action::Errno(1), "a call of the future");
}

#[test]
fn the_filter_is_small_enough_to_be_accepted_quickly() {
    let length = filter(CapabilitySet::DOCKER_DEFAULT, Arch::X86_64, "6.18").len();
    assert!(length < 1000, "{length} instructions, and fewer than 1000 are enough. {TOO_LONG}");
}

/// What a profile of a single rule answers.
fn one_rule(default: &str, rules: &str, asked: &Asked) -> Action {
    let text = format!(r#"{{"defaultAction": "{default}", "syscalls": [{rules}]}}"#);
    let profile = Profile::parse(&text, "test").expect("a profile");
    answer(
        &compile(&profile.for_container(CapabilitySet::EMPTY, Arch::X86_64, "6.18")).expect("it compiles"),
        asked,
    )
}

#[test]
fn every_action_and_every_comparison_means_what_it_says() {
    let read = Asked::call(X86_64, 0);
    for (name, action) in [
        ("SCMP_ACT_LOG", Action::Log),
        ("SCMP_ACT_TRACE", Action::Trace(1)),
        ("SCMP_ACT_TRAP", Action::Trap),
        ("SCMP_ACT_KILL", Action::KillThread),
        ("SCMP_ACT_KILL_THREAD", Action::KillThread),
        ("SCMP_ACT_KILL_PROCESS", Action::KillProcess),
        ("SCMP_ACT_ERRNO", Action::Errno(1)),
    ] {
        let rule = format!(r#"{{"names": ["read"], "action": "{name}"}}"#);
        assert_eq!(one_rule("SCMP_ACT_ALLOW", &rule, &read), action, "{name}");
        assert_eq!(one_rule("SCMP_ACT_ALLOW", &rule, &Asked::call(X86_64, 1)), Action::Allow, "not {name}");
        assert_eq!(one_rule(name, "", &read), action, "default {name}");
    }
    let big = 0x1_0000_0005_u64;
    let table = [
        ("SCMP_CMP_EQ", big, 0, vec![big]),
        ("SCMP_CMP_NE", big, 0, vec![0, 5, big - 1, u64::MAX]),
        ("SCMP_CMP_LT", big, 0, vec![0, 5, big - 1]),
        ("SCMP_CMP_LE", big, 0, vec![0, 5, big - 1, big]),
        ("SCMP_CMP_GT", big, 0, vec![u64::MAX]),
        ("SCMP_CMP_GE", big, 0, vec![big, u64::MAX]),
        ("SCMP_CMP_MASKED_EQ", 0xff, 5, vec![5, big]),
    ];
    for (operator, value, value_two, holds) in table {
        let rule = format!(
            r#"{{"names": ["read"], "action": "SCMP_ACT_TRAP",
                "args": [{{"index": 5, "value": {value}, "valueTwo": {value_two}, "op": "{operator}"}}]}}"#
        );
        for argument in [0, 5, big - 1, big, u64::MAX] {
            let expected = if holds.contains(&argument) { Action::Trap } else { Action::Allow };
            let got = one_rule("SCMP_ACT_ALLOW", &rule, &read.with(5, argument));
            assert_eq!(got, expected, "{argument:#x} {operator} {value:#x}");
        }
    }
}

#[test]
fn of_several_rules_for_a_call_the_most_restrictive_one_that_holds_wins() {
    let rules = r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
        {"names": ["read"], "action": "SCMP_ACT_KILL_PROCESS", "args": [
            {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]},
        {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [{"index": 2, "value": 7, "op": "SCMP_CMP_GE"}]},
        {"names": ["write"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}"#;
    let read = Asked::call(X86_64, 0);
    let table = [
        (read, Action::Allow),
        (read.with(0, 1), Action::Errno(5)),
        (read.with(0, 1).with(1, 2), Action::KillProcess),
        (read.with(1, 2), Action::Allow),
        // A rule that says what the default says adds nothing.
        (read.with(2, 9), Action::Allow),
        (Asked::call(X86_64, 1), Action::Errno(1)),
    ];
    for (asked, expected) in table {
        assert_eq!(one_rule("SCMP_ACT_ERRNO", rules, &asked), expected, "{asked:?}");
    }
}
