//! Counters while the guest runs: the plugin's socket (`ask=PATH`) gives each that connects one snapshot, and closes.
//!
//! A guest that knows nothing of markers is measured so, whatever system it is. What the snapshot holds is exact if the guest's CPUs sleep, and
//! otherwise as old as the connection.

use std::io::{BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::{Counts, Header, ReadError, Snapshot, read};

/// What has been counted so far, over all CPUs.
///
/// # Errors
/// If nobody listens at `socket`, or something else than this build's plugin.
pub fn ask(socket: &Path) -> Result<Counts, ReadError> {
    let recording = read(BufReader::new(UnixStream::connect(socket)?))?;
    recording.snapshots.first().map(Snapshot::total).ok_or(ReadError::Line(2))
}

/// Answers all that ask, until the socket fails; `counts` are those of each CPU.
pub fn answer(socket: &UnixListener, counts: impl Fn() -> Vec<Counts>) {
    // Who does not wait for the answer misses it.
    socket.incoming().map_while(Result::ok).for_each(|mut asking| drop(tell(&mut asking, counts())));
}

fn tell(asking: &mut impl Write, counts: Vec<Counts>) -> std::io::Result<()> {
    Header::new(counts.len()).write(asking)?;
    Snapshot { marker: None, vcpu: None, counts }.write(asking)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::Counter;

    #[test]
    fn each_that_asks_is_told() {
        let path = std::env::temp_dir().join(format!("count-format-{}", std::process::id()));
        let socket = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            let mut counts = Counts::default();
            counts[Counter::User] = 3;
            answer(&socket, || vec![counts, counts]);
        });
        for _ in 0..2 {
            assert_eq!(ask(&path).unwrap().instructions(), 6);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(ask(&path), Err(ReadError::Io(_))));
    }
}
