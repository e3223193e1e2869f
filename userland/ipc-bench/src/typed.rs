//! What a typed interface costs above the message that it is: the same five words there and back as `ipc.call_reply.remote`.

use anax_proto::{Batching, interface};
use anax_ring::Responder;
use anax_service::{PortTransport, serve, serve_channel};
use anax_sys::object::{Space, Thread};
use anax_sys::{Error, Handle, Port, Target};

use crate::bench::{COUNT, OWN, ROUNDS, best, report_marked, verify};
use crate::{child, rings};

/// Counts, and gives back what it is given.
#[interface]
pub(crate) trait Echo {
    /// The words, the first one more.
    fn echo(&mut self, words: [u64; 5]) -> Result<[u64; 5], Error>;
}

struct Server;

impl Echo for Server {
    #[inline(always)]
    fn echo(&mut self, [first, rest @ ..]: [u64; 5]) -> Result<[u64; 5], Error> {
        let [b, c, d, e] = rest;
        Ok([first + 1, b, c, d, e])
    }
}

extern "C" fn server(port: u64) -> ! {
    let _ended = serve(Port::from_handle(Handle::from_word(port)), &mut echo::Serve(Server));
    Thread::exit(1)
}

/// The same by a channel.
pub(crate) extern "C" fn by_channel(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let run = || -> Result<(), Error> {
        let (endpoint, bell) = rings::served()?;
        serve_channel(&mut Responder::new(endpoint), bell, port, &mut echo::Serve(Server))
    };
    Thread::exit(run().is_err().into())
}

/// A batch of calls: the sum of the first words that come back.
#[inline(always)]
pub(crate) fn batch<T: Batching>(client: &mut EchoClient<T>, calls: u64) -> Result<u64, Error> {
    let mut batch = client.batch::<32>();
    let mut tickets = [const { None }; 32];
    for (number, place) in (0..calls).zip(&mut tickets) {
        *place = Some(batch.echo([number, 2, 3, 4, 5])?);
    }
    let mut answers = batch.finish();
    tickets.into_iter().flatten().map(|ticket| answers.take(ticket).map(|words| words[0])).sum()
}

/// An answer to a batch that nobody finished is not taken for another's.
pub(crate) fn dropped<T: Batching>(client: &mut EchoClient<T>) -> Result<(), Error> {
    let _never = client.batch::<1>().echo([100, 2, 3, 4, 5])?;
    verify(client.echo([7, 2, 3, 4, 5])?[0], 8)?;
    let _never = client.batch::<1>().echo([200, 2, 3, 4, 5])?;
    let mut batch = client.batch::<1>();
    let ticket = batch.echo([8, 2, 3, 4, 5])?;
    verify(batch.finish().take(ticket)?[0], 9)
}

/// One call.
pub(crate) fn all(remote: Space) -> Result<(), Error> {
    let port = child::serve(remote, child::CPU, server, OWN)?;
    let target = Target::from_handle(port.handle());
    let mut client = EchoClient::over(PortTransport::open(|| Ok(target), echo::FINGERPRINT)?);
    let mut words = [0, 2, 3, 4, 5];
    let figure = best::<0x1a>(0, |_| {
        // An error leaves a wrong sum behind.
        words = client.echo(words).unwrap_or_default();
        0
    })?;
    verify(u64::from(words == [COUNT * (ROUNDS as u64 + 1), 2, 3, 4, 5]), 1)?;
    report_marked::<0x1a>("typed.call", figure, COUNT);
    Ok(())
}
