//! Command lines for the guest.
#![no_main]

use anax_command::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    match parse(input) {
        Ok(steps) => assert!(steps.iter().all(|step| !step.words.is_empty())),
        Err(error) => assert!(error.position <= input.len()),
    }
});
