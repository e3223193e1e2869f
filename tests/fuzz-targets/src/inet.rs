//! The internet layers: what the input says are frames (some of right headers and sums, so that what is in them is looked at, too), requests and time. Nothing panics,
//! what is found lies within the frame, and what others can make a host hold is bounded.

use core::time::Duration;

use anax_inet::control::{Configuration, Output, Taken};
use anax_inet::dns::{Kind as NameKind, Name};
use anax_inet::frame::parse;
use anax_inet::neighbours::{NEIGHBOURS, Token};
use anax_inet::{Control, Hop, InterfaceId, Kind, Random, Verified, What};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

const ETH: InterfaceId = InterfaceId(1);
const OURS: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

/// Takes an input.
pub fn take(input: &[u8]) {
    let mut control = Control::new(Random::new((1, 2)));
    let configuration = Configuration { dhcp: true, v6: true, ..Configuration::default() };
    let _ = control.add_interface(Duration::ZERO, ETH, (Kind::Ethernet(OURS), 1500), configuration);
    let _ = control.assign(Duration::ZERO, ETH, IpCidr::new(IpAddress::v4(10, 0, 0, 1), 24));
    let mut now = Duration::from_secs(2);
    for _ in 0..4 {
        control.poll(now);
    }
    let name = Name::new("example.org").expect("a name");
    let mut rest = input;
    // Each step: what, how much time passes, how long the frame is, the frame.
    while let [what, pause, length, after @ ..] = rest {
        let (frame, after) = after.split_at(after.len().min(usize::from(*length) * 2));
        rest = after;
        now += Duration::from_millis(u64::from(*pause) * 20);
        match what % 4 {
            0 => control.poll(now),
            1 => {
                let next = IpAddress::v4(10, 0, 0, *length);
                control.resolve(now, Hop::new(ETH, next), Token(now.as_millis() as u64));
            }
            2 => drop(control.ask(now, &name, NameKind::V4)),
            _ => hear(&mut control, now, frame),
        }
        let mut own = Vec::new();
        while let Some(output) = control.output() {
            if let Output::Frame(_, frame) = output {
                own.push(frame);
            }
        }
        // What this host says can be read.
        for frame in own {
            parse(ETH, &frame[..], Verified::default())
                .map_or_else(|why| assert_eq!(why, anax_inet::Drop::Source, "DHCP's from nobody"), |_| ());
        }
        let [packets, bytes, neighbours, waiting, questions] = control.load();
        assert!(packets <= 32 && bytes <= 512 * 1024 && neighbours <= NEIGHBOURS);
        assert!(waiting <= 512 && questions <= 64);
    }
}

fn hear(control: &mut Control, now: Duration, frame: &[u8]) {
    // As if the card had looked at sums: else nothing but luck comes further.
    let verified = Verified { internet: true, transport: true };
    let Ok(ingress) = parse(ETH, frame, verified) else { return };
    if let What::Packet(packet) = &ingress.what {
        assert!(packet.payload.start <= packet.payload.end && packet.payload.end <= frame.len());
    }
    if let Ok(Taken::Place(placed)) = control.input(now, &ingress, frame, |_| true) {
        assert!(placed.offset + placed.from.len() <= 0xffff && placed.from.end <= frame.len());
    }
}
