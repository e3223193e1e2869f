//! The options of `cargo xtask run`, what is wrong with them, and the machine they describe.

/// Whether this program's network has that interface: `/sys` may show another's.
fn is_interface(name: &str) -> bool {
    let devices = std::fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    devices.lines().any(|line| line.trim_start().split_once(':').is_some_and(|(device, _)| device == name))
}

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anax_vm::{Boot, Chipset, Datagrams, Debugger, Emulator, Forward, Limits, Net, Nic, Spec, Transport};
use anyhow::{Context, bail, ensure};
use clap::ValueEnum;

use crate::build::{Address, Choice, KernelVariant, Packed};

/// Port of the guest that the host can reach.
const GUEST_PORT: u16 = 80;

/// Port of the host that leads there, unless the environment says otherwise.
const HOST_PORT: u16 = 8080;

/// The environment variable that says otherwise.
const HOST_PORT_VARIABLE: &str = "ANAX_PORT";

/// Where gdb finds the guest.
const GDB_PORT: u16 = 1234;

// clap wraps these paragraphs to the terminal's width.
const EXAMPLES: &str = "\
Examples:
  cargo xtask run                        boot, with the console on this terminal
  cargo xtask run --exec 'echo alive'    boot, run a command, power off
  cargo xtask run --exec 'ps && hello'   several commands, or programs
  cargo xtask run --exec upper --input README.md
  cargo xtask run --system kernel --exec 'ktest; mem'
  cargo xtask run --device edu --exec 'edu-device-client 5'
  cargo xtask run --boot uefi --smp 4 --memory 1G
  cargo xtask run --emulator bochs
  cargo xtask swap net0 virtio-net       in another terminal: a driver that was changed, into the guest that runs
  cargo xtask run --peer 10000           raw frames to the guest and back, verified

Network: the guest is behind the emulator's own router (DHCP, gateway 10.0.2.2). Port 8080 of 127.0.0.1 leads to \
port 80 of the guest; the environment variable ANAX_PORT names another port than 8080. With --exec there is such a \
port only if ANAX_PORT is set, so that scripts can run side by side. With --peer there is no router: this tool \
sends raw frames and judges what comes back.

Exit status: with --exec the last command's; else 0. 2: the command line or the host is at fault. 3: the kernel \
refused what it was booted with. 101: it panicked. 125: the guest ended without saying how.";

