//! From a machine's description to bytes: RSDP, root table, DSDT, FADT, HPET, MCFG, SRAT, MADT, in this order, so that
//! cutting the image's end cuts the MADT alone.

use std::vec::Vec;

use super::Breakage::{self, *};
use super::Image;
use super::builder::RootKind;

/// Where the root table is: behind the RSDP.
const ROOT: usize = 64;
/// Bytes of the common header.
const HEADER: usize = 36;
/// Offset of the checksum in the common header.
const CHECKSUM: usize = 9;

pub(super) fn build(image: &Image) -> Vec<u8> {
    let broken = |breakage: Breakage| image.breakages.contains(&breakage);
    let width = if image.root == RootKind::Rsdt { 4 } else { 8 };
    let mut listed: Vec<Vec<u8>> = Vec::new();
    let mut bytes = Vec::new();

    let tables = usize::from(image.aml.is_some())
        + usize::from(image.hpet.is_some())
        + [&image.mcfg, &image.srat, &image.madt].into_iter().filter(|entries| !entries.is_empty()).count()
        - usize::from(broken(MadtMissing) && !image.madt.is_empty());
    let root_length = HEADER + tables * width + if broken(RootRagged) { 2 } else { 0 };
    bytes.resize((ROOT + root_length).next_multiple_of(16), 0);

    if let Some(aml) = &image.aml {
        let mut dsdt = table(b"DSDT", 2, aml);
        if broken(DsdtChecksum) {
            spoil_checksum(&mut dsdt);
        }
        let address =
            if broken(DsdtOutside) { image.base + (1 << 30) } else { append(&mut bytes, &dsdt, image.base) };
        listed.push(fadt(image, address));
    }
    if let Some(hpet) = &image.hpet {
        let space = u8::from(broken(HpetPort));
        let head = [0x01, 0xa2, 0x86, 0x80, space, 64, 0, 0];
        let tail = [&hpet.address.to_le_bytes()[..], &[0], &hpet.minimum_tick.to_le_bytes(), &[0]].concat();
        listed.push(table(b"HPET", 1, &[&head[..], &tail].concat()));
    }
    if !image.mcfg.is_empty() {
        let mut mcfg = [&[0; 8][..], &image.mcfg].concat();
        if broken(McfgBackwards) {
            (mcfg[18], mcfg[19]) = (9, 8);
        }
        listed.push(table(b"MCFG", 1, &mcfg));
    }
    if !image.srat.is_empty() {
        let mut entries = image.srat.clone();
        if broken(SratEntryOverrun) {
            lengthen_last(&mut entries);
        }
        if broken(SratEntryEmpty) {
            entries[1] = 0;
        }
        let mut srat = table(b"SRAT", 3, &[&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &entries].concat());
        if broken(SratChecksum) {
            spoil_checksum(&mut srat);
        }
        listed.push(srat);
    }
    if !image.madt.is_empty() && !broken(MadtMissing) {
        listed.push(madt(image));
    }

    let mut pointers = Vec::new();
    for table in &listed {
        let address = append(&mut bytes, table, image.base);
        let address = if broken(RootLoop) {
            image.base + ROOT as u64
        } else if broken(TablesOutside) {
            image.base + (1 << 30)
        } else {
            address
        };
        pointers.extend(&address.to_le_bytes()[..width]);
    }
    if broken(RootRagged) {
        pointers.extend([0, 0]);
    }
    let mut root = table(if width == 4 { b"RSDT" } else { b"XSDT" }, 1, &pointers);
    if broken(RootTiny) {
        set_length(&mut root, 20);
    }
    if broken(RootChecksum) {
        spoil_checksum(&mut root);
    }
    bytes[ROOT..ROOT + root.len()].copy_from_slice(&root);
    let rsdp = rsdp(image);
    bytes[..rsdp.len()].copy_from_slice(&rsdp);
    if broken(MadtTruncated) {
        bytes.truncate(bytes.len() - 20);
    }
    bytes
}

/// The MADT: entries, then whatever is to be broken about it.
fn madt(image: &Image) -> Vec<u8> {
    let broken = |breakage: Breakage| image.breakages.contains(&breakage);
    let mut entries = image.madt.clone();
    if broken(MadtEntryOverrun) {
        lengthen_last(&mut entries);
    }
    if broken(MadtEntryEmpty) {
        entries[1] = 0;
    }
    if broken(MadtEntryShort) {
        entries[1] = 4;
    }
    if broken(MadtEntryCut) {
        entries.push(0);
    }
    // Local APICs at their usual place; there are 8259s.
    let mut madt = table(b"APIC", 3, &[&[0, 0, 0xe0, 0xfe, 1, 0, 0, 0][..], &entries].concat());
    if broken(MadtTiny) {
        set_length(&mut madt, 40);
    }
    if broken(MadtHuge) {
        madt[4..8].fill(0xff);
    }
    if broken(MadtChecksum) {
        spoil_checksum(&mut madt);
    }
    madt
}

