//! All processes.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_abi::{Error, Handle};
use anax_manifest::{Capability, Layer, Manifest, Restarts, Verdict};
use anax_proto::{Answered, Later};
use anax_startup::{Seed, Start};
use anax_system::{Condition, HUNG, KILLED, Status};

use crate::ending::Ending;
use crate::process::{Image, Process};
use crate::share::{Share, Urgency};
use crate::system::{Entry, Happened, System};

/// The program that loads all others.
pub const LOADER: &str = "loader";
/// The program that knows who serves what.
pub const NAMES: &str = "names";

/// Processes that there can be, those included that have ended and whose end nobody has asked for.
const MOST: usize = 1024;
/// How often those are looked at that must not hang, in nanoseconds.
const LOOK: u64 = 50_000_000;
/// How long one that seems to hang is preferred to all others, in nanoseconds: who still does not get on then, hangs.
const PROOF: u64 = 2 * LOOK;

/// Everything that init knows.
#[derive(Debug)]
pub struct Init<S: System> {
    pub(crate) system: S,
    pub(crate) manifests: BTreeMap<String, Rc<Manifest>>,
    pub(crate) processes: BTreeMap<u64, Process<S::Made>>,
    /// What outlives its process, by its program and the number that it has chosen.
    pub(crate) kept: BTreeMap<(String, u64), Handle>,
    pub(crate) answers: Vec<Answered>,
    next: u64,
    looked: u64,
    /// Who is preferred because he seems to hang, and how long he was seen to run meanwhile: one at a time, or they would take the CPU from each other.
    suspect: Option<(u64, u64)>,
    /// Who wants to be told before all ends, or was.
    pub(crate) farewells: BTreeMap<u64, Option<Later<(), Error>>>,
    /// All ends.
    pub(crate) ending: Option<Ending>,
}

impl<S: System> Init<S> {
    /// Nothing runs yet.
    pub fn new(system: S, manifests: Vec<Manifest>) -> Self {
        let named = manifests.into_iter().map(|manifest| (manifest.name.clone(), Rc::new(manifest)));
        let looked = system.now();
        Self {
            system,
            manifests: named.collect(),
            processes: BTreeMap::new(),
            kept: BTreeMap::new(),
            answers: Vec::new(),
            next: 1,
            looked,
            suspect: None,
            farewells: BTreeMap::new(),
            ending: None,
        }
    }

    /// Starts the loader, names, and then what else `order` lists, in its order. What does not start is said in the log.
    pub fn boot(&mut self, order: &[String]) {
        let first = [LOADER, NAMES];
        let others = order.iter().map(String::as_str).filter(|name| !first.contains(name));
        for name in first.into_iter().chain(others) {
            let image = Image::Archive(name.to_string());
            let begun = self.prepare_for(0, name, image).and_then(|process| self.run(process));
            if let Err(error) = begun {
                self.system.say(format_args!("{name} does not start: {error}"));
            }
        }
    }

    /// What init is asked through.
    pub const fn system(&mut self) -> &mut S {
        &mut self.system
    }

    /// Answers to those who have waited; to be sent after whatever happened.
    pub fn answers(&mut self) -> Vec<Answered> {
        core::mem::take(&mut self.answers)
    }

    /// Whether a process may do that. Init itself has no badge and asks nobody.
    pub(crate) fn can(&self, process: u64, what: &Capability) -> Result<(), Error> {
        let may = |process: &Process<S::Made>| process.manifest.capabilities.contains(what);
        if self.processes.get(&process).is_some_and(may) { Ok(()) } else { Err(Error::NoRights) }
    }

    /// The running process of a program that there is one of. One that is being started answers nobody yet.
    pub(crate) fn running(&self, name: &str) -> Option<(u64, S::Made)> {
        let of = |(number, process): (&u64, &Process<S::Made>)| {
            let runs = process.condition == Condition::Runs || cfg!(bite = "init-asks-too-early");
            process
                .made
                .filter(|_| runs && process.manifest.name == name && process.maker == 0)
                .map(|made| (*number, made))
        };
        self.processes.iter().find_map(of)
    }

    /// Makes a process that is not started yet.
    pub(crate) fn prepare_for(&mut self, maker: u64, name: &str, image: Image) -> Result<u64, Error> {
        let manifest = self.manifests.get(name).cloned().ok_or(Error::BadArgument)?;
        self.prepare_with(maker, manifest, image)
    }

