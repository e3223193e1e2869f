//! Random sequences of spawning, cancelling, replying and time, against a model: everything ends exactly once, nothing is lost.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anax_abi::Message;
use anax_task::{JoinHandle, Limits};
use proptest::prelude::*;

use crate::world::{Did, Sent, TARGET, reply};
use crate::{Buffer, Notes, World};

const CALLS: usize = 3;
const TASKS: usize = 12;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A task that calls, with a buffer; with a time-out, if there is one.
    Spawn {
        time_out: Option<u8>,
    },
    /// The task that was spawned so long ago.
    Cancel(u8),
    /// The handle of that task: it goes on.
    Detach(u8),
    /// To one of the messages that are out.
    Reply(u8),
    /// Once more to one that was answered before, or to none.
    Stray(u8),
    Pass(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::option::of(1..40_u8).prop_map(|time_out| Step::Spawn { time_out }),
        2 => any::<u8>().prop_map(Step::Cancel),
        1 => any::<u8>().prop_map(Step::Detach),
        4 => any::<u8>().prop_map(Step::Reply),
        1 => any::<u8>().prop_map(Step::Stray),
        2 => (0..30_u8).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

/// How a task ended, by its name.
type Ended = (u32, Option<u64>);

struct Run {
    world: World,
    executor: anax_task::Executor,
    /// Messages that were sent and not answered.
    out: Rc<RefCell<Vec<Sent>>>,
    /// Tokens of those that were.
    answered: Vec<u64>,
    ended: Notes<Ended>,
    dropped: Notes<u32>,
    handles: Vec<(u32, JoinHandle<()>)>,
    /// Names of tasks that were cancelled before they ended.
    cancelled: Vec<u32>,
    spawned: u32,
    all_ended: Vec<Ended>,
    all_dropped: Vec<u32>,
}

impl Run {
    fn new() -> Self {
        let limits = Limits { tasks: TASKS, calls: CALLS, requests: 1 };
        let (world, executor, _) = World::with(limits);
        let out: Rc<RefCell<Vec<Sent>>> = Rc::default();
        let note = out.clone();
        world.on_send(move |_, sent| note.borrow_mut().push(sent));
        Self {
            world,
            executor,
            out,
            answered: Vec::new(),
            ended: Notes::new(),
            dropped: Notes::new(),
            handles: Vec::new(),
            cancelled: Vec::new(),
            spawned: 0,
            all_ended: Vec::new(),
            all_dropped: Vec::new(),
        }
    }

    fn spawn(&mut self, time_out: Option<u8>) {
        let name = self.spawned;
        let events = self.executor.events();
        let (ended, buffer) = (self.ended.clone(), Buffer { name, dropped: self.dropped.clone() });
        let caller = events.clone();
        let task = async move {
            let call = caller.call_with_buffers(TARGET, Message::new(name, [0; 5]), buffer);
            let result = match time_out {
                None => Some(call.await),
                Some(time) => caller.timeout(Duration::from_nanos(time.into()), call).await.ok(),
            };
            ended.add((name, result.map(|(result, _buffer)| result.unwrap().result)));
        };
        match events.spawn(task) {
            Ok(handle) => {
                self.spawned += 1;
                self.handles.push((name, handle));
            }
            // Too many: it was dropped at once, and its name is another's.
            Err(_) => {
                self.all_dropped.extend(self.dropped.take());
                assert_eq!(self.all_dropped.pop(), Some(name));
            }
        }
    }

    fn answer(&mut self, which: usize) {
        let sent = {
            let mut out = self.out.borrow_mut();
            if out.is_empty() {
                return;
            }
            let which = which % out.len();
            out.remove(which)
        };
        self.answered.push(sent.message.token);
        self.world.deliver(reply(&sent, sent.message.command.into()));
    }

    /// Lets everything happen that can within so many nanoseconds.
    fn pass(&mut self, time: u64) {
        let sleep = self.executor.events().sleep(Duration::from_nanos(time));
        self.executor.block_on(sleep).unwrap();
        self.check();
    }

    fn check(&mut self) {
        self.all_ended.extend(self.ended.take());
        self.all_dropped.extend(self.dropped.take());
        let out: Vec<_> = self.out.borrow().iter().map(|sent| sent.message.command).collect();
        assert!(out.len() <= CALLS, "no more is in flight than may be");
        for name in &out {
            assert!(!self.all_dropped.contains(name), "a buffer was dropped and its reply is still due");
        }
        assert_eq!(self.executor.events().calls_in_flight(), out.len());
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Spawn { time_out } => self.spawn(time_out),
            Step::Cancel(_) | Step::Detach(_) if self.handles.is_empty() => {}
            Step::Cancel(which) => {
                let (name, handle) = self.handles.remove(usize::from(which) % self.handles.len());
                let ended = |ended: &Ended| ended.0 == name;
                self.all_ended.extend(self.ended.take());
                if handle.cancel().is_none() && !self.all_ended.iter().any(ended) {
                    self.cancelled.push(name);
                }
            }
            Step::Detach(which) => {
                drop(self.handles.remove(usize::from(which) % self.handles.len()));
            }
            Step::Reply(which) => self.answer(which.into()),
            Step::Stray(which) => {
                let answered = self.answered.get(usize::from(which) % self.answered.len().max(1));
                let token = answered.copied().unwrap_or(0);
                let message = Message { token, ..Message::new(0, [0; 5]) };
                self.world.deliver(reply(&Sent { number: 1, message, beside: None }, 666));
            }
            Step::Pass(time) => self.pass(time.into()),
        }
    }

    /// Answers whatever is asked until all is over.
    fn finish(mut self) {
        for _ in 0..10 * TASKS {
            self.pass(50);
            self.answer(0);
        }
        self.executor.run().unwrap();
        self.executor.drain().unwrap();
        self.check();
        let mut names: Vec<_> = self.all_ended.iter().map(|ended| ended.0).collect();
        assert!(
            self.all_ended.iter().all(|&(name, result)| result.is_none_or(|result| result == name.into()))
        );
        names.extend(&self.cancelled);
        names.sort_unstable();
        let everybody: Vec<_> = (0..self.spawned).collect();
        assert_eq!(names, everybody, "each ends exactly once");
        self.all_dropped.sort_unstable();
        assert_eq!(self.all_dropped, everybody, "and so does each buffer");
        assert_eq!(self.executor.events().calls_in_flight(), 0, "no slot leaks");
        let aborted = |did: &Did| matches!(did, Did::Aborted(_));
        assert!(self.world.did().iter().filter(|did| aborted(did)).count() <= self.spawned as usize);
    }
}

proptest! {
    #[test]
    fn everything_ends_exactly_once(steps in steps()) {
        let mut run = Run::new();
        steps.into_iter().for_each(|step| run.step(step));
        run.finish();
    }
}
