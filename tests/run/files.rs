//! The container's files, and what the engine keeps of it.

use crate::engine::{holds, masked, script, shows};
use coracle_testkit::Outcome;

pub(crate) fn a_working_directory_is_made_when_missing() -> Outcome {
    shows(
        r#"coracle run --rm tiny pwd
        coracle run --rm -w /etc tiny pwd
        coracle run --rm --workdir /new/and/deep tiny pwd
        coracle run --rm -w /sbin/new tiny sh -c 'pwd -P'
        coracle run --rm --read-only -w /new tiny sh -c 'pwd; touch x 2>/dev/null || echo read-only'
        coracle run --rm --tmpfs /run -w /run/new tiny sh -c 'pwd; touch x && ls'"#,
        &["/", "/etc", "/new/and/deep", "/bin/new", "/new", "read-only", "/run/new", "x"],
        "`-w` does not lead where it does with Docker",
    )
}

pub(crate) fn a_read_only_root_can_have_a_tmpfs() -> Outcome {
    shows(
        r#"for flag in --rm '--name kept'; do
            coracle run $flag --read-only --tmpfs /tmp --tmpfs /new/place tiny sh -c '
                for place in / /etc /root /tmp /new/place /dev/shm; do
                    touch $place/x 2>/dev/null && echo $place || echo $place is read-only
                done; (echo x >>/etc/passwd) 2>&1 | grep -o Read-only'
        done
        coracle run --rm tiny touch /etc/x && echo and the next one is not"#,
        &[
            "/ is read-only",
            "/etc is read-only",
            "/root is read-only",
            "/tmp",
            "/new/place",
            "/dev/shm",
            "Read-only",
            "/ is read-only",
            "/etc is read-only",
            "/root is read-only",
            "/tmp",
            "/new/place",
            "/dev/shm",
            "Read-only",
            "and the next one is not",
        ],
        "`--read-only` keeps too little from being written, or too much",
    )
}

pub(crate) fn a_tmpfs_takes_dockers_options() -> Outcome {
    shows(
        r##"coracle run --rm --tmpfs /a --tmpfs /b:size=1m,mode=1770,exec --tmpfs /c:ro tiny sh -c '
            stat -c %a /b
            head -c 2000000 /dev/zero >/b/big 2>/dev/null || stat -c %s /b/big
            cp /bin/true /a; cp /bin/true /a/true; /a/true 2>/dev/null || echo /a is noexec
            rm /b/big; printf "#!/bin/sh\necho /b is exec\n" >/b/script; chmod 755 /b/script; /b/script
            touch /c/x 2>/dev/null || echo /c is read-only
            grep -E "^[^ ]* /[abc] " /proc/self/mounts | cut -d" " -f2,4 | cut -d, -f1-3'"##,
        &[
            "1770",
            "1048576",
            "/a is noexec",
            "/b is exec",
            "/c is read-only",
            "/a rw,nosuid,nodev",
            "/b rw,nosuid,nodev",
            "/c ro,nosuid,nodev",
        ],
        "a `--tmpfs` is larger, more open or more closed than was asked for",
    )
}

pub(crate) fn a_tmpfs_may_lie_in_an_other() -> Outcome {
    shows(
        r#"coracle run --rm --tmpfs /run --tmpfs /run/lock tiny sh -c 'touch /run/a /run/lock/b; ls -R /run'
        coracle run --rm --tmpfs /sbin/deep tiny sh -c 'touch /bin/deep/x; ls /sbin/deep'"#,
        &["/run:", "a", "lock", "", "/run/lock:", "b", "x"],
        "two `--tmpfs` hide each other, or a link of the image sends one elsewhere",
    )
}

pub(crate) fn the_image_is_never_changed() -> Outcome {
    shows(
        r#"coracle images >/dev/null; image=data/images/tiny/latest
        photograph() { (cd $image; find . -printf '%p %m %U %G %T@ %l\n' | sort; find . -type f -exec cksum {} + | sort) ; }
        photograph >before
        for flag in --rm '--name kept'; do
            coracle run $flag tiny sh -c 'echo x >>/etc/passwd; chmod 700 /etc/group; touch /new /bin/cat; mv /etc/hosts /bin/ls
                ln -s / /link; mkdir /d; mv /etc/group /d; rm -rf /usr /home; rm /bin/*'; echo $?
        done
        photograph | cmp - before && echo unchanged
        coracle run --rm tiny cat /etc/hosts | wc -l"#,
        &["0", "0", "unchanged", "2"],
        "a container writes to its image, and so to every other container",
    )
}

pub(crate) fn what_a_container_writes_is_its_own() -> Outcome {
    shows(
        r#"coracle run --name one tiny sh -c 'echo precious >/root/file'
        coracle run --name two tiny ls /root
        cat data/containers/*/rootfs/root/file
        coracle rm one two; find data/containers -name file"#,
        &["precious", "one", "two"],
        "containers share files, or lose them before they are removed",
    )
}

