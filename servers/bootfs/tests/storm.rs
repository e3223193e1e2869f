//! Requests that nobody sane would send: the archive is read only, and stays what it is.

use anax_abi::Handle;
use anax_archive::{Archive, Writer};
use anax_files::{FileSystem as _, Name, volume};
use anax_proto::{Beside, Caller, Dispatch as _, Request};
use anax_storm::{Dice, cases, storm};
use anax_volume::Server;
use anax_volume::trial::Anything;
use bootfs::Bootfs;

#[test]
fn it_bears_anything() {
    let mut writer = Writer::new();
    for (name, content) in [("a", &b"first"[..]), ("bin/x", b"second"), ("z/z/z", b"deep")] {
        writer.add(name, content.to_vec()).unwrap();
    }
    let bytes = writer.finish();
    let archive = Archive::open(&bytes).unwrap();
    let system = Bootfs::new(&archive, Handle::from_word(1 << 32 | 1));
    let mut server = volume::Serve(Server::new(system, Anything(*b"bin/x/ab")));
    let methods = volume::Serve::<Server<Bootfs<'_>, Anything>>::METHODS;
    let mut dice = Dice::new(1);
    storm(&mut server, 1, cases(), &["a", "bin", "x"], |server, _| {
        let command = methods[dice.below(methods.len() as u64) as usize].command;
        // Nodes are small numbers; texts lie in the first bytes.
        let words = [(); 5].map(|()| match dice.below(3) {
            0 => dice.below(8),
            1 => dice.below(20) | (1 + dice.below(3)) << 32,
            _ => dice.word(),
        });
        let reply =
            server.dispatch(Caller(1), &Request::fixed(command, words), &mut Beside::default(), &mut []);
        assert!(reply.code <= 0);
    });
    let mut system = Bootfs::new(&archive, Handle::from_word(1 << 32 | 1));
    let root = system.root();
    assert_eq!(system.lookup(root, Name::new("a").unwrap()).map(|known| known.size), Ok(5));
}
