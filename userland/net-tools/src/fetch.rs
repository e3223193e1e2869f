//! `fetch`: what a web server has.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax::{eprintln, stdout};
use anax_net::{Failure, Session, TcpStream};
use net_tools::{MAX_HEAD, Url, head_end, status};

use crate::FAILED;

/// Bytes that are read at once.
const PIECE: usize = 16 << 10;

/// Asks for it and prints it, with the head of the answer if that is wanted: the exit status.
pub(crate) fn fetch(net: &Session, url: &Url, shows_head: bool) -> Result<u64, Failure> {
    let mut stream = TcpStream::connect_any(net, &net.resolve(&url.host)?)?;
    stream.write_all(url.request().as_bytes())?;
    stream.flush()?;
    let (mut bytes, mut piece) = (Vec::new(), vec![0; PIECE]);
    let end = loop {
        if let Some(end) = head_end(&bytes) {
            break end;
        }
        let count = stream.read(&mut piece)?;
        if count == 0 || bytes.len() > MAX_HEAD {
            eprintln!("fetch: {}: that is no answer of a web server", url.host);
            return Ok(FAILED);
        }
        bytes.extend_from_slice(&piece[..count]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    if shows_head {
        stdout().write_all(head.replace('\r', "").as_bytes())?;
    }
    stdout().write_all(&bytes[end..])?;
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            break;
        }
        stdout().write_all(&piece[..count])?;
    }
    stdout().flush()?;
    match status(&head) {
        Some(200..=299) => Ok(0),
        _ => {
            eprintln!("fetch: {}", head.lines().next().unwrap_or_default());
            Ok(FAILED)
        }
    }
}
