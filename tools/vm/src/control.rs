//! The host's end of the control line: bytes from COM2 become events, commands become frames.

use std::io::{self, Read, Write};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use anax_control::{Decoder, FrameError, MAX_FRAME, Sequence, ToGuest, ToHost, VERSION, encode};

use crate::Event;

/// Sends to the guest, once its emulator has connected.
#[derive(Clone, Default)]
pub(crate) struct ControlWriter {
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    stream: Option<Box<dyn Write + Send>>,
    sequence: Sequence,
}

impl ControlWriter {
    /// Takes over the connection.
    pub(crate) fn connect(&self, stream: Box<dyn Write + Send>) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).stream = Some(stream);
    }

    /// Sends `message` in one frame.
    ///
    /// # Errors
    /// `InvalidInput` if it is too long, `NotConnected` before [`ControlWriter::connect`], else the socket's.
    pub(crate) fn send(&self, message: &ToGuest<'_>) -> io::Result<()> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let Line { stream, sequence } = &mut *line;
        let stream = stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let mut buffer = [0; MAX_FRAME];
        let frame = encode(sequence.take(), message, &mut buffer)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"))?;
        stream.write_all(frame)?;
        stream.flush()
    }
}

/// Reads frames until the emulator hangs up and reports each; reports a loss once and goes on, so that the
/// rest of the run can still be looked at.
///
/// A driver that dies in the guest damages a frame, and its client sends it again, with others that had come: what counts is whether
/// a number is missing. A guest that begins anew, since whoever had sent the frames has died, does so with a greeting.
pub(crate) fn read(mut stream: impl Read, events: &Sender<Event>) {
    let mut decoder = Decoder::new();
    let mut due = Sequence::new();
    let mut received = false;
    let mut damage = None;
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        for &byte in &buffer[..length] {
            let Some(result) = decoder.push(byte) else { continue };
            let frame = match result {
                // A firmware may have written to the line before the kernel did.
                Err(_) if !received => continue,
                Err(error) => {
                    damage.get_or_insert(error);
                    continue;
                }
                Ok(frame) => frame,
            };
            received = true;
            let message = frame.message::<ToHost<'_>>();
            if frame.sequence == 0 && matches!(message, Ok(ToHost::Hello { .. })) {
                due = Sequence::new();
            }
            let damage = damage.take();
            if due.has_come(frame.sequence) {
                continue;
            }
            if let Err(expected) = due.check(frame.sequence) {
                let complaint = format!(
                    "the control line lost something: frame {} came where {expected} was due",
                    frame.sequence
                );
                let lost = damage.map_or(Event::Garbled { complaint }, garbled);
                let _ = events.send(lost);
            }
            let event = match message {
                Ok(ToHost::Hello { version }) if version != VERSION => Event::Garbled {
                    complaint: format!(
                        "the guest speaks version {version} of the control protocol, this tool {VERSION}"
                    ),
                },
                Ok(message) => message.into(),
                Err(error) => garbled(error),
            };
            if events.send(event).is_err() {
                return;
            }
        }
    }
    if let Some(error) = damage {
        let _ = events.send(garbled(error));
    }
}

fn garbled(error: FrameError) -> Event {
    Event::Garbled { complaint: format!("the control line brought {error}") }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn frames(messages: &[(u32, ToHost<'_>)]) -> Vec<u8> {
        let mut line = Vec::new();
        for (sequence, message) in messages {
            line.extend(encode(*sequence, message, &mut [0; MAX_FRAME]).expect("fits"));
        }
        line
    }

    fn events(line: &[u8]) -> Vec<Event> {
        let (sender, receiver) = mpsc::channel();
        read(line, &sender);
        drop(sender);
        receiver.into_iter().collect()
    }

    #[test]
    fn noise_before_the_first_frame_is_the_firmwares() {
        let mut line = b"SeaBIOS\0".to_vec();
        line.extend(frames(&[(0, ToHost::Hello { version: VERSION })]));
        assert_eq!(events(&line), [Event::Hello { version: VERSION }]);
    }

    #[test]
    fn noise_is_reported_if_something_is_missing() {
        let hello = ToHost::Hello { version: VERSION };
        let exit = ToHost::Exit { id: 1, status: 0 };
        let with_noise = |last: &[(u32, ToHost<'_>)]| {
            let mut line = frames(&[(0, hello)]);
            line.extend(b"noise\0");
            line.extend(frames(last));
            events(&line)
        };
        assert_eq!(with_noise(&[(1, exit)])[1], Event::Exit { id: 1, status: 0 });
        for lost in [with_noise(&[(2, exit)]), with_noise(&[])] {
            assert!(matches!(lost[1], Event::Garbled { .. }), "{lost:?}");
        }
        assert_eq!(with_noise(&[(2, exit)])[2], Event::Exit { id: 1, status: 0 });
    }

    #[test]
    fn what_comes_again_is_no_news() {
        let hello = ToHost::Hello { version: VERSION };
        let accepted = |id| ToHost::Accepted { id };
        let mut line = frames(&[(0, hello), (1, accepted(1)), (2, accepted(2))]);
        // The driver has died over the last one.
        line.truncate(line.len() - 3);
        line.extend(frames(&[(1, accepted(1)), (2, accepted(2)), (3, accepted(3))]));
        let accepted = [1, 2, 3].map(|id| Event::Accepted { id });
        assert_eq!(events(&line)[1..], accepted);
    }

    #[test]
    fn a_guest_may_begin_anew() {
        let hello = ToHost::Hello { version: VERSION };
        let accepted = ToHost::Accepted { id: 1 };
        let line = frames(&[(0, hello), (1, accepted), (0, hello), (1, accepted)]);
        let both = [Event::Hello { version: VERSION }, Event::Accepted { id: 1 }];
        assert_eq!(events(&line), both.clone().into_iter().chain(both).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_frame_is_reported_before_the_next_one() {
        let line = frames(&[(0, ToHost::Hello { version: VERSION }), (2, ToHost::Exit { id: 1, status: 0 })]);
        let events = events(&line);
        assert!(matches!(events[1], Event::Garbled { .. }), "{events:?}");
    }

    #[test]
    fn another_version_is_reported() {
        let events = events(&frames(&[(0, ToHost::Hello { version: VERSION + 1 })]));
        assert!(matches!(events[..], [Event::Garbled { .. }]), "{events:?}");
    }

    #[test]
    fn commands_can_be_sent_once_connected() {
        let writer = ControlWriter::default();
        let exec = ToGuest::Exec { id: 1, commands: "true" };
        assert_eq!(writer.send(&exec).expect_err("nobody there").kind(), io::ErrorKind::NotConnected);
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        writer.connect(Box::new(ours));
        writer.send(&exec).expect("sent");
        drop(writer);
        let mut line = Vec::new();
        theirs.read_to_end(&mut line).expect("read");
        let mut decoder = Decoder::new();
        let received = line.iter().find_map(|&byte| {
            decoder.push(byte).map(|frame| {
                let frame = frame.expect("whole");
                matches!(frame.message(), Ok(ToGuest::Exec { id: 1, commands: "true" }))
                    && frame.sequence == 0
            })
        });
        assert_eq!(received, Some(true));
    }
}
