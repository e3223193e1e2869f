//! The command line.

use alloc::format;
use alloc::string::String;

use anax_net::Sizes;

pub(crate) const HELP: &str = "\
Serves files by HTTP, until it is ended.

  httpd [OPTIONS] [ROOT]    files below ROOT, /srv if it is not said
  httpd [OPTIONS] --memory  a few files that it makes itself, to measure it by

  --port N          where it listens; 80
  --log             a line for each request, in the common log format
  --connections N   at a time; 3000
  --each N          of one address; as many
  --send KIB        memory of a connection for what is sent, a power of two; 16
  --help            this text
";

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// Files below that directory.
    Root(String),
    /// Files that the server makes.
    Memory,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) served: Served,
    pub(crate) port: u16,
    pub(crate) logs: bool,
    pub(crate) connections: u32,
    pub(crate) connections_each: u32,
    pub(crate) sizes: Sizes,
}

/// Bytes for what comes on a connection: a request fits.
const RECEIVE: u32 = 4096;
/// The most connections there are tasks for.
const MOST: u32 = 4000;
/// Of the arena, at most: memory is taken as it is used.
const MOST_ARENA: u64 = 80 << 20;

impl Options {
    /// Memory for all rings: of as many connections as there may be, if that is not too much.
    pub(crate) fn arena(&self) -> u64 {
        let each = u64::from(self.sizes.receive) + u64::from(self.sizes.send);
        // Some are closing while others begin.
        (u64::from(self.connections) * each * 5 / 4 + (1 << 20)).min(MOST_ARENA)
    }
}

/// What is served if nobody says anything else.
const ROOT: &str = "/srv";
/// The name under which the program is one that measures.
const MEMORY: &str = "httpd-memory";

/// What the words say, to a program of that name; nothing if they ask for help.
pub(crate) fn parse(name: &str, words: &[String]) -> Result<Option<Options>, String> {
    let (mut served, mut port, mut logs, mut connections, mut each, mut send) =
        (None, 80, false, 3000, None, 16);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = |most: u32| {
            let value = words.next().and_then(|value| value.parse().ok());
            let within = value.filter(|value| (1..=most).contains(value));
            within.ok_or_else(|| format!("{word} needs a number, {most} at most"))
        };
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--log" => logs = true,
            "--memory" => served = Some(Served::Memory),
            "--port" => port = u16::try_from(number(65_535)?).unwrap_or(80),
            "--connections" => connections = number(MOST)?,
            "--each" => each = Some(number(MOST)?),
            "--send" => send = number(16_384)?,
            option if option.starts_with('-') => return Err(format!("what is '{option}'?")),
            root if served.is_none() => served = Some(Served::Root(root.into())),
            more => return Err(format!("one directory is enough: '{more}'")),
        }
    }
    let usual = || if name == MEMORY { Served::Memory } else { Served::Root(ROOT.into()) };
    let served = served.unwrap_or_else(usual);
    let send = send << 10;
    if !send.is_power_of_two() || send < 4096 {
        return Err("--send needs a power of two, 4 at least".into());
    }
    let sizes = Sizes { receive: RECEIVE, send };
    let connections_each = each.unwrap_or(connections);
    Ok(Some(Options { served, port, logs, connections, connections_each, sizes }))
}
