//! A partition of a disk that others use, too: by the disk server.

use anax_abi::Error;
use anax_files::Pages;
use anax_files::files::PAGE;
use anax_proto::{Gift, Transport};
use anax_ring::SharedBytes;
use anax_sectors::{Disk, DiskError, Shape};
use anax_system::Name;

use crate::parts::{Opened, PartError, PartsClient, ROOM_BYTES};

/// So many servers in a row are asked the same before it has failed.
const MOST_SERVERS: u32 = 8;

/// What is lent to each server: the room's memory, and a port that ends with this program.
#[derive(Clone, Copy, Debug)]
pub struct Lent {
    /// The room.
    pub room: Gift,
    /// The port.
    pub hold: Gift,
}

/// A partition. A server that dies makes a request take longer, and nothing else: its successor is asked to open the partition again, and then the same.
#[derive(Debug)]
pub struct PartDisk<'a, T: Transport> {
    server: PartsClient<T>,
    room: SharedBytes<'a>,
    lent: Lent,
    name: Name,
    part: u32,
    opened: Opened,
}

impl<'a, T: Transport> PartDisk<'a, T> {
    /// The partition of that number of a disk. `room` is the memory that `lent` names, of [`ROOM_BYTES`] at least.
    ///
    /// # Errors
    /// As [`Parts::open`](crate::parts::Parts::open); `OutOfRange`: the room is too small.
    pub fn open(
        server: PartsClient<T>,
        (name, part): (Name, u32),
        room: SharedBytes<'a>,
        lent: Lent,
    ) -> Result<Self, PartError> {
        let room = room.part(0, ROOM_BYTES as usize).map_err(|_| PartError::OutOfRange)?;
        let mut server = server;
        let opened = again(|| server.open(name, part, lent.room, lent.hold))?;
        Ok(Self { server, room, lent, name, part, opened })
    }

    /// Asks until a server has lived long enough to answer.
    fn ask(
        &mut self,
        mut ask: impl FnMut(&mut PartsClient<T>, u64) -> Result<(), PartError>,
    ) -> Result<(), PartError> {
        for _ in 0..MOST_SERVERS {
            match ask(&mut self.server, self.opened.number) {
                Err(PartError::NotOpen) => self.reopen()?,
                Err(PartError::Way(Error::PeerDied)) => {}
                answered => return answered,
            }
        }
        Err(PartError::Failed)
    }

    /// Opens it again, with a server that does not know of it. What another disk holds is none of this one's.
    fn reopen(&mut self) -> Result<(), PartError> {
        let Self { server, lent, name, part, .. } = self;
        let opened = again(|| server.open(*name, *part, lent.room, lent.hold))?;
        if opened.shape != self.opened.shape {
            return Err(PartError::Failed);
        }
        self.opened = opened;
        Ok(())
    }

    /// Sectors in pieces of at most the room: the first of each, how many, and which bytes of `length` they are.
    fn pieces(
        &self,
        first: u64,
        length: usize,
    ) -> Result<impl Iterator<Item = (u64, u32, usize, usize)> + use<T>, DiskError> {
        let size = self.opened.shape.sector_bytes();
        self.opened.shape.holds(first, length)?;
        let most = ROOM_BYTES as usize;
        Ok((0..length).step_by(most).map(move |at| {
            let bytes = most.min(length - at);
            (first + (at / size) as u64, (bytes / size) as u32, at, bytes)
        }))
    }
}

/// Whoever dies over it has a successor.
fn again<V>(mut ask: impl FnMut() -> Result<V, PartError>) -> Result<V, PartError> {
    for _ in 1..MOST_SERVERS {
        match ask() {
            Err(PartError::Way(Error::PeerDied)) => {}
            answered => return answered,
        }
    }
    ask()
}

impl<T: Transport> Disk for PartDisk<'_, T> {
    fn shape(&self) -> Shape {
        self.opened.shape
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        for (first, sectors, at, bytes) in self.pieces(first, into.len())? {
            self.ask(|server, number| server.read(number, first, sectors, 0))?;
            let piece = into.get_mut(at..at + bytes).ok_or(DiskError::Failed)?;
            self.room.copy_out(0, piece).map_err(|_| DiskError::Failed)?;
        }
        Ok(())
    }

    fn read_pages(
        &mut self,
        first: u64,
        bytes: usize,
        into: &dyn Pages,
        at: usize,
    ) -> Result<bool, DiskError> {
        let room = self.lent.room.handle;
        let length = bytes.next_multiple_of(self.shape().sector_bytes());
        for (first, sectors, from, length) in self.pieces(first, length)? {
            self.ask(|server, number| server.read(number, first, sectors, 0))?;
            // In the last page there may be more, which is nobody's.
            let wanted = length.min(bytes - from);
            let pages = wanted.next_multiple_of(PAGE as usize);
            self.room.part(wanted, pages - wanted).map_err(|_| DiskError::Failed)?.fill(0);
            into.copy(at + from, (room, 0), pages).map_err(|_| DiskError::Failed)?;
        }
        Ok(true)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        if self.is_read_only() {
            return Err(DiskError::ReadOnly);
        }
        for (first, sectors, at, length) in self.pieces(first, bytes.len())? {
            let piece = bytes.get(at..at + length).ok_or(DiskError::Failed)?;
            self.room.copy_in(0, piece).map_err(|_| DiskError::Failed)?;
            self.ask(|server, number| server.write(number, first, sectors, 0))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(self.ask(PartsClient::flush)?)
    }
}

impl<T: Transport> Drop for PartDisk<'_, T> {
    fn drop(&mut self) {
        // A server that has died knows nothing of it anyway.
        let _ = self.server.close(self.opened.number);
    }
}
