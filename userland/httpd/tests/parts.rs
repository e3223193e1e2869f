//! Parts of files, and conditions.

mod support;

use httpd::Limits;
use support::{BIG, big, get, server};

const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[test]
fn single_parts() {
    let server = server(Limits::default());
    for (range, content, text) in [
        ("0-2", "bytes 0-2/26", "abc"),
        ("23-", "bytes 23-25/26", "xyz"),
        ("-2", "bytes 24-25/26", "yz"),
        ("25-1000", "bytes 25-25/26", "z"),
        ("-100", "bytes 0-25/26", "abcdefghijklmnopqrstuvwxyz"),
    ] {
        let response = get(&server, "/letters.txt", &format!("Range: bytes={range}\r\n"));
        assert_eq!((response.status, response.field("content-range")), (206, Some(content)), "{range}");
        assert_eq!(response.text(), text);
    }
    let none = get(&server, "/letters.txt", "Range: bytes=26-\r\n");
    assert_eq!((none.status, none.field("content-range")), (416, Some("bytes */26")));
    assert_eq!(get(&server, "/empty", "Range: bytes=0-\r\n").status, 416);
    assert_eq!(get(&server, "/letters.txt", "Range: letters=a-b\r\n").status, 200);
    let request = "HEAD /letters.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-2\r\n\r\n";
    assert_eq!(support::ask(&server, request).status, 200, "ranges are for GET");
}

#[test]
fn several_parts() {
    let server = server(Limits::default());
    let response = get(&server, "/big", "Range: bytes=0-9, 50000-50099,-1\r\n");
    assert_eq!(response.status, 206);
    let boundary =
        response.field("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let big = big();
    let mut expected = Vec::new();
    for (first, end) in [(0, 10), (50_000, 50_100), (BIG - 1, BIG)] {
        let head = "Content-Type: application/octet-stream\r\nContent-Range: bytes ";
        expected.extend(format!("\r\n--{boundary}\r\n{head}{first}-{}/{BIG}\r\n\r\n", end - 1).bytes());
        expected.extend(&big[first..end]);
    }
    expected.extend(format!("\r\n--{boundary}--\r\n").bytes());
    assert_eq!(response.body, expected);
}

#[test]
fn conditions() {
    let server = server(Limits::default());
    let tag = get(&server, "/letters.txt", "").field("etag").unwrap().to_owned();
    let status = |fields: &str| get(&server, "/letters.txt", fields).status;
    for (fields, expected) in [
        (format!("If-None-Match: {tag}\r\n"), 304),
        (format!("If-None-Match: W/{tag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"x\"\r\n".to_owned(), 200),
        (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {LATER}\r\n"), 200),
        (format!("If-Modified-Since: {THEN}\r\n"), 304),
        (format!("If-Modified-Since: {EARLIER}\r\n"), 200),
        ("If-Modified-Since: nonsense\r\n".to_owned(), 200),
        (format!("If-Match: {tag}\r\n"), 200),
        (format!("If-Match: W/{tag}\r\n"), 412),
        ("If-Match: \"x\"\r\n".to_owned(), 412),
        (format!("If-Unmodified-Since: {THEN}\r\n"), 200),
        (format!("If-Unmodified-Since: {EARLIER}\r\n"), 412),
        (format!("If-Match: {tag}\r\nIf-None-Match: {tag}\r\n"), 304),
        (format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"), 206),
        ("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n".to_owned(), 200),
        (format!("Range: bytes=0-1\r\nIf-Range: {THEN}\r\n"), 206),
        (format!("Range: bytes=0-1\r\nIf-Range: {LATER}\r\n"), 200),
        (format!("Range: bytes=0-1\r\nIf-None-Match: {tag}\r\n"), 304),
    ] {
        assert_eq!(status(&fields), expected, "{fields}");
    }
    let response = get(&server, "/letters.txt", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((response.body.len(), response.field("etag")), (0, Some(&*tag)));
    let weak = get(&server, "/weak.txt", "").field("etag").unwrap().to_owned();
    assert_eq!(get(&server, "/weak.txt", &format!("If-None-Match: {weak}\r\n")).status, 304);
    assert_eq!(get(&server, "/weak.txt", &format!("Range: bytes=0-1\r\nIf-Range: {weak}\r\n")).status, 200);
    assert_eq!(get(&server, "/weak.txt", &format!("Range: bytes=0-1\r\nIf-Range: {THEN}\r\n")).status, 200);
}
