//! Doing something as root inside, without making a container: what `podman unshare` is for.
//!
//! A program that runs as user 33 inside leaves files that belong to 100032 outside. You may not delete them, although
//! you started the container; root of a user namespace with the same maps may. So whoever unpacks an image or removes
//! a container for an ordinary user with ranges does it in here.

use crate::{Maps, become_root, write_maps};
use coracle_ground::{End, Errno, Error, Result, spawn, sys};
use coracle_namespaces::{Namespace, namespace_flags};

/// Runs `work` in a child that is root of a new user namespace with these maps, and in no other new namespace.
///
/// The caller must have one thread. What `work` changes in memory is lost with the child; files are what it is for.
///
/// # Errors
/// Those of `work`; those of [`write_maps`]; ECHILD when the child ended before its work was done.
pub fn in_user_namespace(maps: &Maps, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let (child, host) = spawn(namespace_flags(&[Namespace::User]), |link| {
        let link = link.wait_for_go()?;
        become_root()?;
        sys::die_with_parent()?; // which the kernel forgets when the user changes
        work()?;
        drop(link.prepared()?);
        sys::exit_now(0)
    })?;
    write_maps(child.pid(), maps)?;
    let (done, _) = host.go()?.prepared()?;
    drop(done);
    match child.wait()? {
        End::Exited(0) => Ok(()),
        _ => Err(Error::new("work in a user namespace", Errno::ECHILD)),
    }
}
