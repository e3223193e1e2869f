//! What is asked for, and what it has to be.

use std::path::Path;

use anax_pattern::{Direction, Pattern};
use anyhow::{Context as _, ensure};

/// A page: its path as it stands in a request, how long it is, and the CRC-32 of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its path, escaped where it has to be.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// CRC-32 of all of them (ISO 3309).
    pub sum: u32,
}

impl Page {
    /// One of these bytes.
    #[must_use]
    pub fn of(path: &str, bytes: &[u8]) -> Self {
        Self { path: path.to_owned(), size: bytes.len() as u64, sum: crc32fast::hash(bytes) }
    }

    /// One that `httpd --memory` has: `/pattern/SIZE`.
    #[must_use]
    pub fn pattern(size: u32) -> Self {
        let mut bytes = vec![0; size as usize];
        Pattern::new(size.into(), Direction::FromGuest).fill(0, &mut bytes);
        Self::of(&format!("/pattern/{size}"), &bytes)
    }

    /// A line of a manifest: `SUM SIZE PATH`, the sum in eight hexadecimal digits.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{:08x} {} {}\n", self.sum, self.size, self.path)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let sum = u32::from_str_radix(words.next()?, 16).ok()?;
        let size = words.next()?.parse().ok()?;
        let path = words.next()?;
        (path.starts_with('/') && !path.contains(char::is_whitespace)).then(|| Self {
            path: path.to_owned(),
            size,
            sum,
        })
    }
}

/// The pages of a manifest.
///
/// # Errors
/// If it can't be read, or is none.
pub fn manifest(file: &Path) -> anyhow::Result<Vec<Page>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let page = |(number, line)| {
        Page::parse(line).with_context(|| format!("{}:{}: no `SUM SIZE PATH`", file.display(), number + 1))
    };
    let pages = text.lines().enumerate().map(page).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!pages.is_empty(), "{} names no pages", file.display());
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        let page = Page::pattern(1000);
        assert_eq!(Page::parse(page.line().trim_end()), Some(page));
        for none in ["", "x 1 /a", "1 x /a", "1 1 a", "1 1 /a b", "1 1"] {
            assert_eq!(Page::parse(none), None, "{none}");
        }
    }
}
