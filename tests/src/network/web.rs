//! The web server in a guest, with pages from its memory: the host's own client of it, many connections, hostile ones, and another implementation's client where the host
//! has one.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anax_pattern::{Direction, Pattern};
use anax_vm::Nic;
use anyhow::{Context as _, anyhow, ensure};
use netpeer::client::{self, Load, Page, Reuse, Seen, Until};
use netpeer::{Ports, Target};

use super::behind::{END, GUESTS, PATIENCE, Plan, Servers, call, call_at, with_guest};
use super::guests::test;
use crate::context::{Context, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.web", Tier::Quick, 15, |context| web(context, Nic::VirtioNet, 1)),
    test("network.web-e1000", Tier::Plain, 20, |context| web(context, Nic::E1000, 2)),
    test("network.web-swapped", Tier::Plain, 20, swapped),
    test("network.web-files", Tier::Plain, 20, files),
    test("network.web-server-killed", Tier::Plain, 10, server_killed),
];

const PORT: u16 = 80;
/// Of a second server, with files.
const FILES: u16 = 8080;
/// Where the shell waits that has started it.
const OTHER_END: u16 = 10;
/// Requests of each kind, and connections that are there at a time, in a long run; a tenth in others, but for the connections.
const REQUESTS: u32 = 40_000;
const CONNECTIONS: usize = 1000;
/// Driver swaps, at least ten.
const SWAPS: u32 = 40;
/// What a client may take that does not wait for anybody.
const LONGEST: Duration = Duration::from_secs(20);

fn plan(context: &Context<'_>, nic: Nic, cpus: u32) -> Plan {
    let mut plan = Plan::new(context, nic, cpus);
    plan.spec.archive.clone_from(&context.artefacts.web_archive);
    plan
}

/// The guest, which is up when its web server takes connections.
fn web_target(address: &str) -> anyhow::Result<Target> {
    Ok(Target { ports: Ports { close: PORT, ..Ports::STANDARD }, ..Target::new(address.parse()?) })
}

fn load(pages: &[u32], connections: usize, reuse: Reuse, until: Until) -> Load {
    let pages = pages.iter().map(|size| Page::pattern(*size)).collect();
    Load { port: PORT, pages, connections, reuse, until }
}

fn web(context: &Context<'_>, nic: Nic, cpus: u32) -> anyhow::Result<()> {
    let requests = u64::from(context.effort.repetitions(REQUESTS));
    with_guest(context, plan(context, nic, cpus), || {
        for address in GUESTS {
            let target = web_target(address)?;
            target.wait_until_up(PATIENCE).with_context(|| format!("{address} does not answer"))?;
            judge(&target, requests).with_context(|| address.to_owned())?;
        }
        curl(GUESTS[0])
    })
    .map(drop)
}

/// All that is right.
fn judge(target: &Target, requests: u64) -> anyhow::Result<()> {
    let run = |name: &str, load: &Load| {
        let seen =
            client::http(target, load, &Seen::default()).expect_good().with_context(|| name.to_string())?;
        eprintln!("{name}: {seen}");
        anyhow::Ok(())
    };
    let small = [128, 0, 1, 1000];
    run("keep-alive", &load(&small, 16, Reuse::Stay, Until::Requests(requests)))?;
    run("close", &load(&small, 8, Reuse::Close, Until::Requests(requests / 8)))?;
    run("large", &load(&[1_048_576, 65_536, 4096], 8, Reuse::Stay, Until::Requests(60)))?;
    let many = Until::Requests(3 * CONNECTIONS as u64);
    run("many", &load(&[128, 4096], CONNECTIONS, Reuse::Stay, many))?;
    parts(target)?;
    pipelined(target)?;
    hostile(target)
}

fn connect(target: &Target, port: u16) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::new(target.address, port), LONGEST)?;
    stream.set_read_timeout(Some(LONGEST))?;
    stream.set_write_timeout(Some(LONGEST))?;
    Ok(stream)
}

