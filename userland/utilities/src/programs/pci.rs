//! `lspci`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_devices::{DevicesClient, Report, SERVICE, State};
use utilities::{Options, table};

use crate::{Done, out, usage};

pub(super) const LSPCI: &str = "\
Lists devices, of PCI and of the PC's own, with their drivers.

  lspci

'drvctl' says more of them and replaces their drivers.
";

pub(super) fn list(words: &[String]) -> Done {
    let options = Options::of(words, "")?;
    if !options.words.is_empty() {
        return usage("");
    }
    let mut client: DevicesClient<_> = anax::client(SERVICE)?;
    let mut all: Vec<Report> = Vec::new();
    loop {
        let more = client.list(all.len() as u32)?;
        if more.is_empty() {
            break;
        }
        all.extend(more);
    }
    let mut rows: Vec<Vec<String>> = [["device", "what", "driver"].map(String::from).to_vec()].into();
    for report in all {
        let driver = match report.state {
            State::NoDriver => "-".into(),
            State::Works => report.driver,
            State::Waits => format!("{} (waits for its restart)", report.driver),
            State::Stopped => format!("{} (stopped)", report.driver),
            State::Failed => format!("{} (failed)", report.driver),
        };
        rows.push([report.name, report.what, driver].to_vec());
    }
    out(table(&rows).as_bytes())?;
    Ok(0)
}
