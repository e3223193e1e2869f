//! The member of the boot archive: what is written is read, and what is not ours never does harm.

use anax_manifest::{DecodeError, Fault, Layer, MAX_BYTES, MAX_LIST, MAX_PROGRAMS, Manifest, Manifests};
use proptest::prelude::*;

use crate::some::sound;

#[test]
fn what_breaks_a_rule_is_not_decoded() {
    let mut manifest = Manifest::new("one", Layer::System);
    manifest.priority = 31;
    let bytes = Manifests(vec![Manifest::new("zero", Layer::Root), manifest]).encode().unwrap();
    assert_eq!(Manifests::decode(&bytes), Err(DecodeError::Broken(1, Fault::Priority)));
}

#[test]
fn too_many_are_refused_on_both_sides() {
    let many = Manifests(vec![Manifest::new("one", Layer::System); MAX_PROGRAMS + 1]);
    assert_eq!(many.encode(), Err(DecodeError::TooMany));
    let most = Manifests(vec![Manifest::new("one", Layer::System); MAX_PROGRAMS]);
    assert_eq!(Manifests::decode(&most.encode().unwrap()), Ok(most));
    assert_eq!(Manifests::decode(&vec![0; MAX_BYTES + 1]), Err(DecodeError::TooMany));
}

#[test]
fn a_length_is_no_reason_to_allocate() {
    // A list of 2^63 programs of which none is there.
    let claim = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    assert_eq!(Manifests::decode(&claim), Err(DecodeError::Damaged));
}

fn holds_what_decoding_promises(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(set) = Manifests::decode(bytes) {
        prop_assert!(set.0.len() <= MAX_PROGRAMS);
        for manifest in &set.0 {
            prop_assert_eq!(manifest.check(), Ok(()));
            prop_assert!(manifest.needs.len() <= MAX_LIST && manifest.provides.len() <= MAX_LIST);
        }
        // Neither of them believes that the set is a sound one.
        let _ = set.problems();
        let _ = set.boot_order();
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read(set in sound()) {
        let bytes = set.encode().unwrap();
        prop_assert_eq!(Manifests::decode(&bytes), Ok(set));
        let mut longer = bytes.clone();
        longer.push(0);
        prop_assert_eq!(Manifests::decode(&longer), Err(DecodeError::Damaged));
        if let Some((_, shorter)) = bytes.split_last() {
            prop_assert!(Manifests::decode(&bytes[..shorter.len()]).is_err());
        }
    }

    #[test]
    fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        holds_what_decoding_promises(&bytes)?;
    }

    #[test]
    fn damage_may_come(
        set in sound(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = set.encode().unwrap();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        holds_what_decoding_promises(&bytes)?;
    }
}
