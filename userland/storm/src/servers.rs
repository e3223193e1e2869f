//! The servers, and what is known of their interfaces.

use anax::object::Space;
use anax::process::{Child, Command, system};
use anax::{Error, Handle, Rights, handles};
use anax_block_disk::parts::parts;
use anax_calendar::wall_clock;
use anax_devices::devices;
use anax_files::files::files;
use anax_files::volume::volume;
use anax_proto::{FIRST_METHOD, Format, Method};
use anax_socket::sockets;
use anax_stream::{BULK, byte_stream};
use anax_sys::WORDS;
use anax_system::{Name, loader, names, processes};
use anax_tty::{PIECE, terminal};

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By a handle of that name, which this program began with.
    Handle(&'static str),
    /// By its name; one that is not there is let be.
    Name,
    /// By its name, or else a process of its program is started for the occasion.
    Start,
    /// A process of its program is started: the one that serves the system is init's alone.
    StartAlways,
}

/// A server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    /// Its service, or its program.
    pub(crate) name: &'static str,
    way: Way,
    /// What it can be asked.
    pub(crate) methods: &'static [Method],
    /// The fingerprint of its interface, if that is known here.
    pub(crate) fingerprint: Option<u64>,
    /// Names that mean something to it.
    pub(crate) words: &'static [&'static str],
    /// Beginning with it gives a handle by which everything else is asked.
    pub(crate) has_sessions: bool,
    /// Commands that write to where this program's own output goes: with nothing but letters.
    prints: &'static [u32],
}

/// Those that can be reached. Drivers with a channel serve the device manager alone.
pub(crate) const SERVERS: &[Server] = &[
    Server {
        name: "init",
        way: Way::Handle(handles::INIT),
        methods: processes::METHODS,
        fingerprint: Some(processes::FINGERPRINT),
        words: &["hello", "names", "serial", "virtio-net", "nobody"],
        has_sessions: false,
        prints: &[],
    },
    Server {
        name: "names",
        way: Way::Handle(handles::NAMES),
        methods: names::METHODS,
        fingerprint: Some(names::FINGERPRINT),
        words: &["devices", "serial", "visitor-count", "edu-device", "nobody"],
        has_sessions: false,
        prints: &[],
    },
    Server {
        name: "loader",
        way: Way::StartAlways,
        methods: loader::METHODS,
        fingerprint: Some(loader::FINGERPRINT),
        words: &["hello", "nobody"],
        has_sessions: false,
        prints: &[],
    },
    Server {
        name: "devices",
        way: Way::Name,
        methods: devices::METHODS,
        fingerprint: Some(devices::FINGERPRINT),
        words: &["net0", "blk0", "virtio-net", "virtio-net-polling", "virtio-blk", "e1000"],
        has_sessions: false,
        prints: &[],
    },
    Server {
        name: "serial",
        way: Way::Name,
        methods: terminal::METHODS,
        fingerprint: Some(terminal::FINGERPRINT),
        words: &["tty"],
        // The control line, which the build tool believes.
        has_sessions: false,
        prints: &[terminal::WRITE],
    },
    Server {
        name: "control",
        way: Way::Handle(handles::STDOUT),
        methods: byte_stream::METHODS,
        fingerprint: Some(byte_stream::FINGERPRINT),
        words: &["storm"],
        has_sessions: false,
        prints: &[byte_stream::WRITE, byte_stream::WRITE_FROM],
    },
    Server {
        name: "control-input",
        way: Way::Handle(handles::STDIN),
        methods: byte_stream::METHODS,
        fingerprint: Some(byte_stream::FINGERPRINT),
        words: &["storm"],
        has_sessions: false,
        prints: &[],
    },
    Server { has_sessions: true, ..known("vfs", files::METHODS, files::FINGERPRINT, FILES) },
    Server { has_sessions: true, ..known("net", sockets::METHODS, sockets::FINGERPRINT, &["storm"]) },
    known("disks", parts::METHODS, parts::FINGERPRINT, &["blk0"]),
    known("wall-clock", wall_clock::METHODS, wall_clock::FINGERPRINT, &["storm"]),
    // Those that serve the system have begun with the VFS server, and forget it when another one begins.
    Server { way: Way::StartAlways, ..known("tmpfs", volume::METHODS, volume::FINGERPRINT, &["storm"]) },
    Server { way: Way::StartAlways, ..known("devfs", volume::METHODS, volume::FINGERPRINT, &["zero"]) },
    Server { way: Way::StartAlways, ..known("sysfs", volume::METHODS, volume::FINGERPRINT, &["devices"]) },
    unknown("visitor-count", Way::Start),
    unknown("edu-device", Way::Name),
];

/// Paths that mean something.
const FILES: &[&str] = &["/tmp/storm", "/boot", "/dev/zero", "/sys/devices"];

/// One that runs in every system.
const fn known(
    name: &'static str,
    methods: &'static [Method],
    fingerprint: u64,
    words: &'static [&'static str],
) -> Server {
    Server {
        name,
        way: Way::Name,
        methods,
        fingerprint: Some(fingerprint),
        words,
        has_sessions: false,
        prints: &[],
    }
}

/// One whose interface is its own folder's: any that is like others.
const fn unknown(name: &'static str, way: Way) -> Server {
    Server {
        name,
        way,
        methods: METHODS,
        fingerprint: None,
        words: &["storm"],
        has_sessions: false,
        prints: &[],
    }
}

const METHODS: &[Method] = &[method(0), method(1), method(2)];

const fn method(place: u32) -> Method {
    Method {
        name: "unknown",
        command: FIRST_METHOD + place,
        format: Format::Fixed,
        is_idempotent: false,
        documentation: "",
    }
}

impl Server {
    /// A handle to send to it, and its process if it was started for that; nothing if it does not run.
    pub(crate) fn find(&self) -> Result<Option<(Handle, Option<Child>)>, Error> {
        match self.way {
            Way::Handle(name) => match anax::handle(name) {
                Some(handle) => Ok(Some((Space::SELF.duplicate(handle, Rights::ALL, 0)?, None))),
                None => Ok(None),
            },
            Way::StartAlways => self.start().map(Some),
            Way::Name | Way::Start => {
                let name: Name = self.name.parse().map_err(|_| Error::BadArgument)?;
                match anax::names()?.look_up(name) {
                    Ok((gift, _)) => Ok(Some((gift.handle, None))),
                    Err(Error::WouldBlock) if self.way == Way::Start => self.start().map(Some),
                    Err(Error::WouldBlock) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }

    fn start(&self) -> Result<(Handle, Option<Child>), Error> {
        let child = Command::new(self.name)?.start()?;
        Ok((system()?.port(child.process())?.handle, Some(child)))
    }

    /// What is to be sent in place of that, so that whoever looks at the output sees it.
    pub(crate) fn tame(&self, command: u32, words: &mut [u64; WORDS]) {
        if !self.prints.contains(&command) {
            return;
        }
        words[1..].fill(u64::from_le_bytes(*b"storm..\n"));
        // More than a piece has, or what is lent.
        if self.name == "serial" {
            words[0] = words[0].max(PIECE as u64 + 1);
        } else if command == byte_stream::WRITE_FROM {
            words[0] = words[0].max(BULK as u64 + 1);
        }
    }
}
