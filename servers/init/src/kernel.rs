//! What init does to the kernel, the loader and names.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use anax_abi::object::{Policy, Resource, priority};
use anax_abi::{Error, Handle, Message, Rights};
use anax_archive::Archive;
use anax_loader::{FirstThread, Lies};
use anax_manifest::{Capability, Cpu as Place, Layer, Manifest};
use anax_proto::{CONNECT, Gift};
use anax_service::PortTransport;
use anax_startup::{NamedHandle, Start, handles};
use anax_sys::object::{Cpu, Limits, Line, Machine, Polarity, Region, Space, Thread, Trigger};
use anax_sys::{Port, Target};
use anax_system::{LoaderClient, Name, NamesClient, Status};
use init::{Entry, Happened, Image, Load, System, Urgency};

use crate::undertaker;
use crate::watch::Watch;

/// How long loader and names may take for one answer.
const PATIENCE: Duration = Duration::from_secs(2);

const SEND: Rights = Rights::SEND.with(Rights::GRANT);
const OWN_PORT: Rights = Rights::SEND.with(Rights::RECEIVE).with(Rights::GRANT);

/// A process: its space, its first thread, its port. Init holds these, so that nothing of it ends unnoticed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    space: Space,
    thread: FirstThread,
    port: Port,
    cpu: Cpu,
}

/// The kernel as init has it.
pub(crate) struct Kernel {
    machine: Machine,
    port: Port,
    archive: Archive<'static>,
    cpus: u32,
    /// Programs that were placed on each CPU so far.
    placed: u32,
    /// Where servers were placed: their successors go there, too, since what was bound to a port of theirs (a channel's end, an interrupt) has its home there.
    homes: BTreeMap<String, Cpu>,
    /// Where faults and ends are told.
    undertaker: Port,
    watch: Watch,
}

impl Kernel {
    pub(crate) fn new(machine: Machine, port: Port, archive: Archive<'static>) -> Result<Self, Error> {
        let cpus = machine.cpus()? as u32;
        Ok(Self {
            machine,
            port,
            archive,
            cpus,
            placed: 0,
            homes: BTreeMap::new(),
            undertaker: undertaker::begin(port, priority::INTERRUPT)?,
            watch: Watch::default(),
        })
    }

    /// A ping of the process of that number was answered.
    pub(crate) fn answered(&mut self, process: u64) {
        self.watch.answered(process);
    }

    /// Where a program's first thread runs.
    fn place(&mut self, manifest: &Manifest) -> Cpu {
        match manifest.cpu {
            Place::Number(number) if number < self.cpus => Cpu(number),
            // Beside init and the device manager, which call them; and drivers where their interrupts come.
            _ if manifest.layer <= Layer::Bus => Cpu(0),
            _ => {
                if let Some(home) = self.homes.get(&manifest.name) {
                    return *home;
                }
                self.placed += 1;
                let cpu = Cpu((self.placed - 1) % self.cpus);
                if !manifest.provides.is_empty() {
                    self.homes.insert(manifest.name.clone(), cpu);
                }
                cpu
            }
        }
    }

    fn make_in(&mut self, space: Space, cpu: Cpu, manifest: &Manifest) -> Result<(Made, u64), Error> {
        let thread = FirstThread::new(space, cpu, manifest.priority.into(), self.undertaker)?;
        let made = thread.thread().inspect().and_then(|answer| {
            let port = space.create_port(thread.thread(), manifest.quota.messages / 2)?;
            Ok((Made { space, thread, port, cpu }, answer.words[2]))
        });
        match made {
            Ok((made, number)) => {
                undertaker::know(number, thread.thread(), &manifest.name);
                Ok((made, number))
            }
            Err(error) => {
                let _ = Space::SELF.close(thread.thread().handle());
                Err(error)
            }
        }
    }

    /// A handle of init's own, with a badge, for a process.
    fn badged(&self, handle: Handle, process: u64) -> Result<Gift, Error> {
        Ok(Gift { handle: Space::SELF.duplicate(handle, SEND, process)?, rights: SEND, is_given: true })
    }

    /// What a capability is, as the process gets it whose first thread runs on that CPU.
    fn capability(&self, what: &Capability, cpu: Cpu) -> Result<Option<(&'static str, Gift)>, Error> {
        Ok(match *what {
            Capability::Machine | Capability::MachineDevices | Capability::Console => {
                Some(("machine", Gift::copy(self.machine.handle(), Rights::ALL)))
            }
            Capability::IoPorts { first, count } => {
                let ports = self.machine.ports(first, count)?;
                Some((Capability::IO_PORTS, Gift::given(ports.handle())))
            }
            Capability::Irq { line } => {
                // Global interrupts begin with the old bus's, wired as that was; where firmware says otherwise, the kernel knows.
                let line = Line { number: line.into(), trigger: Trigger::Edge, polarity: Polarity::High };
                let irq = self.machine.line(line, cpu)?;
                Some((Capability::IRQ, Gift::given(irq.handle())))
            }
            _ => None,
        })
    }
}

