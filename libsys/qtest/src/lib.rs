//! QEMU with a CPU that does nothing: its test protocol (docs/devel/testing/qtest in QEMU's tree), a line for each access, and its memory as a file.
//!
//! For drivers' tests on the host, which may lean on libsys alone. Registers and configuration space are the traits that drivers
//! are written against; memory is shared with another process for real. What goes wrong is a panic: it is a test that ends.

mod ports;

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Duration;

use anax_device::{ConfigSpace, DmaAddress, DmaBlock, Registers};
use anax_ring::SharedBlock;
use rustix::mm::{MapFlags, ProtFlags};
use tempfile::TempDir;

pub use ports::Range;

/// The card's number on bus 0.
pub const SLOT: u32 = 5;
/// The card's address.
pub const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

const MEMORY_BYTES: usize = 32 << 20;
/// PCI configuration by I/O ports.
const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;

/// A running QEMU. Dropping it ends it.
pub struct Qemu {
    _child: Running,
    line: Rc<Line>,
    memory: NonNull<u8>,
    port: u16,
    _folder: TempDir,
}

/// The line to it.
#[derive(Debug)]
pub struct Line {
    stream: UnixStream,
    writes16: Cell<u64>,
}

impl Qemu {
    /// Starts one with the network card `card`, by QEMU's name, in slot [`SLOT`]; its frames go to UDP port `peer`. Nothing if there
    /// is no QEMU.
    ///
    /// # Panics
    /// QEMU does not start, or says what it should not: so do all functions here.
    #[must_use]
    pub fn start(card: &str, peer: u16) -> Option<Self> {
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let netdev = format!(
            "dgram,id=net,local.type=inet,local.host=127.0.0.1,local.port={port},\
             remote.type=inet,remote.host=127.0.0.1,remote.port={peer}"
        );
        let device = format!("{card},netdev=net,mac=52:54:00:12:34:56,addr={SLOT},romfile=");
        Self::launch("q35", &["-netdev", &netdev, "-device", &device], port)
    }

    /// Starts one of this kind of machine with a disk: the file `image`, attached by `device`, QEMU's name and properties, which gets
    /// it by the name `disk`. Nothing if there is no QEMU.
    #[must_use]
    pub fn with_disk(machine: &str, image: &Path, device: &str) -> Option<Self> {
        let drive = format!("if=none,id=disk,format=raw,file={}", image.display());
        let device = format!("{device},drive=disk");
        Self::launch(machine, &["-drive", &drive, "-device", &device], 0)
    }

    fn launch(machine: &str, devices: &[&str], port: u16) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join("qtest")).expect("a socket");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut command = Command::new("qemu-system-x86_64");
        // Firmware that halts the only CPU at once: `-accel qtest` would do without, but is not in every build.
        std::fs::write(path("halt"), [0xf4; 1 << 16]).expect("a temporary file");
        let machine = format!("{machine},memory-backend=ram");
        command.args(["-machine", &machine, "-accel", "tcg", "-m", "32M"]);
        command.args(["-bios", &path("halt")]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-qtest-log", "/dev/null"]);
        command.args([
            "-object",
            &format!("memory-backend-file,id=ram,size=32M,share=on,mem-path={}", path("ram")),
        ]);
        command.args(["-qtest", &format!("unix:{}", path("qtest"))]);
        command.args(devices);
        let mut child = Running(command.stdin(Stdio::null()).spawn().ok()?);
        listener.set_nonblocking(true).expect("a socket");
        let stream = loop {
            if let Ok((stream, _)) = listener.accept() {
                break stream;
            }
            assert!(child.0.try_wait().expect("a child").is_none(), "QEMU does not start");
            std::thread::sleep(Duration::from_millis(5));
        };
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        let line = Rc::new(Line { stream, writes16: Cell::new(0) });
        // It answers when the machine is made; before that, its memory may not be there.
        line.ask(&format!("inl {CONFIG_ADDRESS:#x}"));
        let file =
            File::options().read(true).write(true).open(folder.path().join("ram")).expect("its memory");
        // SAFETY: a new mapping, which nothing else lies in.
        let memory = unsafe {
            let rights = ProtFlags::READ | ProtFlags::WRITE;
            rustix::mm::mmap(std::ptr::null_mut(), MEMORY_BYTES, rights, MapFlags::SHARED, &file, 0)
        };
        let memory = NonNull::new(memory.expect("it can be mapped").cast()).expect("not at 0");
        Some(Self { _child: child, line, memory, port, _folder: folder })
    }

    /// The line to it.
    #[must_use]
    pub fn line(&self) -> Rc<Line> {
        Rc::clone(&self.line)
    }

    /// The UDP port that the card hears.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// 16-bit writes to registers so far: nearly all are a virtio device's notifications.
    #[must_use]
    pub fn writes16(&self) -> u64 {
        self.line.writes16.get()
    }

    /// `bytes` of its memory from `start` on.
    #[must_use]
    pub fn memory(&self, start: u64, bytes: usize) -> DmaBlock<'_> {
        let offset = usize::try_from(start).expect("small");
        assert!(offset + bytes <= MEMORY_BYTES);
        // SAFETY: within the mapping, as just checked, which lasts as long as the process; reached by such blocks only.
        let block = unsafe { SharedBlock::from_raw(self.memory.add(offset), bytes) };
        DmaBlock::new(block.expect("aligned"), DmaAddress::new(start)).expect("aligned")
    }
}

