//! The seccomp filter's way from the host's side to init (chapter 6).
//!
//! Docker's profile takes as long to compile as twenty mounts. So the host does that while init mounts, and the filter
//! travels with the word that lets init become the program. A profile of the user's own may be wrong: it is compiled before
//! anything is made, like everything else that may be refused.

use coracle_ground::sys::FilterInstruction;
use coracle_ground::{Errno, Error, Result};
use coracle_privileges::seccomp::Profile;
use coracle_privileges::{CapabilitySet, Filter, filter_for};

/// Which filter a container gets.
pub(super) enum Filtering {
    /// None at all: `seccomp=unconfined`.
    Nothing,
    /// Docker's, for these capabilities.
    Default(CapabilitySet),
    /// The one of a profile that was given.
    Given(Filter),
}

impl Filtering {
    /// The filter, with Docker's compiled only now; `None` for no filter.
    pub(super) fn filter(&self) -> Result<Option<Filter>> {
        match self {
            Filtering::Nothing => Ok(None),
            Filtering::Default(capabilities) => {
                filter_for(&Profile::docker_default(), *capabilities).map(Some)
            }
            Filtering::Given(filter) => Ok(Some(filter.clone())),
        }
    }
}

/// The filter as bytes, eight for an instruction; no filter is no bytes.
pub(super) fn to_bytes(filter: Option<Filter>) -> Vec<u8> {
    let bytes = |i: FilterInstruction| {
        let ([a, b], [c, d, e, f]) = (i.code.to_le_bytes(), i.k.to_le_bytes());
        [a, b, i.jt, i.jf, c, d, e, f]
    };
    filter.into_iter().flatten().flat_map(bytes).collect()
}

/// The reverse. A filter that was cut on its way is an error: half a filter would forbid half.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<Option<Filter>> {
    let mut filter = Filter::new();
    for chunk in bytes.chunks(8) {
        let &[a, b, jt, jf, c, d, e, f] = chunk else {
            return Err(Error::new("take over the seccomp filter: a part of it is missing", Errno::EPROTO));
        };
        let (code, k) = (u16::from_le_bytes([a, b]), u32::from_le_bytes([c, d, e, f]));
        filter.push(FilterInstruction { code, jt, jf, k });
    }
    Ok((!filter.is_empty()).then_some(filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_way_whole_or_not_at_all() {
        let filter = Filtering::Default(CapabilitySet::DOCKER_DEFAULT).filter().expect("our own profile");
        let bytes = to_bytes(filter.clone());
        assert_eq!(from_bytes(&bytes).expect("all of it"), filter);
        assert!(from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert_eq!(from_bytes(&to_bytes(None)).expect("nothing is whole"), None);
    }
}