    /// The same under a manifest that need not be the archive's.
    pub(crate) fn prepare_with(
        &mut self,
        maker: u64,
        manifest: Rc<Manifest>,
        image: Image,
    ) -> Result<u64, Error> {
        if self.processes.len() >= MOST {
            return Err(Error::Full);
        }
        let restarts = Restarts::new(manifest.restart);
        self.make(Process {
            made: None,
            thread: 0,
            manifest,
            image,
            maker,
            arguments: Vec::new(),
            environment: Vec::new(),
            given: Vec::new(),
            condition: Condition::Prepared,
            waiting: Vec::new(),
            restarts,
            due: None,
            is_stopped: false,
            is_entrusted: false,
            stuck: 0,
            share: Share::default(),
        })
    }

    fn make(&mut self, mut process: Process<S::Made>) -> Result<u64, Error> {
        let (made, thread) = self.system.make(&process.manifest)?;
        (process.made, process.thread, process.condition) = (Some(made), thread, Condition::Prepared);
        let number = self.next;
        self.next += 1;
        self.processes.insert(number, process);
        Ok(number)
    }

    /// Starts a process that is prepared.
    pub(crate) fn run(&mut self, number: u64) -> Result<(), Error> {
        let process = self.processes.get_mut(&number).ok_or(Error::BadHandle)?;
        let made =
            process.made.filter(|_| process.condition == Condition::Prepared).ok_or(Error::BadHandle)?;
        let begun = self.begin(number, made);
        match begun {
            Ok(()) => {
                let process = self.processes.get_mut(&number).ok_or(Error::BadHandle)?;
                process.condition = Condition::Runs;
                if process.manifest.name == NAMES && process.maker == 0 {
                    self.admit_all();
                }
            }
            Err(error) => self.over(number, error.code().cast_unsigned()),
        }
        begun
    }

    fn begin(&mut self, number: u64, made: S::Made) -> Result<(), Error> {
        let entry = self.load(number, made)?;
        let mut seed = [0; 32];
        for word in seed.as_chunks_mut().0 {
            *word = self.system.random().to_le_bytes();
        }
        let process = self.processes.get(&number).ok_or(Error::BadHandle)?;
        let manifest = Rc::clone(&process.manifest);
        let mut start = Start {
            process: number,
            name: manifest.name.clone(),
            arguments: process.arguments.clone(),
            environment: process.environment.clone(),
            seed: Seed(seed),
            handles: process.given.clone(),
        };
        let names = self.running(NAMES).filter(|(names, _)| *names != number);
        self.system.equip(made, number, names.map(|(_, made)| made), &manifest, &mut start)?;
        if names.is_some() {
            self.admit(number);
        }
        self.system.begin(made, entry, &start)
    }

    /// Loads a process's program, by a fresh loader if the one that runs does not do it.
    fn load(&mut self, number: u64, made: S::Made) -> Result<Entry, Error> {
        let process = self.processes.get(&number).ok_or(Error::BadHandle)?;
        let (manifest, image) = (Rc::clone(&process.manifest), process.image.clone());
        if manifest.name == LOADER && process.maker == 0 {
            return self.system.load(made, None, &image, &manifest);
        }
        for _ in 0..2 {
            if self.running(LOADER).is_none() {
                self.replace(LOADER)?;
            }
            let (loader, loader_made) = self.running(LOADER).ok_or(Error::PeerDied)?;
            match self.system.load(made, Some(loader_made), &image, &manifest) {
                Err(error @ (Error::PeerDied | Error::TimedOut)) => {
                    self.failed(loader, loader_made, error);
                    // Its successor begins with nothing.
                    if cfg!(not(bite = "init-keeps-halves")) {
                        self.system.unload(made)?;
                    }
                }
                loaded => return loaded,
            }
        }
        Err(Error::PeerDied)
    }

    /// A server has not answered init: it has died over it, or is ended now.
    fn failed(&mut self, number: u64, made: S::Made, error: Error) {
        let fate = if error == Error::TimedOut { None } else { self.system.fate(made) };
        self.over(number, fate.unwrap_or(HUNG));
    }

    /// Starts the successor of a program now that is to be started again later, because somebody needs it.
    fn replace(&mut self, name: &str) -> Result<(), Error> {
        let waits = |(number, process): (&u64, &Process<S::Made>)| {
            (process.due.is_some() && process.manifest.name == name && process.maker == 0).then_some(*number)
        };
        let number = self.processes.iter().find_map(waits).ok_or(Error::PeerDied)?;
        self.restart(number).map(|_number| ())
    }

    /// A process that has ended gets a successor, with a number of its own.
    pub(crate) fn restart(&mut self, number: u64) -> Result<u64, Error> {
        let Some(mut process) = self.processes.remove(&number) else { return Err(Error::BadHandle) };
        process.due = None;
        (process.stuck, process.share) = (0, Share::default());
        let next = self.make(process)?;
        self.run(next).map(|()| next)
    }

