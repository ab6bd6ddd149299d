//! Chapter 7's milestone: what a container on an overlay sees and leaves behind, and what is made of that.

use coracle_testkit::milestone;

mod inside;
use inside::changes::{
    a_renamed_directory_is_refused_and_not_misread, changes_are_listed_as_docker_lists_them,
    lower_layers_hide_one_another, notes_of_other_tools_are_understood_or_refused,
    what_an_opaque_directory_hides_is_deleted,
};
use inside::mount::{
    a_string_that_is_too_long_is_refused_in_words, every_name_of_a_layer_is_only_a_name,
    layers_that_were_renamed_are_not_followed, more_layers_can_be_had_than_a_page_of_names,
    notes_of_an_ordinary_user_are_user_attributes, only_what_is_to_be_is_volatile,
    the_topmost_layer_wins_and_all_are_seen, what_is_written_goes_to_the_upper_layer_alone,
};
use inside::removal::{
    closed_directories_are_opened_up_first, no_tree_is_too_deep, nothing_is_left_and_no_link_is_followed,
    what_is_mounted_there_stays,
};

milestone! { bin: "ch07", tests: {
    "7.1" => the_topmost_layer_wins_and_all_are_seen needs Overlay,
    "7.1" => what_is_written_goes_to_the_upper_layer_alone needs Overlay,
    "7.1" => every_name_of_a_layer_is_only_a_name needs Overlay,
    "7.1" => more_layers_can_be_had_than_a_page_of_names needs Overlay and ManyLayers,
    "7.1" => a_string_that_is_too_long_is_refused_in_words needs Overlay,
    "7.1" => notes_of_an_ordinary_user_are_user_attributes needs UserAttributes and UserNamespaces and Tool("unshare"),
    "7.1" => only_what_is_to_be_is_volatile needs Overlay,
    "7.1" => layers_that_were_renamed_are_not_followed needs Overlay,
    "7.2" => changes_are_listed_as_docker_lists_them needs Overlay,
    "7.2" => what_an_opaque_directory_hides_is_deleted needs Overlay,
    "7.2" => lower_layers_hide_one_another needs Overlay,
    "7.2" => notes_of_other_tools_are_understood_or_refused needs Overlay,
    "7.2" => a_renamed_directory_is_refused_and_not_misread needs Overlay,
    "7.3" => nothing_is_left_and_no_link_is_followed,
    "7.3" => closed_directories_are_opened_up_first needs Tool("setpriv"),
    "7.3" => what_is_mounted_there_stays,
    "7.3" => no_tree_is_too_deep,
}}
