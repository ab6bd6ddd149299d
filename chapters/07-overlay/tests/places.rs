//! Where an overlay can have its changes, and what is said of the places where it cannot. And who may read them.

use coracle_testkit::{Outcome, Output, World, check, milestone};

milestone! { bin: "ch07", tests: {
    "7.1" => memory_can_hold_the_changes needs Overlay,
    "7.1" => another_overlay_cannot_and_it_says_so needs Overlay,
    "7.1" => a_filesystem_without_attributes_cannot_and_it_says_so,
    "7.1" => a_try_leaves_nothing needs Overlay,
    "7.1" => the_root_has_the_mode_of_the_images_root needs Overlay,
    "7.2" => notes_that_cannot_be_seen_are_an_error needs Root and Tool("setpriv"),
}}

fn answer(out: &Output, wanted: &str) -> Outcome {
    check(out.stdout.starts_with(wanted))
        .observed(format!("`ch07 way` said {:?}{}", out.stdout.trim(), out.stderr.trim()))
        .means("the engine takes the wrong way to a root for its container, or cannot say why")
        .misconception("see `way_here` in chapters/07-overlay/src/way.rs")
}

fn memory_can_hold_the_changes() -> Outcome {
    answer(&World::new().run([BIN, "way", "."])?, "overlay\n")
}

fn another_overlay_cannot_and_it_says_so() -> Outcome {
    let out = World::new().env("CH07", BIN).script(
        r#"
        mkdir upper work
        test "$(tr -s ' ' < /proc/self/uid_map)" = " 0 0 4294967295" || notes=,userxattr
        mount -t overlay overlay -o lowerdir=rootfs,upperdir=upper,workdir=work$notes rootfs
        "$CH07" way rootfs
        "$CH07" --keep rootfs/kept rootfs true || echo status $?
        umount rootfs"#,
    )?;
    answer(&out, "copy: it lies on overlay, which cannot hold the upper directory")?;
    check(out.stdout.contains("status 125") && out.stderr.contains("it lies on overlay"))
        .observed(format!("ch07 with its changes on an overlay: {} {}", out.stdout, out.stderr))
        .means("the reason is found, and the person who waits for the container does not hear it")
        .misconception("see `run_on` in chapters/07-overlay/src/milestone.rs")
}

fn a_filesystem_without_attributes_cannot_and_it_says_so() -> Outcome {
    let script = r#"mkdir there; mount -t ramfs none there; "$CH07" way there; umount there"#;
    let out = World::new().env("CH07", BIN).script(script)?;
    answer(&out, "copy: its filesystem keeps no attributes for an overlay's notes (EOPNOTSUPP)")
}

fn a_try_leaves_nothing() -> Outcome {
    let out =
        World::new().env("CH07", BIN).script(r#"mkdir there; "$CH07" way there; ls -A there | wc -l"#)?;
    answer(&out, "overlay\n0\n")
}

fn notes_that_cannot_be_seen_are_an_error() -> Outcome {
    let out = World::new().env("CH07", BIN).script(
        r#"mkdir -p low/dir kept/upper/dir kept/work; echo x > low/dir/file
        setpriv --bounding-set=-sys_admin "$CH07" diff kept low || echo status $?"#,
    )?;
    check(out.stdout.contains("status 125") && out.stderr.contains("EPERM"))
        .observed(format!("root without CAP_SYS_ADMIN read the changes: {} {}", out.stdout, out.stderr))
        .means("opaque directories look as if they were not: files that are gone are not listed")
        .misconception("see `Folder::top` in chapters/07-overlay/src/layer.rs")
}

fn the_root_has_the_mode_of_the_images_root() -> Outcome {
    let out = World::new().env("CH07", BIN).script(
        r#"chmod 751 rootfs; chown 7:8 rootfs 2>/dev/null || true; stat -c '%a %u:%g' rootfs
        umask 077; "$CH07" --keep kept rootfs stat -c '%a %u:%g' /
        "$CH07" --keep kept rootfs chmod 711 /; "$CH07" --keep kept rootfs stat -c %a /"#,
    )?;
    let lines: Vec<&str> = out.stdout.lines().collect();
    check(lines.len() == 3 && lines[0] == lines[1] && lines[2] == "711")
        .observed(format!(
            "the image's root, the container's, and after a change of it: {lines:?} {}",
            out.stderr
        ))
        .means("with the umask 077, nobody but root can do anything in the container")
        .misconception("see `Layers::make` in chapters/07-overlay/src/layers.rs")
}