/// All that comes until the end.
fn ask(target: &Target, port: u16, request: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = connect(target, port)?;
    stream.write_all(request.as_bytes())?;
    let mut came = Vec::new();
    stream.read_to_end(&mut came)?;
    Ok(came)
}

fn pattern(size: u64, part: std::ops::Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; (part.end - part.start) as usize];
    Pattern::new(size, Direction::FromGuest).fill(part.start, &mut bytes);
    bytes
}

/// Ranges, and what is not modified.
fn parts(target: &Target) -> anyhow::Result<()> {
    let get = |fields: &str| {
        ask(
            target,
            PORT,
            &format!("GET /pattern/65536 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"),
        )
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let part = get("Range: bytes=60000-60999\r\n")?;
    let head = text(&part);
    ensure!(
        head.starts_with("HTTP/1.1 206 ") && head.contains("Content-Range: bytes 60000-60999/65536"),
        "{head}"
    );
    ensure!(part.ends_with(&pattern(65_536, 60_000..61_000)), "a wrong part");
    let several = get("Range: bytes=0-9,65000-\r\n")?;
    ensure!(text(&several).contains("multipart/byteranges; boundary="), "{}", text(&several));
    let last = pattern(65_536, 65_000..65_536);
    ensure!(several.windows(last.len()).any(|window| window == last), "a part is missing");
    let all = text(&get("")?);
    let tag = all.split("ETag: ").nth(1).and_then(|rest| rest.split("\r\n").next()).context("no tag")?;
    let unchanged = text(&get(&format!("If-None-Match: {tag}\r\n"))?);
    ensure!(unchanged.starts_with("HTTP/1.1 304 ") && unchanged.ends_with("\r\n\r\n"), "{unchanged}");
    let none = text(&ask(target, PORT, "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?);
    ensure!(none.starts_with("HTTP/1.1 404 "), "{none}");
    let listing = text(&ask(target, PORT, "GET /pattern/ HTTP/1.0\r\n\r\n")?);
    ensure!(listing.contains("<a href=\"./1048576\">"), "{listing}");
    Ok(())
}

/// Forty requests at once, in pieces that end anywhere.
fn pipelined(target: &Target) -> anyhow::Result<()> {
    let one = "GET /pattern/1000 HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /pattern/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let all = format!("{}{last}", one.repeat(39));
    let mut stream = connect(target, PORT)?;
    let mut writer = stream.try_clone()?;
    let sender =
        thread::spawn(move || all.as_bytes().chunks(611).try_for_each(|piece| writer.write_all(piece)));
    let mut came = Vec::new();
    stream.read_to_end(&mut came)?;
    sender.join().map_err(|_| anyhow!("the sender panicked"))??;
    let page = pattern(1000, 0..1000);
    let pages = came.windows(page.len()).filter(|window| *window == page).count();
    ensure!(pages == 39 && came.ends_with(&pattern(1, 0..1)), "{pages} pages of 39 came");
    Ok(())
}

/// What is no request is refused and its connection closed; what is slow keeps nobody else waiting.
fn hostile(target: &Target) -> anyhow::Result<()> {
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET /../../etc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ] {
        let came = ask(target, PORT, request).with_context(|| request.escape_default().to_string())?;
        let came = String::from_utf8_lossy(&came);
        ensure!(came.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {came}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000));
    match ask(target, PORT, &long) {
        Ok(came) => ensure!(came.starts_with(b"HTTP/1.1 414 "), "{}", String::from_utf8_lossy(&came)),
        // It was closed before all of it was sent.
        Err(error) => {
            let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            ensure!(matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)), "{error:#}");
        }
    }
    // A slow one for each of a hundred connections, and others are served meanwhile.
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = connect(target, PORT)?;
            stream.write_all(b"GET /pattern/128 HT")?;
            anyhow::Ok(stream)
        })
        .collect::<anyhow::Result<_>>()?;
    let begin = Instant::now();
    let beside = load(&[128], 4, Reuse::Stay, Until::Requests(200));
    client::http(target, &beside, &Seen::default()).expect_good().context("beside slow ones")?;
    ensure!(begin.elapsed() < LONGEST, "slow ones keep others waiting");
    for mut stream in slow {
        // In the middle of its time each of them is served.
        stream.write_all(b"TP/1.0\r\n\r\n")?;
        let mut came = Vec::new();
        stream.read_to_end(&mut came)?;
        ensure!(came.ends_with(&pattern(128, 0..128)), "a slow one was not served");
    }
    Ok(())
}

