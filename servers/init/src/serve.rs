//! What may be asked of init.

use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_abi::{Error, Rights};
use anax_manifest::{Capability, Layer, Manifest, Start};
use anax_proto::{Caller, Gift, Later};
use anax_startup::handles::{STDERR, STDIN, STDOUT};
use anax_startup::{MOST_ARGUMENTS, MOST_VARIABLES, NamedHandle};
use anax_system::{Condition, KILLED, Name, Processes, Report, Status};

use crate::init::{Init, NAMES};
use crate::process::{Image, Process};
use crate::system::System;

/// Handles that a program may keep.
const MOST_KEPT: usize = 256;
/// Handles that a process may be given.
const MOST_GIVEN: usize = 48;
/// Those that can wait for the end of one process.
pub const MOST_WAITING: usize = 16;
/// Reports that fit into one answer.
const REPORTS: usize = 32;
/// The longest name of a handle, in bytes.
const LONGEST: usize = 255;
/// Bytes of all that a process is told, arguments and environment: half of what a start area has.
const MOST_TOLD: usize = 32 << 10;

impl<S: System> Init<S> {
    /// A process that `caller` has prepared.
    fn own(&mut self, caller: Caller, process: u64) -> Result<&mut Process<S::Made>, Error> {
        self.processes.get_mut(&process).filter(|process| process.maker == caller.0).ok_or(Error::BadHandle)
    }

    /// A process that `caller` may end or wait for.
    fn charge(&self, caller: Caller, process: u64) -> Result<(), Error> {
        match self.processes.get(&process) {
            None => Err(Error::BadHandle),
            Some(process) if process.maker == caller.0 => Ok(()),
            Some(_) => self.can(caller.0, &Capability::Kill),
        }
    }

    /// Whether a program may come that the archive does not have: a driver that reaches nothing but what it is given, and takes nobody's place.
    fn may_come(&self, manifest: &Manifest) -> Result<(), Error> {
        manifest.check().map_err(|_| Error::BadArgument)?;
        let is_driver = manifest.layer == Layer::Driver && manifest.capabilities.is_empty();
        if !is_driver && cfg!(not(bite = "init-takes-any-file")) {
            return Err(Error::NoRights);
        }
        let mut known = self.manifests.values();
        let is_taken = known.any(|known| {
            let is_like_it = known.layer == Layer::Driver && known.start == Start::Demand;
            let meets = known.name == manifest.name
                || known.provides.iter().any(|service| manifest.provides.contains(service));
            meets && !is_like_it
        });
        if is_taken { Err(Error::Exists) } else { Ok(()) }
    }

    /// The key for what a process keeps: its program's, so that its successor finds it.
    fn place(&self, caller: Caller, number: u64) -> Result<(String, u64), Error> {
        self.can(caller.0, &Capability::Keep)?;
        let process = self.processes.get(&caller.0).ok_or(Error::NoRights)?;
        Ok((process.manifest.name.clone(), number))
    }
}

impl<S: System> Processes for Init<S> {
    fn prepare(&mut self, caller: Caller, name: Name) -> Result<u64, Error> {
        self.can(caller.0, &Capability::Spawn)?;
        self.prepare_for(caller.0, name.as_str(), Image::Archive(name.to_string()))
    }

    fn prepare_file(
        &mut self,
        caller: Caller,
        manifest: Manifest,
        file: Gift,
        bytes: u64,
    ) -> Result<u64, Error> {
        let can = self.can(caller.0, &Capability::Spawn).and_then(|()| self.may_come(&manifest));
        let image = Image::Region(file.handle, bytes);
        let prepared = can.and_then(|()| self.prepare_with(caller.0, Rc::new(manifest), image));
        if prepared.is_err() {
            self.system.close(file.handle);
        }
        prepared
    }

