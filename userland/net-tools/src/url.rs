//! Addresses of the web, and the beginning of what a server answers (RFC 9110, RFC 9112).

use alloc::format;
use alloc::string::{String, ToString as _};

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Host and port.
    pub host: String,
    /// What is asked for there.
    pub path: String,
}

impl Url {
    /// Of `http://HOST[:PORT][/PATH]`; the beginning may be left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let (host, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains(['@', '?', '#']) || text.contains("://") && rest == text {
            return None;
        }
        if !is_plain(host) || !is_plain(path) {
            return None;
        }
        let path = path.split('#').next().unwrap_or("/");
        // Of IPv6 the colons stand in brackets.
        let behind = host.rsplit(']').next().unwrap_or(host);
        let host = if behind.contains(':') { host.to_string() } else { format!("{host}:80") };
        Some(Self { host, path: path.to_string() })
    }

    /// What is sent. HTTP/1.0, so that the answer ends with the connection, and comes in one piece.
    #[must_use]
    pub fn request(&self) -> String {
        let host = self.host.strip_suffix(":80").unwrap_or(&self.host);
        format!("GET {} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n", self.path)
    }
}

/// Bytes of the longest head of an answer.
pub const MAX_HEAD: usize = 64 << 10;

/// The status of an answer whose head that is, up to the empty line.
#[must_use]
pub fn status(head: &str) -> Option<u16> {
    let line = head.lines().next()?;
    let (version, rest) = line.split_once(' ')?;
    let status = rest.split(' ').next()?;
    if !version.starts_with("HTTP/1.") || status.len() != 3 {
        return None;
    }
    status.parse().ok()
}

/// Where the head of an answer ends: behind its empty line.
#[must_use]
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|place| place + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |text: &str| Url::parse(text).map(|url| (url.host, url.path));
        let is = |host: &str, path: &str| Some((host.to_string(), path.to_string()));
        assert_eq!(of("http://10.0.2.2/a/b?c=d#e"), is("10.0.2.2:80", "/a/b?c=d"));
        assert_eq!(of("host:8080"), is("host:8080", "/"));
        assert_eq!(of("http://[::1]/x"), is("[::1]:80", "/x"));
        assert_eq!(of("[::1]:81"), is("[::1]:81", "/"));
        for wrong in ["", "http://", "ftp://a/", "a b", "http://a/\r\nX: y", "user@host/"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert!(
            Url::parse("h/x").is_some_and(|url| url.request().starts_with("GET /x HTTP/1.0\r\nHost: h\r\n"))
        );
    }

    #[test]
    fn answers() {
        assert_eq!(status("HTTP/1.1 200 OK\r\nA: b"), Some(200));
        for wrong in ["", "HTTP/1.1", "HTTP/2 200 x", "HTTP/1.0 2000 x", "HTTP/1.0 abc"] {
            assert_eq!(status(wrong), None, "{wrong}");
        }
        assert_eq!((head_end(b"a\r\n\r\nb"), head_end(b"a\r\n\r")), (Some(5), None));
    }
}
