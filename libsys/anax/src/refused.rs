//! What `#[anax::main]` refuses, where it stands in the function. These examples are tests: none of them compiles.
//!
//! A number is not what a program is started with:
//! ```compile_fail
//! mod program {
//!     #[anax::main]
//!     fn main(argument: u64) {}
//! }
//! # fn main() {}
//! ```
//! There is one argument at most:
//! ```compile_fail
//! mod program {
//!     #[anax::main]
//!     fn main(start: &'static anax::Start, number: u64) {}
//! }
//! # fn main() {}
//! ```
//! What is returned has to be a status:
//! ```compile_fail
//! mod program {
//!     #[anax::main]
//!     fn main() -> &'static str {
//!         "done"
//!     }
//! }
//! # fn main() {}
//! ```
//! Nobody would run it:
//! ```compile_fail
//! mod program {
//!     #[anax::main]
//!     async fn main() {}
//! }
//! # fn main() {}
//! ```
//! There is one program, not one for each type:
//! ```compile_fail
//! mod program {
//!     #[anax::main]
//!     fn main<T>() {}
//! }
//! # fn main() {}
//! ```
//! The attribute has nothing to choose:
//! ```compile_fail
//! mod program {
//!     #[anax::main(fast)]
//!     fn main() {}
//! }
//! # fn main() {}
//! ```
//! These are programs, free of unsafe code, so that the others fail for what they are said to:
//! ```
//! #![forbid(unsafe_code)]
//! mod program {
//!     #[anax::main]
//!     fn main() {}
//! }
//! # fn main() {}
//! ```
//! ```
//! #![forbid(unsafe_code)]
//! mod program {
//!     #[anax::main]
//!     fn main(start: &'static anax::Start) -> Result<u64, anax::Error> {
//!         Ok(start.process)
//!     }
//! }
//! # fn main() {}
//! ```
