//! Memory maps: 17 bytes of input a region, then normalised, carved and searched.

use microkernel_core::memmap::{MemoryMap, RawRegion, RegionKind};

const KINDS: [RegionKind; 4] =
    [RegionKind::Usable, RegionKind::Reserved, RegionKind::AcpiReclaimable, RegionKind::Bad];

/// Takes an input.
pub fn take(input: &[u8]) {
    let raw = input.as_chunks::<17>().0.iter().map(|bytes| {
        let number = |range: core::ops::Range<usize>| {
            u64::from_le_bytes(bytes[range].try_into().expect("eight bytes"))
        };
        RawRegion { base: number(0..8), length: number(8..16), kind: KINDS[usize::from(bytes[16]) % 4] }
    });
    let Ok(mut map) = MemoryMap::normalise(raw.clone()) else { return };
    for region in raw.take(8) {
        let usable = map.total(RegionKind::Usable);
        let range = region.base / 2..region.base.saturating_add(region.length / 2);
        if let Ok(taken) = map.reserve(range, RegionKind::Kernel) {
            assert_eq!(map.total(RegionKind::Usable), usable - taken);
        }
    }
    let regions: Vec<_> = map.iter().collect();
    assert!(regions.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let _ = map.find_low_page(1 << 20);
}
