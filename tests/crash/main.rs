//! Engines that die, and engines that run side by side: whatever happens, the next command finds everything in order.
//!
//! After each death the same questions are asked, by the function `settled` below: are all its processes gone, is the
//! data root as it was, is the name free? The kit asks the rest at the end: mounts, links, cgroups.

use coracle_testkit::milestone;

mod concurrent;
mod instants;
mod points;

#[path = "../engine/mod.rs"]
mod engine;

use concurrent::*;
use instants::*;
use points::*;

milestone! { bin: "coracle", tests: {
    "points" => a_run_with_rm_killed_at_each_point_leaves_nothing,
    "points" => a_run_without_overlay_killed_at_each_point_leaves_nothing,
    "points" => a_run_killed_at_each_point_leaves_nothing_or_a_container_that_ended,
    "points" => a_removal_killed_at_each_point_is_finished,
    "points" => an_import_killed_at_each_point_is_whole_or_not_there,
    "points" => tiny_killed_while_it_is_made_is_made_again,
    "points" => every_point_is_met_above,
    "instants" => an_engine_killed_while_the_program_runs_takes_it_along,
    "instants" => a_program_killed_from_outside_is_noticed,
    "instants" => signals_at_any_instant_of_a_run_with_rm,
    "instants" => signals_at_any_instant_of_a_run,
    "instants" => signals_at_any_instant_of_an_import,
    "instants" => death_at_any_system_call_of_a_run needs Tool("strace"),
    "instants" => death_at_any_system_call_of_an_import needs Tool("strace"),
    "concurrent" => two_dozen_containers_at_once,
    "concurrent" => the_first_use_of_tiny_by_many_at_once,
    "concurrent" => one_name_for_many_at_once,
    "concurrent" => runs_and_imports_and_lists_and_removals_at_once,
    "concurrent" => an_image_replaced_while_containers_start,
    "concurrent" => many_clean_up_the_same_leftovers,
}}

/// `settled` runs a command of somebody else, then says what is left that should not be. It waits for processes, which
/// take a moment to end: engines, and whatever is in another PID namespace. If one never does, the time limit names it.
const SETTLED: &str = r#"
nobody() {
    ! grep -qsx coracle /proc/[0-9]*/comm && [ $(readlink /proc/[0-9]*/ns/pid 2>/dev/null | sort -u | wc -l) = 1 ]
}
settled() {
    coracle ps -aq >listed || echo ps failed
    until nobody; do sleep 0.01; done
    ls data/containers | cut -c1-12 | sort >there; sort listed | cmp - there >/dev/null || echo a stray directory
    find data -name rootfs -prune -o \( -name '*.new' -o -name '.importing*' -o -path 'data/containers/*/lock' \) -print
}
coracle images >/dev/null
"#;
