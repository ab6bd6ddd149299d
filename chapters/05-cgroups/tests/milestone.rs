//! Chapter 5's milestone: groups on this machine, whichever version it has, and what their limits do.
//!
//! Tests without a need try a function on texts of both versions. The others make real groups, below the top that their
//! world sees, and read the kernel's own files.

use coracle_testkit::milestone;

mod groups;
use groups::limits::{a_quarter_of_a_processor_is_a_quarter, limits_are_said_in_the_words_of_both_versions};
use groups::places::{
    a_group_is_made_in_every_tree_or_in_none, a_group_is_removed_when_its_last_process_has_gone,
    a_new_group_has_the_files_of_its_controllers, controllers_are_handed_down_in_one_write,
    our_own_group_is_found_on_every_kind_of_machine,
};
use groups::running::{
    a_fork_bomb_stays_in_its_box_and_is_killed_with_one_word,
    a_frozen_container_stands_still_until_it_is_thawed, a_list_of_processes_is_read_while_they_stand_still,
    a_memory_hog_hurts_only_itself, frozen_processes_are_killed_too,
    the_container_sees_its_group_as_the_top_of_each_tree, the_program_is_in_its_group_from_its_first_moment,
};

milestone! { bin: "ch05", tests: {
    "5.1" => our_own_group_is_found_on_every_kind_of_machine,
    "5.1" => controllers_are_handed_down_in_one_write,
    "5.1" => a_new_group_has_the_files_of_its_controllers needs CgroupV2,
    "5.1" => a_group_is_made_in_every_tree_or_in_none needs Cgroups,
    "5.1" => a_group_is_removed_when_its_last_process_has_gone needs Cgroups,
    "5.2" => limits_are_said_in_the_words_of_both_versions,
    "5.3" => the_program_is_in_its_group_from_its_first_moment needs Cgroups,
    "5.3" => the_container_sees_its_group_as_the_top_of_each_tree needs Cgroups,
    "5.3" => a_quarter_of_a_processor_is_a_quarter needs Cgroups,
    "5.4" => a_memory_hog_hurts_only_itself needs Cgroups,
    "5.4" => a_fork_bomb_stays_in_its_box_and_is_killed_with_one_word needs Cgroups,
    "5.4" => a_frozen_container_stands_still_until_it_is_thawed needs Cgroups,
    "5.4" => frozen_processes_are_killed_too needs Cgroups,
    "5.4" => a_list_of_processes_is_read_while_they_stand_still needs Tool("setsid"),
}}
