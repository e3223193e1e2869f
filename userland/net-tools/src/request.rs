//! The command lines.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use anax_net::{Change, Version};

use crate::url::Url;

/// How often `ping` asks if nothing is said, and how much it sends.
const PINGS: u32 = 4;
const PAYLOAD: u16 = 56;
/// How long `netperf` measures if nothing is said.
const SECONDS: u64 = 3;
/// What no more is asked for.
const MOST_PAYLOAD: u16 = 1400;

/// A table of the network server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// All of them.
    All,
    /// Interfaces and their addresses.
    Addresses,
    /// Routes.
    Routes,
    /// Neighbours.
    Neighbours,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Say how it is used.
    Help,
    /// Ask a host whether it is there.
    Ping {
        /// Which.
        host: String,
        /// How often.
        count: u32,
        /// With how many bytes.
        length: u16,
        /// By which addresses.
        version: Version,
    },
    /// Connect to a port, and pass bytes on both ways.
    Connect {
        /// Which host and port.
        to: String,
    },
    /// Wait for one connection to a port, and pass bytes on both ways.
    Listen {
        /// Which.
        port: u16,
    },
    /// Send lines as datagrams, and print what comes back.
    Datagrams {
        /// To which host and port.
        to: String,
    },
    /// Print datagrams that come to a port.
    ListenDatagrams {
        /// Which.
        port: u16,
    },
    /// Look up a name.
    LookUp {
        /// It.
        name: String,
        /// Which addresses.
        version: Version,
    },
    /// Show a table.
    Show(Table),
    /// Change an address.
    Address {
        /// How.
        change: Change,
        /// Which.
        address: IpAddr,
        /// Bits of its network.
        prefix: u8,
        /// The interface's number.
        interface: u32,
    },
    /// Change a route.
    Route {
        /// How.
        change: Change,
        /// To where.
        network: IpAddr,
        /// Bits of that.
        prefix: u8,
        /// By whom.
        via: IpAddr,
    },
    /// Wait until the network is there.
    Wait,
    /// Print what a web server has.
    Fetch {
        /// What.
        url: Url,
        /// Also the head of the answer.
        shows_head: bool,
    },
    /// Measure with `peerd`.
    Perf {
        /// Where it runs.
        host: String,
        /// How long each way.
        time: Duration,
    },
    /// Show what was counted: of all threads together, or of each.
    Count {
        /// Of each by itself.
        by_thread: bool,
        /// Also what was counted as 0.
        all: bool,
    },
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The program takes other arguments: how it is used.
    Arguments(&'static str),
    /// That is not what it should be.
    Value(String, &'static str),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(usage) => write!(f, "usage: {usage}"),
            Self::Value(text, expected) => write!(f, "'{text}' is not {expected}"),
        }
    }
}

impl core::error::Error for Wrong {}

/// What there is to say about a program's use.
#[must_use]
pub fn help(program: &str) -> &'static str {
    match program {
        "ping" => {
            "\
Asks a host whether it is there, and says how long its answers take.

  ping [-4 | -6] [-c COUNT] [-s BYTES] HOST

It asks 4 times with 56 bytes, once a second. Status 1 if nobody has answered.
"
        }
        "nc" => {
            "\
Passes on what it reads to somebody in the network, and prints what comes from there.

  nc HOST PORT       connects
  nc -l PORT         waits for one connection
  nc -u HOST PORT    each line is a datagram; what comes back within a second is printed
  nc -u -l PORT      prints datagrams, until it is ended
"
        }
        "nslookup" => {
            "\
Looks up the addresses of a name.

  nslookup [-4 | -6] NAME
"
        }
        "netstat" => {
            "\
Shows what the network server has counted.

  netstat            all threads together, what is not 0
  netstat -a         also what is 0
  netstat -t         each thread by itself
"
        }
        "fetch" => {
            "\
Prints what a web server has.

  fetch [-i] http://HOST[:PORT]/PATH

-i prints also the head of its answer. Status 1 if the server has it not.
"
        }
        "netperf" => {
            "\
Measures how much goes to a host and comes from it, and how long a question of 8 bytes takes; 'peerd' has to run there.

  netperf [-t SECONDS] HOST

Each for 3 seconds.
"
        }
        _ => {
            "\
Shows the network's addresses, routes and neighbours, and changes them.

  ip                                          all three
  ip address                                  interfaces and their addresses
  ip address add|delete ADDRESS/BITS NUMBER   of the interface of that number
  ip route
  ip route add|delete NETWORK/BITS ROUTER     default: 0.0.0.0/0 or ::/0
  ip neighbour
  ip wait                                     until others can be reached
"
        }
    }
}

