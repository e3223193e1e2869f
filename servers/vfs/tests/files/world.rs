//! A machine for the server, which has as many threads as the test program says: messages go through queues, time stands still until somebody moves it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anax_abi::{Error, Handle, Rights, WORDS};
use anax_files::files::{ARENA, FilesClient, Serve};
use anax_files::{Failure, FileSystem, volume};
use anax_fs::{Maps, Parts, Session, Threads};
use anax_proto::{Answered, Beside, Caller, Dispatch as _, Gift, Gifts, Reply, Request, Transport};
use anax_sys::Target;
use anax_task::Executor;
use vfs::{Bell, Crossbar, Host, Item, Limits, Server, Vfs};

use crate::port::Port;
use crate::regions::{Mapped, Regions};

#[path = "wires.rs"]
mod wires;

use wires::Wires;

/// A message to a file system that is not delivered yet.
struct Sent {
    port: Handle,
    token: u64,
    command: u32,
    words: [u64; WORDS],
    gifts: Gifts,
}

/// Wakes a thread of the server.
struct Ring(Sender<Event>);

impl Bell for Ring {
    fn ring(&self) {
        // It may have ended.
        let _gone = self.0.send(Event::Look);
    }
}

/// File systems that were not yet asked for anything, by their ports: each is made by the thread that asks it.
type Makers = Arc<Mutex<HashMap<Handle, MakeVolume>>>;

/// What all threads of the server share with the test.
#[derive(Clone)]
struct Common {
    regions: Regions,
    time: Arc<std::sync::atomic::AtomicU64>,
    makers: Makers,
    crossbar: Crossbar<Ring>,
    threads: u16,
}

/// The machine as a thread of the server has it.
struct Machine {
    own: u16,
    threads: u16,
    crossbar: Crossbar<Ring>,
    regions: Regions,
    sent: Rc<RefCell<VecDeque<Sent>>>,
    lent: Lent,
    waiting: Rc<RefCell<HashMap<u64, To>>>,
    time: Arc<std::sync::atomic::AtomicU64>,
}

/// Slots for handles that a file system's server has: as many messages with some wait for it at most.
const SLOTS: usize = 16;
type Lent = Rc<RefCell<HashMap<Handle, usize>>>;

pub(crate) type Answer = (Reply, Gifts);

/// Who waits for an answer.
pub(crate) enum To {
    /// A thread.
    Thread(Sender<Answer>),
    /// A program of tasks, at its port, by the question's token.
    Port(u64, Sender<(u64, Answer)>),
}

impl To {
    fn send(&self, answer: Answer) {
        // It may have gone.
        let _gone = match self {
            Self::Thread(to) => to.send(answer).is_err(),
            Self::Port(token, to) => to.send((*token, answer)).is_err(),
        };
    }
}

impl Host for Machine {
    type Memory = Mapped;

    fn send(
        &self,
        port: Handle,
        token: u64,
        command: u32,
        words: [u64; WORDS],
        gifts: &Gifts,
    ) -> Result<(), Error> {
        if gifts.count() > 0 {
            let mut lent = self.lent.borrow_mut();
            let lent = lent.entry(port).or_default();
            if *lent == SLOTS {
                return Err(Error::NoSlot);
            }
            *lent += 1;
        }
        self.sent.borrow_mut().push_back(Sent { port, token, command, words, gifts: *gifts });
        Ok(())
    }

    fn answer(&self, answered: Answered) {
        let to = self.waiting.borrow_mut().remove(&answered.ticket).expect("each request is answered once");
        to.send((answered.reply, answered.gifts));
    }

    fn map(&self, memory: Gift) -> Result<Mapped, Error> {
        self.regions.map(memory.handle)
    }

    fn make(&self, bytes: u64) -> Result<Handle, Error> {
        Ok(self.regions.make(bytes))
    }

    fn make_mapped(&self, bytes: u64) -> Result<(Mapped, Handle), Error> {
        let handle = self.regions.make(bytes);
        Ok((self.regions.map(handle)?, handle))
    }

    fn end(&self, region: Handle) {
        self.regions.end(region);
    }

    fn close(&self, _: Handle) {}

    fn admit(&self, number: u64, _: Gift) -> Result<Gift, Error> {
        Ok(Gift::given(door(self.own, number)))
    }

