//! Targets for fuzzing: one for everything that reads foreign bytes.
//!
//! `tests/fuzz` gives them to libFuzzer; `cargo test` gives each of them some thousands of inputs by chance (`tests/each.rs`), so that none of them ceases to compile, or to hold.

pub mod acpi;
pub mod channel;
pub mod cmdline;
pub mod command;
pub mod fat_boot;
pub mod fat_directory;
pub mod fat_table;
pub mod files;
pub mod http;
mod image;
pub mod inet;
pub mod manifests;
pub mod memmap;
pub mod partitions;
pub mod symbols;
pub mod tcp;

/// A target: an input, of any length, in which nothing may panic, and nothing goes on for ever.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const ALL: &[(&str, Target)] = &[
    ("acpi", acpi::take),
    ("channel", channel::take),
    ("cmdline", cmdline::take),
    ("command", command::take),
    ("fat_boot", fat_boot::take),
    ("fat_directory", fat_directory::take),
    ("fat_table", fat_table::take),
    ("files", files::take),
    ("http", http::take),
    ("inet", inet::take),
    ("manifests", manifests::take),
    ("memmap", memmap::take),
    ("partitions", partitions::take),
    ("symbols", symbols::take),
    ("tcp", tcp::take),
];
