//! What a connection costs the network server while nothing happens on it: the server's own memory, as `ps` has it, with so many more connections open.
//!
//! The engine's record, the socket, their places in tables and what the heap loses between them are in it. The rings lie in the program's own memory.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use netpeer::client;
use system_tests::Context;

use super::super::row::{Counted, Row};
use super::guest::{self, Kind, Offload};

/// Connections that are open before, so that what is there once is there; and more.
const FEW: u64 = 100;
const MORE: u64 = 1000;
/// Bytes that one may cost.
const MOST: f64 = 1024.0;
/// Boots at most, of which the least counts: what a burst has made room for stays with the server, and how many connections come at once is the host's chance.
const BOOTS: u32 = 3;
/// The guest prints its list meanwhile.
const LIST: Duration = Duration::from_millis(500);

/// The row.
pub(super) fn row(context: &Context<'_>) -> anyhow::Result<Row> {
    let mut bytes = measure(context)?;
    for _ in 1..BOOTS {
        if bytes <= MOST {
            break;
        }
        bytes = bytes.min(measure(context)?);
    }
    let row = Row::new("net.socket_memory_bytes", bytes.round(), "bytes", Counted::Crowd);
    Ok(Row { limit: Some(MOST), ..row })
}

/// Bytes that a connection costs, in one boot.
fn measure(context: &Context<'_>) -> anyhow::Result<f64> {
    let kind = Kind { log: "memory", cpus: 1, offload: Offload::None, plugin: &[], archive: None };
    let (_, told) = guest::within(context, &kind, "nc -l 9 ; ps ; nc -l 9 ; ps ;", |guest| {
        let mut listed = Ok(());
        let list = || guest.go_on().map(|()| thread::sleep(LIST));
        let few = client::hold(&guest.target, FEW, Duration::ZERO, || {
            listed = list().and_then(|()| {
                let mut second = Ok(());
                client::hold(&guest.target, MORE, Duration::ZERO, || second = list()).expect_good()?;
                second
            });
        });
        few.expect_good()?;
        listed
    })?;
    let kib = of_server(&told);
    let [before, with, ..] = kib[..] else { anyhow::bail!("there are no two lists: {told}") };
    ensure!(with > before, "{before} KiB and {with} KiB: nothing was opened");
    Ok(((with - before) * 1024) as f64 / MORE as f64)
}

/// KiB of the network server, in each list of processes.
fn of_server(told: &str) -> Vec<u64> {
    let kib = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, "net", "runs", _, _, kib, ..] = words[..] else { return None };
        kib.parse().ok()
    };
    told.lines().filter_map(kib).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list() {
        let told = "process  program  state  restarts  CPU ms  memory KiB  messages\n\
            5  net  runs  0  3298  2356  0\n  6  netty  runs  0  1  2  0\n 5  net  runs  0  3300  3000  0\r\n";
        assert_eq!(of_server(told), [2356, 3000]);
    }
}