    /// Names is told of a process. If it can't be told, its successor will be.
    fn admit(&mut self, number: u64) {
        let Some((names, names_made)) = self.running(NAMES) else { return };
        let Some(process) = self.processes.get(&number) else { return };
        let (Some(made), mut manifest) = (process.made, Rc::clone(&process.manifest)) else { return };
        if !self.may_serve(number) {
            Rc::make_mut(&mut manifest).provides.clear();
        }
        if let Err(error) = self.system.admit(names_made, made, number, &manifest) {
            self.system.say(format_args!("names does not take process {number}: {error}"));
            self.failed(names, names_made, error);
        }
    }

    /// Whether a process serves what its manifest says. A second one of the same program does not: whoever may start programs must not take the place
    /// of a server that others have found.
    fn may_serve(&self, number: u64) -> bool {
        let Some(process) = self.processes.get(&number) else { return false };
        let is_earlier = |(other, known): (&u64, &Process<S::Made>)| {
            *other < number
                && known.manifest.name == process.manifest.name
                && (known.made.is_some() || known.due.is_some())
        };
        // Drivers of one program serve one device each, and a successor stands by while its predecessor serves.
        let is_first = process.manifest.layer == Layer::Driver || !self.processes.iter().any(is_earlier);
        is_first || cfg!(bite = "init-second-serves")
    }

    /// A successor of names is told of all processes.
    fn admit_all(&mut self) {
        let runs: Vec<u64> = self
            .processes
            .iter()
            .filter(|(_, process)| process.made.is_some())
            .map(|(number, _)| *number)
            .collect();
        runs.into_iter().for_each(|number| self.admit(number));
    }

    /// The thread of that number has ended, or is to: its process is over.
    pub fn exited(&mut self, thread: u64, status: Status) {
        let of = |(number, process): (&u64, &Process<S::Made>)| {
            (process.made.is_some() && process.thread == thread).then_some(*number)
        };
        if let Some(number) = self.processes.iter().find_map(of) {
            self.over(number, status);
        }
    }

    /// A process ends with that status: whoever waits is told, and its program is started again if that is its policy.
    pub(crate) fn over(&mut self, number: u64, status: Status) {
        let now = self.system.now();
        let served = self.may_serve(number);
        let Some(process) = self.processes.get_mut(&number) else { return };
        let Some(made) = process.made.take() else { return };
        self.suspect = self.suspect.filter(|(suspect, _)| *suspect != number);
        let waiting = core::mem::take(&mut process.waiting);
        let was_told = !waiting.is_empty();
        self.answers.extend(waiting.into_iter().map(|later| later.answer(Ok(status))));
        let is_entrusted = process.is_entrusted;
        let may_restart =
            process.is_restartable() && process.maker == 0 && !process.is_stopped && self.ending.is_none();
        let verdict = if may_restart { process.restarts.ended(status, now) } else { Verdict::Stop };
        let (manifest, maker) = (Rc::clone(&process.manifest), process.maker);
        (process.condition, process.due) = match verdict {
            Verdict::At(at) => (Condition::Waits(status), Some(at)),
            Verdict::Stop | Verdict::GiveUp => (Condition::Ended(status), None),
        };
        self.system.end(made);
        // What was ended on purpose is no news.
        // Neither is a status that a program has chosen, to whoever has started it.
        let is_wanted = status == KILLED && (maker != 0 || process.is_stopped);
        let is_news = status != 0 && !is_wanted && !(maker != 0 && status <= u8::MAX.into());
        if is_news || verdict == Verdict::GiveUp {
            let then = match verdict {
                Verdict::At(_) => "starts again",
                Verdict::Stop => "stays down",
                Verdict::GiveUp => "has ended too often and stays down",
            };
            self.system
                .say(format_args!("{} (process {number}) ended with {status:#x} and {then}", manifest.name));
        }
        if let Some((names, names_made)) = self.running(NAMES) {
            // Whether a driver has a successor is the business of who looks after its device.
            let is_driver = manifest.layer == Layer::Driver && maker != 0;
            let comes_again =
                matches!(verdict, Verdict::At(_)) || is_driver && cfg!(not(bite = "init-gives-drivers-up"));
            let gone = if comes_again || !served { &[][..] } else { &manifest.provides[..] };
            if let Err(error) = self.system.dismiss(names_made, number, gone) {
                self.system.say(format_args!("names does not let process {number} go: {error}"));
                self.failed(names, names_made, error);
            }
        }
        // Its maker asks for its end, or is gone.
        let is_asked_for = maker != 0
            && !was_told
            && !(is_entrusted && cfg!(not(bite = "init-keeps-the-entrusted")))
            && self.processes.get(&maker).is_some_and(|maker| maker.made.is_some());
        if !matches!(verdict, Verdict::At(_)) && !is_asked_for {
            self.drop_record(number);
        }
        self.end_children(number, maker == 0);
        self.has_said_farewell(number);
    }

