//! Three programs in one file: the server, its client, and its content as a file system.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;

use anax::{Error, Service, println};
use anax_sys::Target;
use anax_task::{Executor, Limits, PortCaller};
use key_value::files::Keys;
use key_value::key_value::{FINGERPRINT, Serve};
use key_value::{KeyValueAsync, KeyValueClient, Server};

#[anax::main]
fn main() -> Result<(), Error> {
    match anax::name() {
        "key-value" => anax::serve(&mut Serve(Server::default())),
        "kvfs" => anax_volume::serve(Keys::new(anax::client::<KeyValueClient<Service>>("key-value")?)),
        _ => client(),
    }
}

fn client() -> Result<(), Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|argument| &**argument).collect();
    let mut server: KeyValueClient<Service> = anax::client("key-value")?;
    match arguments[..] {
        ["put", key, value] => server.put(key.into(), value.into()),
        ["get", key] => server.get(key.into()).map(|value| println!("{value}")),
        ["remove", key] => server.remove(key.into()),
        ["fill", count] => fill(count.parse().map_err(|_| Error::BadArgument)?),
        _ => {
            anax::eprintln!("usage: kv put KEY VALUE | get KEY | remove KEY | fill COUNT");
            Err(Error::BadArgument)
        }
    }
}

/// Puts that many values with 32 requests under way.
fn fill(count: u32) -> Result<(), Error> {
    const UNDER_WAY: u32 = 32;
    let name = "key-value".parse().map_err(|_| Error::BadArgument)?;
    let find = async move || anax::names()?.wait(name, 0).map(|(port, _)| Target::from_handle(port.handle));
    let mut executor = Executor::new(anax::port()?, Limits::each(UNDER_WAY as usize + 1));
    let events = executor.events();
    executor.block_on(async {
        let server = alloc::rc::Rc::new(KeyValueAsync::over(
            PortCaller::open(events.clone(), find, FINGERPRINT).await?,
        ));
        let tasks = (0..UNDER_WAY).map(|first| {
            let server = server.clone();
            events.spawn(async move {
                for number in (first..count).step_by(UNDER_WAY as usize) {
                    server.put(format!("key {number}"), format!("value {number}")).await?;
                }
                Ok::<_, Error>(())
            })
        });
        for task in tasks.collect::<Result<Vec<_>, _>>()? {
            task.await?;
        }
        Ok(())
    })?
}