fn to(made: Made) -> PortTransport<impl FnMut() -> Result<Target, Error>> {
    let target = Target::from_handle(made.port.handle());
    // Found already: it never fails.
    match PortTransport::unconnected(move || Ok(target)) {
        Ok(transport) => transport.within(PATIENCE),
        Err(_) => unreachable!("nothing is looked for"),
    }
}

/// A server that has ended, in whichever way that shows.
fn died(error: Error) -> Error {
    if error == Error::BadHandle { Error::PeerDied } else { error }
}

impl System for Kernel {
    type Made = Made;

    fn now(&self) -> u64 {
        Thread::time().map_or(0, |now| now.nanoseconds())
    }

    fn random(&mut self) -> u64 {
        anax::random::u64()
    }

    fn make(&mut self, manifest: &Manifest) -> Result<(Made, u64), Error> {
        let cpu = self.place(manifest);
        let quota = manifest.quota;
        let limits = Limits {
            pages: quota.pages,
            handles: quota.handles,
            threads: quota.threads,
            messages: quota.messages,
        };
        let space = Space::SELF.create_space(limits, Policy::Inherit, cpu)?;
        let serves = manifest.layer == Layer::Root || !manifest.provides.is_empty();
        let slots = if serves { anax_service::reserve_slots(space) } else { Ok(()) };
        let made = slots.and_then(|()| self.make_in(space, cpu, manifest));
        if made.is_err() {
            let _ = anax_loader::end(space);
        }
        made
    }

    fn give(&mut self, made: Made, what: Gift) -> Result<Handle, Error> {
        let granted = made.space.grant(what.handle, what.rights);
        if what.is_given {
            self.close(what.handle);
        }
        granted
    }

    fn equip(
        &mut self,
        made: Made,
        process: u64,
        names: Option<Made>,
        manifest: &Manifest,
        start: &mut Start,
    ) -> Result<(), Error> {
        undertaker::belongs(made.thread.thread(), process);
        let log = Gift::copy(self.machine.handle(), Rights::SEND);
        // All may read it; whoever asks for it in the manifest may pass it on, too, and map programs from it.
        let more = match manifest.capabilities.contains(&Capability::Archive) {
            true => Rights::GRANT.with(Rights::EXECUTE),
            false => Rights::NONE,
        };
        let rights = Rights::SEND.with(Rights::READ).with(more);
        let archive = Gift::copy(anax_abi::object::ARCHIVE, rights);
        let mut gifts = alloc::vec![
            (handles::LOG, log),
            (handles::ARCHIVE, archive),
            (handles::PORT, Gift::copy(made.port.handle(), OWN_PORT)),
            (handles::INIT, self.badged(self.port.handle(), process)?),
        ];
        for what in &manifest.capabilities {
            gifts.extend(self.capability(what, made.cpu)?);
        }
        for (name, gift) in gifts {
            let handle = self.give(made, gift)?;
            start.handles.push(NamedHandle { name: name.into(), handle });
        }
        // Without one that has died, or dies between the two: the program asks for its successor when it needs it.
        let names = names.and_then(|names| self.badged(names.port.handle(), process).ok());
        if let Some(handle) = names.and_then(|names| self.give(made, names).ok()) {
            start.handles.push(NamedHandle { name: handles::NAMES.into(), handle });
        }
        Ok(())
    }

    fn load(
        &mut self,
        made: Made,
        loader: Option<Made>,
        image: &Image,
        manifest: &Manifest,
    ) -> Result<Entry, Error> {
        let seed = self.random();
        let Some(loader) = loader else {
            let Image::Archive(name) = image else { return Err(Error::BadArgument) };
            let file = self.archive.get(&format!("bin/{name}")).ok_or(Error::BadArgument)?;
            let below = seed % anax_loader::MOST_BELOW;
            let region = Region::from_handle(anax_abi::object::ARCHIVE);
            let lies = Some(Lies::in_archive(self.archive.bytes(), region, file));
            let entry = anax_loader::load(made.space, file, lies, manifest.stack.into(), below)?;
            return Ok(Entry { instruction: entry.instruction, stack: entry.stack });
        };
        let space = Gift::copy(made.space.handle(), Rights::ALL);
        let mut loader = LoaderClient::over(to(loader));
        let loaded = match image {
            Image::Archive(name) => {
                let name: Name = name.parse().map_err(|_| Error::BadArgument)?;
                loader.load(space, name, manifest.stack, seed)
            }
            Image::Region(handle, bytes) => {
                let file = Gift::copy(*handle, Rights::SEND.with(Rights::READ));
                loader.load_file(space, file, *bytes, manifest.stack, seed)
            }
        };
        let (instruction, stack) = loaded.map_err(died)?;
        Ok(Entry { instruction, stack })
    }

    fn unload(&mut self, made: Made) -> Result<(), Error> {
        anax_loader::clear(made.space)
    }