    fn own(&self) -> u16 {
        self.own
    }

    fn threads(&self) -> u16 {
        self.threads
    }

    fn hand(&self, thread: u16, item: Item) {
        assert!(thread != self.own && thread < self.threads);
        self.crossbar.hand(thread, item);
    }

    fn handed(&self) -> Option<Item> {
        self.crossbar.handed(self.own)
    }

    fn door(&self, thread: u16) -> Result<Gift, Error> {
        if thread < self.threads { Ok(Gift::given(door(thread, 0))) } else { Err(Error::BadArgument) }
    }

    fn now(&self) -> u64 {
        self.time.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn seconds(&self) -> u64 {
        1_000_000_000 + self.now() / 1_000_000_000
    }
}

/// A handle by which a program asks a thread of the server.
fn door(thread: u16, number: u64) -> Handle {
    Handle::from_word(u64::from(thread) << 48 | 2 << 32 | number)
}

/// The thread and the program's number of such a handle.
pub(crate) fn behind(door: Handle) -> (usize, u64) {
    ((door.to_word() >> 48) as usize, door.to_word() & 0xffff_ffff)
}

/// What reaches a thread of the server.
pub(crate) enum Event {
    Request {
        caller: u64,
        command: u32,
        words: [u64; WORDS],
        gifts: Gifts,
        to: To,
    },
    Mount {
        path: String,
        make: MakeVolume,
        /// In the place of one that has ended.
        succeeds: bool,
        to: Sender<Result<(), Failure>>,
    },
    Left(u64),
    Tick,
    /// Another thread has handed something over.
    Look,
    /// It does nothing until the other end is dropped.
    Pause(Receiver<()>),
    /// How many operations are under way when no message is, and how many nodes are referred to.
    Quiet(Sender<(usize, usize)>),
    End,
}

/// A file system's server.
pub(crate) type Volume = Box<dyn FnMut(&Request<'_>, &mut Beside) -> Answering>;

/// What comes of a request.
#[derive(Debug)]
pub(crate) enum Answering {
    /// An answer.
    Answer(Reply),
    /// None, for ever.
    Never,
    /// The server has ended over it.
    Died,
}

type MakeVolume = Box<dyn FnOnce(Regions) -> Volume + Send>;

/// A file system as its server would serve it.
pub(crate) fn serve<F: FileSystem + 'static>(system: F, regions: Regions) -> Volume {
    let mut server = volume::Serve(anax_volume::Server::new(system, regions));
    Box::new(move |request, beside| Answering::Answer(server.dispatch(Caller(0), request, beside, &mut [])))
}

/// The server on its threads.
pub(crate) struct World {
    pub(crate) regions: Regions,
    events: Vec<Sender<Event>>,
    time: Arc<std::sync::atomic::AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

pub(crate) struct Way {
    events: Sender<Event>,
    caller: u64,
}

impl Transport for Way {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, _: &mut [u8]) -> Result<Reply, Error> {
        let (to, answer) = channel();
        let (command, words, gifts) = (request.command, request.words, beside.sent);
        let event = Event::Request { caller: self.caller, command, words, gifts, to: To::Thread(to) };
        self.events.send(event).map_err(|_| Error::PeerDied)?;
        let (reply, back) = answer.recv().map_err(|_| Error::PeerDied)?;
        beside.back = back;
        Ok(reply)
    }

    fn reconnect(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::PeerDied)
    }
}

/// Tells the server that a program has gone.
struct Hold(Sender<Event>, u64);

impl Drop for Hold {
    fn drop(&mut self) {
        let _gone = self.0.send(Event::Left(self.1));
    }
}

/// How a program of tests begins with a thread of the server.
struct Beginning {
    regions: Regions,
    events: Vec<Sender<Event>>,
    maps: Box<dyn Fn() -> Box<dyn Maps> + Send + Sync>,
}

impl Beginning {
    fn parts(&self, thread: usize) -> Result<Parts, Failure> {
        let begun = begin(&self.regions, &self.events, thread, ARENA)?;
        let Begun { own, arena, table, table_region, .. } = begun;
        let (_, caller) = behind(own);
        let events = self.events[thread].clone();
        Ok(Parts {
            server: Box::new(Way { events: events.clone(), caller }),
            target: Some(Target::from_handle(own)),
            arena: Box::new(arena),
            table: Box::new(table),
            table_region: Some(table_region),
            maps: (self.maps)(),
            kept: Box::new(Hold(events, caller)),
        })
    }
}

