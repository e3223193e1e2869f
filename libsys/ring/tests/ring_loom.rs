//! Channels under the model checker, which tries every interleaving and every stale value that the memory model allows:
//! `RUSTFLAGS='--cfg loom' cargo test -p anax-ring --release --test ring_loom --target-dir target/loom`.
//!
//! A doorbell is a flag under a mutex with a condition variable: it stays rung until somebody waits for it, like the
//! kernel's. A sleeper who is never rung is a deadlock, which the model checker reports.
#![cfg(loom)]

use anax_abi::{Error, Message};
use anax_ring::{
    AtomicU64, Completion, Doorbell, Endpoint, Epoch, Geometry, PushError, Requester, Responder, SharedBlock,
    Side, Sleep, Supervisor, Taken,
};
use loom::sync::atomic::Ordering;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// Runs `body` for every interleaving with at most three preemptions, each time with a block of its own.
fn model(client: u32, server: u32, body: impl Fn(SharedBlock<'static>, Geometry) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    // Not the model's atomics: it counts across executions.
    let executions = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = executions.clone();
    builder.check(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let geometry = Geometry::new(client, server).expect("powers of two");
        let words: Box<[AtomicU64]> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
        let words = Box::into_raw(words);
        // SAFETY: freed below, after `body` has joined all threads that it gave the block to.
        body(SharedBlock::from_words(unsafe { &*words }), geometry);
        // SAFETY: made by `into_raw` above; nobody uses it any more.
        drop(unsafe { Box::from_raw(words) });
    });
    println!("{} executions", executions.load(std::sync::atomic::Ordering::Relaxed));
}

fn message(number: u64) -> Message {
    Message { token: number, ..Message::new(number as u32, [number + 1, 0, 0, 0, number + 2]) }
}

/// Whether all of it is there.
fn whole(received: &Message, number: u64) -> bool {
    *received == message(number)
}

