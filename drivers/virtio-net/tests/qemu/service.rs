//! The first milestone without the kernel: a client on one thread, the driver on another, QEMU's device, a sender outside; and the
//! driver dies again and again.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anax_abi::Error;
use anax_device::DmaAddress;
use anax_frames::{BUFFER_BYTES, ClientSide, Counters, DriverSide, Event};
use anax_nic::Service;
use anax_qtest::{Mapped, Qemu};
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use virtio_net::{Interrupts, Nic};

use crate::{FRAMES, MEMORY, PATIENCE, POOL, frame, reach, transport};

const BUFFERS: usize = 128;
const COUNT: u64 = 3000;
const WINDOW: usize = 24;
const LIVES: u64 = 6;

/// Ends the other threads, however this one ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends back what comes until it is told to stop.
fn echo(channel: &[AtomicU64], pool: SharedBytes<'_>, stop: &AtomicBool) -> Counters {
    let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Client).expect("a channel");
    let mut client = ClientSide::<BUFFERS>::new(endpoint, pool, 64).expect("nothing wrong");
    while !stop.load(Ordering::Relaxed) {
        match client.event().expect("the driver is honest") {
            Event::Received(received) => {
                client.transmit(received.buffer, received.length, 0).expect("there is room");
            }
            // A frame that three drivers had when they died is given up: on a busy host it happens.
            Event::Sent { outcome, .. } => assert!(matches!(outcome, Ok(()) | Err(Error::PeerDied))),
            Event::Nothing => {
                let _ = client.flush().expect("the driver is honest");
                thread::yield_now();
            }
            Event::About(_) | Event::Link(_) | Event::Replaced(_) => {}
        }
    }
    client.counters()
}

/// Sends numbered frames, at most a window of them under way, and returns how often each came back.
fn send(socket: &UdpSocket, guest: u16) -> Vec<u64> {
    let mut times = vec![0; COUNT as usize];
    let mut under_way = BTreeMap::new();
    let (mut sent, begin) = (0, Instant::now());
    let mut bytes = [0; 2048];
    while sent < COUNT || !under_way.is_empty() {
        while sent < COUNT && under_way.len() < WINDOW {
            socket.send_to(&frame(sent), (Ipv4Addr::LOCALHOST, guest)).expect("sent");
            under_way.insert(sent, Instant::now());
            sent += 1;
        }
        if let Ok(length) = socket.recv(&mut bytes) {
            let number = u64::from_le_bytes(bytes[14..22].try_into().expect("eight bytes"));
            assert!(bytes[..length] == frame(number), "frame {number} is whole");
            times[number as usize] += 1;
            under_way.remove(&number);
        }
        under_way.retain(|_, since: &mut Instant| since.elapsed() < Duration::from_millis(300));
        assert!(begin.elapsed() < 4 * PATIENCE, "{sent} sent");
    }
    times
}

#[test]
fn a_client_keeps_its_channel_through_drivers_that_die() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a socket");
    let Some(qemu) = Qemu::start("virtio-net-pci", socket.local_addr().expect("bound").port()) else {
        println!("skipped: there is no qemu-system-x86_64");
        return;
    };
    let geometry = Geometry::new(BUFFERS as u32, BUFFERS as u32).expect("powers of two");
    let channel: Vec<_> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let block = SharedBlock::from_words(&channel);
    let mut supervisor = Supervisor::create(block, geometry).expect("large enough");
    let memory = qemu.memory(MEMORY, Nic::<'_, Mapped, anax_frames::Loan, FRAMES>::MEMORY_BYTES);
    let pool = SharedBytes::new(SharedBlock::from_words(qemu.memory(POOL, BUFFERS * BUFFER_BYTES).words()));
    let (done, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let port = qemu.port();
    let (times, counters) = thread::scope(|scope| {
        let client = scope.spawn(|| echo(&channel, pool, &stop));
        let sender = scope.spawn(|| {
            let _done = Stop(&done);
            send(&socket, port)
        });
        let stopped = Stop(&stop);
        for life in 0.. {
            // The device is stopped by this, and only then does the client hear of it.
            let nic = Nic::<_, _, FRAMES>::start(
                transport(&qemu, Interrupts::Line),
                memory,
                &reach(memory),
                Interrupts::Line,
            )
            .expect("it comes up");
            if life > 0 {
                supervisor.rebind().expect("large enough");
            }
            let side =
                DriverSide::new(Endpoint::open(block, Side::Server).expect("a channel"), BUFFERS as u32);
            let mut driver = Service::new(nic, side, DmaAddress::new(POOL)).expect("a pool");
            let mut turns = 0;
            while !done.load(Ordering::Relaxed) && (turns < 150 || life + 1 >= LIVES) {
                let _ = driver.serve(Duration::ZERO, 8).expect("QEMU is honest");
                turns += u64::from(driver.nic().in_flight().1 > 0);
            }
            if done.load(Ordering::Relaxed) {
                assert!(life + 1 >= LIVES, "{life} drivers died");
                break;
            }
        }
        drop(stopped);
        (sender.join().expect("the sender"), client.join().expect("the client"))
    });
    let lost = times.iter().filter(|times| **times == 0).count();
    let twice: u64 = times.iter().map(|times| times.saturating_sub(1)).sum();
    println!("{LIVES} drivers, {COUNT} frames, {lost} lost, {twice} twice, {counters:?}");
    assert!(twice <= counters.resent && counters.bad_replies == 0);
    // Of those lost, the client had seen only what it says that it gave up.
    assert!(
        counters.received >= COUNT - lost as u64 && counters.sent + counters.dropped <= counters.received
    );
    assert!(lost <= COUNT as usize / 4, "{lost} frames lost");
}