impl Threads for Beginning {
    fn attach(&self, door: Gift) -> Result<Parts, Failure> {
        self.parts(behind(door.handle).0)
    }
}

/// What a program has of a thread: by what it asks, by which handle, its arena, its table.
struct Begun {
    client: FilesClient<Way>,
    own: Handle,
    arena: Mapped,
    table: Mapped,
    table_region: Handle,
}

/// A program begins with a thread.
fn begin(
    regions: &Regions,
    events: &[Sender<Event>],
    thread: usize,
    arena_bytes: u64,
) -> Result<Begun, Failure> {
    let events = &events[thread];
    let mut client = FilesClient::over(Way { events: events.clone(), caller: 0 });
    let arena = regions.make(arena_bytes);
    let gift = |handle| Gift::copy(handle, Rights::ALL);
    let (own, table) = client.attach(gift(arena), gift(Handle::from_word(3 << 32 | 1)))?;
    let (at, caller) = behind(own.handle);
    assert_eq!(at, thread);
    let client = FilesClient::over(Way { events: events.clone(), caller });
    let (arena, mapped) = (regions.map(arena)?, regions.map(table.handle)?);
    Ok(Begun { client, own: own.handle, arena, table: mapped, table_region: table.handle })
}

impl World {
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        Self::with_threads(crate::THREADS, limits, seed)
    }

    /// One with so many threads.
    pub(crate) fn with_threads(threads: u16, limits: Limits, seed: u64) -> Self {
        let (events, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| channel()).unzip();
        let common = Common {
            regions: Regions::default(),
            time: Arc::new(std::sync::atomic::AtomicU64::new(1)),
            makers: Makers::default(),
            crossbar: Crossbar::new(events.iter().cloned().map(Ring)),
            threads,
        };
        let (regions, time) = (common.regions.clone(), common.time.clone());
        let start = |(own, receiver)| {
            let common = common.clone();
            std::thread::spawn(move || run(own, limits, seed ^ u64::from(own) << 20, &common, &receiver))
        };
        let threads = (0..).zip(receivers).map(start).collect();
        Self { regions, events, time, threads }
    }

    /// Mounts what `make` makes.
    pub(crate) fn mount(
        &self,
        path: &str,
        make: impl FnOnce(Regions) -> Volume + Send + 'static,
    ) -> Result<(), Failure> {
        self.begin_mount(path, make).recv().unwrap()
    }

    /// Begins to: what comes of it is told.
    pub(crate) fn begin_mount(
        &self,
        path: &str,
        make: impl FnOnce(Regions) -> Volume + Send + 'static,
    ) -> Receiver<Result<(), Failure>> {
        self.send_mount(path, Box::new(make), false)
    }

    fn send_mount(&self, path: &str, make: MakeVolume, succeeds: bool) -> Receiver<Result<(), Failure>> {
        let (to, answer) = channel();
        self.events[0].send(Event::Mount { path: path.into(), make, succeeds, to }).unwrap();
        answer
    }

    /// What `make` makes takes the place of what is mounted there, whose server has ended.
    pub(crate) fn succeed(
        &self,
        path: &str,
        make: impl FnOnce(Regions) -> Volume + Send + 'static,
    ) -> Result<(), Failure> {
        self.send_mount(path, Box::new(make), true).recv().unwrap()
    }

    /// One with an empty file system in memory.
    pub(crate) fn with_tmpfs(limits: Limits, seed: u64) -> Self {
        let world = Self::new(limits, seed);
        world.mount("/", |regions| tmpfs(regions, 64 << 20)).unwrap();
        world
    }

    /// A program that says what it likes to thread 0: by what it asks, its arena, its table.
    pub(crate) fn raw(&self, arena_bytes: u64) -> Result<(FilesClient<Way>, Mapped, Mapped), Failure> {
        self.raw_at(0, arena_bytes)
    }

    /// One that says it to that thread.
    pub(crate) fn raw_at(
        &self,
        thread: usize,
        arena_bytes: u64,
    ) -> Result<(FilesClient<Way>, Mapped, Mapped), Failure> {
        let Begun { client, arena, table, .. } = begin(&self.regions, &self.events, thread, arena_bytes)?;
        Ok((client, arena, table))
    }

    /// A program.
    pub(crate) fn session(&self) -> Arc<Session> {
        let regions = self.regions.clone();
        self.session_with(move || Box::new(regions.clone()))
    }

    /// A program that reaches memory of files in its own way.
    pub(crate) fn session_with(
        &self,
        maps: impl Fn() -> Box<dyn Maps> + Send + Sync + 'static,
    ) -> Arc<Session> {
        let (regions, events) = (self.regions.clone(), self.events.clone());
        let beginning = Beginning { regions, events, maps: Box::new(maps) };
        Session::new(beginning.parts(0).unwrap(), Box::new(beginning))
    }

    /// A thread of the server does nothing until that is dropped.
    pub(crate) fn pause(&self, thread: usize) -> Sender<()> {
        let (end, until) = channel();
        self.events[thread].send(Event::Pause(until)).unwrap();
        end
    }

    /// All programs end that there are, without having closed anything.
    pub(crate) fn end_programs(&self) {
        const FIRST: u64 = 1 << 31;
        for events in &self.events {
            (FIRST..FIRST + 64).for_each(|number| events.send(Event::Left(number)).unwrap());
        }
    }

    /// What runs a program's tasks.
    pub(crate) fn executor(&self) -> Executor {
        let port = Port::new(self.events.clone());
        Executor::over(Box::new(port), anax_task::Limits::each(64))
    }

    /// How many operations are under way when no message is any more.
    pub(crate) fn quiet(&self) -> usize {
        self.at_rest().0
    }

    /// How many nodes the server refers to when no message is under way.
    pub(crate) fn nodes(&self) -> usize {
        self.at_rest().1
    }

    fn at_rest(&self) -> (usize, usize) {
        let ask = |events: &Sender<Event>| {
            let (to, answer) = channel();
            events.send(Event::Quiet(to)).unwrap();
            answer.recv().unwrap()
        };
        let all: Vec<(usize, usize)> = self.events.iter().map(ask).collect();
        all.into_iter().fold((0, 0), |sum, (one, other)| (sum.0 + one, sum.1 + other))
    }

    /// Time passes by itself until that is dropped.
    pub(crate) fn ticking(&self) -> Ticking {
        let (events, time) = (self.events.clone(), self.time.clone());
        let (end, ended) = channel::<()>();
        let thread = std::thread::spawn(move || {
            while ended.recv_timeout(std::time::Duration::from_millis(1))
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                time.fetch_add(300_000_000, std::sync::atomic::Ordering::Relaxed);
                // Whoever has gone needs no time.
                events.iter().for_each(|events| _ = events.send(Event::Tick));
            }
        });
        Ticking { end: Some(end), thread: Some(thread) }
    }

    /// Time passes.
    pub(crate) fn pass(&self, nanoseconds: u64) {
        self.time.fetch_add(nanoseconds, std::sync::atomic::Ordering::Relaxed);
        self.events.iter().for_each(|events| events.send(Event::Tick).unwrap());
    }
}

