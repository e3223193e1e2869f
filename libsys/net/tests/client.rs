//! Sessions, streams, listeners and datagrams over a server in this process: [`server`] knows what a network server promises its programs, and moves bytes between
//! their sockets; [`world`] carries the messages, in an order of its own, in virtual time.

#[path = "client/blocking.rs"]
mod blocking;
#[path = "client/datagrams.rs"]
mod datagrams;
#[path = "client/deaths.rs"]
mod deaths;
#[path = "client/lending.rs"]
mod lending;
#[path = "client/messages.rs"]
mod messages;
#[path = "client/pieces.rs"]
mod pieces;
#[path = "client/server.rs"]
mod server;
#[path = "client/streams.rs"]
mod streams;
#[path = "client/world.rs"]
mod world;
