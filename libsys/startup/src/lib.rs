//! What a program is started with.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

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
        postcard::to_allocvec(self)
    }
}
