//! Manifests from an archive that may be anything: what is decoded keeps the rules, and whatever it says, an order or a circle is found.

use anax_manifest::Manifests;

/// Takes an input.
pub fn take(bytes: &[u8]) {
    let Ok(manifests) = Manifests::decode(bytes) else { return };
    assert!(manifests.0.iter().all(|manifest| manifest.check().is_ok()));
    let circle = manifests.boot_order().is_err();
    assert!(!circle || !manifests.problems().is_empty());
    let bytes = manifests.encode().expect("what was decoded is within its bounds");
    assert_eq!(Manifests::decode(&bytes), Ok(manifests));
}
