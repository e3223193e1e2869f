//! The ends of a message under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p microkernel-core --release --test messages_loom --target-dir target/loom`.
//!
//! The kernel's ports need its threads and spaces, which no host has. So this is a model of their protocol, not their code: in small, under
//! the names of the kernel's `msg/transfer.rs`, over the crossbar's real rings. A message belongs to one CPU at a time, its home, which alone
//! touches its cells and alone ends it. The model checker tells of any two CPUs that touch a cell without the crossbar between them. What is
//! shared without it is two words, and their order is what these models are about:
//!
//! - whoever hands a message on, on its way back too, writes its cells, *then* its home;
//! - whoever is asked for it reads its home, *then* its generation: one who sees a later use's home sees its generation, too.
//!
//! The broken variants are the other orders. Those that the kernel still has are among the README's limits.
#![cfg(loom)]

use loom::cell::Cell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use microkernel_core::crossbar::{Attention, Class, Doorbell, Entry, Ring};

/// The sender's CPU, the first port's, and that of a port to which the message is forwarded.
const SENDER: usize = 0;
const HOME: usize = 1;
const OTHER: usize = 2;
const CPUS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Transit,
    Queued,
    Held,
    Returning,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Reply,
    Aborted,
    TimedOut,
    PeerDied,
}

/// What one CPU asks of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Arrive,
    Ended,
    Abort,
    TimeOut,
    Withdraw,
}

const CALLS: [Call; 5] = [Call::Arrive, Call::Ended, Call::Abort, Call::TimeOut, Call::Withdraw];

/// The message; its cells belong to its home's CPU.
struct Message {
    generation: AtomicU32,
    home: AtomicU32,
    state: Cell<State>,
    cancelled: Cell<Option<Ending>>,
    aborting: Cell<bool>,
    ending: Cell<Option<Ending>>,
}

/// What the CPUs share, and what each has noted: `told` and `given` are the sender's own.
struct Machine {
    rings: Vec<Ring<4>>,
    bells: Vec<Doorbell>,
    message: Message,
    told: Cell<Vec<Ending>>,
    given: Cell<u32>,
    /// The reply port still stands; a synchronous call has none.
    reply_port: Cell<bool>,
}

// SAFETY: that no two CPUs use a cell at a time is what the model checker checks.
unsafe impl Sync for Machine {}
// SAFETY: as above.
unsafe impl Send for Machine {}

impl Machine {
    /// A message in its first use, which is in that state at `HOME`.
    fn new(state: State) -> Arc<Self> {
        Arc::new(Self {
            rings: (0..CPUS * CPUS).map(|_| Ring::new()).collect(),
            bells: (0..CPUS).map(|_| Doorbell::new()).collect(),
            message: Message {
                generation: AtomicU32::new(1),
                home: AtomicU32::new(HOME as u32),
                state: Cell::new(state),
                cancelled: Cell::new(None),
                aborting: Cell::new(false),
                ending: Cell::new(None),
            },
            told: Cell::new(vec![]),
            given: Cell::new(0),
            reply_port: Cell::new(true),
        })
    }

    fn at(&self, from: usize, to: usize, call: Call, number: u32) {
        if from == to {
            return self.serve(to, call, number);
        }
        let entry = Entry { kind: call as u32, words: [number.into(), 0, 0, 0] };
        let pushed = self.rings[from * CPUS + to].push(&self.bells[to], Class::Kernel, &entry);
        assert!(pushed.is_ok(), "more under way than the model has");
    }

    /// Serves what has arrived; whether anything had.
    fn poll(&self, here: usize) -> bool {
        self.bells[here].poll(Attention::Interrupt, |rung| {
            let mut any = false;
            for from in 0..CPUS {
                while rung && let Some(entry) = self.rings[from * CPUS + here].pop() {
                    self.serve(here, CALLS[entry.kind as usize], entry.words[0] as u32);
                    any = true;
                }
            }
            any
        })
    }

    /// When all threads have ended: until nothing is under way.
    fn settle_down(&self) {
        while (0..CPUS).any(|cpu| self.poll(cpu)) {}
    }

    fn serve(&self, here: usize, call: Call, number: u32) {
        match call {
            Call::Arrive => self.arrive(here, number),
            Call::Ended => self.ended(here, number),
            Call::Abort => self.abort_at_home(here, number),
            Call::TimeOut => self.settle(here, number, call, Ending::TimedOut),
            Call::Withdraw => self.settle(here, number, call, Ending::PeerDied),
        }
    }