    fn begin(&mut self, made: Made, entry: Entry, start: &Start) -> Result<(), Error> {
        let bytes = anax_startup::encode(start).map_err(|_| Error::BadArgument)?;
        let argument = anax_loader::put(made.space, &bytes)?;
        made.thread.start(anax_loader::Entry { instruction: entry.instruction, stack: entry.stack }, argument)
    }

    fn end(&mut self, made: Made) {
        undertaker::forget(made.thread.thread());
        // What can't be ended has ended.
        let _ = anax_loader::end(made.space);
        self.close(made.thread.thread().handle());
        self.close(made.port.handle());
    }

    fn fate(&mut self, made: Made) -> Option<Status> {
        undertaker::fate(made.thread.thread())
    }

    fn load_of(&self, made: Made) -> Load {
        let used = |resource| made.space.usage(resource).map_or(0, |usage| usage.used);
        let waiting = Space::SELF.inspect(made.port.handle()).map_or(0, |answer| answer.words[4]);
        let (time_ns, sent) = made.space.usage(Resource::Time).map_or((0, 0), |time| (time.used, time.sent));
        let (pages, handles, threads) =
            (used(Resource::Pages), used(Resource::Handles), used(Resource::Threads));
        Load { pages, handles, time_ns, waiting, threads, sent }
    }

    fn account(&self) -> [u64; 4] {
        [Resource::Pages, Resource::Handles, Resource::Threads, Resource::Messages]
            .map(|resource| Space::SELF.usage(resource).map_or(0, |usage| usage.used + usage.reserved))
    }

    fn look(&mut self, made: Made, process: u64) -> Happened {
        let waiting = Space::SELF.inspect(made.port.handle()).map_or(0, |answer| answer.words[4]);
        let is_pinged = self.watch.is_pinged(process);
        let is_busy =
            || !self.watch.is_idle(made.thread.thread()) && cfg!(not(bite = "init-asks-only-queues"));
        if waiting == 0 && !is_pinged && !is_busy() {
            return Happened::Progress;
        }
        if !is_pinged {
            // Whatever it serves, it answers this one.
            let message = Message { token: process, ..Message::new(CONNECT, [0; 5]) };
            if Target::from_handle(made.port.handle()).beginmsg(&message, self.port).is_ok() {
                self.watch.pinged(process);
            }
            return Happened::Progress;
        }
        self.watch.state(made.thread.thread())
    }

    fn waits(&self, made: Made) -> bool {
        // What it waits for; one that can't be asked any more gets no other urgency.
        made.thread.thread().inspect().map_or(true, |answer| answer.words[3] != 0)
    }

    fn set_urgency(&mut self, made: Made, manifest: &Manifest, urgency: Urgency) {
        let level = match urgency {
            Urgency::Less => priority::USER,
            Urgency::Own => manifest.priority.into(),
            Urgency::Utmost => priority::INTERRUPT - 1,
        };
        // One that has ended meanwhile is in nobody's way.
        let _ = made.thread.thread().set_priority(level);
    }

    fn port_for(&mut self, made: Made, process: u64) -> Result<Handle, Error> {
        Space::SELF.duplicate(made.port.handle(), SEND, process)
    }

    fn space_of(&mut self, made: Made) -> Result<Handle, Error> {
        Space::SELF.duplicate(made.space.handle(), Rights::ALL, 0)
    }

    fn copy(&mut self, handle: Handle) -> Result<Handle, Error> {
        Space::SELF.duplicate(handle, Rights::ALL, 0)
    }

    fn close(&mut self, handle: Handle) {
        // One whose object has ended is closed like any other.
        let _ = Space::SELF.close(handle);
    }

    fn admit(&mut self, names: Made, made: Made, process: u64, manifest: &Manifest) -> Result<(), Error> {
        let mut client = NamesClient::over(to(names));
        let port = Gift::copy(made.port.handle(), SEND);
        match client.admit(process, manifest.layer as u8, port) {
            // It was told already.
            Err(Error::Exists) => return Ok(()),
            // The process has ended, and its notice is under way: that is not the fault of names.
            Err(_) if Space::SELF.inspect(made.port.handle()).is_err() => return Ok(()),
            admitted => admitted.map_err(died)?,
        }
        for (list, serves) in [(&manifest.provides, true), (&manifest.needs, false)] {
            for name in list {
                let name: Name = name.parse().map_err(|_| Error::BadArgument)?;
                if serves { client.serves(process, name) } else { client.needs(process, name) }
                    .map_err(died)?;
            }
        }
        Ok(())
    }

    fn dismiss(&mut self, names: Made, process: u64, gone: &[String]) -> Result<(), Error> {
        let mut client = NamesClient::over(to(names));
        match client.dismiss(process) {
            // It was never told.
            Err(Error::BadHandle) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        for name in gone {
            let name: Name = name.parse().map_err(|_| Error::BadArgument)?;
            client.give_up(name).map_err(died)?;
        }
        Ok(())
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        log::info!("{line}");
    }

    fn finish(&mut self, status: Option<u8>) {
        let ended = match status {
            Some(status) => self.machine.power_off(status.into()),
            None => self.machine.restart(),
        };
        log::error!("the machine does not end: {ended:?}");
    }
}
