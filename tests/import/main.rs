//! `coracle import`: archives and directories become images, and nothing in them reaches the host.

use coracle_testkit::milestone;

mod archive;
mod hostile;
mod images;
mod sources;

#[path = "../engine/mod.rs"]
mod engine;

use hostile::*;
use images::*;
use sources::*;

milestone! { bin: "coracle", tests: {
    "sources" => every_kind_of_source_gives_the_same_image,
    "sources" => changes_say_how_it_is_run,
    "sources" => kinds_modes_times_and_links_are_kept,
    "sources" => names_of_any_kind_are_kept,
    "sources" => owners_are_kept needs Root,
    "sources" => device_nodes_are_made_by_root needs Mknod,
    "sources" => without_root_files_are_ours_and_devices_are_left_out needs UserNamespaces and Tool("unshare"),
    "sources" => later_entries_replace_earlier_ones,
    "hostile" => names_that_lead_out_are_refused,
    "hostile" => links_lead_nowhere_but_inside,
    "hostile" => nonsense_is_refused_or_survived,
    "images" => images_are_listed,
    "images" => one_image_has_several_spellings,
    "images" => replacing_an_image_leaves_its_containers_alone,
    "images" => an_interrupted_import_leaves_the_old_image,
}}
