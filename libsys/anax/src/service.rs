//! Services by their names: found in the names server, and found again when their server has died.

use core::time::Duration;

use anax_abi::{Error, Handle};
use anax_proto::{Client, Dispatch};
use anax_service::{Find, PortTransport};
use anax_startup::handles;
use anax_sys::object::Space;
use anax_sys::{Port, Target};
use anax_system::{Name, NamesClient, ProcessesClient};

use anax_sys::lock::Lock;

/// The way to a service. When its server has died, it waits for the successor.
pub type Service = PortTransport<Finder>;

/// Finds a service and its successors.
#[derive(Debug)]
pub struct Finder(Which);

#[derive(Debug)]
enum Which {
    /// One that is there for ever.
    Init(Target),
    /// The names server, as it was found last.
    Names(Option<Handle>),
    /// A service of that name, above that generation.
    Named { name: Name, generation: u64, last: Option<Handle> },
}

impl Find for Finder {
    fn find(&mut self) -> Result<Target, Error> {
        match &mut self.0 {
            Which::Init(target) => Ok(*target),
            Which::Names(last) => {
                let known = known_names()?;
                let found = if *last == Some(known) { successor_of_names()? } else { known };
                *last = Some(found);
                Ok(Target::from_handle(found))
            }
            Which::Named { name, generation, last } => {
                if let Some(dead) = last.take() {
                    let _ = Space::SELF.close(dead);
                }
                let found = wait_for(*name, *generation);
                let (handle, found) = found.map_err(|error| match error {
                    // It will not come again.
                    Error::Aborted => Error::PeerDied,
                    other => other,
                })?;
                (*generation, *last) = (found, Some(handle));
                Ok(Target::from_handle(handle))
            }
        }
    }
}

impl Drop for Finder {
    fn drop(&mut self) {
        if let Which::Named { last: Some(handle), .. } = self.0 {
            let _ = Space::SELF.close(handle);
        }
    }
}

/// The names server's port as it was last known; the one that the program began with dies with its server.
static NAMES: Lock<Option<Handle>> = Lock::new(None);
/// How long init is given to start it again before it is asked once more.
const PAUSE: Duration = Duration::from_millis(1);

/// Init, which is never restarted.
pub(crate) fn init() -> Result<ProcessesClient<Service>, Error> {
    let target = Target::from_handle(crate::handle(handles::INIT).ok_or(Error::BadHandle)?);
    PortTransport::unconnected(Finder(Which::Init(target))).map(ProcessesClient::over)
}

/// The names server.
///
/// # Errors
/// `BadHandle` in a program that init has not started.
pub fn names() -> Result<NamesClient<Service>, Error> {
    PortTransport::unconnected(Finder(Which::Names(None))).map(NamesClient::over)
}

fn known_names() -> Result<Handle, Error> {
    let known = *NAMES.lock();
    known.or_else(|| crate::handle(handles::NAMES)).map_or_else(successor_of_names, Ok)
}

/// Asks init for the names server's port, until there is one.
fn successor_of_names() -> Result<Handle, Error> {
    let mut init = init()?;
    loop {
        match init.names() {
            Ok(gift) => {
                let before = NAMES.lock().replace(gift.handle);
                if let Some(dead) = before.or_else(|| crate::handle(handles::NAMES)) {
                    let _ = Space::SELF.close(dead);
                }
                return Ok(gift.handle);
            }
            // There is none, or it has died while the answer was on its way.
            Err(Error::WouldBlock | Error::BadHandle) => crate::time::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

fn wait_for(name: Name, generation: u64) -> Result<(Handle, u64), Error> {
    loop {
        match names()?.wait(name, generation) {
            // Names has died over it: its successor is asked.
            Err(Error::PeerDied | Error::BadHandle) => drop(successor_of_names()?),
            found => return found.map(|(gift, generation)| (gift.handle, generation)),
        }
    }
}

/// Connects to a service that the manifest says this program needs, and waits for it if it is not there yet. `fingerprint` is its interface's.
///
/// # Errors
/// `NoRights` if the manifest does not name it, or it stands in no lower layer; `PeerMisbehaved` if it serves another interface.
pub fn connect(name: &str, fingerprint: u64) -> Result<Service, Error> {
    let name: Name = name.parse().map_err(|_| Error::BadArgument)?;
    PortTransport::open(Finder(Which::Named { name, generation: 0, last: None }), fingerprint)
}

/// The same as the client that the caller names: `let mut devices: DevicesClient<_> = anax::client("devices")?`.
///
/// # Errors
/// As [`connect`].
pub fn client<C: Client<Service>>(name: &str) -> Result<C, Error> {
    connect(name, C::FINGERPRINT).map(C::over)
}

/// This program's own port, by which its services are asked.
///
/// # Errors
/// `BadHandle` in a program that init has not started.
pub fn port() -> Result<Port, Error> {
    crate::handle(handles::PORT).map(Port::from_handle).ok_or(Error::BadHandle)
}

/// Serves what comes to the program's own port, for ever: `anax::serve(&mut echo::Serve(Server::default()))`.
///
/// # Errors
/// As [`port`]; `Quota`.
pub fn serve<S: Dispatch>(server: &mut S) -> Result<(), Error> {
    anax_service::serve(port()?, server)
}
