//! What the server's threads ask each other: about paths that lead from one's mounts to another's, about mounting, and about storing all of everything.
//!
//! Each thread has a [`Vfs`] of its own, with its own mounts, files and pages, of `Rc` and `Cell`: the compiler lets no other thread touch them. What they say to each other is an [`Item`], which can be sent.
//! The table of mounts is on all of them. Thread 0 alone changes it, by asking the others, and answers whoever wanted that when all have it.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use core::future::poll_fn;
use core::task::Poll;

use anax_abi::Handle;
use anax_files::files::Walk;
use anax_files::volume::Traits;
use anax_files::{Failure, Kind};

use crate::host::Host;
use crate::ops::Id;
use crate::state::Vfs;

/// What one thread hands to another.
#[derive(Debug)]
pub struct Item(Parcel);

#[derive(Debug)]
enum Parcel {
    /// That thread asks, and waits for the answer of that number.
    Ask(u16, u64, Ask),
    /// The answer of that number.
    Answer(u64, Result<Said, Failure>),
}

const _: () = {
    const fn can_be_sent<T: Send>() {}
    can_be_sent::<Item>();
};

/// What a thread is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Where a path leads.
    Resolve(String, Walk),
    /// To begin with the file system at that port, as the mount of that number.
    Attach(u32, Handle),
    /// To give it up: it is not mounted after all.
    Abandon(u32),
    /// To know of a mount. Whoever comes to it waits, if `is_changing` says so.
    Enter(Entry, bool),
    /// To know of that mount in the place of the one with that number, whose file system has ended.
    Replace(u32, Entry),
    /// To let those go on who wait.
    Open(u32),
    /// To let nobody in any more, if nothing is open there, when all is stored.
    Leave(u32),
    /// To know of a mount no longer.
    Remove(u32),
    /// To store all, so that it lasts.
    Sync,
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum Said {
    /// It is done.
    Done,
    /// What the file system is like that it has begun with.
    Attached(Traits),
    /// Where the path leads.
    Leads(Whither),
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Whither {
    /// The thread that has it, as far as this one knows.
    pub(crate) thread: u16,
    /// Bytes of the path that are its mount's own.
    pub(crate) mount: u16,
    /// What to ask for there.
    pub(crate) path: String,
    /// A symbolic link at its end was followed.
    pub(crate) is_by_link: bool,
    /// What is there, if it is this thread's.
    pub(crate) kind: Option<Kind>,
}

/// A mount, as all threads know it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// By this it is known among threads.
    pub(crate) number: u32,
    /// Whose it is.
    pub(crate) thread: u16,
    pub(crate) path: String,
    pub(crate) source: String,
    pub(crate) traits: Traits,
}

impl Entry {
    /// Whether a program has mounted it: what every machine has is of nothing that could be named.
    pub(crate) const fn is_of_a_program(&self) -> bool {
        !self.source.is_empty()
    }
}

/// A question that another thread has, and its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    asker: Id,
    answer: Option<Result<Said, Failure>>,
}

impl<H: Host + 'static> Vfs<H> {
    /// Asks another thread; the number by which [`answer_to`](Self::answer_to) waits.
    pub(crate) fn begin_to_ask(&self, thread: u16, ask: Ask) -> u64 {
        let number = self.number();
        self.asked.borrow_mut().insert(number, Asked { asker: self.ops.current(), answer: None });
        self.host.hand(thread, Item(Parcel::Ask(self.host.own(), number, ask)));
        number
    }

    /// Waits for the answer of that number.
    pub(crate) async fn answer_to(&self, number: u64) -> Result<Said, Failure> {
        poll_fn(|_| {
            let mut asked = self.asked.borrow_mut();
            let answer = asked.get_mut(&number).and_then(|asked| asked.answer.take());
            let Some(answer) = answer else { return Poll::Pending };
            asked.remove(&number);
            Poll::Ready(answer)
        })
        .await
    }

    /// Asks a thread, which may be this one.
    pub(crate) async fn ask_thread(self: &Rc<Self>, thread: u16, ask: Ask) -> Result<Said, Failure> {
        if thread == self.host.own() {
            return Box::pin(self.perform(ask)).await;
        }
        let number = self.begin_to_ask(thread, ask);
        self.answer_to(number).await
    }

    /// Sees to what other threads have handed to this one.
    pub fn look(self: &Rc<Self>) {
        while let Some(Item(parcel)) = self.host.handed() {
            match parcel {
                Parcel::Ask(from, number, ask) => {
                    let vfs = self.clone();
                    self.ops.spawn(async move {
                        let answer = vfs.perform(ask).await;
                        vfs.host.hand(from, Item(Parcel::Answer(number, answer)));
                    });
                }
                Parcel::Answer(number, answer) => {
                    if let Some(asked) = self.asked.borrow_mut().get_mut(&number) {
                        asked.answer = Some(answer);
                        self.ops.wake(asked.asker);
                    }
                }
            }
        }
    }

    async fn perform(self: &Rc<Self>, ask: Ask) -> Result<Said, Failure> {
        match ask {
            Ask::Resolve(path, walk) => return self.resolve(path, walk).await.map(Said::Leads),
            Ask::Attach(number, port) => return self.begin_with(number, port).await.map(Said::Attached),
            Ask::Abandon(number) => self.abandon(number),
            Ask::Enter(entry, is_changing) => self.enter(entry, is_changing),
            Ask::Replace(old, entry) => self.replace(old, entry)?,
            Ask::Open(number) => self.open_mount(number),
            Ask::Leave(number) => self.leave(number).await?,
            Ask::Remove(number) => self.remove_mount(number),
            Ask::Sync => self.sync_own().await?,
        }
        Ok(Said::Done)
    }

    /// Begins to make all of everything last; `done` is called when that is over, however it went.
    pub fn store_and(self: &Rc<Self>, done: impl FnOnce() + 'static) {
        let vfs = self.clone();
        self.ops.spawn(async move {
            let _told_before = vfs.sync_all().await;
            done();
        });
    }

    /// Makes sure that all of everything lasts, on all threads at once.
    pub(crate) async fn sync_all(self: &Rc<Self>) -> Result<(), Failure> {
        let own = self.host.own();
        let threads = if cfg!(bite = "vfs-syncs-alone") { 0 } else { self.host.threads() };
        let others = (0..threads).filter(|thread| *thread != own);
        let asked: alloc::vec::Vec<_> = others.map(|thread| self.begin_to_ask(thread, Ask::Sync)).collect();
        let mut outcome = self.sync_own().await;
        for number in asked {
            outcome = outcome.and(self.answer_to(number).await.map(drop));
        }
        outcome
    }
}
