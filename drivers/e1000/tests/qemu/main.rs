//! The driver against QEMU's own device: a second opinion on what the model in `tests/card` believes of the manual.
//!
//! QEMU's CPU does nothing; see [`anax_qtest`]. Without QEMU on the path the tests say so and pass: the system tests need it anyway.

#[path = "../card/packets.rs"]
mod packets;

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anax_device::{
    Bar, ConfigSpace, DmaAddress, DmaBlock, Reach, Registers, bar, enable_memory_and_bus_master,
};
use anax_e1000::{REGISTER_BYTES, is_e1000};
use anax_frames::{BUFFER_BYTES, Link, Mac};
use anax_frames::{Internet, Offload, Segmentation, Transport};
use anax_nic::{Card as _, Event, Polled};
use anax_qtest::{Function, MAC, Mapped, Qemu, SLOT};
use e1000::{InFlight, Nic, Throttle};

const DESCRIPTORS: usize = 64;
/// Where the device's registers are put: no firmware has run.
const REGISTERS: u32 = 0xe000_0000;
/// Guest memory from here on is the test's, and buffers from the second on.
const MEMORY: u64 = 0x20_0000;
const POOL: u64 = 0x40_0000;
const POOL_BYTES: u64 = 0x10_0000;
/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(40);
const THROTTLE: Throttle = Throttle::from_microseconds(0);

type Card<'a> = Nic<'a, Mapped, u64, DESCRIPTORS>;

/// A QEMU and a socket that hears and feeds its card; nothing if there is none.
fn machine() -> Option<(Qemu, UdpSocket)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let qemu = Qemu::start("e1000", socket.local_addr().expect("bound").port());
    if qemu.is_none() {
        println!("skipped: there is no qemu-system-x86_64");
    }
    Some((qemu?, socket))
}

/// The device's registers, at their place and switched on.
fn registers(qemu: &Qemu) -> Mapped {
    let config = Function { qemu: qemu.line(), device: SLOT };
    assert!(is_e1000(&config));
    config.write(0x10, REGISTERS);
    assert_eq!(bar(&config, 0), Some(Bar::Memory(REGISTERS.into())));
    enable_memory_and_bus_master(&config);
    let length = usize::try_from(REGISTER_BYTES).expect("small");
    Mapped { qemu: qemu.line(), start: REGISTERS.into(), length }
}

/// What the driver may name to the card.
fn reach(memory: DmaBlock<'_>) -> Reach {
    Reach::new(memory, DmaAddress::new(POOL), POOL_BYTES).expect("it has addresses")
}

fn card(qemu: &Qemu) -> Card<'_> {
    let memory = qemu.memory(MEMORY, Card::MEMORY_BYTES);
    let reach = reach(memory);
    Nic::start(registers(qemu), memory, &reach, THROTTLE).expect("it comes up")
}

fn address(buffer: u64) -> DmaAddress {
    DmaAddress::new(POOL + buffer * BUFFER_BYTES as u64)
}

fn frame(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(50) { 1514 } else { 60 + (number as usize * 37) % 1455 };
    let mut frame = [&MAC[..], &[2, 0, 0, 0, 0, 1, 0x88, 0xb5], &number.to_le_bytes()].concat();
    frame.extend((frame.len()..length).map(|at| (at as u64 * 31 + number) as u8));
    frame
}

/// Sends back what has come, in the buffers it came in.
fn echo(card: &mut Card<'_>) {
    let mut events = vec![];
    card.poll(64, |event| events.push(event)).expect("QEMU is honest");
    for event in events {
        match event {
            Event::Received(buffer, length, _) => {
                card.transmit(address(buffer), length, None, buffer).expect("there is room");
            }
            Event::Sent(buffer) => {
                card.post(address(buffer), BUFFER_BYTES as u32, buffer).expect("there is room");
            }
        }
    }
    card.flush();
}

/// A driver that goes on where another one ended: with all the buffers that there are.
fn successor(qemu: &Qemu) -> Card<'_> {
    let memory = qemu.memory(MEMORY, Card::MEMORY_BYTES);
    let buffer = |address: DmaAddress| (address.get() - POOL) / BUFFER_BYTES as u64;
    let adopted = Nic::adopt(registers(qemu), memory, &reach(memory), THROTTLE, |thing| match thing {
        InFlight::Buffer(address) | InFlight::Frame(address, _) => Some(buffer(address)),
    });
    let card: Card<'_> = adopted.expect("all fits together");
    let (buffers, frames) = card.in_flight();
    assert_eq!(buffers + frames, 32);
    card
}

/// What becomes of the card in the middle of traffic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Reset,
    Dies,
    HandsOver,
}

