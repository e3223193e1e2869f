//! The description of a machine: which emulator, which devices, what to boot, how long to wait.

use std::ffi::OsString;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The CPU model that benchmarks are measured on: features that differ between QEMU versions, or that make
/// instruction counts meaningless, are off.
pub const BENCH_CPU: &str = "max,la57=off,erms=off,x2apic=off,pcid=off";

/// A Bochs CPU model with x2APIC, TSC deadline timer, PCID and invariant TSC.
pub const BOCHS_X2APIC: &str = "corei7_skylake_x";

/// A Bochs CPU model that has the xAPIC only.
pub const BOCHS_XAPIC: &str = "core2_penryn_t9600";

/// The program that plays the computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulator {
    /// QEMU: fast, with KVM where it works.
    Qemu,
    /// Bochs: slow, strict, and a second opinion on how a PC behaves. Boots from the ISO image only.
    Bochs,
}

/// The road from the firmware to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// QEMU loads the kernel itself.
    Pvh,
    /// BIOS, GRUB, a CD image.
    Iso,
    /// UEFI (OVMF), GRUB, the same CD image.
    Uefi,
}

/// QEMU's machine type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chipset {
    /// PCI Express, as PCs since 2007.
    Q35,
    /// The i440FX of 1996.
    Pc,
}

/// Whether the machine has ACPI tables (QEMU only).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acpi {
    /// As usual.
    On,
    /// None at all.
    Off,
}

/// How QEMU executes the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// KVM if it was seen to run this kernel, else translation.
    Auto,
    /// Translation.
    Tcg,
    /// Translation with `-icount shift=0,sleep=off`: time advances one nanosecond per instruction, so that
    /// runs repeat exactly.
    Icount,
    /// KVM, whether it works or not.
    Kvm,
}

/// The network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nic {
    /// The paravirtual one (QEMU only).
    VirtioNet,
    /// Intel 82540EM.
    E1000,
    /// No network card.
    None,
}

/// What a forwarded port is a port of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A port of the host's loopback address that leads to a port of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Of what.
    pub transport: Transport,
    /// Port on 127.0.0.1.
    pub host: u16,
    /// Port in the guest.
    pub guest: u16,
}

impl Forward {
    /// The emulators' words for it; both have libslirp's network.
    pub(crate) fn words(self) -> String {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        format!("{transport}:127.0.0.1:{}-:{}", self.host, self.guest)
    }
}

/// Two UDP ports of the host's loopback address, one datagram between them for each Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagrams {
    /// The emulator's end.
    pub guest: u16,
    /// The other end: a program that plays the rest of the network.
    pub peer: u16,
}

impl Datagrams {
    /// Towards a peer that has its port already, from a port that is free now. Somebody else may take it before the emulator
    /// does; that is then an error at its start.
    ///
    /// # Errors
    /// If the host has none.
    pub fn to_peer(peer: u16) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { guest: socket.local_addr()?.port(), peer })
    }
}

/// What the network card is plugged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Net {
    /// The emulator's own network: DHCP, a gateway, the host's names, and the given ports into the guest. Needs no rights.
    User(Vec<Forward>),
    /// An existing tap interface of the host.
    Tap(String),
    /// The same, but nothing is left for the host's kernel to finish, and it leaves nothing to the guest: frames as on a wire.
    BareTap(String),
    /// A peer on the host that sends and receives raw frames (QEMU only).
    Datagrams(Datagrams),
}

/// Where the guest's console (COM1) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// This program's terminal, both ways, in raw mode; Ctrl-A X quits.
    Terminal,
    /// Copied to standard error, without the control sequences that firmware likes.
    Stderr,
    /// Kept, not shown.
    Quiet,
}

/// Whether the guest uses the control line (COM2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlLine {
    /// `control=com2` is added to the command line; commands can be executed.
    Com2,
    /// `control=both` is added: a person has the console, and a [`Courier`](crate::Courier) brings files and commands meanwhile.
    Both,
    /// The guest is left to itself and its console.
    Unused,
}

/// Whether a debugger is to attach (QEMU only).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugger {
    /// No.
    None,
    /// The machine waits, stopped, for gdb on this port of 127.0.0.1.
    Port(u16),
}

/// A QEMU plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// The shared library.
    pub path: PathBuf,
    /// Its arguments, such as `out=/tmp/counts`.
    pub args: Vec<String>,
}

/// How long to wait for a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the start to the guest's `Ready` on the control line.
    pub ready: Duration,
    /// Without a word on control line or console, once it is ready.
    pub silence: Duration,
    /// From start to end, whatever it says.
    pub total: Option<Duration>,
}