/// The kernel's notification of one side.
#[derive(Clone)]
struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn ring(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_one();
    }

    fn answer(&self, doorbell: Doorbell) {
        if doorbell == Doorbell::Ring {
            self.ring();
        }
    }

    fn wait(&self) {
        let mut rung = self.0.0.lock().unwrap();
        while !*rung {
            rung = self.0.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Nothing lost, doubled, reordered or half-written, through a ring that is smaller than what passes.
#[test]
fn messages_arrive_once_and_in_order() {
    model(2, 1, |block, geometry| {
        Supervisor::create(block, geometry).unwrap();
        let mut client = Endpoint::open(block, Side::Client).unwrap();
        let mut server = Endpoint::open(block, Side::Server).unwrap();
        let sender = thread::spawn(move || {
            let mut sent = 0;
            for _ in 0..6 {
                match client.producer.push(&message(sent)) {
                    Ok(()) => sent += 1,
                    Err(PushError::Full) => thread::yield_now(),
                    Err(PushError::Misbehaved) => panic!("nobody lies here"),
                }
                let _ = client.producer.publish().unwrap();
            }
            sent
        });
        let mut received = 0;
        let mut take = |tries| {
            for _ in 0..tries {
                if let Some(message) = server.consumer.pop().unwrap() {
                    assert!(whole(&message, received), "{message:?} is not message {received}");
                    received += 1;
                    let _ = server.consumer.release().unwrap();
                }
            }
        };
        take(4);
        let sent = sender.join().unwrap();
        take(6);
        assert_eq!(received, sent);
    });
}

/// A receiver that sleeps whenever it may is rung for every message that it did not see.
#[test]
fn no_doorbell_is_lost() {
    model(4, 1, |block, geometry| {
        Supervisor::create(block, geometry).unwrap();
        let mut client = Endpoint::open(block, Side::Client).unwrap();
        let mut server = Endpoint::open(block, Side::Server).unwrap();
        let bell = Bell::new();
        let sender = thread::spawn({
            let bell = bell.clone();
            move || {
                for number in 0..4 {
                    client.producer.push(&message(number)).unwrap();
                    bell.answer(client.producer.publish().unwrap());
                }
            }
        });
        let mut received = 0;
        while received < 4 {
            match server.consumer.pop().unwrap() {
                Some(_) => received += 1,
                None if server.prepare_to_sleep().unwrap() == Sleep::MaySleep => bell.wait(),
                None => {}
            }
        }
        sender.join().unwrap();
    });
}

/// A sender that sleeps on a full ring is rung when there is room.
#[test]
fn no_room_is_lost() {
    model(1, 1, |block, geometry| {
        Supervisor::create(block, geometry).unwrap();
        let mut client = Endpoint::open(block, Side::Client).unwrap();
        let mut server = Endpoint::open(block, Side::Server).unwrap();
        client.producer.push(&message(0)).unwrap();
        let _ = client.producer.publish().unwrap();
        let bell = Bell::new();
        let receiver = thread::spawn({
            let bell = bell.clone();
            move || {
                assert!(server.consumer.pop().unwrap().is_some());
                bell.answer(server.consumer.release().unwrap());
                server
            }
        });
        while client.producer.push(&message(1)) == Err(PushError::Full) {
            if client.producer.prepare_to_sleep().unwrap() == Sleep::MaySleep {
                bell.wait();
            }
        }
        let _ = client.producer.publish().unwrap();
        let mut server = receiver.join().unwrap();
        assert!(whole(&server.consumer.pop().unwrap().expect("it was published"), 1));
    });
}

/// A position that changes while it is looked at is believed as it was read, once.
#[test]
fn a_changing_position_is_read_once() {
    model(1, 1, |block, geometry| {
        Supervisor::create(block, geometry).unwrap();
        let mut server = Endpoint::open(block, Side::Server).unwrap();
        let liar = thread::spawn(move || {
            let position = &block.words()[geometry.ring(Side::Client).producer];
            let epoch = u64::from(Epoch::FIRST.number()) << 32;
            position.store(epoch | 1, Ordering::Relaxed);
            position.store(epoch | 1000, Ordering::Relaxed);
        });
        let taken = (0..4).map_while(|_| server.consumer.pop().ok().flatten()).count();
        assert!(taken <= 1, "{taken} messages out of a ring of one");
        liar.join().unwrap();
    });
}

/// A successor that goes to sleep is rung, though the client finds the flag while it still lives in the old epoch.
#[test]
fn a_successors_flag_is_left_alone() {
    model(1, 1, |block, geometry| {
        let mut supervisor = Supervisor::create(block, geometry).unwrap();
        let mut client = Endpoint::open(block, Side::Client).unwrap();
        let mut old = Endpoint::open(block, Side::Server).unwrap();
        assert_eq!(old.prepare_to_sleep(), Ok(Sleep::MaySleep));
        let bells = [Bell::new(), Bell::new()];
        let server = thread::spawn({
            let [client_bell, server_bell] = bells.clone();
            move || {
                supervisor.rebind().unwrap();
                client_bell.ring();
                let mut successor = Endpoint::open(block, Side::Server).unwrap();
                loop {
                    if let Some(message) = successor.consumer.pop().unwrap() {
                        break assert!(whole(&message, 2));
                    }
                    if successor.prepare_to_sleep().unwrap() == Sleep::MaySleep {
                        server_bell.wait();
                    }
                }
            }
        });
        let [client_bell, server_bell] = bells;
        client.producer.push(&message(1)).unwrap();
        server_bell.answer(client.producer.publish().unwrap());
        client_bell.wait();
        let epoch = client.moved().unwrap().expect("it was posted before the bell");
        client.rebind(epoch);
        client.producer.push(&message(2)).unwrap();
        server_bell.answer(client.producer.publish().unwrap());
        server.join().unwrap();
    });
}

/// However a request races with a change of the answering program, its doorbell is not lost, and it is answered.
#[test]
fn a_successor_hears_what_its_predecessor_did_not() {
    model(1, 1, |block, geometry| {
        let supervisor = Supervisor::create(block, geometry).unwrap();
        let mut client = Requester::<1>::new(Endpoint::open(block, Side::Client).unwrap());
        let mut first = Responder::new(Endpoint::open(block, Side::Server).unwrap());
        assert_eq!(first.prepare_to_sleep(), Ok(Sleep::MaySleep));
        let bells = [Bell::new(), Bell::new()];
        let server = thread::spawn({
            let [client_bell, server_bell] = bells.clone();
            move || {
                let (state, doorbell) = first.suspend().unwrap();
                client_bell.answer(doorbell);
                // The header's last word is the epoch.
                let (epoch, posted) = (supervisor.epoch(), &block.words()[3]);
                let endpoint = Endpoint::unarrived(block, Side::Server, geometry, epoch, posted).unwrap();
                let (mut second, _) = Responder::adopt(endpoint, state, std::iter::empty()).unwrap();
                loop {
                    if let Taken::Request(request, ticket) = second.take().unwrap() {
                        second.reply(ticket, &Message { result: 1, ..request }).unwrap();
                        break client_bell.answer(second.flush().unwrap());
                    }
                    if second.prepare_to_sleep().unwrap() == Sleep::MaySleep {
                        server_bell.wait();
                    }
                }
            }
        });
        let [client_bell, server_bell] = bells;
        client.submit(&message(1)).unwrap();
        server_bell.answer(client.flush().unwrap());
        loop {
            if let Completion::Reply(reply) = client.complete().unwrap() {
                break assert_eq!((reply.token, reply.outcome()), (1, Ok(1)));
            }
            if client.prepare_to_sleep().unwrap() == Sleep::MaySleep {
                client_bell.wait();
            }
        }
        server.join().unwrap();
    });
}

/// However an epoch change races with replies, each request ends once: with its reply or with `PeerDied`.
#[test]
fn each_request_ends_once_across_an_epoch_change() {
    model(4, 4, |block, geometry| {
        let mut supervisor = Supervisor::create(block, geometry).unwrap();
        let mut client = Requester::<3>::new(Endpoint::open(block, Side::Client).unwrap());
        let mut old = Responder::new(Endpoint::open(block, Side::Server).unwrap());
        for number in 0..2 {
            client.submit(&message(number)).unwrap();
        }
        let _ = client.flush().unwrap();
        let server = thread::spawn(move || {
            let Taken::Request(request, ticket) = old.take().unwrap() else { panic!("it was published") };
            old.reply(ticket, &Message { result: 1, ..request }).unwrap();
            let _ = old.flush().unwrap();
            drop(old);
            supervisor.rebind().unwrap();
            let mut successor = Responder::new(Endpoint::open(block, Side::Server).unwrap());
            if let Ok(Taken::Request(request, ticket)) = successor.take() {
                successor.reply(ticket, &Message { result: 2, ..request }).unwrap();
                let _ = successor.flush().unwrap();
            }
            successor
        });
        let mut ended = [0; 3];
        let mut again = false;
        let mut events = |client: &mut Requester<'_, 3>, limit| {
            for _ in 0..limit {
                match client.complete().unwrap() {
                    Completion::Reply(reply) => {
                        let number = reply.token as usize;
                        ended[number] += 1;
                        match reply.outcome() {
                            Ok(1) => assert!(number == 0 && !again, "a late reply was delivered"),
                            Ok(2) => assert_eq!(number, 2, "the successor was not asked for this"),
                            outcome => assert_eq!(outcome, Err(Error::PeerDied)),
                        }
                    }
                    Completion::NewPeer(_) => {
                        assert!(!again, "there is one successor");
                        again = true;
                        client.submit(&message(2)).unwrap();
                        let _ = client.flush().unwrap();
                    }
                    Completion::Nothing => {}
                }
            }
        };
        events(&mut client, 8);
        let mut successor = server.join().unwrap();
        events(&mut client, 8);
        if let Ok(Taken::Request(request, ticket)) = successor.take() {
            successor.reply(ticket, &Message { result: 2, ..request }).unwrap();
            let _ = successor.flush().unwrap();
        }
        events(&mut client, 8);
        assert_eq!((ended, client.in_flight()), ([1; 3], 0));
    });
}
