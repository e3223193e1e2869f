//! One connection, from its first byte to its end: bytes come in, bytes go out, time passes; nobody is waited for.
//!
//! ```text
//!            a byte            a head                 its body            all is written
//!   Idle ──────────▶ Head ──────────────▶ Skip ────────────────▶ Send ───────────────────▶ Idle
//!                     │ └─▶ Find ─────────┘                       ▲ │ ▲ └▶ Fetch ┐
//!                     │  nobody knows where it leads              │ │ └──────────┘ the file is not there yet
//!                     │ no request, too long, too slow            │ │ "close"
//!                     └───────────────────────────────────────────┘ └──▶ Linger ──▶ Over
//! ```
//!
//! Requests that come behind one that is being answered (pipelining) are left where they are, in the socket's ring, until their turn comes: that ring is their
//! bound, and the client's window closes when it is full. A head that is not complete is kept here, and memory for it is there only as long as that.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use crate::answer::{Answer, Answering};
use crate::body::{Body, Sent};
use crate::files::{Files, Trouble};
use crate::head::{Head, Method, Parsed, Version};
use crate::journal::Record;
use crate::lead::{self, Led};
use crate::response::After;
use crate::server::{Now, Server};
use crate::skip::{Skip, Skipped};
use crate::status::Status;
use crate::target::Target;
use crate::window::Window;

/// Bytes of a request's line that the journal is told.
const LONGEST_LINE: usize = 512;
/// What a client may still send when it was told that the connection ends.
const MOST_LINGERING: u64 = 256 << 10;
/// A buffer that is larger than that is given back.
const KEPT: usize = 512;

/// What a connection waits for. Nobody waits for files in here: so a file that takes its time holds up its own connection alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Bytes from the client.
    Input,
    /// Room for its own.
    Room,
    /// Files: what [`Connection::ask`] comes to is to be [told](Connection::asked). What was written before is to go out.
    Files,
    /// The client to go: nothing more is sent (the sending side is to be shut down), and what comes is thrown away.
    Linger,
    /// Nothing: it is closed when what was written has been sent.
    Close,
    /// Nothing: it is cut off, since what was promised can't be sent.
    Abort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    /// The files are asked where the target leads.
    Find,
    Skip(Skip),
    Send,
    /// The same while the file is waited for.
    Fetch,
    Linger(u64),
    Over(Wants),
}

/// What files have come to.
#[derive(Debug)]
pub struct Asked<F>(Come<F>);

#[derive(Debug)]
enum Come<F> {
    /// Where the target leads.
    Led(Result<Led<F>, Status>),
    /// The file can go on.
    There(Result<(), Trouble>),
    /// Nobody was asked.
    Nothing,
}

/// A connection to a client.
pub struct Connection<F: Files> {
    address: IpAddr,
    phase: Phase,
    /// When the phase began.
    since: Duration,
    /// Bytes that it has moved.
    moved: u64,
    served: u32,
    /// The client sends nothing more.
    has_ended: bool,
    /// The beginning of a head; all of it while the files are asked where its target leads.
    pending: Vec<u8>,
    target: Option<Box<Target>>,
    /// What was to be written and found no room, and how much of it was written since.
    unsent: Vec<u8>,
    unsent_from: usize,
    file: Option<Body<F::File>>,
    after: After,
    status: Status,
    length: u64,
    /// For the journal.
    line: Vec<u8>,
}

impl<F: Files> Connection<F> {
    /// One that has just begun.
    #[must_use]
    pub const fn new(address: IpAddr, now: &Now) -> Self {
        Self {
            address,
            phase: Phase::Idle,
            since: now.elapsed,
            moved: 0,
            served: 0,
            has_ended: false,
            pending: Vec::new(),
            target: None,
            unsent: Vec::new(),
            unsent_from: 0,
            file: None,
            after: After::Stay,
            status: Status::Ok,
            length: 0,
            line: Vec::new(),
        }
    }

    /// One for which there is no room: the client is told so.
    #[must_use]
    pub fn turned_away(address: IpAddr, server: &Server<F>, now: &Now) -> Self {
        let mut connection = Self::new(address, now);
        connection.refuse(server, now, Status::ServiceUnavailable);
        connection
    }

