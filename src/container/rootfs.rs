//! A root filesystem of the container's own. **Until chapter 7**, where an overlay of the image's layers takes its place.
//!
//! What a container writes must never reach its image, so each container gets a copy of the image's
//! root. There are two places for it:
//!
//! - On disk, beside the container's state: it stays until the container is removed.
//! - In memory, when the container is to be removed at its end anyway (`--rm`) and the image is small: a tmpfs in its
//!   own mount namespace. There is nothing to write to a disk, and nothing to clean up: the kernel takes the
//!   tmpfs away with the namespace, however the container ends.
//!
//! Man pages: `tmpfs(5)`, `mount_namespaces(7)`.

use crate::store::{Image, ImageRoot};
use coracle_ground::sys::{self, MsFlags};
use coracle_ground::{Errno, Error, trace};
use std::path::Path;

/// The largest image whose copy goes to memory, in bytes: 64 MiB. Memory is worth more than disk.
const LARGEST_IN_MEMORY: u64 = 64 << 20;

/// How a container comes by its root.
pub(crate) enum Rootfs {
    /// The copy lies at the container's `rootfs` already.
    OnDisk,
    /// Init makes it, in its own mount namespace.
    InMemory(ImageRoot),
}

impl Rootfs {
    /// Makes the copy as the new directory `at`, or leaves that to init.
    pub(crate) fn new(image: &Image, root: ImageRoot, rm: bool, at: &Path) -> anyhow::Result<Rootfs> {
        if rm && image.size <= LARGEST_IN_MEMORY {
            return Ok(Rootfs::InMemory(root));
        }
        trace::step(7, "A root of its own: a copy of the image's, until chapter 7 makes copies needless");
        sys::mkdir(at, 0o755)?;
        root.copy_into(at)?;
        Ok(Rootfs::OnDisk)
    }

    /// In init, whose mounts are private by now: makes what is still to be made.
    pub(super) fn finish(&self, at: &Path) -> Result<(), Error> {
        let Rootfs::InMemory(image) = self else { return Ok(()) };
        trace::step(
            7,
            "A root of its own: a copy of the image's, in memory, because --rm will drop it anyway",
        );
        // Over the container's own directory, of which init needs nothing: so not even a mount point stays behind.
        let directory = at.parent().unwrap_or(at);
        // Large pages where they fit: a copy into them takes half the time. Not every kernel is built with them.
        match sys::mount("tmpfs", directory, MsFlags::empty(), "mode=755,huge=within_size") {
            Err(error) if error.errno == Errno::EINVAL => {
                sys::mount("tmpfs", directory, MsFlags::empty(), "mode=755")?
            }
            answer => answer?,
        }
        sys::mkdir(at, 0o755)?;
        image.copy_into(at)
    }
}
