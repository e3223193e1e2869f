//! The first milestone: a network driver and a client on two CPUs, raw frames over a channel between them, and a driver that is
//! killed in the middle of traffic as often as the argument says. For each 1,000 more, a driver is changed by plan before that, and the
//! client does not notice; each fourth of these successors is to refuse first.
//!
//! This program is their supervisor. All that survives a driver is its: the card, the channel, the pool, the queues' memory.
#![no_std]
#![no_main]

mod card;
mod change;

use core::sync::atomic::Ordering;
use core::time::Duration;

use anax_abi::object::{ARCHIVE, notice, priority};
use anax_archive::Archive;
use anax_driver::STATE_BYTES;
use anax_driver::handover::{MEMORY_BYTES, Numbers, STACK_BYTES, Start};
use anax_frames::handover::{BUFFERS as POOL_BUFFERS, COUNTERS, STOP};
use anax_frames::{BUFFER_BYTES, Counters};
use anax_loader::{Child, Plan};
use anax_ring::{AtomicU64, Geometry, SharedBlock, Supervisor};
use anax_sys::object::{Channel, Cpu, Limits, Machine, Region, RegionKind, Space, Thread};
use anax_sys::{Deadline, Error, Handle, Port, Rights, WORDS, log, replymsg};

use card::Card;
use change::Spoilt;

anax_sys::main!(main);

/// The driver's CPU.
const DRIVER_CPU: Cpu = Cpu(0);
/// Frames that a driver lives for, unless it is the last one.
const LIFE: u64 = 200;
/// How often the client's counters are looked at.
const LOOK: Duration = Duration::from_millis(1);
/// The last driver's traffic has ended when no frame has come for so long: longer than a sender waits for a lost one.
const SILENCE: Duration = Duration::from_secs(4);
/// In the argument: a planned change.
const CHANGE: u64 = 1000;
/// Frames between two planned changes.
const STEP: u64 = 20;
/// Nobody sends anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Slots of each of the channel's rings, and buffers of the pool.
const BUFFERS: u32 = POOL_BUFFERS as u32;
const LIMITS: Limits = Limits { pages: 4096, handles: 64, threads: 4, messages: 64 };

/// Frames that a card has at most without a word.
const QUEUE: u64 = 64;

/// Status: a program ended by itself.
const ENDED: u64 = 1;
/// Status: frames were lost between the client's hands.
const LOST: u64 = 2;

const SHARED: Rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
const END: Rights = Rights::SEND.with(Rights::RECEIVE);

/// What outlives a driver.
struct Demo<'a> {
    archive: Archive<'a>,
    card: Card,
    ends: [Channel; 2],
    block: Region,
    pool: Region,
    queues: Region,
    numbers: Region,
    status: Region,
    /// Where a driver leaves its record for its successor.
    state: Region,
}

/// A program, where its end is told, and where a driver is asked.
struct Running {
    child: Child,
    port: Port,
    asked: Port,
}

fn main(argument: u64) -> Result<u64, Error> {
    let (restarts, changes) = (argument % CHANGE, argument / CHANGE);
    let machine = Machine::FIRST;
    log::to(machine);
    let client_cpu = Cpu(u32::from(machine.cpus()? > 1));
    // SAFETY: the kernel's own memory, which is never written again.
    let archive = unsafe { anax_mapped::constant(Region::from_handle(ARCHIVE))? };
    let archive = Archive::open(archive).map_err(|_| Error::BadArgument)?;
    let card = Card::find(machine, DRIVER_CPU)?;

    let bytes = |count: u32| u64::from(count) * BUFFER_BYTES as u64;
    let geometry = Geometry::new(BUFFERS, BUFFERS).map_err(|_| Error::BadArgument)?;
    let block = Space::SELF.create_region(geometry.bytes() as u64, RegionKind::Pinned)?;
    let (client_end, driver_end) = Space::SELF.create_channel(block, geometry.bytes() as u64)?;
    let demo = Demo {
        archive,
        card,
        ends: [client_end, driver_end],
        block,
        pool: Space::SELF.create_region(bytes(BUFFERS), RegionKind::Dma)?,
        queues: Space::SELF.create_region(MEMORY_BYTES, RegionKind::Dma)?,
        numbers: Space::SELF.create_region(4096, RegionKind::Pinned)?,
        status: Space::SELF.create_region(4096, RegionKind::Pinned)?,
        state: Space::SELF.create_region(STATE_BYTES as u64, RegionKind::Pinned)?,
    };
    // The kernel's word is what the sides believe; this one keeps step with it.
    let posted = AtomicU64::new(0);
    let mapped = anax_mapped::shared(block)?;
    let supervisor = Supervisor::posting(mapped, geometry, &posted).map_err(|_| Error::NoMemory)?;
    demo.run(restarts, changes, client_cpu, supervisor)
}