/// A FADT with ICH9's ports: of ACPI 1.0 beside an RSDT, else of ACPI 2.0.
fn fadt(image: &Image, dsdt: u64) -> Vec<u8> {
    let broken = |breakage: Breakage| image.breakages.contains(&breakage);
    let (revision, length) = if image.root == RootKind::Rsdt { (1, 116) } else { (3, 244) };
    let mut fadt = vec![0; length];
    let mut put = |offset: usize, value: &[u8]| fadt[offset..offset + value.len()].copy_from_slice(value);
    put(48, &0xb2_u32.to_le_bytes());
    put(52, &[2, 3]);
    put(56, &0x600_u32.to_le_bytes());
    put(64, &0x604_u32.to_le_bytes());
    put(76, &0x608_u32.to_le_bytes());
    put(88, if broken(FadtLengths) { &[255, 255, 255, 4] } else { &[4, 2, 0, 4] });
    if revision == 1 {
        put(40, &(dsdt as u32).to_le_bytes());
    } else {
        // Reset supported: port 0xcf9, value 0x0f, 8 bits.
        put(112, &(1_u32 << 10).to_le_bytes());
        put(116, &[1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0, 0x0f]);
        put(140, &dsdt.to_le_bytes());
    }
    let mut fadt = table(b"FACP", revision, &fadt[HEADER..]);
    if broken(FadtShort) {
        set_length(&mut fadt, 100);
    }
    if broken(FadtChecksum) {
        spoil_checksum(&mut fadt);
    }
    fadt
}

fn rsdp(image: &Image) -> Vec<u8> {
    let broken = |breakage: Breakage| image.breakages.contains(&breakage);
    let root = if broken(RootNull) {
        0
    } else if broken(RootOutside) {
        image.base - 4096
    } else if broken(RootAtTheEnd) {
        u64::MAX
    } else {
        image.base + ROOT as u64
    };
    let signature = if broken(RsdpSignature) { b"RSD PTR!" } else { b"RSD PTR " };
    let mut rsdp = [&signature[..], &[0], b"ANAX  ", &[2, 0, 0, 0, 0]].concat();
    if image.root == RootKind::Rsdt {
        rsdp[15] = 0;
        let root = if root == u64::MAX { Ok(u32::MAX) } else { u32::try_from(root) };
        rsdp[16..20].copy_from_slice(&root.expect("ACPI 1.0 lies below 4 GiB").to_le_bytes());
    } else {
        let length = if broken(RsdpLength) { u32::MAX } else { 36 };
        rsdp.extend(length.to_le_bytes());
        rsdp.extend(root.to_le_bytes());
        rsdp.extend([0; 4]);
    }
    if broken(RsdpRevision) {
        rsdp[15] = 1;
    }
    rsdp[8] = sum(&rsdp[..20]).wrapping_neg().wrapping_add(broken(RsdpChecksum).into());
    if let Some(checksum) = rsdp.get(32) {
        rsdp[32] = checksum.wrapping_sub(sum(&rsdp)).wrapping_add(broken(RsdpExtendedChecksum).into());
    }
    rsdp
}

/// A table with a header and a good checksum.
fn table(signature: &[u8; 4], revision: u8, body: &[u8]) -> Vec<u8> {
    let length = ((HEADER + body.len()) as u32).to_le_bytes();
    let mut table =
        [&signature[..], &length, &[revision, 0], b"ANAX  TESTIMG ", &[1, 0, 0, 0], b"ANAX", &[1, 0, 0, 0]]
            .concat();
    table.extend(body);
    table[CHECKSUM] = sum(&table).wrapping_neg();
    table
}

/// Makes the header lie about the length, with a checksum that is right for the lie.
fn set_length(table: &mut [u8], length: u32) {
    table[4..8].copy_from_slice(&length.to_le_bytes());
    table[CHECKSUM] = 0;
    table[CHECKSUM] = sum(&table[..length as usize]).wrapping_neg();
}

fn spoil_checksum(table: &mut [u8]) {
    table[CHECKSUM] = table[CHECKSUM].wrapping_add(1);
}

/// Makes the last entry reach far beyond the table.
fn lengthen_last(entries: &mut [u8]) {
    let (mut last, mut next) = (0, 0);
    while next < entries.len() {
        (last, next) = (next, next + usize::from(entries[next + 1]));
    }
    entries[last + 1] += 100;
}

/// Appends a table at the next multiple of 16 and returns its physical address.
fn append(bytes: &mut Vec<u8>, table: &[u8], base: u64) -> u64 {
    let offset = bytes.len().next_multiple_of(16);
    bytes.resize(offset, 0);
    bytes.extend(table);
    base + offset as u64
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}
