//! What a request is answered: the head as text, and the part of a file that follows it.

use alloc::vec::Vec;

use crate::body::Body;
use crate::conditions::{self, Outcome};
use crate::files::{Entries, File, Files, Trouble};
use crate::head::{Head, Method, Version};
use crate::lead::{self, Led};
use crate::listing;
use crate::ranges::Ranges;
use crate::response::{After, Writer};
use crate::server::{Now, Server};
use crate::status::Status;
use crate::target::{Target, escape};
use crate::types;

const HTML: &[u8] = b"text/html; charset=utf-8";
const ALLOWED: &[u8] = b"GET, HEAD, OPTIONS";

/// An answer whose head, and maybe some of whose body, is in the buffer that it was written to.
#[derive(Debug)]
pub(crate) struct Answer<F> {
    pub(crate) status: Status,
    /// Bytes of the body.
    pub(crate) length: u64,
    pub(crate) file: Option<Body<F>>,
}

/// What answers have in common.
pub(crate) struct Answering<'a, F> {
    pub(crate) server: &'a Server<F>,
    pub(crate) now: &'a Now,
    pub(crate) after: After,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) text: &'a mut Vec<u8>,
}

impl From<Trouble> for Status {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotFound => Self::NotFound,
            Trouble::Forbidden => Self::Forbidden,
            Trouble::Busy => Self::ServiceUnavailable,
            Trouble::Failed => Self::InternalServerError,
        }
    }
}

