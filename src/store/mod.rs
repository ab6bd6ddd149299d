//! What the engine keeps on disk.

mod containers;

pub(crate) use containers::ContainerDir;
