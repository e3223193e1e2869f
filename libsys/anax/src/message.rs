//! The paper's Table II, messages, in its Rust form.
//!
//! | in the paper | here |
//! |---|---|
//! | `initmsg`, `initmsg_rp`, `reinitmsg` | [`initmsg`], [`initmsg_rp`], [`Letter::reinitmsg`] |
//! | `beginmsg` | [`Target::beginmsg`] |
//! | `domsg` | [`Target::domsg`], with a deadline [`Target::domsg_until`], with a handle [`Target::domsg_with`] |
//! | `sendmsg` | [`Letter::sendmsg`] |
//! | `forwardmsg` | [`Target::forwardmsg`] |
//! | `replymsg` | [`replymsg`], with the next wait in one trap [`Port::replymsg_waitport`] |
//! | `getport`, `waitport`, `waitmsg` | [`Port::getport`], [`Port::waitport`], [`Port::waitmsg`] |
//! | `abortmsg` | [`Port::abortmsg`], [`Letter::abortmsg`] |
//! | `initport` | [`Port::initport`] |

pub use anax_sys::{Letter, Message, MessageNumber, Port, Received, Target, initmsg, initmsg_rp, replymsg};
