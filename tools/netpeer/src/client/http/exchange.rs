//! A request and its response on one connection, by pieces that begin anywhere.

use std::net::IpAddr;

use rustix::event::epoll::EventFlags;

use super::pages::Page;
use super::{Reuse, host};

/// Bytes of a head, at most.
const LONGEST_HEAD: usize = 16 << 10;

/// What became of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to come.
    Going,
    /// The response is complete and right; whether the connection stays.
    Done { stays: bool },
    /// It is not.
    Wrong(String),
}

/// The exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    request: Vec<u8>,
    sent: usize,
    head: Vec<u8>,
    /// Bytes that are still to come, if the head is complete.
    left: Option<u64>,
    sum: crc32fast::Hasher,
    stays: bool,
    /// What the connection is watched for: empty before it is.
    pub(super) watched: EventFlags,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            request: Vec::new(),
            sent: 0,
            head: Vec::new(),
            left: None,
            sum: crc32fast::Hasher::new(),
            stays: true,
            watched: EventFlags::empty(),
        }
    }
}

impl Exchange {
    pub(super) fn begin(&mut self, page: &Page, address: IpAddr, reuse: Reuse) {
        let close = if reuse == Reuse::Close { "Connection: close\r\n" } else { "" };
        let (path, host) = (&page.path, host(address));
        self.request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{close}\r\n").into_bytes();
        self.sent = 0;
        self.head.clear();
        self.left = None;
        self.sum.reset();
        self.stays = reuse == Reuse::Stay;
    }

    pub(super) fn is_unsent(&self) -> bool {
        self.sent < self.request.len()
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.request[self.sent..]
    }

    /// So much more was sent; whether that was all.
    pub(super) fn sent(&mut self, count: usize) -> bool {
        self.sent += count;
        !self.is_unsent()
    }

    pub(super) fn take(&mut self, bytes: &[u8], page: &Page) -> Progress {
        if bytes.is_empty() {
            let when = if self.left.is_none() && self.head.is_empty() { "before" } else { "within" };
            return Progress::Wrong(format!("the connection ended {when} a response"));
        }
        if let Some(left) = self.left {
            return self.body(bytes, left, page);
        }
        self.head.extend_from_slice(bytes);
        let head = std::mem::take(&mut self.head);
        match self.parse(&head, page) {
            Ok(Some(length)) => self.body(&head[length..], page.size, page),
            Ok(None) if head.len() > LONGEST_HEAD => Progress::Wrong("a head without an end".to_owned()),
            Ok(None) => {
                self.head = head;
                Progress::Going
            }
            Err(what) => Progress::Wrong(what),
        }
    }

    /// How long the head is, if it is complete.
    fn parse(&mut self, bytes: &[u8], page: &Page) -> Result<Option<usize>, String> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(format!("no response: {error}")),
        };
        let field = |name: &str| {
            let found = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            found.map(|field| String::from_utf8_lossy(field.value).into_owned())
        };
        if response.code != Some(200) {
            return Err(format!("status {}", response.code.unwrap_or_default()));
        }
        match field("content-length") {
            Some(length) if length == page.size.to_string() => {}
            other => return Err(format!("{}: {other:?} bytes instead of {}", page.path, page.size)),
        }
        self.stays &= !field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(Some(length))
    }

    fn body(&mut self, bytes: &[u8], left: u64, page: &Page) -> Progress {
        let Some(left) = left.checked_sub(bytes.len() as u64) else {
            return Progress::Wrong("more came than was asked for".to_owned());
        };
        self.sum.update(bytes);
        self.left = Some(left);
        if left > 0 {
            return Progress::Going;
        }
        if self.sum.clone().finalize() != page.sum {
            return Progress::Wrong(format!("{}: wrong bytes", page.path));
        }
        Progress::Done { stays: self.stays }
    }
}