fn value<T: core::str::FromStr>(text: &str, expected: &'static str) -> Result<T, Wrong> {
    text.parse().map_err(|_| Wrong::Value(text.to_string(), expected))
}

fn port(text: &str) -> Result<u16, Wrong> {
    value(text, "a port (0 to 65535)")
}

fn end(host: &str, number: &str) -> Result<String, Wrong> {
    let number = port(number)?;
    let is_v6 = host.contains(':');
    Ok(if is_v6 { alloc::format!("[{host}]:{number}") } else { alloc::format!("{host}:{number}") })
}

fn network(text: &str) -> Result<(IpAddr, u8), Wrong> {
    let wrong = || Wrong::Value(text.to_string(), "an address and a number of bits, such as 10.0.0.1/24");
    let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let bits: u8 = bits.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if bits > most { Err(wrong()) } else { Ok((address, bits)) }
}

fn change(word: &str) -> Option<Change> {
    match word {
        "add" => Some(Change::Add),
        "delete" | "del" => Some(Change::Remove),
        _ => None,
    }
}

/// Reads the arguments of a program.
///
/// # Errors
/// What is wrong with them.
pub fn parse(program: &str, arguments: &[String]) -> Result<Request, Wrong> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--help" | "-h" | "help", ..] = words[..] {
        return Ok(Request::Help);
    }
    match program {
        "ping" => ping(&words),
        "nc" => match words[..] {
            ["-l", number] => Ok(Request::Listen { port: port(number)? }),
            ["-u", "-l", number] | ["-l", "-u", number] => {
                Ok(Request::ListenDatagrams { port: port(number)? })
            }
            ["-u", host, number] => Ok(Request::Datagrams { to: end(host, number)? }),
            [host, number] => Ok(Request::Connect { to: end(host, number)? }),
            _ => Err(Wrong::Arguments("nc [-u] HOST PORT, or nc [-u] -l PORT")),
        },
        "nslookup" => match words[..] {
            ["-4", name] => Ok(Request::LookUp { name: name.to_string(), version: Version::V4 }),
            ["-6", name] => Ok(Request::LookUp { name: name.to_string(), version: Version::V6 }),
            [name] => Ok(Request::LookUp { name: name.to_string(), version: Version::Any }),
            _ => Err(Wrong::Arguments("nslookup [-4 | -6] NAME")),
        },
        "fetch" => {
            let (shows_head, text) = match words[..] {
                ["-i", url] => (true, url),
                [url] if !url.starts_with('-') => (false, url),
                _ => return Err(Wrong::Arguments("fetch [-i] URL")),
            };
            let wrong = || Wrong::Value(text.to_string(), "an address such as http://10.0.2.2:8080/file");
            Ok(Request::Fetch { url: Url::parse(text).ok_or_else(wrong)?, shows_head })
        }
        "netperf" => {
            let (seconds, host) = match words[..] {
                ["-t", seconds, host] => (value(seconds, "a number of seconds, at most 3600")?, host),
                [host] if !host.starts_with('-') => (SECONDS, host),
                _ => return Err(Wrong::Arguments("netperf [-t SECONDS] HOST")),
            };
            if seconds > 3600 {
                return Err(Wrong::Value(seconds.to_string(), "a number of seconds, at most 3600"));
            }
            let host = if host.contains(':') { alloc::format!("[{host}]") } else { host.to_string() };
            Ok(Request::Perf { host, time: Duration::from_secs(seconds) })
        }
        "netstat" => {
            let mut count = (false, false);
            for word in words {
                match word {
                    "-t" => count.0 = true,
                    "-a" => count.1 = true,
                    _ => return Err(Wrong::Arguments("netstat [-a] [-t]")),
                }
            }
            Ok(Request::Count { by_thread: count.0, all: count.1 })
        }
        _ => ip(&words),
    }
}

