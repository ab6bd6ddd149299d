//! `coracle run`: its flags, its streams, its exit status, and what a program finds in a container.

use coracle_testkit::milestone;

mod environment;
mod files;
mod init;
mod isolation;
mod privileges;
mod resources;
mod status;
mod streams;
mod users;

#[path = "../engine/mod.rs"]
mod engine;

use environment::*;
use files::*;
use init::*;
use isolation::*;
use privileges::*;
use resources::*;
use status::*;
use streams::*;
use users::*;

milestone! { bin: "coracle", tests: {
    "status" => the_programs_exit_code_is_ours,
    "status" => a_program_killed_by_a_signal_gives_128_and_its_number,
    "status" => a_command_that_cannot_start_is_126_or_127,
    "streams" => output_and_error_stay_apart,
    "streams" => input_is_piped_only_with_i,
    "streams" => megabytes_pass_both_ways_at_once,
    "streams" => a_program_need_not_read_its_input,
    "streams" => an_input_that_stays_open_does_not_keep_us,
    "streams" => closed_streams_are_no_trouble,
    "streams" => the_last_byte_before_the_end_arrives,
    "streams" => a_reader_that_goes_away_ends_the_writer,
    "streams" => a_background_process_does_not_keep_us,
    "streams" => standard_streams_can_be_opened_again_by_name,
    "environment" => variables_are_made_from_nothing,
    "environment" => flags_and_files_set_variables,
    "environment" => entrypoint_and_command_are_joined,
    "environment" => nothing_of_the_caller_is_inherited,
    "isolation" => every_namespace_is_a_new_one,
    "isolation" => the_hosts_network_is_shared_when_asked_for,
    "isolation" => other_namespaces_of_the_host_are_shared_when_asked_for,
    "isolation" => processes_of_the_host_are_seen_when_asked_for needs Cgroups,
    "isolation" => the_program_is_process_1_and_alone,
    "isolation" => the_host_name_is_its_own,
    "isolation" => the_network_is_a_loopback_that_is_up,
    "isolation" => no_mount_of_the_host_is_there,
    "isolation" => dangerous_paths_are_masked_or_read_only,
    "isolation" => devices_are_dockers,
    "files" => a_working_directory_is_made_when_missing,
    "files" => a_read_only_root_can_have_a_tmpfs,
    "files" => a_tmpfs_takes_dockers_options,
    "files" => a_tmpfs_may_lie_in_an_other,
    "files" => the_image_is_never_changed,
    "files" => what_a_container_writes_is_its_own,
    "files" => a_container_is_listed_until_it_is_removed,
    "files" => a_running_container_is_removed_by_force_only,
    "files" => with_rm_nothing_is_left,
    "files" => the_state_can_be_read_with_cat,
    "files" => tiny_is_made_without_busybox_too needs Tool("unshare"),
    "users" => a_number_chooses_the_user needs Root,
    "users" => another_user_has_no_group_of_root needs Root,
    "users" => the_images_own_users_are_known needs Root,
    "users" => an_ordinary_user_is_root_inside needs UserNamespaces and Tool("unshare"),
    "users" => an_ordinary_users_container_is_as_complete needs UserNamespaces and Tool("unshare"),
    "resources" => a_limit_is_what_the_kernel_says_inside needs Cgroups,
    "resources" => a_memory_hog_dies_and_its_neighbour_lives needs Cgroups,
    "resources" => a_fork_bomb_stays_in_its_box needs Cgroups,
    "resources" => a_quarter_of_a_processor_is_a_quarter needs Cgroups,
    "resources" => no_group_is_left_and_none_is_seen_from_inside needs Cgroups,
    "privileges" => root_has_dockers_capabilities,
    "privileges" => a_filter_stands_in_the_way_of_dangerous_calls,
    "privileges" => nothing_gives_privileges_back_when_that_is_promised,
    "privileges" => devices_can_be_opened_only_when_asked_for needs Root,
    "privileges" => limits_of_a_process_are_what_was_asked_for,
    "privileges" => the_engine_cannot_be_reached_through_process_1,
    "privileges" => an_ordinary_users_container_has_no_teeth_either needs UserNamespaces and Tool("unshare"),
    "users" => an_ordinary_user_with_ranges_has_many_users_inside needs Root and Tool("newuidmap") and Tool("setpriv"),
    "init" => init_reaps_orphans,
    "init" => init_passes_signals_on,
    "init" => init_ends_as_its_program_does,
}}
