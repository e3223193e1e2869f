//! A client for tests: what it sends is cut as it likes, what comes back is taken apart as the standard says, and time is a number.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anax_net::Loan;
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use httpd::{Connection, Date, Files, Lends, Limits, MemoryFiles, Now, Server, Wants, Way, Window};

pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub(crate) const DATE: Date = Date(784_111_777);
pub(crate) const BIG: usize = 100_000;

/// Some files, of which one is large.
pub(crate) fn files(way: Way) -> MemoryFiles {
    let mut files = MemoryFiles::new(way);
    files.insert("/index.html", b"<h1>root</h1>", Some(DATE));
    files.insert("/empty", b"", Some(DATE));
    files.insert("/letters.txt", b"abcdefghijklmnopqrstuvwxyz", Some(DATE));
    files.insert("/weak.txt", b"weak", Some(DATE));
    files.weaken("/weak.txt");
    files.insert("/plain/a <b>.txt", b"a", None);
    files.insert("/plain/deep/c", b"c", None);
    files.insert("/big", &big(), None);
    files
}

pub(crate) fn big() -> Vec<u8> {
    (0..BIG).map(|at| (at * 7 + at / 251) as u8).collect()
}

pub(crate) fn server(limits: Limits) -> Server<MemoryFiles> {
    Server::new(files(Way::Mapped), limits, None)
}

pub(crate) fn journal() -> (Rc<RefCell<Vec<String>>>, httpd::Journal) {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let to = lines.clone();
    (lines, Box::new(move |record| to.borrow_mut().push(record.to_string())))
}

/// A connection, what the client has sent and nobody has taken, and what has come back.
pub(crate) struct Client<'a, F: Files = MemoryFiles> {
    pub(crate) server: &'a Server<F>,
    pub(crate) connection: Connection<F>,
    pub(crate) now: Duration,
    pub(crate) untaken: Vec<u8>,
    pub(crate) came: Vec<u8>,
    ring: Vec<AtomicU64>,
    room: usize,
    /// Has bytes sent from where they lie.
    pub(crate) lender: Option<Rc<Lender>>,
}

/// A stream that takes loans, if it likes, and forgets them at times.
#[derive(Debug, Default)]
pub(crate) struct Lender {
    /// Where in the stream the present window begins.
    at: Cell<u64>,
    loans: RefCell<Vec<(u64, Loan)>>,
    /// Of so many loans one is not taken, and of so many looks one finds that what was lent is lost.
    pub(crate) refuses: Cell<u64>,
    turn: Cell<u64>,
    /// Bytes that nobody has copied.
    pub(crate) sent: Cell<u64>,
}

impl Lender {
    fn is_turn(&self) -> bool {
        self.turn.set(self.turn.get() + 1);
        self.refuses.get() > 0 && self.turn.get().is_multiple_of(self.refuses.get())
    }

    /// What is lent, and not lost, at a position.
    fn of(&self, position: u64) -> Option<(u64, Loan)> {
        let loans = self.loans.borrow();
        let found = loans.iter().find(|(from, loan)| (*from..*from + loan.length).contains(&position))?;
        Some((found.0, found.1.clone()))
    }

    /// Puts what was lent where nothing was written.
    fn put(&self, bytes: &mut [u8]) {
        let at = self.at.get();
        for (from, loan) in self.loans.borrow().iter() {
            let (first, end) = ((*from).max(at), (from + loan.length).min(at + bytes.len() as u64));
            if first >= end {
                continue;
            }
            let to = &mut bytes[(first - at) as usize..(end - at) as usize];
            let mut reading = loan.source.read(loan.from + (first - from), to);
            let read = reading.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            drop(reading);
            assert_eq!(read, Poll::Ready(Some(to.len())), "more was lent than there is");
            self.sent.set(self.sent.get() + to.len() as u64);
        }
        self.at.set(at + bytes.len() as u64);
        let is_left = |(from, loan): &(u64, Loan)| from + loan.length > self.at.get();
        self.loans.borrow_mut().retain(is_left);
        if self.is_turn() {
            self.loans.borrow_mut().clear();
        }
    }
}

impl Lends for Lender {
    fn lent(&self, behind: usize) -> u64 {
        let position = self.at.get() + behind as u64;
        self.of(position).map_or(0, |(from, loan)| from + loan.length - position)
    }

