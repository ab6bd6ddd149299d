//! Images that are not there, are none, or are made to do harm.

use crate::session::{is_as_pinned, session};
use coracle_testkit::Outcome;

pub(crate) fn images_that_are_not_there() -> Outcome {
    let said = session(
        "mkdir root; coracle import root own:1 >/dev/null",
        &[
            "coracle run nothing true",
            "coracle run --rm --name x1 nothing:1 true",
            "coracle run tiny:2 true",
            "coracle run own true",
            "coracle run localhost:5000/team/app true",
            "coracle run Tiny true",
            "coracle run tiny: true",
            "coracle run '' true",
            "coracle run ../../etc true",
            "coracle run tiny@sha256:0 true",
            "coracle run /bin/sh",
        ],
    )?;
    is_as_pinned("no_image", &said)
}

pub(crate) fn commands_that_cannot_be_started() -> Outcome {
    // `dynamic` is a program of this machine without its loader: bash, because busybox, and coracle too, may be static.
    let said = session(
        r##"mkdir -p odd/bin odd/etc; cp "$(command -v bash)" odd/bin/dynamic
        printf '#!/no/such/shell\n' >odd/bin/script; printf '#!/bin/no-sh -e\n' >odd/bin/options
        printf 'no program\n' >odd/bin/words; : >odd/bin/empty; chmod 755 odd/bin/*; echo x >odd/bin/unreadable; chmod 644 odd/bin/unreadable
        ln -s /no/where odd/bin/dangling; ln -s loop odd/bin/loop
        coracle import odd odd >/dev/null; mkdir nothing; coracle import nothing nothing >/dev/null"##,
        &[
            "coracle run tiny no-such-program",
            "coracle run tiny /no/such/program",
            "coracle run tiny ''",
            "coracle run tiny /etc/passwd",
            "coracle run tiny /etc",
            "coracle run --init tiny no-such-program",
            "coracle run --rm -e PATH=/nowhere tiny true",
            "coracle run odd dynamic",
            "coracle run odd script",
            "coracle run odd options",
            "coracle run odd words",
            "coracle run odd empty",
            "coracle run odd unreadable",
            "coracle run odd dangling",
            "coracle run odd loop",
            "coracle run odd",
            "coracle run nothing true",
            "coracle run nothing /bin/sh",
        ],
    )?;
    let loader = said.split('"').find(|word| word.contains("/ld-")).unwrap_or("LOADER").to_owned();
    is_as_pinned("commands", &said.replace(&loader, "LOADER"))
}

pub(crate) fn sources_that_are_no_image() -> Outcome {
    let said = session(
        r#"echo 'this is no archive' >words; : >empty; head -c 2048 /dev/zero >zeroes; mkdir root; echo x >root/file
        tar -cf whole.tar root; head -c 700 whole.tar >short.tar; gzip <whole.tar | head -c 60 >short.tar.gz
        printf 'BZh91' >x.bz2; printf '\3757zXZ\000' >x.xz; printf '\050\265\057\375' >x.zst
        mkdir saved; echo '[]' >saved/manifest.json; tar -cf saved.tar -C saved ."#,
        &[
            "coracle import none.tar x",
            "coracle import none/ x",
            "coracle import words x",
            "coracle import empty x",
            "coracle import zeroes x",
            "coracle import short.tar x",
            "coracle import short.tar.gz x",
            "coracle import x.bz2 x",
            "coracle import x.xz x",
            "coracle import x.zst x",
            "coracle import saved.tar x",
            "coracle import - x </dev/null",
            "coracle import - x <&-",
            "coracle import . x",
            "coracle import whole.tar X",
            "coracle import whole.tar x:y:z",
            "coracle import -c 'RUN true' whole.tar x",
            "coracle import -c CMD whole.tar x",
            "coracle import -c 'ENV A' whole.tar x",
        ],
    )?;
    is_as_pinned("sources", &said)
}

pub(crate) fn images_that_point_at_the_host() -> Outcome {
    let said = session(
        r#"for place in dev proc sys; do
            mkdir -p link-$place file-$place; ln -s /tmp link-$place/$place; echo x >file-$place/$place
            coracle import link-$place link-$place; coracle import file-$place file-$place
        done >/dev/null
        mkdir etc; ln -s ../../../../../../../etc etc/etc; mkdir etc/bin; coracle import etc etc >/dev/null"#,
        &[
            "coracle run link-dev true",
            "coracle run --rm link-dev true",
            "coracle run link-proc true",
            "coracle run link-sys true",
            "coracle run file-dev true",
            "coracle run file-proc true",
            "coracle run file-sys true",
            "coracle run --tmpfs /etc/new etc true",
            "coracle run -w /etc/new etc true",
        ],
    )?;
    is_as_pinned("hostile", &said)
}
