//! Task 7.1: what is seen through the layers, and where a write goes.

use super::{said, script};
use coracle_testkit::{Outcome, World, check};

pub(crate) fn the_topmost_layer_wins_and_all_are_seen() -> Outcome {
    let out = script(
        "7.1",
        r#"
        mkdir -p top/both low/both
        echo top > top/name; echo low > low/name; echo image > rootfs/name
        echo a > top/both/a; echo b > low/both/b; echo low > low/deep
        ch07 --keep kept --layer top --layer low rootfs sh -c 'echo name $(cat /name); echo both $(ls /both); echo deep $(cat /deep)'
        "#,
    )?;
    check(said(&out, "both") == "a b" && said(&out, "deep") == "low")
        .observed(format!(
            "`/both` shows {:?} (each layer has one file in it), `/deep` {:?}",
            said(&out, "both"),
            said(&out, "deep")
        ))
        .means("not all layers are in the overlay")
        .misconception("`lowerdir+` adds one layer: it is set once for each of them")?;
    check(said(&out, "name") == "top")
        .observed(format!(
            "three layers have a file `/name`, and the container reads the one of `{}`",
            said(&out, "name")
        ))
        .means("an older layer of the image hides the newer ones above it: every update of an image is undone")
        .misconception(
            "the first layer that is named to the kernel is the topmost. Images list their layers the other way round, \
             from the bottom up",
        )
}

pub(crate) fn what_is_written_goes_to_the_upper_layer_alone() -> Outcome {
    let out = script(
        "7.1",
        r#"
        mkdir low; echo before > low/file; echo before > low/gone
        sum() { find low rootfs -type f | sort | xargs cat | cksum; }
        before=$(sum)
        run ch07 --keep kept --layer low rootfs sh -c 'echo after > /file; rm /gone; echo new > /new; cat /file'
        test "$before" = "$(sum)" && echo lower same || echo lower other
        echo upper $(cat kept/upper/file) $(cat kept/upper/new)
        echo whiteout $(stat -c '%F %t:%T' kept/upper/gone)
        "#,
    )?;
    check(said(&out, "status") == "0" && out.stdout.starts_with("after"))
        .observed(format!("writing in the container: status {}, {}", said(&out, "status"), out.stderr.trim()))
        .means("the container cannot change its root")
        .misconception("an overlay without `upperdir` and `workdir` can be mounted, and is read-only")?;
    check(said(&out, "lower") == "same")
        .observed("after the container ended, the files in the lower layers are not what they were before")
        .means("a container has changed its image, and every other container of it")
        .misconception("only the upper layer is written: it must be a directory of this container alone")?;
    check(said(&out, "upper") == "after new" && said(&out, "whiteout").ends_with("0:0"))
        .observed(format!(
            "`upper` holds {:?} in the two files that were written, and for the removed one {:?}",
            said(&out, "upper"),
            said(&out, "whiteout")
        ))
        .means("the changes are not where `ch07 diff` and a later start will look for them")
        .misconception("`upperdir` is where changes stay; `workdir` is a place that the kernel itself needs for a moment")
}

pub(crate) fn every_name_of_a_layer_is_only_a_name() -> Outcome {
    let long = format!("{}/{}", "l".repeat(150), "m".repeat(150));
    let names = format!("a:b c,d 'e\\f' 'g\\:h' 'i\\\\,j' {long}");
    let out = script(
        "7.1",
        &format!(
            r#"
            for name in {names}; do
                mkdir -p "$name/lower"; printf '%s' "$name" > "$name/lower/who"
                for old in "" --old; do
                    said=$(ch07 $old --keep "$name/kept$old" --layer "$name/lower" rootfs cat /who)
                    test "$said" = "$name" || echo "other $old $name"
                    test -d "$name/kept$old/upper/dev" || test -d "$name/kept$old/work/work" || echo "elsewhere $old $name"
                done
            done
            "#
        ),
    )?;
    let wrong: Vec<&str> = out.stdout.lines().collect();
    check(wrong.is_empty())
        .observed(format!("with these names of directories, other layers were mounted: {}", wrong.join("; ")))
        .means("whoever may choose a directory's name chooses which directories of the machine the container gets")
        .misconception(
            "in the one string a `:` divides layers, a `,` divides options and a `\\` protects what follows it: those \
             in a name need a `\\` before them, the `\\` itself first of all",
        )
}

/// Layers whose names do not fit into one page together. `$1` is `--old` or nothing.
const MANY: &str = r#"
    name=$(printf 'n%.0s' $(seq 100)); layers=
    for number in $(seq 60); do
        mkdir -p $name/$number; echo $number > $name/$number/file-$number
        layers="$layers --layer $name/$number"
    done
"#;

pub(crate) fn more_layers_can_be_had_than_a_page_of_names() -> Outcome {
    let out = script(
        "7.1",
        &format!(
            "{MANY}\nrun ch07 --keep kept $layers rootfs sh -c 'echo first $(cat /file-1) last $(cat /file-60)'"
        ),
    )?;
    check(said(&out, "first") == "1 last 60")
        .observed(format!("with 60 layers of long names: status {}, {:?}", said(&out, "status"), out.stderr.trim()))
        .means("images with many layers do not start, and which ones depends on the length of a path")
        .misconception(
            "one string holds a page, about thirty layers. The key `lowerdir+` is set once for each layer, and up to 500 \
             of them are taken",
        )
}