    fn is(&self, number: u32) -> bool {
        self.message.generation.load(Ordering::Relaxed) == number
    }

    fn home(&self) -> usize {
        self.message.home.load(Ordering::Acquire) as usize
    }

    fn set_home(&self, cpu: usize) {
        self.message.home.store(cpu as u32, Ordering::Release);
    }

    /// Whether that use of the message is here; if it is elsewhere, `call` follows it.
    fn named_here(&self, here: usize, number: u32, call: Call) -> bool {
        #[cfg(bite = "message-generation-first")]
        let current = self.is(number);
        let home = self.home();
        #[cfg(not(bite = "message-generation-first"))]
        let current = self.is(number);
        if current && home != here {
            self.at(here, home, call, number);
        }
        current && home == here
    }

    /// From the CPU that has it to a port on `to`.
    fn submit(&self, here: usize, to: usize) {
        let (message, number) = (&self.message, self.message.generation.load(Ordering::Relaxed));
        #[cfg(bite = "message-home-first")]
        self.set_home(to);
        message.cancelled.set(None);
        message.state.set(State::Transit);
        #[cfg(not(bite = "message-home-first"))]
        self.set_home(to);
        self.at(here, to, Call::Arrive, number);
    }

    fn arrive(&self, here: usize, number: u32) {
        assert!(self.is(number) && self.home() == here, "a message that goes round");
        match self.message.cancelled.replace(None) {
            Some(ending) => self.complete(here, ending),
            None => self.message.state.set(State::Queued),
        }
    }

    /// The port's owner takes it out of the queue.
    fn receive(&self, here: usize, number: u32) {
        if self.home() == here && self.is(number) && self.message.state.get() == State::Queued {
            self.message.state.set(State::Held);
        }
    }

    fn holds(&self, here: usize, number: u32) -> bool {
        #[cfg(bite = "message-reply-unchecked")]
        let _ = (here, number);
        #[cfg(bite = "message-reply-unchecked")]
        return true;
        #[cfg(not(bite = "message-reply-unchecked"))]
        {
            // A swap by its value: the model checker orders a thread's load and its later store of one atomic too freely.
            let home = self.message.home.fetch_or(0, Ordering::Acquire) as usize;
            home == here && self.is(number) && self.message.state.get() == State::Held
        }
    }

    /// Answers it if it is held here: with `Aborted` if that was asked for.
    fn reply(&self, here: usize, number: u32) {
        if self.holds(here, number) {
            let aborting = self.message.aborting.get();
            self.complete(here, if aborting { Ending::Aborted } else { Ending::Reply });
        }
    }

    /// Ends it for good. At home.
    fn complete(&self, here: usize, ending: Ending) {
        let (message, number) = (&self.message, self.message.generation.load(Ordering::Relaxed));
        message.aborting.set(false);
        message.ending.set(Some(ending));
        message.state.set(State::Returning);
        #[cfg(not(bite = "message-home-stays"))]
        self.set_home(SENDER);
        self.at(here, SENDER, Call::Ended, number);
    }

    /// At the sender's CPU: `call_ended`, or `reply_arrived` at a port that still stands; else it goes to the common stock.
    fn ended(&self, here: usize, number: u32) {
        let generation = self.message.generation.fetch_add(1, Ordering::Relaxed);
        assert_eq!((here, generation), (SENDER, number), "an end of nothing");
        let message = &self.message;
        let mut told = self.told.take();
        told.extend(message.ending.replace(None).filter(|_| self.reply_port.get()));
        self.told.set(told);
        message.state.set(State::Idle);
        self.given.set(self.given.get() + 1);
    }

    fn settle(&self, here: usize, number: u32, call: Call, ending: Ending) {
        if !self.named_here(here, number, call) {
            return;
        }
        match self.message.state.get() {
            State::Idle | State::Returning => {}
            State::Transit => self.message.cancelled.set(Some(ending)),
            State::Queued | State::Held => self.complete(here, ending),
        }
    }

    fn abort_at_home(&self, here: usize, number: u32) {
        if !self.named_here(here, number, Call::Abort) {
            return;
        }
        match self.message.state.get() {
            State::Held => self.message.aborting.set(true),
            _ => self.settle(here, number, Call::Abort, Ending::Aborted),
        }
    }

    /// The sender's CPU wants its end, wherever it is.
    fn ask(&self, call: Call, number: u32) {
        #[cfg(not(bite = "message-ended-by-sender"))]
        let home = self.home();
        #[cfg(bite = "message-ended-by-sender")]
        let home = {
            self.set_home(SENDER);
            SENDER
        };
        self.at(SENDER, home, call, number);
    }

