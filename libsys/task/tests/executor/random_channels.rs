//! Random sequences of asking, cancelling, answering and dying by a channel: each request and each buffer ends exactly once, and no buffer
//! while a server that lives may still answer its request.

use std::rc::Rc;
use std::time::Duration;

use anax_abi::object::notice as told;
use anax_abi::{Error, Message};
use anax_ring::{Supervisor, Taken, Ticket};
use anax_task::{ChannelClient, Executor, JoinHandle, Limits};
use proptest::prelude::*;

use crate::channels::{BADGE, Server, channel};
use crate::world::notice;
use crate::{Buffer, Notes, World};

const TASKS: usize = 20;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    Cancel(u8),
    /// The server takes all that is there.
    Take,
    /// It answers one of those that it has taken.
    Answer(u8),
    /// It dies, and a successor takes over.
    Die,
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Ask),
        2 => any::<u8>().prop_map(Step::Cancel),
        3 => Just(Step::Take),
        4 => any::<u8>().prop_map(Step::Answer),
        1 => Just(Step::Die),
        3 => Just(Step::Pass),
    ];
    prop::collection::vec(step, 1..100)
}

struct Run {
    world: World,
    executor: Executor,
    client: ChannelClient<8>,
    server: Rc<Server>,
    supervisor: Supervisor<'static>,
    /// Taken and not answered.
    taken: Vec<(Message, Ticket)>,
    handles: Vec<(u32, JoinHandle<()>)>,
    asked: u32,
    ended: Notes<(u32, Result<u64, Error>)>,
    dropped: Notes<u32>,
    all_ended: Vec<(u32, Result<u64, Error>)>,
    all_dropped: Vec<u32>,
    cancelled: Vec<u32>,
}

impl Run {
    fn new() -> Self {
        let (world, executor, events) = World::with(Limits::each(TASKS));
        let (client, server, supervisor) = channel(&world, &events);
        world.on_ring(|_| {});
        Self {
            world,
            executor,
            client,
            server,
            supervisor,
            taken: Vec::new(),
            handles: Vec::new(),
            asked: 0,
            ended: Notes::new(),
            dropped: Notes::new(),
            all_ended: Vec::new(),
            all_dropped: Vec::new(),
            cancelled: Vec::new(),
        }
    }

    fn ask(&mut self) {
        let events = self.executor.events();
        let name = self.asked;
        let buffer = Buffer { name, dropped: self.dropped.clone() };
        let asking = self.client.submit_with_buffers(Message::new(name, [0; 5]), buffer);
        let ended = self.ended.clone();
        let task = async move {
            let (result, _buffer) = asking.await;
            ended.add((name, result.map(|(result, _)| result)));
        };
        match events.spawn(task) {
            Ok(handle) => {
                self.asked += 1;
                self.handles.push((name, handle));
            }
            // Too many: it was dropped at once, and its name is another's.
            Err(_) => {
                self.collect();
                assert_eq!(self.all_dropped.pop(), Some(name));
            }
        }
    }

    fn cancel(&mut self, which: u8) {
        if self.handles.is_empty() {
            return;
        }
        let (name, handle) = self.handles.remove(usize::from(which) % self.handles.len());
        let has_ended = handle.cancel().is_some();
        self.collect();
        if !has_ended && !self.all_ended.iter().any(|ended| ended.0 == name) {
            self.cancelled.push(name);
        }
    }

    fn take(&mut self) {
        let mut responder = self.server.responder.borrow_mut();
        while let Taken::Request(request, ticket) = responder.take().unwrap() {
            self.taken.push((request, ticket));
        }
    }

    fn answer(&mut self, which: usize) {
        if self.taken.is_empty() {
            return;
        }
        let (request, ticket) = self.taken.remove(which % self.taken.len());
        let mut responder = self.server.responder.borrow_mut();
        let answer = Message { result: i64::from(request.command) + 100, ..request };
        responder.reply(ticket, &answer).unwrap();
        if responder.flush().unwrap() == anax_ring::Doorbell::Ring {
            self.world.deliver(notice(BADGE, told::RING, 1, 1));
        }
    }

    fn die(&mut self) {
        self.supervisor.rebind().unwrap();
        self.taken.clear();
        self.server.responder.replace(Server::open(self.server.words));
        self.world.deliver(notice(BADGE, told::RING, 1, 1));
    }

    /// Everything happens that can happen now.
    fn pass(&mut self) {
        let sleep = self.executor.events().sleep(Duration::from_nanos(1));
        self.executor.block_on(sleep).unwrap();
        self.collect();
    }

    fn collect(&mut self) {
        self.all_ended.extend(self.ended.take());
        self.all_dropped.extend(self.dropped.take());
        for (request, _) in &self.taken {
            assert!(!self.all_dropped.contains(&request.command), "{request:?} is still to be answered");
        }
        assert!(self.client.in_flight() <= 8);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask => self.ask(),
            Step::Cancel(which) => self.cancel(which),
            Step::Take => self.take(),
            Step::Answer(which) => self.answer(which.into()),
            Step::Die => self.die(),
            Step::Pass => self.pass(),
        }
    }

    /// Answers whatever is asked until all is over.
    fn finish(mut self) {
        for _ in 0..2 * TASKS {
            self.pass();
            self.take();
            (0..8).for_each(|_| self.answer(0));
        }
        self.executor.run().unwrap();
        self.collect();
        let right = |&(name, result): &(u32, Result<u64, Error>)| {
            result == Ok(u64::from(name) + 100) || result == Err(Error::PeerDied)
        };
        assert!(self.all_ended.iter().all(right), "{:?}", self.all_ended);
        let mut names: Vec<_> = self.all_ended.iter().map(|ended| ended.0).collect();
        names.extend(&self.cancelled);
        names.sort_unstable();
        let everybody: Vec<_> = (0..self.asked).collect();
        assert_eq!(names, everybody, "each ends exactly once");
        self.all_dropped.sort_unstable();
        assert_eq!(self.all_dropped, everybody, "and so does each buffer");
        assert_eq!(self.client.in_flight(), 0, "no slot leaks");
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
