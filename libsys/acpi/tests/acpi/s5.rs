//! The sleep types in all the ways firmware writes them, and in some it must not.

use super::{BASE, discovered};
use anax_acpi::image::Image;
use proptest::prelude::*;

fn sleep_types(aml: &[u8]) -> Option<(u8, u8)> {
    let platform = discovered(&Image::pc(BASE, 1).aml(aml));
    assert_eq!(platform.power.is_none(), !platform.warnings.as_slice().is_empty());
    platform.power.map(|power| (power.slp_typ_a, power.slp_typ_b))
}

/// `Name (_S5_, Package (count) { … })` with the shortest package length.
fn name(count: u8, elements: &[u8]) -> Vec<u8> {
    [&b"\x08_S5_\x12"[..], &[elements.len() as u8 + 2, count], elements].concat()
}

#[test]
fn all_spellings() {
    assert_eq!(sleep_types(&name(4, &[0x0a, 5, 0x0a, 6, 0, 0])), Some((5, 6)));
    assert_eq!(sleep_types(&name(4, &[0, 1, 0, 0])), Some((0, 1)), "ZeroOp, OneOp");
    assert_eq!(sleep_types(&name(2, &[0x0b, 7, 0, 0x0c, 3, 0, 0, 0])), Some((7, 3)), "words");
    assert_eq!(sleep_types(&name(2, &[0x0e, 7, 0, 0, 0, 0, 0, 0, 0, 1])), Some((7, 1)), "a quad word");
    assert_eq!(sleep_types(&name(1, &[0x0b, 5, 4])), Some((5, 4)), "both in one");
    let rooted = [&b"\x08\\_S5_\x12"[..], &[4, 2, 1, 1]].concat();
    assert_eq!(sleep_types(&rooted), Some((1, 1)), "relative to the root");
    for length in [&[0x46, 0x00][..], &[0x86, 0x00, 0x00], &[0xc7, 0x00, 0x00, 0x00]] {
        let long = [&b"\x08_S5_\x12"[..], length, &[2, 1, 0x0a, 5][..]].concat();
        let total = length.len() + 4;
        let fits = usize::from(length[0] & 0x0f) >= total;
        assert_eq!(sleep_types(&long), fits.then_some((1, 5)), "{length:?}");
    }
    let exact = [&b"\x08_S5_\x12"[..], &[0x46, 0x00, 2, 1, 0x0a, 5]].concat();
    assert_eq!(sleep_types(&exact), Some((1, 5)));
    let decoys =
        [b"_S5_", &b"\x08_S5_\x12\x04\x02\x68\x00"[..], &name(4, &[0x0a, 8, 0, 0, 0]), &name(2, &[1, 1])]
            .concat();
    assert_eq!(sleep_types(&decoys), Some((1, 1)), "the first that makes sense");
}

#[test]
fn nonsense_is_refused() {
    for aml in [
        &b""[..],
        b"_S5_",
        b"\x08_S5_",
        b"\x08_S5_\x12",
        b"\x08_S5_\x12\x04\x02\x01",
        b"\x08_S5_\x12\x00\x02\x01\x01",
        b"\x08_S5_\x12\xff\xff\xff\xff\x02\x01\x01",
        b"\x14_S5_\x12\x04\x02\x01\x01",
        b"\x08_S5_\x13\x04\x02\x01\x01",
        // Ends before the second number; says so itself, or is cut by the package's length.
        &name(2, &[1]),
        b"\x08_S5_\x12\x03\x02\x01\x01",
        &name(0, &[1, 1]),
        &name(2, &[0x0a, 8, 1]),
        &name(2, &[0xff, 0xff]),
    ] {
        assert_eq!(sleep_types(aml), None, "{}", aml.escape_ascii());
    }
}

proptest! {
    #[test]
    fn any_code_is_searched(before in prop::collection::vec(any::<u8>(), 0..40), after in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some((a, b)) = sleep_types(&[&before[..], b"\x08_S5_\x12", &after].concat()) {
            prop_assert!(a < 8 && b < 8);
        }
    }
}
