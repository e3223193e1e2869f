//! Bytes to and from a stream, by whichever way is the shorter: in words, or in memory that is lent.

use core::time::Duration;

use anax_abi::{Error, Handle, Rights};
use anax_proto::Gift;
use anax_service::{Find, PortTransport};
use anax_stream::{BULK, ByteStreamClient, PIECE, Piece};
use anax_sys::Target;
use anax_sys::lock::Lock;
use anax_sys::object::RegionKind;

use crate::Mapping;

/// From so many bytes on it costs less to lend memory, which the server maps, than to send a message for each piece.
const BULK_FROM: usize = 4 * PIECE;

/// How often what did not get through is sent again, and after how long.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_micros(100);

/// What is lent, made when it is needed. A server sees what of this program's streams went through it, and nothing else.
static LENT: Lock<Option<Mapping>> = Lock::new(None);

/// Whoever serves the stream.
pub(crate) fn client(handle: Handle) -> Result<ByteStreamClient<PortTransport<impl Find>>, Error> {
    let target = Target::from_handle(handle);
    PortTransport::unconnected(move || Ok(target)).map(ByteStreamClient::over)
}

/// What came of lending.
enum Lent {
    /// So many bytes went over.
    Done(usize),
    /// Not now.
    Wait,
    /// It has to go without.
    No,
}

/// Writes all of it, and waits where there is no room. The null stream takes everything.
pub(crate) fn write_all(handle: Handle, mut bytes: &[u8]) -> Result<(), Error> {
    let (mut client, mut tries, mut may_lend) = (client(handle)?, TRIES, true);
    while !bytes.is_empty() {
        let lent = if bytes.len() >= BULK_FROM && may_lend { lend(handle, bytes) } else { Ok(Lent::No) };
        may_lend &= !matches!(lent, Ok(Lent::No));
        let written = lent.and_then(|lent| match lent {
            Lent::Done(count) => Ok(count),
            Lent::Wait => client.ready().map(|()| 0),
            Lent::No => {
                let piece = Piece::beginning(bytes);
                let (length, words) = piece.words();
                client.write(length, words).map(|()| piece.bytes().len())
            }
        });
        match written {
            Ok(count) => bytes = &bytes[count..],
            Err(Error::NoRights) => return Ok(()),
            // The way to another CPU is crowded.
            Err(Error::Full) if tries > 0 => {
                tries -= 1;
                crate::time::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The next bytes, at least one; 0 at the end. The null stream is at its end.
pub(crate) fn read(handle: Handle, to: &mut [u8]) -> Result<usize, Error> {
    if to.is_empty() {
        return Ok(0);
    }
    let mut client = client(handle)?;
    let read = loop {
        let lent = if to.len() < BULK_FROM { Ok(Lent::No) } else { borrow(handle, to) };
        let waited = match lent {
            Ok(Lent::Done(count)) => break Ok(count),
            Ok(Lent::Wait) => client.ready(),
            Ok(Lent::No) => {
                break client.read(to.len().min(PIECE) as u8).and_then(|(length, words)| {
                    let piece = Piece::from_words(length, words).ok_or(Error::PeerMisbehaved)?;
                    let place = to.get_mut(..piece.bytes().len()).ok_or(Error::PeerMisbehaved)?;
                    place.copy_from_slice(piece.bytes());
                    Ok(piece.bytes().len())
                });
            }
            Err(error) => Err(error),
        };
        if let Err(error) = waited {
            break Err(error);
        }
    };
    if read == Err(Error::NoRights) { Ok(0) } else { read }
}

fn lend(handle: Handle, bytes: &[u8]) -> Result<Lent, Error> {
    let bytes = &bytes[..bytes.len().min(BULK)];
    with_memory(|memory| {
        memory.bytes().copy_in(0, bytes).map_err(|_| Error::BadArgument)?;
        let gift = Gift::copy(memory.region().handle(), Rights::SEND.with(Rights::READ));
        counted(client(handle)?.write_from(bytes.len() as u64, gift)?, bytes.len(), 1)
    })
}

fn borrow(handle: Handle, to: &mut [u8]) -> Result<Lent, Error> {
    let most = to.len().min(BULK);
    with_memory(|memory| {
        let rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
        let gift = Gift::copy(memory.region().handle(), rights);
        let count = counted(client(handle)?.read_into(most as u64, gift)?, most, 0)?;
        memory.bytes().copy_out(0, &mut to[..count]).map_err(|_| Error::PeerMisbehaved)?;
        Ok(count)
    })
}

/// A count that the server may say.
fn counted(said: u64, most: usize, least: usize) -> Result<usize, Error> {
    let count = usize::try_from(said).unwrap_or(usize::MAX);
    if (least..=most).contains(&count) { Ok(count) } else { Err(Error::PeerMisbehaved) }
}

fn with_memory(act: impl FnOnce(&Mapping) -> Result<usize, Error>) -> Result<Lent, Error> {
    let mut lent = LENT.lock();
    if lent.is_none() {
        *lent = Mapping::of_bytes(BULK as u64, RegionKind::Pinned).ok();
    }
    match lent.as_ref().map(act) {
        Some(Ok(count)) => Ok(Lent::Done(count)),
        Some(Err(Error::WouldBlock)) => Ok(Lent::Wait),
        Some(Err(error @ (Error::NoRights | Error::PeerDied | Error::PeerMisbehaved))) => Err(error),
        // Neither side has room for it.
        None | Some(Err(_)) => Ok(Lent::No),
    }
}
