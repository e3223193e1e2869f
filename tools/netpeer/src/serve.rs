//! What `peerd` offers, from the host's sockets.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::thread;
use std::time::Duration;

use anax_pattern::{Checker, Direction, Pattern, Request};
use anyhow::Context as _;

use crate::Ports;
use crate::files::allow_files;
use crate::stop::{Stop, Woken, Workers};

const PIECE: usize = 64 << 10;
/// A connection's thread needs little, and there may be thousands.
const STACK: usize = 128 << 10;
/// Whoever says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(300);

/// A server that ends when it is dropped. Connections that are open then end with their clients.
#[derive(Debug)]
pub struct Server {
    ports: Ports,
    _workers: Workers,
}

/// How a connection is served.
type Service = fn(TcpStream) -> std::io::Result<()>;

impl Server {
    /// Serves at all addresses of the calling thread's network, of both versions. Ports that are 0 are chosen.
    ///
    /// # Errors
    /// If a port is not free.
    pub fn start(ports: Ports) -> anyhow::Result<Self> {
        allow_files(8192);
        let workers = Workers::new()?;
        let tcp = |port: u16, service: Service| -> anyhow::Result<u16> {
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
                .with_context(|| format!("TCP port {port}"))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            workers.start(move |stop| accept(&listener, service, &stop));
            Ok(port)
        };
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, ports.datagrams))
            .with_context(|| format!("UDP port {}", ports.datagrams))?;
        socket.set_nonblocking(true)?;
        let ports = Ports {
            datagrams: socket.local_addr()?.port(),
            sink: tcp(ports.sink, sink)?,
            source: tcp(ports.source, source)?,
            close: tcp(ports.close, |_| Ok(()))?,
            echo: tcp(ports.echo, echo)?,
            pattern: tcp(ports.pattern, pattern)?,
        };
        workers.start(move |stop| echo_datagrams(&socket, &stop));
        Ok(Self { ports, _workers: workers })
    }

    /// Where the services are.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.ports
    }
}

fn accept(listener: &TcpListener, service: Service, stop: &Stop) {
    while stop.wait(&[listener.as_fd()], None) == Woken::Look {
        let Ok((stream, _)) = listener.accept() else { continue };
        let serve = move || {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SILENCE))?;
            stream.set_write_timeout(Some(SILENCE))?;
            service(stream)
        };
        // A client that goes away is no reason to say anything; one that can't be served sees its connection end.
        let _ = thread::Builder::new().stack_size(STACK).spawn(serve);
    }
}

fn echo_datagrams(socket: &UdpSocket, stop: &Stop) {
    let mut buffer = vec![0; 65_536];
    while stop.wait(&[socket.as_fd()], None) == Woken::Look {
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            // What finds no room is lost, as datagrams are.
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

/// What has come, or nothing at the end.
fn read<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> std::io::Result<&'a [u8]> {
    loop {
        match stream.read(buffer) {
            Ok(length) => return Ok(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn sink(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut count = 0_u64;
    loop {
        match read(&mut stream, &mut buffer)?.len() {
            0 => return stream.write_all(&count.to_le_bytes()),
            length => count += length as u64,
        }
    }
}

fn source(mut stream: TcpStream) -> std::io::Result<()> {
    let zeros = vec![0; PIECE];
    loop {
        stream.write_all(&zeros)?;
    }
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    // There may be thousands that say little.
    let mut buffer = vec![0; 8 << 10];
    loop {
        let came = read(&mut stream, &mut buffer)?.len();
        if came == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..came])?;
    }
}

fn pattern(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; Request::BYTES];
    stream.read_exact(&mut request)?;
    let Ok(request) = Request::decode(&request) else { return stream.shutdown(Shutdown::Both) };
    let mut sending = stream.try_clone()?;
    let send = move || -> std::io::Result<()> {
        let pattern = Pattern::new(request.stream, Direction::FromGuest);
        let mut buffer = vec![0; PIECE];
        let mut sent = 0;
        while sent < request.from_guest {
            let piece = &mut buffer[..PIECE.min((request.from_guest - sent).try_into().unwrap_or(PIECE))];
            pattern.fill(sent, piece);
            if cfg!(bite = "netpeer-serves-wrong") && (sent..sent + piece.len() as u64).contains(&100_000) {
                piece[(100_000 - sent) as usize] ^= 1;
            }
            sending.write_all(piece)?;
            sent += piece.len() as u64;
        }
        Ok(())
    };
    let sender = thread::Builder::new().stack_size(STACK).spawn(send)?;
    let mut checker = Checker::new(Pattern::new(request.stream, Direction::ToGuest));
    let mut buffer = vec![0; PIECE];
    while checker.report().received < request.to_guest {
        let left = request.to_guest - checker.report().received;
        let came = read(&mut stream, &mut buffer[..PIECE.min(left.try_into().unwrap_or(PIECE))])?;
        if came.is_empty() {
            return Ok(());
        }
        checker.take(came);
    }
    if sender.join().is_ok_and(|sent| sent.is_ok()) {
        stream.write_all(&checker.report().encode())?;
    }
    Ok(())
}
