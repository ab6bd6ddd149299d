//! `--user`, and the engine of somebody who is not root.

use crate::engine::{shows, shows_in, world};
use coracle_testkit::{Outcome, World};

pub(crate) fn a_number_chooses_the_user() -> Outcome {
    shows(
        r#"for user in 0 0:0 1000 1000:100 65534 2147483647:2147483647; do
            coracle run --rm --user $user tiny sh -c 'echo $(id -u):$(id -g) $HOME $(stat -c %u:%g /proc/self/)'
        done
        coracle run --rm -u 1000:100 --init tiny sh -c 'id -u; id -g'
        coracle run --rm --user 1000 -w /made tiny sh -c 'pwd; touch x 2>/dev/null || echo made for root'
        coracle run --rm --user 1000 tiny sh -c 'cat /root/x 2>&1 | grep -o denied; touch /tmp/x && stat -c %u /tmp/x'"#,
        &[
            "0:0 /root 0:0",
            "0:0 /root 0:0",
            "1000:0 / 1000:0",
            "1000:100 / 1000:100",
            "65534:65534 / 65534:65534",
            "2147483647:2147483647 / 2147483647:2147483647",
            "1000",
            "100",
            "/made",
            "made for root",
            "denied",
            "1000",
        ],
        "the program runs as somebody else than was asked for",
    )
}

pub(crate) fn another_user_has_no_group_of_root() -> Outcome {
    shows(
        r#"coracle run --rm --user 1000:100 tiny sh -c '
            grep -E "^(Groups|CapEff)" /proc/self/status | tr -d "\t "
            echo out >/dev/stdout; echo x >/dev/null; readlink /proc/self/cwd; echo err >/dev/stderr' 2>err; cat err
        echo in | coracle run --rm -i --user 1000 tiny cat /dev/stdin
        coracle run --rm -t --user 1000 tiny sh -c 'tty; stat -c %u $(tty); echo x >/dev/tty' | tr -d '\r'"#,
        &["Groups:100", "CapEff:0000000000000000", "out", "/", "err", "in", "/dev/pts/0", "1000", "x"],
        "root's groups or capabilities stay, or the user may not use its own streams",
    )
}

pub(crate) fn the_images_own_users_are_known() -> Outcome {
    shows(
        r#"mkdir -p root/etc; coracle images >/dev/null; cp -a data/images/tiny/latest/rootfs/* root
        echo 'web:x:33:34::/srv/web:' >>root/etc/passwd; coracle import -c 'USER 33' -c 'CMD id -u; id -g; echo $HOME' root web
        coracle run --rm web
        coracle run --rm -u 33:5 web sh -c 'id -g; echo $HOME'
        coracle run --rm -u 0 web sh -c 'id -u; echo $HOME'
        echo 'logs:x:77:web' >>root/etc/group; coracle import root web >/dev/null
        coracle run --rm -u web web id | tr -d '()a-z '; coracle run --rm -u web:logs --group-add 5 web sh -c 'set -- $(grep Groups /proc/self/status); echo $2 $3'
        coracle run --rm -u :77 web id -g"#,
        &["web:latest", "33", "34", "/srv/web", "5", "/srv/web", "0", "/root", "=33=34=34,77", "5 77", "77"],
        "a user of the image has another group or home than the image says",
    )
}

/// A script by user 1000 who has no privileges, in a user namespace of a world.
fn by_an_ordinary_user() -> World {
    world().env("AS_USER", "unshare --user --map-user=1000 --map-group=1000")
}

pub(crate) fn an_ordinary_user_is_root_inside() -> Outcome {
    shows_in(
        by_an_ordinary_user(),
        r#"cat >session <<'END'
id -u; grep CapEff /proc/self/status | grep -o '0*$'
coracle run --rm tiny sh -c 'id -u; id -g; cat /proc/self/uid_map | tr -s " "'
coracle run --name kept tiny sh -c 'touch /root/file; chmod 0 /root; stat -c %u:%g /root'
stat -c %u data/containers/*/rootfs/root
for kind in user mnt pid net ipc uts cgroup; do
    [ $(readlink /proc/self/ns/$kind) = $(coracle run --rm tiny readlink /proc/self/ns/$kind) ] && echo $kind is shared
done
coracle rm kept; ls data/containers
END
        $AS_USER sh session 2>/dev/null"#,
        &["1000", "0000000000000000", "0", "0", " 0 1000 1", "0:0", "1000", "kept"],
        "without root there is no container, or it is not separate",
    )
}

pub(crate) fn an_ordinary_users_container_is_as_complete() -> Outcome {
    shows_in(
        by_an_ordinary_user(),
        r#"cat >session <<'END'
echo in | coracle run --rm -i tiny sh -c 'cat; exit 3'; echo $?
coracle run --rm --init tiny sh -c 'kill -TERM $$'; echo $?
coracle run --rm --network host tiny true; echo $?
[ $(readlink /proc/self/ns/net) = $(coracle run --rm --network host tiny readlink /proc/self/ns/net) ] && echo same network
coracle run --rm --read-only --tmpfs /run --hostname box -w /new tiny sh -c '
    hostname; pwd; touch /x 2>/dev/null || touch /run/x; head -c 2 /dev/zero | wc -c; echo x >/dev/null
    echo $(ls /dev); tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "; echo $$'
coracle run --rm -t tiny sh -c 'tty; test -w /dev/console && echo console' | tr -d '\r'
coracle run --rm tiny nothing 2>/dev/null; echo $?
ls -A data/containers
END
        $AS_USER sh session"#,
        &[
            "in",
            "3",
            "143",
            "0",
            "same network",
            "box",
            "/new",
            "2",
            "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero",
            "lo",
            "1",
            "/dev/pts/0",
            "console",
            "127",
        ],
        "an ordinary user gets less than root where the kernel would give the same",
    )
}

pub(crate) fn an_ordinary_user_with_ranges_has_many_users_inside() -> Outcome {
    shows_in(
        world().many_users().env("AS_USER", "setpriv --reuid 2000 --regid 2001 --clear-groups"),
        r#"mkdir etc data; cp /etc/ld.so.* /etc/login.defs etc 2>/dev/null; echo ada:x:2000:2001::/:/bin/sh >etc/passwd
        echo ada:10000:3000 | tee etc/subuid >etc/subgid; mount --bind etc /etc; chown 2000:2001 . data
        $AS_USER coracle run --rm tiny cat /proc/self/uid_map | tr -s ' '
        $AS_USER coracle run --name kept --user 1000:7 --group-add 5 tiny sh -c '
            mkdir -m 700 /tmp/mine; touch /tmp/mine/x; stat -c %u:%g /tmp/mine/x; set -- $(grep Groups /proc/self/status); echo $2 $3'
        stat -c %u:%g data/containers/*/rootfs/tmp/mine; $AS_USER coracle rm kept; ls data/containers
        $AS_USER coracle run --rm --user 1000 tiny sh -c 'mkdir -m 700 /tmp/mine; touch /tmp/mine/x'; ls data/containers
        $AS_USER coracle run --rm --user 4000 tiny true 2>&1 | grep -o 'only 0, 1 to 3000'; umount /etc"#,
        &[" 0 2000 1", " 1 10000 3000", "1000:7", "5 7", "10999:10006", "kept", "only 0, 1 to 3000"],
        "the numbers that /etc/subuid grants are not used, or what they own outside cannot be removed",
    )
}