pub(crate) fn a_string_that_is_too_long_is_refused_in_words() -> Outcome {
    let world = World::new().env("CH07", crate::BIN);
    let out = world.script(&format!(
        r#"{MANY}
        status=0; "$CH07" --old --keep kept $layers rootfs sh -c 'touch /written' || status=$?
        echo status $status; test -e kept/upper/written || echo nothing written"#
    ))?;
    let line = out.stderr.lines().find(|line| line.starts_with("ch07: ")).unwrap_or_default();
    check(said(&out, "status") == "125" && line.contains("E2BIG"))
        .observed(format!(
            "60 layers whose names make more than a page: status {}, {line:?}",
            said(&out, "status")
        ))
        .means("the kernel got a part of the layers, or a part of a name, and nobody was told")
        .misconception(
            "mount(2) copies one page of its options and forgets the rest without an error: measure the string before",
        )?;
    let limit = line.contains("4095") || line.contains("65535") || line.contains("16383");
    check(limit && line.contains("6.7"))
        .observed(format!("the error is: {line}"))
        .means("whoever reads it knows neither how much too long it is nor what would help")
        .misconception(
            "an errno alone says `too long`: the error should name the limit, and the first kernel that has none (6.7)",
        )
}

pub(crate) fn notes_of_an_ordinary_user_are_user_attributes() -> Outcome {
    let script = r#"
        mkdir -p low/again/inner; echo x > low/again/inner/file
        for old in "" --old; do
            status=0
            unshare -Ur "$CH07" $old --keep kept$old --layer low rootfs sh -c '
                rm -r /again && mkdir /again && echo again'$old' $(ls /again | wc -l); grep " / / " /proc/self/mountinfo' || status=$?
            echo status$old $status
        done"#;
    let out = World::new().env("CH07", crate::BIN).script(script)?;
    let both = said(&out, "status") == "0" && said(&out, "status--old") == "0";
    check(both && said(&out, "again") == "0" && said(&out, "again--old") == "0")
        .observed(format!(
            "root of a user namespace, without and with --old, got {} and {}: {}",
            said(&out, "status"),
            said(&out, "status--old"),
            out.stderr.lines().collect::<Vec<_>>().join("; ")
        ))
        .means("in a container of an ordinary user, a directory cannot be removed and made again")
        .misconception(
            "an overlay writes its notes as `trusted.…` attributes, which only root of the machine may do: in a user \
             namespace it needs the flag `userxattr`, in the new way and in the old one",
        )?;
    let said_so = out.stdout.lines().filter(|line| line.contains("userxattr")).count();
    check(said_so == 2)
        .observed(format!("{said_so} of the two containers' mountinfo say `userxattr`"))
        .means("their notes are where only root of the machine may write")
        .misconception("`userxattr` belongs to both ways to mount")
}

pub(crate) fn only_what_is_to_be_is_volatile() -> Outcome {
    let out = script(
        "7.1",
        r#"
        inside='grep " / / " /proc/self/mountinfo'
        for old in "" --old; do
            echo keep$old $(ch07 $old --keep kept$old rootfs sh -c "$inside")
            echo thrown$old $(ch07 $old --volatile --keep thrown$old rootfs sh -c "$inside")
        done
        "#,
    )?;
    for old in ["", "--old"] {
        let (kept, thrown) = (said(&out, &format!("keep{old}")), said(&out, &format!("thrown{old}")));
        check(!kept.contains("volatile"))
            .observed(format!("`ch07 {old} --keep` mounts with {kept:?}"))
            .means("after a power cut what the container wrote may be lost, and its upper layer cannot be mounted again")
            .misconception("`volatile` is fast because the kernel never waits for the disk: it is for what nobody keeps")?;
        check(thrown.contains("volatile"))
            .observed(format!("`ch07 {old} --volatile` mounts with {thrown:?}"))
            .means("at its end the whole disk is waited for, to save what is removed a moment later")
            .misconception("`volatile` is a flag: it has no value, and nobody else sets it")?;
    }
    Ok(())
}

pub(crate) fn layers_that_were_renamed_are_not_followed() -> Outcome {
    let world = World::new().env("CH07", crate::BIN).env("NOTE", env!("CARGO_BIN_EXE_note"));
    let out = world.script(
        r#"
        mkdir -p low/secret top/public; echo hidden > low/secret/file
        "$NOTE" top/public redirect /secret
        for old in "" --old; do
            echo seen$old $("$CH07" $old --keep kept$old --layer top --layer low rootfs sh -c 'echo began; cat /public/file')
        done
        "#,
    )?;
    let seen = [said(&out, "seen"), said(&out, "seen--old")];
    let began = |seen: &String| seen.starts_with("began");
    check(seen.iter().all(began))
        .observed(format!("the container did not start: {}", out.stderr.lines().next().unwrap_or_default()))
        .means("this says nothing about redirects yet")
        .misconception("see what the other tests say about task 7.1")?;
    check(seen.iter().all(|seen| seen == "began"))
        .observed(format!("through a note in a layer, `/public` shows what is in `/secret`: {seen:?}"))
        .means("content depends on notes that our list of changes does not follow")
        .misconception(
            "whether redirects are followed is the distribution's default: set `redirect_dir` to `nofollow` (SETTINGS), in \
             both ways to mount",
        )
}