impl<F: Files> Answering<'_, F> {
    /// To a request; or what the files have to be asked for first.
    pub(crate) fn answer(mut self, head: &Head<'_>) -> Result<Answer<F::File>, Target> {
        let target = match (head.method, head.target) {
            (Method::Other, _) => Err(Status::MethodNotAllowed),
            (Method::Options, "*") => return Ok(self.options()),
            (_, target) => Target::parse(target),
        };
        let target = match target {
            Ok(_) if head.method == Method::Options => return Ok(self.options()),
            Ok(target) => target,
            Err(status) => return Ok(self.page(status)),
        };
        match lead::known(&self.server.files, &target) {
            Ok(Some(led)) => Ok(self.led(head, &target, Ok(led))),
            Ok(None) => Err(target),
            Err(status) => Ok(self.page(status)),
        }
    }

    /// To a request whose target leads there.
    pub(crate) fn led(
        mut self,
        head: &Head<'_>,
        target: &Target,
        led: Result<Led<F::File>, Status>,
    ) -> Answer<F::File> {
        match led {
            Ok(Led::File(file)) => self.file(head, &target.path, file),
            Ok(Led::Index(file)) => self.file(head, lead::INDEX, file),
            Ok(Led::Directory(entries)) => self.directory(&target.path, entries),
            Ok(Led::Moved) => self.moved(&target.path),
            Err(status) => self.page(status),
        }
    }

    /// What a status says by itself.
    pub(crate) fn page(mut self, status: Status) -> Answer<F::File> {
        let page = status.page().as_bytes();
        let mut writer = self.head(status);
        if status == Status::MethodNotAllowed {
            writer.field("Allow: ", ALLOWED);
        }
        if status == Status::ServiceUnavailable {
            writer.number("Retry-After: ", 1);
        }
        writer.field("Content-Type: ", HTML);
        writer.number("Content-Length: ", page.len() as u64);
        writer.end();
        self.with_text(status, page)
    }

    fn head(&mut self, status: Status) -> Writer<'_> {
        let date = self.server.date(self.now);
        Writer::new(self.text, status, date.as_ref(), self.after, self.version)
    }

    /// The text follows the head, but for a request that wants none.
    fn with_text(&mut self, status: Status, text: &[u8]) -> Answer<F::File> {
        if self.method == Method::Head {
            return Answer { status, length: 0, file: None };
        }
        self.text.extend_from_slice(text);
        Answer { status, length: text.len() as u64, file: None }
    }

    fn options(&mut self) -> Answer<F::File> {
        let mut writer = self.head(Status::NoContent);
        writer.field("Allow: ", ALLOWED);
        writer.end();
        Answer { status: Status::NoContent, length: 0, file: None }
    }

    /// A directory's own page is where its names with a slash lead.
    fn moved(&mut self, path: &str) -> Answer<F::File> {
        let status = Status::MovedPermanently;
        let mut to = Vec::with_capacity(path.len() + 1);
        escape(path, &mut to);
        to.push(b'/');
        let page = status.page().as_bytes();
        let mut writer = self.head(status);
        writer.field("Location: ", &to);
        writer.field("Content-Type: ", HTML);
        writer.number("Content-Length: ", page.len() as u64);
        writer.end();
        self.with_text(status, page)
    }

    fn directory(&mut self, path: &str, entries: Entries) -> Answer<F::File> {
        let page = listing::page(path, entries);
        let mut writer = self.head(Status::Ok);
        writer.field("Content-Type: ", HTML);
        writer.number("Content-Length: ", page.len() as u64);
        writer.end();
        self.with_text(Status::Ok, &page)
    }

    fn file(&mut self, head: &Head<'_>, path: &str, file: F::File) -> Answer<F::File> {
        let about = file.about();
        match conditions::judge(head, &about) {
            Outcome::Send => {}
            Outcome::NotModified => {
                let mut writer = self.head(Status::NotModified);
                writer.validators(&about);
                writer.end();
                return Answer { status: Status::NotModified, length: 0, file: None };
            }
            Outcome::Failed => {
                let status = Status::PreconditionFailed;
                let page = status.page().as_bytes();
                let mut writer = self.head(status);
                writer.validators(&about);
                writer.field("Content-Type: ", HTML);
                writer.number("Content-Length: ", page.len() as u64);
                writer.end();
                return self.with_text(status, page);
            }
        }
        let range =
            head.range.filter(|_| head.method == Method::Get && conditions::allows_range(head, &about));
        let media_type = types::of(path);
        match range.map_or(Ranges::Whole, |range| Ranges::parse(range, about.size)) {
            Ranges::Whole => {
                let mut writer = self.head(Status::Ok);
                writer.field("Content-Type: ", media_type.as_bytes());
                writer.number("Content-Length: ", about.size);
                writer.validators(&about);
                writer.field("Accept-Ranges: ", b"bytes");
                writer.end();
                let sent = if head.method == Method::Head { 0 } else { about.size };
                let file = (sent > 0).then(|| Body::new(file, 0..sent));
                Answer { status: Status::Ok, length: sent, file }
            }
            Ranges::None => {
                let status = Status::RangeNotSatisfiable;
                let page = status.page().as_bytes();
                let mut size = Vec::from(*b"bytes */");
                crate::response::decimal(about.size, &mut size);
                let mut writer = self.head(status);
                writer.field("Content-Range: ", &size);
                writer.field("Content-Type: ", HTML);
                writer.number("Content-Length: ", page.len() as u64);
                writer.end();
                self.with_text(status, page)
            }
            Ranges::Parts(mut parts) => {
                let status = Status::PartialContent;
                if let [part] = &mut parts[..] {
                    let part = part.clone();
                    let length = part.end - part.start;
                    let mut writer = self.head(status);
                    writer.field("Content-Type: ", media_type.as_bytes());
                    writer.number("Content-Length: ", length);
                    writer.content_range((part.start, part.end), about.size);
                    writer.validators(&about);
                    writer.end();
                    return Answer { status, length, file: Some(Body::new(file, part)) };
                }
                let boundary = self.boundary(about.tag.map_or(0, |tag| tag.value));
                let (body, first, length) = Body::parts(file, parts, media_type, boundary);
                let mut value = Vec::from(*b"multipart/byteranges; boundary=");
                value.extend(conditions::opaque(boundary));
                let mut writer = self.head(status);
                writer.field("Content-Type: ", &value);
                writer.number("Content-Length: ", length);
                writer.validators(&about);
                writer.end();
                self.text.extend_from_slice(&first);
                Answer { status, length, file: Some(body) }
            }
        }
    }

    /// A number that nobody can have put into the file: it depends on the time, and on what was asked before.
    fn boundary(&self, tag: u64) -> u64 {
        let mixed = tag ^ self.now.elapsed.as_nanos() as u64 ^ self.server.requests() << 40;
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
    }
}
