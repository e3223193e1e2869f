//! What there is before a storm, and has to be there after it: processes, their handles, the accounts of the machine.

use alloc::string::String;
use alloc::vec::Vec;

use anax::process::{list, system};
use anax::time::{Duration, sleep};
use anax::{Error, Service, println};
use anax_devices::{DevicesClient, Report, SERVICE, State as Device, devices};
use anax_system::{Condition, Name};

/// How long a device is waited for, and how often it is looked at.
const SOON: Duration = Duration::from_millis(20);
const LOOKS: u32 = 200;

/// A process: number, program, handles.
type Process = (u64, String, u64);

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// All that run but drivers of devices, which whoever may swap them swaps.
    processes: Vec<Process>,
    /// Pages, handles, threads, messages.
    accounts: [u64; 4],
    /// Devices and the programs that drive them.
    drivers: Vec<(String, String)>,
}

impl State {
    /// As it is now.
    pub(crate) fn find() -> Result<Self, Error> {
        let devices = all_devices()?;
        let is_driver = |process: u64| devices.iter().any(|device| device.process == process);
        let runs = list()?.into_iter().filter(|report| report.condition == Condition::Runs);
        let lasting = runs.filter(|report| !is_driver(report.process));
        let processes = lasting.map(|report| (report.process, report.name, report.handles)).collect();
        let drives = devices.iter().filter(|device| device.state == Device::Works);
        let drivers = drives.map(|device| (device.name.clone(), device.driver.clone())).collect();
        Ok(Self { processes, accounts: system()?.account()?, drivers })
    }

    /// Brings the devices back to the drivers that they had: changing them is what their manager is for.
    pub(crate) fn bring_drivers_back(&self) -> Result<(), Error> {
        for (device, driver) in &self.drivers {
            let Ok(name) = device.parse::<Name>() else { continue };
            let mut looks = 0;
            loop {
                let all = all_devices()?;
                let Some(report) = all.iter().find(|report| report.name == *device) else { break };
                match report.state {
                    Device::Works if report.driver == *driver => break,
                    Device::Works => {
                        _ = manager()?.swap(name, driver.parse().map_err(|_| Error::BadArgument)?)?
                    }
                    Device::Waits => {}
                    Device::Stopped | Device::Failed | Device::NoDriver => manager()?.restart(name)?,
                }
                looks += 1;
                if looks == LOOKS {
                    println!("storm: {device} has no driver that works");
                    return Err(Error::TimedOut);
                }
                sleep(SOON);
            }
        }
        Ok(())
    }

    /// Says what is another than before; whether anything is.
    pub(crate) fn compare(&self, before: &Self) -> bool {
        for (process, name, handles) in &before.processes {
            match self.processes.iter().find(|now| now.0 == *process) {
                None => println!("storm: {name} (process {process}) is no more"),
                Some(now) if now.2 != *handles => {
                    println!("storm: {name} (process {process}) has {} handles instead of {handles}", now.2);
                }
                Some(_) => {}
            }
        }
        for (process, name, _) in &self.processes {
            if !before.processes.iter().any(|before| before.0 == *process) {
                println!("storm: {name} (process {process}) has come");
            }
        }
        if self.accounts != before.accounts {
            println!("storm: accounts: {:?} before, {:?} after", before.accounts, self.accounts);
        }
        if self.drivers != before.drivers {
            println!("storm: drivers: {:?} before, {:?} after", before.drivers, self.drivers);
        }
        self != before
    }
}

fn manager() -> Result<DevicesClient<Service>, Error> {
    anax::connect(SERVICE, devices::FINGERPRINT).map(DevicesClient::over)
}

fn all_devices() -> Result<Vec<Report>, Error> {
    let (mut manager, mut all) = (manager()?, Vec::new());
    loop {
        let some = manager.list(all.len() as u32)?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
}
