//! The programs, by name.

mod change;
mod copy;
mod disk;
mod files;
mod list;
mod log;
mod machine;
mod pci;
mod processes;
mod search;
mod services;
mod text;
mod time;
mod top;
mod words;

use crate::Utility;

macro_rules! utilities {
    ($($name:literal: $module:ident::$run:ident, $help:ident;)+) => {
        /// All of them.
        pub(crate) const ALL: &[Utility] = &[$(
            Utility { name: $name, help: $module::$help, run: $module::$run },
        )+];
    };
}

utilities! {
    "cat": text::cat, CAT;
    "cp": copy::copy, COPY;
    "date": time::date, DATE;
    "df": disk::free, DF;
    "dmesg": log::dmesg, DMESG;
    "echo": words::echo, ECHO;
    "env": words::env, ENV;
    "false": words::no, FALSE;
    "free": machine::free, FREE;
    "grep": search::grep, GREP;
    "head": text::head, HEAD;
    "hexdump": text::hexdump, HEXDUMP;
    "kill": processes::kill, KILL;
    "ln": files::link, LN;
    "ls": list::list, LS;
    "lspci": pci::list, LSPCI;
    "mkdir": files::make_directory, MKDIR;
    "mount": disk::mount, MOUNT;
    "mv": copy::rename, MV;
    "power-off": machine::power_off, POWER_OFF;
    "poweroff": machine::power_off, POWER_OFF;
    "ps": processes::list, PS;
    "reboot": machine::reboot, REBOOT;
    "rm": change::remove, RM;
    "rmdir": files::remove_directory, RMDIR;
    "sleep": time::sleep, SLEEP;
    "sort": search::sorted, SORT;
    "svc": services::services, SVC;
    "sync": disk::sync, SYNC;
    "tail": text::tail, TAIL;
    "tee": text::tee, TEE;
    "top": top::top, TOP;
    "touch": files::touch, TOUCH;
    "true": words::yes, TRUE;
    "umount": disk::unmount, UMOUNT;
    "uptime": time::uptime, UPTIME;
    "wc": text::count, WC;
}
