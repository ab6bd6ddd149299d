//! Task 7.3: what removing the layers removes, and what it must not touch.

use super::{said, script};
use coracle_testkit::{Outcome, World, check};

pub(crate) fn nothing_is_left_and_no_link_is_followed() -> Outcome {
    let out = script(
        "7.3",
        r#"
        mkdir -p precious/inner; echo x > precious/inner/file; echo x > precious/file
        mkdir -p kept/upper/dir/sub kept/work/work/incompat/volatile
        ln -s "$PWD/precious" kept/upper/link; ln -s ../../../precious/inner kept/upper/dir/link
        mknod kept/upper/dir/gone c 0 0; mkfifo kept/upper/dir/fifo
        echo x > kept/upper/dir/sub/file; echo x > kept/upper/.hidden; echo x > "kept/upper/a name"
        run ch07 remove kept
        echo left $(find kept 2>/dev/null)
        echo precious $(find precious -type f | wc -l)
        run ch07 remove kept; echo again $status
        "#,
    )?;
    check(said(&out, "precious") == "2")
        .observed(format!("of two files outside of the layers, {} are left", said(&out, "precious")))
        .means("a container that leaves a link behind decides what is removed on the host")
        .misconception(
            "a link is removed as a link. Ask what a name is without following it, and remove it from the open directory",
        )?;
    check(said(&out, "left").is_empty())
        .observed(format!("after the removal there is still: {}", said(&out, "left")))
        .means("each container leaves something on the disk, until it is full")
        .misconception(
            "the work directory belongs to the layers, too, with the kernel's own `work` in it; and not only files: links, \
             pipes, devices, names that begin with a dot",
        )?;
    check(said(&out, "again") == "0")
        .observed(format!(
            "a second removal ended with status {}: {}",
            said(&out, "again"),
            out.stderr.trim()
        ))
        .means("after a crash in the middle, a container can never be removed")
        .misconception("that something is not there is what was wanted: ENOENT is no error here")
}

pub(crate) fn closed_directories_are_opened_up_first() -> Outcome {
    let out = script(
        "7.3",
        r#"
        mkdir -p kept/upper/closed/inner/deep kept/upper/nowrite/sub kept/work/work/incompat
        echo x > kept/upper/closed/inner/file; echo x > kept/upper/nowrite/sub/file
        chmod 0 kept/upper/closed/inner/deep kept/upper/closed/inner kept/upper/closed kept/work/work
        chmod 500 kept/upper/nowrite/sub kept/upper/nowrite kept/upper
        # Root, without what makes root pass closed doors: so it is for an ordinary user.
        run setpriv --bounding-set=-dac_override,-dac_read_search "$CH07" remove kept
        echo left $(find kept 2>/dev/null)
        "#,
    )?;
    check(said(&out, "status") == "0" && said(&out, "left").is_empty())
        .observed(format!(
            "a user who is not root removed directories that are closed to him: status {}, left: {}",
            said(&out, "status"),
            said(&out, "left")
        ))
        .means("an ordinary user's containers cannot be removed, except by root")
        .misconception(
            "the kernel makes its `work/work` with mode 000, and a container closes what it likes. The owner may open it \
             up: chmod first, also before a directory is moved, which writes to it",
        )
}

pub(crate) fn what_is_mounted_there_stays() -> Outcome {
    let world = World::new().env("CH07", crate::BIN);
    let out = world.script(
        r#"
        mkdir -p precious/inner kept/upper/a/mounted kept/upper/z kept/work
        echo x > precious/file; echo x > precious/inner/file; echo x > kept/upper/a/file; echo x > kept/upper/z/file
        mount --bind precious kept/upper/a/mounted
        status=0; "$CH07" remove kept || status=$?; echo status $status
        echo precious $(find precious -type f | wc -l)
        umount "$(find kept -name precious -o -name mounted -o -name '.coracle*' | head -n 1)" 2>/dev/null || umount -R kept/upper/a/mounted
        echo left $(find kept -type f)
        "#,
    )?;
    check(said(&out, "precious") == "2")
        .observed(format!(
            "a directory of the host was mounted in the layer; of its two files {} are left",
            said(&out, "precious")
        ))
        .means("a forgotten volume is emptied together with the container")
        .misconception(
            "a mount looks like a directory. Only the kernel knows while the path is followed: openat2() with \
             RESOLVE_NO_XDEV, as sys::open_beneath does it",
        )?;
    let line = out.stderr.lines().find(|line| line.starts_with("ch07: ")).unwrap_or_default();
    check(said(&out, "status") == "125" && line.contains("EXDEV") || line.contains("EBUSY"))
        .observed(format!("the removal ended with status {}: {line}", said(&out, "status")))
        .means("whoever called believes that everything is gone")
        .misconception(
            "a removal that could not be finished is an error, and says which errno the kernel gave",
        )?;
    check(said(&out, "left").is_empty())
        .observed(format!("these files could have been removed, and are still there: {}", said(&out, "left")))
        .means("one mount, or one file that cannot be removed, and all the rest fills the disk")
        .misconception("tearing down goes on after a failure, and tells the first one at the end")
}

pub(crate) fn no_tree_is_too_deep() -> Outcome {
    let out = script(
        "7.3",
        r#"
        mkdir -p kept/upper kept/work
        (cd kept/upper; level=0
        while [ $level -lt 1500 ]; do mkdir d; cd -P d; : > file; level=$((level + 1)); done)
        (ulimit -n 256; run ch07 remove kept)
        echo left $(ls -A kept/upper 2>/dev/null)
        "#,
    )?;
    check(said(&out, "status") == "0" && said(&out, "left").is_empty())
        .observed(format!(
            "of 1,500 directories inside one another, with 256 descriptors: status {}, left: {}",
            said(&out, "status"),
            said(&out, "left")
        ))
        .means("a container can make a tree that nobody ever removes")
        .misconception(
            "a function that calls itself for each level needs a descriptor and stack for each of them. Move inner \
             directories up to the top (rename), and nothing is deep",
        )
}
