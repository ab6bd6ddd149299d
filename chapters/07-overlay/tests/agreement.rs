//! The list of changes, read out of an upper layer, is the one that a comparison of two whole trees gives. On layers that
//! the kernel made, one above the other, by random changes; each round is another stack.

use coracle_testkit::{Outcome, World, check, milestone};

milestone! { bin: "ch07", tests: {
    "7.2" => the_list_is_that_of_a_comparison_of_two_trees needs Overlay,
}}

/// How many stacks. A round is some 20 ms.
const ROUNDS: usize = 60;

const SCRIPT: &str = r#"
test "$(tr -s ' ' < /proc/self/uid_map)" = " 0 0 4294967295" || notes=,userxattr
over() { mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3,redirect_dir=nofollow$notes" merged; }
mkdir empty merged before
for round in $(seq $ROUNDS); do
    mkdir -p layer0 kept/upper kept/work; "$TREES" change layer0 $round
    lowers=layer0; flags=
    for layer in $(seq $((round % 5))); do
        mkdir layer$layer work$layer; over $lowers layer$layer work$layer
        "$TREES" change merged $((round * 100 + layer)); umount merged
        lowers=layer$layer:$lowers; flags="--layer layer$layer $flags"
    done
    mount -t overlay overlay -o "lowerdir=$lowers:empty$notes" before
    over $lowers kept/upper kept/work; "$TREES" change merged $((round * 100 + 99))
    "$TREES" compare before merged kept/upper > wanted
    umount merged; umount before
    "$CH07" diff kept $flags layer0 > listed
    cmp -s wanted listed || { echo "round $round:"; diff wanted listed || true; }
    echo changes $(wc -l < wanted)
    "$CH07" remove kept; rm -rf layer* work* kept
done
"#;

fn the_list_is_that_of_a_comparison_of_two_trees() -> Outcome {
    let world = World::new().env("CH07", BIN).env("TREES", env!("CARGO_BIN_EXE_two-trees"));
    let out = world.script(&format!("ROUNDS={ROUNDS}\n{SCRIPT}"))?;
    let counts = out.stdout.lines().filter_map(|line| line.strip_prefix("changes ")?.parse::<usize>().ok());
    let counts: Vec<usize> = counts.collect();
    check(counts.len() == ROUNDS && counts.iter().sum::<usize>() > 3 * ROUNDS)
        .observed(format!(
            "{} rounds with {} changes: {}",
            counts.len(),
            counts.iter().sum::<usize>(),
            out.stderr
        ))
        .means("the test could not be carried out, or compares next to nothing")
        .misconception("none: look at what this machine allows with `cargo workbook doctor`")?;
    let wrong: Vec<&str> = out.stdout.lines().filter(|line| !line.starts_with("changes ")).collect();
    check(wrong.is_empty())
        .observed(format!("`<` should be listed, `>` is listed: {}", wrong.join(", ")))
        .means("there is a stack of layers that is misread")
        .misconception("run the round's steps by hand, and look at `find kept/upper -ls` and the notes of its directories")
}
