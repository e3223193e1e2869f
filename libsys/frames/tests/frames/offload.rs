//! What is to be done with a frame, and frames that need several buffers.

use anax_abi::{Error, Message};
use anax_frames::{
    Asked, BUFFER_BYTES, Event, Internet, MAX_CUT, Offload, Segmentation, TRANSMIT, Transport,
};
use anax_ring::{Completion, Payload, Requester, Side};
use proptest::prelude::*;

use crate::{BUFFERS, Memory, settle, taken};

const PLAIN: Offload = Offload {
    internet: Internet::V4,
    internet_at: 14,
    transport: Transport::Tcp,
    transport_at: 34,
    segmentation: None,
};
const CUT: Offload = Offload { segmentation: Some(Segmentation { header: 54, mss: 1460 }), ..PLAIN };

fn offloads() -> impl Strategy<Value = Offload> {
    let protocols = (any::<bool>(), any::<bool>());
    let segmentation = prop::option::of((any::<u8>(), 1..=u16::MAX));
    (protocols, any::<u8>(), any::<u8>(), segmentation).prop_map(
        |((v6, udp), internet_at, transport_at, cut)| Offload {
            internet: if v6 { Internet::V6 } else { Internet::V4 },
            internet_at,
            transport: if udp { Transport::Udp } else { Transport::Tcp },
            transport_at,
            segmentation: cut.map(|(header, mss)| Segmentation { header, mss }),
        },
    )
}

proptest! {
    #[test]
    fn each_offload_has_one_word(offload in offloads(), word in any::<u64>()) {
        prop_assert_eq!(Offload::from_word(offload.to_word()), Ok(Some(offload)));
        if let Ok(Some(other)) = Offload::from_word(word) {
            prop_assert_eq!(other.to_word(), word);
        }
    }
}

#[test]
fn a_long_frame_goes_in_buffers_one_behind_the_other() {
    let (memory, geometry) = Memory::new();
    let mut supervisor = memory.supervisor(geometry);
    let (mut client, mut driver) = (memory.client(0), memory.driver());
    // Two single ones with one between them that was given back: what is left in one piece are five.
    let singles = [(); 3].map(|()| client.buffer().expect("a free one"));
    let [first, second, third] = singles;
    client.release(second);
    assert!(client.buffer_of(6 * BUFFER_BYTES).is_none());
    let long = client.buffer_of(4 * BUFFER_BYTES + 1).expect("five");
    assert_eq!((long.bytes().len(), client.free()), (5 * BUFFER_BYTES, 1));
    let length = 5 * BUFFER_BYTES;
    for word in 0..length / 8 {
        long.bytes().write_u64(word * 8, word as u64).expect("within");
    }
    let refused = client.transmit(long, length, 3).expect_err("too long for one frame");
    assert_eq!(refused.reason, Error::BadArgument);
    client.transmit_with(refused.buffer, length, Some(CUT), 3).expect("it is taken");
    client.transmit_with(first, 60, Some(PLAIN), 4).expect("it is taken");
    settle(&mut client);
    let mut loans = taken(&mut driver);
    let (_, short) = loans.pop().expect("two");
    let (_, loan) = loans.pop().expect("two");
    assert_eq!((loan.offload, loan.length as usize, short.offload), (Some(CUT), length, Some(PLAIN)));
    assert_eq!(memory.pool().read_u64(loan.offset as usize + length - 8), Ok(length as u64 / 8 - 1));
    // The driver dies of it three times; each successor is asked for the same.
    drop((loan, short));
    for _ in 1..anax_frames::MAX_ATTEMPTS {
        supervisor.rebind().expect("large enough");
        driver = memory.driver();
        assert!(matches!(client.event(), Ok(Event::Replaced(_))));
        settle(&mut client);
        let again: Vec<_> = taken(&mut driver).into_iter().map(|(_, loan)| loan.offload).collect();
        assert_eq!(again, [Some(CUT), Some(PLAIN)]);
    }
    supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    // In the order of their buffers.
    for token in [4, 3] {
        let given_up = client.event();
        assert!(
            matches!(given_up, Ok(Event::Sent { token: told, outcome: Err(Error::PeerDied) }) if told == token)
        );
    }
    client.release(third);
    assert_eq!(client.free(), BUFFERS, "all buffers are back");
}

#[test]
fn what_is_no_offload_or_does_not_fit_is_refused() {
    let (memory, geometry) = Memory::new();
    let _supervisor = memory.supervisor(geometry);
    let mut driver = memory.driver();
    let mut client = Requester::<8>::new(memory.end(Side::Client));
    let long = MAX_CUT as u32;
    for (offset, length, word) in [
        // Nonsense, and what is too long for what is to be done with it.
        (0, 60, 1 << 63),
        (0, 60, 2),
        (0, 2 * BUFFER_BYTES as u32, PLAIN.to_word()),
        (0, 1519, 0),
        (0, 1519, PLAIN.to_word()),
        (0, 40, PLAIN.to_word()),
        (0, 54, CUT.to_word()),
        // Over the pool's end, and over a buffer's for what is not to be cut.
        (BUFFER_BYTES as u64, long, CUT.to_word()),
        (u64::MAX - 5, 3000, CUT.to_word()),
        (BUFFER_BYTES as u64 - 20, 60, PLAIN.to_word()),
    ] {
        let [first, second] = Payload { region: 0, offset, length }.to_words();
        let request = Message { token: 1, ..Message::new(TRANSMIT, [first, second, word, 0, 0]) };
        client.submit(&request).expect("there is room");
        let _ = client.flush().expect("nobody lied");
        assert!(matches!(driver.take(), Ok(Asked::Refused)), "{offset} {length} {word:#x}");
        let _ = driver.flush().expect("nobody lied");
        let Ok(Completion::Reply(reply)) = client.complete() else { panic!("no reply") };
        assert_eq!(reply.outcome(), Err(Error::BadArgument));
    }
}