    fn lend(&self, behind: usize, loan: &Loan) -> bool {
        let position = self.at.get() + behind as u64;
        assert!(self.of(position).is_none(), "lent twice");
        let is_taken = !self.is_turn();
        if is_taken {
            self.loans.borrow_mut().push((position, loan.clone()));
        }
        is_taken
    }
}

impl<'a, F: Files> Client<'a, F> {
    pub(crate) fn new(server: &'a Server<F>) -> Self {
        Self::with_room(server, 4096)
    }

    /// The server finds so much room each time.
    pub(crate) fn with_room(server: &'a Server<F>, room: usize) -> Self {
        let now = Duration::from_secs(1000);
        let connection = Connection::new(ADDRESS, &Now { elapsed: now, date: Some(DATE) });
        let ring = (0..room.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
        Self { server, connection, now, untaken: Vec::new(), came: Vec::new(), ring, room, lender: None }
    }

    pub(crate) fn time(&self) -> Now {
        Now { elapsed: self.now, date: Some(DATE) }
    }

    /// Whether files that are waited for have come.
    fn files_have_come(&mut self) -> bool {
        if self.wants() != Wants::Files {
            return false;
        }
        let asked = {
            let mut asking = pin!(self.connection.ask(self.server));
            match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(asked) => asked,
                Poll::Pending => return false,
            }
        };
        let now = self.time();
        self.connection.asked(self.server, asked, &now);
        true
    }

    /// One look of the server's: whether anything moved.
    pub(crate) fn step(&mut self) -> bool {
        let have_come = self.files_have_come();
        let all = SharedBytes::new(SharedBlock::from_words(&self.ring));
        let first = self.room / 3;
        let pieces = [all.part(first, self.room - first).unwrap(), all.part(0, first).unwrap()];
        let mut window = match &self.lender {
            Some(lender) => Window::lending(pieces, &**lender),
            None => Window::new(pieces),
        };
        let now = self.time();
        let taken = self.connection.advance(self.server, &self.untaken, &mut window, &now);
        assert!(taken <= self.untaken.len());
        let filled = window.filled();
        let mut bytes = vec![0; self.room];
        let (head, tail) = bytes.split_at_mut(self.room - first);
        pieces[0].copy_out(0, head).unwrap();
        pieces[1].copy_out(0, tail).unwrap();
        if let Some(lender) = &self.lender {
            lender.put(&mut bytes[..filled]);
        }
        self.came.extend_from_slice(&bytes[..filled]);
        self.untaken.drain(..taken);
        taken > 0 || filled > 0 || have_come
    }

    /// Until nothing moves.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.untaken.extend_from_slice(bytes);
        self.run();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = self.time();
        self.connection.expire(self.server, &now);
        self.run();
    }

    pub(crate) fn wants(&self) -> Wants {
        self.connection.wants()
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Whether a response has a body.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    Get,
    Head,
}

/// Takes the first response off.
pub(crate) fn take(bytes: &mut Vec<u8>, asked: Asked) -> Response {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next().unwrap();
    let status =
        first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).expect(first).parse().unwrap();
    let fields: Vec<_> = lines
        .map(|line| line.split_once(": ").expect("a field"))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    let mut response = Response { status, fields, body: Vec::new() };
    let length: Option<usize> = response.field("content-length").map(|length| length.parse().unwrap());
    if [204, 304].contains(&status) {
        assert_eq!(length, None, "{head}");
    } else {
        assert!(length.is_some(), "{head}");
    }
    let length = if asked == Asked::Head { 0 } else { length.unwrap_or(0) };
    response.body = bytes[end..end + length].to_vec();
    bytes.drain(..end + length);
    response
}

/// One request, one response.
pub(crate) fn ask(server: &Server<MemoryFiles>, request: &str) -> Response {
    let mut client = Client::new(server);
    client.send(request.as_bytes());
    let asked = if request.starts_with("HEAD") { Asked::Head } else { Asked::Get };
    let response = take(&mut client.came, asked);
    assert!(client.came.is_empty(), "more than was asked for");
    response
}

/// A GET with more fields.
pub(crate) fn get(server: &Server<MemoryFiles>, target: &str, fields: &str) -> Response {
    ask(server, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}
