//! What file systems and programs say to each other in memory that they share: entries of directories, paths, and words of messages.

use anax_files::files::{Lease, Opened};
use anax_files::volume::{Piece, Traits};
use anax_files::{Attributes, Listing, Name, Usage, path};
use anax_proto::{Fixed, Reader};

/// Takes an input.
pub fn take(input: &[u8]) {
    if let Ok(entries) = Listing::parse(input) {
        // What can be read can be written, and is the same then.
        let mut listing = Listing::with_room(input.len());
        for entry in &entries {
            let name = Name::new(&entry.name).expect("a name");
            assert!(listing.push(name, (entry.node, entry.kind), entry.next));
        }
        assert_eq!(listing.as_bytes(), input);
    }
    if let Ok(text) = core::str::from_utf8(input)
        && let Ok(plain) = path::plain("/d", text)
    {
        assert_eq!(path::plain("/", &plain).as_ref(), Ok(&plain));
    }
    let (chunks, _) = input.as_chunks::<8>();
    let mut words = [0; 5];
    words.iter_mut().zip(chunks).for_each(|(word, chunk)| *word = u64::from_le_bytes(*chunk));
    let _any = Attributes::take(&mut Reader::new(words));
    let _any = Usage::take(&mut Reader::new(words));
    let _any = Lease::take(&mut Reader::new(words));
    let _any = Opened::take(&mut Reader::new(words));
    let _any = Piece::take(&mut Reader::new(words));
    let _any = Traits::take(&mut Reader::new(words));
}
