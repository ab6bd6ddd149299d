//! Task 7.2: the list of changes. The layers are made by hand, or by the kernel with the machine's own mount(8), so that
//! this task can be checked before the first one is done.

use super::script;
use coracle_testkit::{Outcome, Output, check};

/// `change LOWERS COMMANDS`: runs the commands in an overlay; what they change is in `kept` then.
const CHANGE: &str = r#"
    test "$(tr -s ' ' < /proc/self/uid_map)" = " 0 0 4294967295" || notes=,userxattr
    change() {
        mkdir -p kept/upper kept/work merged
        mount -t overlay overlay -o "lowerdir=$1,upperdir=kept/upper,workdir=kept/work$notes" merged
        (cd merged; eval "$2"); umount merged
    }
    list() { echo begin; ch07 diff "$@"; echo end; }
"#;

/// What `list` printed.
fn listed(out: &Output) -> Vec<String> {
    let lines = out.stdout.lines().skip_while(|line| *line != "begin").skip(1);
    lines.take_while(|line| *line != "end").map(String::from).collect()
}

/// What is too much in the list, and what is missing.
fn differs(listed: &[String], wanted: &[&str]) -> String {
    let missing: Vec<&str> =
        wanted.iter().copied().filter(|line| !listed.iter().any(|l| l == line)).collect();
    let extra: Vec<&str> = listed.iter().map(String::as_str).filter(|line| !wanted.contains(line)).collect();
    match (missing.is_empty(), extra.is_empty()) {
        (true, true) => String::new(),
        _ => format!("too much: [{}], missing: [{}]", extra.join(", "), missing.join(", ")),
    }
}

/// Is the list what it should be?
fn judged(listed: &[String], wanted: &[&str], means: &str, misconception: &str) -> Outcome {
    let differs = differs(listed, wanted);
    check(differs.is_empty())
        .observed(format!("the list differs from Docker's: {differs}"))
        .means(means)
        .misconception(misconception)
}

pub(crate) fn changes_are_listed_as_docker_lists_them() -> Outcome {
    let out = script(
        "7.2",
        &format!(
            r#"{CHANGE}
            mkdir -p low/etc/deep/deeper low/old low/same low/a low/mode
            echo x > low/etc/deep/deeper/file; echo x > low/old/file; echo x > low/same/file; echo x > low/a-b
            change low '
                echo y >> etc/deep/deeper/file; rm -r old; mkdir -p new/sub; echo n > new/sub/file
                echo x >> a-b; echo n > a/new; chmod 700 mode; ln -s nowhere link
                mknod null c 1 3 2>/dev/null || ln -s nowhere null; touch same/new; rm same/new'
            list kept low"#
        ),
    )?;
    let list = listed(&out);
    let only =
        |letter: &str| list.iter().filter(|line| line.starts_with(letter)).cloned().collect::<Vec<_>>();
    judged(
        &only("D "),
        &["D /old"],
        "what the container has removed is not listed as removed: a layer made from this list would bring it back, or \
         hold a strange device",
        "the kernel cannot take a name out of a lower layer. It puts a whiteout above it: a character device 0:0, which \
         stands for `there is nothing here`, and is no device. For a whole directory there is one, and one line",
    )?;
    judged(
        &only("A "),
        &["A /a/new", "A /link", "A /new", "A /new/sub", "A /new/sub/file", "A /null"],
        "what is new in the container is not listed as new",
        "a name in the upper layer is new if no lower layer has it, and changed if one does; whatever kind of file it is, \
         a device with other numbers than 0:0 too",
    )?;
    judged(
        &only("C "),
        &[
            "C /a",
            "C /a-b",
            "C /etc",
            "C /etc/deep",
            "C /etc/deep/deeper",
            "C /etc/deep/deeper/file",
            "C /mode",
        ],
        "what was changed is not listed as Docker does it",
        "a directory is in the list when something in it is, up to the top and without `/`; or when its own mode or owner \
         is another. That it lies in the upper layer says only that somebody was there",
    )?;
    let mut sorted = list.clone();
    sorted.sort_by(|one, other| one[2..].cmp(&other[2..]));
    check(sorted == list)
        .observed(format!("the list is in this order: {}", list.join(", ")))
        .means("the same changes give another list on another day, and nobody can compare two of them")
        .misconception(
            "a walk through directories has an order of its own; the list is sorted by the bytes of the whole path, in \
             which `-` comes before `/`",
        )
}

