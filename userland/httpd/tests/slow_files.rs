//! A file system that is slow for some files: others are answered meanwhile, and those when it has answered.

mod support;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use httpd::{
    About, Entries, File, Files, Found, Limits, MemoryFile, MemoryFiles, Server, Trouble, Wants, Way, Window,
};
use support::{Asked, Client, big, files, take};

/// Bytes of a slow file that are there from the beginning.
const THERE: u64 = 1000;

/// The files of the other tests: of `/big` the beginning is known, of what is below `/plain` nothing, until the disk has answered.
struct SlowFiles {
    inner: MemoryFiles,
    has_answered: Rc<Cell<bool>>,
}

struct SlowFile {
    inner: MemoryFile,
    is_slow: bool,
    has_answered: Rc<Cell<bool>>,
}

async fn until(has_answered: &Cell<bool>) {
    // Tests look by themselves: nobody has to be woken.
    poll_fn(|_| if has_answered.get() { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl SlowFiles {
    fn found(&self, path: &str) -> Result<Found<SlowFile>, Trouble> {
        Ok(match self.inner.find(path)?.ok_or(Trouble::Failed)? {
            Found::Directory => Found::Directory,
            Found::File(inner) => {
                let (is_slow, has_answered) = (path == "/big", self.has_answered.clone());
                Found::File(SlowFile { inner, is_slow, has_answered })
            }
        })
    }
}

impl Files for SlowFiles {
    type File = SlowFile;

    fn find(&self, path: &str) -> Result<Option<Found<SlowFile>>, Trouble> {
        if path.starts_with("/plain") && !self.has_answered.get() {
            return Ok(None);
        }
        self.found(path).map(Some)
    }

    async fn find_later(&self, path: &str) -> Result<Found<SlowFile>, Trouble> {
        until(&self.has_answered).await;
        self.found(path)
    }

    async fn list(&self, path: &str, most: usize) -> Result<Entries, Trouble> {
        until(&self.has_answered).await;
        self.inner.list(path, most).await
    }
}

impl File for SlowFile {
    fn about(&self) -> About {
        self.inner.about()
    }

    fn send(&self, offset: u64, most: u64, to: &mut Window<'_>) -> Result<Option<usize>, Trouble> {
        if !self.is_slow || self.has_answered.get() {
            return self.inner.send(offset, most, to);
        }
        match THERE.saturating_sub(offset) {
            0 => Ok(None),
            left => self.inner.send(offset, most.min(left), to),
        }
    }

    async fn wait(&self, offset: u64) -> Result<(), Trouble> {
        if offset >= THERE {
            until(&self.has_answered).await;
        }
        self.inner.wait(offset).await
    }
}

fn server() -> (Server<SlowFiles>, Rc<Cell<bool>>) {
    let has_answered = Rc::new(Cell::new(false));
    let files = SlowFiles { inner: files(Way::Mapped), has_answered: has_answered.clone() };
    (Server::new(files, Limits::default(), None), has_answered)
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// Somebody else is served now.
fn others_go_on(server: &Server<SlowFiles>) {
    let mut other = Client::new(server);
    other.send(&get("/letters.txt"));
    assert_eq!(take(&mut other.came, Asked::Get).body, b"abcdefghijklmnopqrstuvwxyz");
    assert_eq!(other.wants(), Wants::Input);
}

#[test]
fn bytes_that_are_not_there_yet() {
    let (server, has_answered) = server();
    let mut slow = Client::new(&server);
    // The next request waits for its turn, whatever it asks for.
    slow.send(&[get("/big"), get("/letters.txt")].concat());
    assert_eq!(slow.wants(), Wants::Files);
    let head = slow.came.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(slow.came.len() - head, THERE as usize, "what is there goes out");
    others_go_on(&server);
    has_answered.set(true);
    slow.run();
    assert_eq!(take(&mut slow.came, Asked::Get).body, big());
    assert_eq!(take(&mut slow.came, Asked::Get).body.len(), 26);
    assert_eq!(slow.wants(), Wants::Input);
}

#[test]
fn names_that_nobody_knows_yet() {
    let (server, has_answered) = server();
    let targets = ["/plain/a%20%3cb%3e.txt", "/plain/none", "/plain", "/plain/", "/plain/deep/c/"];
    let mut slow = targets.map(|target| {
        let mut slow = Client::new(&server);
        slow.send(&get(target));
        assert_eq!((slow.wants(), slow.came.len()), (Wants::Files, 0), "{target}");
        slow
    });
    others_go_on(&server);
    has_answered.set(true);
    slow.iter_mut().for_each(Client::run);
    let [text, none, moved, listing, no_directory] =
        slow.each_mut().map(|slow| take(&mut slow.came, Asked::Get));
    assert_eq!(
        (text.status, &text.body[..], text.field("content-type")),
        (200, &b"a"[..], Some("text/plain; charset=utf-8"))
    );
    assert_eq!((none.status, no_directory.status), (404, 404));
    assert_eq!((moved.status, moved.field("location")), (301, Some("/plain/")));
    assert!(listing.status == 200 && listing.text().contains("deep/"), "{}", listing.text());
    assert!(slow.iter().all(|slow| slow.wants() == Wants::Input && slow.came.is_empty()));
}

#[test]
fn heads_bodies_and_ends_while_it_is_asked() {
    let (server, has_answered) = server();
    let mut head = Client::new(&server);
    head.send(b"HEAD /plain/deep/c HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut body = Client::new(&server);
    body.send(b"GET /plain/deep/c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    // One in pieces, by a client that says nothing more afterwards.
    let mut ended = Client::new(&server);
    for byte in get("/plain/deep/c") {
        ended.send(&[byte]);
    }
    ended.connection.input_ended();
    assert!([&head, &body, &ended].iter().all(|slow| slow.wants() == Wants::Files));
    has_answered.set(true);
    [&mut head, &mut body, &mut ended].into_iter().for_each(Client::run);
    assert_eq!(take(&mut head.came, Asked::Head).field("content-length"), Some("1"));
    assert_eq!((body.wants(), body.came.len()), (Wants::Input, 0), "its own comes first");
    body.send(b"cde");
    assert_eq!(take(&mut body.came, Asked::Get).body, b"c");
    assert_eq!(take(&mut ended.came, Asked::Get).body, b"c");
    assert_eq!([head.wants(), body.wants(), ended.wants()], [Wants::Input, Wants::Input, Wants::Close]);
}

#[test]
fn a_disk_that_never_answers() {
    let (server, _) = server();
    let grace = Limits::default().grace;
    let mut unknown = Client::new(&server);
    unknown.send(&get("/plain/deep/c"));
    let mut begun = Client::new(&server);
    begun.send(&get("/big"));
    for slow in [&mut unknown, &mut begun] {
        slow.pass(grace - Duration::from_millis(1));
        assert_eq!(slow.wants(), Wants::Files);
    }
    unknown.pass(Duration::from_millis(1));
    assert_eq!(take(&mut unknown.came, Asked::Get).status, 503);
    assert_eq!(unknown.wants(), Wants::Linger);
    // It is cut off: its length was promised. What it has got has given it some time.
    begun.pass(Duration::from_secs(3));
    assert_eq!(begun.wants(), Wants::Abort);
}