    /// What it waits for.
    #[must_use]
    pub const fn wants(&self) -> Wants {
        match self.phase {
            Phase::Idle | Phase::Head | Phase::Skip(_) => Wants::Input,
            Phase::Send => Wants::Room,
            Phase::Find | Phase::Fetch => Wants::Files,
            Phase::Linger(_) => Wants::Linger,
            Phase::Over(how) => how,
        }
    }

    /// When [`expire`](Self::expire) is to be called if nothing happens before; by the same clock as [`Now::elapsed`].
    #[must_use]
    pub fn deadline(&self, server: &Server<F>) -> Duration {
        let limits = &server.limits;
        self.since
            + match self.phase {
                Phase::Idle if self.served == 0 => limits.head_time,
                Phase::Idle => limits.idle_time,
                Phase::Head => limits.head_time,
                Phase::Find | Phase::Skip(_) | Phase::Send | Phase::Fetch => limits.time_for(self.moved),
                Phase::Linger(_) => limits.linger_time,
                Phase::Over(_) => Duration::ZERO,
            }
    }

    /// Its deadline has passed; nothing happens if it has not.
    pub fn expire(&mut self, server: &Server<F>, now: &Now) {
        if now.elapsed < self.deadline(server) {
            return;
        }
        match self.phase {
            Phase::Idle | Phase::Linger(_) => self.end(Wants::Close),
            Phase::Head | Phase::Skip(_) => self.refuse(server, now, Status::RequestTimeout),
            Phase::Find => self.refuse(server, now, Status::ServiceUnavailable),
            Phase::Send | Phase::Fetch => self.end(Wants::Abort),
            Phase::Over(_) => {}
        }
    }

    /// The client sends nothing more. What it has asked for it gets.
    pub fn input_ended(&mut self) {
        self.has_ended = true;
        if self.wants() == Wants::Input || self.wants() == Wants::Linger {
            self.end(Wants::Close);
        }
    }

    /// Reads from `input`, which is all that has come and was not taken before, and writes to `out`: how many bytes were taken.
    pub fn advance(&mut self, server: &Server<F>, input: &[u8], out: &mut Window<'_>, now: &Now) -> usize {
        let mut taken = 0;
        // Each round takes a byte, writes one, or is one of the few from phase to phase.
        loop {
            let rest = &input[taken..];
            match &mut self.phase {
                Phase::Over(_) | Phase::Find | Phase::Fetch => return taken,
                Phase::Send => {
                    if !self.send(server, out, now) {
                        return taken;
                    }
                }
                _ if rest.is_empty() => return taken,
                Phase::Idle | Phase::Head => taken += self.head(server, rest, out, now),
                Phase::Skip(skip) => {
                    let (count, skipped) = skip.take(rest);
                    taken += count;
                    self.moved += count as u64;
                    match skipped {
                        Skipped::Going => {}
                        Skipped::Done => self.begin(Phase::Send, now),
                        Skipped::Bad => self.refuse(server, now, Status::BadRequest),
                        Skipped::TooLarge => self.refuse(server, now, Status::ContentTooLarge),
                    }
                }
                Phase::Linger(left) => {
                    *left = left.saturating_sub(rest.len() as u64);
                    if *left == 0 {
                        self.end(Wants::Close);
                    }
                    return input.len();
                }
            }
        }
    }

    fn begin(&mut self, phase: Phase, now: &Now) {
        (self.phase, self.since, self.moved) = (phase, now.elapsed, 0);
    }

    fn end(&mut self, how: Wants) {
        self.phase = Phase::Over(how);
        self.file = None;
        (self.pending, self.unsent, self.target) = (Vec::new(), Vec::new(), None);
    }

    /// Waits for files, if it [wants](Wants::Files) to. Dropped before its end, it can be begun anew.
    pub async fn ask(&self, server: &Server<F>) -> Asked<F::File> {
        Asked(match (self.phase, &self.target, &self.file) {
            (Phase::Find, Some(target), _) => {
                Come::Led(lead::asked(&server.files, target, server.limits.entries).await)
            }
            (Phase::Fetch, _, Some(file)) => Come::There(file.wait().await),
            _ => Come::Nothing,
        })
    }

