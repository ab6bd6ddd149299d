//! A root filesystem of the container's own. What a container writes must never reach its image.
//!
//! **Until chapter 7**, which takes this file over, there are two ways to it:
//!
//! - A container that stays gets a copy of the image's root, on disk, beside its state.
//! - With `--rm`, nothing that it writes will be read again. So init mounts an overlay: the image's root below, an empty
//!   directory above, and the kernel puts every change into the upper one. Nothing is copied before it is changed.
//!
//! The overlay is `volatile`: its unmount does not wait until the disk has what is about to be removed.
//!
//! Not every kernel and filesystem takes an overlay (a data root that lies on one does not, and names with `,` or `:`
//! cannot be told to it). Then there is a copy again: in memory if the image is small, else on disk.
//!
//! Man pages: `mount(2)`, `tmpfs(5)`; "Overlay Filesystem" in the kernel's documentation.

use crate::store::{Image, ImageRoot};
use coracle_ground::sys::{self, MntFlags, MsFlags};
use coracle_ground::{Errno, Error, trace};
use std::path::Path;

/// The largest image whose copy goes to memory, in bytes: 64 MiB. Memory is worth more than disk.
const LARGEST_IN_MEMORY: u64 = 64 << 20;

/// How a container comes by its root. It holds the image's lock, so it must live as long as the container runs.
pub(crate) enum Rootfs {
    /// The copy lies at the container's `rootfs` already.
    OnDisk,
    /// Init makes it, in its own mount namespace; nothing of it is wanted later.
    ThrownAway {
        /// What it begins as.
        image: ImageRoot,
        /// A copy of it would fit in memory.
        small: bool,
        /// An overlay keeps its notes (what was removed, what was made anew) in attributes called `trusted.…`. Only the
        /// machine's own root may write those; for anybody else they are called `user.…`.
        trusted: bool,
    },
}

impl Rootfs {
    /// Makes the copy as the new directory `at`, or leaves that to init.
    pub(crate) fn new(image: &Image, root: ImageRoot, rm: bool, at: &Path) -> anyhow::Result<Rootfs> {
        if rm {
            let small = image.size <= LARGEST_IN_MEMORY;
            return Ok(Rootfs::ThrownAway { image: root, small, trusted: sys::is_root_of_the_machine() });
        }
        trace::step(7, "A root of its own: a copy of the image's, until chapter 7 makes copies needless");
        sys::mkdir(at, 0o755)?;
        root.copy_into(at)?;
        Ok(Rootfs::OnDisk)
    }

    /// In init, whose mounts are private by now: makes what is still to be made.
    pub(super) fn finish(&self, at: &Path) -> Result<(), Error> {
        let Rootfs::ThrownAway { image, small, trusted } = self else { return Ok(()) };
        trace::step(
            7,
            "A root of its own: an overlay. The image is below and stays as it is; changes go above",
        );
        sys::mkdir(at, 0o755)?;
        let directory = at.parent().unwrap_or(at);
        match overlay(image, directory, at, *trusted) {
            Err(error) if cannot_be_here(error.errno) => {}
            answer => return answer,
        }
        if *small {
            trace::step(
                7,
                "No overlay here, so a copy of the image; in memory, because --rm will drop it anyway",
            );
            memory(directory)?;
            sys::mkdir(at, 0o755)?;
        } else {
            trace::step(7, "No overlay here, so a copy of the image; too large for memory, so on disk");
        }
        image.copy_into(at)
    }
}

/// Mounts an overlay on `at`, its upper and its work directory in `directory`.
fn overlay(image: &ImageRoot, directory: &Path, at: &Path, trusted: bool) -> Result<(), Error> {
    let (upper, work) = (directory.join("upper"), directory.join("work"));
    let lower = image.path();
    let odd = |path: &Path| path.as_os_str().as_encoded_bytes().iter().any(|byte| b",:\\".contains(byte));
    if odd(&lower) || odd(&upper) {
        return Err(Error::new(
            "say this path to an overlay, which divides its options at `,` and `:`",
            Errno::EINVAL,
        ));
    }
    trace::shorten(directory, "CONTAINER");
    trace::shorten(&lower, "IMAGE");
    sys::mkdir(&upper, 0o755)?;
    sys::mkdir(&work, 0o700)?;
    if !trusted {
        takes_notes(&work)?;
    }
    let paths =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let notes = if trusted { "" } else { "userxattr," };
    sys::mount("overlay", at, MsFlags::empty(), &format!("volatile,{notes}{paths}"))?;
    if image.has_been_replaced() {
        // An import was faster, and its files lie below now. Ours are still to be had through the open directory.
        sys::unmount(at, MntFlags::MNT_DETACH)?;
        return Err(Error::new("find the image where it was", Errno::ESTALE));
    }
    Ok(())
}

/// Can an overlay keep its notes on this filesystem, where they are called `user.…`? mount(2) does not ask; later, `rm -r` in the container would end with
/// EIO. A tmpfs has had `user.…` attributes only since Linux 6.6.
fn takes_notes(directory: &Path) -> Result<(), Error> {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(directory, "user.overlay.coracle", b"y", flags).map_err(|error| {
        Error::new("keep the notes of an overlay here", Errno::from_raw(error.raw_os_error()))
    })
}

/// Does this answer to mount(2) mean "not with this kernel, not on this filesystem, not for you"?
fn cannot_be_here(errno: Errno) -> bool {
    use Errno::{EACCES, EINVAL, ELOOP, ENODEV, EOPNOTSUPP, EPERM, ESTALE};
    matches!(errno, EINVAL | ENODEV | EPERM | EACCES | EOPNOTSUPP | ELOOP | ESTALE)
}

/// A memory filesystem over the container's own directory, of which init needs nothing more.
fn memory(directory: &Path) -> Result<(), Error> {
    // Large pages where they fit: a copy into them takes half the time. Not every kernel is built with them.
    match sys::mount("tmpfs", directory, MsFlags::empty(), "mode=755,huge=within_size") {
        Err(error) if error.errno == Errno::EINVAL => {
            sys::mount("tmpfs", directory, MsFlags::empty(), "mode=755")
        }
        answer => answer,
    }
}
