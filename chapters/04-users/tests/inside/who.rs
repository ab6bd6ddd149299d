//! Task 4.3: who a name or a number is, in the files of the image.

use super::script;
use coracle_testkit::{Outcome, Output, check};

/// The image's files. `web` is a member of two groups; `webmaster` begins with its name; a user is called 1000.
const ACCOUNTS: &str = r"
    printf '%s\n' root:x:0:0::/root:/bin/sh web:x:33:34::/srv:/bin/sh web:x:77:77::/other: webmaster:x:35:36::/www: \
        1000:x:44:45::/called: twin:x:33:99::/twin: broken:x:no:0::/: > rootfs/etc/passwd
    printf '%s\n' root:x:0:root adm:x:4:syslog,web webbers:x:34: staff:x:50:webmaster video:x:27:web \
        web2:x:60:web2 > rootfs/etc/group
";

/// What was asked, what must be answered, and what one believes who answers otherwise.
const CASES: [(&str, &str, &str); 16] = [
    ("--user web", "uid=33 gid=34 groups=[4, 27] added=[] home=/srv", WHOLE_NAME),
    ("--user webmaster", "uid=35 gid=36 groups=[50] added=[] home=/www", WHOLE_NAME),
    (
        "--user 33",
        "uid=33 gid=34 groups=[4, 27] added=[] home=/srv",
        "a number is looked up, too: who is known by number has the same group, groups and home as by name, and the \
         first line that fits counts",
    ),
    (
        "--user 4000",
        "uid=4000 gid=0 groups=[] added=[] home=/",
        "a number that no line has is no error: the kernel needs no names. Its group is 0 then, not the same number",
    ),
    (
        "--user 1000",
        "uid=1000 gid=0 groups=[] added=[] home=/",
        "what looks like a number is one, even if somebody is called that",
    ),
    ("--user web:50", "uid=33 gid=50 groups=[] added=[] home=/srv", EXPLICIT),
    ("--user web:staff", "uid=33 gid=50 groups=[] added=[] home=/srv", EXPLICIT),
    (
        "--user 4000:4001",
        "uid=4000 gid=4001 groups=[] added=[] home=/",
        "an unknown group number is no error: the kernel needs no names. And who names the group gets exactly that one",
    ),
    ("--user :27", "uid=0 gid=27 groups=[] added=[] home=/root", EXPLICIT),
    ("", "uid=0 gid=0 groups=[0] added=[] home=/root", "nobody said who: user 0, as the image knows it"),
    (
        "--user web:50 --group-add adm --group-add 7",
        "uid=33 gid=50 groups=[] added=[4, 7] home=/srv",
        "--group-add takes names of the image and any number, and comes on top of everything else",
    ),
    ("--user nosuch", "error: nosuch", UNKNOWN),
    (
        "--user broken",
        "error: broken",
        "a user whose number is no number is nobody, and must not become user 0, which is root",
    ),
    ("--user web:nosuch", "error: nosuch", UNKNOWN),
    ("--group-add nosuch", "error: nosuch", UNKNOWN),
    (
        "--user 2147483648",
        "error: 2147483648",
        "numbers end at 2147483647; what is larger is a slip, and must not be cut to size",
    ),
];

const WHOLE_NAME: &str = "a name is a whole field, and a member is a whole word: `web` is not `webmaster`; the group comes from passwd, \
     more groups from the lines of the group file that name the user";
const EXPLICIT: &str = "who names the group gets exactly that one: the user's other groups do not come along";
const UNKNOWN: &str = "a name that the image does not know is an error. Root, or the host's user of that name, would be the wrong one";

pub(crate) fn users_are_those_of_the_image() -> Outcome {
    let asked: String = CASES
        .iter()
        .map(|(options, ..)| format!("answer=$(ch04 --who {options} rootfs 2>&1); echo \"= $answer ($?)\"\n"))
        .collect();
    let out = script(&format!("{ACCOUNTS}\nset +e\n{asked}"))?;
    let answers: Vec<&str> = out.stdout.lines().filter_map(|line| line.strip_prefix("= ")).collect();
    for ((options, expected, belief), answer) in CASES.iter().zip(&answers) {
        let right = match expected.strip_prefix("error: ") {
            Some(word) => answer.starts_with("ch04: ") && answer.contains(word) && answer.ends_with("(125)"),
            None => *answer == format!("{expected} (0)"),
        };
        check(right)
            .observed(format!(
                "`ch04 --who {options} rootfs` {}, and should {}",
                did(answer),
                should(expected)
            ))
            .means("a program in the container runs as somebody else than was asked for")
            .misconception(*belief)?;
    }
    check(answers.len() == CASES.len())
        .observed(format!(
            "only {} of {} questions were answered: {}",
            answers.len(),
            CASES.len(),
            out.stderr
        ))
        .means("the test could not be carried out")
        .misconception("see what is printed above")
}

