//! The tiny image: a root filesystem made from what this machine already has, without a network.
//!
//! The kernel asks nothing of a root filesystem but that it is a directory. What a *program* asks for is more:
//! the program's own file, the loader named in it, each shared library that the loader will look for, and the
//! few directories and files that every C library expects (`/tmp`, `/etc/passwd`). [`make`] puts together just
//! those. Best is a machine with busybox: one file that is a hundred tools. Without it we take the machine's
//! shell and its core tools one by one, and ask `ldd` which libraries they need.
//!
//! ```text
//!   tiny/
//!   ├── bin/          busybox, and the same file under the names ls, cat, …  (or: sh, ls, cat, … themselves)
//!   ├── sbin -> bin
//!   ├── usr/bin -> ../bin, usr/sbin -> ../bin
//!   ├── lib…/         only when something is linked dynamically: the loader and the libraries, at the same
//!   │                 paths as on the machine, because the paths are written inside the programs
//!   ├── etc/          passwd, group, hosts
//!   ├── root/  home/  run/  var/  tmp/ (1777)
//!   └── proc/  sys/  dev/               empty: the runtime mounts something here
//! ```
//!
//! Man pages: ld.so(8), ldd(1), hier(7), busybox(1).
//!
//! Left out: a package manager, locales, certificates, `/etc/services`. Real images come from registries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The tools to link to busybox. Each container copies the image, so the list is short; all of it is used
/// somewhere in the book.
const APPLETS: &str = "\
    [ ash awk basename cat chmod chown chroot cmp cp cut date dd df diff dirname du echo env expr false \
    find free grep gunzip gzip head hostname httpd id ip kill less ln ls md5sum mkdir mkfifo mknod more \
    mount mv nc nproc nsenter ping pivot_root printf ps pwd readlink realpath rm rmdir sed seq setsid \
    sh sha256sum sleep sort stat stty sync tail tar tee test time timeout top touch tr true tty umount \
    uname uniq unshare vi wc wget which whoami xargs yes";

/// The tools to copy when there is no busybox: those of [`APPLETS`] that need hardly a library that the others do
/// not need too. `ip`, `tar` or `find` would each bring in as much as twenty of these.
const TOOLS: &str = "\
    sh [ basename cat chmod chown chroot cp cut date dd df dirname echo env false grep head hostname id \
    kill ln ls mkdir mkfifo mknod mount mv nsenter pivot_root printf pwd readlink realpath rm rmdir sed \
    seq setsid sleep sort stat stty tail tee test timeout touch tr true tty umount uname unshare wc whoami";

/// `ps` when there is no busybox: the machine's own would need more libraries than all the rest of the image.
const PS: &str = "\
#!/bin/sh
# Number and name of each process that /proc shows.
echo '  PID COMMAND'
for process in /proc/[0-9]*; do
    read -r name 2>/dev/null <\"$process/comm\" && printf '%5s %s\\n' \"${process#/proc/}\" \"$name\"
done
";

/// Where tools are looked for after the directories of PATH: an ordinary user's PATH often lacks `sbin`.
const USUAL_PLACES: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// Makes the tiny root filesystem in the new directory `at`, whose parent must exist.
///
/// Works as root and as an ordinary user; the files then belong to that user. What is made depends on the
/// machine's tools only, so making it twice gives the same files. After an error, nothing is left.
pub fn make(at: &Path) -> io::Result<()> {
    make_from(at, &std::env::var("PATH").unwrap_or_default())
}

/// [`make`], with the tools looked for in `path` (directories between colons) instead of in `PATH`.
pub fn make_from(at: &Path, path: &str) -> io::Result<()> {
    let search = places(path);
    fs::create_dir(at).map_err(|e| because(e, "make the directory", at))?;
    let done = directories(at).and_then(|()| match find("busybox", &search) {
        Some(busybox) => from_busybox(at, &busybox),
        None => from_tools(at, &search),
    });
    if done.is_err() {
        let _ = fs::remove_dir_all(at); // the first error is the one to tell
    }
    done
}

/// The busybox that [`make`] would use; without one, the image is made from the machine's own tools.
pub fn busybox() -> Option<PathBuf> {
    find("busybox", &places(&std::env::var("PATH").unwrap_or_default()))
}

/// The directories of `path`, then the usual ones.
fn places(path: &str) -> Vec<PathBuf> {
    std::env::split_paths(path).chain(std::env::split_paths(USUAL_PLACES)).collect()
}

