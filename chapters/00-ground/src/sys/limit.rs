//! Resource limits of one process, as `ulimit` in a shell knows them.

use super::told;
use crate::Result;
pub use nix::sys::resource::Resource;

/// No limit at all: `RLIM_INFINITY`.
pub const UNLIMITED: u64 = nix::sys::resource::RLIM_INFINITY;

/// The soft limit, which is in force, and the hard one, up to which the process may raise it.
///
/// Man page: `getrlimit(2)`. Never fails for a resource that exists.
pub fn limit(resource: Resource) -> Result<(u64, u64)> {
    told(|| format!("getrlimit {resource:?}"), nix::sys::resource::getrlimit(resource))
}

/// Sets both limits. Children inherit them.
///
/// Man page: `setrlimit(2)`. Raising the hard limit needs CAP_SYS_RESOURCE in the *initial* user namespace: EPERM.
/// EINVAL: the soft limit is above the hard one. EPERM also: more open files than `/proc/sys/fs/nr_open`.
pub fn set_limit(resource: Resource, soft: u64, hard: u64) -> Result<()> {
    let say = |value: u64| if value == UNLIMITED { "unlimited".to_string() } else { value.to_string() };
    told(
        || format!("setrlimit {resource:?} to {}, at most {}", say(soft), say(hard)),
        nix::sys::resource::setrlimit(resource, soft, hard),
    )
}
