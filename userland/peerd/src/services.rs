//! The services. Each uses the rings as they are: what is echoed is copied from one to the other, what is sunk is not looked at.

use anax_net::task::{ReadHalf, TcpStream, UdpSocket, WriteHalf};
use anax_net::{Failure, NoDelay, copy};
use anax_pattern::{Checker, Direction, Pattern, Report, Request};
use anax_task::join;

use crate::patterns::{check, fill};
use crate::port::{Port, Service};

/// A connection, from its beginning to its end.
///
/// # Errors
/// What has ended it.
pub async fn connection(stream: TcpStream, port: Port) -> Result<(), Failure> {
    match port.service {
        Service::Sink => sink(stream).await,
        Service::Source => source(stream, port.sizes.send as usize).await,
        Service::Close => stream.close().await,
        Service::Echo => echo(stream).await,
        Service::Pattern => patterns(stream).await,
    }
}

async fn sink(mut stream: TcpStream) -> Result<(), Failure> {
    let mut total = 0u64;
    loop {
        match stream.wait_readable().await? {
            0 => break,
            count => {
                stream.consume(count);
                total += count as u64;
            }
        }
    }
    stream.write_all(&total.to_le_bytes()).await?;
    stream.close().await
}

async fn source(mut stream: TcpStream, ring: usize) -> Result<(), Failure> {
    let mut zeros = 0;
    loop {
        let room = stream.wait_writable(1).await?;
        // Once round, there are zeros everywhere: nobody else writes there.
        if zeros < ring {
            stream.writable().into_iter().for_each(|piece| piece.fill(0));
            zeros += room;
        }
        stream.commit(room);
    }
}

async fn echo(mut stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(NoDelay::On)?;
    loop {
        if stream.wait_readable().await? == 0 {
            return stream.close().await;
        }
        stream.wait_writable(1).await?;
        let count = copy(stream.readable(), stream.writable());
        stream.consume(count);
        // Told with the next question.
        stream.commit(count);
    }
}

async fn patterns(mut stream: TcpStream) -> Result<(), Failure> {
    let mut header = [0; Request::BYTES];
    stream.read_exact(&mut header).await?;
    let Ok(request) = Request::decode(&header) else {
        stream.abort();
        return Err(Failure::BadArgument);
    };
    let (reader, writer) = stream.split();
    let (received, sent) = join(receive(reader, &request), send(writer, &request)).await;
    sent?;
    stream.write_all(&received?.encode()).await?;
    stream.close().await
}

async fn receive(reader: &mut ReadHalf, request: &Request) -> Result<Report, Failure> {
    let mut checker = Checker::new(Pattern::new(request.stream, Direction::ToGuest));
    loop {
        let left = request.to_guest - checker.report().received;
        if left == 0 || reader.wait().await? == 0 {
            return Ok(checker.report());
        }
        let count = check(&mut checker, reader.readable(), left);
        reader.consume(count);
    }
}

async fn send(writer: &mut WriteHalf, request: &Request) -> Result<(), Failure> {
    let pattern = Pattern::new(request.stream, Direction::FromGuest);
    let mut position = 0;
    while position < request.from_guest {
        writer.wait(1).await?;
        let count = fill(pattern, position, writer.writable(), request.from_guest - position);
        writer.commit(count);
        position += count as u64;
    }
    writer.push().await
}

/// Each datagram goes back to where it came from.
///
/// # Errors
/// What has ended the socket.
pub async fn datagrams(socket: UdpSocket) -> Result<(), Failure> {
    let (mut receiver, mut sender) = socket.into_split();
    loop {
        match receiver.wait().await {
            Ok(()) => {}
            // Somebody to whom an echo went is not there any more.
            Err(Failure::Refused | Failure::Unreachable | Failure::NoRoute) => continue,
            Err(failure) => return Err(failure),
        }
        while let Some(datagram) = receiver.next()? {
            let (length, has_room) = (datagram.len(), sender.has_room(datagram.len()));
            if has_room {
                sender.put(datagram.payload, datagram.from);
                receiver.done(length);
            } else {
                sender.wait(length).await?;
            }
        }
    }
}
