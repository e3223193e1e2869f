//! Values of `#[control]` methods as bytes: postcard, read without allocation and to the last byte.

use anax_abi::Error;
use serde::{Deserialize, Serialize};

/// Writes a value; its length.
///
/// # Errors
/// `BadArgument` if it does not fit.
pub fn encode<T: Serialize + ?Sized>(value: &T, to: &mut [u8]) -> Result<usize, Error> {
    postcard::to_slice(value, to).map(|used| used.len()).map_err(|_| Error::BadArgument)
}

/// Reads a value, which may borrow from the bytes.
///
/// # Errors
/// `PeerMisbehaved` if these are no such value, or more than one.
pub fn decode<'a, T: Deserialize<'a>>(from: &'a [u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(from) {
        Ok((value, [])) => Ok(value),
        _ => Err(Error::PeerMisbehaved),
    }
}
