//! `coracle import`: archives and directories become images, and nothing in them reaches the host.

use coracle_testkit::{Outcome, milestone};
use tar::{Builder, EntryType, Header};

mod engine;
use engine::{holds, long_world, masked, script, script_in, shows, shows_in, world};

milestone! { bin: "coracle", tests: {
    "sources" => every_kind_of_source_gives_the_same_image,
    "sources" => changes_say_how_it_is_run,
    "sources" => kinds_modes_times_and_links_are_kept,
    "sources" => names_of_any_kind_are_kept,
    "sources" => owners_are_kept needs Root,
    "sources" => device_nodes_are_made_by_root needs Mknod,
    "sources" => without_root_files_are_ours_and_devices_are_left_out needs UserNamespaces and Tool("unshare"),
    "sources" => later_entries_replace_earlier_ones,
    "hostile" => names_that_lead_out_are_refused,
    "hostile" => links_lead_nowhere_but_inside,
    "hostile" => nonsense_is_refused_or_survived,
    "images" => images_are_listed,
    "images" => one_image_has_several_spellings,
    "images" => replacing_an_image_leaves_its_containers_alone,
    "images" => an_interrupted_import_leaves_the_old_image,
}}

/// Makes `root`, a small tree with one of each kind of thing that everybody can make.
const ROOT: &str = r#"mkdir -p root/bin root/dir/deep root/sticky root/closed
    echo file >root/dir/file; ln root/dir/file root/dir/deep/hard; ln -s file root/dir/soft; ln -s /etc/none root/dir/dangling
    mkfifo root/fifo; truncate -s 1M root/holes; echo end >>root/holes; : >root/empty
    chmod 640 root/dir/file; chmod 1777 root/sticky; chmod 4755 root/empty; chmod 500 root/closed; touch -d @1000000000.5 root/dir root/dir/file
    tree() { (cd $1 && find . -printf '%p %y %m %U %G %s %n %l\n' | sed 's/^\(.* d [0-9]* [0-9]* [0-9]*\) [0-9]*/\1/' | sort); }
    "#;

fn every_kind_of_source_gives_the_same_image() -> Outcome {
    shows(
        &format!(
            r#"{ROOT} tar -C root -cf root.tar .; gzip -k root.tar; (cd root && tar -czf ../plain.tgz *)
            tree root >wanted
            coracle import root directory; coracle import root.tar tar; coracle import root.tar.gz gz
            coracle import - stdin <root.tar; cat root.tar.gz | coracle import - pipe; coracle import ./plain.tgz stars
            for image in directory tar gz stdin pipe stars; do tree data/images/$image/latest/rootfs | cmp wanted - && echo same; done
            tree root | cmp wanted - && echo untouched"#
        ),
        &[
            &["directory:latest", "tar:latest", "gz:latest", "stdin:latest", "pipe:latest", "stars:latest"][..],
            &["same"; 6],
            &["untouched"],
        ]
        .concat(),
        "an image differs from the files it was made from",
    )
}

fn changes_say_how_it_is_run() -> Outcome {
    shows(
        r#"coracle images >/dev/null; tiny=data/images/tiny/latest/rootfs; mkdir -p root; cp -a $tiny/. root
        coracle import -c 'CMD ["echo", "a list"]' root one; coracle run --rm one; coracle run --rm one echo another
        coracle import --change 'CMD echo $GREETING; pwd' -c 'ENV GREETING="a line" B=2' --change 'workdir /srv' root two
        coracle run --rm two; coracle run --rm -e GREETING=hi -w /tmp two; coracle run --rm two sh -c 'echo $B'
        coracle import -c 'ENTRYPOINT ["echo", "-n"]' -c 'CMD ["default"]' -c 'USER 0:0' root three
        coracle run --rm three; echo; coracle run --rm three own; echo; coracle run --rm --entrypoint id three -g
        coracle import root four; coracle run --rm four 2>&1; sed -n '/"config"/,/}/p' data/images/two/latest/image.json | tr -d ' \n'"#,
        &[
            "one:latest",
            "a list",
            "another",
            "two:latest",
            "a line",
            "/srv",
            "hi",
            "/tmp",
            "2",
            "three:latest",
            "default",
            "own",
            "0",
            "four:latest",
            "coracle: no command specified: the image has none, so name one after it",
            r#""config":{"User":"","Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","GREETING=aline","B=2"],"Entrypoint":[],"Cmd":["/bin/sh","-c","echo$GREETING;pwd"],"WorkingDir":"/srv"},"#,
        ],
        "`--change` does something else than the same line of a Dockerfile",
    )
}

