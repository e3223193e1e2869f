//! The guest's own clients, `fetch` and `netperf`: against servers of the same guest over loopback, and against the host's.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Ending, Nic, Spec};
use anyhow::ensure;
use netpeer::Ports;
use netpeer::serve::Server;

use super::behind::{Plan, with_guest};
use super::guests::test;
use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest { needs: &[], ..test("network.clients-over-loopback", Tier::Plain, 10, over_loopback) },
    test("network.clients-of-the-host", Tier::Plain, 5, of_the_host),
];

/// A port of the host's web server.
const WEB: u16 = 8000;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of its large page.
const LARGE: usize = 300_000;

/// What `netperf` prints, but for its figures: it has verified what it counts.
const PERF: &str = "netperf -t 1 HOST > /p; echo $?; grep -c \"^sent: .* MiB, [1-9][0-9]* KiB a second\" /p; \
                    grep -c \"^received: .* MiB, [1-9][0-9]* KiB a second\" /p; grep -c \"^there and back: [1-9][0-9]* times\" /p";

fn over_loopback(context: &Context<'_>) -> anyhow::Result<()> {
    let archive = context.artefacts.network_archive.clone();
    let spec = Spec { memory_mib: 256, archive, ..guest::user_spec(context, "loopback") };
    let script = format!(
        "mkdir /srv; echo hello > /srv/f; filters pattern {LARGE} > /srv/big; httpd /srv > /log & \
         until fetch 127.0.0.1/f > /f 2> /why; do sleep 0.1; done; cat /f; \
         fetch http://127.0.0.1:80/big | filters check {LARGE}; fetch -i http://[::1]/f | head -n 1; \
         ip | grep -c \"  127.0.0.1/8$\"; ping -c 1 127.0.0.1 | tail -n 1 | grep -c \"^1 sent, 1 answered\"; \
         netstat | grep -c \"[1-9][0-9]* packets-in$\"; \
         {{ nc -l 99 > /heard & }}; sleep 0.3; echo said | nc 127.0.0.1 99; sleep 0.3; cat /heard; \
         fetch 127.0.0.1/nowhere > /none; echo $?; fetch 127.0.0.1:81/ 2>&1; echo $?; {}; kill httpd",
        PERF.replace("HOST", "127.0.0.1"),
    );
    [1, 2].into_iter().try_for_each(|cpus| one_loopback(&Spec { cpus, ..spec.clone() }, &script))
}

fn one_loopback(spec: &Spec, script: &str) -> anyhow::Result<()> {
    let seen = guest::run(spec, &format!("sh -c '{script}'"))?;
    let out = String::from_utf8_lossy(&seen.result.out);
    let err = String::from_utf8_lossy(&seen.result.err);
    let expected = format!(
        "hello\n{LARGE} bytes are right\nHTTP/1.1 200 OK\n1\n1\n1\nsaid\n1\nfetch: the connection was refused\n1\n0\n1\n1\n1\n"
    );
    ensure!(out == expected, "printed {out:?} instead of {expected:?}\n{err}");
    ensure!(err.contains("fetch: HTTP/1.1 404"), "nothing is said of what is not there: {err}");
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}\n{err}", seen.result.ending);
    Ok(())
}

fn of_the_host(context: &Context<'_>) -> anyhow::Result<()> {
    let script = format!(
        "fetch http://host.test:{WEB}/small; fetch http://10.0.0.1:{WEB}/large | wc -c; \
         fetch http://10.0.0.1:{WEB}/wrong; echo $?; {}; fetch 10.0.0.1:{WEB}/small",
        PERF.replace("HOST", "10.0.0.1"),
    );
    let plan = Plan { commands: format!("sh -c '{script}';"), ..Plan::new(context, Nic::VirtioNet, 2) };
    let told = with_guest(context, plan, || {
        let listener = TcpListener::bind(("10.0.0.1", WEB))?;
        let _peer = Server::start(Ports::STANDARD)?;
        // The last one says that `netperf` is done.
        for _ in 0..4 {
            answer(BufReader::new(accept(&listener)?))?;
        }
        Ok(())
    })?
    .told;
    let expected = format!("small\n {LARGE}\n1\n0\n1\n1\n1\nsmall\n");
    ensure!(told.contains(&expected), "{expected:?} is not in {told}");
    Ok(())
}

/// The next connection. Whoever does not come is not waited for for ever.
fn accept(listener: &TcpListener) -> anyhow::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let begin = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ensure!(begin.elapsed() < PATIENCE, "nobody has asked for a page");
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// One request and its answer, as an old and simple server gives it: it ends with the connection.
fn answer(mut stream: BufReader<TcpStream>) -> anyhow::Result<()> {
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let to = stream.get_mut();
    match request.split(' ').nth(1) {
        Some("/small") => to.write_all(b"HTTP/1.0 200 OK\r\n\r\nsmall\n")?,
        Some("/large") => {
            to.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
            to.write_all(&vec![b'x'; LARGE])?;
        }
        _ => to.write_all(b"no web server\r\n\r\n")?,
    }
    Ok(())
}
