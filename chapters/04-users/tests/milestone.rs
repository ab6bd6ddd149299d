//! Chapter 4's milestone.
use coracle_testkit::{Outcome, World, check, milestone};

milestone! { bin: "ch04", tests: {
    "4.1" => root_inside_is_the_caller_outside,
}}

fn root_inside_is_the_caller_outside() -> Outcome {
    let out = World::new().run([BIN, "rootfs", "cat", "/proc/self/uid_map"])?;
    check(out.code == Some(0)).observed(out.stderr).means("").misconception("")
}