/// Options of `cargo xtask run`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// CPUs of the machine.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=255))]
    smp: u32,
    /// Its memory in MiB, or with the unit: 512M, 4G.
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = memory)]
    memory: u32,
    /// Its network card [default: virtio-net on QEMU, e1000 on Bochs].
    #[arg(long, value_name = "CARD")]
    nic: Option<Card>,
    /// Plug the network card into this tap interface instead of the emulator's router.
    #[arg(long, value_name = "IFNAME")]
    tap: Option<String>,
    /// Be the rest of the network: send this many raw frames (ethertype 0x88b5) to the guest, which is to send each back with source
    /// and destination swapped; report, and end with status 0 if it did. Without --exec, Anax is switched off then.
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) peer: Option<u64>,
    /// With --peer: frames may be lost or come back twice, as when a driver is killed; what comes back is to be whole.
    #[arg(long, requires = "peer")]
    pub(super) lossy: bool,
    /// Plug the network card into UDP ports of 127.0.0.1, a datagram a frame: the guest's own and that of its peer,
    /// such as `cargo xtask peer`.
    #[arg(long, value_name = "GUEST:PEER", value_parser = datagrams)]
    datagrams: Option<Datagrams>,
    /// The address of the guest's network card, instead of asking by DHCP: 10.0.0.2/24.
    #[arg(long, value_name = "ADDR/LEN")]
    ip: Option<Address>,
    /// The road to the kernel: QEMU's own loader, GRUB from BIOS, or GRUB from UEFI [default: pvh on QEMU, iso
    /// on Bochs].
    #[arg(long, value_name = "ROAD")]
    boot: Option<Road>,
    /// The program that plays the computer.
    #[arg(long, value_name = "PROGRAM", default_value = "qemu")]
    emulator: Program,
    /// Attach this raw disk image: `blk0`, on Bochs `ata1`.
    #[arg(long, value_name = "FILE")]
    disk: Option<PathBuf>,
    /// Attach this raw disk image to the IDE controller of an older machine, as `ata0` (QEMU only).
    #[arg(long, value_name = "FILE")]
    ide_disk: Option<PathBuf>,
    /// Attach this device, by QEMU's name and properties: its teaching device is `edu`.
    #[arg(long, value_name = "DEVICE")]
    device: Vec<String>,
    /// Servers or programs to start with the system, as if their manifests said so; drivers to prefer to others of their devices.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(super) with: Vec<String>,
    /// Programs to leave out of the boot archive, as if there were none of that name yet.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(super) without: Vec<String>,
    /// Pack the programs that only tests need, too. Those that --with or --exec names are there anyway.
    #[arg(long)]
    all: bool,
    /// The name by which `cargo xtask swap --guest` finds this guest [default: the number of this process].
    #[arg(long, value_name = "NAME", conflicts_with_all = ["exec", "peer"], value_parser = guest_name)]
    pub(super) name: Option<String>,
    /// Who takes the commands: the user-land, or the test kernel's own runner with its tests and faults (its `help` lists them).
    #[arg(long, value_name = "SYSTEM", default_value = "user")]
    system: System,
    /// Run these commands, print what they print, power off and end with the last one's exit status. The
    /// kernel's log goes to standard error.
    #[arg(long, value_name = "COMMANDS")]
    pub(super) exec: Option<String>,
    /// With --exec: what its programs read from standard input, such as /dev/stdin [default: nothing].
    #[arg(long, value_name = "FILE", requires = "exec")]
    input: Option<PathBuf>,
    /// Also write the guest's console to this file.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Stop before the first instruction and wait for gdb on port 1234 (see also: cargo xtask debug).
    #[arg(long)]
    gdb: bool,
    /// Build quickly and without optimisation, for debugging.
    #[arg(long)]
    pub(super) dev: bool,
}

/// Values of `--nic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Card {
    /// The paravirtual card (QEMU only)
    VirtioNet,
    /// Intel 82540EM
    E1000,
    /// No network card
    None,
}

/// Values of `--boot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Road {
    /// QEMU loads the kernel itself: the quickest
    Pvh,
    /// A CD image, started by GRUB from BIOS
    Iso,
    /// The same image, started by GRUB from UEFI
    Uefi,
}

/// Values of `--system`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum System {
    /// The kernel as it is used; init starts servers and the command line
    User,
    /// The kernel with its tests, alone but for `program NAME`
    Kernel,
}

/// Values of `--emulator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Program {
    /// Fast; with KVM where it works
    Qemu,
    /// Slow and strict
    Bochs,
}

/// Reads `--memory`; MiB.
fn memory(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.strip_suffix(['G', 'g']) {
        Some(digits) => (digits, 1024),
        None => (text.strip_suffix(['M', 'm']).unwrap_or(text), 1),
    };
    let number = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    match number {
        Some(mib @ 32..=1_048_576) => Ok(mib),
        _ => Err("use a size from 32M to 1024G, such as 256M or 4G".to_owned()),
    }
}

/// Reads `--name`: it becomes a file's.
fn guest_name(text: &str) -> Result<String, String> {
    let is_part_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=32).contains(&text.len()) && text.bytes().all(is_part_of_name) {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 32 letters, digits, - and _".to_owned())
    }
}

/// Reads `--datagrams`.
fn datagrams(text: &str) -> Result<Datagrams, String> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let ports = text.split_once(':').and_then(|(guest, peer)| Some((port(guest)?, port(peer)?)));
    match ports {
        Some((guest, peer)) if guest != peer => Ok(Datagrams { guest, peer }),
        _ => Err("use two different port numbers, such as 5001:5002".to_owned()),
    }
}

impl Args {
    pub(super) fn emulator(&self) -> Emulator {
        match self.emulator {
            Program::Qemu => Emulator::Qemu,
            Program::Bochs => Emulator::Bochs,
        }
    }

