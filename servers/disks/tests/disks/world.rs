//! Disks with drivers that are called when nobody else has anything to do, rooms by numbers, and a server that can die between any two steps.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anax_abi::{Error, Handle, Rights};
use anax_block_disk::parts::parts::Serve;
use anax_block_disk::parts::{Opened, PartError, PartsClient, ROOM_BYTES};
use anax_block_disk::{Complaint, Lent, PartDisk};
use anax_blocks::handover::{POOL_BYTES, SLOTS};
use anax_blocks::{Access, Asked, Disk as About, DriverSide, Id, Job, SectorSize, What};
use anax_proto::{Beside, Caller, Dispatch, Gift, Reply, Request, Transport};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use anax_sectors::{Disk, MemoryDisk};
use anax_system::Name;
use disks::{Disks, Line, Record, Room, System, Way};

pub(crate) const SECTORS: u64 = 4000;
/// Where the two parts of each disk begin, and how many sectors each has.
pub(crate) const PARTS: [(u64, u64); 2] = [(64, 1000), (2000, 1800)];

/// What a driver does when it has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Its work, the last first.
    Good,
    /// Half of its work, and then it dies.
    Dies,
    /// It fails what it is asked.
    Fails,
    /// Nothing.
    Silent,
    /// It writes what can't be true.
    Lies,
}

/// A disk and its driver.
pub(crate) struct Machine {
    channel: &'static [AtomicU64],
    pool: SharedBytes<'static>,
    supervisor: Supervisor<'static>,
    driver: DriverSide<'static>,
    about: About,
    pub(crate) disk: MemoryDisk,
    /// Whether somebody has opened it.
    pub(crate) is_open: bool,
    /// Of the next turns, the last first.
    pub(crate) manner: Vec<Manner>,
    pub(crate) complaints: Vec<Complaint>,
    /// Transfers, in the order in which the driver has seen them: the first sector of each.
    pub(crate) seen: Vec<u64>,
    /// Flushes that were asked for.
    pub(crate) flushes: usize,
}

fn leaked(words: usize) -> &'static [AtomicU64] {
    Vec::leak((0..words).map(|_| AtomicU64::new(0)).collect())
}

fn geometry() -> Geometry {
    Geometry::new(SLOTS, SLOTS).unwrap()
}

impl Machine {
    fn new(access: Access) -> Self {
        let (channel, pool) = (leaked(geometry().words()), leaked(POOL_BYTES as usize / 8));
        let block = SharedBlock::from_words(channel);
        let supervisor = Supervisor::create(block, geometry()).unwrap();
        let id = Id(*b"a disk for the tests");
        let about = About { sectors: SECTORS, sector: SectorSize::SMALLEST, access, id };
        let driver = DriverSide::new(Endpoint::open(block, Side::Server).unwrap(), POOL_BYTES, about);
        let mut bytes = vec![0; SECTORS as usize * 512];
        for (number, sector) in bytes.chunks_exact_mut(512).enumerate() {
            sector.fill((number * 7) as u8);
            sector[..8].copy_from_slice(&number.to_le_bytes());
        }
        bytes[..512].copy_from_slice(&table());
        Self {
            channel,
            pool: SharedBytes::new(SharedBlock::from_words(pool)),
            supervisor,
            driver,
            about,
            disk: MemoryDisk::new(bytes, SectorSize::SMALLEST),
            is_open: false,
            manner: Vec::new(),
            complaints: Vec::new(),
            seen: Vec::new(),
            flushes: 0,
        }
    }

    /// A successor, or a driver for another client, which knows nothing of what was asked before.
    fn replace(&mut self) -> Epoch {
        let epoch = self.supervisor.rebind().unwrap();
        let end = Endpoint::with(SharedBlock::from_words(self.channel), Side::Server, geometry(), epoch);
        self.driver = DriverSide::new(end.unwrap(), POOL_BYTES, self.about);
        epoch
    }

