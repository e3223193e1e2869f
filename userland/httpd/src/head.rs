//! What a request says, from its bytes (RFC 9112): what this server has a use for, and what would let two servers read two different requests is refused.

use core::mem::MaybeUninit;

use crate::ranges::number;
use crate::status::Status;

/// More fields than that are too many.
pub(crate) const MOST_FIELDS: usize = 64;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// To send it.
    Get,
    /// To send what would be said of it.
    Head,
    /// To say what can be done.
    Options,
    /// Something that makes sense elsewhere.
    Other,
}

/// How many bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// So many.
    Exactly(u64),
    /// They come in chunks, each with its length.
    Chunked,
}

/// Which fields the client understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// HTTP/1.0.
    One,
    /// HTTP/1.1.
    OneOne,
}

/// A request without its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: Method,
    pub(crate) target: &'a str,
    pub(crate) version: Version,
    pub(crate) body: Length,
    /// The client wants the connection to stay, or says nothing and that is usual.
    pub(crate) stays: bool,
    pub(crate) expects: bool,
    pub(crate) range: Option<&'a [u8]>,
    pub(crate) if_range: Option<&'a [u8]>,
    pub(crate) if_match: Option<&'a [u8]>,
    pub(crate) if_none_match: Option<&'a [u8]>,
    pub(crate) if_modified_since: Option<&'a [u8]>,
    pub(crate) if_unmodified_since: Option<&'a [u8]>,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parsed<'a> {
    /// There must be more.
    Incomplete,
    /// A request, and how many bytes it was.
    Complete(Head<'a>, usize),
    /// None; the connection can't go on, since nobody knows where the next one begins.
    Refused(Status),
}

impl<'a> Head<'a> {
    /// What stands at the beginning of `bytes`.
    #[must_use]
    pub(crate) fn parse(bytes: &'a [u8]) -> Parsed<'a> {
        let mut room = [const { MaybeUninit::uninit() }; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut room) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Parsed::Incomplete,
            Err(httparse::Error::TooManyHeaders) => return Parsed::Refused(Status::HeaderFieldsTooLarge),
            Err(httparse::Error::Version) => return Parsed::Refused(version_trouble(bytes)),
            Err(_) => return Parsed::Refused(Status::BadRequest),
        };
        match Self::of(&request) {
            Ok(head) => Parsed::Complete(head, length),
            Err(status) => Parsed::Refused(status),
        }
    }

    fn of(request: &httparse::Request<'_, 'a>) -> Result<Self, Status> {
        let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version)
        else {
            return Err(Status::BadRequest);
        };
        let version = if version == 0 { Version::One } else { Version::OneOne };
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            "POST" | "PUT" | "DELETE" | "PATCH" | "CONNECT" | "TRACE" => Method::Other,
            _ => return Err(Status::NotImplemented),
        };
        let mut head = Self {
            method,
            target,
            version,
            body: Length::Exactly(0),
            stays: version == Version::OneOne,
            expects: false,
            range: None,
            if_range: None,
            if_match: None,
            if_none_match: None,
            if_modified_since: None,
            if_unmodified_since: None,
        };
        head.read_fields(request.headers)?;
        Ok(head)
    }

    fn read_fields(&mut self, fields: &[httparse::Header<'a>]) -> Result<(), Status> {
        let (mut host, mut length, mut coding) = (None, None, None);
        let (mut wants_close, mut wants_stay) = (false, false);
        for httparse::Header { name, value } in fields {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                4 if is("host") => once(&mut host, value)?,
                5 if is("range") => once(&mut self.range, value)?,
                6 if is("expect") => self.expect(value)?,
                8 if is("if-range") => once(&mut self.if_range, value)?,
                8 if is("if-match") => once(&mut self.if_match, value)?,
                10 if is("connection") => {
                    for word in words(value) {
                        wants_close |= word.eq_ignore_ascii_case(b"close");
                        wants_stay |= word.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                13 if is("if-none-match") => once(&mut self.if_none_match, value)?,
                14 if is("content-length") => once(&mut length, value)?,
                17 if is("transfer-encoding") => once(&mut coding, value)?,
                17 if is("if-modified-since") => once(&mut self.if_modified_since, value)?,
                19 if is("if-unmodified-since") => once(&mut self.if_unmodified_since, value)?,
                _ => {}
            }
        }
        self.stays = !wants_close && (self.stays || wants_stay);
        match host {
            None if self.version == Version::OneOne => return Err(Status::BadRequest),
            Some(host) if !is_host(host) => return Err(Status::BadRequest),
            _ => {}
        }
        self.body = self.length(length, coding)?;
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), Status> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Status::ExpectationFailed);
        }
        // What older clients say of it means nothing (RFC 9110, section 10.1.1).
        self.expects = self.version == Version::OneOne;
        Ok(())
    }

    /// How long the body is (RFC 9112, section 6.3). Two answers to that are one too many.
    fn length(&self, length: Option<&[u8]>, coding: Option<&[u8]>) -> Result<Length, Status> {
        match (length, coding) {
            (None, None) => Ok(Length::Exactly(0)),
            (Some(length), None) => {
                // No number is so long.
                let digits = Some(length).filter(|digits| digits.len() <= 19);
                digits.and_then(number).map(Length::Exactly).ok_or(Status::BadRequest)
            }
            (Some(_), Some(_)) => Err(Status::BadRequest),
            (None, Some(_)) if self.version == Version::One => Err(Status::BadRequest),
            (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Length::Chunked),
            (None, Some(coding)) => {
                let last = words(coding).last().unwrap_or_default();
                let ends = last.eq_ignore_ascii_case(b"chunked");
                Err(if ends { Status::NotImplemented } else { Status::BadRequest })
            }
        }
    }
}

/// A field that there may be once.
fn once<'a>(place: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<(), Status> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Status::BadRequest),
    }
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|word| !word.is_empty())
}

/// A name or an address, and maybe a port. Which one is not judged: there is one site.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%!$&'()*+,;=".contains(byte))
}

/// A first line that ends in no version of ours is of another version if it says so.
fn version_trouble(bytes: &[u8]) -> Status {
    let line =
        bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let last = line.trim_ascii().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match last.strip_prefix(b"HTTP/") {
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Status::VersionNotSupported
        }
        _ => Status::BadRequest,
    }
}
