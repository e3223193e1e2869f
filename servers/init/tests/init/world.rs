//! A kernel, a loader and names that only remember what was done to them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use anax_abi::{Error, Handle};
use anax_manifest::Manifest;
use anax_proto::Gift;
use anax_startup::{NamedHandle, Start};
use anax_system::Status;
use init::{Entry, Happened, Image, Load, System, Urgency};

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: u64,
    next: u64,
    /// Spaces that live, by number, and the program of each.
    pub(crate) alive: BTreeMap<u64, String>,
    pub(crate) started: Vec<(String, Start)>,
    /// Spaces whose first thread was started: the others answer nobody.
    begun: BTreeSet<u64>,
    /// Open handles of init's.
    pub(crate) handles: BTreeSet<u64>,
    /// Handles that were closed and had come from elsewhere.
    closed: BTreeSet<u64>,
    /// Processes that names knows.
    pub(crate) admitted: BTreeMap<u64, BTreeSet<u64>>,
    pub(crate) gone: Vec<String>,
    /// Who was said to serve what.
    pub(crate) served: Vec<(u64, String)>,
    /// Answers of the loader, and of names, that are errors: the next ones.
    pub(crate) loader_fails: Vec<Error>,
    pub(crate) names_fails: Vec<Error>,
    /// Spaces that were loaded half.
    half: BTreeSet<u64>,
    pub(crate) happened: BTreeMap<u64, Happened>,
    /// How somebody has ended who is asked.
    pub(crate) fate: Option<Status>,
    /// Those that run before all others.
    pub(crate) preferred: Vec<u64>,
    /// Those that are found at the CPU, and those that are not as urgent as their manifests say.
    pub(crate) works: BTreeSet<u64>,
    pub(crate) less_urgent: BTreeSet<u64>,
    pub(crate) lines: Vec<String>,
    pub(crate) finished: Option<Option<u8>>,
    pub(crate) ended: Vec<String>,
}

impl World {
    /// Handles that were closed since this was last asked, and had come from elsewhere.
    pub(crate) fn closed(&mut self) -> impl Iterator<Item = Handle> {
        std::mem::take(&mut self.closed).into_iter().map(Handle::from_word)
    }
}

/// A system over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake(pub(crate) Rc<RefCell<World>>);

impl Fake {
    fn number(&self) -> u64 {
        let mut world = self.0.borrow_mut();
        world.next += 1;
        world.next
    }

    pub(crate) fn handle(&self) -> Handle {
        let number = self.number();
        self.0.borrow_mut().handles.insert(number);
        Handle::from_word(number)
    }

    fn server(&self, of: u64, fails: fn(&mut World) -> &mut Vec<Error>) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        if !world.alive.contains_key(&of) {
            return Err(Error::PeerDied);
        }
        if !world.begun.contains(&of) {
            return Err(Error::TimedOut);
        }
        fails(&mut world).pop().map_or(Ok(()), Err)
    }
}

impl System for Fake {
    type Made = u64;

    fn now(&self) -> u64 {
        self.0.borrow().now
    }

    fn random(&mut self) -> u64 {
        self.number()
    }

    fn make(&mut self, manifest: &Manifest) -> Result<(u64, u64), Error> {
        let number = self.number();
        self.0.borrow_mut().alive.insert(number, manifest.name.clone());
        // Threads are numbered apart from spaces.
        Ok((number, number + 1000))
    }

    fn give(&mut self, _: u64, what: Gift) -> Result<Handle, Error> {
        if what.is_given {
            self.close(what.handle);
        }
        Ok(Handle::from_word(self.number() + 5000))
    }

    fn equip(
        &mut self,
        _: u64,
        process: u64,
        names: Option<u64>,
        manifest: &Manifest,
        start: &mut Start,
    ) -> Result<(), Error> {
        let mut push = |name: &str, number| {
            start.handles.push(NamedHandle { name: name.into(), handle: Handle::from_word(number) });
        };
        push("init", process);
        names.into_iter().for_each(|names| push("names", names));
        if manifest.name == "unfit" { Err(Error::BadArgument) } else { Ok(()) }
    }

