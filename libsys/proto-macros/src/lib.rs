//! `#[interface]`: reads a trait, and writes what a client and a server need beside it. `anax_proto` documents it.
//!
//! Two steps: [`read`] makes sure that the trait is one that can travel, and says what is wrong where it stands; [`write`] has
//! nothing left to refuse, but for sizes, which the compiler adds up ([`limits`]).

mod asynchronous;
mod limits;
mod read;
mod write;

use proc_macro::TokenStream;
use syn::{ItemTrait, parse_macro_input};

/// Turns a trait into a typed interface: see the crate `anax_proto`.
#[proc_macro_attribute]
pub fn interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemTrait);
    match read::interface(&arguments.into(), item) {
        Ok(interface) => write::all(&interface).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
