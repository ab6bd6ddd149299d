//! Ids and names for containers that were given none.
//!
//! An id is 256 random bits from getrandom(2): no two engines will ever draw the same, so none has to ask another.
//! A name is for people: `brisk_dinghy`. There are few of them, so the store draws again when one is taken.

use anyhow::{Context, Result};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::container::ContainerId;

const LEFT: &str = "\
    able afloat amber ample azure balmy bold breezy bright brisk buoyant calm clear copper coral crisp \
    deft drifting eager early easy even fair fast fleet fresh gentle gliding golden handy hardy keen \
    light lively lucid mellow mild misty moored neat nimble northern open patient placid polished quick \
    quiet ready rolling salty seaworthy silver snug southern steady still sturdy swift tidal tidy trim \
    warm windward";

const RIGHT: &str = "\
    anchor barge bark beacon bollard boom bow brig buoy canoe capstan catamaran clipper cockle cog \
    compass cove cutter deck dhow dinghy dory ferry fjord galley gunwale halyard harbour helm hull jetty \
    junk kayak keel ketch lagoon lighter lugger mast mooring oar paddle pier pinnace pontoon prow punt \
    quay raft reef rudder sail schooner scow skiff sloop spar stern tender tiller trawler wherry yard \
    yawl";

/// Each list has so many words; a power of two, so that no word is drawn more often than another.
const WORDS: usize = 64;

/// A new id: 64 hexadecimal digits.
pub(crate) fn id() -> Result<ContainerId> {
    Ok(ContainerId(hex(&random::<32>()?)))
}

/// A name that may already be taken: the caller looks.
pub(super) fn name() -> Result<String> {
    let [left, right] = random::<2>()?;
    let pick =
        |words: &'static str, draw: u8| words.split(' ').nth(usize::from(draw) % WORDS).unwrap_or("boat");
    Ok(format!("{}_{}", pick(LEFT, left), pick(RIGHT, right)))
}

/// A few digits for a temporary directory.
pub(super) fn short() -> Result<String> {
    Ok(hex(&random::<8>()?))
}

/// `N` bytes of the kernel's random numbers. So few come in one piece, and never fail once the machine is up.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom(&mut bytes, GetRandomFlags::empty()).context("getrandom")?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_64_hexadecimal_digits_and_differ() {
        let (one, two) = (id().unwrap(), id().unwrap());
        assert_eq!(one.0.len(), 64);
        assert!(one.0.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(one, two);
    }

    #[test]
    fn every_word_is_lower_case_and_occurs_once() {
        for words in [LEFT, RIGHT] {
            assert_eq!(words.split(' ').count(), WORDS);
            assert_eq!(words.split(' ').collect::<HashSet<_>>().len(), WORDS);
            assert!(words.bytes().all(|b| b.is_ascii_lowercase() || b == b' '));
        }
    }
}
