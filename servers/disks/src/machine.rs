//! What the server does to the machine.

use alloc::vec;
use alloc::vec::Vec;

use anax::Mapping;
use anax::Service;
use anax::object::{Region, RegionKind, Space};
use anax::owned::Owned;
use anax_abi::{Error, Message, Rights, WORDS};
use anax_block_disk::Complaint;
use anax_block_disk::parts::ROOM_BYTES;
use anax_block_disk::program::{Ends, is_disk};
use anax_devices::{DevicesClient, SERVICE};
use anax_proto::Gift;
use anax_ring::{Epoch, SharedBytes};
use anax_sys::{Port, Target};
use anax_system::{Name, ProcessesClient};
use disks::{Line, Record, Room, System, Way};

/// The badge of doorbells: no program has it.
pub(crate) const BELL: u64 = u32::MAX as u64;
/// What is sent to a program's port, which never answers but by its end.
const HOLD: u32 = 0x2f00;
/// Numbers under which init keeps what a successor needs: the record, then programs' ports.
const RECORD: u64 = 0;
const FIRST_HOLD: u64 = 1;
/// Bytes of the record.
const RECORD_BYTES: u64 = 4096;
/// Handles that come with requests and answers.
const SLOTS: u32 = 8;

/// The machine.
#[derive(Debug)]
pub(crate) struct Machine {
    port: Port,
    init: ProcessesClient<Service>,
    devices: DevicesClient<Service>,
    /// Channels that were opened once. They stay what they are, so they are mapped once.
    known: Vec<(Name, Ends)>,
    record: Mapping,
}

impl Machine {
    /// Whatever a predecessor has left, too.
    ///
    /// # Errors
    /// Those of init and the kernel.
    pub(crate) fn start(port: Port) -> Result<(Self, Record), Error> {
        Space::SELF.post_slots(SLOTS)?;
        let mut init = anax::process::system()?;
        let kept = match init.kept(RECORD) {
            Ok(gift) => Region::from_handle(gift.handle),
            Err(Error::WouldBlock) => {
                let region = Space::SELF.create_region(RECORD_BYTES, RegionKind::Pinned)?;
                init.keep(RECORD, Gift::copy(region.handle(), Rights::ALL))?;
                region
            }
            Err(error) => return Err(error),
        };
        let record = Mapping::new(Owned::new(kept))?;
        let left = read(record.bytes());
        let devices = anax::client(SERVICE)?;
        Ok((Self { port, init, devices, known: Vec::new(), record }, left))
    }

    fn watch(&self, token: u64, hold: anax_abi::Handle) -> Result<(), Error> {
        let message = Message { token, ..Message::new(HOLD, [0; WORDS]) };
        Target::from_handle(hold).beginmsg(&message, self.port).map(drop)
    }
}

/// What a predecessor has written down; nothing if it died over it.
fn read(bytes: SharedBytes<'_>) -> Record {
    let length = bytes.read_u64(0).unwrap_or(0).min(RECORD_BYTES - 8);
    let mut copy = vec![0; length as usize];
    let _ = bytes.copy_out(8, &mut copy);
    postcard::from_bytes(&copy).unwrap_or_default()
}

/// A disk's channel, while it is used.
#[derive(Debug)]
pub(crate) struct Channel {
    name: Name,
    ends: Ends,
    devices: Option<DevicesClient<Service>>,
}

impl Channel {
    /// The device manager, or a way to its successor.
    fn devices(&mut self) -> Option<&mut DevicesClient<Service>> {
        if self.devices.is_none() {
            self.devices = anax::client(SERVICE).ok();
        }
        self.devices.as_mut()
    }
}

impl Way for Channel {
    fn ring(&mut self) {
        let _ = self.ends.channel.ring();
    }

    fn complain(&mut self, epoch: Epoch, complaint: Complaint) {
        let complaint = match complaint {
            Complaint::Lies => anax_devices::Complaint::Lies,
            Complaint::Silent => anax_devices::Complaint::Silent,
        };
        let name = self.name;
        // If nobody hears it, the driver stays, and who waits for it will have waited for too long.
        let _heard = self.devices().map(|devices| devices.complain(name, epoch.number(), complaint));
    }
}

/// Another program may use the disk.
impl Drop for Channel {
    fn drop(&mut self) {
        let name = self.name;
        let _ = self.devices().map(|devices| devices.close(name));
    }
}

/// A client's room.
#[derive(Debug)]
pub(crate) struct Mapped(Mapping);

impl Room for Mapped {
    fn bytes(&self) -> SharedBytes<'_> {
        self.0.bytes()
    }
}

impl System<'static> for Machine {
    type Way = Channel;
    type Room = Mapped;

    fn open(&mut self, disk: Name) -> Result<Line<'static, Channel>, Error> {
        if !is_disk(disk.as_str()) {
            return Err(Error::BadArgument);
        }
        let given = self.devices.open(disk)?;
        let known = self.known.iter().find(|(name, _)| *name == disk).map(|(_, ends)| *ends);
        let ends = match known {
            Some(ends) => {
                [given.0, given.1, given.2].into_iter().for_each(|gift| self.give_back(gift));
                ends
            }
            None => {
                let ends = Ends::map(given)?;
                self.known.push((disk, ends));
                ends
            }
        };
        let way = Channel { name: disk, ends, devices: None };
        ends.channel.bind(self.port, BELL)?;
        let (endpoint, epoch) = ends.endpoint()?;
        Ok(Line { endpoint, epoch, pool: ends.pool(), way })
    }

    fn map(&mut self, room: Gift) -> Result<Mapped, Error> {
        let room = Owned::new(Region::from_handle(room.handle));
        // What is larger would cost more to map than anybody needs.
        if room.size()? == ROOM_BYTES { Mapping::new(room).map(Mapped) } else { Err(Error::BadArgument) }
    }

    fn give_back(&mut self, gift: Gift) {
        let _ = Space::SELF.close(gift.handle);
    }

    fn hold(&mut self, place: usize, token: u64, hold: Gift) -> Result<(), Error> {
        let watched = self.watch(token, hold.handle);
        let gift = Gift::given(hold.handle);
        let kept = watched.and_then(|()| self.init.keep(FIRST_HOLD + place as u64, gift));
        kept.inspect_err(|_| {
            let _ = Space::SELF.close(hold.handle);
        })
    }

    fn watch_again(&mut self, place: usize, token: u64) -> Result<(), Error> {
        let hold = self.init.kept(FIRST_HOLD + place as u64)?;
        let watched = self.watch(token, hold.handle);
        self.give_back(hold);
        watched
    }

    fn let_go(&mut self, place: usize) {
        let _ = self.init.forget(FIRST_HOLD + place as u64);
    }

    fn remember(&mut self, record: &Record) {
        let written = postcard::to_allocvec(record).map_err(|_| ()).and_then(|bytes| {
            let to = self.record.bytes();
            // What is half written is nothing.
            to.write_u64(0, 0).map_err(|_| ())?;
            to.copy_in(8, &bytes).map_err(|_| ())?;
            to.write_u64(0, bytes.len() as u64).map_err(|_| ())
        });
        if written.is_err() {
            anax::log::error!("who uses which partition is not written down");
        }
    }
}