pub(crate) fn what_an_opaque_directory_hides_is_deleted() -> Outcome {
    let out = script(
        "7.2",
        &format!(
            r#"{CHANGE}
            mkdir -p low/dir/sub low/dir/kept low/dir/tree/inner low/other
            for file in dir/file dir/again dir/sub/file dir/sub/again dir/kept/file dir/tree/inner/file other/file; do
                echo x > low/$file
            done
            change low 'rm -r dir; mkdir -p dir/sub; echo n > dir/again; echo n > dir/new; echo n > dir/sub/again
                rm -r other; echo file > other'
            list kept low"#
        ),
    )?;
    let list = listed(&out);
    let below = |line: &&String| line.contains("/dir/sub/");
    let (nested, rest): (Vec<&String>, Vec<&String>) = list.iter().partition(below);
    let own = |lines: Vec<&String>| lines.into_iter().cloned().collect::<Vec<_>>();
    judged(
        &own(rest),
        &[
            "C /dir",
            "C /dir/again",
            "D /dir/file",
            "D /dir/kept",
            "A /dir/new",
            "C /dir/sub",
            "D /dir/tree",
            "C /other",
        ],
        "a directory was removed and made again, and what is gone from it is not listed: a layer made from this list \
         would show the old files once more",
        "there is no whiteout for each of the old files. The new directory carries a note (`opaque`, value `y`), and hides \
         everything below it: what a lower layer has there and the upper one has not, is deleted",
    )?;
    judged(
        &own(nested),
        &["C /dir/sub/again", "D /dir/sub/file"],
        "a directory in an opaque one has no note of its own, and hides what is below it all the same",
        "opaque ends the search for the whole tree below: hand it down to the directories in it",
    )
}

pub(crate) fn lower_layers_hide_one_another() -> Outcome {
    let out = script(
        "7.2",
        &format!(
            r#"{CHANGE}
            mkdir -p low/opaque low/replaced low/dir top/opaque top/dir middle/dir middle/late low/late
            for file in removed opaque/hidden replaced/hidden dir/low late/low; do echo x > low/$file; done
            gone top/removed; note top/opaque opaque y; echo x > top/replaced; gone top/late
            mkdir -p kept/upper/opaque kept/upper/dir kept/upper/late kept/work
            echo n > kept/upper/removed; echo n > kept/upper/opaque/hidden; echo n > kept/upper/dir/low
            mkdir kept/upper/replaced; echo n > kept/upper/replaced/hidden; echo n > kept/upper/late/low
            gone kept/upper/never
            list kept --layer top --layer middle low"#
        ),
    )?;
    let list = listed(&out);
    judged(
        &list,
        &[
            "C /dir",
            "C /dir/low",
            "A /late",
            "A /late/low",
            "C /opaque",
            "A /opaque/hidden",
            "A /removed",
            "C /replaced",
            "A /replaced/hidden",
        ],
        "the list says `changed` of files that the container could not see, or `deleted` of what was not there",
        "lower layers have whiteouts and opaque directories, too, and a file hides a directory: search them as the kernel \
         does, from the top, and stop where it stops. A whiteout over nothing is nothing",
    )
}

pub(crate) fn notes_of_other_tools_are_understood_or_refused() -> Outcome {
    let out = script(
        "7.2",
        &format!(
            r#"{CHANGE}
            mkdir -p low/marked low/plain low/full kept/upper/marked kept/upper/plain kept/upper/full kept/work
            for file in marked/gone marked/empty marked/seen plain/empty full/x; do echo x > low/$file; done
            note kept/upper/marked opaque x
            : > kept/upper/marked/gone;  note kept/upper/marked/gone whiteout y
            : > kept/upper/marked/empty
            : > kept/upper/plain/empty;  note kept/upper/plain/empty whiteout y
            echo x > low/whole; truncate -s 2 kept/upper/whole; note kept/upper/whole metacopy ''
            list kept low"#
        ),
    )?;
    let list = listed(&out);
    judged(
        &list,
        &["C /marked", "C /marked/empty", "D /marked/gone", "C /plain", "C /plain/empty", "C /whole"],
        "layers of another tool are misread: files appear that were removed, or disappear that are only empty",
        "who may make no devices writes a whiteout as an empty file with the note `whiteout`, in a directory whose note \
         `opaque` has the value `x`. Both must be there; and `x` does not hide what is below, only `y` does",
    )
}

pub(crate) fn a_renamed_directory_is_refused_and_not_misread() -> Outcome {
    let world = coracle_testkit::World::new().env("CH07", crate::BIN).env("NOTE", env!("CARGO_BIN_EXE_note"));
    let out = world.script(
        r#"
        mkdir -p low/name kept/upper/renamed kept/work; echo x > low/name/file
        mknod kept/upper/name c 0 0; "$NOTE" kept/upper/renamed redirect name
        status=0; "$CH07" diff kept low || status=$?; echo status $status"#,
    )?;
    let line = out.stderr.lines().find(|line| line.starts_with("ch07: ")).unwrap_or_default();
    check(super::said(&out, "status") == "125" && line.contains("EOPNOTSUPP") && line.contains("renamed"))
        .observed(format!(
            "an upper layer with a directory that was renamed by a note gave: {} {line}",
            out.stdout.replace('\n', ", ")
        ))
        .means("all the files of that directory are missing in the list, and in a layer made from it")
        .misconception(
            "with `redirect_dir` a rename writes no files: the content stays below under its old name. Read it there, or \
             refuse it with an error that names the directory; an empty directory is a wrong answer",
        )
}
