//! The server that `servers-bench` kills.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use servers_bench::{Server, alive::Serve};

#[anax::main]
fn main() -> Result<(), anax::Error> {
    anax::serve(&mut Serve(Server(anax::time::now().nanoseconds())))
}
