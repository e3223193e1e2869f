//! A connection is touched by its owner alone.

use std::time::Duration;

use anax_tcp::{Config, Endpoint, Engine, Error, Flags, Options, Segment, Taken, Tuple, owner};
use smoltcp::wire::IpAddress;

#[test]
fn what_is_anothers_changes_nothing() {
    let now = Duration::from_secs(1);
    let count = 3;
    let mut engines: Vec<_> = (0..count)
        .map(|own| {
            let mut engine = Engine::new(Config { owner: (own, count), ..Config::default() }, [8; 32]);
            engine.listen(None, 80, 1000, 1000).unwrap();
            engine
        })
        .collect();
    for port in 1..200 {
        let local = Endpoint::new(IpAddress::v4(10, 0, 0, 1), 80);
        let tuple = Tuple { local, remote: Endpoint::new(IpAddress::v4(10, 0, 0, 2), port) };
        let owner = owner(&tuple, count);
        let options = Options::default();
        let flags = Flags::SYN;
        let syn = Segment { tuple, seq: 1, ack: 0, flags, window: 100, options, length: 0, payload: 20 };
        for (own, engine) in (0..).zip(&mut engines) {
            let before = engine.population();
            let taken = engine.input(&syn, now);
            if own == owner {
                assert_eq!(taken, Taken::Here);
                assert!(engine.transmit(now).is_some_and(|answer| answer.tuple == tuple));
            } else {
                assert_eq!(taken, Taken::NotMine(owner));
                assert_eq!(engine.population(), before);
                assert!(engine.transmit(now).is_none() && engine.event().is_none());
                assert_eq!(engine.connect(tuple, 1000, now), Err(Error::NotMine(owner)));
            }
        }
    }
}