    fn run(&mut self, job: &Job) {
        let part = |offset: u64, length: u32| self.pool.part(offset as usize, length as usize).unwrap();
        match job.what {
            What::Read(transfer) => {
                let mut bytes = vec![0; transfer.length as usize];
                self.disk.read(transfer.sectors.first(), &mut bytes).unwrap();
                part(transfer.offset, transfer.length).copy_in(0, &bytes).unwrap();
            }
            What::Write(transfer) => {
                let mut bytes = vec![0; transfer.length as usize];
                part(transfer.offset, transfer.length).copy_out(0, &mut bytes).unwrap();
                self.disk.write(transfer.sectors.first(), &bytes).unwrap();
            }
            What::Flush => self.flushes += 1,
        }
    }

    /// A turn. Whether it has done anything.
    pub(crate) fn work(&mut self) -> bool {
        let manner = self.manner.pop().unwrap_or(Manner::Good);
        match manner {
            Manner::Silent => return false,
            Manner::Lies => {
                self.channel[4 * 8].store(1 << 32 | 500, std::sync::atomic::Ordering::Relaxed);
                return true;
            }
            _ => {}
        }
        let mut jobs = Vec::new();
        let mut has_done = false;
        loop {
            match self.driver.take().unwrap() {
                Asked::Job(job) => jobs.push(job),
                Asked::About(question) => {
                    self.driver.answer(question).unwrap();
                    has_done = true;
                }
                Asked::Nothing => break,
                _ => {}
            }
        }
        has_done |= !jobs.is_empty();
        self.seen.extend(jobs.iter().filter_map(|job| Some(job.what.transfer()?.sectors.first())));
        let half = if manner == Manner::Dies { jobs.len() / 2 } else { 0 };
        for job in jobs.split_off(half).into_iter().rev() {
            if manner == Manner::Fails {
                self.driver.failed(job).unwrap();
            } else {
                self.run(&job);
                self.driver.done(job).unwrap();
            }
        }
        let _ = self.driver.flush().unwrap();
        if manner == Manner::Dies {
            self.replace();
        }
        has_done
    }
}

/// An MBR with the parts.
fn table() -> [u8; 512] {
    let mut sector = [0; 512];
    for (number, (first, sectors)) in PARTS.into_iter().enumerate() {
        let entry = &mut sector[446 + 16 * number..][..16];
        entry[4] = 0x0c;
        entry[8..12].copy_from_slice(&(first as u32).to_le_bytes());
        entry[12..].copy_from_slice(&(sectors as u32).to_le_bytes());
    }
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// What lies around the server, and outlives it.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) machines: HashMap<String, Machine>,
    /// Regions by the words of their handles.
    pub(crate) rooms: HashMap<u64, &'static [AtomicU64]>,
    /// Handles that nobody has given back, by how often they were given.
    pub(crate) given: u64,
    /// Ports that are watched: by place, the token.
    pub(crate) watched: HashMap<usize, u64>,
    /// Places whose port has ended while no server was there.
    pub(crate) gone: Vec<usize>,
    pub(crate) record: Record,
}

pub(crate) struct Ours(pub(crate) Rc<RefCell<Around>>);

impl std::fmt::Debug for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ours")
    }
}

pub(crate) struct Bell(Rc<RefCell<Around>>, String);

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

impl Way for Bell {
    fn ring(&mut self) {}

    fn complain(&mut self, _: Epoch, complaint: Complaint) {
        let mut around = self.0.borrow_mut();
        let machine = around.machines.get_mut(&self.1).unwrap();
        machine.complaints.push(complaint);
        machine.replace();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.borrow_mut().machines.get_mut(&self.1).unwrap().is_open = false;
    }
}

#[derive(Debug)]
pub(crate) struct Words(&'static [AtomicU64]);

impl Room for Words {
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(self.0))
    }
}

