//! Registers over an ordinary array, and configuration spaces that lie.

use std::ptr::NonNull;

use anax_device::{
    Bar, ConfigSpace, DmaAddress, DmaBlock, Ecam, IoPorts, Mmio, MmioError, Ports, Registers, bar,
    capabilities,
};
use anax_ring::{AtomicU64, SharedBlock};

fn mmio(words: &mut [u32]) -> Mmio {
    let start = NonNull::from(&mut *words).cast();
    // SAFETY: the tests keep the array and use it through the window only, while they use the window.
    unsafe { Mmio::new(start, size_of_val(words)) }.expect("aligned")
}

#[test]
fn registers_stay_within_their_window() {
    let mut words = [0x0403_0201, 0x0807_0605, 0x0c0b_0a09, 0];
    let all = mmio(&mut words);
    assert_eq!((all.read8(1), all.read16(2), all.read32(4)), (2, 0x0403, 0x0807_0605));
    let part = all.part(4, 8).expect("within");
    assert_eq!(part.read32(4), 0x0c0b_0a09);
    for outside in [8, 7, 6, 5, 1, usize::MAX] {
        assert_eq!(part.read32(outside), u32::MAX, "{outside}");
        part.write32(outside, 0);
    }
    assert_eq!((part.read16(7), part.read16(1), part.read8(8)), (u16::MAX, u16::MAX, u8::MAX));
    part.write16(2, 0xbeef);
    assert_eq!(all.read32(4), 0xbeef_0605);
    for (offset, length) in [(0, 17), (16, 1), (2, 4), (usize::MAX, 2)] {
        assert_eq!(all.part(offset, length).err(), Some(MmioError));
    }
    assert_eq!(words[3], 0);
}

#[test]
fn a_list_of_capabilities_ends() {
    let mut words = [0_u32; 64];
    words[1] = 1 << 20;
    words[0x34 / 4] = 0x40;
    words[0x40 / 4] = 0x0000_4809;
    words[0x48 / 4] = 0x0000_4011;
    let config = Ecam(mmio(&mut words));
    let found: Vec<_> = capabilities(&config).collect();
    assert_eq!(found[..3], [(0x40, 9), (0x48, 0x11), (0x40, 9)]);
    assert_eq!(found.len(), 48);
    config.write(0x48, 0x0000_3c11);
    assert_eq!(capabilities(&config).count(), 2);
    config.write(4, 0);
    assert_eq!(capabilities(&config).count(), 0);
}

#[test]
fn base_addresses() {
    let mut words = [0_u32; 64];
    words[4..10].copy_from_slice(&[0xc041, 0xfebd_1000, 0x0000_000c, 0x0000_0008, 0, 0x0000_000c]);
    let config = Ecam(mmio(&mut words));
    let bars = [0, 1, 2, 3, 4, 5, 6, 255].map(|number| bar(&config, number));
    let memory = |address| Some(Bar::Memory(address));
    assert_eq!(
        bars,
        [Some(Bar::Ports(0xc040)), memory(0xfebd_1000), memory(0x8_0000_0000), None, None, None, None, None]
    );
}

#[test]
fn blocks_split_at_lines() {
    let words: Vec<_> = (0..24).map(|_| AtomicU64::new(7)).collect();
    let block = SharedBlock::from_words(&words);
    assert!(DmaBlock::new(block, DmaAddress::new(0x1008)).is_none());
    assert!(DmaBlock::new(block, DmaAddress::new(u64::MAX - 63)).is_none());
    let block = DmaBlock::new(block, DmaAddress::new(0x1000)).expect("aligned");
    let (first, rest) = block.split(9).expect("enough");
    assert_eq!((first.words().len(), rest.words().len(), rest.start().get()), (16, 8, 0x1080));
    assert!(rest.split(9).is_none() && rest.split(usize::MAX).is_none());
    rest.clear();
    assert_eq!(
        words[15..17].iter().map(|word| word.load(std::sync::atomic::Ordering::Relaxed)).sum::<u64>(),
        7
    );
}

/// Within, the host would end the test for it.
#[test]
fn ports_stay_within_their_range() {
    // SAFETY: nothing is reached: that is the test.
    for ports in [unsafe { IoPorts::new(0x1f0, 8) }, unsafe { IoPorts::new(0xfffc, 20) }] {
        for outside in [20, 21, u16::MAX - 1, u16::MAX] {
            assert_eq!((ports.read8(outside), ports.read16(outside)), (u8::MAX, u16::MAX));
            ports.write8(outside, 0);
            ports.write16(outside, 0);
        }
        assert_eq!(ports.read16(19), u16::MAX);
    }
}
