//! What a program is started with.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

const MAGIC: u64 = 0x3130_7472_6174_5358;

/// Length.
#[must_use]
pub fn length([magic, length]: [u64; 2]) -> Option<usize> {
    (magic == MAGIC && length <= 65536).then_some(length as usize)
}

/// What a program is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Number.
    pub process: u64,
    /// Name.
    pub name: String,
    /// Arguments.
    pub arguments: Vec<String>,
    /// Seed.
    pub seed: [u8; 32],
    /// Handles.
    pub handles: Vec<(String, u64)>,
}

impl Start {
    /// Bytes.
    ///
    /// # Errors
    /// Too long.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        let body = postcard::to_allocvec(self)?;
        let mut all = Vec::from(MAGIC.to_le_bytes());
        all.extend(((body.len() + 16) as u64).to_le_bytes());
        all.extend(body);
        Ok(all)
    }

    /// From bytes.
    ///
    /// # Errors
    /// None.
    pub fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes.get(16..).unwrap_or_default())
    }
}