    fn give(&mut self, caller: Caller, process: u64, name: &str, what: Gift) -> Result<(), Error> {
        let own = self.own(caller, process).ok().filter(|process| {
            let fits = process.given.len() < MOST_GIVEN && name.len() <= LONGEST;
            fits && process.condition == Condition::Prepared
        });
        let Some(made) = own.and_then(|process| process.made) else {
            self.system.close(what.handle);
            return Err(Error::BadHandle);
        };
        let handle = self.system.give(made, Gift { is_given: true, ..what })?;
        self.own(caller, process)?.given.push(NamedHandle { name: name.to_string(), handle });
        Ok(())
    }

    fn give_streams(
        &mut self,
        caller: Caller,
        process: u64,
        stdin: Gift,
        stdout: Gift,
        stderr: Gift,
    ) -> Result<(), Error> {
        // Each is tried, so that none of the handles stays here.
        let given = [(STDIN, stdin), (STDOUT, stdout), (STDERR, stderr)]
            .map(|(name, what)| self.give(caller, process, name, what));
        given.into_iter().collect()
    }

    fn tell(
        &mut self,
        caller: Caller,
        process: u64,
        arguments: Vec<String>,
        environment: Vec<String>,
    ) -> Result<(), Error> {
        let process = self.own(caller, process)?;
        if process.condition != Condition::Prepared {
            return Err(Error::BadHandle);
        }
        let all = [&process.arguments, &process.environment, &arguments, &environment];
        let bytes: usize = all.into_iter().flatten().map(String::len).sum();
        let fits = bytes <= MOST_TOLD
            && process.arguments.len() + arguments.len() <= MOST_ARGUMENTS
            && process.environment.len() + environment.len() <= MOST_VARIABLES;
        if !fits {
            return Err(Error::Full);
        }
        process.arguments.extend(arguments);
        process.environment.extend(environment);
        Ok(())
    }

    fn start(&mut self, caller: Caller, process: u64, arguments: Vec<String>) -> Result<(), Error> {
        self.tell(caller, process, arguments, Vec::new())?;
        self.run(process)
    }

    fn port(&mut self, caller: Caller, process: u64) -> Result<Gift, Error> {
        let made = self.own(caller, process)?.made.ok_or(Error::PeerDied)?;
        let handle = self.system.port_for(made, caller.0)?;
        // It may pass it on: to a successor of its own.
        Ok(Gift { handle, rights: Rights::SEND.with(Rights::GRANT), is_given: true })
    }

    fn wait(&mut self, caller: Caller, process: u64, later: Later<Status, Error>) {
        let condition = self.charge(caller, process).map(|()| self.processes[&process].condition);
        let answer = match condition {
            Err(error) => Err(error),
            Ok(Condition::Ended(status) | Condition::Waits(status)) => Ok(status),
            Ok(Condition::Prepared | Condition::Runs) => {
                let Some(process) = self.processes.get_mut(&process) else { return };
                let is_full =
                    process.waiting.len() >= MOST_WAITING && cfg!(not(bite = "init-waiters-pile-up"));
                // Whoever has asked first is the likeliest to have died over it.
                let first = is_full.then(|| process.waiting.remove(0));
                process.waiting.push(later);
                self.answers.extend(first.map(|first| first.answer(Err(Error::Aborted))));
                return;
            }
        };
        self.answers.push(later.answer(answer));
        if matches!(condition, Ok(Condition::Ended(_))) {
            self.drop_record(process);
        }
    }

    fn kill(&mut self, caller: Caller, process: u64) -> Result<(), Error> {
        self.charge(caller, process)?;
        self.over(process, KILLED);
        Ok(())
    }

    fn entrust(&mut self, caller: Caller, process: u64, service: Name) -> Result<(), Error> {
        if self.own(caller, process)?.condition != Condition::Runs {
            return Err(Error::BadHandle);
        }
        let keeper = self.server_of(service.as_str()).ok_or(Error::BadArgument)?;
        let process = self.own(caller, process)?;
        (process.maker, process.is_entrusted) = (keeper, true);
        Ok(())
    }