    /// What the boot archive holds. The kernel's own runner starts any program.
    pub(super) fn choice(&self) -> Choice {
        // Whoever names a program wants it, be it to run it or as another's argument.
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let words = self.exec.iter().flat_map(|commands| commands.split(|c| !is_part(c)));
        let packed = match self.all || self.system == System::Kernel {
            true => Packed::All,
            false => Packed::Also(words.map(str::to_owned).collect()),
        };
        Choice {
            with: self.with.clone(),
            without: self.without.clone(),
            packed,
            address: self.ip,
            ..Choice::default()
        }
    }

    /// What programs read.
    pub(super) fn input(&self) -> anyhow::Result<Vec<u8>> {
        let Some(path) = &self.input else { return Ok(Vec::new()) };
        let input =
            std::fs::read(path).with_context(|| format!("--input: cannot read {}", path.display()))?;
        let limit = anax_control::MAX_FILE;
        ensure!(input.len() <= limit as usize, "--input: {} has more than {limit} bytes", path.display());
        Ok(input)
    }

    /// The kernel that the system begins with.
    pub(super) fn variant(&self) -> KernelVariant {
        match self.system {
            System::User => KernelVariant::Plain,
            System::Kernel => KernelVariant::Test,
        }
    }

    pub(super) fn boot(&self) -> Boot {
        match (self.boot, self.emulator) {
            (Some(Road::Pvh), _) | (None, Program::Qemu) => Boot::Pvh,
            (Some(Road::Iso), _) | (None, Program::Bochs) => Boot::Iso,
            (Some(Road::Uefi), _) => Boot::Uefi,
        }
    }

    fn nic(&self) -> Nic {
        match (self.nic, self.emulator) {
            (Some(Card::VirtioNet), _) | (None, Program::Qemu) => Nic::VirtioNet,
            (Some(Card::E1000), _) | (None, Program::Bochs) => Nic::E1000,
            (Some(Card::None), _) => Nic::None,
        }
    }

    /// Port of the host that leads into the guest.
    fn host_port(&self) -> anyhow::Result<Option<u16>> {
        if self.nic() == Nic::None || self.tap.is_some() || self.peer.is_some() || self.datagrams.is_some() {
            return Ok(None);
        }
        match (std::env::var(HOST_PORT_VARIABLE), &self.exec) {
            (Ok(port), _) => match port.parse() {
                Ok(port @ 1..) => Ok(Some(port)),
                _ => bail!("{HOST_PORT_VARIABLE} is {port:?}: set it to a port number or unset it"),
            },
            (Err(_), None) => Ok(Some(HOST_PORT)),
            (Err(_), Some(_)) => Ok(None),
        }
    }

