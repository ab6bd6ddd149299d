//! What there is after an import.

use crate::engine::{is_as_pinned, long_world, script, shows, shows_in};
use coracle_testkit::Outcome;

pub(crate) fn images_are_listed() -> Outcome {
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
    // A slow machine takes some seconds for it; `tiny` is the last, so the column is as wide as ever.
    let just_now = "Less than a second ago";
    let list = list.join("\n").replace(&format!("{:22}", "1 second ago"), just_now);
    let ago = |n| format!("{:22}", format!("{n} seconds ago"));
    let list = (2..60).rev().fold(list, |list, n| list.replace(&ago(n), just_now));
    is_as_pinned("images", &list)
}

pub(crate) fn one_image_has_several_spellings() -> Outcome {
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

pub(crate) fn replacing_an_image_leaves_its_containers_alone() -> Outcome {
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

pub(crate) fn an_interrupted_import_leaves_the_old_image() -> Outcome {
    // The pipe stays open, so the import waits for the rest of the archive when the signal comes. A shell lets its
    // background jobs ignore SIGINT: then the archive ends early.
    shows(
        r#"mkdir root; echo old >root/which; coracle import root box; echo new >root/which; head -c 300000 /dev/zero >root/zeros; tar -C root -cf new.tar .
        for signal in INT TERM KILL; do
            mkfifo pipe; coracle import - box <pipe 2>/dev/null & exec 3>pipe; head -c 200000 new.tar >&3
            until ls data/images/.importing-*/rootfs >/dev/null 2>&1; do sleep 0.01; done
            kill -$signal $!; exec 3>&-; wait $! 2>/dev/null; echo $signal $?; rm pipe
            coracle images | grep -c box; ls -A data/images | grep -v tiny; cat data/images/box/latest/rootfs/which
        done 2>/dev/null"#,
        &[
            &["box:latest"][..],
            &["INT 1", "1", "box", "old"],
            &["TERM 143", "1", "box", "old"],
            &["KILL 137", "1", "box", "old"],
        ]
        .concat(),
        "an import that does not come to its end changes something",
    )
}
