//! The services without patterns, which other systems offer, too: what they are measured by.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};

use crate::{Target, Verdict};

const PIECE: usize = 256 << 10;

/// So many streams to the guest of so many bytes each, which says how many have come.
pub fn sink(target: &Target, streams: u64, bytes: u64) -> Verdict {
    all(target, target.ports.sink, streams, bytes, |stream| {
        let zeros = vec![0; PIECE];
        let mut left = bytes;
        while left > 0 {
            let piece = PIECE.min(left.try_into().unwrap_or(PIECE));
            stream.write_all(&zeros[..piece]).context("the guest takes no more")?;
            left -= piece as u64;
        }
        stream.shutdown(Shutdown::Write)?;
        let mut counted = [0; 8];
        stream.read_exact(&mut counted).context("the guest's count")?;
        let counted = u64::from_le_bytes(counted);
        ensure!(counted == bytes, "the guest counted {counted} of {bytes} bytes");
        Ok(())
    })
}

/// So many streams from the guest, which are closed after so many bytes each.
pub fn source(target: &Target, streams: u64, bytes: u64) -> Verdict {
    all(target, target.ports.source, streams, bytes, |stream| {
        let mut buffer = vec![0; PIECE];
        let mut came = 0;
        while came < bytes {
            let count = stream.read(&mut buffer).context("the guest sends no more")?;
            ensure!(count > 0, "the guest closed after {came} bytes");
            came += count as u64;
        }
        Ok(())
    })
}

fn all(
    target: &Target,
    port: u16,
    streams: u64,
    bytes: u64,
    work: impl Fn(&mut TcpStream) -> anyhow::Result<()> + Sync,
) -> Verdict {
    let begin = Instant::now();
    let mut verdict = Verdict::default();
    thread::scope(|scope| {
        let work = &work;
        let one = |_| scope.spawn(move || work(&mut target.connect(port)?));
        for (number, running) in (0..streams).map(one).collect::<Vec<_>>().into_iter().enumerate() {
            if let Err(error) = running.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked"))) {
                verdict.complain(format!("stream {number}: {error:#}"));
            }
        }
    });
    let seconds = begin.elapsed();
    let all = streams * bytes;
    verdict
        .count("streams", streams)
        .count("bytes", all)
        .seconds(seconds)
        .with("mb_per_s", all as f64 / 1e6 / seconds.as_secs_f64().max(1e-9))
}
