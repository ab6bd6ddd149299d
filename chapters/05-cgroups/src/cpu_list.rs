//! A set of processors, in the kernel's list format: `0-3,5`.
//!
//! Man page: `cpuset(7)`, "List format".

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// No machine has more. It keeps `0-4000000000` from filling memory.
const MOST: u32 = 8192;

/// Numbers of processors, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CpuList(BTreeSet<u32>);

impl CpuList {
    /// The numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The first number that is not in `other`.
    pub fn first_not_in(&self, other: &CpuList) -> Option<u32> {
        self.0.difference(&other.0).next().copied()
    }
}

impl TryFrom<String> for CpuList {
    type Error = String;

    fn try_from(text: String) -> Result<CpuList, String> {
        text.parse()
    }
}

impl From<CpuList> for String {
    fn from(cpus: CpuList) -> String {
        cpus.to_string()
    }
}

impl FromStr for CpuList {
    type Err = String;

    /// Reads `0-3,5`. An error is a sentence.
    fn from_str(text: &str) -> Result<CpuList, String> {
        let wrong = || format!("`{text}` is no list of processors, such as `0-2,4`");
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n < MOST && digits(text));
        let mut cpus = BTreeSet::new();
        for part in text.trim().split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Some(first), Some(last)) = (number(first), number(last)) else { return Err(wrong()) };
            if first > last {
                return Err(wrong());
            }
            cpus.extend(first..=last);
        }
        Ok(CpuList(cpus))
    }
}

impl fmt::Display for CpuList {
    /// The kernel takes single numbers as well as ranges.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, cpu) in self.0.iter().enumerate() {
            write!(f, "{}{cpu}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_writes_them() {
        let read = |text: &str| text.parse::<CpuList>().map(|list| list.to_string());
        for (text, expected) in [("0", "0"), ("0-3,5\n", "0,1,2,3,5"), ("3,1,1-2", "1,2,3")] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "a", "-1", "1-", "3-1", "0,,1", "+1", "0-4000000000", "99999999999"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