    fn load(
        &mut self,
        made: u64,
        loader: Option<u64>,
        image: &Image,
        manifest: &Manifest,
    ) -> Result<Entry, Error> {
        match loader {
            None => assert_eq!(manifest.name, "loader"),
            Some(loader) => {
                if self.0.borrow().half.contains(&made) {
                    return Err(Error::Exists);
                }
                self.server(loader, |world| &mut world.loader_fails).inspect_err(|_| {
                    self.0.borrow_mut().half.insert(made);
                })?;
            }
        }
        match image {
            Image::Archive(name) if name == "broken" => Err(Error::BadArgument),
            _ => Ok(Entry::default()),
        }
    }

    fn unload(&mut self, made: u64) -> Result<(), Error> {
        self.0.borrow_mut().half.remove(&made);
        Ok(())
    }

    fn begin(&mut self, made: u64, _: Entry, start: &Start) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        assert!(world.alive.contains_key(&made));
        world.begun.insert(made);
        world.started.push((start.name.clone(), start.clone()));
        Ok(())
    }

    fn end(&mut self, made: u64) {
        let mut world = self.0.borrow_mut();
        let name = world.alive.remove(&made).expect("ended once");
        world.ended.push(name);
        world.admitted.remove(&made);
    }

    fn fate(&mut self, _: u64) -> Option<Status> {
        self.0.borrow().fate
    }

    fn load_of(&self, made: u64) -> Load {
        Load { pages: made, ..Load::default() }
    }

    fn account(&self) -> [u64; 4] {
        [0, self.0.borrow().handles.len() as u64, 0, 0]
    }

    fn look(&mut self, made: u64, _: u64) -> Happened {
        self.0.borrow().happened.get(&made).copied().unwrap_or(Happened::Progress)
    }

    fn waits(&self, made: u64) -> bool {
        !self.0.borrow().works.contains(&made)
    }

    fn set_urgency(&mut self, made: u64, _: &Manifest, urgency: Urgency) {
        let mut world = self.0.borrow_mut();
        match urgency {
            Urgency::Less => world.less_urgent.insert(made),
            Urgency::Own => world.less_urgent.remove(&made),
            Urgency::Utmost => false,
        };
        world.preferred.retain(|preferred| *preferred != made);
        if urgency == Urgency::Utmost {
            world.preferred.push(made);
        }
    }

    fn port_for(&mut self, _: u64, _: u64) -> Result<Handle, Error> {
        Ok(self.handle())
    }

    fn space_of(&mut self, _: u64) -> Result<Handle, Error> {
        Ok(self.handle())
    }

    fn copy(&mut self, handle: Handle) -> Result<Handle, Error> {
        let word = handle.to_word();
        // One of its own, or one that came from elsewhere.
        assert!(self.0.borrow().handles.contains(&word) || word > self.0.borrow().next);
        Ok(self.handle())
    }

    fn close(&mut self, handle: Handle) {
        let mut world = self.0.borrow_mut();
        let is_known = world.handles.remove(&handle.to_word());
        assert!(is_known || world.closed.insert(handle.to_word()), "closed once");
    }

    fn admit(&mut self, names: u64, _: u64, process: u64, manifest: &Manifest) -> Result<(), Error> {
        self.server(names, |world| &mut world.names_fails)?;
        self.0.borrow_mut().served.extend(manifest.provides.iter().map(|name| (process, name.clone())));
        self.0.borrow_mut().admitted.entry(names).or_default().insert(process);
        Ok(())
    }

    fn dismiss(&mut self, names: u64, process: u64, gone: &[String]) -> Result<(), Error> {
        self.server(names, |world| &mut world.names_fails)?;
        let mut world = self.0.borrow_mut();
        world.admitted.entry(names).or_default().remove(&process);
        world.gone.extend_from_slice(gone);
        Ok(())
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        self.0.borrow_mut().lines.push(line.to_string());
    }

    fn finish(&mut self, status: Option<u8>) {
        self.0.borrow_mut().finished = Some(status);
    }
}
