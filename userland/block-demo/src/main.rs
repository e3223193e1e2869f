//! A disk driver that is killed in the middle of writes as often as the argument says, and not one wrong sector.
//!
//! This program is the driver's supervisor and its client: it writes a pattern all over the beginning of the disk, several times, each time
//! another one, makes it last, and reads it back. Argument: kills, and 1,000 more for the disk behind the legacy ports. What is left on
//! the disk is the last pattern, which the system test compares with the file.
#![no_std]
#![no_main]

mod device;
mod work;

use core::sync::atomic::Ordering;

use anax_abi::object::{ARCHIVE, notice, priority};
use anax_archive::Archive;
use anax_blocks::handover::{POOL_BYTES, SLOTS};
use anax_driver::handover::{MEMORY_BYTES, Numbers, STACK_BYTES, Start};
use anax_loader::{Child, Plan};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, Side, Supervisor};
use anax_sys::object::{Channel, Cpu, Limits, Machine, Region, RegionKind, Space, Thread};
use anax_sys::{Error, Port, Rights, WORDS, log, replymsg};

use device::Device;
use work::Work;

anax_sys::main!(main);

const CPU: Cpu = Cpu(0);
/// Added to the argument for the disk behind the legacy ports.
const LEGACY: u64 = 1000;
const LIMITS: Limits = Limits { pages: 4096, handles: 64, threads: 4, messages: 64 };
const SHARED: Rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
const END: Rights = Rights::SEND.with(Rights::RECEIVE);
/// Status: a driver ended by itself.
const ENDED: u64 = 1;

/// What outlives a driver.
struct Demo<'a> {
    archive: Archive<'a>,
    device: Device,
    ends: [Channel; 2],
    block: Region,
    pool: Region,
    memory: Region,
    numbers: Region,
    /// Where drivers' ends are told.
    port: Port,
}

fn main(argument: u64) -> Result<u64, Error> {
    let machine = Machine::FIRST;
    log::to(machine);
    // SAFETY: the kernel's own memory, which is never written again.
    let archive = unsafe { anax_mapped::constant(Region::from_handle(ARCHIVE))? };
    let archive = Archive::open(archive).map_err(|_| Error::BadArgument)?;
    let (kills, legacy) = (argument % LEGACY, argument >= LEGACY);
    let device = if legacy { Device::ata(machine, CPU)? } else { Device::virtio(machine, CPU)? };
    let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
    let block = Space::SELF.create_region(geometry.bytes() as u64, RegionKind::Pinned)?;
    let (client, driver) = Space::SELF.create_channel(block, geometry.bytes() as u64)?;
    let demo = Demo {
        archive,
        device,
        ends: [client, driver],
        block,
        pool: Space::SELF.create_region(POOL_BYTES, RegionKind::Dma)?,
        memory: Space::SELF.create_region(MEMORY_BYTES, RegionKind::Dma)?,
        numbers: Space::SELF.create_region(4096, RegionKind::Pinned)?,
        port: Port::initport(Thread::SELF, 0)?,
    };
    // The kernel's word is what the sides believe; this one keeps step with it.
    let posted = AtomicU64::new(0);
    let supervisor = Supervisor::posting(anax_mapped::shared(block)?, geometry, &posted);
    demo.write_numbers()?;
    demo.run(kills, supervisor.map_err(|_| Error::NoMemory)?)
}

impl Demo<'_> {
    fn run(&self, kills: u64, mut supervisor: Supervisor<'_>) -> Result<u64, Error> {
        let [client, _] = self.ends;
        let bell = Port::initport(Thread::SELF, 0)?;
        client.bind(bell, 0)?;
        let mut driver = self.driver()?;
        let mut work = Work::new(self.endpoint()?, anax_mapped::shared(self.pool)?)?;
        for life in 0..=kills {
            let more = if life < kills { work::LIFE } else { u64::MAX };
            let done = work.run(more, client, bell, || match self.port.getport() {
                Err(Error::WouldBlock) => Ok(()),
                Err(error) => Err(error),
                Ok(told) => {
                    log!("the driver ended: notice {:#x}, words {:#x?}", told.command(), told.words);
                    if told.command() == notice::FAULT {
                        replymsg(told.number, Err(Error::PeerDied), [0; WORDS])?;
                    }
                    Err(Error::PeerDied)
                }
            });
            match done {
                Err(Error::PeerDied) => return Ok(ENDED),
                done => done?,
            }
            if life < kills {
                anax_loader::end(driver.space)?;
                self.device.fence()?;
                Space::SELF.close(driver.thread.handle()).or(Ok::<_, Error>(()))?;
                // The words of the one that was killed.
                while self.port.getport().is_ok() {}
                supervisor.rebind().map_err(|_| Error::NoMemory)?;
                client.new_epoch()?;
                driver = self.driver()?;
            }
        }
        let counters = work.counters();
        log!(
            "block-demo: verified: {kills} kills, {} written, {} read, {} flushed, {} asked again, {} failed",
            counters.written,
            counters.read,
            counters.flushed,
            counters.asked_again,
            counters.failed
        );
        Ok(0)
    }

    fn driver(&self) -> Result<Child, Error> {
        let [registers, irq, behind] = self.device.handles();
        let handles = [
            (self.ends[1].handle(), END),
            (self.block.handle(), SHARED),
            (self.memory.handle(), SHARED),
            registers,
            (self.numbers.handle(), SHARED),
            irq,
            behind,
            (self.pool.handle(), SHARED),
        ];
        let file = self.archive.get(self.device.driver()).ok_or(Error::BadArgument)?;
        let plan = Plan {
            limits: LIMITS,
            cpu: CPU,
            priority: priority::DRIVER,
            fault_port: self.port,
            stack: STACK_BYTES,
            handles: &handles,
            argument: 0,
        };
        anax_loader::start(file, &plan)
    }

    fn endpoint(&self) -> Result<Endpoint<'static>, Error> {
        let posted = anax_mapped::epoch(self.ends[0])?;
        let epoch = u32::try_from(posted.load(Ordering::Acquire)).ok().and_then(Epoch::from_number);
        let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
        let (block, epoch) = (anax_mapped::shared(self.block)?, epoch.ok_or(Error::BadArgument)?);
        Endpoint::watching(block, Side::Client, geometry, epoch, posted).map_err(|_| Error::BadArgument)
    }

    /// What the driver has to know of the device's view.
    fn write_numbers(&self) -> Result<(), Error> {
        let (memory, pool) = (self.memory.device_address(0)?, self.pool.device_address(0)?);
        let numbers = Numbers { memory, pool, start: Start::Fresh, device: self.device.numbers() };
        let page = anax_mapped::shared(self.numbers)?;
        let write = |(word, value): (&AtomicU64, u64)| word.store(value, Ordering::Relaxed);
        page.words().iter().zip(numbers.to_words()).for_each(write);
        Ok(())
    }
}
