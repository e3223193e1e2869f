//! The server visitor-count as a program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use visitor_count::{Server, visitor_count::Serve};

#[anax::main]
fn main() -> Result<(), anax::Error> {
    anax::serve(&mut Serve(Server::default()))
}
