//! The network server as it would be otherwise, which the bench compares with it: cohorts of another length (`net-cohort-8`), and one lock around all that
//! its threads do (`net-one-lock`). It takes the other's place where it was chosen, and finds out by its own name what it is to be.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod machine;
mod program;

use alloc::sync::Arc;

use anax_abi::Error;

/// One lock that all threads share: each holds it for a cohort.
#[derive(Clone, Debug)]
struct Locked(Arc<anax::Lock<()>>);

impl program::Turn for Locked {
    fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        let _held = self.0.lock();
        work()
    }
}

#[anax::main]
fn main() -> Result<(), Error> {
    match anax::name().strip_prefix("net-") {
        Some("one-lock") => program::run(&Locked(Arc::new(anax::Lock::new(()))), program::COHORT),
        Some(name) => {
            let cohort = name.strip_prefix("cohort-").and_then(|length| length.parse().ok());
            program::run(&program::Free, cohort.filter(|length| *length > 0).ok_or(Error::BadArgument)?)
        }
        None => Err(Error::BadArgument),
    }
}
