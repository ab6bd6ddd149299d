//! The functions of chapter 1, task by task.

use coracle_ground::{End, Errno, Error, Result, sys};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Task 1.1: Make `root` the process's root directory, and step into it.
///
/// Afterwards `/` means `root`, and the working directory lies inside of it. Both
/// matter: `chroot` changes what `/` means, and does not move the process. One that
/// still stands outside can walk out with `..`.
///
/// Use `sys::chroot` and `sys::chdir`. Man pages: `chroot(2)`, `chdir(2)`.
/// Errors: ENOENT or ENOTDIR when there is no such directory; EPERM without
/// CAP_SYS_CHROOT.
pub fn chroot_into(root: &Path) -> Result<()> {
    sys::chroot(root)?;
    sys::chdir(Path::new("/"))
}

/// Task 1.2: Find the program `name` in the directories of `search_path`.
///
/// A name with a `/` in it is a path already: answer with it as it is. Any other name
/// is looked for in each directory of `search_path` (they stand between colons) in
/// turn; the first file that can be executed is the answer. A directory with an empty
/// name is skipped; for an empty `name` there is no file. The caller has changed the
/// root before: it is the new root's programs that count, and the new root's path.
///
/// Use `sys::can_execute`. Man page: `execvp(3)`.
/// Errors: EACCES when there was a file of that name, but none that can be executed;
/// else ENOENT.
pub fn find_program(name: &str, search_path: &str) -> Result<PathBuf> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let not_found = |errno| Err(Error::new(format!("find `{name}` in {search_path}"), errno));
    if name.is_empty() {
        return not_found(Errno::ENOENT);
    }
    let mut errno = Errno::ENOENT;
    for directory in search_path.split(':').filter(|directory| !directory.is_empty()) {
        let candidate = Path::new(directory).join(name);
        match sys::can_execute(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if error.errno == Errno::EACCES => errno = Errno::EACCES,
            Err(_) => {}
        }
    }
    not_found(errno)
}

/// Task 1.3: Become the program, and keep nothing else of the host.
///
/// `argv` holds the program's own name first. `env` holds `NAME=value` pairs, and they
/// are all that the program gets. Descriptors above standard error must not survive:
/// one open directory of the host is a way out of the root.
/// The kernel answers ENOENT for two files: the program and its [`interpreter`]. When
/// the program is there, answer ENOENT with a text that names the interpreter, so that
/// nobody looks for the wrong file.
///
/// Use `sys::close_on_exec_from` and `sys::execve`. Man pages: `execve(2)`,
/// `close_range(2)`. Returns only when it fails: ENOENT; EACCES (not executable);
/// ENOEXEC (neither a program nor a script with `#!`).
pub fn exec_program(program: &Path, argv: &[String], env: &[String]) -> Result<Infallible> {
    sys::close_on_exec_from(3)?;
    let Err(error) = sys::execve(program, argv, env);
    if error.errno != Errno::ENOENT {
        return Err(error);
    }
    match interpreter(program) {
        Ok(Some(needed)) => {
            let doing = format!("start `{}`, which needs {needed:?} in the new root", program.display());
            Err(Error::new(doing, Errno::ENOENT))
        }
        _ => Err(error),
    }
}

/// Task 1.3: Name the other file that the kernel needs to start `program`.
///
/// A *script* begins with `#!`. Then come spaces, perhaps, and the path, up to a space,
/// a tab or the line's end.
///
/// A *program* of 64 bits begins with the six bytes `\x7fELF\x02\x01`. If it is linked
/// dynamically, then one of its *program headers* says where in the file the path of
/// its loader stands:
///
/// | at byte           | length | what stands there                                   |
/// |-------------------|--------|-----------------------------------------------------|
/// | 32 of the file    | 8      | where the first header begins; the others follow it |
/// | 54 of the file    | 2      | how long each header is                             |
/// | 56 of the file    | 2      | how many headers there are                          |
/// | 0 of a header     | 4      | its purpose; 3 (`PT_INTERP`) is the loader's        |
/// | 8 of that header  | 8      | where in the file the path begins                   |
/// | 32 of that header | 8      | how long the path is, with the zero byte at its end |
///
/// `None`: it needs no other file, because it is static, or is of a kind that we do not
/// know.
///
/// Use `read` and `number` below. Man pages: `elf(5)`, and `execve(2)` at "Interpreter
/// scripts". Errors: those of reading; ENOENT when `program` itself is missing.
pub fn interpreter(program: &Path) -> Result<Option<PathBuf>> {
    let bytes = read(program)?;
    let path = match bytes.strip_prefix(b"#!") {
        Some(rest) => first_word(rest),
        None => loader(&bytes),
    };
    Ok(path.map(|path| PathBuf::from(OsStr::from_bytes(path))))
}

