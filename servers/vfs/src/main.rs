//! The VFS server's program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod machine;
mod program;
mod successors;

#[anax::main]
fn main() -> Result<(), anax_abi::Error> {
    program::run()
}
