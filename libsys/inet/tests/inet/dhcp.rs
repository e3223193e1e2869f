//! The client against a server that the test plays.

use std::time::Duration;

use anax_inet::Random;
use anax_inet::dhcp::{Client, Effect, KEPT_WORDS, Kept, Lease};
use proptest::prelude::*;
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, Ipv4Address};

use crate::support::{OURS, ms, secs};

const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 254);
const OWN: Ipv4Address = Ipv4Address::new(10, 0, 0, 50);

fn client() -> Client {
    Client::new(ms(0), OURS, Random::new((8, 9)))
}

fn effects(client: &mut Client) -> Vec<Effect> {
    client.effects().collect()
}

/// What a client has sent, all of it: kind, transaction, wished address, by whom, and to whom.
fn sent(client: &mut Client) -> (DhcpMessageType, u32, Option<Ipv4Address>, Option<Ipv4Address>) {
    let effects = effects(client);
    let [Effect::Send { to, message, .. }] = &effects[..] else { panic!("{effects:?}") };
    let packet = DhcpPacket::new_checked(&message[..]).unwrap();
    let repr = DhcpRepr::parse(&packet).unwrap();
    assert_eq!(repr.client_hardware_address, OURS);
    (repr.message_type, repr.transaction_id, repr.requested_ip, *to)
}

fn answer(kind: DhcpMessageType, transaction: u32, address: Ipv4Address, lease: u32) -> Vec<u8> {
    let mut repr = DhcpRepr {
        message_type: kind,
        transaction_id: transaction,
        secs: 0,
        client_hardware_address: OURS,
        client_ip: Ipv4Address::UNSPECIFIED,
        your_ip: address,
        server_ip: SERVER,
        router: Some(SERVER),
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Address::UNSPECIFIED,
        broadcast: true,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(SERVER),
        parameter_request_list: None,
        dns_servers: Some(Default::default()),
        max_size: None,
        lease_duration: Some(lease),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    repr.dns_servers.as_mut().unwrap().push(Ipv4Address::new(10, 0, 0, 3)).unwrap();
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..])).unwrap();
    bytes
}

/// A client that has a lease of an hour since `now`.
fn bound(now: Duration) -> (Client, Lease) {
    let mut client = client();
    client.poll(now);
    let (_, transaction, ..) = sent(&mut client);
    client.input(now, &answer(DhcpMessageType::Offer, transaction, OWN, 3600));
    let (kind, same, wished, _) = sent(&mut client);
    assert_eq!((kind, same, wished), (DhcpMessageType::Request, transaction, Some(OWN)));
    client.input(now, &answer(DhcpMessageType::Ack, transaction, OWN, 3600));
    assert_eq!(effects(&mut client), [Effect::Check(OWN)]);
    assert_eq!(client.lease(), None);
    client.free(OWN);
    let effects = effects(&mut client);
    let [Effect::Bound(lease)] = &effects[..] else { panic!("{effects:?}") };
    (client, lease.clone())
}

#[test]
fn an_address_is_found_requested_checked_and_used() {
    let (client, lease) = bound(ms(0));
    assert_eq!((lease.address.address(), lease.address.prefix_len(), lease.by), (OWN, 24, SERVER));
    assert_eq!(
        (&lease.routers[..], &lease.servers[..]),
        (&[SERVER][..], &[Ipv4Address::new(10, 0, 0, 3)][..])
    );
    assert_eq!((lease.until, client.next_deadline()), (secs(3600), secs(1800)));
}

#[test]
fn who_hears_nothing_asks_less_and_less() {
    let mut client = client();
    let mut gaps = Vec::new();
    let mut last = ms(0);
    for _ in 0..12 {
        let now = client.next_deadline();
        client.poll(now);
        assert_eq!(sent(&mut client).0, DhcpMessageType::Discover);
        gaps.push((now - last).as_secs_f64());
        last = now;
    }
    for (gap, expected) in gaps[1..].iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0, 64.0]) {
        assert!((0.74 * expected..=1.26 * expected).contains(gap), "{gap} instead of {expected}");
    }
}