/// The directories and files that hold for either kind.
fn directories(at: &Path) -> io::Result<()> {
    fs::set_permissions(at, fs::Permissions::from_mode(0o755))?;
    for name in ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"] {
        let mode = match name {
            "tmp" => 0o1777,
            "root" => 0o700,
            _ => 0o755,
        };
        directory(&at.join(name), mode)?;
    }
    symlink("bin", at.join("sbin"))?;
    symlink("../bin", at.join("usr/bin"))?;
    symlink("../bin", at.join("usr/sbin"))?;
    for (name, text) in [("passwd", PASSWD), ("group", GROUP), ("hosts", HOSTS)] {
        let file = at.join("etc").join(name);
        fs::write(&file, text).map_err(|e| because(e, "write", &file))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// One file with many names, one for each tool that it can be. Hard links, because a copy of the image is made for
/// each container, and a name costs less than a file.
fn from_busybox(at: &Path, busybox: &Path) -> io::Result<()> {
    copy(busybox, &at.join("bin/busybox"))?;
    let list = Command::new(busybox).arg("--list").output().map_err(|e| because(e, "run", busybox))?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let has: BTreeSet<&str> = list.lines().collect();
    for applet in APPLETS.split_whitespace().filter(|applet| has.contains(applet)) {
        fs::hard_link(at.join("bin/busybox"), at.join("bin").join(applet))?;
    }
    libraries(at, &[busybox.to_path_buf()])
}

/// The machine's own tools, each one's file, then the libraries of all of them.
fn from_tools(at: &Path, search: &[PathBuf]) -> io::Result<()> {
    // Some distributions have one big program under many names: then one copy, and links to it.
    let mut copied: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    let mut files = Vec::new();
    for tool in TOOLS.split_whitespace() {
        let Some(file) = find(tool, search) else { continue };
        let target = at.join("bin").join(tool);
        let meta = fs::metadata(&file)?;
        if let Some(first) = copied.get(&(meta.dev(), meta.ino())) {
            symlink(first, target)?;
            continue;
        }
        copy(&file, &target)?;
        copied.insert((meta.dev(), meta.ino()), tool);
        files.push(file);
    }
    if !at.join("bin/sh").exists() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "make the tiny image: neither busybox nor sh is in PATH",
        ));
    }
    let ps = at.join("bin/ps");
    fs::write(&ps, PS).map_err(|e| because(e, "write", &ps))?;
    fs::set_permissions(&ps, fs::Permissions::from_mode(0o755))?;
    libraries(at, &files)
}

/// Copies the loader and the shared libraries that `programs` need to the paths where they are looked for.
fn libraries(at: &Path, programs: &[PathBuf]) -> io::Result<()> {
    let told = Command::new("ldd").args(programs).stdin(Stdio::null()).output();
    let told = told.map_err(|e| because(e, "ask ldd about", &programs[0]))?;
    // ldd fails when one of the files is a script or static; what it says of the others still holds.
    let paths: BTreeSet<PathBuf> =
        String::from_utf8_lossy(&told.stdout).lines().filter_map(library).collect();
    // Where `/lib` is a link to `/usr/lib`, one library can have two paths: one copy, and a link to it.
    let mut copied: BTreeMap<(u64, u64), &PathBuf> = BTreeMap::new();
    for path in &paths {
        let inside = at.join(path.strip_prefix("/").unwrap_or(path));
        let meta = fs::metadata(path).map_err(|e| because(e, "look at", path))?;
        parents(&inside)?;
        match copied.get(&(meta.dev(), meta.ino())) {
            Some(first) => symlink(first, &inside)?,
            None => copy(path, &inside)?,
        }
        copied.entry((meta.dev(), meta.ino())).or_insert(path);
    }
    Ok(())
}

/// The path in one line of ldd: `libc.so.6 => /lib/libc.so.6 (0x…)`, or the loader's `/lib64/ld-linux… (0x…)`.
/// The kernel's own page (`linux-vdso.so.1`) has no path, and `/bin/ls:` is only a heading.
fn library(line: &str) -> Option<PathBuf> {
    let right = line.split_once("=>").map_or(line, |(_, right)| right).trim();
    let (path, _) = right.split_once(" (0x")?;
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// The first executable file named `name` in `search`.
fn find(name: &str, search: &[PathBuf]) -> Option<PathBuf> {
    search.iter().map(|folder| folder.join(name)).find(|file| {
        fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// Copies one file (a link is followed), readable and executable for all, and never set-user-ID.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map_err(|e| because(e, "copy", from))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))
}

/// One directory with exactly these permissions, whatever the umask is.
fn directory(at: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir(at).map_err(|e| because(e, "make the directory", at))?;
    fs::set_permissions(at, fs::Permissions::from_mode(mode))
}

/// The directories above `file` that are not there yet, open to everybody.
fn parents(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent().filter(|folder| !folder.exists()) else { return Ok(()) };
    parents(folder)?;
    directory(folder, 0o755)
}

/// The same error, saying what was being done to which file.
fn because(error: io::Error, doing: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_that_ldd_prints() {
        for (line, path) in [
            ("\tlinux-vdso.so.1 (0x00007ffd)", None),
            (
                "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1c)",
                Some("/lib/x86_64-linux-gnu/libc.so.6"),
            ),
            ("\t/lib64/ld-linux-x86-64.so.2 (0x00007f1c)", Some("/lib64/ld-linux-x86-64.so.2")),
            ("\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)", Some("/lib/ld-musl-x86_64.so.1")),
            ("\tlibgone.so => not found", None),
            ("\tnot a dynamic executable", None),
            ("/bin/ls:", None),
        ] {
            assert_eq!(library(line), path.map(PathBuf::from), "{line}");
        }
    }
}