/// The first word of the first line. An editor on Windows leaves a `\r` at its end, and it belongs to the path.
fn first_word(text: &[u8]) -> Option<&[u8]> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())
}

/// The path in the program header for the loader. The file may be hostile: nothing in it is believed.
fn loader(elf: &[u8]) -> Option<&[u8]> {
    const PT_INTERP: usize = 3;
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size, count) = (number(elf, 32, 8)?, number(elf, 54, 2)?, number(elf, 56, 2)?);
    let mut headers = elf.get(table..)?.chunks_exact(size.max(1)).take(count);
    let header = headers.find(|header| number(header, 0, 4) == Some(PT_INTERP))?;
    let path = elf.get(number(header, 8, 8)?..)?.get(..number(header, 32, 8)?)?;
    path.strip_suffix(b"\0")
}

/// Given: the bytes of the file `path`.
fn read(path: &Path) -> Result<Vec<u8>> {
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    std::fs::read(path).map_err(|error| Error::new(format!("read `{}`", path.display()), errno(error)))
}

/// Given: the little-endian number of `length` bytes that stands at `at`; `None` when the file ends before.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.get(..length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Task 1.4: Say how the program ended, as the one number that a shell sees.
///
/// A program that ended by itself: its own status. One that a signal ended: 128 and the
/// signal's number. One that could not be started: 127 when there is no such file, 126
/// when there is one that cannot be executed.
///
/// Man pages: `exit(3)`, `signal(7)`; `bash(1)` at "EXIT STATUS" has the same rule.
pub fn exit_code(end: End) -> u8 {
    match end {
        End::Exited(status) => status as u8,
        End::Killed(signal) => 128 + signal as u8,
        End::NotStarted(Errno::ENOENT) => 127,
        End::NotStarted(_) => 126,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_after_the_two_signs() {
        for (text, word) in [
            (&b"/bin/sh\nexit 0\n"[..], Some(&b"/bin/sh"[..])),
            (b" \t/usr/bin/env -S sh -x\n", Some(b"/usr/bin/env")),
            (b"/bin/sh\r\n", Some(b"/bin/sh\r")),
            (b"/bin/sh", Some(b"/bin/sh")),
            (b"\n/bin/sh\n", None),
            (b"", None),
        ] {
            assert_eq!(first_word(text), word, "{}", text.escape_ascii());
        }
    }

    /// The file comes out of an image, so each number in it may be a lie.
    #[test]
    fn no_number_in_a_hostile_file_is_believed() {
        let mut sound = b"\x7fELF\x02\x01".to_vec();
        sound.resize(64 + 56, 0);
        sound[32] = 64;
        sound[54] = 56;
        sound[56] = 1;
        sound[64] = 3;
        sound[72] = 120;
        sound[96] = 4;
        sound.extend_from_slice(b"/ld\0");
        assert_eq!(loader(&sound), Some(&b"/ld"[..]));
        for at in 0..sound.len() {
            for wrong in [0, 1, 0x7f, 0xff] {
                let mut file = sound.clone();
                file[at] = wrong;
                loader(&file);
                loader(&file[..at]);
            }
        }
        assert_eq!(loader(&sound[..64]), None);
        assert_eq!(loader(b"\x7fELF"), None);
    }
}