impl System<'static> for Ours {
    type Way = Bell;
    type Room = Words;

    fn open(&mut self, disk: Name) -> Result<Line<'static, Bell>, Error> {
        let mut around = self.0.borrow_mut();
        let machine = around.machines.get_mut(disk.as_str()).ok_or(Error::BadArgument)?;
        if machine.is_open {
            return Err(Error::Exists);
        }
        machine.is_open = true;
        let epoch = machine.replace();
        let block = SharedBlock::from_words(machine.channel);
        let endpoint = Endpoint::with(block, Side::Client, geometry(), epoch).unwrap();
        let way = Bell(Rc::clone(&self.0), disk.as_str().into());
        Ok(Line { endpoint, epoch, pool: machine.pool, way })
    }

    fn map(&mut self, room: Gift) -> Result<Words, Error> {
        self.give_back(room);
        let around = self.0.borrow();
        around.rooms.get(&room.handle.to_word()).map(|words| Words(words)).ok_or(Error::BadArgument)
    }

    fn give_back(&mut self, _: Gift) {
        self.0.borrow_mut().given += 1;
    }

    fn hold(&mut self, place: usize, token: u64, hold: Gift) -> Result<(), Error> {
        self.give_back(hold);
        self.0.borrow_mut().watched.insert(place, token);
        Ok(())
    }

    fn watch_again(&mut self, place: usize, token: u64) -> Result<(), Error> {
        let mut around = self.0.borrow_mut();
        if around.gone.contains(&place) || !around.watched.contains_key(&place) {
            return Err(Error::PeerDied);
        }
        around.watched.insert(place, token);
        Ok(())
    }

    fn let_go(&mut self, place: usize) {
        self.0.borrow_mut().watched.remove(&place);
    }

    fn remember(&mut self, record: &Record) {
        self.0.borrow_mut().record = record.clone();
    }
}

pub(crate) type Server = Serve<Disks<'static, Ours>>;

/// Everything.
pub(crate) struct World {
    pub(crate) around: Rc<RefCell<Around>>,
    pub(crate) server: RefCell<Option<Server>>,
    tickets: RefCell<u64>,
    answers: RefCell<Vec<anax_proto::Answered>>,
    /// Steps after which the server dies, the next first.
    pub(crate) deaths: RefCell<Vec<u32>>,
    pub(crate) died: RefCell<u32>,
}

impl World {
    /// With two disks, `blk0` that can be written and `blk1` that can't.
    pub(crate) fn new() -> Rc<Self> {
        let around = Rc::new(RefCell::new(Around::default()));
        for (name, access) in [("blk0", Access::ReadWrite), ("blk1", Access::ReadOnly)] {
            around.borrow_mut().machines.insert(name.into(), Machine::new(access));
        }
        let server = Serve(Disks::new(Ours(Rc::clone(&around)), &Record::default()));
        Rc::new(Self {
            around,
            server: RefCell::new(Some(server)),
            tickets: RefCell::default(),
            answers: RefCell::default(),
            deaths: RefCell::default(),
            died: RefCell::default(),
        })
    }

    /// The server dies, and its successor begins.
    pub(crate) fn die(&self) {
        *self.died.borrow_mut() += 1;
        drop(self.server.borrow_mut().take());
        self.answers.borrow_mut().clear();
        let record = self.around.borrow().record.clone();
        let server = Disks::new(Ours(Rc::clone(&self.around)), &record);
        *self.server.borrow_mut() = Some(Serve(server));
    }

    /// A program ends.
    pub(crate) fn ends(&self, process: u64) {
        let record = self.around.borrow().record.clone();
        let holder = record.holders.iter().find(|(_, holder)| *holder == process);
        let Some((place, _)) = holder else { return };
        let token = self.around.borrow().watched[place];
        self.server.borrow_mut().as_mut().unwrap().0.left(token);
    }

    /// One step of everybody. Whether anything has happened.
    pub(crate) fn step(&self) -> bool {
        let mut server = self.server.borrow_mut();
        let disks = &mut server.as_mut().unwrap().0;
        let mut has_done = disks.work();
        let answers = disks.answers();
        has_done |= !answers.is_empty();
        self.answers.borrow_mut().extend(answers);
        for machine in self.around.borrow_mut().machines.values_mut() {
            has_done |= machine.work();
        }
        has_done
    }