pub(crate) fn a_container_is_listed_until_it_is_removed() -> Outcome {
    let out = script(
        r#"coracle ps; coracle run --name first tiny sh -c 'exit 3'
        coracle run --name second tiny echo 'a command that is rather long' >/dev/null
        coracle run tiny true
        coracle ps -a | sed 's/  *$//'; coracle ps; coracle ps -q; coracle ps -aq --no-trunc | wc -c
        name=$(coracle ps -a | sed -n '2s/.* //p'); echo $name | grep -c '^[a-z]*_[a-z]*$'
        coracle rm first $name; id=$(coracle ps -aq); coracle rm $id | wc -c; left"#,
    )?;
    let name = out.stdout.lines().find(|line| line.contains('_') && !line.contains(' ')).unwrap_or("?");
    let shown = masked(&out.stdout).replace(name, "<a name>");
    let mut lines: Vec<String> = Vec::new();
    for line in shown.lines() {
        lines.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    // A slow machine takes some seconds for it.
    let replace = |line: String, ago: String| line.replace(&ago, "Less than a second ago");
    let just_now = |line: String| {
        let line = (2..60).rev().fold(line, |line, n| replace(line, format!("{n} seconds ago")));
        replace(line, "1 second ago".to_owned())
    };
    let lines: Vec<String> = lines.into_iter().map(just_now).collect();
    let expected = [
        "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES",
        "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES",
        "<id> tiny \"true\" Less than a second ago Exited (0) Less than a second ago <a name>",
        "<id> tiny \"echo 'a command tha…\" Less than a second ago Exited (0) Less than a second ago second",
        "<id> tiny \"sh -c 'exit 3'\" Less than a second ago Exited (3) Less than a second ago first",
        "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES",
        "195",
        "1",
        "first",
        "<a name>",
        "13",
    ];
    holds(lines == expected, format!("{lines:#?}"), "`ps` and `rm` do not say what there is")
}

pub(crate) fn a_running_container_is_removed_by_force_only() -> Outcome {
    let out = script(
        r#"for flag in '' --rm; do
            coracle run $flag --name busy tiny sh -c 'echo up; exec sleep 60' >out & says out up
            coracle ps | grep -c 'Up .* busy'
            coracle rm busy; echo $?; coracle rm -f busy; echo $?; wait $!; echo $?; left; rm out
        done
        coracle rm busy; echo $?; coracle rm -f busy; echo $?"#,
    )?;
    let lines: Vec<&str> = out.stdout.lines().collect();
    let one = ["1", "1", "busy", "0", "137"];
    holds(
        lines == [&one[..], &one[..], &["1", "0"]].concat(),
        format!("{out:?}"),
        "`rm` removes too much or too little",
    )
}

pub(crate) fn with_rm_nothing_is_left() -> Outcome {
    shows(
        r#"coracle run --rm tiny true; find data | grep -v images/tiny/ | sort; ls -A tmp
        coracle run --rm --name again tiny sh -c 'mkdir -p /a/b; chmod 0 /a/b /a; exit 2'
        coracle run --rm --name again tiny true; coracle ps -aq; ls -A data/containers tmp"#,
        &[
            "data",
            "data/containers",
            "data/images",
            "data/images/tiny",
            "data/lock",
            "data/containers:",
            "",
            "tmp:",
        ]
        .map(|line| line),
        "`--rm` leaves files, or a name that is taken",
    )
}

pub(crate) fn the_state_can_be_read_with_cat() -> Outcome {
    let out = script(
        r#"coracle run --name kept --hostname box -e A=1 --user 0:0 -w /tmp --tmpfs /run:size=1m tiny sh -c 'exit 7'
        coracle ps -aq --no-trunc; ls data/containers; cat data/containers/*/state.json"#,
    )?;
    let mut lines = out.stdout.lines();
    let (id, folder) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let state: serde_json::Value = serde_json::from_str(&lines.collect::<String>()).unwrap_or_default();
    let as_expected = state["version"] == 1
        && state["id"] == id
        && state["name"] == "kept"
        && state["image"] == "tiny"
        && state["hostname"] == "box"
        && state["argv"] == serde_json::json!(["sh", "-c", "exit 7"])
        && state["workdir"] == "/tmp"
        && state["state"]["status"] == "exited"
        && state["state"]["exit_code"] == 7
        && state["state"]["init"].is_null();
    holds(
        as_expected && id == folder && id.len() == 64,
        out.stdout,
        "what the book says about `state.json` is not true",
    )
}

pub(crate) fn tiny_is_made_without_busybox_too() -> Outcome {
    // Where there is a busybox, it is hidden for this one run: /dev/null is no program.
    shows(
        r#"cat >hidden <<'END'
for place in $(echo $PATH | tr : ' '); do
    if [ -f $place/busybox ]; then mount --bind /dev/null $place/busybox; fi
done
coracle run --rm tiny sh -c 'echo hello; id -u; ls -d /tmp /proc; cat /etc/passwd | head -n 1; echo $(ps | grep -c " 1 ")'
END
        unshare --mount --propagation private sh hidden; echo $?
        ls data/images/tiny/latest/rootfs/bin | grep -c busybox"#,
        &["hello", "0", "/proc", "/tmp", "root:x:0:0:root:/root:/bin/sh", "1", "0", "0"],
        "on a machine without busybox there is no image to begin with",
    )
}
