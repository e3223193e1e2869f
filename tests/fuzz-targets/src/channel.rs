//! A channel whose shared memory is written by the input: each step is three bytes, what to do and two for how. Whatever is
//! written, the client's requests end once each, and nothing panics. The epoch is posted where the input can't write.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

use anax_abi::Message;
use anax_ring::{
    AtomicU64, Completion, Endpoint, Epoch, Geometry, Requester, Responder, SharedBlock, Side, Supervisor,
    Taken, Ticket,
};

struct Client<'a> {
    requester: Requester<'a, 4>,
    in_flight: BTreeSet<u64>,
    submitted: u64,
}

impl Client<'_> {
    fn submit(&mut self) {
        let token = self.submitted;
        if self.requester.submit(&Message { token, ..Message::new(1, [2; 5]) }).is_ok() {
            self.submitted += 1;
            self.in_flight.insert(token);
        }
    }

    fn complete(&mut self, retry: u8) {
        match self.requester.complete() {
            Ok(Completion::Reply(reply)) => assert!(self.in_flight.remove(&reply.token), "ended twice"),
            Ok(Completion::NewPeer(_)) if retry.is_multiple_of(2) => {
                if let Some(lost) = self.requester.take_lost() {
                    assert!(self.in_flight.remove(&lost.token), "ended twice");
                }
            }
            _ => {}
        }
    }
}

/// Takes an input.
pub fn take(input: &[u8]) {
    let geometry = Geometry::new(2, 4).expect("powers of two");
    let words: Vec<_> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let block = SharedBlock::from_words(&words);
    let posted = AtomicU64::new(0);
    let mut supervisor = Supervisor::posting(block, geometry, &posted).expect("it is large enough");
    let open =
        |side, epoch| Endpoint::watching(block, side, geometry, epoch, &posted).expect("it is large enough");
    let requester = Requester::new(open(Side::Client, Epoch::FIRST));
    let mut client = Client { requester, in_flight: BTreeSet::new(), submitted: 0 };
    let mut server = Responder::new(open(Side::Server, Epoch::FIRST));
    let mut tickets: Vec<Ticket> = vec![];
    for [step, how, more] in input.as_chunks::<3>().0 {
        let word = &words[usize::from(*how) % words.len()];
        match step % 12 {
            0 => client.submit(),
            1 => client.complete(*how),
            2 => drop(client.requester.flush()),
            3 => drop(client.requester.prepare_to_sleep()),
            4 => {
                if let Ok(Taken::Request(_, ticket)) = server.take() {
                    tickets.push(ticket);
                }
            }
            5 => {
                if let Some(ticket) = tickets.pop() {
                    let _ = server.reply(ticket, &Message::new(u32::from(*how), [u64::from(*more); 5]));
                }
            }
            6 => drop(server.flush()),
            7 => drop(server.prepare_to_sleep()),
            8 => word.store(u64::from(*more), Relaxed),
            9 => word.store(u64::from(supervisor.epoch().number()) << 32 | u64::from(*more), Relaxed),
            10 => drop(word.fetch_xor(1 << (more % 64), Relaxed)),
            _ => {
                let epoch = supervisor.rebind().expect("it is as large as ever");
                client.requester.rebind(epoch);
                // Or whatever a successor makes of it.
                server = Responder::new(open(Side::Server, epoch));
            }
        }
        assert_eq!(client.requester.in_flight() as usize, client.in_flight.len());
    }
    client.requester.rebind(supervisor.rebind().expect("it is as large as ever"));
    for _ in 0..8 {
        client.complete(1);
    }
    assert!(client.in_flight.is_empty(), "some never ended");
}