fn kinds_modes_times_and_links_are_kept() -> Outcome {
    // Holes come from the directory; those of an archive are written out.
    shows(
        &format!(
            r#"{ROOT} coracle images >/dev/null; cp -a data/images/tiny/latest/rootfs/. root; find root -exec touch -h -d @1000000000 {{}} +
            tar -C root -Scf root.tar .; coracle import root one >/dev/null; coracle import root.tar two >/dev/null
            for image in one two; do for flag in --rm '--name kept'; do
                coracle run $flag $image sh -c 'cd /dir; stat -c "%n %F %a %h %Y %s" file deep/hard /empty /holes
                    stat -c "%n %F %a %Y" soft . /fifo /sticky /closed; readlink soft; readlink dangling
                    [ $(stat -c %b /holes) -lt 100 ] && echo holes'
            done; coracle rm kept >/dev/null; done | sort | uniq -c | tr -s ' '"#
        ),
        &[
            " 4 . directory 755 1000000000",
            " 4 /closed directory 500 1000000000",
            " 4 /empty regular empty file 4755 1 1000000000 0",
            " 4 /etc/none",
            " 4 /fifo fifo 644 1000000000",
            " 4 /holes regular file 644 1 1000000000 1048580",
            " 4 /sticky directory 1777 1000000000",
            " 4 deep/hard regular file 640 2 1000000000 5",
            " 4 file",
            " 4 file regular file 640 2 1000000000 5",
            " 2 holes",
            " 4 soft symbolic link 777 1000000000",
        ],
        "a program in the container finds its files changed",
    )
}

fn names_of_any_kind_are_kept() -> Outcome {
    shows(
        r#"long=$(printf %0200d 7); mkdir -p root/$long/$long; echo deep >root/$long/$long/$long
        echo spaces >'root/ two  words '; echo quote >"root/it's"; printf latin >"$(printf 'root/\377')"; echo white >root/.wh.gone
        ln -s $long/$long/$long root/soft; ln root/$long/$long/$long root/hard; printf 'new\nline' >"$(printf 'root/a\nb')"
        names() { (cd $1; find . -print0 | sort -z | cksum; cat soft hard); }
        names root >wanted
        for format in gnu pax; do
            tar --format=$format -C root -cf $format.tar .; coracle import $format.tar $format >/dev/null
            names data/images/$format/latest/rootfs | cmp - wanted && echo $format
        done
        git init -q repository 2>/dev/null && touch repository/file && git -C repository add file && \
            git -C repository -c user.name=x -c user.email=x commit -qm x && git -C repository archive HEAD >git.tar && \
            coracle import git.tar git >/dev/null && ls data/images/git/latest/rootfs || echo file"#,
        &["gnu", "pax", "file"],
        "a long or strange name is cut, changed or lost",
    )
}

fn owners_are_kept() -> Outcome {
    shows(
        r#"coracle images >/dev/null; cp -a data/images/tiny/latest/rootfs root
        echo x >root/file; chown 1000:100 root/file; ln -s file root/soft; chown -h 7:8 root/soft; mkdir root/dir; chown 65534:5 root/dir
        chmod 6755 root/file; tar -C root -cf root.tar .
        for source in root root.tar; do
            coracle import $source box >/dev/null
            for flag in --rm '--name kept'; do coracle run $flag box stat -c '%u:%g %a' /file /soft /dir; done; coracle rm kept
        done | sort | uniq -c | tr -s ' '"#,
        &[" 4 1000:100 6755", " 4 65534:5 755", " 4 7:8 777", " 2 kept"],
        "files belong to somebody else in the container than in the archive",
    )
}

fn device_nodes_are_made_by_root() -> Outcome {
    shows(
        r#"mkdir -p root/dev; mknod -m 640 root/dev/one c 1 5; mknod root/block b 7 200; tar -C root -cf root.tar .
        coracle import root.tar tar; coracle import root directory
        for image in tar directory; do (cd data/images/$image/latest/rootfs; stat -c '%n %F %a %t:%T' dev/one block); done"#,
        &[
            "tar:latest",
            "directory:latest",
            "dev/one character special file 640 1:5",
            "block block special file 644 7:c8",
            "dev/one character special file 640 1:5",
            "block block special file 644 7:c8",
        ],
        "device nodes of an archive get lost",
    )
}

