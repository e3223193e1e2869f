//! What can be wrong with a command line, and what is made of a good one.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn parse(words: &[&str]) -> Args {
    let words = ["run", "--nic", "none"].iter().chain(words);
    Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).args
}

#[test]
fn defaults() {
    let args = Cli::try_parse_from(["run"]).unwrap_or_else(|error| panic!("{error}")).args;
    assert_eq!((args.smp, args.memory, args.emulator(), args.boot()), (2, 256, Emulator::Qemu, Boot::Pvh));
    assert_eq!(args.nic(), Nic::VirtioNet);
    assert_eq!(args.variant(), KernelVariant::Plain);
    assert_eq!(parse(&["--system", "kernel"]).variant(), KernelVariant::Test);
    let args = parse(&["--emulator", "bochs"]);
    assert_eq!(args.boot(), Boot::Iso);
    args.check().expect("nothing wrong");
}

#[test]
fn sizes() {
    assert_eq!(memory("64"), Ok(64));
    assert_eq!(memory("512M"), Ok(512));
    assert_eq!(memory("4G"), Ok(4096));
    for wrong in ["", "M", "0", "-1", "4T", "16", "99999999G", "4294967295G"] {
        assert!(memory(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    for (words, cure) in [
        (&["--ip", "10.0.0.1/24"][..], "--ip"),
        (&["--with", "httpd", "echo", "--system", "kernel"], "--with httpd echo"),
        (&["--disk", "/nowhere/at-all"], "truncate"),
        (&["--log", "/nowhere/at-all/log"], "existing folder"),
        (&["--tap", "tap0"], "nothing to plug in"),
        (&["--peer", "10"], "nothing to plug in"),
        (&["--datagrams", "5001:5002"], "nothing to plug in"),
        (&["--emulator", "bochs", "--boot", "uefi"], "--boot iso"),
        (&["--emulator", "bochs", "--gdb"], "--emulator qemu"),
        (&["--boot", "uefi", "--memory", "64"], "128M"),
    ] {
        let error = format!("{:#}", parse(words).check().expect_err("something is wrong"));
        assert!(error.contains(cure) && !error.contains('\n'), "{words:?}: {error}");
    }
}

#[test]
fn the_card_is_plugged_into_one_thing() {
    let check = |words: &[&str]| {
        let args =
            Cli::try_parse_from(["run"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}")).args;
        args.check().map_err(|error| format!("{error:#}"))
    };
    assert_eq!(check(&["--peer", "10"]), Ok(()));
    let both = check(&["--peer", "10", "--datagrams", "5001:5002"]).expect_err("there is one card");
    assert!(both.contains("--peer and --datagrams"), "{both}");
    let bochs = check(&["--peer", "10", "--emulator", "bochs"]).expect_err("it has no such network");
    assert!(bochs.contains("--emulator qemu"), "{bochs}");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    let busy = check(&["--datagrams", &format!("{port}:1")]).expect_err("it is taken");
    assert!(busy.contains("busy"), "{busy}");
    assert_eq!(datagrams("5001:5002"), Ok(Datagrams { guest: 5001, peer: 5002 }));
    for wrong in ["", "5001", "5001:", "0:5002", "5001:5001", "5001:65536", "a:b", "1:2:3"] {
        assert!(datagrams(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_busy_port_is_noticed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    assert!(free(port).is_err());
    drop(listener);
    assert!(free(port).is_ok());
}
