//! Many engines at once in one data root. There is no daemon that could put them in a row: only locks and renames.

use crate::SETTLED;
use crate::engine::{long_world, said, script_in};
use coracle_testkit::Outcome;

fn shows(script: &str, lines: &[&str], means: &str) -> Outcome {
    said(&script_in(long_world(), &format!("{SETTLED}{script}"))?, lines, means)
}

pub(crate) fn two_dozen_containers_at_once() -> Outcome {
    shows(
        r#"
        for i in $(seq 24); do
            [ $((i % 2)) = 0 ] && flag=--rm || flag=--init
            (echo $i | coracle run -i $flag tiny sh -c "cat; exit $i" >out$i; [ $? = $i ] && [ $(cat out$i) = $i ] || echo $i is wrong) &
        done; wait
        coracle ps -aq | sort -u | wc -l; coracle ps -a | sed 1d | awk '{ print $NF }' | sort -u | wc -l
        coracle rm $(coracle ps -aq) | wc -l; settled"#,
        &["12", "12", "12"],
        "containers that start at the same time get in each other's way",
    )
}

pub(crate) fn the_first_use_of_tiny_by_many_at_once() -> Outcome {
    shows(
        r#"rm -r data
        for i in $(seq 12); do coracle run --rm tiny echo hello & done; wait; settled; coracle images | grep -c tiny; ls -A data/images"#,
        &[&["hello"; 12][..], &["1", "tiny"]].concat(),
        "who comes second while `tiny` is being made finds half of it",
    )
}

pub(crate) fn one_name_for_many_at_once() -> Outcome {
    shows(
        r#"
        for i in $(seq 12); do (coracle run --name same tiny true 2>err$i; echo $? >status$i) & done; wait
        cat status* | sort | uniq -c | tr -s ' '; cat err* | grep -c 'already in use'; coracle rm same; settled
        for i in $(seq 12); do (coracle run --rm --name same tiny true 2>/dev/null; echo $? >status$i) & done; wait
        cat status* | grep -qx 0 && cat status* | grep -vx -e 0 -e 125; settled"#,
        &[" 1 0", " 11 125", "11", "same"],
        "two containers have one name, or nobody gets it",
    )
}

pub(crate) fn runs_and_imports_and_lists_and_removals_at_once() -> Outcome {
    shows(
        r#"cp -a data/images/tiny/latest/rootfs root
        for i in 1 2 3 4 5 6; do
            (coracle run --rm tiny true || echo run --rm $?) &
            (coracle run --name c$i tiny true || echo run $?; coracle rm c$i >/dev/null || echo rm $?) &
            (coracle ps -a >/dev/null || echo ps $?) &
            (coracle images >/dev/null || echo images $?) &
            (coracle import root tiny >/dev/null || echo import $?) &
            (coracle import root other >/dev/null || echo import $?; coracle run --rm other true || echo run other $?) &
        done 2>&1; wait; settled; coracle ps -aq; ls -A data/images"#,
        &["other", "tiny"],
        "commands that only look, or that work on other things, fail or leave something",
    )
}

pub(crate) fn an_image_replaced_while_containers_start() -> Outcome {
    shows(
        r#"for i in 1 2; do cp -a data/images/tiny/latest/rootfs root$i; echo $i >root$i/one; echo $i >root$i/two; done
        coracle import root1 box >/dev/null
        for round in 1 2 3 4 5 6 7 8; do
            coracle import root$((round % 2 + 1)) box >/dev/null &
            for flag in --rm --init; do coracle run $flag box sh -c 'cmp /one /two 2>/dev/null || [ $(cat /one) = $(cat /two) ] || echo mixed' & done
        done; wait; coracle rm $(coracle ps -aq) | wc -l; settled; ls -A data/images"#,
        &["8", "box", "tiny"],
        "a container starts from half of the old image and half of the new one, or an import fails",
    )
}

pub(crate) fn many_clean_up_the_same_leftovers() -> Outcome {
    shows(
        r#"
        for round in 1 2 3; do
            for point in container-locked container-created rootfs-ready init-cloned program-started run-returned; do
                CORACLE_KILL_AT=$point coracle run --name $point tiny true 2>/dev/null
                CORACLE_KILL_AT=$point coracle run --rm tiny true 2>/dev/null
            done; CORACLE_KILL_AT=import-unpacked coracle import data/images/tiny/latest/rootfs x 2>/dev/null
            for i in 1 2 3 4 5 6 7 8; do (coracle ps -aq >/dev/null 2>err$i || { echo failed; cat err$i; }) & done; wait
            settled; coracle ps -aq | wc -l; coracle rm program-started run-returned
        done"#,
        &[
            "2",
            "program-started",
            "run-returned",
            "2",
            "program-started",
            "run-returned",
            "2",
            "program-started",
            "run-returned",
        ],
        "two commands that clean up after the same engine disturb each other",
    )
}
