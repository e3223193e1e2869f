//! A start area's bytes, written by who starts a program and read by the program.
//!
//! [`Start`] is written as postcard writes a structure of numbers, texts and lists: piece by piece, so that a list is never longer than
//! its bound, and serde needs no heap of its own.
//!
//! The reader has no reason to doubt the writer, which owns it; it checks all the same, because a bound that is kept on both
//! sides is a bound that one can rely on when sizing the area.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use anax_abi::Handle;
use serde::{Deserialize, Serialize};

use crate::start::{MOST_ARGUMENTS, MOST_HANDLES, MOST_VARIABLES, NamedHandle, Seed, Start};

/// What an area begins with.
pub const MAGIC: u64 = u64::from_le_bytes(*b"anaxstrt");
/// Bytes of the two words before the content.
pub const HEAD: usize = 16;
/// The most bytes that an area has, the two words included.
pub const MOST_BYTES: usize = 64 << 10;

/// Why a start area is not written or not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It does not begin like one.
    NotAnArea,
    /// It is shorter than it says.
    CutShort,
    /// It would have more than [`MOST_BYTES`].
    TooLong,
    /// There are more than [`MOST_ARGUMENTS`].
    TooManyArguments,
    /// There are more than [`MOST_VARIABLES`].
    TooManyVariables,
    /// There are more than [`MOST_HANDLES`].
    TooManyHandles,
    /// The content is none, or something follows it.
    Damaged,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnArea => "not a start area",
            Self::CutShort => "a start area that is cut short",
            Self::TooLong => "a start area of more than 64 KiB",
            Self::TooManyArguments => "more than 256 arguments",
            Self::TooManyVariables => "more than 256 variables",
            Self::TooManyHandles => "more than 64 handles",
            Self::Damaged => "a damaged start area",
        })
    }
}

impl core::error::Error for StartError {}

/// The area's bytes.
///
/// # Errors
/// `TooManyArguments`, `TooManyVariables`, `TooManyHandles`, `TooLong`.
pub fn encode(start: &Start) -> Result<Vec<u8>, StartError> {
    if start.arguments.len() > MOST_ARGUMENTS {
        return Err(StartError::TooManyArguments);
    }
    if start.environment.len() > MOST_VARIABLES {
        return Err(StartError::TooManyVariables);
    }
    if start.handles.len() > MOST_HANDLES {
        return Err(StartError::TooManyHandles);
    }
    let area = [MAGIC, 0].into_iter().flat_map(u64::to_le_bytes).collect();
    let area = put(area, &(start.process, &*start.name, start.arguments.len()))?;
    let area = start.arguments.iter().try_fold(area, |area, argument| put(area, &**argument))?;
    let area = put(area, &start.environment.len())?;
    let area = start.environment.iter().try_fold(area, |area, variable| put(area, &**variable))?;
    let area = put(area, &(start.seed.0, start.handles.len()))?;
    let name = |area, named: &NamedHandle| put(area, &(&*named.name, named.handle.to_word()));
    let mut area = start.handles.iter().try_fold(area, name)?;
    let bytes = area.len() - HEAD;
    area[HEAD - 8..HEAD].copy_from_slice(&(bytes as u64).to_le_bytes());
    Ok(area)
}

/// Adds a piece.
fn put<T: Serialize + ?Sized>(area: Vec<u8>, piece: &T) -> Result<Vec<u8>, StartError> {
    let area = postcard::to_extend(piece, area).map_err(|_| StartError::TooLong)?;
    if area.len() > MOST_BYTES { Err(StartError::TooLong) } else { Ok(area) }
}

/// How many bytes an area has that begins so, the two words included.
///
/// # Errors
/// `NotAnArea`, `TooLong`.
pub fn area_bytes(head: &[u8; HEAD]) -> Result<usize, StartError> {
    let [magic, bytes] = [0, 8].map(|at| u64::from_le_bytes(core::array::from_fn(|index| head[at + index])));
    if magic != MAGIC {
        return Err(StartError::NotAnArea);
    }
    let bytes = usize::try_from(bytes).ok().and_then(|bytes| bytes.checked_add(HEAD));
    let within = |bytes: &usize| *bytes <= MOST_BYTES || cfg!(bite = "start-length-believed");
    bytes.filter(within).ok_or(StartError::TooLong)
}

/// Reads an area; what follows it is ignored, for it lies in whole pages.
///
/// # Errors
/// Any of [`StartError`].
pub fn decode(area: &[u8]) -> Result<Start, StartError> {
    let head = area.first_chunk().ok_or(StartError::CutShort)?;
    let area = area.get(HEAD..area_bytes(head)?).ok_or(StartError::CutShort)?;
    let mut rest = area;
    let (process, name, count) = take::<(u64, &str, usize)>(&mut rest)?;
    if count > MOST_ARGUMENTS && cfg!(not(bite = "start-unbounded")) {
        return Err(StartError::TooManyArguments);
    }
    let arguments = texts(&mut rest, count)?;
    let count = take::<usize>(&mut rest)?;
    if count > MOST_VARIABLES && cfg!(not(bite = "start-unbounded")) {
        return Err(StartError::TooManyVariables);
    }
    let environment = texts(&mut rest, count)?;
    let (seed, count) = take::<([u8; 32], usize)>(&mut rest)?;
    if count > MOST_HANDLES {
        return Err(StartError::TooManyHandles);
    }
    let handle = |_| {
        let (name, word) = take::<(&str, u64)>(&mut rest)?;
        Ok(NamedHandle { name: name.into(), handle: Handle::from_word(word) })
    };
    let handles = (0..count).map(handle).collect::<Result<_, _>>()?;
    if !rest.is_empty() {
        return Err(StartError::Damaged);
    }
    Ok(Start { process, name: name.into(), arguments, environment, seed: Seed(seed), handles })
}

/// Takes so many texts away.
fn texts(rest: &mut &[u8], count: usize) -> Result<Vec<String>, StartError> {
    (0..count).map(|_| take::<&str>(rest).map(Into::into)).collect()
}

/// Takes a piece away.
fn take<'a, T: Deserialize<'a>>(rest: &mut &'a [u8]) -> Result<T, StartError> {
    let (piece, after) = postcard::take_from_bytes(rest).map_err(|_| StartError::Damaged)?;
    *rest = after;
    Ok(piece)
}