impl Demo<'_> {
    fn run(
        &self,
        restarts: u64,
        changes: u64,
        client_cpu: Cpu,
        mut supervisor: Supervisor<'_>,
    ) -> Result<u64, Error> {
        let status = anax_mapped::shared(self.status)?;
        let client = self.client(client_cpu)?;
        let mut driver = self.fresh()?;
        let mut told = Counters::default();
        for change in 1..=changes {
            let Some(seen) = await_frames(&driver, &client, status, told, STEP)? else { return Ok(ENDED) };
            told = seen;
            let name = if change % 2 == 0 { self.card.driver() } else { self.card.other_driver() };
            let spoilt = if change % 4 == 0 { Spoilt::Yes } else { Spoilt::No };
            driver = self.change(driver, name, spoilt)?;
        }
        if changes > 0 {
            log!("{changes} planned changes");
            self.tell(&driver)?;
        }
        for life in 0..=restarts {
            let target = if life < restarts { LIFE } else { u64::MAX };
            let Some(seen) = await_frames(&driver, &client, status, told, target)? else {
                return Ok(ENDED);
            };
            told = seen;
            if life < restarts {
                self.kill(&driver)?;
                supervisor.rebind().map_err(|_| Error::NoMemory)?;
                let epoch = self.ends[0].new_epoch()?;
                if epoch != u64::from(supervisor.epoch().number()) {
                    return Err(Error::BadArgument);
                }
                driver = self.fresh()?;
                log!("driver {} killed after {} frames, epoch {epoch}", life + 1, told.received);
            }
        }
        let stop = status.words().get(STOP).ok_or(Error::BadArgument)?;
        stop.store(1, Ordering::Release);
        // The driver's end rings the client's.
        self.ends[1].ring()?;
        let outcome = client.port.waitport_until(Deadline::at(Thread::time()?.after(SILENCE)))?;
        self.kill(&driver)?;
        log!(
            "{restarts} restarts, {} received, {} sent, {} resent, {} dropped, {} bad replies",
            told.received,
            told.sent,
            told.resent,
            told.dropped,
            told.bad_replies
        );
        if outcome.command() != notice::EXIT || outcome.words[0] != 0 {
            return Ok(ENDED);
        }
        // Without traffic, a card has no reason to say that the last few are out.
        let unconfirmed = told.received.saturating_sub(told.sent);
        let whole = unconfirmed <= QUEUE && told.dropped == 0 && told.bad_replies == 0;
        Ok(if whole { 0 } else { LOST })
    }

    /// The driver ends in whatever it is doing, and the device with it. Returns when neither reaches the channel or a buffer.
    fn kill(&self, driver: &Running) -> Result<(), Error> {
        self.end(driver)?;
        self.card.fence()
    }

    /// The driver ends; the device goes on.
    fn end(&self, driver: &Running) -> Result<(), Error> {
        anax_loader::end(driver.child.space)?;
        // Some died with it.
        for handle in [driver.child.thread.handle(), driver.asked.handle()] {
            Space::SELF.close(handle).or(Ok::<_, Error>(()))?;
        }
        Space::SELF.close(driver.port.handle())
    }

    /// A driver that begins with a reset.
    fn fresh(&self) -> Result<Running, Error> {
        self.write_numbers(Start::Fresh)?;
        let driver = self.driver(self.card.driver())?;
        // It has read its numbers when it answers.
        self.listens(&driver)?;
        Ok(driver)
    }

    fn driver(&self, name: &str) -> Result<Running, Error> {
        let irq = self.card.irq;
        let handles = [
            (self.ends[1].handle(), END),
            (self.block.handle(), SHARED),
            (self.queues.handle(), SHARED),
            (self.card.registers.handle(), SHARED),
            (self.numbers.handle(), SHARED),
            (irq.handle(), Rights::CONTROL),
            (self.card.configuration.unwrap_or(irq).handle(), Rights::CONTROL),
            // A driver whose device reaches the pool by itself has no business there.
            (self.numbers.handle(), SHARED),
            (self.state.handle(), SHARED),
        ];
        self.start(name, DRIVER_CPU, priority::DRIVER, &handles)
    }

    fn client(&self, cpu: Cpu) -> Result<Running, Error> {
        let handles = [
            (self.ends[0].handle(), END),
            (self.block.handle(), SHARED),
            (self.pool.handle(), SHARED),
            (self.status.handle(), SHARED),
        ];
        self.start("bin/frame-echo", cpu, priority::SERVER, &handles)
    }

    fn start(
        &self,
        name: &str,
        cpu: Cpu,
        priority: u64,
        handles: &[(Handle, Rights)],
    ) -> Result<Running, Error> {
        let file = self.archive.get(name).ok_or(Error::BadArgument)?;
        let port = Port::initport(Thread::SELF, 0)?;
        let plan = Plan {
            limits: LIMITS,
            cpu,
            priority,
            fault_port: port,
            stack: STACK_BYTES,
            handles,
            argument: 0,
        };
        let (child, asked) = anax_loader::start_serving(file, &plan)?;
        Ok(Running { child, port, asked })
    }

    /// What the driver has to know of the device's view.
    fn write_numbers(&self, start: Start) -> Result<(), Error> {
        let numbers = Numbers {
            memory: self.queues.device_address(0)?,
            pool: self.pool.device_address(0)?,
            start,
            device: self.card.numbers(),
        };
        let page = anax_mapped::shared(self.numbers)?;
        let write = |(word, value): (&AtomicU64, u64)| word.store(value, Ordering::Relaxed);
        page.words().iter().zip(numbers.to_words()).for_each(write);
        Ok(())
    }
}

