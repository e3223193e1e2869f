//! Devices that need no driver: `null`, `zero`, `random`.

use alloc::string::String;
use alloc::vec::Vec;

use anax_files::{Failure, Kind};
use sysfs::{Size, World};

const NAMES: [&str; 3] = ["null", "random", "zero"];

pub(crate) struct Devices;

impl World for Devices {
    const KIND: &'static str = "devfs";

    fn kind(&mut self, path: &str) -> Option<Kind> {
        match path {
            "" => Some(Kind::Directory),
            name => NAMES.contains(&name).then_some(Kind::Device),
        }
    }

    fn entries(&mut self, _: &str) -> Vec<(String, Kind)> {
        NAMES.iter().map(|name| ((*name).into(), Kind::Device)).collect()
    }

    fn read(&mut self, file: &str, _: u64, into: &mut [u8]) -> Result<Size, Failure> {
        match file {
            "null" => return Ok(Size::Bytes(0)),
            "zero" => into.fill(0),
            _ => anax::random::fill(into),
        }
        Ok(Size::Bytes(into.len()))
    }

    fn write(&mut self, file: &str, _: &[u8]) -> Result<(), Failure> {
        if file == "random" { Err(Failure::ReadOnly) } else { Ok(()) }
    }
}
