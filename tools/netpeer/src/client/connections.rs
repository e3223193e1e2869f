//! Connections for their own sake: many one after the other, and many that stay.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};

use crate::files::allow_files;
use crate::{Target, Verdict};

/// How many connections that are to stay are being opened at a time.
const OPENERS: usize = 8;

/// Opens so many connections, so many at a time; the guest closes each, and then this side does.
pub fn open_close(target: &Target, count: u64, parallel: u64) -> Verdict {
    let begin = Instant::now();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut verdict = Verdict::default();
    let one_after_the_other = || -> anyhow::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            let mut stream =
                target.connect(target.ports.close).with_context(|| format!("connection {number}"))?;
            let came = stream.read(&mut [0]).with_context(|| format!("connection {number} does not end"))?;
            ensure!(came == 0, "data on connection {number}");
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut times = 0;
    thread::scope(|scope| {
        let running: Vec<_> = (0..parallel).map(|_| scope.spawn(one_after_the_other)).collect();
        for running in running {
            times += 1;
            if let Err(error) = running.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked"))) {
                verdict.complain(format!("{error:#}"));
            }
        }
    });
    let (done, seconds) = (done.into_inner(), begin.elapsed());
    if done != count && verdict.is_good() {
        verdict.complain(format!("{done} of {count} connections"));
    }
    verdict
        .count("connections", done)
        .count("parallel", times)
        .seconds(seconds)
        .with("per_s", done as f64 / seconds.as_secs_f64().max(1e-9))
}

/// Opens so many connections, holds all of them for so long, and has a byte come back on each at the end.
///
/// `held` is called when all are open.
pub fn hold(target: &Target, count: u64, time: Duration, held: impl FnOnce()) -> Verdict {
    let begin = Instant::now();
    let mut verdict = Verdict::default();
    allow_files(count);
    let (next, open) = (AtomicU64::new(0), Mutex::new(Vec::<(u64, TcpStream)>::new()));
    let one_after_the_other = || -> anyhow::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            let connected = target.connect(target.ports.echo);
            // If one fails, the next ones would take as long to fail.
            let stream = connected
                .inspect_err(|_| next.store(count, Ordering::Relaxed))
                .with_context(|| format!("connection {number}"))?;
            open.lock().unwrap_or_else(PoisonError::into_inner).push((number, stream));
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..OPENERS).map(|_| scope.spawn(one_after_the_other)).collect();
        for running in running {
            if let Err(error) = running.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked"))) {
                verdict.complain(format!("{error:#}"));
            }
        }
    });
    let open = open.into_inner().unwrap_or_else(PoisonError::into_inner);
    let opened = begin.elapsed();
    held();
    thread::sleep(time);
    let mut alive = 0;
    // First all, then all: nothing on them has been quiet for longer than it has to be.
    let sent: Vec<_> = open
        .iter()
        .map(|(number, stream)| {
            let mut stream = stream;
            stream.write_all(&[*number as u8])
        })
        .collect();
    for ((number, stream), sent) in open.iter().zip(sent) {
        match sent.map_err(Into::into).and_then(|()| comes_back(stream, *number as u8)) {
            Ok(()) => alive += 1,
            Err(error) => verdict.complain(format!("connection {number}: {error:#}")),
        }
    }
    verdict
        .count("connections", open.len() as u64)
        .count("alive", alive)
        .with("opened_s", opened.as_secs_f64())
        .seconds(begin.elapsed())
}

fn comes_back(mut stream: &TcpStream, byte: u8) -> anyhow::Result<()> {
    let mut came = [0];
    stream.read_exact(&mut came).context("its byte does not come back")?;
    ensure!(came == [byte], "{} came back instead of {byte}", came[0]);
    Ok(())
}