/// Another implementation's client: keep-alive, parts, and a page that it has already.
fn curl(address: &str) -> anyhow::Result<()> {
    let site = format!("http://{address}/pattern");
    let pages = [1000, 65_536].map(|size| format!("{site}/{size}"));
    let Ok(twice) = Command::new("curl").args(["-sS", "-m", "20", "--fail"]).args(&pages).output() else {
        eprintln!("there is no curl: it is left out");
        return Ok(());
    };
    let expected = [pattern(1000, 0..1000), pattern(65_536, 0..65_536)].concat();
    ensure!(twice.stdout == expected, "curl: {}", String::from_utf8_lossy(&twice.stderr));
    let part = Command::new("curl").args(["-sS", "-m", "20", "-r", "100-199", &pages[0]]).output()?;
    ensure!(part.stdout == pattern(1000, 100..200), "curl: a wrong part");
    let head = Command::new("curl").args(["-sS", "-m", "20", "-I", &pages[0]]).output()?;
    let head = String::from_utf8_lossy(&head.stdout);
    ensure!(head.contains("Content-Length: 1000") && head.contains("200 OK"), "{head}");
    Ok(())
}

/// The card's driver is replaced under load, again and again: no request fails, and no byte is wrong.
fn swapped(context: &Context<'_>) -> anyhow::Result<()> {
    let swaps = context.effort.repetitions(SWAPS) as usize;
    let drivers = ["virtio-net-polling", "virtio-net"];
    // Command lines have so many steps.
    let swaps = swaps.min(50);
    let lines: Vec<_> =
        drivers.iter().cycle().take(swaps).map(|to| format!("drvctl swap net0 {to}")).collect();
    let commands = format!("nc -l {END} ; {} && echo all are swapped ;", lines.join(" && "));
    let seen = Seen::default();
    let plan = Plan { commands, ..plan(context, Nic::VirtioNet, 2) };
    let told = with_guest(context, plan, || {
        let target = web_target(GUESTS[0])?;
        target.wait_until_up(PATIENCE)?;
        let load = load(&[128, 16_384, 1_048_576], 32, Reuse::Stay, Until::Time(Duration::from_secs(8)));
        let verdict = thread::scope(|scope| {
            let running = scope.spawn(|| client::http(&target, &load, &seen));
            while seen.requests.load(Ordering::Relaxed) < 100 && !running.is_finished() {
                thread::sleep(Duration::from_millis(20));
            }
            // Now they begin.
            ensure!(call(GUESTS[0]), "the guest does not answer");
            running.join().map_err(|_| anyhow!("the client panicked"))
        })?;
        eprintln!("under {swaps} swaps: {verdict}");
        verdict.expect_good().map(drop)
    })?
    .told;
    ensure!(told.contains("all are swapped"), "not all was swapped: {told}");
    Ok(())
}