/// Waits until the client has received so many frames more than `before`, or until nothing more comes. Nothing if one of the
/// programs ended instead.
fn await_frames(
    driver: &Running,
    client: &Running,
    status: SharedBlock<'_>,
    before: Counters,
    more: u64,
) -> Result<Option<Counters>, Error> {
    let mut last = before;
    let mut since = Thread::time()?;
    loop {
        let deadline = Deadline::at(Thread::time()?.after(LOOK));
        let told = match driver.port.waitport_until(deadline) {
            Err(Error::TimedOut) => client.port.getport(),
            told => told,
        };
        match told {
            Err(Error::TimedOut | Error::WouldBlock) => {}
            Err(error) => return Err(error),
            Ok(told) => {
                log!("a program ended: notice {:#x}, words {:#x?}", told.command(), told.words);
                if told.command() == notice::FAULT {
                    replymsg(told.number, Err(Error::PeerDied), [0; WORDS])?;
                }
                return Ok(None);
            }
        }
        let seen = counters(status);
        if seen.received - before.received >= more {
            return Ok(Some(seen));
        }
        if seen != last {
            (last, since) = (seen, Thread::time()?);
        }
        let patience = if seen.received == 0 || more != u64::MAX { PATIENCE } else { SILENCE };
        if Thread::time()? >= since.after(patience) {
            return Ok(Some(seen));
        }
    }
}

/// What the client says of itself.
fn counters(status: SharedBlock<'_>) -> Counters {
    let word = |at: usize| status.words().get(COUNTERS + at).map_or(0, |word| word.load(Ordering::Relaxed));
    Counters::from_words(core::array::from_fn(word))
}
