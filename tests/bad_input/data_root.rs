//! Data roots that are full, in the way, read-only, somebody else's, or damaged.

use crate::engine::long_world;
use crate::session::{is_as_pinned, session, session_in, told};
use coracle_testkit::Outcome;

pub(crate) fn a_full_disk_at_the_first_image() -> Outcome {
    let said = told(
        long_world(),
        r#"mkdir data root; head -c 300000 /dev/urandom >root/big; mount -t tmpfs -o size=64k small data
        told 'coracle run --rm tiny true'; told 'coracle images'; told 'coracle import root x'; find data | sort
        mount -t tmpfs -o remount,size=100m small data; told 'coracle run --rm tiny echo well'; umount data
        mount -t tmpfs -o nr_inodes=6 small data; told 'coracle run --rm tiny true'; find data | sort; umount data
        mount -t tmpfs -o nr_inodes=2 small data; told 'coracle run --rm tiny true'; find data | sort; umount data"#,
    )?;
    is_as_pinned("full_at_first", &said)
}

pub(crate) fn a_full_disk_at_a_container() -> Outcome {
    // Just too small for a second copy of `tiny`, whatever it was made from.
    let said = told(
        long_world(),
        r#"mkdir data root; mount -t tmpfs -o size=100m small data; coracle images >/dev/null
        size=$(du -sk data | cut -f1); mount -t tmpfs -o remount,size=$((size + 100))k small data
        head -c 300000 /dev/urandom >root/big; tar -cf big.tar -C root .
        told 'coracle run --name kept tiny true'; told 'coracle import root big'; told 'coracle import big.tar big'
        ls -A data/containers data/images; told 'coracle run --rm tiny echo in memory'
        dd if=/dev/zero of=data/fill bs=1k 2>/dev/null
        told 'coracle run --rm tiny true'; told 'coracle run tiny true'; told 'coracle ps'
        rm data/fill; ls -A data data/containers data/images
        mount -t tmpfs -o remount,size=100m small data; told 'coracle run --name kept tiny echo well'; umount data"#,
    )?;
    is_as_pinned("full_at_a_container", &said)
}

pub(crate) fn a_disk_that_fills_up_while_a_container_runs() -> Outcome {
    let said = told(
        long_world(),
        r#"mkdir data; mount -t tmpfs -o size=100m small data
        told 'coracle run --name kept tiny sh -c "dd if=/dev/zero of=/fill bs=4k 2>/dev/null; exit 3"'
        told 'coracle ps -a | grep kept | grep -o "Exited ([0-9]*)"'; ls data/containers/*; ls data/containers/*/rootfs/fill | wc -l
        told 'coracle run --name other tiny true'; told 'coracle rm kept'
        told 'coracle run --rm tiny echo well'; ls -A data/containers

        # The same, and the engine is killed before it can write anything down.
        coracle run --name killed tiny sh -c 'dd if=/dev/zero of=/fill bs=4k 2>/dev/null; echo full; exec sleep 60' >out &
        says out full; kill -KILL $!; wait $! 2>/dev/null
        told 'coracle ps -a | grep killed | grep -o "Exited ([0-9]*)"'; told 'coracle rm killed'
        told 'coracle run --rm tiny echo well'; ls -A data/containers; umount data"#,
    )?;
    is_as_pinned("full_while_running", &said)
}

pub(crate) fn a_data_root_that_cannot_be() -> Outcome {
    let said = told(
        long_world(),
        r#": >file; mkdir no; : >no/images; ln -s /no/where dangling
        for CORACLE_ROOT in $HOME/file $HOME/file/below $HOME/no $HOME/dangling /proc/new /usr/coracle-data; do
            export CORACLE_ROOT; told 'coracle run --rm tiny true'; told 'coracle ps'
        done
        CORACLE_ROOT=$(printf '\377'); told 'coracle run --rm tiny true'; ls -A . no
        CORACLE_ROOT=relative/path; told 'coracle run --rm tiny echo well'; ls relative"#,
    )?;
    is_as_pinned("no_data_root", &said)
}

