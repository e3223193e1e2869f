//! Messages under the names of the paper's Table II.
//!
//! In the kernel a message is memory that changes hands; in a program it travels through registers, and what it takes to wait for the
//! reply is a port and a number, which a [`Letter`] keeps together.
//!
//! | Table II | here | what |
//! |---|---|---|
//! | `initmsg` | [`initmsg`] | a message |
//! | `initmsg_rp` | [`initmsg_rp`] | a message with its reply port: a [`Letter`] |
//! | `reinitmsg` | [`Letter::reinitmsg`] | the same for the next time |
//! | `beginmsg` | [`Target::beginmsg`] | sends, and goes on |
//! | `domsg` | [`Target::domsg`] | sends, and waits for the reply |
//! | `sendmsg` | [`Letter::sendmsg`] | sends a letter, and goes on |
//! | `forwardmsg` | [`Target::forwardmsg`] | passes a request on to another port |
//! | `replymsg` | [`replymsg`], [`Port::replymsg_waitport`] | answers; and waits for the next |
//! | `getport` | [`Port::getport`] | the next message, if there is one |
//! | `waitport` | [`Port::waitport`] | waits for the next message |
//! | `waitmsg` | [`Letter::waitmsg`], [`Port::waitmsg`] | waits for one reply |
//! | `abortmsg` | [`Letter::abortmsg`], [`Port::abortmsg`] | asks for an early end |
//! | `initport` | [`Port::initport`] | a port |

pub use anax_sys::{
    Answer, Beside, Came, Deadline, Envelope, Flags, Letter, Message, MessageNumber, Offer, Port, Received,
    Target, WORDS, collect, initmsg, initmsg_rp, offer, replymsg, withdraw_offers,
};