    /// The reply port ends: its message comes back by itself if it is under way.
    fn end_reply_port(&self, number: u32) {
        self.reply_port.set(false);
        let back = self.given.get() > 0;
        if !back {
            self.ask(Call::Withdraw, number);
        }
        #[cfg(bite = "message-given-twice")]
        self.given.set(self.given.get() + u32::from(!back));
    }

    /// Ended once, with one of these, and given back once.
    fn ended_once(&self, with: &[Ending]) {
        self.settle_down();
        let told = self.told.take();
        assert!(told.len() == 1 && with.contains(&told[0]), "{told:?}");
        assert_eq!((self.given.get(), self.message.state.get()), (1, State::Idle));
    }
}

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    // Not the model's atomics: it counts across executions.
    let executions = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = executions.clone();
    builder.check(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        run();
    });
    println!("{} executions", executions.load(std::sync::atomic::Ordering::Relaxed));
}

/// Reply and time-out on two CPUs: one of them ends the message.
#[test]
fn reply_and_time_out_end_a_message_once() {
    model(|| {
        let machine = Machine::new(State::Held);
        let home = thread::spawn({
            let machine = machine.clone();
            move || {
                machine.poll(HOME);
                machine.reply(HOME, 1);
            }
        });
        machine.ask(Call::TimeOut, 1);
        machine.poll(SENDER);
        home.join().expect("ends");
        machine.ended_once(&[Ending::Reply, Ending::TimedOut]);
    });
}

/// An abort finds the message waiting, held or answered: it ends at once, by the holder's answer, or not by the abort.
#[test]
fn reply_and_abort_end_a_message_once() {
    model(|| {
        let machine = Machine::new(State::Queued);
        let home = thread::spawn({
            let machine = machine.clone();
            move || {
                machine.poll(HOME);
                machine.receive(HOME, 1);
                machine.poll(HOME);
                machine.reply(HOME, 1);
            }
        });
        machine.ask(Call::Abort, 1);
        machine.poll(SENDER);
        home.join().expect("ends");
        machine.ended_once(&[Ending::Reply, Ending::Aborted]);
    });
}

/// A time-out that comes after the reply, while the sender calls the same port again: the new call is nobody's to end.
#[test]
fn a_late_time_out_leaves_the_next_call_alone() {
    model(|| {
        let machine = Machine::new(State::Held);
        let home = thread::spawn({
            let machine = machine.clone();
            move || {
                machine.reply(HOME, 1);
                machine.poll(HOME);
            }
        });
        machine.ask(Call::TimeOut, 1);
        let mut again = false;
        if machine.poll(SENDER) {
            machine.submit(SENDER, HOME);
            again = true;
        }
        home.join().expect("ends");
        machine.settle_down();
        assert_eq!(machine.told.take(), [Ending::Reply]);
        let expected = if again { State::Queued } else { State::Idle };
        assert_eq!((machine.message.state.get(), machine.message.cancelled.get()), (expected, None));
    });
}

/// A time-out is not lost on a message that is between two ports, wherever it finds it.
#[test]
fn a_time_out_finds_a_forwarded_message() {
    model(|| {
        let machine = Machine::new(State::Held);
        let home = thread::spawn({
            let machine = machine.clone();
            move || {
                if machine.holds(HOME, 1) {
                    machine.submit(HOME, OTHER);
                }
            }
        });
        let other = thread::spawn({
            let machine = machine.clone();
            move || {
                machine.poll(OTHER);
            }
        });
        machine.ask(Call::TimeOut, 1);
        home.join().expect("ends");
        other.join().expect("ends");
        machine.ended_once(&[Ending::TimedOut]);
    });
}

/// A reply port ends while the reply is on its way: nobody is told twice, and the message is given back once.
#[test]
fn a_message_outlives_its_reply_port_once() {
    model(|| {
        let machine = Machine::new(State::Held);
        let home = thread::spawn({
            let machine = machine.clone();
            move || {
                machine.poll(HOME);
                machine.reply(HOME, 1);
            }
        });
        machine.poll(SENDER);
        machine.end_reply_port(1);
        home.join().expect("ends");
        machine.settle_down();
        assert!(machine.told.take().len() <= 1);
        assert_eq!((machine.given.get(), machine.message.state.get()), (1, State::Idle));
    });
}
