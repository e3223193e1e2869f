//! The server's threads, one on each CPU, and the loop of each: requests, answers of file systems, ends of programs, other threads, and time.

use alloc::rc::Rc;
use alloc::vec::Vec;

use anax::log;
use anax::lwkt::{Prepared, lwkt_alloc_others};
use anax_abi::object::{Resource, notice, priority};
use anax_abi::{Error, Message, Rights, WORDS};
use anax_files::files::Serve;
use anax_proto::{Gift, Gifts, Reply};
use anax_service::serve_but_answer;
use anax_sys::object::{Space, Timer};
use anax_sys::{Instant, Port, Received, Target};
use vfs::{Crossbar, Limits, Server, Vfs};

use crate::machine::{self, Bell, Machine, Threads, WATCH, program_of};
use crate::successors::Successors;

/// Slots for handles that come with requests and answers.
const SLOTS: u32 = 64;
/// Threads beside the first, at most: as many as the manifest allows.
const OTHERS: usize = 7;
/// Bytes of a stack of theirs.
const STACK: u64 = 128 << 10;
/// Messages that all of them together can have under way: the other half of the manifest's is the first thread's. Some are for timers and bells, and one each for threads.
const REPLIES: u32 = 320 - 40;
/// And each of them, at most.
const MOST_REPLIES: u32 = 256;
/// What thread 0 sends to each other thread, which never answers but by its end.
const ARE_YOU_THERE: u32 = 0x2f01;

/// Serves for ever: ends with the first of its threads that ends.
pub(crate) fn run() -> Result<(), Error> {
    let port = anax::port()?;
    Space::SELF.post_slots(SLOTS)?;
    let others = lwkt_alloc_others(priority::SERVER, OTHERS, replies, STACK)?;
    let ports: Vec<Port> = core::iter::once(port).chain(others.iter().map(Prepared::port)).collect();
    // One that is alone has nobody to ring.
    let rung = if others.is_empty() { &[][..] } else { &ports[..] };
    let bells: Vec<_> = rung.iter().map(|port| Bell::new(*port)).collect::<Result<_, _>>()?;
    let threads = Threads { ports: ports.into(), crossbar: Crossbar::new(bells) };
    let limits = limits(threads.ports.len())?;
    let began = machine::began().unwrap_or(0);
    let replies = replies(others.len());
    for (number, thread) in (1..).zip(others) {
        let threads = threads.clone();
        let message = Message { token: WATCH, ..Message::new(ARE_YOU_THERE, [0; WORDS]) };
        Target::from_handle(thread.port().handle()).beginmsg(&message, port)?;
        // Half of its messages are for the ends of programs.
        let limits = Limits { sessions: limits.sessions.min(replies as usize / 2), ..limits };
        thread.start(move |port| {
            let machine = Machine::new(number, threads, port, began);
            let outcome = serve_another(machine, port, limits);
            log::error!("thread {number} has ended: {outcome:?}");
        })?;
    }
    let vfs = Vfs::new(Machine::new(0, threads, port, began), limits, keys());
    let successors = Successors::build(&vfs, port)?;
    serve(&vfs, port, Some(&successors))
}

/// Messages that each of so many other threads can have under way.
fn replies(others: usize) -> u32 {
    (REPLIES / (others as u32).max(1)).min(MOST_REPLIES)
}

/// Numbers that nobody can guess.
fn keys() -> (u64, u64) {
    let mut keys = [0; 16];
    anax::random::fill(&mut keys);
    let (words, _) = keys.as_chunks::<8>();
    (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
}

/// What a thread other than the first does.
fn serve_another(machine: Machine, port: Port, limits: Limits) -> Result<(), Error> {
    // The first message is thread 0's, which waits for the answer as long as this thread lives.
    let watch = port.waitport()?;
    debug_assert!(watch.command() == ARE_YOU_THERE);
    serve(&Vfs::new(machine, limits, keys()), port, None)
}

/// A thread's loop.
fn serve(vfs: &Rc<Vfs<Machine>>, port: Port, successors: Option<&Rc<Successors>>) -> Result<(), Error> {
    let mut server = Serve(Server(vfs.clone()));
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
            answered(vfs, &received, successors)?;
        } else if received.number.to_word() == 0 {
            match received.command() {
                notice::TIMER => {
                    clock.set_for = u64::MAX;
                    vfs.tick();
                }
                notice::RING => vfs.look(),
                _ => {}
            }
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

/// The caches of so many threads may have half of what this program may.
fn limits(threads: usize) -> Result<Limits, Error> {
    const PAGE: u64 = 4096;
    let pages = Space::SELF.usage(Resource::Pages)?;
    Ok(Limits {
        cache: pages.limit.saturating_sub(pages.used) / 2 / threads as u64 * PAGE,
        ..Limits::default()
    })
}

/// A file system has answered, or has a successor, or a program has ended; or a thread of this server has, and all of it with it.
fn answered(
    vfs: &Rc<Vfs<Machine>>,
    received: &Received,
    successors: Option<&Rc<Successors>>,
) -> Result<(), Error> {
    if received.badge == WATCH {
        return Err(Error::PeerDied);
    }
    if let Some(program) = program_of(received.badge) {
        vfs.left(program);
        return Ok(());
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
    match successors {
        Some(successors) if machine::is_successor(received.badge) => {
            successors.came(vfs, received.badge, answer);
        }
        _ => vfs.answered(received.badge, answer),
    }
    Ok(())
}
