//! Requests that nobody sane would send.

use anax_files::{Failure, FileSystem as _, Kind, Name, volume};
use anax_proto::{Beside, Caller, Dispatch as _, Request};
use anax_storm::{Dice, cases, storm};
use anax_volume::Server;
use anax_volume::trial::Anything;
use sysfs::{Made, Size, World};

struct Numbers;

impl World for Numbers {
    const KIND: &'static str = "test";

    fn kind(&mut self, path: &str) -> Option<Kind> {
        match path {
            "" | "many" => Some(Kind::Directory),
            _ => path.strip_prefix("many/")?.parse::<u8>().is_ok().then_some(Kind::Device),
        }
    }

    fn entries(&mut self, directory: &str) -> Vec<(String, Kind)> {
        match directory {
            "" => vec![("many".into(), Kind::Directory)],
            _ => (100..=255).map(|n| (format!("{n}"), Kind::Device)).collect(),
        }
    }

    fn read(&mut self, file: &str, _: u64, _: &mut [u8]) -> Result<Size, Failure> {
        Ok(Size::Text(file.repeat(100)))
    }
}

#[test]
fn it_bears_anything() {
    let mut server = volume::Serve(Server::new(Made::new(Numbers), Anything(*b"many/12/")));
    let methods = volume::Serve::<Server<Made<Numbers>, Anything>>::METHODS;
    let mut dice = Dice::new(1);
    storm(&mut server, 1, cases(), &["many", "12", "x"], |server, _| {
        let command = methods[dice.below(methods.len() as u64) as usize].command;
        // Nodes are small numbers; texts lie in the first bytes.
        let words = [(); 5].map(|()| match dice.below(3) {
            0 => dice.below(8),
            1 => dice.below(20) | (1 + dice.below(7)) << 32,
            _ => dice.word(),
        });
        let reply =
            server.dispatch(Caller(1), &Request::fixed(command, words), &mut Beside::default(), &mut []);
        assert!(reply.code <= 0);
    });
    let mut system = Made::new(Numbers);
    let root = system.root();
    assert_eq!(system.lookup(root, Name::new("many").unwrap()).map(|known| known.kind), Ok(Kind::Directory));
}
