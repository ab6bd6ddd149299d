//! Archives that were made to do harm.

use crate::archive::Archive;
use crate::engine::{self, holds, is_as_pinned, masked, script_in, shows_in, world};
use coracle_testkit::Outcome;
use tar::EntryType;

pub(crate) fn names_that_lead_out_are_refused() -> Outcome {
    for name in ["../evil", "a/../../evil", "..", "a/.."] {
        let mut archive = Archive::new();
        archive.file("first", "x");
        archive.raw(name, EntryType::Regular, "", "evil");
        let out = script_in(
            world().stdin(archive.bytes()),
            "coracle import - box; echo $?; left; find . -name '*evil*'",
        )?;
        holds(
            out.stdout == "1\n" && out.stderr.ends_with("the name leads out of the archive\n"),
            format!("{name}: {out:?}"),
            "an archive writes beside the image",
        )?;
    }
    let mut archive = Archive::new();
    archive.raw("/tmp/absolute", EntryType::Regular, "", "x");
    archive.raw("//double", EntryType::Regular, "", "x");
    archive.raw("./././dots", EntryType::Regular, "", "x");
    shows_in(
        world().stdin(archive.bytes()),
        "coracle import - box; cd data/images/box/latest/rootfs; find . -type f | sort",
        &["box:latest", "./dots", "./double", "./tmp/absolute"],
        "a name with a slash at its beginning is the host's, or is refused although tar takes it",
    )
}

pub(crate) fn links_lead_nowhere_but_inside() -> Outcome {
    let mut archive = Archive::new();
    let outside = engine::scratch("outside");
    archive.raw("up", EntryType::Symlink, "../../../../../../../../../..", "");
    archive.raw(&format!("up{outside}/one"), EntryType::Regular, "", "evil");
    archive.raw("there", EntryType::Symlink, &outside, "");
    archive.raw("there/two", EntryType::Regular, "", "evil");
    archive.raw("file", EntryType::Symlink, &format!("{outside}/treasure"), "");
    archive.raw("file", EntryType::Regular, "", "evil");
    archive.raw("there/deep/", EntryType::Directory, "", "");
    archive.raw("mine", EntryType::Regular, "", "own");
    let out = script_in(
        world().stdin(archive.bytes()),
        r#"mkdir outside; echo gold >outside/treasure; chmod 640 outside/treasure; coracle import - box; ls outside
        cat outside/treasure; stat -c %a outside/treasure outside; cat data/images/box/latest/rootfs/file"#,
    )?;
    let harmless = out.stdout.contains("treasure\ngold\n640\n755\n");
    holds(harmless, format!("{out:?}"), "a link in an archive writes to the host")?;
    // A hard link would share the host's file with the container.
    for target in [
        format!("{outside}/treasure"),
        "../../../../../outside/treasure".to_string(),
        "there/treasure".to_string(),
    ] {
        let mut archive = Archive::new();
        archive.raw("there", EntryType::Symlink, &outside, "");
        archive.raw("hard", EntryType::Link, &target, "");
        let out = script_in(
            world().stdin(archive.bytes()),
            "mkdir outside; echo gold >outside/treasure; coracle import - box; echo $?; stat -c %h outside/treasure; left",
        )?;
        holds(
            out.stdout == "1\n1\n",
            format!("{target}: {out:?}"),
            "a container gets a file of the host by another name",
        )?;
    }
    Ok(())
}

pub(crate) fn nonsense_is_refused_or_survived() -> Outcome {
    let name = "d/".repeat(300) + "file";
    let mut deep = Archive::new();
    deep.long(&name, "x");
    let mut folder = Archive::new();
    folder.file("place", "x");
    folder.file("place/below", "x");
    let mut link = Archive::new();
    link.raw("loop", EntryType::Symlink, "loop", "");
    link.raw("loop/file", EntryType::Regular, "", "x");
    let mut kind = Archive::new();
    kind.raw("what", EntryType::new(b'W'), "", "");
    let mut root = Archive::new();
    root.raw("", EntryType::Regular, "", "x");
    let mut twice = Archive::new();
    twice.file("full/file", "x");
    twice.file("full", "x");
    let mut text = String::new();
    for (what, archive) in [
        ("deep", deep),
        ("folder", folder),
        ("link", link),
        ("kind", kind),
        ("nameless", root),
        ("full", twice),
    ] {
        let out = script_in(world().stdin(archive.bytes()), "coracle import - box; echo [$?]; left")?;
        text += &format!("{what}: {}{}", out.stderr, out.stdout);
    }
    let text = text.replace(&"d/".repeat(99), "d/…");
    is_as_pinned("import_nonsense", &masked(&text))
}
