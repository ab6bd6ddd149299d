//! `memory WORDS`: a secret, out of the memory of another process.
//!
//! `process_vm_readv` copies memory from one process to another, without stopping it. Passwords stand in
//! environment variables, and those stand at the end of a process's stack.
//! Source: `process_vm_readv(2)`, `ptrace(2)` at "Ptrace access mode checking".
//! Succeeds in: chapter 1, where all of the host's processes have numbers; and in chapter 2, out of its init, which
//! is a copy of the runtime with all that the runtime's caller had in the environment.
//! Stopped by: a PID namespace (what has no number cannot be asked for), in which process 1 is the program itself,
//! put in the runtime's place by `execve` (chapter 3).

use crate::processes::{proc, processes};
use coracle_ground::{Errno, Error, Result};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;

/// How much of the end of a stack is read.
const END: usize = 64 << 10;

/// Looks in the stack of every process for a text that begins with the words.
pub(crate) fn run(arguments: &[String]) -> Result<String> {
    let words = arguments.first().ok_or_else(|| Error::new("name the words to look for", Errno::EINVAL))?;
    let proc = proc()?;
    let mut last = Error::new("find a process that knows these words", Errno::ESRCH);
    for process in processes(proc)? {
        // It may have ended, or be a part of the kernel.
        let Some(end) = end_of_stack(proc, process) else { continue };
        let mut copy = vec![0; END];
        let remote = RemoteIoVec { base: end.saturating_sub(END), len: END };
        let pid = Pid::from_raw(process as i32);
        match process_vm_readv(pid, &mut [IoSliceMut::new(&mut copy)], &[remote]) {
            Err(errno) => last = Error::new(format!("process_vm_readv of process {process}"), errno),
            Ok(_) => {
                if let Some(text) = text_with(&copy, words.as_bytes()) {
                    return Ok(format!("process {process} knows {text:?}"));
                }
            }
        }
    }
    Err(last)
}

/// The text in `memory` that begins with these words, and goes on after them.
fn text_with(memory: &[u8], words: &[u8]) -> Option<String> {
    let mut texts = memory.split(|byte| *byte == 0);
    let text = texts.find(|text| text.len() > words.len() && text.starts_with(words))?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Where the stack of that process ends.
fn end_of_stack(proc: &str, process: u32) -> Option<usize> {
    let maps = std::fs::read_to_string(format!("{proc}/{process}/maps")).ok()?;
    let line = maps.lines().find(|line| line.ends_with("[stack]"))?;
    let (_, end) = line.split_whitespace().next()?.split_once('-')?;
    usize::from_str_radix(end, 16).ok()
}