fn without_root_files_are_ours_and_devices_are_left_out() -> Outcome {
    // The archive is made here, so that the test needs no root either.
    let mut archive = Archive::new();
    archive.add("dev/zero", EntryType::Char, |header| {
        header.set_device_major(1).and(header.set_device_minor(5)).expect("these are ustar headers");
    });
    archive.add("disk", EntryType::Block, |header| {
        header.set_device_major(7).and(header.set_device_minor(0)).expect("these are ustar headers");
    });
    archive.add("secret", EntryType::Regular, |header| {
        header.set_uid(1000);
        header.set_gid(5);
        header.set_mode(0o000);
    });
    archive.add("closed/", EntryType::Directory, |header| header.set_mode(0o000));
    archive.add("closed/file", EntryType::Regular, |_| {});
    archive.add("suid", EntryType::Regular, |header| header.set_mode(0o4755));
    shows_in(
        world().stdin(archive.bytes()).env("AS_USER", "unshare --user --map-user=1000 --map-group=1000"),
        r#"cat >box.tar; $AS_USER coracle import box.tar box 2>&1; cd data/images/box/latest/rootfs; ls; ls dev closed
        $AS_USER stat -c '%n %u:%g %a' secret closed closed/file suid"#,
        &[
            "coracle: 2 device nodes were left out: only root of the host can make them, and a container gets its own /dev",
            "box:latest",
            "closed",
            "dev",
            "secret",
            "suid",
            "closed:",
            "file",
            "",
            "dev:",
            "secret 1000:1000 600",
            "closed 1000:1000 700",
            "closed/file 1000:1000 644",
            "suid 1000:1000 4755",
        ],
        "an ordinary user cannot import what root can, or cannot use it",
    )
}

fn later_entries_replace_earlier_ones() -> Outcome {
    let mut archive = Archive::new();
    archive.file("twice", "old");
    archive.file("twice", "new");
    archive.file("was-file", "x");
    archive.link("was-file", "twice");
    archive.link("was-link", "/etc/passwd");
    archive.file("was-link", "file");
    archive.add("kept/", EntryType::Directory, |_| {});
    archive.file("kept/file", "x");
    archive.add("kept/", EntryType::Directory, |header| header.set_mode(0o711));
    archive.link("usr", "real");
    archive.file("real/a", "a");
    archive.add("usr/", EntryType::Directory, |_| {});
    archive.file("usr/b", "b");
    shows_in(
        world().stdin(archive.bytes()),
        r#"coracle import - box; cd data/images/box/latest/rootfs
        echo $(cat twice) $(readlink was-file) $(cat was-link) $(ls kept) $(stat -c %a kept) $(readlink usr) $(ls real)"#,
        &["box:latest", "new twice file file 711 real a b"],
        "an archive with a name in it twice, as every `tar -r` makes them, is read in another way than by tar",
    )
}

fn names_that_lead_out_are_refused() -> Outcome {
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

fn links_lead_nowhere_but_inside() -> Outcome {
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

fn nonsense_is_refused_or_survived() -> Outcome {
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
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("import_nonsense", masked(&text)));
    Ok(())
}

fn images_are_listed() -> Outcome {
    let out = script(
        r#"mkdir -p root; head -c 1234567 /dev/zero >root/file; ln root/file root/hard
        for name in box box:2 box:1.10 team/app localhost:5000/a/b:c zebra; do coracle import root $name >/dev/null; done
        coracle images"#,
    )?;
    // How large `tiny` is depends on the machine; how wide the columns are, on nothing.
    let list: Vec<String> = out
        .stdout
        .lines()
        .map(|line| match line.starts_with("tiny ") {
            true => line.rsplit_once(' ').map_or("", |(rest, _)| rest).to_owned() + " SIZE",
            false => line.to_owned(),
        })
        .collect();
    let list = list.join("\n").replace("1 second ago         ", "Less than a second ago");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("images", list));
    Ok(())
}