/// Time that passes by itself.
pub(crate) struct Ticking {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.end.take();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for events in &self.events {
            let _gone = events.send(Event::End);
        }
        for thread in self.threads.drain(..) {
            let outcome = thread.join();
            assert!(outcome.is_ok() || std::thread::panicking(), "a thread of the server has panicked");
        }
    }
}

/// A file system in memory.
pub(crate) fn tmpfs(regions: Regions, limit: u64) -> Volume {
    struct Own(Regions);
    impl tmpfs::Regions for Own {
        fn make(&mut self, bytes: u64) -> Result<Handle, Failure> {
            Ok(self.0.make(bytes))
        }

        fn clear(&mut self, region: Handle, from: u64) {
            self.0.clear(region, from);
        }

        fn end(&mut self, region: Handle) {
            self.0.end(region);
        }
    }
    serve(tmpfs::Tmpfs::new(Own(regions.clone()), limit, (1, 2)), regions)
}

/// A seed by which messages lie about for a while, so that many are under way at once.
pub(crate) const fn slow(seed: u64) -> u64 {
    seed | 1 << 62
}

type Mounted = Result<(), Failure>;
/// Who waits for a mount, and how it went.
type Mounting = (Sender<Mounted>, Rc<RefCell<Option<Mounted>>>);

