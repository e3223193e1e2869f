//! What every machine has mounted, by the names of services: who takes the place of a server that has ended is mounted in its place.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use anax::handles;
use anax::log;
use anax_abi::{Error, Message, WORDS};
use anax_proto::{Gift, Gifts, Reply};
use anax_sys::object::Thread;
use anax_sys::{Port, Target};
use anax_system::{Name, NamesClient, processes};
use vfs::{Line, Step, Vfs};

use crate::machine::{Machine, SUCCESSOR};

/// Directories that every machine has.
const DIRECTORIES: [&str; 5] = ["/boot", "/dev", "/mnt", "/sys", "/tmp"];
/// What is mounted where, the root first.
const MOUNTS: [(Name, &str); 4] = [
    (Name::new("tmpfs"), "/"),
    (Name::new("bootfs"), "/boot"),
    (Name::new("devfs"), "/dev"),
    (Name::new("sysfs"), "/sys"),
];

/// What is told behind those: that the system ends.
const END: u64 = MOUNTS.len() as u64;

/// The file systems that are mounted, and whose successors are waited for.
pub(crate) struct Successors {
    port: Port,
    /// The generation of each that was mounted last.
    generations: [Cell<u64>; MOUNTS.len()],
}

impl Successors {
    /// Begins the tree that every machine has. The answers come to that port.
    pub(crate) fn build(vfs: &Rc<Vfs<Machine>>, port: Port) -> Result<Rc<Self>, Error> {
        let this = Rc::new(Self { port, generations: Default::default() });
        let mut steps = Vec::new();
        for ((service, path), generation) in MOUNTS.iter().zip(&this.generations) {
            let (gift, number) = anax::names()?.wait(*service, 0)?;
            generation.set(number);
            steps.push(Step::Mount(String::from(*path), gift));
            steps.extend(furniture(path));
        }
        vfs.begin(steps, complain);
        (0..MOUNTS.len()).try_for_each(|place| this.wait_for(place))?;
        this.wait_for_the_end()?;
        Ok(this)
    }

    /// Asks init to say when the system ends.
    fn wait_for_the_end(&self) -> Result<(), Error> {
        let init = anax::handle(handles::INIT).ok_or(Error::BadHandle)?;
        let message = Message { token: SUCCESSOR | END, ..Message::new(processes::FAREWELL, [0; WORDS]) };
        Target::from_handle(init).beginmsg(&message, self.port).map(drop)
    }

    /// Asks for the successor of what is mounted there.
    fn wait_for(&self, place: usize) -> Result<(), Error> {
        let (service, after) = (MOUNTS[place].0, self.generations[place].get());
        let mut names = NamesClient::over(Line::Asking);
        let _written = names.wait(service, after);
        let Line::Asked { command, words, .. } = names.transport() else { return Err(Error::BadArgument) };
        let message = Message { token: SUCCESSOR | place as u64, ..Message::new(*command, *words) };
        anax::names()?.transport().target().beginmsg(&message, self.port).map(drop)
    }

    /// Somebody is there, or never will be.
    pub(crate) fn came(
        self: &Rc<Self>,
        vfs: &Rc<Vfs<Machine>>,
        token: u64,
        answer: Result<(Reply, Gifts), Error>,
    ) {
        if token == SUCCESSOR | END {
            // What lasts now lasts, and what does not has been said to those who have asked. A refusal is no reason to end.
            match answer {
                Ok(_) => vfs.store_and(|| Thread::exit(0)),
                Err(error) => log::error!("nobody says when the system ends: {error}"),
            }
            return;
        }
        let place = (token & !SUCCESSOR) as usize;
        let Some((service, path)) = MOUNTS.get(place) else { return };
        let mut names = NamesClient::over(Line::Answered(answer));
        match names.wait(*service, 0) {
            Ok((gift, generation)) => self.mount(vfs, place, gift, generation),
            Err(Error::Aborted) => log::error!("{path}: there will be no {} any more", service.as_str()),
            Err(error) => self.ask_again(vfs, place, error),
        }
    }

    /// Mounts it, and waits for the next one.
    fn mount(self: &Rc<Self>, vfs: &Rc<Vfs<Machine>>, place: usize, gift: Gift, generation: u64) {
        self.generations[place].set(generation);
        let path = MOUNTS[place].1;
        let mut steps = vec![Step::Succeed(path.into(), gift)];
        steps.extend(furniture(path));
        let (this, last) = (self.clone(), steps.len());
        let mut done = 0;
        vfs.begin(steps, move |step, outcome| {
            complain(step, outcome);
            done += 1;
            if done == last
                && let Err(error) = this.wait_for(place)
            {
                log::error!("{path}: nobody says when there is a successor: {error}");
            }
        });
    }

    /// The names server may have ended over the question, and may know of a successor meanwhile.
    fn ask_again(self: &Rc<Self>, vfs: &Rc<Vfs<Machine>>, place: usize, error: Error) {
        let (service, path) = MOUNTS[place];
        let asked = match error {
            Error::PeerDied => anax::names().and_then(|mut names| names.look_up(service)),
            error => Err(error),
        };
        let outcome = match asked {
            Ok((gift, generation)) if generation > self.generations[place].get() => {
                return self.mount(vfs, place, gift, generation);
            }
            Ok((gift, _)) => {
                use vfs::Host as _;
                vfs.host().close(gift.handle);
                self.wait_for(place)
            }
            Err(Error::WouldBlock) => self.wait_for(place),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            log::error!("{path}: nobody says when there is a successor: {error}");
        }
    }
}

/// What belongs into a file system that is mounted there.
fn furniture(path: &str) -> Vec<Step> {
    if path != "/" {
        return Vec::new();
    }
    let directories = DIRECTORIES.map(|path| Step::Directory(path.into()));
    directories.into_iter().chain([Step::Link("/bin".into(), "/boot/bin".into())]).collect()
}

fn complain(step: &Step, outcome: Result<(), anax_files::Failure>) {
    if let Err(failure) = outcome {
        log::error!("{step:?}: {failure}");
    }
}