/// An answer and its status, `… (125)`, in words.
fn did(answer: &str) -> String {
    let (text, status) = answer.trim_end_matches(')').rsplit_once('(').unwrap_or((answer, "?"));
    let said = if text.trim().is_empty() { "nothing".into() } else { format!("`{}`", text.trim()) };
    format!("ended with {status} and said {said}")
}

/// What a case expects, in words.
fn should(expected: &str) -> String {
    match expected.strip_prefix("error: ") {
        Some(word) => format!("end with 125 and a sentence that has `{word}` in it"),
        None => format!("end with 0 and say `{expected}`"),
    }
}

pub(crate) fn no_link_in_the_image_leads_to_the_hosts_users() -> Outcome {
    let out = script(
        r#"
        mkdir -p deep/er; printf 'spy:x:7:7::/host:\n' > deep/er/passwd; rm rootfs/etc/passwd
        printf 'spy:x:8:8::/image:\n' > rootfs/etc/own
        set +e; spy=spy
        ask() { answer=$(timeout 5 "$CH04" --who --user $spy rootfs 2>&1); echo "$1 $answer ($?)"; }
        ln -s "$PWD/deep/er/passwd" rootfs/etc/passwd; ask absolute; rm rootfs/etc/passwd
        ln -s ../../deep/er/passwd rootfs/etc/passwd; ask relative; rm rootfs/etc/passwd
        ln -s /etc/own rootfs/etc/passwd; ask within; rm rootfs/etc/passwd
        mv rootfs/etc rootfs/was; ln -s "$PWD/deep/er" rootfs/etc; ask folder; rm rootfs/etc; mv rootfs/was rootfs/etc
        mkfifo rootfs/etc/passwd; spy=5; ask fifo; spy=spy; rm rootfs/etc/passwd
        { echo spy:x:8:8::/image:; head -c 2000000 /dev/zero; } > rootfs/etc/passwd; ask endless; rm rootfs/etc/passwd
        ask missing; spy=5; ask number"#,
    )?;
    outside(&out)?;
    check(super::said(&out, "within").starts_with("uid=8 gid=8"))
        .observed(format!(
            "`etc/passwd` in the image is a link to `/etc/own`, and ch04 {}",
            did(&super::said(&out, "within"))
        ))
        .means("links are usual in images, and this one stays inside")
        .misconception(
            "a link is not refused; it is followed as the container will: with `/` at the image's root",
        )?;
    for (case, what) in [("fifo", "a FIFO"), ("endless", "two megabytes long")] {
        let answer = super::said(&out, case);
        check(answer.starts_with("ch04: ") && answer.ends_with("(125)"))
            .observed(format!("`etc/passwd` in the image is {what}, and ch04 {}", did(&answer)))
            .means("an image can make the engine wait for ever, or read until memory is full")
            .misconception("what an image brings may be any kind of file, of any size: look before you read, and read up to a limit")?;
    }
    let (missing, number) = (super::said(&out, "missing"), super::said(&out, "number"));
    check(missing.contains("spy") && missing.ends_with("(125)") && number.starts_with("uid=5 gid=0"))
        .observed(format!(
            "without `etc/passwd`, `--user spy` {}, and `--user 5` {}; the first should end with 125 and a sentence \
             that has `spy` in it, the second with 0",
            did(&missing),
            did(&number)
        ))
        .means("many images have no such file, and run by number")
        .misconception("a file that is missing knows nobody, and that is all")
}

/// Did the host's file answer?
fn outside(out: &Output) -> Outcome {
    for (case, what) in [
        ("absolute", "a link to a file of the host"),
        ("relative", "a link that climbs with `..`"),
        ("folder", "in a directory `etc` that is a link to the host"),
    ] {
        let answer = super::said(out, case);
        check(!answer.contains("uid=7"))
            .observed(format!("`etc/passwd` in the image is {what}, and ch04 {}", did(&answer)))
            .means("the image made the engine read a file of the host, and obey it")
            .misconception(
                "joining two paths only glues text: the kernel follows each link from the *host's* root. It must be \
                 told to stay inside (openat2 with RESOLVE_IN_ROOT)",
            )?;
    }
    Ok(())
}