/// A seed by which answers come in any order.
pub(crate) const fn shuffling(seed: u64) -> u64 {
    seed | 1 << 63
}

/// The loop of a thread of the server. Which message is next is a matter of chance; so is whether requests of programs come between.
fn run(own: u16, limits: Limits, seed: u64, common: &Common, events: &Receiver<Event>) {
    let sent: Rc<RefCell<VecDeque<Sent>>> = Rc::default();
    let waiting: Rc<RefCell<HashMap<u64, To>>> = Rc::default();
    let lent = Lent::default();
    let machine = Machine {
        own,
        threads: common.threads,
        crossbar: common.crossbar.clone(),
        regions: common.regions.clone(),
        sent: sent.clone(),
        lent: lent.clone(),
        waiting: waiting.clone(),
        time: common.time.clone(),
    };
    let vfs = Vfs::new(machine, limits, (seed, !seed));
    let mut server = Serve(Server(vfs.clone()));
    let is_slow = seed >> 62 & 1 != 0;
    let mut wires = Wires {
        regions: common.regions.clone(),
        makers: common.makers.clone(),
        volumes: HashMap::default(),
        ports: Vec::new(),
        asked: HashMap::default(),
        answers: HashMap::default(),
        dead: HashSet::default(),
        lent,
        is_shuffling: seed >> 63 != 0,
    };
    let mut mounting: Vec<Mounting> = Vec::new();
    let mut quiet: Vec<Sender<(usize, usize)>> = Vec::new();
    let (mut ticket, mut chance) = (0, seed | 1);
    loop {
        vfs.run();
        wires.take(&mut sent.borrow_mut());
        mounting.retain(|(to, outcome)| match outcome.borrow_mut().take() {
            Some(outcome) => {
                to.send(outcome).unwrap();
                false
            }
            None => true,
        });
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let event = if wires.is_quiet() {
            quiet.drain(..).for_each(|to| to.send((vfs.under_way(), vfs.referred_to())).unwrap());
            events.recv().ok()
        } else if is_slow {
            events.recv_timeout(std::time::Duration::from_micros(chance % 100)).ok()
        } else if chance % 3 == 0 {
            events.try_recv().ok()
        } else {
            None
        };
        match event {
            Some(Event::Request { caller, command, words, gifts, to }) => {
                ticket += 1;
                let mut beside = Beside { sent: gifts, ticket, ..Beside::default() };
                waiting.borrow_mut().insert(ticket, to);
                let request = Request::fixed(command, words);
                let reply = server.dispatch(Caller(caller), &request, &mut beside, &mut []);
                if !reply.is_later() {
                    let to = waiting.borrow_mut().remove(&ticket).unwrap();
                    to.send((reply, beside.back));
                }
            }
            Some(Event::Mount { path, make, succeeds, to }) => {
                let port = common.regions.make(4096);
                common.makers.lock().unwrap().insert(port, make);
                let outcome: Rc<RefCell<Option<_>>> = Rc::default();
                mounting.push((to, outcome.clone()));
                let port = Gift::copy(port, Rights::ALL);
                let step = match &*path {
                    _ if succeeds => vfs::Step::Succeed(path, port),
                    "/" => vfs::Step::Mount(path, port),
                    _ => vfs::Step::MountAnywhere(path, port),
                };
                vfs.begin(vec![step], move |_, result| *outcome.borrow_mut() = Some(result));
            }
            Some(Event::Left(caller)) => vfs.left(caller),
            Some(Event::Tick) => vfs.tick(),
            Some(Event::Look) => vfs.look(),
            Some(Event::Pause(until)) => assert!(until.recv().is_err()),
            Some(Event::Quiet(to)) => quiet.push(to),
            Some(Event::End) => {
                // Operations that wait for ever keep all of it.
                waiting.borrow_mut().clear();
                return;
            }
            // Nobody will ask any more.
            None if wires.is_quiet() => return,
            None => {
                if let Some((token, answer)) = wires.step(chance) {
                    vfs.answered(token, answer);
                }
            }
        }
    }
}
