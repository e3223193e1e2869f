//! What is known of the system: itself, its processes, its devices.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax::process;
use anax_devices::{DevicesClient, SERVICE, devices};
use anax_files::{Failure, Kind};
use sysfs::{Size, World};

/// Files of the root.
const FACTS: [&str; 3] = ["memory", "uptime", "version"];
/// Files of a process.
const OF_PROCESS: [&str; 10] =
    ["condition", "handles", "name", "pages", "restarts", "sent", "status", "threads", "time", "waiting"];
/// Files of a device.
const OF_DEVICE: [&str; 1] = ["status"];

pub(crate) struct System {
    devices: DevicesClient<anax::Service>,
}

impl System {
    pub(crate) fn new() -> Result<Self, anax::Error> {
        Ok(Self { devices: DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?) })
    }

    fn processes() -> Vec<anax_system::Report> {
        process::list().unwrap_or_default()
    }

    /// Each device's name, and what the device manager says of it.
    fn devices(&mut self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        // A device manager that has died has a successor; what it knows by now has to do.
        while let Ok(some) = self.devices.list(all.len() as u32) {
            if some.is_empty() {
                break;
            }
            all.extend(some.into_iter().map(|report| (report.name.to_string(), format!("{report:#?}\n"))));
        }
        all
    }

    fn fact(name: &str) -> Option<String> {
        Some(match name {
            "uptime" => {
                let nanoseconds = anax::time::now().nanoseconds();
                format!("{}.{:03}\n", nanoseconds / 1_000_000_000, nanoseconds / 1_000_000 % 1000)
            }
            "version" => format!("Anax {}\n", env!("CARGO_PKG_VERSION")),
            "memory" => {
                let pages: u64 = Self::processes().iter().map(|report| report.pages).sum();
                format!("programs_kib {}\n", pages * 4)
            }
            _ => return None,
        })
    }

    fn process(number: &str, what: &str) -> Option<String> {
        let number: u64 = number.parse().ok()?;
        let report = Self::processes().into_iter().find(|report| report.process == number)?;
        Some(match what {
            "condition" => format!("{:?}\n", report.condition),
            "handles" => format!("{}\n", report.handles),
            "name" => format!("{}\n", report.name),
            "pages" => format!("{}\n", report.pages),
            "restarts" => format!("{}\n", report.restarts),
            "sent" => format!("{}\n", report.sent),
            "status" => format!("{report:#?}\n"),
            "threads" => format!("{}\n", report.threads),
            "time" => format!("{}\n", report.time_ns),
            "waiting" => format!("{}\n", report.waiting),
            _ => return None,
        })
    }
}

fn list(names: &[&str], kind: Kind) -> Vec<(String, Kind)> {
    names.iter().map(|name| ((*name).into(), kind)).collect()
}

impl World for System {
    const KIND: &'static str = "sysfs";

    fn kind(&mut self, path: &str) -> Option<Kind> {
        let mut names = path.split('/');
        let (first, second, third) = (names.next()?, names.next(), names.next());
        if names.next().is_some() {
            return None;
        }
        let is_there = |all: &[&str], name| all.contains(&name);
        match (first, second, third) {
            ("" | "devices" | "processes", None, None) => Some(Kind::Directory),
            (name, None, None) if is_there(&FACTS, name) => Some(Kind::Device),
            ("processes", Some(number), what) => {
                let number: u64 = number.parse().ok()?;
                let is_one = Self::processes().iter().any(|report| report.process == number);
                match what {
                    _ if !is_one => None,
                    None => Some(Kind::Directory),
                    Some(what) => is_there(&OF_PROCESS, what).then_some(Kind::Device),
                }
            }
            ("devices", Some(name), what) => {
                let is_one = self.devices().iter().any(|(device, _)| device == name);
                match what {
                    _ if !is_one => None,
                    None => Some(Kind::Directory),
                    Some(what) => is_there(&OF_DEVICE, what).then_some(Kind::Device),
                }
            }
            _ => None,
        }
    }

    fn entries(&mut self, directory: &str) -> Vec<(String, Kind)> {
        let mut entries = match directory.split_once('/').unwrap_or((directory, "")) {
            ("", _) => {
                let mut all = list(&["devices", "processes"], Kind::Directory);
                all.extend(list(&FACTS, Kind::Device));
                all
            }
            ("processes", "") => Self::processes()
                .into_iter()
                .map(|report| (report.process.to_string(), Kind::Directory))
                .collect(),
            ("processes", _) => list(&OF_PROCESS, Kind::Device),
            ("devices", "") => self.devices().into_iter().map(|(name, _)| (name, Kind::Directory)).collect(),
            ("devices", _) => list(&OF_DEVICE, Kind::Device),
            _ => Vec::new(),
        };
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        entries
    }

    fn read(&mut self, file: &str, _: u64, _: &mut [u8]) -> Result<Size, Failure> {
        let mut names = file.split('/');
        let text = match (names.next(), names.next(), names.next()) {
            (Some(fact), None, None) => Self::fact(fact),
            (Some("processes"), Some(number), Some(what)) => Self::process(number, what),
            (Some("devices"), Some(name), Some(_)) => {
                self.devices().into_iter().find(|(device, _)| device == name).map(|(_, text)| text)
            }
            _ => None,
        };
        text.map(Size::Text).ok_or(Failure::NotFound)
    }
}
