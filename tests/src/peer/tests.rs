//! The peer against echoes in the same process: a good one, and each way to be a bad one.

use std::thread;

use super::*;

/// Runs a plan against a guest that answers each frame with what `answer` makes of it.
fn run(
    plan: &Plan,
    mut answer: impl FnMut(u64, Vec<u8>) -> Vec<Vec<u8>> + Send + 'static,
) -> anyhow::Result<Report> {
    let peer = Peer::bind(0)?;
    let guest = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (port, to) = (guest.local_addr()?.port(), peer.port());
    guest.set_read_timeout(Some(Duration::from_secs(2)))?;
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        let mut count = 0;
        while let Ok(length) = guest.recv(&mut bytes) {
            let mut frame = bytes[..length].to_vec();
            frame[..12].rotate_left(6);
            for frame in answer(count, frame) {
                guest.send_to(&frame, (Ipv4Addr::LOCALHOST, to)).expect("the peer is there");
            }
            count += 1;
        }
    });
    peer.run(port, plan, |_| Continue::Go)
}

fn plan(frames: u64) -> Plan {
    Plan { patience: Duration::from_millis(300), first: Duration::from_secs(5), ..Plan::new(frames) }
}

#[test]
fn an_echo_is_perfect() {
    let report = run(&plan(500), |_, frame| vec![frame]).expect("it answers");
    report.expect_perfect().expect("it is an echo");
    assert_eq!((report.sent, report.foreign), (500, 0));
    assert!(report.bytes > 500 * 60);
}

#[test]
fn each_fault_is_counted() {
    let mut kept = vec![];
    // The first is the call.
    let report = run(&plan(20), move |count, mut frame| match count {
        3 => vec![frame.clone(), frame],
        5 => vec![],
        7 => {
            kept = vec![frame];
            vec![]
        }
        8 => vec![frame, kept.remove(0)],
        10 => {
            let last = frame.len() - 1;
            frame[last] ^= 1;
            vec![frame]
        }
        11 => {
            frame.pop();
            vec![frame]
        }
        // Not swapped.
        12 => {
            frame[..12].rotate_left(6);
            vec![frame]
        }
        13 => vec![frame, vec![0; 60], b"short".to_vec()],
        _ => vec![frame],
    });
    let report = report.expect("it answers");
    assert_eq!(
        report,
        Report {
            sent: 20,
            echoed: 16,
            lost: 4,
            duplicates: 1,
            reordered: 1,
            corrupted: 3,
            foreign: 2,
            bytes: report.bytes,
            longest_pause: report.longest_pause
        }
    );
    assert!(report.expect_perfect().is_err() && report.expect_whole().is_err());
}

#[test]
fn what_was_lost_may_turn_up() {
    let mut kept = None;
    let report = run(&Plan { window: 4, ..plan(40) }, move |count, frame| match count {
        2 => {
            kept = Some(frame);
            vec![]
        }
        30 => [Some(frame), kept.take()].into_iter().flatten().collect(),
        _ => vec![frame],
    });
    let report = report.expect("it answers");
    assert_eq!((report.echoed, report.lost, report.reordered), (40, 0, 1));
    report.expect_whole().expect("it is all there");
}

#[test]
fn a_silent_guest_is_an_error_and_a_run_can_be_stopped() {
    let silent = Plan { first: Duration::from_millis(250), ..plan(1) };
    let error = run(&silent, |_, _| vec![]).expect_err("nobody answers");
    assert!(error.to_string().contains("not sent back one of 3 frames"), "{error}");
    // Nobody has the port, and nobody waits.
    let peer = Peer::bind(0).expect("a free port");
    let stopped = peer.run(9, &plan(1), |_| Continue::Stop).expect("it was stopped");
    assert_eq!(stopped, Report::default());
    assert!(Peer::bind(peer.port()).is_err());
}

#[test]
fn plans_are_checked() {
    let bad = [
        Plan { sizes: 59..=100, ..plan(1) },
        Plan { sizes: 60..=1515, ..plan(1) },
        Plan { sizes: RangeInclusive::new(100, 99), ..plan(1) },
        Plan { window: 0, ..plan(1) },
        Plan { window: 257, ..plan(1) },
    ];
    for plan in bad {
        assert!(Peer::bind(0).expect("a free port").run(9, &plan, |_| Continue::Go).is_err(), "{plan:?}");
    }
    let sizes = |plan: &Plan| {
        let pattern = Pattern::new(plan.run, plan.sizes.clone());
        (0..200).map(move |number| pattern.frame(Kind::Numbered, number).len()).collect::<Vec<_>>()
    };
    let all = sizes(&plan(1));
    assert_eq!((all.iter().min(), all.iter().max()), (Some(&SHORTEST), Some(&LONGEST)));
    assert!(sizes(&Plan { sizes: 100..=100, ..plan(1) }).iter().all(|size| *size == 100));
}
