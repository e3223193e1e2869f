//! A second host, made of the same kernel: a network of its own within the first one's, and the relay between.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use anyhow::{Context as _, anyhow};
use netpeer::Ports;
use netpeer::network::{self, HOST, Tap};
use netpeer::relay::{Counts, Mischief, Relay, Side};
use netpeer::serve::Server;

/// Where it is, as a guest would be.
pub(crate) const ADDRESSES: [&str; 2] = ["10.0.0.2", "fd00::2"];

/// Does `work` on a host whose only neighbour offers the services; what became of this host's frames, and of the other one's.
pub(crate) fn beside_other_host(
    mischief: Mischief,
    capture: Option<&Path>,
    work: impl FnOnce() -> anyhow::Result<()> + Send,
) -> anyhow::Result<[Counts; 2]> {
    let (tell, told) = channel::<()>();
    let serve = move || {
        let _server = Server::start(Ports::STANDARD)?;
        // Nobody tells anything: it is over when nobody could any more.
        let _ = told.recv();
        Ok(())
    };
    joined(mischief, capture, serve, move || {
        let done = work();
        drop(tell);
        done
    })
}

/// Does `there` on the other host, while `here` has started something on this one.
pub(crate) fn beside<S: Send>(
    mischief: Mischief,
    capture: Option<&Path>,
    there: impl FnOnce() -> anyhow::Result<()> + Send,
    here: impl FnOnce() -> anyhow::Result<S> + Send,
) -> anyhow::Result<()> {
    let (done, ended) = channel::<()>();
    let there = move || {
        let _done = done;
        there()
    };
    joined(mischief, capture, there, move || {
        let _started = here()?;
        let _ = ended.recv();
        Ok(())
    })
    .map(drop)
}

fn joined(
    mischief: Mischief,
    capture: Option<&Path>,
    there: impl FnOnce() -> anyhow::Result<()> + Send,
    here: impl FnOnce() -> anyhow::Result<()> + Send,
) -> anyhow::Result<[Counts; 2]> {
    network::within(move || {
        network::plug("guest", &HOST)?;
        let near = Tap::open("guest")?;
        let (give, given) = channel();
        thread::scope(|scope| {
            let other = scope.spawn(move || {
                network::within(move || {
                    let addresses = ADDRESSES.map(|address| format!("{address}{}", length(address)));
                    network::plug("guest", &addresses.each_ref().map(String::as_str))?;
                    give.send(Tap::open("guest")?)?;
                    there()
                })
            });
            let done = given.recv().context("the other host has no network").and_then(|far| {
                let relay = Relay::start([Side::Tap(near), Side::Tap(far)], mischief, capture)?;
                here()?;
                relay.finish()
            });
            let there = other.join().unwrap_or_else(|_| Err(anyhow!("the other host panicked")));
            // Who failed first is told.
            match (done, there) {
                (Ok(done), there) => there.map(|()| done),
                (Err(_), Err(there)) => Err(there.context("on the other host")),
                (done, Ok(())) => done,
            }
        })
    })
}

/// Bits of the prefix.
fn length(address: &str) -> &'static str {
    if address.contains(':') { "/64" } else { "/24" }
}
