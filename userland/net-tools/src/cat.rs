//! `nc`: both ways at once, so that input is read by a message and not by waiting for it.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;
use core::time::Duration;

use anax::{eprintln, println, stdout};
use anax_net::task::{ReadHalf, TcpListener, TcpStream, UdpSocket, WriteHalf};
use anax_net::{Failure, Session};
use anax_proto::{Fixed as _, Reader, Request, Writer};
use anax_stream::{PIECE, Piece, byte_stream};
use anax_sys::{Message, Target};
use anax_task::{Either, EventLoop, race};

/// How long datagrams may take to come back.
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST: usize = 2048;

/// This program's standard input, for tasks.
struct Input {
    events: EventLoop,
    target: Option<Target>,
}

impl Input {
    fn new(net: &Session) -> Self {
        let target = anax::handle(anax::handles::STDIN).map(Target::from_handle);
        Self { events: net.tasks().events().clone(), target }
    }

    /// The next bytes; none at the end.
    async fn read(&self) -> Option<Piece> {
        let mut writer = Writer::default();
        (PIECE as u8).put(&mut writer);
        let request = Request::fixed(byte_stream::READ, writer.finish());
        let reply = self.events.call(self.target?, Message::new(request.command, request.words)).await;
        // The null stream, or one whose server is gone, is at its end.
        let reply = reply.ok().filter(|reply| reply.result == 0)?;
        let (length, words) = <(u8, [u64; 4])>::take(&mut Reader::new(reply.words))?;
        Piece::from_words(length, words).filter(|piece| !piece.bytes().is_empty())
    }
}

pub(crate) fn connect(net: &Session, to: &[SocketAddr]) -> Result<(), Failure> {
    net.block_on(async {
        let stream = TcpStream::connect_any(net.tasks(), to).await?;
        both_ways(net, stream).await
    })
}

pub(crate) fn listen(net: &Session, port: u16) -> Result<(), Failure> {
    net.block_on(async {
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let mut listener = TcpListener::bind(net.tasks(), at).await?;
        eprintln!("nc: listening at {}", listener.local_addr()?);
        let (stream, from) = listener.accept().await?;
        listener.close().await?;
        eprintln!("nc: {from}");
        both_ways(net, stream).await
    })
}

async fn both_ways(net: &Session, stream: TcpStream) -> Result<(), Failure> {
    let (mut reader, mut writer) = stream.into_split();
    let input = Input::new(net);
    {
        let mut printing = pin!(print(&mut reader));
        // When the other end has closed, nobody takes what would still be read.
        match race(send(&input, &mut writer), printing.as_mut()).await {
            Either::Left(sent) => {
                sent?;
                printing.await?;
            }
            Either::Right(came) => came?,
        }
    }
    match TcpStream::unsplit(reader, writer) {
        Ok(stream) => stream.close().await,
        Err(_) => Ok(()),
    }
}

/// Until the end of the input, which is the end of what is written.
async fn send(input: &Input, writer: &mut WriteHalf) -> Result<(), Failure> {
    while let Some(piece) = input.read().await {
        writer.write_all(piece.bytes()).await?;
    }
    writer.shut_down().await
}

async fn print(reader: &mut ReadHalf) -> Result<(), Failure> {
    let mut bytes = [0; 512];
    loop {
        match reader.read(&mut bytes).await? {
            0 => return Ok(()),
            count => {
                stdout().write_all(&bytes[..count])?;
                stdout().flush()?;
            }
        }
    }
}

pub(crate) fn datagrams(net: &Session, to: SocketAddr) -> Result<(), Failure> {
    net.block_on(async {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let any: SocketAddr = any.parse().map_err(|_| Failure::BadArgument)?;
        let mut socket = UdpSocket::bind(net.tasks(), any).await?;
        let input = Input::new(net);
        let (mut line, mut is_open) = (alloc::vec::Vec::new(), true);
        let mut to_print = [0; LONGEST];
        while is_open {
            match input.read().await {
                Some(piece) => line.extend_from_slice(piece.bytes()),
                None => is_open = false,
            }
            while let Some(end) =
                line.iter().position(|byte| *byte == b'\n').map(|place| place + 1).or_else(|| {
                    // The last line may have no end.
                    (!is_open && !line.is_empty()).then_some(line.len())
                })
            {
                socket.send_to(&line[..end.min(LONGEST)], to).await?;
                line.drain(..end);
                match net.tasks().events().timeout(PATIENCE, socket.recv_from(&mut to_print)).await {
                    Ok(came) => {
                        let (count, _) = came?;
                        stdout().write_all(&to_print[..count])?;
                        stdout().flush()?;
                    }
                    Err(_) => eprintln!("nc: no answer"),
                }
            }
        }
        socket.close().await
    })
}

pub(crate) fn listen_datagrams(net: &Session, port: u16) -> Result<(), Failure> {
    net.block_on(async {
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let mut socket = UdpSocket::bind(net.tasks(), at).await?;
        eprintln!("nc: listening at {}", socket.local_addr()?);
        let mut bytes = [0; LONGEST];
        loop {
            let (count, from) = socket.recv_from(&mut bytes).await?;
            println!("{from}: {count} bytes");
            stdout().write_all(&bytes[..count])?;
            stdout().flush()?;
        }
    })
}