/// Ends with its owner, also one that panics.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // If it has ended already, all is well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Line {
    /// One command; the value in its answer, if there is one.
    fn ask(&self, command: &str) -> u64 {
        (&self.stream).write_all(format!("{command}\n").as_bytes()).expect("QEMU is there");
        let mut answer = String::new();
        BufReader::new(&self.stream).read_line(&mut answer).expect("QEMU is there");
        let answer = answer.trim();
        let value = answer.strip_prefix("OK").unwrap_or_else(|| panic!("{command}: {answer}"));
        let digits = value.trim().trim_start_matches("0x");
        if digits.is_empty() { 0 } else { u64::from_str_radix(digits, 16).expect("a number") }
    }
}

/// The configuration space of function 0 of a device on bus 0.
pub struct Function {
    /// The line.
    pub qemu: Rc<Line>,
    /// Number on the bus.
    pub device: u32,
}

impl Function {
    fn select(&self, offset: u8) {
        let address = 1 << 31 | self.device << 11 | u32::from(offset);
        self.qemu.ask(&format!("outl {CONFIG_ADDRESS:#x} {address:#x}"));
    }
}

impl ConfigSpace for Function {
    fn read(&self, offset: u8) -> u32 {
        self.select(offset);
        self.qemu.ask(&format!("inl {CONFIG_DATA:#x}")) as u32
    }

    fn write(&self, offset: u8, value: u32) {
        self.select(offset);
        self.qemu.ask(&format!("outl {CONFIG_DATA:#x} {value:#x}"));
    }
}

/// Registers by the line.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The line.
    pub qemu: Rc<Line>,
    /// Physical address.
    pub start: u64,
    /// Bytes.
    pub length: usize,
}

impl Mapped {
    fn ask(&self, command: &str, offset: usize, value: Option<u32>) -> u64 {
        assert!(offset < self.length);
        let address = self.start + offset as u64;
        let value = value.map_or(String::new(), |value| format!(" {value:#x}"));
        self.qemu.ask(&format!("{command} {address:#x}{value}"))
    }
}

impl Registers for Mapped {
    fn length(&self) -> usize {
        self.length
    }

    fn read8(&self, offset: usize) -> u8 {
        self.ask("readb", offset, None) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.ask("readw", offset, None) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.ask("readl", offset, None) as u32
    }

    fn write8(&self, offset: usize, value: u8) {
        self.ask("writeb", offset, Some(value.into()));
    }

    fn write16(&self, offset: usize, value: u16) {
        self.qemu.writes16.set(self.qemu.writes16.get() + 1);
        self.ask("writew", offset, Some(value.into()));
    }

    fn write32(&self, offset: usize, value: u32) {
        self.ask("writel", offset, Some(value));
    }
}
