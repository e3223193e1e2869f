//! Manifests one by one, all together, and as bytes that may be anything.

mod bytes;
mod order;
mod rules;
mod some;
