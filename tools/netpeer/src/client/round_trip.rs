//! One connection, on which a piece goes and comes back before the next one goes.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use anax_pattern::{Direction, Pattern};
use anyhow::{Context as _, ensure};

use crate::{Target, Verdict};

/// So many pieces of so many bytes, each verified.
pub fn round_trips(target: &Target, count: u64, size: usize) -> Verdict {
    let begin = Instant::now();
    let mut verdict = Verdict::default();
    let mut times = Vec::new();
    if let Err(error) = run(target, count, size, &mut times) {
        verdict.complain(format!("round trip {}: {error:#}", times.len()));
    }
    verdict.count("round_trips", times.len() as u64).seconds(begin.elapsed()).times(&mut times)
}

fn run(target: &Target, count: u64, size: usize, times: &mut Vec<Duration>) -> anyhow::Result<()> {
    let mut stream = target.connect(target.ports.echo)?;
    let (mut sent, mut came) = (vec![0; size], vec![0; size]);
    for number in 0..count {
        Pattern::new(number, Direction::ToGuest).fill(0, &mut sent);
        let begin = Instant::now();
        // What does not fit into the buffers on the way has to be taken back meanwhile.
        let mut back = 0;
        for piece in sent.chunks(32 << 10) {
            stream.write_all(piece).context("the guest takes no more")?;
            stream.read_exact(&mut came[back..back + piece.len()]).context("nothing comes back")?;
            back += piece.len();
        }
        times.push(begin.elapsed());
        let wrong = sent.iter().zip(&came).position(|(sent, came)| sent != came);
        ensure!(wrong.is_none(), "byte {} of {size} came back wrong", wrong.unwrap_or_default());
    }
    Ok(())
}
