//! async/await over messages: an executor for one thread that owns one port.
//!
//! A server that has many requests under way, each waiting for replies of others, is written as tasks: a task a request, an `await` where
//! it waits. What a task waits for is a message: a reply, a notice, a request. So the executor's one wait is the wait at its port, and
//! the earliest deadline is that wait's.
//!
//! ```text
//!          tasks                         one thread                          kernel
//!   ┌──────────────────┐  wakers: a bit  ┌───────────────────────────┐
//!   │ call().await     │ ──────────────▶ │ a round: whoever can run, │  Send, Reply, Abort
//!   │ sleep().await    │                 │ each once                 │ ───────────────────▶
//!   │ requests.next()  │ ◀────────────── │ nobody: flush, then wait  │ ◀─────────────────── Wait until
//!   │ submit().await   │  token, badge   └───────────────────────────┘                      the earliest deadline
//!   └──────────────────┘
//! ```
//!
//! ```
//! # use anax_abi::{Error, Message};
//! # use anax_task::{ChannelClient, Either, EventLoop, race};
//! # const SECOND: core::time::Duration = core::time::Duration::from_secs(1);
//! # const READ: u32 = 0x1001;
//! async fn serve(events: EventLoop, disk: ChannelClient<32>) {
//!     let mut requests = events.requests();
//!     loop {
//!         let request = requests.next().await;
//!         let (own, disk) = (events.clone(), disk.clone());
//!         let task = async move {
//!             let read = own.timeout(SECOND, disk.submit(Message::new(READ, request.words)));
//!             let outcome = race(read, request.aborted()).await;
//!             let (result, words) = match outcome {
//!                 Either::Left(Ok(Ok((result, words)))) => (Ok(result), words),
//!                 Either::Left(Ok(Err(error))) => (Err(error), [0; 5]),
//!                 Either::Left(Err(elapsed)) => (Err(elapsed.into()), [0; 5]),
//!                 Either::Right(()) => (Err(Error::Aborted), [0; 5]),
//!             };
//!             // Whoever asked may have gone.
//!             let _gone = request.reply(result, words);
//!         };
//!         // One too many is dropped, and whoever asked learns that.
//!         let _full = events.spawn(task);
//!     }
//! }
//! ```
//!
//! | module | about |
//! |---|---|
//! | `executor`, `shared` | the loop, and where what arrives goes |
//! | `events` | what tasks ask by: [`EventLoop`] |
//! | `ready`, `tasks`, `join` | who can run, all tasks, their values |
//! | `call`, `channel` | calls by messages and by channels, as futures |
//! | `slots`, `permits` | what is in flight, who owns its buffers, who is next |
//! | `incoming`, `requests` | requests, and their early ends |
//! | `listeners`, `notices` | timers, doorbells, interrupts |
//! | `timers`, `sleep`, `combine` | time; several futures in one task |
//! | `typed` | typed interfaces, from tasks |
//! | `kernel` | what is asked of the kernel; a test brings another one |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(all(test, not(loom)))]
extern crate std;

mod call;
mod channel;
mod combine;
mod events;
mod executor;
mod incoming;
mod join;
mod kernel;
mod limits;
mod listeners;
mod notices;
mod permits;
mod ready;
mod requests;
mod shared;
mod sleep;
mod slots;
mod tasks;
mod timers;
mod typed;
mod waiters;

pub use call::{Call, Reply};
pub use channel::{ChannelClient, Submission};
pub use combine::{join, join_all, join3, race, try_join, try_join_all, yield_now};
pub use events::EventLoop;
pub use executor::Executor;
pub use futures_core::Stream;
pub use futures_util::future::Either;
pub use join::JoinHandle;
pub use kernel::{Arrived, Handles, Kernel, PortKernel};
pub use limits::{Counts, Limits};
pub use listeners::Notice;
pub use notices::{Doorbell, Interrupt, Interrupts, Notices};
pub use ready::{Ready, Round};
pub use requests::{Request, Requests};
pub use sleep::{Elapsed, Sleep};
pub use typed::PortCaller;
