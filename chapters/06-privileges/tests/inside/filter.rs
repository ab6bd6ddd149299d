//! Task 6.3: the filter of a profile. Calls are made by plain tools; what they say of an errno shows who answered.

use super::{said, script};
use coracle_testkit::{Outcome, Output, check};

/// `kill` of a shell is the call of that name, with the signal's number as its argument 1. ENOSPC (28) and EXDEV (18) are
/// errnos that it never has by itself. 10 is USR1, 12 USR2, 18 CONT, 28 WINCH.
const PROFILE: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    {"names": ["kill"], "action": "SCMP_ACT_LOG"},
    {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28,
     "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]},
    {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18,
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 28, "op": "SCMP_CMP_EQ"}]},
    {"names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 1, "value": 12, "op": "SCMP_CMP_EQ"}]},
    {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{"index": 1, "value": 12, "op": "SCMP_CMP_EQ"}]},
    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}
  ]
}"#;

/// A rule without a number for its errno.
const PLAIN: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]
}"#;

/// Docker's default profile with another errno (18) for what it does not speak of, and `kill` only with signal 0.
fn another_default() -> String {
    let profile = include_str!("../../src/seccomp/default.json");
    let rule = r#""syscalls": [
    {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]},"#;
    profile
        .replace(r#""defaultErrnoRet": 1,"#, r#""defaultErrnoRet": 18,"#)
        .replace(r#""kill", "#, "")
        .replace(r#""syscalls": ["#, rule)
}

pub(crate) fn a_profile_is_obeyed_rule_by_rule() -> Outcome {
    let out = script(
        "6.3",
        &format!(
            r#"
            cat > profile.json <<'END'
{PROFILE}
END
            cat > plain.json <<'END'
{PLAIN}
END
            box --security-opt seccomp=profile.json rootfs sh -c '
                echo seccomp $(sed -n "s/^Seccomp://p" /proc/self/status)
                echo cont $(sh -c "kill -CONT \$\$" 2>&1 && echo done)
                echo usr1 $(trap "" USR1; kill -USR1 $$ 2>&1 && echo done)
                echo winch $(kill -WINCH 1 2>&1 && echo done)
                sh -c "kill -WINCH \$\$" 2>&1; echo other $?
                sh -c "trap : USR2; kill -USR2 \$\$; echo survived"; echo usr2 $?
                echo mkdir $(mkdir /new 2>&1 && echo done)'
            box --security-opt seccomp=plain.json rootfs sh -c 'echo plain $(mkdir /new 2>&1 && echo done)'"#
        ),
    )?;
    in_force(&out)?;
    for (word, call, expected, means, misconception) in ANSWERS {
        let found = said(&out, word);
        // C libraries do not agree on capital letters.
        check(found.to_lowercase().contains(&expected.to_lowercase()))
            .observed(format!("under the test's profile, {call} was answered {found:?}, not `{expected}`"))
            .means(means)
            .misconception(misconception)?;
    }
    Ok(())
}

/// The word, the call, what must be in the answer, what it means otherwise, and why.
const ANSWERS: [(&str, &str, &str, &str, &str); 7] = [
    (
        "mkdir",
        "mkdir, which has one rule with the errno 28",
        "No space left",
        "a rule without conditions does not hold, or gives another errno than it says",
        "each rule has an errno of its own: `seccomp::answer(rule.action)` holds it",
    ),
    (
        "plain",
        "mkdir, whose rule names no errno",
        "not permitted",
        "a program waits for an answer that Docker's would have got: EPERM",
        "EPERM is what an ERRNO without a number means",
    ),
    (
        "cont",
        "kill with the signal CONT, which a rule without conditions allows (and logs)",
        "done",
        "a call is forbidden that no rule forbids",
        "a rule with conditions says nothing about a call for which they do not hold: `test_of` comes before its answer",
    ),
    (
        "other",
        "kill of another process with the signal WINCH, for which only one of two conditions holds",
        "0",
        "a rule holds although one of its conditions does not",
        "all conditions of a rule must hold: they belong into one `test_of`",
    ),
    (
        "usr1",
        "kill with the signal USR1, of which a rule says errno 28, and an earlier one without conditions allows it",
        "No space left",
        "the order in which a profile is written decides what it protects from",
        "the kernel knows no first and last, only the most restrictive: gather all rules of a call (a map that is given a \
         second one forgets the first), and ask the most restrictive first",
    ),
    (
        "winch",
        "kill of process 1 with the signal WINCH, for which both conditions of a rule hold",
        "cross-device",
        "several rules for one call do not all hold",
        "rules for the same call are gathered: a map that is given the second one for a number forgets the first",
    ),
    (
        "usr2",
        "kill with the signal USR2, of which one rule says errno 28 and another one to kill the process (status 159)",
        "159",
        "of two rules that both hold, the weaker one has won",
        "the most restrictive one wins: `Action` is ordered, and the greatest comes first",
    ),
];

/// Without a filter nothing can be said about this task. To install it is another one's.
fn in_force(out: &Output) -> Outcome {
    check(said(out, "seccomp") == "2")
        .observed(format!(
            "not reached: Seccomp in /proc/self/status is {:?}, and not 2 (a filter)",
            said(out, "seccomp")
        ))
        .means("the filter may be right, and the program runs without it")
        .misconception(
            "to install it is a step of task 6.2: see what `cargo workbook check 6` says about that one",
        )
}

pub(crate) fn the_default_profile_is_in_force_with_its_own_errnos() -> Outcome {
    let out = script(
        "6.3",
        &format!(
            r#"
            cat > other.json <<'END'
{}
END
            box rootfs sh -c '
                echo seccomp $(sed -n "s/^Seccomp://p" /proc/self/status)
                echo new $(unshare -U true 2>&1 && echo done)
                echo works $(ls /bin | head -n 1 | wc -l; mkdir /new && rmdir /new && echo done)'
            box --security-opt seccomp=other.json rootfs sh -c '
                echo asked $(kill -0 $$ 2>&1 && echo done)
                echo fell $(kill -WINCH $$ 2>&1 && echo done)'"#,
            another_default()
        ),
    )?;
    in_force(&out)?;
    check(said(&out, "works").ends_with("done"))
        .observed(format!("ls and mkdir under the default profile said {:?}", said(&out, "works")))
        .means("the profile forbids what every program does")
        .misconception("a rule without conditions is its answer, and nothing before it")?;
    check(said(&out, "new").contains("not permitted") || said(&out, "new").contains("not found"))
        .observed(format!("`unshare -U` under the default profile said {:?}", said(&out, "new")))
        .means("a call that no rule allows was made: a new user namespace, with all capabilities in it")
        .misconception("what no rule speaks of gets the policy's default, and that is seldom to allow")?;
    check(said(&out, "asked") == "done" && said(&out, "fell").to_lowercase().contains("cross-device"))
        .observed(format!(
            "under a profile that allows `kill` only with signal 0, and answers everything else with errno 18, kill -0 said \
             {:?} and kill -WINCH {:?}",
            said(&out, "asked"),
            said(&out, "fell")
        ))
        .means("a call of which a rule speaks is let through although the rule's conditions do not hold")
        .misconception("when no rule holds, the list for a call ends with the policy's default, with its own errno")
}
