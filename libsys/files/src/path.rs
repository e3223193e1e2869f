//! Paths: from the root on, with slashes between names, and made plain before anybody looks anything up.
//!
//! `.` and `..` are taken by the letter, as in Plan 9 (R. Pike, "Lexical File Names in Plan 9", 2000): `/a/link/..` is `/a`, wherever the link leads. So a path can
//! be compared with where file systems are mounted before any of them is asked, and nobody leaves a directory behind which a link led.

use alloc::string::String;

use crate::{Failure, Name};

/// Bytes of the longest path.
pub const LONGEST: usize = 4096;

/// The plain form of `path`, seen from `directory` if it does not begin with a slash: a slash, and names with single slashes between them.
///
/// # Errors
/// `TooLong`; `BadArgument` if it is empty or has a zero byte, or the directory does not begin with a slash.
pub fn plain(directory: &str, path: &str) -> Result<String, Failure> {
    if path.is_empty() || path.contains('\0') || directory.contains('\0') {
        return Err(Failure::BadArgument);
    }
    let from = if path.starts_with('/') { "" } else { directory };
    if !path.starts_with('/') && !directory.starts_with('/') {
        return Err(Failure::BadArgument);
    }
    if from.len() + path.len() >= 2 * LONGEST {
        return Err(Failure::TooLong);
    }
    let mut plain = String::with_capacity(from.len() + path.len() + 1);
    for name in from.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => plain.truncate(plain.rfind('/').unwrap_or(0)),
            name => {
                plain.push('/');
                plain.push_str(name);
            }
        }
    }
    if plain.is_empty() {
        plain.push('/');
    }
    if plain.len() > LONGEST { Err(Failure::TooLong) } else { Ok(plain) }
}

/// Whether a path is plain already, as most are: then there is nothing to be made of it.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    if bytes.len() > LONGEST || bytes.first() != Some(&b'/') {
        return false;
    }
    if bytes.len() == 1 {
        return true;
    }
    // What could be wrong is seen by pairs of bytes, several at once; few paths have a point behind a slash.
    let suspects = bytes.iter().zip(&bytes[1..]).fold(false, |any, (one, next)| {
        any | (*one == b'/' && (*next == b'/' || *next == b'.')) | (*next == 0)
    });
    if !suspects {
        return bytes.last() != Some(&b'/');
    }
    // The bytes of the present name so far, and whether all of them are points.
    let (mut length, mut points) = (0u32, true);
    for byte in &bytes[1..] {
        match byte {
            b'/' if length == 0 || points && length <= 2 => return false,
            b'/' => (length, points) = (0, true),
            0 => return false,
            byte => (length, points) = (length + 1, points && *byte == b'.'),
        }
    }
    length > 0 && !(points && length <= 2)
}

/// The directory and the last name of a plain path; nothing for the root.
///
/// # Errors
/// `TooLong`: that name.
pub fn split(plain: &str) -> Result<Option<(&str, Name<'_>)>, Failure> {
    // By bytes: paths are short, and what searches long texts takes its time to begin.
    let Some(slash) = plain.bytes().rposition(|byte| byte == b'/') else { return Ok(None) };
    let (directory, name) = (&plain[..slash], &plain[slash + 1..]);
    if name.is_empty() {
        return Ok(None);
    }
    let directory = if directory.is_empty() { "/" } else { directory };
    Ok(Some((directory, Name::of_plain(name)?)))
}

/// What of a plain path lies below a plain directory: without a slash before it, empty for the directory itself; nothing if it lies elsewhere.
#[must_use]
pub fn below<'a>(plain: &'a str, directory: &str) -> Option<&'a str> {
    if directory == "/" {
        return plain.strip_prefix('/');
    }
    let rest = plain.strip_prefix(directory)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::borrow::ToOwned as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_paths() {
        for (directory, path, is) in [
            ("/", "/", "/"),
            ("/", "a", "/a"),
            ("/a/b", "c", "/a/b/c"),
            ("/a/b", "/c", "/c"),
            ("/a/b", "..", "/a"),
            ("/a/b", "../../../..", "/"),
            ("/a", "./b//c/./", "/a/b/c"),
            ("/a", "b/../../c", "/c"),
            ("/", "/...", "/..."),
        ] {
            assert_eq!(plain(directory, path).as_deref(), Ok(is), "{directory} {path}");
        }
        assert_eq!(plain("/", ""), Err(Failure::BadArgument));
        assert_eq!(plain("a", "b"), Err(Failure::BadArgument));
        assert_eq!(plain("/", "a\0"), Err(Failure::BadArgument));
        assert_eq!(plain("/", &"/x".repeat(LONGEST)), Err(Failure::TooLong));
        assert_eq!(plain("/", &"a".repeat(LONGEST)), Err(Failure::TooLong));
    }

    #[test]
    fn parts() {
        assert_eq!(split("/"), Ok(None));
        assert_eq!(split("/a"), Ok(Some(("/", Name::new("a").unwrap()))));
        assert_eq!(split("/a/b"), Ok(Some(("/a", Name::new("b").unwrap()))));
        assert_eq!(split(&("/a/".to_owned() + &"b".repeat(256))), Err(Failure::TooLong));
        assert_eq!(below("/a/b", "/a"), Some("b"));
        assert_eq!(below("/a", "/a"), Some(""));
        assert_eq!(below("/ab", "/a"), None);
        assert_eq!(below("/ab", "/"), Some("ab"));
        assert_eq!(below("/", "/"), Some(""));
        assert_eq!(below("/", "/a"), None);
    }

    proptest! {
        #[test]
        fn what_is_plain_stays_so(path in "[a./]{0,40}") {
            prop_assert_eq!(is_plain(&path), plain("/", &path).as_ref() == Ok(&path), "{}", path);
            if let Ok(once) = plain("/d", &path) {
                prop_assert!(once.starts_with('/'));
                prop_assert_eq!(plain("/", &once), Ok(once.clone()));
                let all = once.split('/').skip(1).all(|name| !name.is_empty() && name != "." && name != "..");
                prop_assert!(once == "/" || all);
                if let Ok(Some((directory, name))) = split(&once) {
                    prop_assert_eq!(Name::new(&name), Ok(name));
                    prop_assert_eq!(plain(directory, &name), Ok(once.to_owned()));
                }
            }
        }
    }
}