    /// What [`ask`](Self::ask) has come to.
    pub fn asked(&mut self, server: &Server<F>, asked: Asked<F::File>, now: &Now) {
        match (self.phase, asked.0) {
            (Phase::Find, Come::Led(led)) => self.led(server, led, now),
            // It goes on as it was: its time, too.
            (Phase::Fetch, Come::There(Ok(()))) => self.phase = Phase::Send,
            // The length was promised.
            (Phase::Fetch, Come::There(Err(_))) => self.end(Wants::Abort),
            _ => {}
        }
    }

    /// Takes what belongs to a head: how many bytes.
    fn head(&mut self, server: &Server<F>, input: &[u8], out: &mut Window<'_>, now: &Now) -> usize {
        let most = server.limits.head_bytes;
        if self.phase == Phase::Idle {
            self.begin(Phase::Head, now);
        }
        if self.pending.is_empty() {
            // The usual case: all of it is there, and nothing is copied.
            return match Head::parse(&input[..input.len().min(most)]) {
                Parsed::Complete(head, length) => {
                    self.request(server, &head, &input[..length], out, now);
                    length
                }
                Parsed::Refused(status) => {
                    self.keep_line(server, input);
                    self.refuse(server, now, status);
                    input.len()
                }
                Parsed::Incomplete => self.keep(server, input, now),
            };
        }
        let before = self.pending.len();
        // It is looked at again when a line is complete: else each byte would be worth a look at all of them.
        let line = input.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let Some(count) = line else { return self.keep(server, input, now) };
        self.pending.extend_from_slice(&input[..count]);
        let pending = core::mem::take(&mut self.pending);
        match Head::parse(&pending) {
            Parsed::Incomplete if pending.len() >= most => {
                self.pending = pending;
                self.too_long(server, now);
            }
            Parsed::Incomplete => self.pending = pending,
            _ if pending.len() > most => {
                self.pending = pending;
                self.too_long(server, now);
            }
            Parsed::Complete(head, length) => {
                self.request(server, &head, &pending[..length], out, now);
                // A head ends with its line.
                return length.saturating_sub(before);
            }
            Parsed::Refused(status) => {
                self.keep_line(server, &pending);
                self.refuse(server, now, status);
            }
        }
        count
    }

    /// Keeps the beginning of a head, as much of it as is allowed.
    fn keep(&mut self, server: &Server<F>, input: &[u8], now: &Now) -> usize {
        let most = server.limits.head_bytes;
        let count = input.len().min(most.saturating_sub(self.pending.len()));
        self.pending.extend_from_slice(&input[..count]);
        if self.pending.len() >= most {
            self.too_long(server, now);
        }
        count
    }

    fn too_long(&mut self, server: &Server<F>, now: &Now) {
        let is_line = !self.pending.contains(&b'\n');
        let pending = core::mem::take(&mut self.pending);
        self.keep_line(server, &pending);
        self.refuse(server, now, if is_line { Status::UriTooLong } else { Status::HeaderFieldsTooLarge });
    }

    fn keep_line(&mut self, server: &Server<F>, head: &[u8]) {
        if server.journal.is_some() {
            let line = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
            let line = line.unwrap_or_default().trim_ascii_end();
            self.line.clear();
            self.line.extend_from_slice(&line[..line.len().min(LONGEST_LINE)]);
        }
    }

    /// A request has come.
    fn request(
        &mut self,
        server: &Server<F>,
        head: &Head<'_>,
        bytes: &[u8],
        out: &mut Window<'_>,
        now: &Now,
    ) {
        self.keep_line(server, bytes);
        let Some(skip) = Skip::new(head.body, server.limits.body_bytes) else {
            return self.refuse(server, now, Status::ContentTooLarge);
        };
        self.served += 1;
        // Who waits to be told to go on is told what comes of it at once, and may or may not send its body then: the connection can't go on.
        let waits = head.expects && !skip.is_done();
        let stays = head.stays && self.served < server.limits.requests && !self.has_ended;
        self.after = match (stays, waits) {
            (_, true) => After::Linger,
            (true, false) => After::Stay,
            (false, false) => After::Close,
        };
        let text = &mut *server.text.borrow_mut();
        text.clear();
        let after = self.after;
        let answering = Answering { server, now, after, method: head.method, version: head.version, text };
        match answering.answer(head) {
            Ok(answer) => self.take_answer(answer),
            Err(target) => {
                self.pending = bytes.into();
                self.target = Some(Box::new(target));
                return self.begin(Phase::Find, now);
            }
        }
        if skip.is_done() || waits {
            self.begin(Phase::Send, now);
            self.put(text, out);
        } else {
            self.begin(Phase::Skip(skip), now);
            self.unsent.extend_from_slice(text);
        }
    }

