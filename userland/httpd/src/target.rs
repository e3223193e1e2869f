//! What a request names (RFC 9112, section 3.2), as a path that can't lead out of the root.

use alloc::string::String;
use alloc::vec::Vec;

use crate::status::Status;

/// Something below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A slash, and names with single slashes between them: no escapes, no `.`, no `..`.
    pub path: String,
    /// It was asked for with a slash at its end.
    pub shape: Shape,
}

/// Whether a path ends with a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It does, so it is to be a directory.
    Directory,
    /// It does not.
    Any,
}

impl Target {
    /// That of a request, without what stands behind a question mark.
    ///
    /// # Errors
    /// `BadRequest`: it begins with no slash, has a wrong escape or a zero, or climbs above the root. `NotFound`: nothing can have that name.
    pub fn parse(target: &str) -> Result<Self, Status> {
        let target = without_authority(target)?;
        let raw = target.split('?').next().unwrap_or_default();
        if !raw.starts_with('/') || raw.contains('#') {
            return Err(Status::BadRequest);
        }
        let mut path = String::with_capacity(raw.len());
        let mut shape = Shape::Directory;
        for segment in raw[1..].split('/') {
            let begins = path.len();
            path.push('/');
            decode(segment, &mut path)?;
            shape = Shape::Any;
            match &path[begins + 1..] {
                "" | "." => {
                    path.truncate(begins);
                    shape = Shape::Directory;
                }
                ".." => {
                    path.truncate(begins);
                    path.truncate(path.rfind('/').ok_or(Status::BadRequest)?);
                    shape = Shape::Directory;
                }
                _ => {}
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(Self { path, shape })
    }
}

/// A proxy's form has scheme and host before the path.
fn without_authority(target: &str) -> Result<&str, Status> {
    let Some(scheme) = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")) else {
        return Ok(target);
    };
    let rest = &target[scheme.len()..];
    match rest.find('/') {
        Some(0) => Err(Status::BadRequest),
        Some(at) => Ok(&rest[at..]),
        None if rest.is_empty() || rest.contains(['?', '#']) => Err(Status::BadRequest),
        None => Ok("/"),
    }
}

/// Appends a segment without its escapes.
fn decode(segment: &str, path: &mut String) -> Result<(), Status> {
    if !segment.contains('%') {
        path.push_str(segment);
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        let byte = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                rest = behind;
                let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or(Status::BadRequest);
                (digit(high)? << 4 | digit(low)?) as u8
            }
            (b'%', _) => return Err(Status::BadRequest),
            (byte, _) => *byte,
        };
        match byte {
            0 => return Err(Status::BadRequest),
            // No name has a slash in it.
            b'/' => return Err(Status::NotFound),
            byte => bytes.push(byte),
        }
    }
    path.push_str(core::str::from_utf8(&bytes).map_err(|_| Status::NotFound)?);
    Ok(())
}

/// Appends a path as it may stand in a link: all but letters, digits, `-._~` and slashes is escaped.
pub(crate) fn escape(path: &str, to: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            to.push(byte);
        } else {
            to.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let cases = [
            ("/", "/", Shape::Directory),
            ("/a", "/a", Shape::Any),
            ("/a/", "/a", Shape::Directory),
            ("//a//b?c=/../", "/a/b", Shape::Any),
            ("/a/./b/../c", "/a/c", Shape::Any),
            ("/a/..", "/", Shape::Directory),
            ("/%61%20%c3%bc", "/a ü", Shape::Any),
            ("/a/%2e%2E/b", "/b", Shape::Any),
            ("/...", "/...", Shape::Any),
            ("http://host:80/a", "/a", Shape::Any),
            ("HTTP://host", "/", Shape::Directory),
        ];
        for (target, path, shape) in cases {
            assert_eq!(Target::parse(target), Ok(Target { path: path.into(), shape }), "{target}");
        }
        let bad =
            ["", "a", "*", "/..", "/a/../..", "/%", "/%4", "/%zz", "/%00", "/a#b", "http:///a", "/%2e%2e/x"];
        for target in bad {
            assert_eq!(Target::parse(target), Err(Status::BadRequest), "{target}");
        }
        for target in ["/a%2fb", "/%ff", "/..%2f"] {
            assert_eq!(Target::parse(target), Err(Status::NotFound), "{target}");
        }
    }

    proptest! {
        #[test]
        fn nothing_leads_out(target in "/[./%a2eEfF?#]{0,24}") {
            if let Ok(found) = Target::parse(&target) {
                prop_assert!(found.path.starts_with('/'));
                prop_assert!(found.path.split('/').all(|name| name != "." && name != ".."));
                prop_assert!(!found.path.contains('\0') && !found.path.contains("//"));
            }
        }

        #[test]
        fn what_is_escaped_comes_back(names in proptest::collection::vec("[^/\0]{1,8}", 1..4)) {
            prop_assume!(names.iter().all(|name| name != "." && name != ".."));
            let path = std::format!("/{}", names.join("/"));
            let mut escaped = Vec::new();
            escape(&path, &mut escaped);
            let target = std::string::String::from_utf8(escaped).unwrap();
            prop_assert_eq!(Target::parse(&target), Ok(Target { path, shape: Shape::Any }));
        }
    }
}
