//! The directory of services.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use anax_abi::{Error, Handle, Rights};
use anax_proto::{Answered, Caller, Gift, Later};
use anax_system::{Name, Names};

/// Requests to wait that a process can have at a time.
pub const MOST_WAITING: usize = 16;

/// Init's own badge: none.
const INIT: Caller = Caller(0);

/// What is done with handles.
pub trait Handles {
    /// Another handle to the port, with which `process` can send to it, and by which the port's owner knows him.
    ///
    /// # Errors
    /// `BadHandle` if the port is gone, `Quota`.
    fn copy_for(&mut self, port: Handle, process: u64) -> Result<Handle, Error>;

    /// Gives it up.
    fn close(&mut self, port: Handle);
}

/// What is known of a process.
#[derive(Debug)]
struct Process {
    layer: u8,
    port: Handle,
    needs: Vec<Name>,
    serves: Vec<Name>,
}

/// Who serves a name.
#[derive(Debug)]
struct Service {
    process: u64,
    layer: u8,
    port: Handle,
    /// Whether the port is another than its process's first.
    is_own: bool,
}

/// Somebody who waits for a service.
#[derive(Debug)]
struct Waiting {
    name: Name,
    process: u64,
    after: u64,
    later: Later<(Gift, u64), Error>,
}

/// All services, and who waits for one.
#[derive(Debug)]
pub struct Directory<H> {
    handles: H,
    processes: BTreeMap<u64, Process>,
    services: BTreeMap<Name, Service>,
    waiting: Vec<Waiting>,
    /// What will not be served again, as far as is known.
    given_up: BTreeSet<Name>,
    answers: Vec<Answered>,
}

impl<H: Handles> Directory<H> {
    /// An empty one.
    #[must_use]
    pub fn new(handles: H) -> Self {
        let (processes, services) = (BTreeMap::new(), BTreeMap::new());
        let given_up = BTreeSet::new();
        Self { handles, processes, services, waiting: Vec::new(), given_up, answers: Vec::new() }
    }

    /// Answers to those who have waited; to be sent after each request.
    pub fn answers(&mut self) -> impl Iterator<Item = Answered> + '_ {
        self.answers.drain(..)
    }

    /// How many wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a process may reach a name at all, by its manifest.
    fn may_reach(&self, caller: Caller, name: Name) -> Result<(), Error> {
        if caller == INIT {
            return Ok(());
        }
        let process = self.processes.get(&caller.0).ok_or(Error::NoRights)?;
        if process.needs.contains(&name) { Ok(()) } else { Err(Error::NoRights) }
    }

    /// The service, for that caller.
    fn find(&mut self, caller: Caller, name: Name, after: u64) -> Result<(Gift, u64), Error> {
        let service = self.services.get(&name).filter(|service| service.process > after);
        let service = service.ok_or(Error::WouldBlock)?;
        let layer = self.processes.get(&caller.0).map(|process| process.layer);
        // Calls upwards, or on one level, could close a circle of servers that wait for each other.
        let is_below = layer.is_none_or(|layer| service.layer < layer) || cfg!(bite = "names-calls-upwards");
        if !is_below {
            return Err(Error::NoRights);
        }
        let handle = self.handles.copy_for(service.port, caller.0)?;
        Ok((Gift { handle, rights: Rights::SEND, is_given: true }, service.process))
    }

    /// Somebody serves the name from now on.
    fn set(&mut self, name: Name, service: Service) {
        self.given_up.remove(&name);
        if let Some(old) = self.services.insert(name, service)
            && old.is_own
        {
            self.handles.close(old.port);
        }
        let (asked, rest) = core::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|waiting| waiting.name == name);
        self.waiting = rest;
        for waiting in asked {
            match self.find(Caller(waiting.process), name, waiting.after) {
                Err(Error::WouldBlock) => self.waiting.push(waiting),
                found => self.answers.push(waiting.later.answer(found)),
            }
        }
    }

    fn process(&mut self, caller: Caller, process: u64) -> Result<&mut Process, Error> {
        if caller != INIT {
            return Err(Error::NoRights);
        }
        self.processes.get_mut(&process).ok_or(Error::BadHandle)
    }
}

impl<H: Handles> Names for Directory<H> {
    fn look_up(&mut self, caller: Caller, name: Name) -> Result<(Gift, u64), Error> {
        self.may_reach(caller, name)?;
        self.find(caller, name, 0)
    }

    fn wait(&mut self, caller: Caller, name: Name, after: u64, later: Later<(Gift, u64), Error>) {
        let may = self.may_reach(caller, name);
        let mine = self.waiting.iter().filter(|waiting| waiting.process == caller.0).count();
        let found = match may.and_then(|()| self.find(caller, name, after)) {
            Err(Error::WouldBlock) if self.given_up.contains(&name) => Err(Error::Aborted),
            Err(Error::WouldBlock) if mine < MOST_WAITING => {
                self.waiting.push(Waiting { name, process: caller.0, after, later });
                return;
            }
            Err(Error::WouldBlock) => Err(Error::Full),
            found => found,
        };
        self.answers.push(later.answer(found));
    }

    fn publish(&mut self, caller: Caller, name: Name, port: Gift) -> Result<(), Error> {
        let process = self.processes.get(&caller.0).filter(|process| process.serves.contains(&name));
        let Some(process) = process else {
            self.handles.close(port.handle);
            return Err(Error::NoRights);
        };
        let service = Service { process: caller.0, layer: process.layer, port: port.handle, is_own: true };
        self.set(name, service);
        Ok(())
    }

    fn admit(&mut self, caller: Caller, process: u64, layer: u8, port: Gift) -> Result<(), Error> {
        if caller != INIT || self.processes.contains_key(&process) {
            self.handles.close(port.handle);
            return Err(if caller == INIT { Error::Exists } else { Error::NoRights });
        }
        let (needs, serves) = (Vec::new(), Vec::new());
        self.processes.insert(process, Process { layer, port: port.handle, needs, serves });
        Ok(())
    }

    fn serves(&mut self, caller: Caller, process: u64, name: Name) -> Result<(), Error> {
        let number = process;
        let process = self.process(caller, number)?;
        process.serves.push(name);
        let service = Service { process: number, layer: process.layer, port: process.port, is_own: false };
        self.set(name, service);
        Ok(())
    }

    fn needs(&mut self, caller: Caller, process: u64, name: Name) -> Result<(), Error> {
        self.process(caller, process)?.needs.push(name);
        Ok(())
    }

    fn dismiss(&mut self, caller: Caller, process: u64) -> Result<(), Error> {
        let number = process;
        self.process(caller, number)?;
        let gone = self.services.extract_if(.., |_, service| service.process == number);
        for (_, service) in gone.filter(|(_, service)| service.is_own) {
            self.handles.close(service.port);
        }
        if let Some(process) = self.processes.remove(&number) {
            self.handles.close(process.port);
        }
        // Nobody is there to hear the answers.
        self.waiting.retain(|waiting| waiting.process != number);
        Ok(())
    }

    fn give_up(&mut self, caller: Caller, name: Name) -> Result<(), Error> {
        if caller != INIT {
            return Err(Error::NoRights);
        }
        self.given_up.insert(name);
        let gone = self.waiting.extract_if(.., |waiting| waiting.name == name);
        self.answers.extend(gone.map(|waiting| waiting.later.answer(Err(Error::Aborted))));
        Ok(())
    }
}
