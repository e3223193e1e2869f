//! The server's loop: requests, answers of file systems, ends of programs, and time.

use alloc::rc::Rc;
use alloc::vec;

use anax::log;
use anax_abi::object::{Resource, notice};
use anax_abi::{Error, Rights};
use anax_files::files::Serve;
use anax_proto::{Gift, Gifts, Reply};
use anax_service::serve_but_answer;
use anax_sys::object::{Space, Timer};
use anax_sys::{Instant, Port, Received};
use anax_system::Name;
use vfs::{Limits, Server, Step, Vfs};

use crate::machine::{Machine, program_of};

/// Slots for handles that come with requests and answers.
const SLOTS: u32 = 64;
/// Directories that every machine has.
const DIRECTORIES: [&str; 5] = ["/boot", "/dev", "/mnt", "/sys", "/tmp"];
/// What every machine has mounted there, by the names of their services.
const MOUNTS: [(&str, &str); 3] = [("bootfs", "/boot"), ("devfs", "/dev"), ("sysfs", "/sys")];

/// Serves for ever.
pub(crate) fn run() -> Result<(), Error> {
    let port = anax::port()?;
    Space::SELF.post_slots(SLOTS)?;
    let mut keys = [0; 16];
    anax::random::fill(&mut keys);
    let (words, _) = keys.as_chunks::<8>();
    let keys = (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]));
    let vfs = Vfs::new(Machine::new(port), limits()?, keys);
    let mut server = Serve(Server(vfs.clone()));
    build(&vfs)?;
    let mut clock = Clock::new(port)?;
    loop {
        vfs.run();
        clock.set(vfs.next_deadline())?;
        let received = match vfs.host().due() {
            Some((number, result, words)) => match port.replymsg_waitport(number, Ok(result), words) {
                // Whoever asked has gone.
                Err(Error::BadHandle) => continue,
                received => received?,
            },
            None => port.waitport()?,
        };
        if received.is_reply() {
            answered(&vfs, &received);
        } else if received.command() == notice::TIMER && received.number.to_word() == 0 {
            clock.set_for = u64::MAX;
            vfs.tick();
        } else if let Some((result, words)) = serve_but_answer(&mut server, &received) {
            vfs.host().leave((received.number, result, words));
        }
    }
}

/// A timer that sends to the server's port, so that no wait has a deadline: those without are the short way of messages.
struct Clock {
    timer: Timer,
    /// When it will send, or already has; [`u64::MAX`]: never.
    set_for: u64,
}

impl Clock {
    fn new(port: Port) -> Result<Self, Error> {
        Ok(Self { timer: Space::SELF.create_timer(port, 0)?, set_for: u64::MAX })
    }

    /// It sends then, or earlier.
    fn set(&mut self, deadline: Option<u64>) -> Result<(), Error> {
        let Some(deadline) = deadline.filter(|deadline| *deadline < self.set_for) else { return Ok(()) };
        self.set_for = deadline;
        self.timer.set(Instant::from_nanoseconds(deadline))
    }
}

/// The cache may have half of what this program may.
fn limits() -> Result<Limits, Error> {
    const PAGE: u64 = 4096;
    let pages = Space::SELF.usage(Resource::Pages)?;
    Ok(Limits { cache: pages.limit.saturating_sub(pages.used) / 2 * PAGE, ..Limits::default() })
}

/// Begins the tree that every machine has.
fn build(vfs: &Rc<Vfs<Machine>>) -> Result<(), Error> {
    let port = |service: &str| {
        let name: Name = service.parse().map_err(|_| Error::BadArgument)?;
        anax::names()?.wait(name, 0).map(|(port, _)| port)
    };
    let mut steps = vec![Step::Mount("/".into(), port("tmpfs")?)];
    steps.extend(DIRECTORIES.map(|path| Step::Directory(path.into())));
    for (service, path) in MOUNTS {
        steps.push(Step::Mount(path.into(), port(service)?));
    }
    steps.push(Step::Link("/bin".into(), "/boot/bin".into()));
    vfs.begin(steps, |step, outcome| {
        if let Err(failure) = outcome {
            log::error!("{step:?}: {failure}");
        }
    });
    Ok(())
}

/// A file system has answered, or a program has ended.
fn answered(vfs: &Rc<Vfs<Machine>>, received: &Received) {
    if let Some(program) = program_of(received.badge) {
        vfs.left(program);
        return;
    }
    let mut gifts = Gifts::NONE;
    let count = received.came.count();
    if count > 0 {
        // For those that come next.
        let _ = Space::SELF.post_slots(count.into());
        let came = received.came.all().unwrap_or_default();
        came.into_iter().flatten().for_each(|handle| gifts.push(Gift::copy(handle, Rights::ALL)));
    }
    let answer = match u64::try_from(received.result) {
        Ok(0) => Ok((Reply { code: 0, words: received.words, length: 0 }, gifts)),
        // A failure of the file system's own.
        Ok(result) => Ok((Reply::failed(-result.cast_signed()), gifts)),
        Err(_) => Err(Error::from_code(received.result)),
    };
    vfs.answered(received.badge, answer);
}
