//! What the attribute refuses, each where it stands in the trait. These examples are tests: none of them compiles.
//!
//! A reference does not fit into words:
//! ```compile_fail
//! #[anax_proto::interface]
//! pub trait Names {
//!     fn find(&mut self, name: &str) -> Result<u64, anax_abi::Error>;
//! }
//! # fn main() {}
//! ```
//! Nor do six words:
//! ```compile_fail
//! #[anax_proto::interface]
//! pub trait Rows {
//!     fn put(&mut self, row: [u64; 6]) -> Result<(), anax_abi::Error>;
//! }
//! # fn main() {}
//! ```
//! Whoever asks a server may be told that it has died:
//! ```compile_fail
//! #[anax_proto::interface]
//! pub trait Clock {
//!     fn now(&mut self) -> u64;
//! }
//! # fn main() {}
//! ```
//! A server is one for all its clients:
//! ```compile_fail
//! #[anax_proto::interface]
//! pub trait Store<T> {
//!     fn get(&mut self, key: u64) -> Result<u64, anax_abi::Error>;
//! }
//! # fn main() {}
//! ```
//! What a method does is the server's business:
//! ```compile_fail
//! #[anax_proto::interface]
//! pub trait Echo {
//!     fn echo(&mut self, word: u64) -> Result<u64, anax_abi::Error> {
//!         Ok(word)
//!     }
//! }
//! # fn main() {}
//! ```
//! With a body less it does, so that the others fail for what they are said to:
//! ```
//! #[anax_proto::interface]
//! pub trait Echo {
//!     fn echo(&mut self, word: u64) -> Result<u64, anax_abi::Error>;
//! }
//! # fn main() {}
//! ```
