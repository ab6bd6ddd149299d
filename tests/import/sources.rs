//! Where an image comes from, and what of it is kept.

use crate::archive::Archive;
use crate::engine::{shows, shows_in, world};
use coracle_testkit::Outcome;
use tar::EntryType;

/// Makes `root`, a small tree with one of each kind of thing that everybody can make.
const ROOT: &str = r#"mkdir -p root/bin root/dir/deep root/sticky root/closed
    echo file >root/dir/file; ln root/dir/file root/dir/deep/hard; ln -s file root/dir/soft; ln -s /etc/none root/dir/dangling
    mkfifo root/fifo; truncate -s 1M root/holes; echo end >>root/holes; : >root/empty
    chmod 640 root/dir/file; chmod 1777 root/sticky; chmod 4755 root/empty; chmod 500 root/closed; touch -d @1000000000.5 root/dir root/dir/file
    tree() { (cd $1 && find . -printf '%p %y %m %U %G %s %n %l\n' | sed 's/^\(.* d [0-9]* [0-9]* [0-9]*\) [0-9]*/\1/' | sort); }
    "#;

pub(crate) fn every_kind_of_source_gives_the_same_image() -> Outcome {
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

pub(crate) fn changes_say_how_it_is_run() -> Outcome {
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

pub(crate) fn kinds_modes_times_and_links_are_kept() -> Outcome {
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

pub(crate) fn names_of_any_kind_are_kept() -> Outcome {
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

pub(crate) fn owners_are_kept() -> Outcome {
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

pub(crate) fn device_nodes_are_made_by_root() -> Outcome {
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

pub(crate) fn without_root_files_are_ours_and_devices_are_left_out() -> Outcome {
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

pub(crate) fn later_entries_replace_earlier_ones() -> Outcome {
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
