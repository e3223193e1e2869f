//! Bodies that are sent from where they lie: lent, copied and read by turns, whatever is there and whatever is taken away meanwhile.

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anax_net::{Failure, Loan, Lying, Reading, Source};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use httpd::{
    About, Entries, File, Files, Found, LEAST_LENT, Lies, Limits, MemoryFiles, Server, Trouble, Wants, Way,
    Window,
};
use proptest::prelude::*;
use support::{Asked, BIG, Client, Lender, Response, big, files, take};

/// Files whose bytes lie in memory, as far as they are there.
struct CachedFiles {
    inner: MemoryFiles,
    /// Of so many looks one finds nothing, nothing to be lent, or loses what it looks at; none if it is 0.
    fails: u64,
    turn: Rc<Cell<u64>>,
}

struct CachedFile {
    bytes: Rc<Bytes>,
    fails: u64,
    turn: Rc<Cell<u64>>,
    buffer: RefCell<Vec<u8>>,
}

struct Bytes {
    inner: httpd::MemoryFile,
    content: Vec<u8>,
    words: Vec<AtomicU64>,
}

impl Source for Bytes {
    fn table(&self) -> Option<anax::Handle> {
        None
    }

    fn with_memory(
        &self,
        _: u64,
        _: &mut dyn FnMut(anax::Handle) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        Err(Failure::Gone)
    }

    fn read<'a>(&'a self, from: u64, into: &'a mut [u8]) -> Reading<'a> {
        let rest = &self.content[from as usize..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Box::pin(std::future::ready(Some(count)))
    }
}

impl CachedFile {
    fn fails(&self) -> bool {
        let mut turn = self.turn.get();
        turn ^= turn << 13;
        turn ^= turn >> 7;
        turn ^= turn << 17;
        self.turn.set(turn);
        self.fails > 0 && (turn >> 20).is_multiple_of(self.fails)
    }
}

impl Lies for CachedFile {
    fn loan(&self, from: u64, most: u64) -> Option<Loan> {
        let length = most.min(self.bytes.content.len() as u64 - from);
        let lying = Lying { memory: 1, at: 0, length: 0, word: 0, offset: from };
        let source = self.bytes.clone();
        (length >= LEAST_LENT && !self.fails()).then(|| Loan { source, from, length, lying })
    }

