//! What a typed interface costs above the message that it is: the same five words there and back as `ipc.call_reply.remote`.

use anax_proto::interface;
use anax_service::{PortTransport, serve};
use anax_sys::object::{Space, Thread};
use anax_sys::{Error, Handle, Port, Target};

use crate::bench::{COUNT, OWN, ROUNDS, best, report_marked, verify};
use crate::child;

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
