//! Jobs: what runs while the shell goes on.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Shell;
use crate::world::{Ended, World};

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) number: u32,
    /// Its processes; of those that have ended, how.
    pub(super) processes: Vec<(u64, Option<Ended>)>,
    pub(super) text: String,
}

impl Job {
    pub(super) fn runs(&self) -> bool {
        self.processes.iter().any(|(_, ended)| ended.is_none())
    }

    /// The status of its last process.
    pub(super) fn status(&self) -> u8 {
        self.processes.last().and_then(|(_, ended)| ended.as_ref()).map_or(0, |ended| ended.status)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) all: Vec<Job>,
    last_process: Option<u64>,
}

impl Jobs {
    pub(super) fn add(&mut self, processes: &[u64], text: &str) -> u32 {
        let number = self.all.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        self.last_process = processes.last().copied().or(self.last_process);
        let processes = processes.iter().map(|process| (*process, None)).collect();
        self.all.push(Job { number, processes, text: text.into() });
        number
    }

    /// The process that was started last, `$!`.
    pub(super) const fn last_process(&self) -> Option<u64> {
        self.last_process
    }

    /// The job that is meant: `%1`, `%` or `%%` for the last one, or the number of one of its processes.
    pub(super) fn find(&self, whom: &str) -> Option<usize> {
        match whom.strip_prefix('%') {
            Some("" | "%" | "+") => self.all.len().checked_sub(1),
            Some(number) => {
                let number: u32 = number.parse().ok()?;
                self.all.iter().position(|job| job.number == number)
            }
            None => {
                let process: u64 = whom.parse().ok()?;
                let is_its = |job: &Job| job.processes.iter().any(|(of, _)| *of == process);
                self.all.iter().position(is_its)
            }
        }
    }
}

impl<W: World> Shell<W> {
    /// Looks which processes have ended.
    pub(super) fn look_at_jobs(&mut self) {
        for (process, ended) in self.jobs.all.iter_mut().flat_map(|job| &mut job.processes) {
            if ended.is_none() {
                *ended = self.world.ended(*process);
            }
        }
    }

    /// Says which jobs have ended, and forgets them.
    pub fn report_jobs(&mut self) {
        self.look_at_jobs();
        let (runs, ended): (Vec<Job>, Vec<Job>) =
            core::mem::take(&mut self.jobs.all).into_iter().partition(Job::runs);
        self.jobs.all = runs;
        for job in ended {
            let how = match job.status() {
                0 => String::from("done"),
                status => format!("status {status}"),
            };
            let line = format!("[{}] {how}: {}\n", job.number, job.text);
            // Nobody is left who could miss it.
            let _ = self.world.write(&self.streams[2], line.as_bytes());
        }
    }

    /// Waits for a job and forgets it: its status, or nothing if the person does not want to.
    pub(super) fn wait_for(&mut self, place: usize) -> Option<u8> {
        for index in 0..self.jobs.all[place].processes.len() {
            let (process, ended) = self.jobs.all[place].processes[index].clone();
            if ended.is_none() {
                let ended = self.world.wait(process)?;
                self.jobs.all[place].processes[index].1 = Some(ended);
            }
        }
        Some(self.jobs.all.remove(place).status())
    }

    /// Whether jobs run.
    pub fn has_jobs(&mut self) -> bool {
        self.look_at_jobs();
        self.jobs.all.iter().any(Job::runs)
    }
}
