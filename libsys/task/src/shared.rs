//! What an executor and its tasks share: one thread's, in cells, and no borrow lasts while foreign code runs.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::{Cell, RefCell};

use alloc::vec::Vec;
use anax_abi::object::notice;
use anax_abi::{Error, Flags};
use anax_sys::Deadline;

use crate::channel::Pump;
use crate::incoming::Incoming;
use crate::kernel::{Arrived, Handles, Kernel};
use crate::limits::{Counts, Limits};
use crate::listeners::Listeners;
use crate::ready::Ready;
use crate::slots::{Completed, Slots};
use crate::tasks::Tasks;
use crate::timers::Timers;

/// How often tasks are polled, or messages dispatched, before the port is looked at although somebody can run; and how many messages are
/// taken out then.
pub(crate) const BUDGET: u32 = 32;
/// Doorbells that are rung in a row before a channel counts as busy.
const RINGS: u32 = 4;

/// All but the loop itself.
pub(crate) struct Shared {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) ready: Arc<Ready>,
    pub(crate) tasks: Tasks,
    pub(crate) calls: Slots<Arrived>,
    pub(crate) timers: Timers,
    pub(crate) incoming: Incoming,
    pub(crate) listeners: Listeners,
    pub(crate) channels: RefCell<Vec<Rc<dyn Pump>>>,
    /// What is left of the budget.
    budget: Cell<u32>,
}

impl Shared {
    pub(crate) fn new(kernel: Box<dyn Kernel>, limits: Limits) -> Self {
        Self {
            kernel,
            // One more for the future that the executor itself waits for.
            ready: Ready::new(limits.tasks() + 1),
            tasks: Tasks::new(limits.tasks()),
            calls: Slots::new(limits.calls()),
            timers: Timers::default(),
            incoming: Incoming::new(limits.requests),
            listeners: Listeners::new(limits.requests),
            channels: RefCell::default(),
            budget: Cell::new(BUDGET),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            strays: self.calls.strays(),
            refused: self.incoming.refused(),
            unheard: self.listeners.unheard(),
        }
    }

    /// Closes handles that nobody takes.
    pub(crate) fn close_all(&self, handles: Handles) {
        handles.into_iter().flatten().for_each(|handle| self.kernel.close(handle));
    }

    /// Something was done. From time to time the port and the clock are looked at, however much there is to do.
    pub(crate) fn worked(&self) -> Result<(), Error> {
        let left = self.budget.get() - 1;
        if left > 0 || cfg!(bite = "task-port-starves") {
            self.budget.set(left.max(1));
            return Ok(());
        }
        self.budget.set(BUDGET);
        for _ in 0..BUDGET {
            match self.kernel.get() {
                Ok(arrived) => self.dispatch(arrived),
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(error),
            }
        }
        if self.timers.earliest().is_some() {
            self.timers.wake_due(self.kernel.now());
        }
        Ok(())
    }

    /// Between two rounds: shows channels what was submitted, and sleeps if nobody can run.
    pub(crate) fn rest(&self) -> Result<(), Error> {
        let may_sleep = self.turn_channels();
        if self.ready.is_any() || !may_sleep {
            return self.worked();
        }
        let earliest = self.timers.earliest();
        match self.kernel.wait(earliest.map_or(Deadline::NEVER, Deadline::at)) {
            Ok(arrived) => self.dispatch(arrived),
            Err(Error::TimedOut) => {
                // The kernel has said that it is not earlier than that.
                self.timers.wake_due(self.kernel.now().max(earliest.unwrap_or_default()));
            }
            Err(error) => return Err(error),
        }
        self.worked()
    }

    /// Moves all channels on; true if none of them has anything to do until its doorbell rings.
    fn turn_channels(&self) -> bool {
        let mut may_sleep = true;
        let mut place = 0;
        loop {
            let Some(channel) = self.channels.borrow().get(place).cloned() else { break };
            channel.turn(&*self.kernel);
            // One reference is the list's, one is held here.
            if Rc::strong_count(&channel) == 2 && channel.is_idle() {
                self.listeners.remove(channel.badge());
                self.channels.borrow_mut().swap_remove(place);
                continue;
            }
            place += 1;
        }
        if self.ready.is_any() {
            return false;
        }
        for place in 0..place {
            let Some(channel) = self.channels.borrow().get(place).cloned() else { break };
            may_sleep &= (0..RINGS).any(|_| channel.may_sleep(&*self.kernel));
        }
        may_sleep
    }

    /// Brings what has arrived to whom it is for.
    pub(crate) fn dispatch(&self, arrived: Arrived) {
        let is_reply = arrived.envelope.flags().contains(Flags::REPLY);
        let is_notice = arrived.number.to_word() == 0;
        match arrived.envelope.command() {
            _ if is_reply => {
                if let Completed::Unwanted(reply) = self.calls.complete(arrived.badge, arrived) {
                    self.close_all(reply.handles);
                }
            }
            notice::ABORT if is_notice => self.incoming.abort(arrived.words[0]),
            _ if is_notice => self.listeners.hear(&arrived),
            notice::INTERRUPT if self.listeners.interrupt(&arrived) => {}
            _ if self.incoming.is_closed() => self.refuse([arrived]),
            _ => {
                if let Err(handles) = self.incoming.arrive(arrived) {
                    let _gone = self.kernel.reply(arrived.number, Err(Error::Full), Default::default(), None);
                    self.close_all(handles);
                }
            }
        }
    }

    /// Answers requests that nobody will serve.
    pub(crate) fn refuse(&self, requests: impl IntoIterator<Item = Arrived>) {
        for request in requests {
            let _gone = self.kernel.reply(request.number, Err(Error::PeerDied), Default::default(), None);
            self.close_all(request.handles);
        }
    }

    /// The executor ends: nobody will ever be polled again.
    pub(crate) fn close(&self) {
        self.tasks.close();
        self.refuse(self.incoming.close());
    }
}
