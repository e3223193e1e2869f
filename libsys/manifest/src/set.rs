//! All manifests of a system, and the bytes that they travel as.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Fault, Manifest, Provided};

/// Member of the boot archive that holds them.
pub const MEMBER: &str = "manifests";

/// Most programs of one system.
pub const MAX_PROGRAMS: usize = 256;

/// Most entries of a manifest's list.
pub const MAX_LIST: usize = 16;

/// Longest encoding that is looked at, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// The manifests of all programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifests(pub Vec<Manifest>);

/// Why bytes are no manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// More than [`MAX_BYTES`], or more than [`MAX_PROGRAMS`] programs.
    TooMany,
    /// Not the encoding, cut short, or followed by something.
    Damaged,
    /// The manifest at this place breaks a rule.
    Broken(usize, Fault),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => f.write_str("too many manifests"),
            Self::Damaged => f.write_str("damaged manifests"),
            Self::Broken(place, fault) => write!(f, "manifest {place}: {fault}"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl Manifests {
    /// As they are stored (postcard).
    ///
    /// # Errors
    /// `TooMany` for what [`decode`](Self::decode) would not take.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let bytes = postcard::to_allocvec(self).map_err(|_| DecodeError::Damaged)?;
        self.is_bounded(bytes.len()).then_some(bytes).ok_or(DecodeError::TooMany)
    }

    /// From what is stored. Memory and time are in proportion to the bytes, of which there are at most [`MAX_BYTES`]; every manifest
    /// of the result keeps the rules of [`Manifest::check`]. What they have to do with each other is not looked at: see
    /// [`problems`](Self::problems).
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_BYTES {
            return Err(DecodeError::TooMany);
        }
        let (all, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(|_| DecodeError::Damaged)?;
        if !rest.is_empty() {
            return Err(DecodeError::Damaged);
        }
        if !all.is_bounded(bytes.len()) {
            return Err(DecodeError::TooMany);
        }
        for (place, manifest) in all.0.iter().enumerate() {
            if cfg!(not(bite = "manifest-unchecked")) {
                manifest.check().map_err(|fault| DecodeError::Broken(place, fault))?;
            }
        }
        Ok(all)
    }

    /// The manifest of a program.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Manifest> {
        self.0.iter().find(|manifest| manifest.name == name)
    }

    /// The programs that provide a service, in their order here.
    pub fn providers(&self, service: &str) -> impl Iterator<Item = &Manifest> {
        self.0.iter().filter(move |manifest| manifest.provides.iter().any(|name| name == service))
    }

    /// Who provides what.
    pub(crate) fn services(&self) -> BTreeMap<&str, Vec<Provided>> {
        let mut services: BTreeMap<&str, Vec<Provided>> = BTreeMap::new();
        for (program, manifest) in self.0.iter().enumerate() {
            for (place, name) in manifest.provides.iter().enumerate() {
                services.entry(name).or_default().push(Provided { program, place });
            }
        }
        services
    }

    fn is_bounded(&self, bytes: usize) -> bool {
        self.0.len() <= MAX_PROGRAMS && bytes <= MAX_BYTES
    }
}