/// Files of the file system in memory, made by the shell, beside the server that has its pages in its own.
fn files(context: &Context<'_>) -> anyhow::Result<()> {
    let script = "echo hello > /page.txt ; s=0123456789abcdef ; for i in 1 2 3 4 5 6 7 8 9 10 11 12 ; do s=$s$s ; done ; \
        echo $s > /big.txt ; httpd --port 8080 --log / &";
    let commands = format!("sh -c '{script} nc -l {OTHER_END} ; kill %1 ; echo all is served' ;");
    let plan = Plan { commands, ..plan(context, Nic::VirtioNet, 1) };
    let told = with_guest(context, plan, || {
        let ports = Ports { close: FILES, ..Ports::STANDARD };
        let target = Target { ports, ..web_target(GUESTS[0])? };
        target.wait_until_up(PATIENCE)?;
        let big = "0123456789abcdef".repeat(4096) + "\n";
        let pages = vec![Page::of("/page.txt", b"hello\n"), Page::of("/big.txt", big.as_bytes())];
        let (connections, until) = (16, Until::Requests(1000));
        let load = Load { port: FILES, pages, connections, reuse: Reuse::Stay, until };
        let verdict = client::http(&target, &load, &Seen::default()).expect_good()?;
        eprintln!("files: {verdict}");
        let get = |request: &str| {
            let came = ask(&target, FILES, &format!("{request}\r\nConnection: close\r\nHost: a\r\n\r\n"))?;
            anyhow::Ok(String::from_utf8_lossy(&came).into_owned())
        };
        let part = get("GET /big.txt HTTP/1.1\r\nRange: bytes=-17")?;
        ensure!(part.starts_with("HTTP/1.1 206 ") && part.ends_with("\r\n\r\n0123456789abcdef\n"), "{part}");
        let listing = get("GET / HTTP/1.1")?;
        ensure!(
            listing.contains("<a href=\"./big.txt\">big.txt</a></td><td class=\"n\">65537<"),
            "{listing}"
        );
        for (path, status) in [("/none", 404), ("/page.txt/", 404), ("/../x", 400)] {
            let none = get(&format!("GET {path} HTTP/1.1"))?;
            ensure!(none.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {none}");
        }
        ensure!(call_at(GUESTS[0], OTHER_END), "the guest does not answer");
        Ok(())
    })?
    .told;
    ensure!(told.contains("all is served"), "the shell did not go on: {told}");
    ensure!(told.contains("\"GET /none HTTP/1.1\" 404 "), "it keeps no journal: {told}");
    Ok(())
}

/// The network server dies: connections end with it, and new ones are served as before. Each client is told so by the successor, also one that only waits for the rest of a response.
fn server_killed(context: &Context<'_>) -> anyhow::Result<()> {
    let commands = format!("nc -l {END} ; mishaps net 1 kill ; ip wait ;");
    let plan = Plan { commands, servers: Servers::MayEnd, ..plan(context, Nic::VirtioNet, 2) };
    let told = with_guest(context, plan, || {
        let target = web_target(GUESTS[0])?;
        target.wait_until_up(PATIENCE)?;
        let load = load(&[128, 4096], 16, Reuse::Stay, Until::Requests(500));
        client::http(&target, &load, &Seen::default()).expect_good().context("before")?;
        ensure!(call(GUESTS[0]), "the guest does not answer");
        // Load sees the death: a second call could be taken by the first listener, which is not gone at once.
        let target = Target { patience: LONGEST, ..target };
        let begin = Instant::now();
        let death = loop {
            match client::http(&target, &load, &Seen::default()).expect_good() {
                Ok(_) => ensure!(begin.elapsed() < PATIENCE, "nothing has died"),
                Err(death) => break format!("{death:#}"),
            }
        };
        ensure!(!death.contains("nothing moves any more"), "somebody was not told: {death}");
        let begin = Instant::now();
        loop {
            match client::http(&target, &load, &Seen::default()).expect_good() {
                Ok(_) => return Ok(()),
                // It is bound anew a little later.
                Err(error) => ensure!(begin.elapsed() < PATIENCE, "after the server's death: {error:#}"),
            }
            thread::sleep(Duration::from_millis(200));
        }
    })?
    .told;
    ensure!(told.contains("mishaps: net: 1 killed, "), "it was not killed: {told}");
    Ok(())
}
