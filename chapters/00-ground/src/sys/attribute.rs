//! Extended attributes: small notes that a filesystem keeps beside a file, each with a name. `user.…` are anybody's who may
//! read and write the file; `trusted.…` are for CAP_SYS_ADMIN on the whole machine, and invisible to everybody else.

use super::filesystem::errno;
use super::{path_of, told};
use crate::{Error, Result};
use std::os::fd::AsFd;
use std::path::Path;

/// The attribute `name` of a file that was opened with `open_path` or `open_beneath`; `None` when it has none.
///
/// A filesystem without attributes has none, and neither has one that hides them: `trusted.…` without CAP_SYS_ADMIN is
/// "no such attribute", not an error. Whoever asks for those must know that they are allowed to.
/// Man page: `getxattr(2)`, `xattr(7)`. EACCES: `user.…` of a file that may not be read. Needs a `/proc`.
pub fn attribute(file: impl AsFd, name: &str) -> Result<Option<Vec<u8>>> {
    let mut value = vec![0; 256];
    let place = path_of(file);
    let answer = match rustix::fs::getxattr(&place, name, &mut value[..]) {
        Ok(length) => Ok(Some(value[..length].to_vec())),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
        // Longer than anything that an overlay writes: that it is there is all that matters.
        Err(rustix::io::Errno::RANGE) => Ok(Some(value)),
        Err(error) => Err(errno(error)),
    };
    // Not told: a walk through a layer asks this of every file.
    answer.map_err(|errno| Error::new(format!("getxattr {name}"), errno))
}

/// Writes the attribute `name` of the file or directory at `path`.
///
/// Man page: `setxattr(2)`. EOPNOTSUPP: this filesystem keeps none of that kind; EPERM: `trusted.…` without CAP_SYS_ADMIN
/// on the whole machine, or `user.…` of something that is neither a file nor a directory; ENOSPC, EDQUOT.
pub fn set_attribute(path: &Path, name: &str, value: &[u8]) -> Result<()> {
    let answer = rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty());
    told(|| format!("setxattr {name} of `{}`", path.display()), answer.map_err(errno))
}

/// Which filesystem is it on which `path` lies? The number that it has in `linux/magic.h`.
///
/// Man page: `statfs(2)`, which lists them. ENOENT.
pub fn filesystem_number(path: &Path) -> Result<u64> {
    let answer = rustix::fs::statfs(path).map_err(errno);
    Ok(told(|| format!("statfs `{}`", path.display()), answer)?.f_type as u64)
}
