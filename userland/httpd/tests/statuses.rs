//! Each status, and what has to stand beside it.

mod support;

use httpd::{Limits, Server, Wants, Way};
use support::{Asked, Client, ask, big, files, get, journal, server, take};

#[test]
fn files_come_with_what_a_client_needs_to_know() {
    let server = server(Limits::default());
    let response = get(&server, "/letters.txt", "");
    assert_eq!((response.status, &*response.text()), (200, "abcdefghijklmnopqrstuvwxyz"));
    assert_eq!(response.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.field("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(response.field("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(response.field("accept-ranges"), Some("bytes"));
    assert!(response.field("etag").is_some_and(|tag| tag.len() == 18 && tag.starts_with('"')));
    assert_eq!(response.field("connection"), None);
    assert_eq!(get(&server, "/", "").text(), "<h1>root</h1>");
    assert_eq!(get(&server, "/empty", "").body, b"");
    assert!(get(&server, "/weak.txt", "").field("etag").unwrap().starts_with("W/\""));
    let head = ask(&server, "HEAD /letters.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.status, head.field("content-length")), (200, Some("26")));
    assert_eq!(head.field("etag"), response.field("etag"));
}

#[test]
fn large_files_come_through_any_room_either_way() {
    for way in [Way::Mapped, Way::Read] {
        let server = Server::new(files(way), Limits::default(), None);
        for room in [1, 7, 100, 4096, 200_000] {
            let mut client = Client::with_room(&server, room);
            client.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(take(&mut client.came, Asked::Get).body, big(), "{room}");
            assert_eq!(client.wants(), Wants::Input);
        }
    }
}

#[test]
fn directories() {
    let server = server(Limits::default());
    let moved = get(&server, "/plain", "");
    assert_eq!((moved.status, moved.field("location")), (301, Some("/plain/")));
    let listing = get(&server, "/plain/", "");
    assert_eq!((listing.status, listing.field("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = listing.text();
    assert!(text.contains("href=\"./a%20%3Cb%3E.txt\">a &lt;b&gt;.txt<") && text.contains("deep/"), "{text}");
    assert_eq!(get(&server, "/plain/a%20%3Cb%3E.txt", "").text(), "a");
    assert_eq!(get(&server, "/letters.txt/", "").status, 404);
    let cut = support::server(Limits { entries: 1, ..Limits::default() });
    assert!(get(&cut, "/plain/", "").text().contains("There are more"));
}

#[test]
fn what_can_not_be_served() {
    let server = server(Limits::default());
    let cases = [
        ("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET /\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ];
    for (request, status) in cases {
        let response = ask(&server, request);
        assert_eq!(response.status, status, "{request}");
        assert!(response.text().contains(&status.to_string()));
    }
    let allowed = ask(&server, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((allowed.status, allowed.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    for target in ["*", "/letters.txt"] {
        let options = ask(&server, &format!("OPTIONS {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((options.status, options.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
    }
    let long = "x".repeat(9000);
    assert_eq!(get(&server, &format!("/{long}"), "").status, 414);
    assert_eq!(get(&server, "/", &format!("A: {long}\r\n")).status, 431);
    assert_eq!(get(&server, "/", &"A: b\r\n".repeat(80)).status, 431);
    assert_eq!(ask(&server, "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n").body, b"");
}

/// Two servers must not see two different requests.
#[test]
fn nothing_is_smuggled() {
    let server = server(Limits::default());
    let bad = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5x\r\n",
        "Content-Length: -1\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
    ];
    for fields in bad {
        let mut client = Client::new(&server);
        let smuggled = "GET /letters.txt HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{smuggled}").as_bytes());
        let response = take(&mut client.came, Asked::Get);
        assert_eq!((response.status, response.field("connection")), (400, Some("close")), "{fields}");
        assert!(client.came.is_empty(), "nothing else is answered: {fields}");
        assert_eq!(client.wants(), Wants::Linger);
    }
    assert_eq!(ask(&server, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status, 400);
    // A wrong chunk ends the connection, too.
    let mut client = Client::new(&server);
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n");
    assert_eq!(take(&mut client.came, Asked::Get).status, 400);
    assert_eq!(client.wants(), Wants::Linger);
}

#[test]
fn bodies_are_passed_over() {
    let server = server(Limits::default());
    let mut client = Client::new(&server);
    client.send(b"GET /letters.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n");
    assert_eq!((client.came.len(), client.wants()), (0, Wants::Input));
    client.send(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n......");
    client.send(b"...");
    assert_eq!(take(&mut client.came, Asked::Get).status, 200);
    assert!(client.came.is_empty());
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(take(&mut client.came, Asked::Get).status, 405);
    assert_eq!(take(&mut client.came, Asked::Get).text(), "<h1>root</h1>");
    // Too much in chunks.
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
    assert_eq!(take(&mut client.came, Asked::Get).status, 413);
    // Who waits to be told is told at once, and the connection ends.
    let mut client = Client::new(&server);
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let response = take(&mut client.came, Asked::Get);
    assert_eq!((response.status, response.field("connection")), (405, Some("close")));
}

#[test]
fn connections_stay_or_end() {
    let server = server(Limits { requests: 3, ..Limits::default() });
    let after = |request: &str| {
        let mut client = Client::new(&server);
        client.send(request.as_bytes());
        let response = take(&mut client.came, Asked::Get);
        (response.field("connection").map(str::to_owned), client.wants())
    };
    let close = Some("close".to_owned());
    assert_eq!(after("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (None, Wants::Input));
    assert_eq!(
        after("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"),
        (close.clone(), Wants::Close)
    );
    assert_eq!(after("GET / HTTP/1.0\r\n\r\n"), (close.clone(), Wants::Close));
    assert_eq!(
        after("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        (Some("keep-alive".to_owned()), Wants::Input)
    );
    let mut client = Client::new(&server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4).as_bytes());
    let responses: Vec<_> = (0..3).map(|_| take(&mut client.came, Asked::Get)).collect();
    assert_eq!(responses[1].field("connection"), None);
    assert_eq!(responses[2].field("connection"), Some("close"));
    assert!(client.came.is_empty() && client.wants() == Wants::Close);
    // A client that has said all may still listen.
    let mut client = Client::with_room(&server, 64);
    client.untaken.extend(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    client.step();
    client.connection.input_ended();
    client.run();
    assert_eq!(take(&mut client.came, Asked::Get).body, big());
    assert_eq!(client.wants(), Wants::Close);
}

#[test]
fn one_too_many_is_told() {
    let server = server(Limits::default());
    let mut client = Client::new(&server);
    let now = client.time();
    client.connection = httpd::Connection::turned_away(support::ADDRESS, &server, &now);
    client.run();
    let response = take(&mut client.came, Asked::Get);
    assert_eq!((response.status, response.field("retry-after")), (503, Some("1")));
}

#[test]
fn each_request_is_a_line() {
    let (lines, journal) = journal();
    let server = Server::new(files(Way::Mapped), Limits::default(), Some(journal));
    get(&server, "/letters.txt", "Range: bytes=0-3\r\n");
    ask(&server, "nonsense\r\n\r\n");
    let lines = lines.borrow();
    let expected = "10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /letters.txt HTTP/1.1\" 206 4";
    assert_eq!(lines[0], expected);
    assert!(lines[1].contains("\"nonsense\" 400"), "{}", lines[1]);
}
