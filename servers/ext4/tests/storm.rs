//! Requests that nobody sane would send to the server of an ext4: it goes on.

use std::fs;
use std::process::{Command, Stdio};

use anax_abi::Handle;
use anax_files::volume::{self, Volume as _};
use anax_files::{FileSystem, Name};
use anax_proto::Gift;
use anax_sectors::{MemoryDisk, SectorSize};
use anax_storm::{cases, storm};
use anax_volume::Server;
use anax_volume::trial::Anything;
use ext4::Ext4;

/// An image with a directory and a file, or nothing if this machine has no `mke2fs`.
fn image() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let (tree, image) = (folder.path().join("tree"), folder.path().join("image"));
    fs::create_dir_all(tree.join("a")).unwrap();
    fs::write(tree.join("a/file"), [7; 9000]).unwrap();
    let output = Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-d", tree.to_str().unwrap(), image.to_str().unwrap(), "4M"])
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
        .stdin(Stdio::null())
        .output();
    assert!(output.ok()?.status.success());
    Some(fs::read(image).unwrap())
}

#[test]
fn a_storm_of_requests() {
    let Some(bytes) = image() else { return };
    let system = Ext4::open(MemoryDisk::new(bytes, SectorSize::SMALLEST)).unwrap();
    let mut server = Server::new(system, Anything(*b"a/file/a"));
    server.attach(Gift::given(Handle::from_word(1))).unwrap();
    let mut server = volume::Serve(server);
    storm(&mut server, 1, cases(), &["a", "file"], |_, _| {});
    let system = server.0.system();
    let directory = system.lookup(system.root(), Name::new("a").unwrap()).unwrap().node;
    let file = system.lookup(directory, Name::new("file").unwrap()).unwrap();
    let mut bytes = [0; 9001];
    assert_eq!(system.read(file.node, 0, &mut bytes), Ok(9000));
    assert!(bytes[..9000].iter().all(|byte| *byte == 7));
}
