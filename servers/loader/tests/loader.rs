//! The loader on the host: who may have what loaded, and what becomes of handles.

use std::cell::{Cell, RefCell};

use anax_abi::{Error, Handle, Rights};
use anax_proto::{Caller, Gift};
use anax_storm::{Taken, cases, storm};
use anax_system::{Loader as _, Name};
use loader::{File, Files, MOST_BYTES, Machine};

const INIT: Caller = Caller(0);
const HELLO: Name = Name::new("hello");

/// A machine that only remembers.
#[derive(Debug, Default)]
struct Fake {
    closed: RefCell<Vec<Handle>>,
    loaded: Cell<u64>,
    read: Cell<u64>,
}

impl Machine for Fake {
    fn member(&self, name: &str) -> Option<&[u8]> {
        (name == "bin/hello").then_some(b"a program")
    }

    fn load(&self, _: Handle, file: File<'_>, stack: u64, _: u64) -> Result<(u64, u64), Error> {
        assert!(stack.is_multiple_of(4096), "{stack}");
        self.loaded.set(self.loaded.get() + 1);
        let (File::Member(file) | File::Copy(file)) = file;
        if file == b"a program" { Ok((1, stack)) } else { Err(Error::BadArgument) }
    }

    fn read(&self, _: Handle, bytes: u64) -> Result<Vec<u8>, Error> {
        assert!(bytes <= MOST_BYTES, "more than it reads");
        self.read.set(self.read.get() + 1);
        if bytes == 9 { Ok(b"a program".to_vec()) } else { Err(Error::NoMemory) }
    }

    fn close(&self, handle: Handle) {
        self.closed.borrow_mut().push(handle);
    }
}

fn gift(number: u32) -> Gift {
    Gift::copy(Handle::new(number, 1), Rights::ALL)
}

#[test]
fn init_alone_has_programs_loaded() {
    let mut files = Files(Fake::default());
    assert_eq!(files.load(INIT, gift(1), HELLO, 4097, 7), Ok((1, 8192)));
    assert_eq!(files.load(INIT, gift(2), Name::new("none"), 0, 7), Err(Error::BadArgument));
    assert_eq!(files.load(Caller(3), gift(3), HELLO, 0, 7), Err(Error::NoRights));
    assert_eq!(files.load_file(INIT, gift(4), gift(5), 9, 4096, 7), Ok((1, 4096)));
    assert_eq!(files.load_file(INIT, gift(6), gift(7), MOST_BYTES + 1, 0, 7), Err(Error::BadArgument));
    assert_eq!(files.load_file(Caller(3), gift(8), gift(9), 9, 0, 7), Err(Error::NoRights));
    assert_eq!((files.0.loaded.get(), files.0.read.get()), (2, 1), "nothing is read for others");
    let mut closed = files.0.closed.take();
    closed.sort_by_key(|handle| handle.to_word());
    assert_eq!(closed, (1..10).map(|number| gift(number).handle).collect::<Vec<_>>());
}

/// Whatever anybody asks: each handle that it takes it gives up, before it answers.
#[test]
fn a_storm_of_requests() {
    let mut taken = Taken::new();
    let mut server = anax_system::loader::Serve(Files(Fake::default()));
    storm(&mut server, 1, cases(), &["hello", "none"], |server, case| {
        taken.asked(case);
        for handle in server.0.0.closed.take() {
            assert!(taken.closed(handle), "closed twice, or nobody's");
        }
        assert_eq!(taken.held(), 0, "a handle is lost");
    });
    assert!(server.0.0.loaded.get() > 0 && server.0.0.read.get() > 0, "most of it went by");
}
