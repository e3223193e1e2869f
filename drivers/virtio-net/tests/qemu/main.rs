//! The driver against QEMU's own device: a second opinion on what the model in `tests/nic` believes of the specification.
//!
//! QEMU's CPU does nothing. Registers are reached over its test protocol; memory is a file that both map, so that
//! the rings are shared with another process for real. Frames travel as datagrams to a socket of the test. Without QEMU on the
//! path the test says so and passes: the system tests need it anyway.

mod service;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anax_device::{Bar, ConfigSpace, DmaAddress, DmaBlock, MsiX, Reach, bar, enable_memory_and_bus_master};
use anax_frames::{BUFFER_BYTES, Link, Mac};
use anax_nic::{Card as _, Event, Polled};
use anax_qtest::{Function, MAC, Mapped, Qemu, SLOT};
use anax_virtio::{Features, Transport, Windows, device_type};
use virtio_net::{Interrupts, Nic};

const FRAMES: usize = 64;
/// Where the device's registers are put: no firmware has run.
const REGISTERS: u32 = 0xe000_0000;
/// Guest memory from here on is the test's, and buffers from the second on.
const MEMORY: u64 = 0x20_0000;
const POOL: u64 = 0x40_0000;
const POOL_BYTES: u64 = 0x10_0000;
/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

type Card<'a> = Nic<'a, Mapped, u64, FRAMES>;

/// The device's registers, at their place and switched on.
fn transport(qemu: &Qemu, interrupts: Interrupts) -> Transport<Mapped> {
    let config = Function { qemu: qemu.line(), device: SLOT };
    assert_eq!(device_type(&config), Some(1));
    let windows = Windows::find(&config).expect("a modern device");
    let number = windows.common.bar;
    assert!([windows.notify, windows.isr, windows.device].iter().all(|window| window.bar == number));
    config.write(0x10 + 4 * number, REGISTERS);
    config.write(0x14 + 4 * number, 0);
    assert_eq!(bar(&config, number), Some(Bar::Memory(REGISTERS.into())));
    enable_memory_and_bus_master(&config);
    if interrupts != Interrupts::Line {
        let msix = MsiX::find(&config).expect("it has them");
        assert!(msix.vectors >= 3 && msix.table.bar != number);
        msix.enable(&config);
    }
    let window = |window: anax_device::Window| Mapped {
        qemu: qemu.line(),
        start: u64::from(REGISTERS) + u64::from(window.offset),
        length: window.length as usize,
    };
    Transport::new(
        window(windows.common),
        window(windows.notify),
        windows.notify_multiplier,
        window(windows.isr),
        window(windows.device),
    )
}

/// What the driver may name to the card.
fn reach(memory: DmaBlock<'_>) -> Reach {
    Reach::new(memory, DmaAddress::new(POOL), POOL_BYTES).expect("it has addresses")
}

fn card(qemu: &Qemu, interrupts: Interrupts) -> Card<'_> {
    let memory = qemu.memory(MEMORY, Card::MEMORY_BYTES);
    Nic::start(transport(qemu, interrupts), memory, &reach(memory), interrupts).expect("it comes up")
}

fn frame(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(50) { 1514 } else { 60 + (number as usize * 37) % 1455 };
    let mut frame = [&MAC[..], &[2, 0, 0, 0, 0, 1, 0x88, 0xb5], &number.to_le_bytes()].concat();
    frame.extend((frame.len()..length).map(|at| (at as u64 * 31 + number) as u8));
    frame
}

#[test]
fn frames_go_both_ways_through_qemus_device() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let Some(qemu) = Qemu::start("virtio-net-pci", socket.local_addr().expect("bound").port()) else {
        println!("skipped: there is no qemu-system-x86_64");
        return;
    };
    let guest = (Ipv4Addr::LOCALHOST, qemu.port());
    let address = |buffer: u64| DmaAddress::new(POOL + buffer * BUFFER_BYTES as u64);

    let mut card = card(&qemu, Interrupts::Line);
    assert!(card.features().contains(Features::EVENT_IDX.with(Features::VERSION_1)));
    let about = card.about();
    assert_eq!((about.mac, about.link, about.receive_buffers), (Mac(MAC), Link::Up, FRAMES as u16));
    for buffer in 0..32 {
        card.post(address(buffer), BUFFER_BYTES as u32, buffer).expect("there is room");
    }
    card.flush();

    // One frame, told of by an interrupt.
    while card.prepare_to_wait() == Ok(Polled::More) {}
    let _ = card.acknowledge();
    socket.send_to(&frame(0), guest).expect("sent");
    let begin = Instant::now();
    while !card.acknowledge().is_some_and(|cause| cause.queue()) {
        assert!(begin.elapsed() < PATIENCE, "no interrupt");
    }
    assert_eq!(card.prepare_to_wait(), Ok(Polled::More));

    // Then many, sixteen under way, through two resets.
    let (mut sent, mut echoed, count) = (1, 0, 1000);
    let mut under_way = 1;
    let mut resets = VecDeque::from([300, 600]);
    while echoed < count {
        // Before a reset, all that is under way is awaited.
        let most = resets.front().copied().unwrap_or(count);
        while sent < most && under_way < 16 {
            socket.send_to(&frame(sent), guest).expect("sent");
            (sent, under_way) = (sent + 1, under_way + 1);
        }
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
        socket.set_nonblocking(true).expect("a socket");
        let mut bytes = [0; 2048];
        while let Ok(length) = socket.recv(&mut bytes) {
            assert!(bytes[..length] == frame(echoed), "not frame {echoed}: {:?}", &bytes[..22]);
            (echoed, under_way) = (echoed + 1, under_way - 1);
        }
        // A frame whose end is not known yet would be sent twice.
        if resets.front() == Some(&echoed) && card.in_flight().1 == 0 {
            resets.pop_front();
            card.restart().expect("it comes up again");
        }
        assert!(begin.elapsed() < PATIENCE, "{echoed} of {sent} frames came back");
    }
    let notifications = qemu.writes16();
    println!("{count} frames, {notifications} notifications");
    assert!(resets.is_empty());
    assert!(card.check().is_ok());
    card.quiesce().expect("it stops");
    let mut back = std::iter::from_fn(|| card.take_back()).collect::<Vec<_>>();
    back.sort_unstable();
    assert_eq!(back, (0..32).collect::<Vec<_>>());
}

#[test]
fn qemus_device_keeps_interrupt_vectors() {
    let Some(qemu) = Qemu::start("virtio-net-pci", 9) else {
        println!("skipped: there is no qemu-system-x86_64");
        return;
    };
    let card = card(&qemu, Interrupts::MsiX { queues: 1, configuration: 0 });
    assert_eq!((card.acknowledge(), card.check()), (None, Ok(())));
}
