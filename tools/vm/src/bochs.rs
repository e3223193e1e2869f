//! Bochs's configuration file. Bochs 2.7 (Debian 12) and later.
//!
//! Debian builds Bochs with its debugger, which waits for a command before it runs anything: the file given
//! with `-rc` says `c` (continue). The display goes to Bochs's VNC server, which picks a free port of its own
//! and, with a timeout of 0, waits for nobody; so any number of them run side by side without a terminal.
//! Sound is off: on a host without a sound card Bochs's mixer overruns a buffer of its own and aborts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::host::{need_file, need_program};
use crate::{Net, Nic, Spec, iso};

/// Instructions that make up one emulated second: about what a host of 2020 manages, so that time in the
/// guest is near the host's.
const INSTRUCTIONS_PER_SECOND: u32 = 60_000_000;

/// The command that starts Bochs on `spec`, with the serial lines on two loopback ports that someone listens
/// to already. Files it needs are written to `folder`.
pub(crate) fn command(spec: &Spec, folder: &Path, console: u16, control: u16) -> anyhow::Result<Command> {
    let bochs = need_program("bochs")?;
    need_file("Bochs's display (bochs-term)", &["/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_rfb_gui.so"])?;
    let bios = need_file("Bochs's BIOS", &["/usr/share/bochs/BIOS-bochs-latest"])?;
    let vga = need_file(
        "Bochs's VGA BIOS",
        &["/usr/share/vgabios/vgabios.bin", "/usr/share/bochs/VGABIOS-lgpl-latest"],
    )?;
    iso::build_iso(&spec.kernel, &spec.archive, &spec.command_line(), &folder.join("anax.iso"))?;
    fs::write(folder.join("bochsrc"), configuration(spec, &bios, &vga, console, control, folder)?)?;
    fs::write(folder.join("continue"), "c\n")?;
    let mut command = Command::new(bochs);
    // Bochs splits its options at commas and spaces: names relative to the folder have neither.
    command.current_dir(folder).args(["-q", "-f", "bochsrc", "-rc", "continue"]);
    Ok(command)
}

fn configuration(
    spec: &Spec,
    bios: &Path,
    vga: &Path,
    console: u16,
    control: u16,
    folder: &Path,
) -> anyhow::Result<String> {
    let mut text = format!(
        "display_library: rfb, options=\"timeout=0\"\n\
         romimage: file={}\n\
         vgaromimage: file={}\n\
         cpu: count={}, model={}, ips={INSTRUCTIONS_PER_SECOND}, reset_on_triple_fault=0\n\
         memory: guest={}, host={}\n\
         clock: sync=none, time0=946684800\n\
         ata0-master: type=cdrom, path=anax.iso, status=inserted\n\
         boot: cdrom\n\
         com1: enabled=1, mode=socket-client, dev=127.0.0.1:{console}\n\
         com2: enabled=1, mode=socket-client, dev=127.0.0.1:{control}\n\
         log: bochs.log\n\
         panic: action=fatal\n\
         error: action=report\n\
         info: action=ignore\n\
         debug: action=ignore\n\
         sound: waveoutdrv=dummy\n\
         mouse: enabled=0\n",
        bios.display(),
        vga.display(),
        spec.cpus,
        spec.cpu_model(),
        spec.memory_mib,
        // Guest memory that Bochs keeps in memory of its own; what is beyond, it swaps to a file.
        spec.memory_mib.min(1024),
    );
    if let Some(disk) = &spec.disk {
        let target = std::path::absolute(disk)?;
        std::os::unix::fs::symlink(target, folder.join("disk"))?;
        text.push_str("ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15\n");
        text.push_str("ata1-master: type=disk, path=disk, mode=flat\n");
    }
    if spec.nic == Nic::E1000 {
        let way = match &spec.net {
            Net::Tap(interface) | Net::BareTap(interface) => {
                format!("ethmod=tuntap, ethdev=/dev/net/tun:{interface}")
            }
            Net::Datagrams(_) => bail!("Bochs sends no frames as datagrams"),
            Net::User(forwards) if forwards.is_empty() => "ethmod=slirp".to_owned(),
            Net::User(forwards) => {
                // Bochs wants the first line as it is.
                let lines = forwards.iter().map(|forward| format!("hostfwd = {}\n", forward.words()));
                let script: String = std::iter::once("# slirp config\n".to_owned()).chain(lines).collect();
                fs::write(folder.join("slirp"), script)?;
                "ethmod=slirp, script=slirp".to_owned()
            }
        };
        writeln!(text, "e1000: enabled=1, mac=52:54:00:12:34:56, {way}")?;
    }
    Ok(text)
}