fn one_image_has_several_spellings() -> Outcome {
    shows(
        r#"coracle images >/dev/null; cp -a data/images/tiny/latest/rootfs root
        coracle import root docker.io/library/box; coracle import root docker.io/team/app:1; coracle import root localhost/box:x_1
        for name in box box:latest library/box docker.io/library/box:latest index.docker.io/library/box team/app:1 docker.io/team/app:1 localhost/box:x_1; do
            coracle run --rm $name echo $name
        done; ls data/images"#,
        &[
            "box:latest",
            "team/app:1",
            "localhost/box:x_1",
            "box",
            "box:latest",
            "library/box",
            "docker.io/library/box:latest",
            "index.docker.io/library/box",
            "team/app:1",
            "docker.io/team/app:1",
            "localhost/box:x_1",
            "box",
            "localhost+box",
            "team+app",
            "tiny",
        ],
        "an image is not found by a name that means the same",
    )
}

fn replacing_an_image_leaves_its_containers_alone() -> Outcome {
    shows_in(
        long_world(),
        r#"coracle images >/dev/null; for i in 1 2; do cp -a data/images/tiny/latest/rootfs root$i; echo $i >root$i/version; done
        coracle import root1 box
        for flag in --rm '--name kept'; do
            mkfifo go; coracle run -i $flag box sh -c 'cat /version; read line; cat /version; ls -d /bin' <go >out &
            exec 3>go; says out 1; coracle import root2 box; coracle run --rm box cat /version
            echo >&3; exec 3>&-; wait $!; cat out; coracle import root1 box; rm go out
        done; cat data/containers/*/rootfs/version; coracle rm kept; left | grep -v images/box"#,
        &[
            &["box:latest"][..],
            &["box:latest", "2", "1", "1", "/bin", "box:latest"],
            &["box:latest", "2", "1", "1", "/bin", "box:latest"],
            &["1", "kept"],
        ]
        .concat(),
        "a container's files change or vanish when its image is imported again",
    )
}

fn an_interrupted_import_leaves_the_old_image() -> Outcome {
    // The pipe stays open, so the import waits for the rest of the archive when the signal comes. A shell lets its
    // background jobs ignore SIGINT: then the archive ends early.
    shows(
        r#"mkdir root; echo old >root/which; coracle import root box; echo new >root/which; head -c 300000 /dev/zero >root/zeros; tar -C root -cf new.tar .
        for signal in INT TERM HUP KILL; do
            mkfifo pipe; coracle import - box <pipe 2>/dev/null & exec 3>pipe; head -c 200000 new.tar >&3
            until ls data/images/.importing-*/rootfs >/dev/null 2>&1; do sleep 0.01; done
            kill -$signal $!; exec 3>&-; wait $! 2>/dev/null; echo $signal $?; rm pipe
            coracle images | grep -c box; ls -A data/images | grep -v tiny; cat data/images/box/latest/rootfs/which
        done 2>/dev/null"#,
        &[
            &["box:latest"][..],
            &["INT 1", "1", "box", "old"],
            &["TERM 143", "1", "box", "old"],
            &["HUP 129", "1", "box", "old"],
            &["KILL 137", "1", "box", "old"],
        ]
        .concat(),
        "an import that does not come to its end changes something",
    )
}

/// An archive on its way; with names as they stand, which honest tools do not write.
struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Archive {
        Archive(Builder::new(Vec::new()))
    }

    /// An entry of this kind, with what `change` does to its header.
    fn add(&mut self, name: &str, kind: EntryType, change: impl FnOnce(&mut Header)) {
        self.entry(name, kind, "", "", change);
    }

    fn file(&mut self, name: &str, text: &str) {
        self.entry(name, EntryType::Regular, "", text, |_| {});
    }

    fn link(&mut self, name: &str, target: &str) {
        self.entry(name, EntryType::Symlink, target, "", |_| {});
    }

    fn raw(&mut self, name: &str, kind: EntryType, target: &str, text: &str) {
        self.entry(name, kind, target, text, |_| {});
    }

    /// A name that is too long for the header.
    fn long(&mut self, name: &str, text: &str) {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, text.as_bytes()).expect("a vector takes everything");
    }

    fn entry(
        &mut self,
        name: &str,
        kind: EntryType,
        target: &str,
        text: &str,
        change: impl FnOnce(&mut Header),
    ) {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_size(text.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        change(&mut header);
        header.set_cksum();
        self.0.append(&header, text.as_bytes()).expect("a vector takes everything");
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("a vector takes everything")
    }
}
