//! The boot sector: where everything is. Fatgen103, "Boot Sector and BPB".

use anax_files::Failure;
use anax_sectors::Shape;

/// Bytes of an entry in a directory.
pub(crate) const SLOT_BYTES: usize = 32;
/// Clusters that FAT12 and FAT16 have fewer than, by fatgen103.
pub(crate) const MOST_FAT12: u32 = 4085;
pub(crate) const MOST_FAT16: u32 = 65525;
/// More than FAT32 can number, without the special values.
pub(crate) const MOST_FAT32: u32 = 0x0fff_fff5;
/// Copies of the table: two everywhere, one on some small cards.
const MOST_COPIES: u8 = 4;

/// Bits of an entry in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 12.
    Fat12,
    /// 16.
    Fat16,
    /// 32, of which 28 are used.
    Fat32,
}

impl Width {
    /// What people call it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Fat12 => "fat12",
            Self::Fat16 => "fat16",
            Self::Fat32 => "fat32",
        }
    }

    /// Bits that an entry takes.
    pub(crate) const fn bits(self) -> u64 {
        match self {
            Self::Fat12 => 12,
            Self::Fat16 => 16,
            Self::Fat32 => 32,
        }
    }

    /// All bits of an entry that are used: also the mark of a chain's end.
    pub(crate) const fn mask(self) -> u32 {
        match self {
            Self::Fat12 => 0xfff,
            Self::Fat16 => 0xffff,
            Self::Fat32 => 0x0fff_ffff,
        }
    }
}

/// A cluster's number. The first one is 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cluster(pub(crate) u32);

impl Cluster {
    pub(crate) const FIRST: Self = Self(2);

    pub(crate) const fn after(self, count: u32) -> Self {
        Self(self.0.saturating_add(count))
    }
}

/// Where the root directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// In sectors of its own, of FAT12 and FAT16.
    Fixed { first: u64, slots: u32 },
    /// A chain like others, of FAT32.
    Chain(Cluster),
}

/// Where everything is, in the disk's sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) width: Width,
    pub(crate) sector_bytes: u32,
    pub(crate) cluster_sectors: u32,
    /// How many clusters there are.
    pub(crate) clusters: u32,
    /// The table that is read.
    pub(crate) table: u64,
    /// Sectors of each copy.
    pub(crate) table_sectors: u64,
    /// Copies that are written together.
    pub(crate) copies: u8,
    pub(crate) root: Root,
    /// Where the first cluster is.
    pub(crate) data: u64,
    /// Where FAT32 notes how many clusters are free.
    pub(crate) info: Option<u64>,
}

impl Layout {
    /// What the boot sector says.
    ///
    /// # Errors
    /// `Damaged`: this is no FAT, or one that goes beyond its disk.
    pub(crate) fn parse(boot: &[u8], shape: &Shape) -> Result<Self, Failure> {
        Self::parsed(boot, shape).ok_or(Failure::Damaged)
    }

    fn parsed(boot: &[u8], shape: &Shape) -> Option<Self> {
        if boot.get(510..512)? != [0x55, 0xaa] {
            return None;
        }
        let (half, word) = (|at| half(boot, at), |at| word(boot, at));
        let sector = u32::from(half(11));
        if !sector.is_power_of_two() || !(512..=4096).contains(&sector) || sector < shape.sector.bytes() {
            return None;
        }
        // Everything is counted in the disk's sectors, of which one of the file system's is several at times.
        let factor = u64::from(sector / shape.sector.bytes());
        let per_cluster = u32::from(boot[13]);
        let (reserved, copies) = (u64::from(half(14)), boot[16]);
        if !per_cluster.is_power_of_two() || reserved == 0 || copies == 0 || copies > MOST_COPIES {
            return None;
        }
        let is_wide = half(22) == 0;
        let table = u64::from(if is_wide { word(36) } else { half(22).into() });
        let total = u64::from(if half(19) == 0 { word(32) } else { half(19).into() });
        let slots = u32::from(half(17));
        let root = (u64::from(slots) * SLOT_BYTES as u64).div_ceil(sector.into());
        let data = reserved + table * u64::from(copies) + root;
        if table == 0 || total * factor > shape.sectors || is_wide != (slots == 0) {
            return None;
        }
        let clusters = total.checked_sub(data)? / u64::from(per_cluster);
        // A table that is too short for them is what counts: Linux sees it so, too.
        let width = match clusters {
            _ if is_wide => Width::Fat32,
            clusters if clusters < MOST_FAT12.into() => Width::Fat12,
            _ => Width::Fat16,
        };
        let entries = table * u64::from(sector) * 8 / width.bits();
        let clusters = clusters.min(entries.checked_sub(2)?);
        let clusters = u32::try_from(clusters).ok().filter(|count| *count > 0)?;
        let most = match width {
            Width::Fat12 | Width::Fat16 => MOST_FAT16,
            Width::Fat32 => MOST_FAT32,
        };
        if clusters >= most {
            return None;
        }
        let mut layout = Self {
            width,
            sector_bytes: shape.sector.bytes(),
            cluster_sectors: per_cluster * factor as u32,
            clusters,
            table: reserved * factor,
            table_sectors: table * factor,
            copies,
            root: Root::Fixed { first: (data - root) * factor, slots },
            data: data * factor,
            info: None,
        };
        if is_wide {
            let (flags, version, first) = (half(40), half(42), Cluster(word(44)));
            let info = u64::from(half(48));
            if version != 0 || !layout.has(first) {
                return None;
            }
            layout.root = Root::Chain(first);
            layout.info = (info > 0 && info < reserved).then_some(info * factor);
            // One copy alone may be in use.
            if flags & 0x80 != 0 {
                let active = u64::from(flags & 0xf);
                if active >= copies.into() {
                    return None;
                }
                (layout.table, layout.copies) = (layout.table + active * layout.table_sectors, 1);
            }
        }
        Some(layout)
    }

    /// Whether there is such a cluster.
    pub(crate) const fn has(&self, cluster: Cluster) -> bool {
        cluster.0 >= Cluster::FIRST.0 && cluster.0 - Cluster::FIRST.0 < self.clusters
    }

    /// Bytes of a cluster.
    pub(crate) const fn cluster_bytes(&self) -> u32 {
        self.cluster_sectors * self.sector_bytes
    }

    /// Clusters that so many bytes need.
    pub(crate) const fn clusters_for(&self, bytes: u64) -> u32 {
        bytes.div_ceil(self.cluster_bytes() as u64) as u32
    }

    /// The first sector of a cluster that is there.
    pub(crate) const fn sector(&self, cluster: Cluster) -> u64 {
        self.data + (cluster.0 - Cluster::FIRST.0) as u64 * self.cluster_sectors as u64
    }

    /// The number of a directory, as the entries `..` in those below have it, is 0 for the root.
    pub(crate) fn is_root(&self, cluster: u32) -> bool {
        cluster == 0 || self.root == Root::Chain(Cluster(cluster))
    }
}

/// Two bytes of a structure, little-endian, 0 beyond its end.
pub(crate) fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |half| u16::from_le_bytes(*half))
}

/// Four bytes.
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word))
}