#[test]
fn an_offer_that_is_not_granted_is_forgotten() {
    let mut client = client();
    client.poll(ms(0));
    let (_, transaction, ..) = sent(&mut client);
    client.input(ms(1), &answer(DhcpMessageType::Offer, transaction, OWN, 3600));
    for _ in 0..4 {
        assert_eq!(sent(&mut client).0, DhcpMessageType::Request);
        client.poll(client.next_deadline());
    }
    let (kind, new, ..) = sent(&mut client);
    assert_eq!(kind, DhcpMessageType::Discover);
    assert_ne!(new, transaction);
    // A refusal: another try, a little later.
    client.input(secs(100), &answer(DhcpMessageType::Offer, new, OWN, 3600));
    sent(&mut client);
    client.input(secs(100), &answer(DhcpMessageType::Nak, new, OWN, 0));
    assert_eq!(client.next_deadline(), secs(110));
    client.poll(secs(110));
    assert_eq!(sent(&mut client).0, DhcpMessageType::Discover);
}

#[test]
fn a_lease_is_renewed_then_asked_of_all_then_over() {
    let (mut client, lease) = bound(ms(0));
    client.poll(secs(1800));
    let (kind, transaction, _, to) = sent(&mut client);
    assert_eq!((kind, to), (DhcpMessageType::Request, Some(SERVER)));
    // Renewed.
    client.input(secs(1801), &answer(DhcpMessageType::Ack, transaction, OWN, 3600));
    let effects = effects(&mut client);
    assert!(matches!(&effects[..], [Effect::Bound(new)] if new.until == secs(1801 + 3600)));
    // The server is gone: half of what is left, and so on, then everybody, then nobody.
    let (mut to_server, mut to_all) = (0, 0);
    loop {
        let now = client.next_deadline();
        client.poll(now);
        if now >= secs(1801 + 3600) {
            break;
        }
        match sent(&mut client).3 {
            Some(_) => to_server += 1,
            None => to_all += 1,
        }
    }
    assert!((3..12).contains(&to_server) && (2..10).contains(&to_all), "{to_server}, {to_all}");
    let over = client.effects().next();
    assert_eq!(over, Some(Effect::Over(lease.address)));
    assert_eq!(client.lease(), None);
}

#[test]
fn a_server_that_takes_it_back_is_obeyed_at_its_time() {
    let (mut client, lease) = bound(ms(0));
    // Nobody has asked: anybody may have sent it.
    client.input(secs(10), &answer(DhcpMessageType::Nak, 0, OWN, 0));
    assert!(client.lease().is_some());
    client.poll(secs(1800));
    let (_, transaction, ..) = sent(&mut client);
    client.input(secs(1801), &answer(DhcpMessageType::Nak, transaction, OWN, 0));
    assert_eq!(effects(&mut client), [Effect::Over(lease.address)]);
    client.poll(secs(1811));
    assert_eq!(sent(&mut client).0, DhcpMessageType::Discover);
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut client = client();
    client.poll(ms(0));
    let (_, transaction, ..) = sent(&mut client);
    client.input(ms(1), &answer(DhcpMessageType::Offer, transaction, OWN, 3600));
    sent(&mut client);
    client.input(ms(2), &answer(DhcpMessageType::Ack, transaction, OWN, 3600));
    effects(&mut client);
    client.taken(secs(1), OWN);
    let (kind, _, wished, to) = sent(&mut client);
    assert_eq!((kind, wished, to), (DhcpMessageType::Decline, Some(OWN), None));
    assert_eq!((client.lease(), client.next_deadline()), (None, secs(11)));
    // And one that somebody takes later.
    let (mut client, lease) = bound(ms(0));
    client.taken(secs(5), OWN);
    let effects = effects(&mut client);
    assert!(matches!(&effects[..], [Effect::Over(over), Effect::Send { .. }] if *over == lease.address));
}