    fn look(&self, from: u64, most: u64, show: &mut dyn FnMut(SharedBytes<'_>)) -> Result<usize, Trouble> {
        if self.fails() {
            return Ok(0);
        }
        let length = most.min(self.bytes.content.len() as u64 - from) as usize;
        let all = SharedBytes::new(SharedBlock::from_words(&self.bytes.words));
        show(all.part(from as usize, length).unwrap());
        // What was shown may be worth nothing.
        Ok(if self.fails() { 0 } else { length })
    }

    fn read(&self, from: u64, into: &mut [u8]) -> Result<Option<usize>, Trouble> {
        if self.fails() {
            return Ok(None);
        }
        let rest = &self.bytes.content[from as usize..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(Some(count))
    }
}

impl File for CachedFile {
    fn about(&self) -> About {
        self.bytes.inner.about()
    }

    fn send(&self, offset: u64, most: u64, to: &mut Window<'_>) -> Result<Option<usize>, Trouble> {
        httpd::send(self, (offset, most), to, &mut self.buffer.borrow_mut())
    }

    async fn wait(&self, _: u64) -> Result<(), Trouble> {
        Ok(())
    }
}

impl Files for CachedFiles {
    type File = CachedFile;

    fn find(&self, path: &str) -> Result<Option<Found<CachedFile>>, Trouble> {
        Ok(Some(match self.inner.find(path)?.ok_or(Trouble::Failed)? {
            Found::Directory => Found::Directory,
            Found::File(inner) => {
                let mut content = vec![0; inner.about().size as usize];
                let words: Vec<_> = (0..content.len().div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
                let all = SharedBytes::new(SharedBlock::from_words(&words));
                inner.send(0, u64::MAX, &mut Window::new([all, all.part(0, 0).unwrap()]))?;
                all.copy_out(0, &mut content).unwrap();
                let bytes = Rc::new(Bytes { inner, content, words });
                let (fails, turn, buffer) = (self.fails, self.turn.clone(), RefCell::new(vec![0; 700]));
                Found::File(CachedFile { bytes, fails, turn, buffer })
            }
        }))
    }

    async fn find_later(&self, path: &str) -> Result<Found<CachedFile>, Trouble> {
        self.find(path)?.ok_or(Trouble::Failed)
    }

    async fn list(&self, path: &str, most: usize) -> Result<Entries, Trouble> {
        self.inner.list(path, most).await
    }
}

fn server(fails: u64) -> Server<CachedFiles> {
    let files = CachedFiles { inner: files(Way::Mapped), fails, turn: Rc::new(Cell::new(0x9e37_79b9)) };
    Server::new(files, Limits::default(), None)
}

fn ask(server: &Server<CachedFiles>, room: usize, refuses: u64, requests: &[String]) -> (Vec<Response>, u64) {
    let mut client = Client::with_room(server, room);
    let lender = Rc::new(Lender::default());
    lender.refuses.set(refuses);
    client.lender = Some(lender.clone());
    client.send(requests.concat().as_bytes());
    for _ in 0..100_000 {
        if client.wants() == Wants::Input {
            break;
        }
        // What is to be waited for is there at once.
        client.run();
    }
    let responses = requests.iter().map(|_| take(&mut client.came, Asked::Get)).collect();
    assert!(client.came.is_empty() && client.wants() == Wants::Input);
    (responses, lender.sent.get())
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn long_bodies_are_lent_and_short_ones_copied() {
    let server = server(0);
    let (responses, lent) =
        ask(&server, 4096, 0, &[get("/big", ""), get("/letters.txt", ""), get("/big", "")]);
    assert!(responses[0].body == big() && responses[2].body == big());
    assert_eq!(responses[1].body, b"abcdefghijklmnopqrstuvwxyz");
    assert_eq!(lent, 2 * BIG as u64);
    let (responses, lent) = ask(&server, 4096, 0, &[get("/big", "Range: bytes=5-16388\r\n")]);
    assert_eq!((responses[0].body == big()[5..16_389], lent), (true, LEAST_LENT));
    let (responses, lent) = ask(&server, 4096, 0, &[get("/big", "Range: bytes=5-16387\r\n")]);
    assert_eq!((responses[0].body == big()[5..16_388], lent), (true, 0));
}

#[test]
fn what_was_taken_away_while_it_was_copied_is_written_anew() {
    for fails in 2..9 {
        let (responses, _) = ask(&server(fails), 1000, 1, &[get("/big", "")]);
        assert!(responses[0].body == big(), "{fails}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn all_of_it_is_what_was_asked_for(
        fails in (0u64..12).prop_filter("something has to go", |fails| *fails != 1), refuses in 0u64..6, room in 64usize..40_000,
        ranges in proptest::collection::vec((0..BIG, 1usize..50_000), 1..5)
    ) {
        let all = big();
        let ranges: Vec<_> = ranges.into_iter().map(|(from, length)| from..(from + length).min(BIG)).collect();
        let mut requests: Vec<_> =
            ranges.iter().map(|range| get("/big", &format!("Range: bytes={}-{}\r\n", range.start, range.end - 1))).collect();
        requests.push(get("/big", "Range: bytes=0-20000,30000-60000,70000-70009\r\n"));
        requests.push(get("/big", ""));
        let (responses, _) = ask(&server(fails), room, refuses, &requests);
        for (range, response) in ranges.iter().zip(&responses) {
            prop_assert!(response.body == all[range.clone()]);
        }
        let parts = &responses[ranges.len()].body;
        for part in [&all[..20_001], &all[30_000..60_001], &all[70_000..70_010]] {
            prop_assert!(parts.windows(part.len()).any(|found| found == part));
        }
        prop_assert!(responses[ranges.len() + 1].body == all);
    }
}