    pub(crate) fn drop_record(&mut self, number: u64) {
        let Some(process) = self.processes.remove(&number) else { return };
        if let Image::Region(handle, _) = process.image {
            self.system.close(handle);
        }
    }

    /// What a process has started ends with it, but for drivers at work, whose devices are another's business: that of the process's successor, if init
    /// starts one. Anybody else who starts a driver has no such device.
    fn end_children(&mut self, maker: u64, has_successor: bool) {
        let of = |process: &Process<S::Made>| process.maker == maker && maker != 0;
        let stays = |process: &Process<S::Made>| {
            let is_at_work = process.condition == Condition::Runs && has_successor;
            process.manifest.layer == Layer::Driver && (is_at_work || cfg!(bite = "init-leaves-drivers"))
        };
        let all = self.processes.iter().filter(|(_, process)| of(process));
        let (ended, running): (Vec<_>, Vec<_>) = all
            .map(|(number, process)| (*number, process.made, stays(process)))
            .partition(|(_, made, _)| made.is_none());
        ended.into_iter().for_each(|(number, ..)| self.drop_record(number));
        for (number, _, stays) in running {
            if !stays {
                self.over(number, KILLED);
            }
        }
    }

    /// Starts what is due, and looks at those that must not hang; when to come again at the latest, in nanoseconds since boot.
    pub fn tick(&mut self) -> Option<u64> {
        let now = self.system.now();
        let until = self.tick_of_the_end(now);
        let due = |process: &Process<S::Made>| process.due.is_some_and(|due| due <= now);
        let all: Vec<u64> =
            self.processes.iter().filter(|(_, process)| due(process)).map(|(number, _)| *number).collect();
        for number in all {
            if let Err(error) = self.restart(number) {
                self.system.say(format_args!("process {number} does not start again: {error}"));
            }
        }
        if now >= self.looked + LOOK {
            self.look(now);
        }
        let is_watched = |process: &Process<S::Made>| process.made.is_some() && process.manifest.hang_ms > 0;
        let look = self.processes.values().any(is_watched).then_some(self.looked + LOOK);
        self.processes.values().filter_map(|process| process.due).chain(look).chain(until).min()
    }

    fn look(&mut self, now: u64) {
        // Whoever looks late has seen nothing of what was between.
        let passed = (now - self.looked).min(2 * LOOK);
        self.looked = now;
        let mut hung = None;
        for (number, process) in &mut self.processes {
            let Some(made) = process.made.filter(|_| process.manifest.hang_ms > 0) else { continue };
            let happened = self.system.look(made, *number);
            match happened {
                Happened::Progress => process.stuck = 0,
                Happened::Runnable => process.stuck += passed,
                Happened::Waited => {}
            }
            let is_driver = process.manifest.layer == Layer::Driver;
            if let Some(urgency) = is_driver.then(|| process.share.look(self.system.waits(made))).flatten() {
                self.system.set_urgency(made, &process.manifest, urgency);
                if urgency == Urgency::Less {
                    let name = &process.manifest.name;
                    self.system.say(format_args!(
                        "{name} (process {number}) keeps the CPU to itself: it is as urgent as a program"
                    ));
                }
            }
            let seems_to = process.stuck >= u64::from(process.manifest.hang_ms) * 1_000_000;
            match &mut self.suspect {
                Some((suspect, ran)) if suspect == number => {
                    if happened == Happened::Runnable {
                        *ran += passed;
                        hung = hung.or((*ran >= PROOF).then_some(*number));
                    } else {
                        self.suspect = None;
                        self.system.set_urgency(made, &process.manifest, process.share.urgency());
                    }
                }
                // It may have had no CPU all the time: it gets it now.
                None if seems_to && cfg!(not(bite = "init-judges-the-starved")) => {
                    self.suspect = Some((*number, 0));
                    self.system.set_urgency(made, &process.manifest, Urgency::Utmost);
                }
                None if seems_to => hung = Some(*number),
                _ => {}
            }
        }
        if let Some(number) = hung {
            let name = self.processes.get(&number).map_or("", |process| process.manifest.name.as_str());
            self.system.say(format_args!("{name} (process {number}) hangs"));
            self.over(number, HUNG);
        }
    }
}
