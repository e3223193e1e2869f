//! A program's ELF file: what a loader believes of it, and what it refuses.
//!
//! The kernel loads the first program itself, because the loader is a program, too; all others are the loader's. Both go by
//! this policy, strict and simple: a static x86-64 executable whose loadable segments lie in user memory, do not overlap by
//! a page, and are never both writable and executable. Everything else in the file is ignored. `goblin` supplies the structures;
//! nothing is laid over the file in place, since an archive promises no alignment.
//!
//! Source: System V ABI, chapters 4 and 5; AMD64 supplement.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;
use core::ops::Range;

use arrayvec::ArrayVec;
use goblin::elf64::header::{EI_CLASS, EI_DATA, EI_VERSION, ELFMAG, EM_X86_64, ET_EXEC, Header, SIZEOF_EHDR};
use goblin::elf64::program_header::{
    PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_TLS, ProgramHeader,
};

/// Bytes of a page: the unit of protection.
const PAGE: u64 = 4096;

/// Where programs may lie: not page 0, so that null stays a fault, and not the last page, so that no system call can return to
/// a non-canonical address.
pub const USER: Range<u64> = 0x1000..0x7fff_ffff_f000;
/// Most loadable segments of a program.
pub const MAX_SEGMENTS: usize = 16;
/// Most program headers that are looked at.
const MAX_HEADERS: u16 = 64;
const PROGRAM_HEADER: usize = size_of::<ProgramHeader>();

/// What a segment's pages allow. Reading always; there is no "write and execute".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Constants.
    Read,
    /// Variables.
    ReadWrite,
    /// Code.
    ReadExecute,
}

/// A piece of the program in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its pages: multiples of 4 KiB.
    pub pages: Range<u64>,
    /// Where the file's bytes go; what the pages hold besides is zero.
    pub address: u64,
    /// Bytes from there on that are the segment's.
    pub bytes: u64,
    /// Which of the file's bytes.
    pub file: Range<usize>,
    /// What its pages allow.
    pub protection: Protection,
}

/// What is to be loaded and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The first instruction's address, in an executable segment.
    pub entry: u64,
    /// In ascending order, disjoint by pages.
    pub segments: ArrayVec<Segment, MAX_SEGMENTS>,
}

/// Why a file is no program to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// No static executable for this machine: what is wrong.
    Kind(&'static str),
    /// A header or segment reaches beyond the file's end.
    Truncated,
    /// More headers or segments than are looked at.
    TooMany,
    /// A segment lies outside user memory, or wraps around. Its address.
    Address(u64),
    /// Two segments share a page, or are out of order. The second one's address.
    Overlap(u64),
    /// A segment is both writable and executable, or not readable. Its address.
    Protection(u64),
    /// The entry point is not in executable memory.
    Entry(u64),
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(what) => f.write_str(what),
            Self::Truncated => f.write_str("the file is shorter than it says"),
            Self::TooMany => f.write_str("too many segments"),
            Self::Address(at) => write!(f, "segment at {at:#x} is outside user memory"),
            Self::Overlap(at) => write!(f, "segment at {at:#x} overlaps another or is out of order"),
            Self::Protection(at) => write!(f, "segment at {at:#x} is writable and executable, or unreadable"),
            Self::Entry(at) => write!(f, "entry point {at:#x} is not executable"),
        }
    }
}

impl core::error::Error for ElfError {}

impl Program {
    /// Reads `file` under the policy; `user` is where programs may lie, in whole pages.
    ///
    /// # Errors
    /// The first rule that the file breaks.
    pub fn parse(file: &[u8], user: Range<u64>) -> Result<Self, ElfError> {
        let header = header(file)?;
        if header.e_phnum > MAX_HEADERS {
            return Err(ElfError::TooMany);
        }
        let mut segments = ArrayVec::<Segment, MAX_SEGMENTS>::new();
        for number in 0..u64::from(header.e_phnum) {
            let at = header.e_phoff.checked_add(number * PROGRAM_HEADER as u64).ok_or(ElfError::Truncated)?;
            let mut entry = ProgramHeader::default();
            let bytes = bytes(file, at, PROGRAM_HEADER as u64)?;
            plain::copy_from_bytes(&mut entry, bytes).map_err(|_| ElfError::Truncated)?;
            match entry.p_type {
                PT_LOAD if entry.p_memsz == 0 => {}
                PT_LOAD => {
                    let segment = segment(file, &entry, &user)?;
                    if segments.last().is_some_and(|last| segment.pages.start < last.pages.end) {
                        return Err(ElfError::Overlap(entry.p_vaddr));
                    }
                    segments.try_push(segment).map_err(|_| ElfError::TooMany)?;
                }
                PT_INTERP | PT_DYNAMIC => return Err(ElfError::Kind("not statically linked")),
                PT_TLS => return Err(ElfError::Kind("uses thread-local storage")),
                _ => {}
            }
        }
        let entry = header.e_entry;
        let code = |segment: &Segment| segment.protection == Protection::ReadExecute;
        if !segments.iter().any(|segment| code(segment) && segment.pages.contains(&entry)) {
            return Err(ElfError::Entry(entry));
        }
        Ok(Self { entry, segments })
    }
}

fn header(file: &[u8]) -> Result<Header, ElfError> {
    let mut header = Header::default();
    let bytes = bytes(file, 0, SIZEOF_EHDR as u64)?;
    plain::copy_from_bytes(&mut header, bytes).map_err(|_| ElfError::Truncated)?;
    if header.e_ident[..4] != ELFMAG[..] {
        return Err(ElfError::Kind("not an ELF file"));
    }
    if header.e_ident[EI_CLASS] != 2 || header.e_ident[EI_DATA] != 1 || header.e_ident[EI_VERSION] != 1 {
        return Err(ElfError::Kind("not a 64-bit little-endian ELF file"));
    }
    if header.e_machine != EM_X86_64 || header.e_type != ET_EXEC {
        return Err(ElfError::Kind("not a static x86-64 executable"));
    }
    if usize::from(header.e_phentsize) != PROGRAM_HEADER {
        return Err(ElfError::Kind("program headers of an unknown size"));
    }
    Ok(header)
}

fn segment(file: &[u8], entry: &ProgramHeader, user: &Range<u64>) -> Result<Segment, ElfError> {
    let address = entry.p_vaddr;
    let end = address.checked_add(entry.p_memsz).ok_or(ElfError::Address(address))?;
    if address < user.start || end > user.end {
        return Err(ElfError::Address(address));
    }
    if entry.p_filesz > entry.p_memsz {
        return Err(ElfError::Truncated);
    }
    bytes(file, entry.p_offset, entry.p_filesz)?;
    let flags = entry.p_flags & (PF_R | PF_W | PF_X);
    let protection = match flags {
        PF_R => Protection::Read,
        flags if flags == PF_R | PF_W => Protection::ReadWrite,
        flags if flags == PF_R | PF_X => Protection::ReadExecute,
        _ => return Err(ElfError::Protection(address)),
    };
    // The end is at most user.end, a multiple of a page: rounding up cannot overflow.
    let pages = address & !(PAGE - 1)..end.next_multiple_of(PAGE);
    let start = entry.p_offset as usize;
    let file = start..start + entry.p_filesz as usize;
    Ok(Segment { pages, address, bytes: entry.p_memsz, file, protection })
}

/// `length` bytes of the file from `offset` on.
fn bytes(file: &[u8], offset: u64, length: u64) -> Result<&[u8], ElfError> {
    let end = offset.checked_add(length).ok_or(ElfError::Truncated)?;
    let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| file.get(start..end)).ok_or(ElfError::Truncated)
}
