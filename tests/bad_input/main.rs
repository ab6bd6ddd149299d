//! What goes wrong: one clear sentence, Docker's exit status, nothing left behind, and the next command works.
//!
//! The sentences are pinned in `snapshots/`: whoever changes one sees it in the diff, and reads it once more as
//! somebody who does not know the code.

use coracle_testkit::milestone;

mod command_line;
mod data_root;
mod images;
mod privileges;
mod resources;
mod security;
mod session;

#[path = "../engine/mod.rs"]
mod engine;

use command_line::*;
use data_root::*;
use images::*;
use privileges::*;
use resources::*;
use security::*;

milestone! { bin: "coracle", tests: {
    "flags" => flags_that_make_no_sense,
    "flags" => verbs_and_arguments_that_make_no_sense,
    "flags" => a_wrong_flag_gets_the_usage_too,
    "flags" => names_that_are_taken_or_are_none,
    "flags" => files_that_a_flag_names,
    "flags" => places_in_the_container_that_cannot_be,
    "limits" => limits_that_make_no_sense,
    "limits" => limits_that_this_machine_cannot_keep needs CgroupV1,
    "limits" => trees_that_are_read_only needs Cgroups and Tool("unshare"),
    "security" => privileges_that_do_not_exist,
    "security" => limits_and_devices_that_do_not_exist,
    "image" => images_that_are_not_there,
    "image" => commands_that_cannot_be_started,
    "image" => sources_that_are_no_image,
    "image" => images_that_point_at_the_host,
    "disk" => a_full_disk_at_the_first_image,
    "disk" => a_full_disk_at_a_container,
    "disk" => a_disk_that_fills_up_while_a_container_runs,
    "disk" => a_data_root_that_cannot_be,
    "disk" => a_data_root_that_is_read_only,
    "disk" => a_data_root_of_somebody_else needs UserNamespaces and Tool("unshare"),
    "disk" => damaged_containers,
    "disk" => damaged_images,
    "privileges" => a_user_without_user_namespaces needs UserNamespaces and Tool("unshare") and Tool("setpriv"),
    "privileges" => root_without_capabilities needs Tool("setpriv"),
    "privileges" => other_users_without_root needs UserNamespaces and Tool("unshare"),
    "privileges" => users_that_this_user_namespace_does_not_have needs UserNamespaces and Tool("unshare"),
    "privileges" => too_many_namespaces needs UserNamespaces and Tool("unshare"),
}}