#[test]
fn others_answers_are_not_ours() {
    let mut client = client();
    client.poll(ms(0));
    let (_, transaction, ..) = sent(&mut client);
    let mut send = |message: &[u8]| {
        client.input(ms(1), message);
        effects(&mut client).len()
    };
    assert_eq!(send(&answer(DhcpMessageType::Offer, transaction ^ 1, OWN, 3600)), 0);
    assert_eq!(send(&answer(DhcpMessageType::Ack, transaction, OWN, 3600)), 0);
    let mut other = answer(DhcpMessageType::Offer, transaction, OWN, 3600);
    other[33] ^= 1;
    assert_eq!(send(&other), 0);
    for address in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255]] {
        assert_eq!(send(&answer(DhcpMessageType::Offer, transaction, address.into(), 3600)), 0);
    }
    assert_eq!(send(&answer(DhcpMessageType::Offer, transaction, OWN, 3600)), 1);
}

#[test]
fn a_lease_of_no_time_is_no_reason_to_ask_all_the_time() {
    let mut client = client();
    client.poll(ms(0));
    let (_, transaction, ..) = sent(&mut client);
    client.input(ms(0), &answer(DhcpMessageType::Offer, transaction, OWN, 0));
    sent(&mut client);
    client.input(ms(0), &answer(DhcpMessageType::Ack, transaction, OWN, 0));
    client.free(OWN);
    effects(&mut client);
    assert!(client.next_deadline() >= secs(20));
}

proptest! {
    #[test]
    fn anything_is_survived(changes in prop::collection::vec((0..400usize, any::<u8>()), 0..8), cut in 0..400usize) {
        let mut client = client();
        client.poll(ms(0));
        let (_, transaction, ..) = sent(&mut client);
        for kind in [DhcpMessageType::Offer, DhcpMessageType::Ack, DhcpMessageType::Nak] {
            let mut message = answer(kind, transaction, OWN, 3600);
            for (at, byte) in &changes {
                let at = at % message.len();
                message[at] = *byte;
            }
            message.truncate(cut);
            client.input(ms(1), &message);
        }
        for _ in 0..50 {
            let due = client.next_deadline();
            client.poll(due);
            prop_assert!(client.next_deadline() > due);
            client.effects().for_each(drop);
        }
    }
}

#[test]
fn a_successor_goes_on_with_the_lease() {
    let (client, lease) = bound(secs(10));
    let kept = client.kept();
    let resumed = |now, link, kept: &Kept| Client::resumed(now, link, Random::new((4, 4)), kept);
    let mut other = resumed(secs(100), OURS, &kept);
    assert_eq!(effects(&mut other), [Effect::Bound(lease)]);
    assert_eq!((other.next_deadline(), other.kept()), (client.next_deadline(), kept));
    // It is renewed as ever, by the same server.
    other.poll(secs(10 + 1800));
    let (kind, _, _, to) = sent(&mut other);
    assert_eq!((kind, to), (DhcpMessageType::Request, Some(SERVER)));
    // Another card, or another time: it begins.
    let mut link = OURS;
    link.0[5] ^= 1;
    for mut begins in [resumed(secs(100), link, &kept), resumed(secs(10 + 3600), OURS, &kept)] {
        assert!(effects(&mut begins).is_empty() && begins.lease().is_none());
        begins.poll(secs(4000));
        assert!(matches!(&effects(&mut begins)[..], [Effect::Send { from: None, .. }]));
    }
    // Nothing was granted: nothing is kept.
    assert_eq!(self::client().kept(), Kept::default());
}

proptest! {
    #[test]
    fn no_kept_lease_is_dangerous(words in any::<[u64; KEPT_WORDS]>(), sound in any::<[bool; KEPT_WORDS]>(), now in any::<u32>()) {
        let (client, _) = bound(secs(10));
        let mut kept = client.kept();
        for ((word, new), keeps) in kept.0.iter_mut().zip(words).zip(sound) {
            *word = if keeps { *word } else { new };
        }
        let mut now = Duration::from_millis(now.into());
        let mut client = Client::resumed(now, OURS, Random::new((4, 4)), &kept);
        for _ in 0..20 {
            let _ = effects(&mut client);
            now = now.max(client.next_deadline()).min(now + secs(100_000));
            client.poll(now);
            client.input(now, &answer(DhcpMessageType::Ack, 7, OWN, 100));
        }
    }
}
