//! Gives a target to libFuzzer: the one that the variable `TARGET` names.
#![no_main]

use std::sync::OnceLock;

use fuzz_targets::{ALL, Target};
use libfuzzer_sys::fuzz_target;

fn target() -> Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    *TARGET.get_or_init(|| {
        let wanted = std::env::var("TARGET").unwrap_or_default();
        let found = ALL.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, target)| *target).unwrap_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
            eprintln!("TARGET is '{wanted}'; there are: {}", names.join(" "));
            std::process::exit(2)
        })
    })
}

fuzz_target!(|input: &[u8]| target()(input));
