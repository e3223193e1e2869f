//! Names of programs and services.

/// Longest name of a service, in bytes: what three words of a message hold.
pub const MAX_SERVICE_NAME: usize = 24;

/// Longest name of a program, in bytes.
pub const MAX_PROGRAM_NAME: usize = 32;

/// Whether a service may be called so: 1 to 24 bytes, each of `a`-`z`, `0`-`9` and `-`.
#[must_use]
pub fn is_service_name(name: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_SERVICE_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether a program may be called so: 1 to 32 bytes, as a service, and `_`.
#[must_use]
pub fn is_program_name(name: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=MAX_PROGRAM_NAME).contains(&name.len()) && name.bytes().all(allowed)
}