    /// The target of the request whose head was kept leads there.
    fn led(&mut self, server: &Server<F>, led: Result<Led<F::File>, Status>, now: &Now) {
        let (bytes, target) = (core::mem::take(&mut self.pending), self.target.take());
        let (Parsed::Complete(head, _), Some(target)) = (Head::parse(&bytes), target) else {
            // It was one before.
            return self.end(Wants::Abort);
        };
        let text = &mut *server.text.borrow_mut();
        text.clear();
        let after = self.after;
        let answering = Answering { server, now, after, method: head.method, version: head.version, text };
        self.take_answer(answering.led(&head, &target, led));
        self.unsent.extend_from_slice(text);
        match Skip::new(head.body, server.limits.body_bytes) {
            Some(skip) if !skip.is_done() && !head.expects => self.begin(Phase::Skip(skip), now),
            _ => self.begin(Phase::Send, now),
        }
    }

    fn take_answer(&mut self, answer: Answer<F::File>) {
        let Answer { status, length, file } = answer;
        (self.status, self.length, self.file) = (status, length, file);
        self.unsent_from = 0;
        self.unsent.clear();
    }

    /// Writes text, and keeps what finds no room.
    fn put(&mut self, text: &[u8], out: &mut Window<'_>) {
        let count = out.put(text);
        self.moved += count as u64;
        if count < text.len() {
            self.unsent.extend_from_slice(&text[count..]);
        }
    }

    /// That is no request that can be answered: it is said, and the connection ends.
    fn refuse(&mut self, server: &Server<F>, now: &Now, status: Status) {
        self.pending = Vec::new();
        self.after = After::Linger;
        let text = &mut *server.text.borrow_mut();
        text.clear();
        let (after, method) = (self.after, Method::Get);
        let answering = Answering { server, now, after, method, version: Version::OneOne, text };
        self.take_answer(answering.page(status));
        self.unsent.extend_from_slice(text);
        self.begin(Phase::Send, now);
    }

    /// Writes what there is room for. True if all is written, and the next request can come, or the end has.
    fn send(&mut self, server: &Server<F>, out: &mut Window<'_>, now: &Now) -> bool {
        let before = out.filled();
        loop {
            let unsent = &self.unsent[self.unsent_from..];
            self.unsent_from += out.put(unsent);
            if self.unsent_from < self.unsent.len() {
                break;
            }
            self.unsent_from = 0;
            self.unsent.clear();
            let Some(file) = &mut self.file else {
                self.sent(server, now);
                return true;
            };
            match file.send(out, &mut self.unsent) {
                Ok(Sent::All) => self.file = None,
                Ok(Sent::Between) => {}
                Ok(Sent::Full) => break,
                Ok(Sent::Missing) => {
                    self.phase = Phase::Fetch;
                    break;
                }
                Err(_) => {
                    // The length was promised.
                    self.end(Wants::Abort);
                    return true;
                }
            }
        }
        self.moved += (out.filled() - before) as u64;
        false
    }

    /// An answer is written.
    fn sent(&mut self, server: &Server<F>, now: &Now) {
        server.count();
        if let Some(journal) = &server.journal {
            let line = if self.line.is_empty() { b"-" } else { &self.line[..] };
            let (address, status, bytes) = (self.address, self.status, self.length);
            journal(&Record { address, date: now.date, line, status, bytes });
            self.line.clear();
        }
        if self.unsent.capacity() > KEPT {
            self.unsent = Vec::new();
        }
        match self.after {
            After::Stay if !self.has_ended => self.begin(Phase::Idle, now),
            After::Linger if !self.has_ended => self.begin(Phase::Linger(MOST_LINGERING), now),
            _ => self.end(Wants::Close),
        }
    }
}

impl<F: Files> fmt::Debug for Connection<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("phase", &self.phase)
            .field("served", &self.served)
            .finish_non_exhaustive()
    }
}
