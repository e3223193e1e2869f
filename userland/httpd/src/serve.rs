//! The port, and a task for each connection: waits for what the connection wants, and hands it the socket's rings.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::Future;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use anax::time::Instant;
use anax::{Error, eprintln, println};
use anax_calendar::WallClockClient;
use anax_net::task::{Session, TcpListener, TcpStream};
use anax_net::{Failure, Listening, Loan, NoDelay, Sizes};
use anax_task::{Either, Elapsed, race};
use httpd::{Admission, Connection, Date, Files, Lends, Now, Server, Wants, Window};

use crate::options::Options;

/// Connections that wait for a task.
const BACKLOG: u32 = 512;
/// How long it waits when there is no room for another connection, or no server.
const PAUSE: Duration = Duration::from_millis(10);
/// The same when something else does not go.
const LONG_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a receive ring that are looked at together: more than one has.
const INPUT: usize = 4096;

/// What all connections have.
pub(crate) struct Site<F: Files> {
    session: Session,
    server: Server<F>,
    at: SocketAddr,
    sizes: Sizes,
    admission: RefCell<Admission>,
    /// When the machine began, since 1970, if its clock says so.
    began: Option<Duration>,
    /// What has come is copied here before anybody looks at it.
    input: RefCell<Vec<u8>>,
}

impl<F: Files> Site<F> {
    pub(crate) fn new(session: Session, server: Server<F>, options: &Options) -> Self {
        Self {
            session,
            server,
            // Of both versions.
            at: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), options.port),
            sizes: options.sizes,
            admission: RefCell::default(),
            began: began().ok(),
            input: RefCell::new(alloc::vec![0; INPUT]),
        }
    }

    fn now(&self) -> Now {
        let elapsed = Duration::from_nanos(self.session.events().now().nanoseconds());
        let date = self.began.map(|began| Date((began + elapsed).as_secs()));
        Now { elapsed, date }
    }
}

/// It is asked once: from then on the kernel's clock is looked at, which costs nothing.
fn began() -> Result<Duration, Error> {
    let mut clock: WallClockClient<anax::Service> = anax::client(anax_calendar::SERVICE)?;
    let now = clock.now()?;
    Ok(Duration::from_nanos(now.saturating_sub(anax::time::now().nanoseconds())))
}

/// Listens, and listens again when that has ended.
pub(crate) async fn port<F: Files + 'static>(site: Rc<Site<F>>) {
    let how = Listening { backlog: BACKLOG, sizes: site.sizes };
    let mut said = None;
    loop {
        let failure = match TcpListener::bind_with(&site.session, site.at, how).await {
            Ok(listener) => {
                println!("httpd: ready at port {}", site.at.port());
                accept(&site, listener).await
            }
            Err(failure) => failure,
        };
        let has_died = failure == Error::PeerDied.into();
        if !has_died && said.replace(failure) != Some(failure) {
            eprintln!("httpd: {}: {failure}", site.at);
        }
        site.session.events().sleep(if has_died { PAUSE } else { LONG_PAUSE }).await;
    }
}

/// Accepts until that fails for good.
async fn accept<F: Files + 'static>(site: &Rc<Site<F>>, mut listener: TcpListener) -> Failure {
    let events = site.session.events();
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let place = Place::take(site, from.ip());
                // How a connection ends is its client's to judge. One for which there is no task is closed.
                if events.spawn(async move { _ = connection(&place, stream).await }).is_err() {
                    events.sleep(PAUSE).await;
                }
            }
            Err(Failure::Full) => events.sleep(PAUSE).await,
            Err(failure) => return failure,
        }
    }
}

/// A connection among all.
struct Place<F: Files> {
    site: Rc<Site<F>>,
    address: IpAddr,
    is_admitted: bool,
}