/// A machine to start. Build one with [`Spec::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The kernel's ELF file.
    pub kernel: PathBuf,
    /// The boot archive.
    pub archive: PathBuf,
    /// Words for the kernel's command line.
    pub words: Vec<String>,
    /// The program that plays the computer.
    pub emulator: Emulator,
    /// The road to the kernel.
    pub boot: Boot,
    /// QEMU's machine type.
    pub chipset: Chipset,
    /// Whether there are ACPI tables.
    pub acpi: Acpi,
    /// CPUs, 1 or more.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// CPU model; by default `max` on QEMU and [`BOCHS_X2APIC`] on Bochs.
    pub cpu: Option<String>,
    /// How QEMU executes.
    pub accel: Accel,
    /// The network card.
    pub nic: Nic,
    /// What it is plugged into.
    pub net: Net,
    /// Write all of its packets to this pcap file (QEMU only).
    pub capture: Option<PathBuf>,
    /// A raw disk image, attached as a disk.
    pub disk: Option<PathBuf>,
    /// Where the console is.
    pub console: Console,
    /// Also write the console to this file.
    pub log: Option<PathBuf>,
    /// Whether commands can be executed.
    pub control: ControlLine,
    /// Whether a debugger attaches.
    pub debugger: Debugger,
    /// QEMU plugins.
    pub plugins: Vec<Plugin>,
    /// More arguments for QEMU.
    pub extra: Vec<OsString>,
    /// How long to wait.
    pub limits: Limits,
    /// A folder that remembers from run to run whether KVM works.
    pub cache: Option<PathBuf>,
}

impl Spec {
    /// A machine with two CPUs and 256 MiB that boots `kernel` by PVH in QEMU, without network or disk.
    #[must_use]
    pub fn new(kernel: &Path, archive: &Path) -> Self {
        Self {
            kernel: kernel.to_owned(),
            archive: archive.to_owned(),
            words: Vec::new(),
            emulator: Emulator::Qemu,
            boot: Boot::Pvh,
            chipset: Chipset::Q35,
            acpi: Acpi::On,
            cpus: 2,
            memory_mib: 256,
            cpu: None,
            accel: Accel::Auto,
            nic: Nic::None,
            net: Net::User(Vec::new()),
            capture: None,
            disk: None,
            console: Console::Quiet,
            log: None,
            control: ControlLine::Com2,
            debugger: Debugger::None,
            plugins: Vec::new(),
            extra: Vec::new(),
            limits: Limits {
                ready: Duration::from_secs(120),
                silence: Duration::from_secs(600),
                total: None,
            },
            cache: None,
        }
    }

    /// The same on Bochs, from the ISO image.
    #[must_use]
    pub fn bochs(kernel: &Path, archive: &Path) -> Self {
        Self { emulator: Emulator::Bochs, boot: Boot::Iso, ..Self::new(kernel, archive) }
    }

    /// The kernel's whole command line.
    #[must_use]
    pub fn command_line(&self) -> String {
        let control = match self.control {
            ControlLine::Com2 => Some("control=com2"),
            ControlLine::Both => Some("control=both"),
            ControlLine::Unused => None,
        };
        let words: Vec<&str> = control.into_iter().chain(self.words.iter().map(String::as_str)).collect();
        words.join(" ")
    }

    /// The CPU model that will be used.
    #[must_use]
    pub fn cpu_model(&self) -> &str {
        self.cpu.as_deref().unwrap_or(match self.emulator {
            Emulator::Qemu => "max",
            Emulator::Bochs => BOCHS_X2APIC,
        })
    }

    /// Checks what an emulator would refuse in its own words, or worse, ignore.
    ///
    /// # Errors
    /// One line that names the cure.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        use anyhow::ensure;
        ensure!(self.cpus > 0, "a machine needs at least one CPU");
        let bad_word = self.words.iter().find(|word| word.is_empty() || word.contains(char::is_whitespace));
        ensure!(bad_word.is_none(), "a kernel command line word has no space in it and is not empty");
        for file in [Some(&self.kernel), Some(&self.archive), self.disk.as_ref()].into_iter().flatten() {
            ensure!(file.is_file(), "there is no file {}", file.display());
        }
        if self.emulator == Emulator::Bochs {
            ensure!(self.boot == Boot::Iso, "Bochs boots from the ISO image only: use --boot iso");
            ensure!(
                self.nic != Nic::VirtioNet,
                "Bochs has no virtio-net card: use --nic e1000 or --nic none"
            );
            ensure!(!matches!(self.net, Net::Datagrams(_)), "raw frames as datagrams are QEMU's only");
            ensure!(self.debugger == Debugger::None, "gdb attaches to QEMU only: use --emulator qemu");
            ensure!(
                self.plugins.is_empty() && self.capture.is_none(),
                "plugins and captures are QEMU's only"
            );
            ensure!(self.accel != Accel::Icount, "instruction counting is QEMU's only");
        }
        Ok(())
    }
}
