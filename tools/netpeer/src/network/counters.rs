//! What the host's kernel has counted in a network of its own.

use std::fs;

use anyhow::Context as _;

/// A counter of the calling thread's network, such as `TcpExt`, `TCPTimeouts`.
///
/// # Errors
/// If this kernel does not count that.
pub fn counted(table: &str, name: &str) -> anyhow::Result<u64> {
    let all = ["netstat", "snmp"].map(|file| fs::read_to_string(format!("/proc/thread-self/net/{file}")));
    let all = all.into_iter().collect::<Result<String, _>>().context("the kernel's counters")?;
    find(&all, table, name).with_context(|| format!("the kernel does not count {table} {name}"))
}

/// Each table is a line of names and a line of numbers, both behind the table's name.
fn find(all: &str, table: &str, name: &str) -> Option<u64> {
    let mut lines = all.lines().filter(|line| line.split(':').next() == Some(table));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|word| word == name)?;
    numbers.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_table_and_name() {
        let all = "TcpExt: A B\nTcpExt: 1 22\nIpExt: A\nIpExt: 7\n";
        assert_eq!(find(all, "TcpExt", "B"), Some(22));
        assert_eq!(find(all, "IpExt", "A"), Some(7));
        assert_eq!(find(all, "IpExt", "B"), None);
        assert_eq!(find(all, "Tcp", "A"), None);
        assert!(counted("TcpExt", "TCPTimeouts").is_ok());
    }
}
