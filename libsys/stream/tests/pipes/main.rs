//! Pipes with a host that only remembers: whatever their users do, bytes come out as they went in, and nobody is forgotten.

mod random;
mod rules;
mod storm;
mod table;
