//! Files on a disk whose driver is ended and started anew as often as an argument says, and not one wrong byte.
//!
//! Arguments: the kind of file system, its source, how many files, and after how many the driver is killed (never, if that is not said). What was written is verified behind an
//! unmount and another mount; what is left on the disk a test looks at from outside: directories of a hundred files, `file N` with as many bytes as [`length`] says.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax::{Error, println};
use anax_devices::{DevicesClient, SERVICE};
use anax_fs::{Failure, create_dir, mount, read, read_dir, rename, unmount, write};

const PLACE: &str = "/disk-files";

#[anax::main]
fn main() -> Result<(), Error> {
    let arguments = anax::arguments();
    let [kind, source, rest @ ..] = arguments else { return Err(Error::BadArgument) };
    let number = |at: usize| rest.get(at).and_then(|number: &String| number.parse().ok()).unwrap_or(0);
    let (files, each) = (number(0), number(1));
    work(kind, source, files, each).map_err(|failure| {
        println!("disk-files: {failure}");
        failure.into()
    })
}

fn length(file: u32) -> usize {
    file as usize * 977 % 50_000
}

fn content(file: u32) -> Vec<u8> {
    (0..length(file)).map(|at| ((at as u32 / 7) ^ file) as u8).collect()
}

fn path(file: u32) -> String {
    format!("{PLACE}/directory {}/file {file}", file / 100)
}

fn work(kind: &str, source: &str, files: u32, each: u32) -> Result<(), Failure> {
    let disk = source.split_once('p').map_or(source, |(disk, _)| disk);
    let mut devices: DevicesClient<_> = anax::client(SERVICE)?;
    let mut kill = |file: u32| {
        if each > 0 && file % each == each - 1 {
            let name = disk.parse().map_err(|_| Error::BadArgument)?;
            devices.restart(name)?;
            return Ok(1);
        }
        Ok::<u32, Failure>(0)
    };
    let mut kills = 0;
    match create_dir(PLACE) {
        Ok(()) | Err(Failure::Exists) => {}
        Err(failure) => return Err(failure),
    }
    mount(kind, source, PLACE)?;
    println!("disk-files: mounted");
    for file in 0..files {
        if file % 100 == 0 {
            create_dir(&format!("{PLACE}/directory {}", file / 100))?;
        }
        // Under another name first.
        let other = format!("{PLACE}/being written");
        write(&other, &content(file))?;
        rename(&other, &path(file))?;
        kills += kill(file)?;
    }
    unmount(PLACE)?;
    mount(kind, source, PLACE)?;
    let mut found = 0;
    for entry in read_dir(PLACE)? {
        found += read_dir(&format!("{PLACE}/{}", entry?.name))?.count();
    }
    println!("disk-files: {found} files are there");
    for file in 0..files {
        if read(&path(file))? != content(file) {
            println!("disk-files: file {file} is wrong");
            return Err(Failure::Damaged);
        }
        kills += kill(file)?;
    }
    unmount(PLACE)?;
    println!("disk-files: verified: {files} files, {kills} drivers killed");
    Ok(())
}