fn ping(words: &[&str]) -> Result<Request, Wrong> {
    let (mut host, mut count, mut length, mut version) = (None, PINGS, PAYLOAD, Version::Any);
    let mut words = words.iter();
    let usage = || Wrong::Arguments("ping [-4 | -6] [-c COUNT] [-s BYTES] HOST");
    while let Some(word) = words.next() {
        match *word {
            "-4" => version = Version::V4,
            "-6" => version = Version::V6,
            "-c" => count = value(words.next().ok_or_else(usage)?, "a number")?,
            "-s" => {
                let text = words.next().ok_or_else(usage)?;
                length = value(text, "a number of bytes up to 1400")?;
                if length > MOST_PAYLOAD {
                    return Err(Wrong::Value(text.to_string(), "a number of bytes up to 1400"));
                }
            }
            other if other.starts_with('-') || host.is_some() => return Err(usage()),
            other => host = Some(other.to_string()),
        }
    }
    Ok(Request::Ping { host: host.ok_or_else(usage)?, count, length, version })
}

fn ip(words: &[&str]) -> Result<Request, Wrong> {
    let usage = Wrong::Arguments("ip [address | route | neighbour | wait] ...; ip --help lists all");
    match *words {
        [] => Ok(Request::Show(Table::All)),
        ["address" | "addr" | "a"] => Ok(Request::Show(Table::Addresses)),
        ["route" | "r"] => Ok(Request::Show(Table::Routes)),
        ["neighbour" | "neigh" | "n"] => Ok(Request::Show(Table::Neighbours)),
        ["wait"] => Ok(Request::Wait),
        ["address" | "addr" | "a", word, text, number] => {
            let change = change(word).ok_or(usage)?;
            let (address, prefix) = network(text)?;
            Ok(Request::Address {
                change,
                address,
                prefix,
                interface: value(number, "an interface's number")?,
            })
        }
        ["route" | "r", word, text, via] => {
            let change = change(word).ok_or(usage)?;
            let via: IpAddr = value(via, "a router's address")?;
            let any = if via.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
            let (network, prefix) = network(if text == "default" { any } else { text })?;
            if network.is_ipv4() != via.is_ipv4() {
                return Err(Wrong::Value(via.to_string(), "a router of that network's version"));
            }
            Ok(Request::Route { change, network, prefix, via })
        }
        _ => Err(usage),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn of(line: &str) -> Result<Request, Wrong> {
        let (program, rest) = line.split_once(' ').unwrap_or((line, ""));
        parse(program, &rest.split_whitespace().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn complaint(line: &str) -> String {
        of(line).unwrap_err().to_string()
    }

    #[test]
    fn commands() {
        let host = "10.0.2.2".to_string();
        assert_eq!(
            of("ping -c 2 -s 100 10.0.2.2"),
            Ok(Request::Ping { host, count: 2, length: 100, version: Version::Any })
        );
        assert_eq!(of("nc example.com 80"), Ok(Request::Connect { to: "example.com:80".to_string() }));
        assert_eq!(of("nc ::1 80"), Ok(Request::Connect { to: "[::1]:80".to_string() }));
        assert_eq!(of("nc -u -l 53"), Ok(Request::ListenDatagrams { port: 53 }));
        assert_eq!(of("netstat -t"), Ok(Request::Count { by_thread: true, all: false }));
        assert_eq!(of("ip"), Ok(Request::Show(Table::All)));
        assert_eq!(of("ip route"), Ok(Request::Show(Table::Routes)));
        let (network, via) = ("0.0.0.0".parse().unwrap(), "10.0.2.2".parse().unwrap());
        assert_eq!(
            of("ip route add default 10.0.2.2"),
            Ok(Request::Route { change: Change::Add, network, prefix: 0, via })
        );
        for program in ["ping", "nc", "nslookup", "ip", "netstat", "fetch", "netperf"] {
            assert_eq!(of(&alloc::format!("{program} --help")), Ok(Request::Help));
            assert!(help(program).contains(&alloc::format!("  {program}")));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(complaint("ping"), "usage: ping [-4 | -6] [-c COUNT] [-s BYTES] HOST");
        assert_eq!(complaint("ping -s 2000 a"), "'2000' is not a number of bytes up to 1400");
        assert_eq!(complaint("nc a 70000"), "'70000' is not a port (0 to 65535)");
        assert_eq!(
            complaint("ip address add 10.0.0.1/33 1"),
            "'10.0.0.1/33' is not an address and a number of bits, such as 10.0.0.1/24"
        );
        assert_eq!(
            complaint("ip route add ::/0 10.0.0.1"),
            "'10.0.0.1' is not a router of that network's version"
        );
        assert_eq!(complaint("netstat -x"), "usage: netstat [-a] [-t]");
    }
}
