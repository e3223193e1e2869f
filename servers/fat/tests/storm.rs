//! Requests that nobody sane would send to the server of a FAT: it goes on, and nothing is wrong with what lies on the disk.

mod common;

use anax_abi::Handle;
use anax_files::volume::{self, Volume as _};
use anax_files::{Creation, FileSystem};
use anax_proto::Gift;
use anax_sectors::MemoryDisk;
use anax_storm::{cases, storm};
use anax_volume::Server;
use anax_volume::trial::Anything;
use common::{formatted, name, sound};
use fat::{Fat, Width};

fn server() -> Server<Fat<MemoryDisk>, Anything> {
    let mut fat = Fat::open(formatted(Width::Fat16, 5000)).unwrap();
    let root = fat.root();
    let directory = fat.create(root, name("a"), Creation::Directory, 0).unwrap().node;
    let file = fat.create(directory, name("file"), Creation::File, 0).unwrap().node;
    fat.write(file, 0, &[7; 9000]).unwrap();
    let mut server = Server::new(fat, Anything(*b"a/file/a"));
    server.attach(Gift::given(Handle::from_word(1))).unwrap();
    server
}

#[test]
fn a_storm_of_requests() {
    let mut server = volume::Serve(server());
    storm(&mut server, 1, cases(), &["a", "file"], |_, _| {});
    let fat = server.0.system();
    fat.sync(None).unwrap();
    let free = fat.usage().unwrap().free_bytes;
    let other = Fat::open(formatted(Width::Fat16, 5000)).unwrap();
    let mut fat = std::mem::replace(fat, other);
    fat.sync(None).unwrap();
    assert!(free > 0);
    sound(fat.into_disk());
}