    fn start_service(&mut self, caller: Caller, name: Name) -> Result<u64, Error> {
        self.can(caller.0, &Capability::Kill)?;
        self.begin_service(name.as_str())
    }

    fn stop_service(&mut self, caller: Caller, name: Name) -> Result<(), Error> {
        self.can(caller.0, &Capability::Kill)?;
        self.end_service(name.as_str())
    }

    fn space(&mut self, caller: Caller, process: u64) -> Result<Gift, Error> {
        self.can(caller.0, &Capability::Debug)?;
        if process == caller.0 {
            return Err(Error::BadArgument);
        }
        let made = self.processes.get(&process).ok_or(Error::BadHandle)?.made.ok_or(Error::PeerDied)?;
        let handle = self.system.space_of(made)?;
        Ok(Gift { handle, rights: Rights::SEND.with(Rights::CONTROL), is_given: true })
    }

    fn list(&mut self, _: Caller, after: u64) -> Result<Vec<Report>, Error> {
        let all = self.processes.range(after.saturating_add(1)..).take(REPORTS);
        Ok(all
            .map(|(number, process)| {
                let load = process.made.map(|made| self.system.load_of(made)).unwrap_or_default();
                Report {
                    process: *number,
                    name: process.manifest.name.clone(),
                    condition: process.condition,
                    restarts: process.restarts.count(),
                    pages: load.pages,
                    handles: load.handles,
                    time_ns: load.time_ns,
                    waiting: load.waiting,
                    threads: load.threads,
                    sent: load.sent,
                }
            })
            .collect())
    }

    fn account(&mut self) -> Result<[u64; 4], Error> {
        Ok(self.system.account())
    }

    fn names(&mut self, caller: Caller) -> Result<Gift, Error> {
        let (_, made) = self.running(NAMES).ok_or(Error::WouldBlock)?;
        let handle = self.system.port_for(made, caller.0).map_err(|error| match error {
            // It has died, and that is not told yet.
            Error::BadHandle => Error::WouldBlock,
            other => other,
        })?;
        Ok(Gift { handle, rights: Rights::SEND, is_given: true })
    }

    fn keep(&mut self, caller: Caller, number: u64, what: Gift) -> Result<(), Error> {
        let place = self.place(caller, number);
        let own =
            place.as_ref().map_or(0, |place| self.kept.keys().filter(|(name, _)| *name == place.0).count());
        match place {
            Ok(place) if own < MOST_KEPT || self.kept.contains_key(&place) => {
                if let Some(old) = self.kept.insert(place, what.handle) {
                    self.system.close(old);
                }
                Ok(())
            }
            refused => {
                self.system.close(what.handle);
                Err(refused.err().unwrap_or(Error::Full))
            }
        }
    }

    fn kept(&mut self, caller: Caller, number: u64) -> Result<Gift, Error> {
        let place = self.place(caller, number)?;
        let handle = *self.kept.get(&place).ok_or(Error::WouldBlock)?;
        Ok(Gift::given(self.system.copy(handle)?))
    }

    fn forget(&mut self, caller: Caller, number: u64) -> Result<(), Error> {
        let place = self.place(caller, number)?;
        if let Some(handle) = self.kept.remove(&place) {
            self.system.close(handle);
        }
        Ok(())
    }

    fn farewell(&mut self, caller: Caller, later: Later<(), Error>) {
        let lives = self.processes.get(&caller.0).is_some_and(|process| process.made.is_some());
        let old = if lives { self.farewells.insert(caller.0, Some(later)).flatten() } else { Some(later) };
        self.answers.extend(old.map(|old| old.answer(Err(Error::Aborted))));
    }

    fn power_off(&mut self, caller: Caller, status: u8, later: Later<(), Error>) {
        self.end_for(caller, Some(status), later);
    }

    fn reboot(&mut self, caller: Caller, later: Later<(), Error>) {
        self.end_for(caller, None, later);
    }
}
