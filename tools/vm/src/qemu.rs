//! QEMU's command line. QEMU 7.2 (Debian 12) and later.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::host::{need_file, need_program};
use crate::{Accel, Acpi, Boot, Chipset, Debugger, Net, Nic, Spec, iso};

/// Port and status: the guest writes v to port 0xf4 and QEMU ends with the status 2v + 1.
const DEBUG_EXIT: &str = "isa-debug-exit,iobase=0xf4,iosize=4";

/// The command that starts QEMU on `spec`, with the serial lines on two Unix sockets that exist already.
/// Files it needs are written to `folder`. `spec.accel` must not be `Auto`.
pub(crate) fn command(spec: &Spec, folder: &Path, console: &Path, control: &Path) -> anyhow::Result<Command> {
    let mut qemu = Command::new(need_program("qemu-system-x86_64")?);
    qemu.args(["-name", "anax", "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"]);
    qemu.args(["-monitor", "none", "-device", DEBUG_EXIT]);

    let chipset = match spec.chipset {
        Chipset::Q35 => "q35",
        Chipset::Pc => "pc",
    };
    let acpi = match spec.acpi {
        Acpi::On => "",
        Acpi::Off => ",acpi=off",
    };
    qemu.args(["-machine", &format!("{chipset}{acpi}"), "-cpu", spec.cpu_model()]);
    qemu.args(["-smp", &spec.cpus.to_string(), "-m", &format!("{}M", spec.memory_mib)]);
    match spec.accel {
        Accel::Kvm => qemu.args(["-accel", "kvm"]),
        Accel::Tcg | Accel::Auto => qemu.args(["-accel", "tcg"]),
        Accel::Icount => qemu.args(["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]),
    };

    boot(&mut qemu, spec, folder)?;
    for (name, path) in [("console", console), ("control", control)] {
        qemu.arg("-chardev").arg(option(&format!("socket,id={name},path="), path));
        qemu.args(["-serial", &format!("chardev:{name}")]);
    }
    network(&mut qemu, spec);
    if let Some(disk) = &spec.disk {
        let disk = std::path::absolute(disk)?;
        qemu.arg("-drive").arg(option("if=none,id=disk,format=raw,file=", &disk));
        qemu.args(["-device", "virtio-blk-pci,drive=disk"]);
    }
    let mut monitor = option("unix:", &monitor(folder));
    monitor.push(",server=on,wait=off");
    qemu.arg("-qmp").arg(monitor);
    if let Debugger::Port(port) = spec.debugger {
        qemu.args(["-gdb", &format!("tcp:127.0.0.1:{port}"), "-S"]);
    }
    for plugin in &spec.plugins {
        let mut value = option("", &std::path::absolute(&plugin.path)?);
        for argument in &plugin.args {
            value.push(",");
            value.push(argument);
        }
        qemu.arg("-plugin").arg(value);
    }
    qemu.args(&spec.extra);
    Ok(qemu)
}

/// Where QEMU is asked how it is itself.
fn monitor(folder: &Path) -> PathBuf {
    folder.join("monitor")
}

/// Whether QEMU's main loop does not go on: it is asked for something by its monitor (QEMU Machine Protocol Specification, sections 2.2 and 3.1). The greeting alone says nothing: that is
/// another thread's. One that has ended does not hang.
pub(crate) fn hangs(folder: &Path, patience: Duration) -> bool {
    let ask = |stream: UnixStream| {
        stream.set_read_timeout(Some(patience))?;
        (&stream).write_all(b"{\"execute\":\"qmp_capabilities\"}\n")?;
        // The greeting, and what is returned.
        BufReader::new(&stream).lines().take(2).try_for_each(|line| line.map(drop))
    };
    let asked = UnixStream::connect(monitor(folder)).and_then(ask);
    asked.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn boot(qemu: &mut Command, spec: &Spec, folder: &Path) -> anyhow::Result<()> {
    if spec.boot == Boot::Pvh {
        qemu.arg("-kernel").arg(std::path::absolute(&spec.kernel)?);
        // -initrd takes a list of files for some kernels; a comma is doubled like in any option.
        qemu.arg("-initrd").arg(option("", &std::path::absolute(&spec.archive)?));
        qemu.args(["-append", &spec.command_line()]);
        return Ok(());
    }
    let image = folder.join("anax.iso");
    iso::build_iso(&spec.kernel, &spec.archive, &spec.command_line(), &image)?;
    qemu.arg("-drive").arg(option("media=cdrom,format=raw,readonly=on,file=", &image));
    // GRUB wants a screen, if only to write nothing on it.
    qemu.args(["-vga", "std"]);
    if spec.boot == Boot::Uefi {
        let (code, variables) = firmware()?;
        let own_variables = folder.join("uefi-variables");
        std::fs::copy(variables, &own_variables)?;
        qemu.arg("-drive").arg(option("if=pflash,format=raw,readonly=on,file=", &code));
        qemu.arg("-drive").arg(option("if=pflash,format=raw,file=", &own_variables));
    }
    Ok(())
}

/// OVMF's code and a fresh set of its variables. Debian 13 has the 4 MiB build only.
fn firmware() -> anyhow::Result<(PathBuf, PathBuf)> {
    let file = |part: &str| {
        let files = [format!("/usr/share/OVMF/OVMF_{part}_4M.fd"), format!("/usr/share/OVMF/OVMF_{part}.fd")];
        need_file("OVMF (UEFI firmware)", &files.each_ref().map(String::as_str))
    };
    Ok((file("CODE")?, file("VARS")?))
}

fn network(qemu: &mut Command, spec: &Spec) {
    let card = match spec.nic {
        // Where the guest's clock counts instructions, frames go at a time of that clock, not whenever the emulator's other thread has the CPU.
        Nic::VirtioNet if spec.accel == Accel::Icount => "virtio-net-pci,netdev=net,tx=timer,x-txtimer=20000",
        Nic::VirtioNet => "virtio-net-pci,netdev=net",
        Nic::E1000 => "e1000,netdev=net",
        Nic::None => return,
    };
    let net = match &spec.net {
        Net::User(forwards) => forwards
            .iter()
            .fold("user,id=net".to_owned(), |net, forward| net + ",hostfwd=" + &forward.words()),
        Net::Datagrams(ports) => format!(
            "dgram,id=net,local.type=inet,local.host=127.0.0.1,local.port={},\
             remote.type=inet,remote.host=127.0.0.1,remote.port={}",
            ports.guest, ports.peer
        ),
        Net::Tap(interface) => format!("tap,id=net,ifname={interface},script=no,downscript=no"),
        Net::BareTap(interface) => {
            format!("tap,id=net,ifname={interface},script=no,downscript=no,vnet_hdr=off")
        }
    };
    // No option ROM: nothing boots from the network.
    qemu.args(["-netdev", &net, "-device", &format!("{card},romfile=")]);
    if let Some(file) = &spec.capture {
        qemu.arg("-object").arg(option("filter-dump,id=capture,netdev=net,file=", file));
    }
}

/// `prefix` and a path, with the commas in it doubled, as QEMU's option parser wants.
fn option(prefix: &str, path: &Path) -> OsString {
    let mut value = OsString::from(prefix);
    value.push(doubled_commas(path.as_os_str()));
    value
}

fn doubled_commas(text: &OsStr) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let bytes = text.as_bytes().iter();
    OsString::from_vec(
        bytes.flat_map(|&byte| std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 })).collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn line(spec: &Spec) -> Option<String> {
        // The host may lack QEMU or OVMF; what can be checked then is checked on one that has them.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let command = command(spec, folder.path(), Path::new("/a"), Path::new("/b,c")).ok()?;
        Some(command.get_args().map(|word| word.to_string_lossy() + " ").collect())
    }

    #[test]
    fn who_only_greets_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let patience = Duration::from_millis(100);
        assert!(!hangs(folder.path(), patience), "one that has ended");
        let listener = UnixListener::bind(monitor(folder.path())).unwrap();
        let says = |text: &'static [u8]| {
            let listener = listener.try_clone().unwrap();
            std::thread::spawn(move || {
                let mut stream = listener.accept().unwrap().0;
                let _gone = stream.write_all(text);
                // Until the other end has heard enough.
                let _any = std::io::copy(&mut stream, &mut std::io::sink());
            })
        };
        for (text, is_stuck) in [(&b""[..], true), (b"{}\n", true), (b"{}\n{}\n", false)] {
            let monitor = says(text);
            let patience = if is_stuck { patience } else { Duration::from_secs(10) };
            assert_eq!(hangs(folder.path(), patience), is_stuck);
            monitor.join().unwrap();
        }
    }

    #[test]
    fn a_plain_machine() {
        let spec = Spec::new(Path::new("/k"), Path::new("/a,b"));
        let Some(line) = line(&spec) else { return };
        for part in [
            "-machine q35 ",
            "-smp 2 -m 256M ",
            "-cpu max ",
            "-kernel /k -initrd /a,,b -append control=com2 ",
            "path=/b,,c ",
            DEBUG_EXIT,
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("-netdev") && !line.contains("-icount"));
    }

    #[test]
    fn an_unusual_machine() {
        let spec = Spec {
            chipset: Chipset::Pc,
            acpi: Acpi::Off,
            accel: Accel::Icount,
            nic: Nic::E1000,
            net: Net::User(vec![crate::Forward { transport: crate::Transport::Tcp, host: 8080, guest: 80 }]),
            debugger: Debugger::Port(1234),
            words: vec!["log=debug".to_owned()],
            ..Spec::new(Path::new("/k"), Path::new("/a"))
        };
        let Some(line) = line(&spec) else { return };
        for part in [
            "-machine pc,acpi=off ",
            "-icount shift=0,sleep=off ",
            "hostfwd=tcp:127.0.0.1:8080-:80 ",
            "-device e1000,netdev=net",
            "-gdb tcp:127.0.0.1:1234 -S ",
            "-append control=com2 log=debug ",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn frames_as_datagrams() {
        let net = Net::Datagrams(crate::Datagrams { guest: 5001, peer: 5002 });
        let spec = Spec { nic: Nic::VirtioNet, net, ..Spec::new(Path::new("/k"), Path::new("/a")) };
        let Some(line) = line(&spec) else { return };
        let netdev = "-netdev dgram,id=net,local.type=inet,local.host=127.0.0.1,local.port=5001,\
                      remote.type=inet,remote.host=127.0.0.1,remote.port=5002 -device virtio-net-pci,netdev=net";
        assert!(line.contains(netdev), "{line}");
    }

    #[test]
    fn frames_by_the_clock_of_instructions() {
        let spec =
            Spec { nic: Nic::VirtioNet, accel: Accel::Icount, ..Spec::new(Path::new("/k"), Path::new("/a")) };
        let Some(line) = line(&spec) else { return };
        assert!(line.contains("-device virtio-net-pci,netdev=net,tx=timer,"), "{line}");
    }

    #[test]
    fn a_port_for_the_guest_is_free() {
        let ports = crate::Datagrams::to_peer(9).expect("there is one");
        assert!(ports.guest > 0 && ports.peer == 9);
        assert!(std::net::UdpSocket::bind(("127.0.0.1", ports.guest)).is_ok());
    }
}
