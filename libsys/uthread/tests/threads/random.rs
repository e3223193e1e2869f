//! Random loads against a model that says who has to run: asked at every switch, and after every call.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use anax_uthread::{Idle, Notify, Priority, QueueIndex, Signals, ThreadId, VirtualCpu};

use super::{QUEUES, machine};

const THREADS: usize = 12;
const STEPS: u32 = 40_000;
const PRIORITIES: [u8; 7] = [4, 6, 6, 12, 20, 27, 29];

/// What a thread does first when it goes on.
#[derive(Clone, Copy, Default)]
enum Resume {
    #[default]
    Nothing,
    /// It leaves the critical section that it begins in.
    Begin,
    /// It has given way, and asks again.
    Attend,
}

/// What has to happen, in terms of the threads' numbers.
#[derive(Clone, Default)]
struct Model {
    ready: Vec<VecDeque<usize>>,
    waiting: [VecDeque<usize>; QUEUES],
    /// What is in the inbox.
    posted: [usize; QUEUES],
    priority: [usize; THREADS],
    critical: [u32; THREADS],
    victim: [Option<usize>; THREADS],
    preempted: u8,
    running: Option<usize>,
    /// What a thread does first when it goes on.
    resume: [Resume; THREADS],
    pending: bool,
}

impl Model {
    fn best(&self) -> Option<usize> {
        (0..32).rev().find(|&priority| !self.ready[priority].is_empty())
    }

    fn dequeue(&mut self) -> Option<usize> {
        let best = self.best()?;
        self.ready[best].pop_front()
    }

    fn enqueue(&mut self, thread: usize) {
        self.ready[self.priority[thread]].push_back(thread);
    }

    fn take_signals(&mut self) {
        for queue in 0..QUEUES {
            for _ in 0..std::mem::take(&mut self.posted[queue]) {
                let Some(woken) = self.waiting[queue].pop_front() else { break };
                self.enqueue(woken);
            }
        }
    }

    /// The running thread is on its queue or has gone: who is next.
    fn switch_away(&mut self) {
        let victim = self.running.and_then(|running| self.victim[running].take());
        self.preempted -= u8::from(victim.is_some());
        let next = victim.or_else(|| self.dequeue());
        self.switch_to(next);
    }

    fn switch_to(&mut self, next: Option<usize>) {
        self.running = next;
        if next.is_none() {
            // `run` looks into the inbox before it calls the hook.
            self.take_signals();
            self.running = self.dequeue();
        }
        match self.running.map(|running| std::mem::take(&mut self.resume[running])) {
            Some(Resume::Attend) => self.attend(),
            Some(Resume::Begin) if self.pending || self.posted != [0; QUEUES] => self.attend(),
            _ => {}
        }
    }

    /// Outside critical sections: lets the more urgent run.
    fn attend(&mut self) {
        let Some(running) = self.running else { return };
        assert_eq!(self.critical[running], 0);
        self.pending = false;
        self.take_signals();
        let Some(best) = self.best().filter(|&best| best > self.priority[running]) else { return };
        if best >= 20 && self.preempted == 2 {
            return;
        }
        let next = self.dequeue().unwrap();
        self.resume[running] = Resume::Attend;
        if best < 20 {
            self.ready[self.priority[running]].push_front(running);
        } else {
            self.victim[next] = Some(running);
            self.preempted += 1;
        }
        self.switch_to(Some(next));
    }

    fn woken(&mut self) {
        self.pending = true;
        if self.running.is_some_and(|running| self.critical[running] == 0) {
            self.attend();
        }
    }

    fn crit_exit(&mut self) {
        let running = self.running.unwrap();
        self.critical[running] -= 1;
        if self.critical[running] == 0 && (self.pending || self.posted != [0; QUEUES]) {
            self.attend();
        }
    }
}

struct World {
    model: RefCell<Model>,
    seed: Cell<u64>,
    steps: Cell<u32>,
    signals: Signals<'static>,
    ids: RefCell<[Option<ThreadId>; THREADS]>,
}

impl World {
    /// xorshift64.
    fn random(&self, below: u64) -> u64 {
        let mut seed = self.seed.get();
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        self.seed.set(seed);
        (seed >> 11) % below
    }

    /// The assertion at every switch.
    fn check(&self, cpu: &VirtualCpu, own: usize) {
        let model = self.model.borrow();
        assert_eq!(model.running, Some(own), "after {} steps", self.steps.get());
        assert_eq!(cpu.current(), self.ids.borrow()[own]);
        assert_eq!(cpu.critical_depth(), model.critical[own]);
    }

