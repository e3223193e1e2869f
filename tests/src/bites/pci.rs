//! Broken variants of the walk over PCI, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const PCI: &[Bite] = &[
    pci(
        "pci-sized-while-decoding",
        "bars::who_always_answers_is_not_measured",
        "windows are measured of a function that answers meanwhile",
    ),
    pci("pci-size-believed", "bars::what_does_not_size_is_left_out", "a window has whatever size comes out"),
    pci(
        "pci-lost-and-answering",
        "bars::who_forgets_its_address_stays_off_the_bus",
        "a function answers at an address that nobody gave it",
    ),
    pci(
        "pci-fence-believed",
        "control::a_fence_is_seen_to_hold",
        "a function counts as fenced that keeps its right to reach memory",
    ),
    pci(
        "pci-bridge-believed",
        "hostile::bridges_in_a_circle",
        "a bridge is followed to buses that can't be behind it",
    ),
    pci("pci-bus-twice", "hostile::bridges_in_a_circle", "a bus is walked for every bridge that claims it"),
    pci(
        "pci-first-match",
        "names::the_closest_description_wins",
        "the first driver that fits gets the device",
    ),
];

const fn pci(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-pci", file: "pci", test } }
}
