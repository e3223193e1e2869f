//! Programs that start with the system, started and stopped by who may.

use alloc::string::ToString as _;

use anax_abi::Error;
use anax_manifest::Start;
use anax_system::{Condition, KILLED};

use crate::init::{Init, LOADER, NAMES};
use crate::process::Image;
use crate::system::System;

impl<S: System> Init<S> {
    /// The process of such a program that runs, or waits to be started again.
    fn service(&self, name: &str) -> Option<u64> {
        let mut all = self.processes.iter();
        let found = all.find(|(_, process)| {
            let lives = process.made.is_some() || process.due.is_some();
            process.maker == 0 && process.manifest.name == name && lives
        });
        found.map(|(number, _)| *number)
    }

    /// The process that serves `service`, of a program that starts with the system.
    pub(crate) fn server_of(&self, service: &str) -> Option<u64> {
        let mut all = self.processes.iter();
        let found = all.find(|(_, process)| {
            let serves = process.manifest.provides.iter().any(|provided| provided == service);
            process.maker == 0 && process.condition == Condition::Runs && serves
        });
        found.map(|(number, _)| *number)
    }

    pub(crate) fn begin_service(&mut self, name: &str) -> Result<u64, Error> {
        let manifest = self.manifests.get(name).ok_or(Error::BadArgument)?;
        if manifest.start != Start::Boot {
            return Err(Error::BadArgument);
        }
        if let Some(number) = self.service(name) {
            if self.processes.get(&number).is_none_or(|process| process.due.is_none()) {
                return Err(Error::Exists);
            }
            // It would come by itself later.
            return self.restart(number);
        }
        let process = self.prepare_for(0, name, Image::Archive(name.to_string()))?;
        self.run(process).map(|()| process)
    }

    pub(crate) fn end_service(&mut self, name: &str) -> Result<(), Error> {
        if [LOADER, NAMES].contains(&name) {
            return Err(Error::NoRights);
        }
        let number = self.service(name).ok_or(Error::WouldBlock)?;
        // One that waits for its restart is started for that: its end is then told to all as any other.
        let number = match self.processes.get(&number) {
            Some(process) if process.due.is_some() => self.restart(number)?,
            _ => number,
        };
        if let Some(process) = self.processes.get_mut(&number) {
            process.is_stopped = true;
        }
        self.over(number, KILLED);
        Ok(())
    }
}