    pub(crate) fn tick(&self) {
        self.server.borrow_mut().as_mut().unwrap().0.tick();
    }

    /// The answer of that ticket, if it has come.
    pub(crate) fn answer(&self, ticket: u64) -> Option<Reply> {
        let mut answers = self.answers.borrow_mut();
        let place = answers.iter().position(|answered| answered.ticket == ticket)?;
        Some(answers.swap_remove(place).reply)
    }

    /// A region for a room.
    pub(crate) fn room(&self) -> (Gift, SharedBytes<'static>) {
        let words = leaked(ROOM_BYTES as usize / 8);
        let mut around = self.around.borrow_mut();
        let handle = 1000 + around.rooms.len() as u64;
        around.rooms.insert(handle, words);
        let gift = Gift::copy(Handle::from_word(handle), Rights::ALL);
        (gift, SharedBytes::new(SharedBlock::from_words(words)))
    }

    /// A partition, as that process has it.
    pub(crate) fn open(
        self: &Rc<Self>,
        process: u64,
        disk: &str,
        part: u32,
    ) -> Result<PartDisk<'static, Through>, PartError> {
        let (gift, room) = self.room();
        let hold = Gift::copy(Handle::from_word(process), Rights::ALL);
        let lent = Lent { room: gift, hold };
        PartDisk::open(self.client(process), (disk.parse().unwrap(), part), room, lent)
    }

    pub(crate) fn client(self: &Rc<Self>, process: u64) -> PartsClient<Through> {
        PartsClient::over(Through { world: Rc::clone(self), caller: Caller(process), died: self.deaths() })
    }

    pub(crate) fn deaths(&self) -> u32 {
        *self.died.borrow()
    }

    /// Asks something, and does not wait: the ticket.
    pub(crate) fn begin(
        &self,
        caller: Caller,
        request: &Request<'_>,
        beside: &mut Beside,
    ) -> Result<Reply, u64> {
        *self.tickets.borrow_mut() += 1;
        let ticket = *self.tickets.borrow();
        beside.ticket = ticket;
        let mut server = self.server.borrow_mut();
        let reply = server.as_mut().unwrap().dispatch(caller, request, beside, &mut []);
        if reply.is_later() { Err(ticket) } else { Ok(reply) }
    }
}

/// The way to a server that dies.
pub(crate) struct Through {
    pub(crate) world: Rc<World>,
    caller: Caller,
    /// Deaths that this client has noticed.
    died: u32,
}

impl Transport for Through {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, _: &mut [u8]) -> Result<Reply, Error> {
        self.died = self.world.deaths();
        let ticket = match self.world.begin(self.caller, request, beside) {
            Ok(reply) => return Ok(reply),
            Err(ticket) => ticket,
        };
        for _ in 0..10_000 {
            if let Some(reply) = self.world.answer(ticket) {
                return Ok(reply);
            }
            let mut deaths = self.world.deaths.borrow_mut();
            if let Some(left) = deaths.first_mut() {
                if *left == 0 {
                    deaths.remove(0);
                    drop(deaths);
                    self.world.die();
                    return Err(Error::PeerDied);
                }
                *left -= 1;
            }
            drop(deaths);
            if !self.world.step() {
                self.world.tick();
            }
        }
        panic!("nobody answers");
    }

    fn reconnect(&mut self, _: u64) -> Result<(), Error> {
        Ok(())
    }
}

/// The bytes of a partition as the disk has them.
pub(crate) fn on_disk(world: &World, disk: &str, part: usize) -> Vec<u8> {
    let (first, sectors) = PARTS[part];
    let around = world.around.borrow();
    around.machines[disk].disk.as_bytes()[first as usize * 512..][..sectors as usize * 512].to_vec()
}

/// What a partition that was opened says.
pub(crate) fn number(reply: Result<Opened, PartError>) -> u64 {
    reply.unwrap().number
}
