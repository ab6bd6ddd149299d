//! One error type for all chapters: what was being done, and the kernel's answer.
//!
//! The kernel answers a failed call with a single number, an *errno*. `EINVAL` alone has a dozen meanings for
//! `mount` and half a dozen for `pivot_root`. So an [`Error`] keeps the sentence of what was being done, and adds
//! the cause that learners meet most often. It is a guess, and says so.
//!
//! Man pages: `errno(3)`, and the ERRORS section of each call's own page.

use nix::errno::Errno;
use std::fmt;

/// The result of everything that talks to the kernel.
pub type Result<T> = std::result::Result<T, Error>;

/// What was being done, and the errno that the kernel answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The call first, then its subject: ``mount proc on `/proc` ``.
    pub doing: String,
    /// The kernel's answer.
    pub errno: Errno,
}

impl Error {
    /// An error of `errno` while `doing`.
    pub fn new(doing: impl Into<String>, errno: Errno) -> Error {
        Error { doing: doing.into(), errno }
    }

    /// The cause that this call and this errno usually have, when there is a usual one.
    pub fn likely_cause(&self) -> Option<&'static str> {
        let call = self.doing.split_whitespace().next().unwrap_or_default();
        likely_cause(call, self.errno)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.doing, self.errno)?;
        match self.likely_cause() {
            Some(cause) => write!(f, " (likely: {cause})"),
            None => write!(f, " ({})", self.errno.desc()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> std::io::Error {
        std::io::Error::from_raw_os_error(error.errno as i32)
    }
}

/// The usual cause of `errno` from `call`, as the field guide in the book has it.
fn likely_cause(call: &str, errno: Errno) -> Option<&'static str> {
    Some(match (call, errno) {
        ("clone3" | "unshare", Errno::EPERM) => {
            "new namespaces need root or a user namespace; on Ubuntu, AppArmor may forbid user namespaces: \
             see `sysctl kernel.apparmor_restrict_unprivileged_userns` and `cargo workbook doctor`"
        }
        ("clone3" | "unshare", Errno::ENOSPC) => {
            "the limit on namespaces is reached: see `sysctl user.max_user_namespaces` and its neighbours"
        }
        ("clone3" | "unshare", Errno::EINVAL) => {
            "this kernel lacks one of the namespaces, or the process has more than one thread"
        }
        ("clone3" | "clone", Errno::EAGAIN) => {
            "a limit on processes is reached: a pids cgroup, or `ulimit -u`"
        }
        ("clone3" | "clone", Errno::ENOMEM) => {
            "PID 1 of this PID namespace has already ended: nothing can start in it"
        }
        ("pivot_root", Errno::EINVAL) => {
            "the new root is not a mount point (bind it onto itself first), or the mounts around it are still shared"
        }
        ("pivot_root", Errno::EBUSY) => "the new root and the old root are on the same mount",
        ("pivot_root" | "chroot" | "mount" | "umount" | "sethostname" | "mknod", Errno::EPERM) => {
            "this needs a capability that the process does not have here: be root, or own the namespace"
        }
        ("chown" | "fchown" | "setresuid" | "setresgid", Errno::EINVAL) => {
            "this user namespace has no user or group of that number: see `/proc/self/uid_map` and `gid_map`"
        }
        ("umount", Errno::EBUSY) => {
            "something still stands in it: an open file or a working directory; MNT_DETACH waits for it"
        }
        ("umount", Errno::EINVAL) => "that path is not a mount point in this mount namespace",
        ("mount", Errno::EBUSY) => "it is mounted there already, or in use",
        ("mount", Errno::EINVAL) => {
            "an option that this filesystem does not know, a source that is not a mount point, or a mount that belongs to another user namespace"
        }
        ("mount", Errno::ENODEV) => "this kernel does not know that filesystem",
        ("mount", Errno::ENOENT) => "the mount point or the source does not exist",
        ("fsconfig:", Errno::EINVAL) => {
            "the work directory must be on the same mount as the upper one, neither inside the other; an upper directory that was once mounted `volatile` is refused"
        }
        ("fsconfig:", Errno::EBUSY) => {
            "the upper or the work directory belongs to an overlay that is mounted"
        }
        ("remove", Errno::EXDEV | Errno::EBUSY) => "something is mounted in it: unmount it first",
        ("move_mount", Errno::ENOENT) => "the mount point does not exist",
        ("execve", Errno::ENOENT) => {
            "no such program in the new root; or it is there, but its loader (see `file` or `ldd`) or the interpreter after `#!` is not"
        }
        ("execve", Errno::EACCES) => {
            "not an executable file (a mode without x, or a directory), or a mount with noexec"
        }
        ("execve", Errno::ENOEXEC) => {
            "not a program of this machine's architecture, or a script without `#!` in its first line"
        }
        ("setns", Errno::EPERM) => "joining another process's namespaces needs CAP_SYS_ADMIN in them",
        ("setns", Errno::EINVAL) => {
            "joining a user namespace needs a single thread, and it must not be one's own already"
        }
        ("seccomp:", Errno::EACCES) => {
            "a filter takes CAP_SYS_ADMIN, or the promise of no new privileges, at the moment when it is installed"
        }
        ("capset" | "capget" | "prctl:", Errno::EPERM) => {
            "a set may only shrink, the bounding set takes CAP_SETPCAP, and a seccomp filter may forbid the call itself"
        }
        ("setrlimit", Errno::EPERM) => {
            "a hard limit is raised with CAP_SYS_RESOURCE on the whole machine only, and open files not beyond `/proc/sys/fs/nr_open`"
        }
        ("bpf:", Errno::EPERM) => "this needs root of the machine, or CAP_BPF there",
        ("setns" | "pidfd_open", Errno::ESRCH) => "that process has ended",
        ("set", Errno::ENOSPC) => {
            "a cpuset of cgroup v1 without processors or memory nodes: nothing can enter it"
        }
        ("set", Errno::EBUSY) => {
            "cgroup v2: a group that holds processes cannot hand controllers down, and one that does cannot hold any"
        }
        ("set", Errno::ENOENT) => {
            "the group, or the controller, is not there: in cgroup v2 the parent must hand it down first"
        }
        ("rmdir", Errno::EBUSY) => "a process, perhaps one that is just ending, or a group is still in it",
        ("clone3", Errno::EBUSY) => {
            "cgroup v2: the group hands controllers down, so it cannot hold processes"
        }
        (_, Errno::ENOSPC) => "the disk, or the tmpfs, is full",
        (_, Errno::EOPNOTSUPP) => "this filesystem, or this kernel, cannot do that",
        (_, Errno::EROFS) => "that filesystem is mounted read-only",
        (_, Errno::ENAMETOOLONG) => {
            "a path is limited to 4,095 bytes, a single name to 255, a host name to 64"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_done_and_the_likely_cause() {
        let error = Error::new("pivot_root to `/r`, the old root on `/r`", Errno::EINVAL);
        let text = error.to_string();
        assert!(
            text.starts_with(
                "pivot_root to `/r`, the old root on `/r`: EINVAL (likely: the new root is not a mount"
            ),
            "{text}"
        );
    }

    #[test]
    fn without_a_usual_cause_it_gives_the_kernels_words() {
        assert_eq!(
            Error::new("chdir to `/x`", Errno::ENOENT).to_string(),
            "chdir to `/x`: ENOENT (No such file or directory)"
        );
    }

    #[test]
    fn causes_belong_to_their_call() {
        let cause = |doing: &str, errno| Error::new(doing, errno).likely_cause().unwrap_or("none");
        assert!(cause("clone3 with NEWUSER", Errno::EPERM).contains("AppArmor"));
        assert!(cause("umount `/r`", Errno::EBUSY).contains("MNT_DETACH"));
        assert!(cause("execve `/bin/sh`", Errno::ENOENT).contains("loader"));
        assert_eq!(cause("read `/x`", Errno::EPERM), "none");
    }
}