pub(crate) fn a_data_root_that_is_read_only() -> Outcome {
    let said = told(
        long_world(),
        r#"mkdir data root; mount -t tmpfs -o size=100m fixed data; coracle run --name kept tiny true
        mount -t tmpfs -o remount,ro fixed data; find data | sort >before
        told 'coracle run --rm tiny true'; told 'coracle run tiny true'; told 'coracle import root x'
        told 'coracle images | tail -n +2 | cut -c1-10'; told 'coracle ps'; told 'coracle rm kept'
        find data | sort | cmp before -; mount -t tmpfs -o remount,rw fixed data; told 'coracle rm kept'; umount data"#,
    )?;
    is_as_pinned("read_only_data_root", &said)
}

pub(crate) fn a_data_root_of_somebody_else() -> Outcome {
    let said = told(
        long_world().env("AS_USER", "unshare --user --map-user=1000 --map-group=1000"),
        r#"coracle images >/dev/null; chmod 0 data
        told '$AS_USER coracle run --rm tiny true'; told '$AS_USER coracle ps'
        chmod 755 data; chmod 0 data/containers; told '$AS_USER coracle run --rm tiny true'
        chmod 700 data/containers; chmod 500 data/containers; told '$AS_USER coracle run --rm tiny true'
        chmod 700 data/containers; chmod 0 data/lock; told '$AS_USER coracle run --rm tiny true'
        chmod 600 data/lock; told '$AS_USER coracle run --rm tiny echo well'
        unset CORACLE_ROOT HOME; told '$AS_USER coracle ps'
        HOME=/no/where; export HOME; told '$AS_USER coracle ps'
        XDG_DATA_HOME=$TMPDIR; export XDG_DATA_HOME; told '$AS_USER coracle run --rm tiny echo well'; ls $TMPDIR"#,
    )?;
    is_as_pinned("somebody_elses_data_root", &said)
}

pub(crate) fn damaged_containers() -> Outcome {
    let said = session_in(
        long_world(),
        r#"for name in half version empty fields; do coracle run --name $name tiny true; done
        state() { echo data/containers/$(coracle ps -aq --no-trunc | sed -n "$1p")/state.json; }
        half=$(state 1) version=$(state 2) empty=$(state 3) fields=$(state 4)
        head -c 100 $half >x; cat x >$half; sed -i 's/"version": 1/"version": 9/' $version; : >$empty
        echo '{"version": 1}' >$fields
        id() { basename $(dirname $1); }
        all() { coracle ps -a 2>&1 | cut -d: -f2- | sed 's/`[^ ]*state.json`/FILE/' | sort; }"#,
        &[
            "all",
            "coracle run --rm --name half tiny echo works",
            "coracle run --rm tiny echo works",
            "coracle rm $(id $half)",
            "coracle rm $(id $version | cut -c1-12)",
            "coracle rm -f $(id $empty)",
            "coracle rm $(id $fields)",
            "coracle ps -a",
        ],
    )?;
    // Removing is what is asked for here: the difference is wanted.
    is_as_pinned("damaged_containers", &said.replace("LEFT BEHIND:", "CHANGED:"))
}

pub(crate) fn damaged_images() -> Outcome {
    let said = session(
        r#"mkdir root; for name in half version empty gone rootless; do coracle import root $name >/dev/null; done
        at() { echo data/images/$1/latest; }
        head -c 30 $(at half)/image.json >x; cat x >$(at half)/image.json
        sed -i 's/"version": 1/"version": 9/' $(at version)/image.json; : >$(at empty)/image.json
        rm $(at gone)/image.json; rmdir $(at rootless)/rootfs"#,
        &[
            "coracle images 2>&1 | cut -c 1-18 | sort",
            "coracle run half true",
            "coracle run version true",
            "coracle run empty true",
            "coracle run gone true",
            "coracle run rootless true",
            "coracle import root half; coracle run half true",
            "coracle import root rootless; coracle run rootless true",
            "echo '{' >$(at tiny)/image.json; coracle run --rm tiny echo made anew",
            "rm -r $(at tiny)/rootfs; coracle run --rm tiny echo lost",
            "coracle import root tiny; coracle run tiny true; rm -r $(at tiny)",
        ],
    )?;
    is_as_pinned("damaged_images", &said)
}
