//! A directory as a page.

use alloc::vec::Vec;

use crate::files::{Entries, Entry};
use crate::target::escape;

const STYLE: &str =
    "<style>body{font:16px sans-serif;margin:2em}td{padding:.1em 1em .1em 0}.n{text-align:right}</style>\n";

/// The page of that directory: directories first, then files, by their names.
#[must_use]
pub(crate) fn page(path: &str, mut listed: Entries) -> Vec<u8> {
    listed.entries.sort_by(|a, b| (a.file.is_some(), &a.name).cmp(&(b.file.is_some(), &b.name)));
    let mut page = Vec::with_capacity(512 + 160 * listed.entries.len());
    page.extend(b"<!doctype html>\n<meta charset=\"utf-8\">\n<title>");
    text(path, &mut page);
    page.extend(b"</title>\n");
    page.extend(STYLE.as_bytes());
    page.extend(b"<h1>");
    text(path, &mut page);
    page.extend(b"</h1>\n<table>\n");
    if path != "/" {
        page.extend(b"<tr><td><a href=\"../\">../</a></td></tr>\n");
    }
    for entry in &listed.entries {
        row(entry, &mut page);
    }
    page.extend(b"</table>\n");
    if listed.are_cut {
        page.extend(b"<p>There are more, which are not shown.</p>\n");
    }
    page
}

fn row(entry: &Entry, page: &mut Vec<u8>) {
    let slash: &[u8] = if entry.file.is_some() { b"" } else { b"/" };
    // A name with a colon would be a scheme.
    page.extend(b"<tr><td><a href=\"./");
    escape(&entry.name, page);
    page.extend(slash);
    page.extend(b"\">");
    text(&entry.name, page);
    page.extend(slash);
    page.extend(b"</a></td>");
    if let Some(about) = &entry.file {
        page.extend(b"<td class=\"n\">");
        crate::response::decimal(about.size, page);
        page.extend(b"</td><td>");
        if let Some(modified) = about.modified {
            page.extend(modified.text());
        }
        page.extend(b"</td>");
    }
    page.extend(b"</tr>\n");
}

/// Text that is nothing else.
fn text(text: &str, page: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'<' => page.extend(b"&lt;"),
            b'>' => page.extend(b"&gt;"),
            b'&' => page.extend(b"&amp;"),
            b'"' => page.extend(b"&quot;"),
            byte => page.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::vec;
    use std::string::String;

    use super::*;
    use crate::date::Date;
    use crate::files::About;

    #[test]
    fn names_are_text_and_links() {
        let file = Some(About { size: 1234, modified: Some(Date(0)), tag: None });
        let entries = vec![
            Entry { name: "b<script>".into(), file },
            Entry { name: "javascript:1".into(), file },
            Entry { name: "z".into(), file: None },
        ];
        let page = String::from_utf8(page("/a&b", Entries { entries, are_cut: true })).unwrap();
        assert!(page.contains("<h1>/a&amp;b</h1>") && page.contains("../"), "{page}");
        assert!(
            page.contains("<a href=\"./b%3Cscript%3E\">b&lt;script&gt;</a></td><td class=\"n\">1234<"),
            "{page}"
        );
        assert!(page.contains("./javascript%3A1") && page.contains("There are more"), "{page}");
        assert!(page.find("z/").unwrap() < page.find("b&lt;").unwrap(), "directories first: {page}");
    }
}
