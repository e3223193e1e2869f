//! `free`, `poweroff`, `reboot`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax::object::Machine;
use anax::process::{list, system};
use anax::{Error, handle, handles};
use utilities::{Options, human, number, table};

use crate::{Done, out, usage};

pub(super) const FREE: &str = "\
Shows how much memory there is, and who has it.

  free [-h] [-p]

Sizes in KiB, with -h in units; -p also what each process has.
";

const PAGE: u64 = 4096;

pub(super) fn free(words: &[String]) -> Done {
    let options = Options::of(words, "hp")?;
    if !options.words.is_empty() {
        return usage("[-h] [-p]");
    }
    let size = |bytes: u64| if options.has('h') { human(bytes) } else { format!("{}", bytes >> 10) };
    let (total, free) = Machine::from_handle(handle(handles::LOG).ok_or(Error::BadHandle)?).memory()?;
    let used = total.saturating_sub(free);
    let row = |name: &str, bytes: u64| [String::from(name), size(bytes)].to_vec();
    let mut rows: Vec<Vec<String>> = [
        [String::from("memory"), String::from("-size")].to_vec(),
        row("all", total),
        row("used", used),
        row("free", free),
    ]
    .into();
    if options.has('p') {
        rows.push([String::new(), String::new()].to_vec());
        let mut all = list()?;
        all.sort_by_key(|report| core::cmp::Reverse(report.pages));
        rows.extend(
            all.iter().filter(|report| report.pages > 0).map(|report| row(&report.name, report.pages * PAGE)),
        );
    }
    out(table(&rows).as_bytes())?;
    Ok(0)
}

pub(super) const POWER_OFF: &str = "\
Ends all programs and switches the machine off.

  poweroff [STATUS]

An emulator ends with the status, 0 to 255.
";

pub(super) fn power_off(words: &[String]) -> Done {
    let status = match words {
        [] => 0,
        [status] => number(status)?,
        _ => return usage("[STATUS]"),
    };
    system()?.power_off(status)?;
    Ok(0)
}

pub(super) const REBOOT: &str = "\
Ends all programs and starts the machine again.

  reboot
";

pub(super) fn reboot(words: &[String]) -> Done {
    if !words.is_empty() {
        return usage("");
    }
    system()?.reboot()?;
    Ok(0)
}
