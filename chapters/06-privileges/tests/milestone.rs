//! Chapter 6's milestone: what a program in `ch06` may do, as the kernel says it: in `/proc/self/status`, in an errno, in
//! the number of a signal.

use coracle_testkit::milestone;

mod inside;
use inside::capabilities::{
    a_user_who_is_not_root_has_no_capabilities, root_keeps_what_docker_leaves_and_nothing_else,
    what_is_not_permitted_cannot_be_kept,
};
use inside::devices::{
    a_device_that_was_asked_for_is_there, a_node_can_be_made_and_not_opened_on_version_1,
    a_node_can_be_made_and_not_opened_on_version_2, a_node_has_the_mode_and_the_owner_of_the_hosts,
    devices_are_the_hosts_own_where_mknod_is_forbidden, limits_are_those_that_were_asked_for,
    no_device_is_made_where_the_image_leads,
};
use inside::filter::{a_profile_is_obeyed_rule_by_rule, the_default_profile_is_in_force_with_its_own_errnos};
use inside::order::{
    no_new_privileges_makes_setuid_programs_plain, the_filter_comes_after_all_that_it_could_forbid,
};

milestone! { bin: "ch06", tests: {
    "6.1" => root_keeps_what_docker_leaves_and_nothing_else needs Tool("setpriv"),
    "6.1" => a_user_who_is_not_root_has_no_capabilities needs Root,
    "6.1" => what_is_not_permitted_cannot_be_kept needs Tool("setpriv"),
    "6.2" => no_new_privileges_makes_setuid_programs_plain needs Root,
    "6.2" => the_filter_comes_after_all_that_it_could_forbid,
    "6.3" => a_profile_is_obeyed_rule_by_rule,
    "6.3" => the_default_profile_is_in_force_with_its_own_errnos,
    "6.4" => limits_are_those_that_were_asked_for,
    "6.4" => a_device_that_was_asked_for_is_there,
    "6.4" => a_node_has_the_mode_and_the_owner_of_the_hosts needs Mknod,
    "6.4" => no_device_is_made_where_the_image_leads,
    "6.4" => devices_are_the_hosts_own_where_mknod_is_forbidden needs UserNamespaces and Tool("unshare"),
    "6.4" => a_node_can_be_made_and_not_opened_on_version_1 needs Mknod and CgroupV1,
    "6.4" => a_node_can_be_made_and_not_opened_on_version_2 needs Mknod and CgroupV2,
}}