#[test]
fn frames_go_both_ways_through_resets_and_successors() {
    let Some((qemu, socket)) = machine() else { return };
    let guest = (Ipv4Addr::LOCALHOST, qemu.port());
    let mut card = card(&qemu);
    let about = card.about();
    assert_eq!((about.mac, about.link, about.receive_buffers), (Mac(MAC), Link::Up, 63));
    for buffer in 0..32 {
        card.post(address(buffer), BUFFER_BYTES as u32, buffer).expect("there is room");
    }
    card.flush();

    // One frame, told of by an interrupt's cause.
    while card.prepare_to_wait() == Ok(Polled::More) {}
    socket.send_to(&frame(0), guest).expect("sent");
    let begin = Instant::now();
    while registers(&qemu).read32(0xc0) & 1 << 7 == 0 {
        assert!(begin.elapsed() < PATIENCE, "no interrupt");
    }
    assert_eq!(card.prepare_to_wait(), Ok(Polled::More));

    // Then many, sixteen under way. The device hears nothing for a second after each reset; a successor costs nothing.
    let (mut sent, mut echoed, count) = (1, 0, 1000);
    let turns = [
        (200, Turn::Reset),
        (300, Turn::Dies),
        (400, Turn::HandsOver),
        (500, Turn::Dies),
        (600, Turn::Reset),
    ];
    let turns = turns.into_iter().chain((610..900).step_by(10).map(|at| (at, Turn::Dies)));
    let mut turns = turns.collect::<std::collections::VecDeque<_>>();
    let mut successors = 0;
    while echoed < count || !turns.is_empty() {
        // Before a reset, all that is under way is awaited: it would be sent twice.
        let most = turns.front().filter(|turn| turn.1 == Turn::Reset).map_or(count, |turn| turn.0);
        while sent < most && sent < echoed + 16 {
            socket.send_to(&frame(sent), guest).expect("sent");
            sent += 1;
        }
        echo(&mut card);
        socket.set_nonblocking(true).expect("a socket");
        let mut bytes = [0; 2048];
        while let Ok(length) = socket.recv(&mut bytes) {
            assert!(bytes[..length] == frame(echoed), "not frame {echoed}: {:?}", &bytes[..22]);
            echoed += 1;
        }
        if let Some((at, turn)) = turns.front().copied()
            && echoed >= at
            && (turn != Turn::Reset || card.in_flight().1 == 0)
        {
            turns.pop_front();
            successors += u32::from(turn != Turn::Reset);
            card = match turn {
                Turn::Reset => {
                    card.restart().expect("it comes up again");
                    card
                }
                Turn::Dies => {
                    drop(card);
                    successor(&qemu)
                }
                Turn::HandsOver => {
                    assert!(card.hand_over().expect("it stops").received > 0);
                    successor(&qemu)
                }
            };
        }
        assert!(begin.elapsed() < PATIENCE, "{echoed} of {sent} frames came back");
    }
    let statistics = card.statistics();
    println!("{count} frames, {successors} successors, {:?}, {statistics:?}", begin.elapsed());
    assert_eq!(card.check(), Ok(()));
    card.quiesce().expect("it stops");
    let mut back = std::iter::from_fn(|| card.take_back()).collect::<Vec<_>>();
    back.sort_unstable();
    assert_eq!(back, (0..32).collect::<Vec<_>>());
}

#[test]
fn qemus_device_makes_of_offloads_what_the_model_does() {
    let Some((qemu, socket)) = machine() else { return };
    let mut card = card(&qemu);
    let memory = qemu.memory(POOL, 0x2_0000);
    // IPv4 behind 14 bytes, the transport behind 34, to the packet's end.
    let ranges = 14 | 24 << 8 | 33 << 16 | 34 << 32;
    let mut segments = 0;
    for (protocol, payload, mss) in [
        (6, 0, None),
        (6, 777, None),
        (17, 1, None),
        (17, 1400, None),
        (6, 1, Some(1460)),
        (6, 1460, Some(1460)),
        (6, 1461, Some(1460)),
        (6, 9999, Some(536)),
        (6, 0xffff - 40, Some(1448)),
    ] {
        let frame = packets::packet(protocol, payload, mss.is_some());
        for (word, bytes) in memory.words().iter().zip(frame.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(whole), std::sync::atomic::Ordering::Relaxed);
        }
        let (transport, sum) = if protocol == 6 { (Transport::Tcp, 50) } else { (Transport::Udp, 40) };
        let segmentation = mss.map(|mss| Segmentation { header: 54, mss });
        let offload =
            Offload { internet: Internet::V4, internet_at: 14, transport, transport_at: 34, segmentation };
        card.transmit(DmaAddress::new(POOL), frame.len() as u32, Some(offload), 1).expect("there is room");
        card.flush();
        let context =
            mss.map_or(0, |mss| (frame.len() as u64 - 54) | 7 << 24 | 54 << 40 | u64::from(mss) << 48);
        let options = if mss.is_some() { 7 } else { 2 };
        let mut expected = packets::cut(frame, options, [ranges | sum << 40, context]);
        // QEMU's device (7.2) sends headers alone once more when the last segment is a whole one.
        let more = mss.is_some_and(|mss| payload.is_multiple_of(usize::from(mss)));
        expected.extend(more.then_some(vec![]));
        for (number, segment) in expected.iter().enumerate() {
            let mut bytes = [0; 2048];
            let length = socket.recv(&mut bytes).expect("a frame");
            if segment.is_empty() {
                assert!(packets::judge(&bytes[..54]).3.is_empty(), "QEMU's own");
                continue;
            }
            let same = bytes[..segment.len()] == *segment && length == segment.len();
            assert!(same, "{payload} in {mss:?}, segment {number}: {length}, {:?}", &bytes[..54]);
            packets::judge(&bytes[..length]);
            segments += 1;
        }
        let mut sent = 0;
        card.poll(2, |_| sent += 1).expect("QEMU is honest");
        assert_eq!(sent, 1);
    }
    println!("{segments} frames out of 9");
    // It does not count the one that fits into one segment.
    assert_eq!(card.statistics().cut, 4);
}