    /// Finds everything that is wrong before anything is built or started.
    ///
    /// # Errors
    /// One line that names the cure.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.ip.is_none() || self.system == System::User && self.nic() != Nic::None,
            "--ip: there is no network card that has addresses: use --system user, and no --nic none"
        );
        ensure!(
            self.with.is_empty() || self.system == System::User,
            "--with {}: the test kernel starts nothing by itself: use --system user",
            self.with.join(" ")
        );
        if self.emulator == Program::Bochs {
            ensure!(self.boot() == Boot::Iso, "--boot: Bochs boots from the CD image only: use --boot iso");
            ensure!(self.nic() != Nic::VirtioNet, "--nic: Bochs has no virtio-net: use --nic e1000");
            ensure!(self.device.is_empty(), "--device: only QEMU knows it: use --emulator qemu");
            ensure!(self.ide_disk.is_none(), "--ide-disk: with Bochs --disk is one: use that");
            ensure!(!self.gdb, "--gdb: Bochs lets no gdb in: use --emulator qemu");
        }
        ensure!(
            self.boot() != Boot::Uefi || self.memory >= 128,
            "--memory: the UEFI firmware needs 128M or more for itself"
        );
        let disks = [("--disk", &self.disk), ("--ide-disk", &self.ide_disk)];
        for (option, disk) in disks.into_iter().filter_map(|(option, disk)| Some((option, disk.as_ref()?))) {
            ensure!(
                disk.is_file(),
                "{option}: there is no file {0}: make one with `truncate -s 64M {0}`",
                disk.display()
            );
        }
        if let Some(log) = &self.log {
            let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            ensure!(
                folder.is_dir() && !log.is_dir(),
                "--log: {} cannot be written: name a file in an existing folder",
                log.display()
            );
        }
        let networks = [
            ("--tap", self.tap.is_some()),
            ("--peer", self.peer.is_some()),
            ("--datagrams", self.datagrams.is_some()),
        ];
        let mut asked = networks.into_iter().filter(|(_, asked)| *asked).map(|(option, _)| option);
        if let Some(option) = asked.next() {
            ensure!(self.nic() != Nic::None, "{option}: a machine with --nic none has nothing to plug in");
            ensure!(
                option == "--tap" || self.emulator == Program::Qemu,
                "{option}: only QEMU sends frames as datagrams: use --emulator qemu"
            );
            if let Some(other) = asked.next() {
                bail!("{option} and {other}: the card is plugged into one thing only: leave one out");
            }
        }
        if let Some(interface) = &self.tap {
            ensure!(
                !interface.contains(['/', ',', ' ', ':']) && is_interface(interface),
                "--tap: there is no interface {interface}: make it with \
                 `sudo ip tuntap add {interface} mode tap user $USER && sudo ip link set {interface} up`"
            );
        }
        if let Some(ports) = &self.datagrams {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, ports.guest)).with_context(|| {
                format!(
                    "--datagrams: UDP port {} of 127.0.0.1 is busy: name another one for the guest",
                    ports.guest
                )
            })?;
        }
        if let Some(port) = self.host_port()? {
            free(port).with_context(|| {
                format!(
                    "port {port} of 127.0.0.1, which is to lead to the guest's port {GUEST_PORT}, is busy: set \
                     {HOST_PORT_VARIABLE} to another port, or use --nic none"
                )
            })?;
        }
        if self.gdb {
            free(GDB_PORT).with_context(|| {
                format!("--gdb: port {GDB_PORT} is busy: end the other guest, or use `cargo xtask debug`")
            })?;
        }
        if let Some(commands) = &self.exec {
            let limit = anax_control::MAX_COMMANDS;
            ensure!(commands.len() <= limit, "--exec: the commands are longer than {limit} bytes");
        }
        let is_taken = self.input.is_none() || self.variant() == KernelVariant::Plain;
        ensure!(is_taken, "--input: the test kernel's commands read nothing; leave --system kernel out");
        Ok(())
    }

    /// The machine, made from one that has kernel and archive, and plugged into the tool's own peer if there is one.
    pub(super) fn spec(&self, base: Spec, peer: Option<Datagrams>) -> anyhow::Result<Spec> {
        let ready = match (self.emulator, self.boot()) {
            (Program::Bochs, _) => 120,
            (Program::Qemu, Boot::Pvh) => 60,
            (Program::Qemu, _) => 120,
        };
        let net = match (peer.or(self.datagrams), &self.tap) {
            (Some(ports), _) => Net::Datagrams(ports),
            (None, Some(interface)) => Net::Tap(interface.clone()),
            (None, None) => {
                let forward = |host| Forward { transport: Transport::Tcp, host, guest: GUEST_PORT };
                Net::User(self.host_port()?.map(forward).into_iter().collect())
            }
        };
        let devices = self.device.iter().flat_map(|device| ["-device", device]).map(OsString::from);
        let ide = self.ide_disk.iter().flat_map(|disk| {
            let mut drive = OsString::from("if=ide,format=raw,file=");
            // A comma in a name would end it.
            drive.push(disk.to_string_lossy().replace(',', ",,"));
            [OsString::from("-drive"), drive]
        });
        Ok(Spec {
            emulator: self.emulator(),
            chipset: if self.ide_disk.is_some() { Chipset::Pc } else { base.chipset },
            boot: self.boot(),
            cpus: self.smp,
            memory_mib: self.memory,
            nic: self.nic(),
            net,
            disk: self.disk.clone(),
            extra: devices.chain(ide).collect(),
            log: self.log.clone(),
            debugger: if self.gdb { Debugger::Port(GDB_PORT) } else { Debugger::None },
            limits: Limits { ready: Duration::from_secs(ready), ..base.limits },
            ..base
        })
    }
}

/// Whether a port of the loopback address can be listened to.
fn free(port: u16) -> std::io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)
}
