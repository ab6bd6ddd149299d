//! Chapter 4's milestone: who a program is, inside and outside, in the container that `ch04` makes.
//!
//! Most tests run `ch04` as an ordinary user (`voyager`), whoever runs the tests; those that need more than one user
//! outside need root, or ranges in `/etc/subuid`. They read what the kernel says: `/proc/self/uid_map`, `/proc/self/status`, the owner of a file.

use coracle_testkit::milestone;

mod inside;
use inside::maps::{
    any_map_of_root_is_written_in_one_piece, one_number_where_no_range_can_be_had,
    ranges_follow_the_own_number, root_inside_is_the_caller_outside,
    setgroups_is_denied_before_the_group_map, the_helpers_map_ranges_for_an_ordinary_user,
};
use inside::user::{
    groups_that_cannot_be_had_are_refused, the_program_ends_with_the_engine,
    the_program_has_its_groups_and_no_others,
};
use inside::who::{no_link_in_the_image_leads_to_the_hosts_users, users_are_those_of_the_image};

milestone! { bin: "ch04", tests: {
    "4.1" => root_inside_is_the_caller_outside,
    "4.1" => setgroups_is_denied_before_the_group_map needs ManyUsers,
    "4.1" => any_map_of_root_is_written_in_one_piece needs ManyUsers,
    "4.2" => one_number_where_no_range_can_be_had,
    "4.2" => ranges_follow_the_own_number needs ManyUsers,
    "4.2" => the_helpers_map_ranges_for_an_ordinary_user needs Root and Tool("newuidmap"),
    "4.3" => users_are_those_of_the_image,
    "4.3" => no_link_in_the_image_leads_to_the_hosts_users,
    "4.4" => the_program_has_its_groups_and_no_others needs ManyUsers and Tool("setpriv"),
    "4.4" => groups_that_cannot_be_had_are_refused needs ManyUsers and Tool("unshare"),
    "4.4" => the_program_ends_with_the_engine needs ManyUsers,
}}
