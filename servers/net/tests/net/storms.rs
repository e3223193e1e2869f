//! Requests that nobody sane would send.

use anax_socket::sockets;
use anax_storm::{cases, storm};

use crate::streams::listen;
use crate::world::World;

#[test]
fn a_storm_of_requests() {
    let mut world = World::new(1);
    let mut program = world.attach();
    listen(&mut world, &mut program, 7).unwrap();
    let mut thread = sockets::Serve(world.threads.remove(0).0);
    let mut cards = net::cards::Cards::default();
    let mut at = world.now;
    storm(&mut thread, 1, cases(), &["localhost", "example.test"], |server, _| {
        at += std::time::Duration::from_millis(1);
        server.0.shard.set_time(at);
        while let Some(item) = server.0.shard.port().take() {
            server.0.item_zero(item, &mut cards);
        }
        server.0.roll_up_zero(&mut cards);
        let [sockets, ..] = server.0.shard.population();
        assert!(sockets <= 32_768);
    });
}
