//! What is in a file, by the end of its name.

/// Suffixes without their point, in order, and what they say.
const KNOWN: [(&str, &str); 41] = [
    ("avif", "image/avif"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("c", "text/plain; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("h", "text/plain; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("iso", "application/x-iso9660-image"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("log", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("rs", "text/plain; charset=utf-8"),
    ("sh", "text/plain; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("toml", "text/plain; charset=utf-8"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// The longest suffix.
const LONGEST: usize = 5;
/// Of whatever has no known one.
const OTHER: &str = "application/octet-stream";

/// The media type of a file of that path, whether its suffix is written large or small.
#[must_use]
pub(crate) fn of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((_, suffix)) = name.rsplit_once('.').filter(|(_, suffix)| suffix.len() <= LONGEST) else {
        return OTHER;
    };
    let mut small = [0; LONGEST];
    let small = &mut small[..suffix.len()];
    small.copy_from_slice(suffix.as_bytes());
    small.make_ascii_lowercase();
    KNOWN.binary_search_by(|(known, _)| known.as_bytes().cmp(small)).map_or(OTHER, |at| KNOWN[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        assert!(KNOWN.is_sorted() && KNOWN.iter().all(|(suffix, _)| suffix.len() <= LONGEST));
        assert_eq!(of("/a.b/INDEX.HTML"), "text/html; charset=utf-8");
        assert_eq!(of("/a.tar.gz"), "application/gzip");
        for other in ["/a", "/a.html/b", "/a.", "/.x", "/a.unknown", "/a.ü"] {
            assert_eq!(of(other), OTHER, "{other}");
        }
    }
}
