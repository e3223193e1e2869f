//! Errands with a guest that is a thread of the test, by way of the rendezvous: loss, refusals, ends.

use std::collections::VecDeque;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use anax_control::{Decoder, ToHost};

use super::*;
use crate::{Errand, News, Ready, Rendezvous, guests};

/// What the guest does with each message that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Answers.
    Answer,
    /// Has not heard it.
    Lose,
    /// Hears it, and its answer is lost.
    Mutter,
    /// Refuses.
    Refuse,
    /// The machine ends.
    End,
}

/// What a guest has run: commands and file.
type Ran = (String, Vec<u8>);

/// A guest that does those deeds and then answers, and what it has run.
fn guest(told: Told, mut line: UnixStream, mut deeds: VecDeque<Deed>) -> Ran {
    told.tell(&Event::Ready(Ready { cpus: 1, memory_kib: 0, entry_tsc: 0, ready_tsc: 1, tsc_hz: 1 }));
    let (mut decoder, mut byte, mut here, mut announced) = (Decoder::new(), [0], Vec::new(), 0);
    while line.read_exact(&mut byte).is_ok() {
        let Some(frame) = decoder.push(byte[0]) else { continue };
        let frame = frame.expect("whole");
        let message = frame.message().expect("a message");
        let deed = deeds.pop_front().unwrap_or(Deed::Answer);
        if deed == Deed::Lose {
            continue;
        }
        let answer = match message {
            ToGuest::File { id, bytes, .. } => {
                (here, announced) = (Vec::new(), bytes);
                ToHost::Taken { id, bytes: 0 }
            }
            ToGuest::Part { id, offset, bytes } => {
                if offset as usize == here.len() {
                    here.extend_from_slice(bytes);
                }
                ToHost::Taken { id, bytes: here.len() as u32 }
            }
            ToGuest::Exec { id, commands } => {
                assert_eq!(here.len(), announced as usize);
                for said in [
                    ToHost::Accepted { id },
                    ToHost::Output { id: id + 1, stream: Stream::Out, bytes: b"another's" },
                    ToHost::Output { id, stream: Stream::Out, bytes: b"done\n" },
                    ToHost::Exit { id, status: 7 },
                ] {
                    told.tell(&said.into());
                }
                return (commands.to_owned(), here);
            }
        };
        match (deed, answer) {
            (Deed::Refuse, ToHost::Taken { id, .. }) => {
                told.tell(&ToHost::NotTaken { id, why: NotTaken::Memory }.into());
            }
            (Deed::Answer, answer) => told.tell(&answer.into()),
            (Deed::End, _) => told.tell(&Event::Ended { code: None }),
            _ => {}
        }
    }
    (String::new(), here)
}

/// An errand by the rendezvous, what was told about it, and what the guest has run.
fn errand(folder: &Path, deeds: &[Deed]) -> (Result<u8, String>, Vec<News>, Ran) {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    let control = ControlWriter::default();
    control.connect(Box::new(ours));
    let (courier, told) = Courier::new(control.clone());
    let deeds = deeds.iter().copied().collect();
    let guest = thread::spawn(move || guest(told, theirs, deeds));
    let rendezvous = Rendezvous::open(folder, "one", courier).expect("a socket");
    let mut found = guests(folder);
    assert_eq!(found.len(), 1);
    let mut news = Vec::new();
    let what = Errand { commands: "swap".into(), file: content() };
    let ended = found.remove(0).run(&what, &mut |one| news.push(one.clone()));
    drop(rendezvous);
    assert!(guests(folder).is_empty());
    // The line is closed.
    control.connect(Box::new(std::io::sink()));
    (ended, news, guest.join().expect("the guest"))
}

fn content() -> Vec<u8> {
    (0..3 * MAX_PART + 7).map(|number| number as u8).collect()
}

#[test]
fn a_file_arrives_whole_and_its_command_runs_once() {
    let folder = tempfile::tempdir().expect("a folder");
    use Deed::{Answer, Lose, Mutter};
    for deeds in [&[][..], &[Lose, Answer, Lose, Mutter, Answer]] {
        let (ended, news, ran) = errand(folder.path(), deeds);
        assert_eq!(ended, Ok(7));
        assert_eq!(ran, ("swap".into(), content()));
        let all = content().len() as u32;
        assert!(news.contains(&News::Sent(0, all)) && news.contains(&News::Sent(all, all)), "{news:?}");
        assert_eq!(news.last(), Some(&News::Output(Stream::Out, b"done\n".to_vec())));
    }
}

#[test]
fn what_is_not_taken_runs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ended, _, ran) = errand(folder.path(), &[Deed::Answer, Deed::Refuse]);
    assert_eq!(ended, Err("the guest does not take the file: the guest has no memory for it".into()));
    assert_eq!(ran.0, "");
    let (ended, ..) = errand(folder.path(), &[Deed::Answer, Deed::Answer, Deed::End]);
    assert_eq!(ended, Err("the guest has ended".into()));
}

#[test]
fn what_others_have_left_is_no_guest() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("dead")).expect("a socket"));
    assert!(guests(folder.path()).is_empty());
    assert!(!folder.path().join("dead").exists());
    let courier = || Courier::new(ControlWriter::default()).0;
    let _one = Rendezvous::open(folder.path(), "one", courier()).expect("a socket");
    let again = Rendezvous::open(folder.path(), "one", courier()).expect_err("taken");
    assert_eq!(again.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(guests(folder.path()).len(), 1);
    assert!(guests(&folder.path().join("nothing")).is_empty());
}