impl<F: Files> Place<F> {
    fn take(site: &Rc<Site<F>>, address: IpAddr) -> Self {
        let is_admitted = site.admission.borrow_mut().enter(address, site.server.limits());
        Self { site: site.clone(), address, is_admitted }
    }
}

impl<F: Files> Drop for Place<F> {
    fn drop(&mut self) {
        if self.is_admitted {
            self.site.admission.borrow_mut().leave(self.address);
        }
    }
}

async fn connection<F: Files>(place: &Place<F>, mut stream: TcpStream) -> Result<(), Failure> {
    let site = &*place.site;
    let now = site.now();
    let mut connection = if place.is_admitted {
        Connection::new(place.address, &now)
    } else {
        Connection::turned_away(place.address, &site.server, &now)
    };
    let (mut is_large, mut has_shut_down) = (false, false);
    loop {
        look(site, &mut connection, &mut stream);
        let waited = match connection.wants() {
            Wants::Close => return stream.close().await,
            Wants::Abort => {
                stream.abort();
                return Ok(());
            }
            Wants::Room => {
                if !is_large {
                    // Its last segment is not to wait for an acknowledgement that the client delays. What is small is one segment, and asks for nothing.
                    is_large = true;
                    stream.set_nodelay(NoDelay::On)?;
                }
                within(site, &connection, stream.wait_writable(1)).await.map(|room| room.map(|_| 1))
            }
            Wants::Files => {
                // What was written does not wait for the disk.
                stream.push().await?;
                // Few have to wait: the others have no room for that.
                match within(site, &connection, Box::pin(connection.ask(&site.server))).await {
                    Ok(asked) => connection.asked(&site.server, asked, &site.now()),
                    Err(Elapsed) => connection.expire(&site.server, &site.now()),
                }
                continue;
            }
            Wants::Input | Wants::Linger => {
                if connection.wants() == Wants::Linger && !has_shut_down {
                    has_shut_down = true;
                    stream.shut_down().await?;
                }
                within(site, &connection, stream.wait_readable()).await
            }
        };
        match waited {
            Ok(Ok(0)) => connection.input_ended(),
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => return Err(failure),
            Err(Elapsed) => connection.expire(&site.server, &site.now()),
        }
    }
}

/// Waits, but not beyond the connection's deadline.
async fn within<F: Files, T>(
    site: &Site<F>,
    connection: &Connection<F>,
    wait: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let at = connection.deadline(&site.server).as_nanos();
    let at = Instant::from_nanoseconds(u64::try_from(at).unwrap_or(u64::MAX));
    match race(wait, site.session.events().sleep_until(at)).await {
        Either::Left(value) => Ok(value),
        Either::Right(()) => Err(Elapsed),
    }
}

/// A connection's stream, which has bytes sent from where they lie.
#[derive(Debug)]
struct Lender<'a>(&'a TcpStream);

impl Lends for Lender<'_> {
    fn lent(&self, behind: usize) -> u64 {
        self.0.lent(behind)
    }

    fn lend(&self, behind: usize, loan: &Loan) -> bool {
        self.0.lend(behind, loan).is_ok()
    }
}

/// Hands the rings to the connection: what has come, and where there is room.
fn look<F: Files>(site: &Site<F>, connection: &mut Connection<F>, stream: &mut TcpStream) {
    let input = &mut *site.input.borrow_mut();
    let mut count = 0;
    if matches!(connection.wants(), Wants::Input | Wants::Linger | Wants::Room) {
        for piece in stream.readable() {
            let length = piece.len().min(INPUT - count);
            // Within both.
            if piece.copy_out(0, &mut input[count..count + length]).is_ok() {
                count += length;
            }
        }
    }
    let lender = Lender(stream);
    let mut window = Window::lending(stream.writable(), &lender);
    let taken = connection.advance(&site.server, &input[..count], &mut window, &site.now());
    let filled = window.filled();
    stream.commit(filled);
    if taken > 0 {
        stream.consume(taken);
    }
}