    fn create(self: &Rc<Self>, cpu: &'static VirtualCpu) {
        let Ok(id) = cpu.lwkt_alloc_thread() else { return };
        let own = id.index();
        let priority = PRIORITIES[self.random(PRIORITIES.len() as u64) as usize];
        let world = self.clone();
        cpu.lwkt_init_thread(id, Priority::new(priority).unwrap(), move |cpu| world.thread(cpu, own))
            .unwrap();
        self.ids.borrow_mut()[own] = Some(id);
        {
            let mut model = self.model.borrow_mut();
            model.priority[own] = priority.into();
            model.critical[own] = 0;
            model.resume[own] = Resume::Begin;
            model.enqueue(own);
            model.woken();
        }
        cpu.lwkt_schedule(id).unwrap();
    }

    fn thread(self: &Rc<Self>, cpu: &'static VirtualCpu, own: usize) {
        loop {
            self.check(cpu, own);
            if self.steps.get() == STEPS {
                break;
            }
            self.steps.set(self.steps.get() + 1);
            if !self.step(cpu, own) {
                break;
            }
        }
        // At the end everybody is let go.
        if self.steps.get() == STEPS {
            for queue in 0..QUEUES {
                self.signal(cpu, queue, usize::MAX);
                self.check(cpu, own);
            }
        }
        self.model.borrow_mut().switch_away();
    }

    fn signal(&self, cpu: &VirtualCpu, queue: usize, count: usize) {
        let woken = {
            let model = &mut *self.model.borrow_mut();
            let woken = count.min(model.waiting[queue].len());
            for _ in 0..woken {
                let thread = model.waiting[queue].pop_front().unwrap();
                model.enqueue(thread);
            }
            if woken > 0 {
                model.woken();
            }
            woken
        };
        assert_eq!(cpu.lwkt_signal(QueueIndex(queue as u16), count), Ok(woken));
    }

    /// One call; false: end.
    fn step(self: &Rc<Self>, cpu: &'static VirtualCpu, own: usize) -> bool {
        let queue = self.random(QUEUES as u64) as usize;
        let place = QueueIndex(queue as u16);
        match self.random(16) {
            0 | 1 => {
                {
                    let model = &mut *self.model.borrow_mut();
                    model.take_signals();
                    let best = model.best();
                    if model.victim[own].is_some() || best.is_some_and(|best| best >= model.priority[own]) {
                        model.enqueue(own);
                        model.switch_away();
                    }
                }
                cpu.lwkt_yield();
            }
            2 | 3 => {
                {
                    let model = &mut *self.model.borrow_mut();
                    model.take_signals();
                    model.enqueue(own);
                    model.switch_away();
                }
                cpu.lwkt_switch();
            }
            4..=6 => {
                let seen = cpu.lwkt_generation(place).unwrap();
                {
                    let model = &mut *self.model.borrow_mut();
                    model.waiting[queue].push_back(own);
                    model.take_signals();
                    model.switch_away();
                }
                cpu.lwkt_block(place, seen).unwrap();
            }
            7..=9 => self.signal(cpu, queue, self.random(4) as usize),
            10 => {
                let count = 1 + self.random(3) as usize;
                self.model.borrow_mut().posted[queue] += count;
                assert_eq!(self.signals.lwkt_signal(place, count), Ok(Notify::Coalesced));
            }
            11 | 12 if cpu.critical_depth() < 3 => {
                self.model.borrow_mut().critical[own] += 1;
                cpu.crit_enter();
            }
            11..=13 => {
                if cpu.critical_depth() > 0 {
                    self.model.borrow_mut().crit_exit();
                    cpu.crit_exit();
                }
            }
            14 => self.create(cpu),
            _ => return false,
        }
        true
    }
}

fn random_load(seed: u64) -> u64 {
    let (cpu, signals) = machine::<THREADS>();
    let model = Model { ready: vec![VecDeque::new(); 32], ..Model::default() };
    let world = Rc::new(World {
        model: RefCell::new(model),
        seed: Cell::new(seed),
        steps: Cell::new(0),
        signals,
        ids: RefCell::default(),
    });
    loop {
        world.create(cpu);
        world.model.borrow_mut().take_signals();
        let first = world.model.borrow_mut().dequeue();
        world.model.borrow_mut().switch_to(first);
        let mut queue = 0;
        cpu.run(|cpu| {
            assert_eq!(world.model.borrow().running, None, "somebody could run");
            queue = (queue + 1) % QUEUES;
            world.signal(cpu, queue, 2);
            let mut model = world.model.borrow_mut();
            model.take_signals();
            let next = model.dequeue();
            model.switch_to(next);
            Idle::Again
        });
        if world.steps.get() == STEPS {
            return cpu.switches();
        }
    }
}

#[test]
fn whoever_runs_is_whom_the_model_says() {
    for seed in 1..=12 {
        let switches = random_load(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        assert!(switches > u64::from(STEPS) / 5, "{switches} switches");
    }
}
