//! A line for each request, in the common log format: `ADDRESS - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.0" 200 2326`.

use core::fmt;
use core::net::IpAddr;

use crate::date::{Date, Day, month_name};
use crate::status::Status;

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Whose it was.
    pub address: IpAddr,
    /// When it was answered, if anybody knows.
    pub date: Option<Date>,
    /// Its first line, as it came.
    pub line: &'a [u8],
    /// The answer.
    pub status: Status,
    /// Bytes of it, its head left out.
    pub bytes: u64,
}

impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - - [", self.address.to_canonical())?;
        match self.date {
            None => f.write_str("-")?,
            Some(date) => {
                let Day { year, month, day } = Day::of(date);
                let month = core::str::from_utf8(month_name(month)).unwrap_or("-");
                let [hours, minutes, seconds] = [date.0 / 3600 % 24, date.0 / 60 % 60, date.0 % 60];
                write!(f, "{day:02}/{month}/{year}:{hours:02}:{minutes:02}:{seconds:02} +0000")?;
            }
        }
        // Escaped, or a client could write lines of its own.
        write!(f, "] \"{}\" {} {}", self.line.escape_ascii(), self.status.code(), self.bytes)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::net::Ipv4Addr;
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn the_usual_line() {
        let address = IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        let record = Record {
            address,
            date: Some(Date(971_186_136)),
            line: b"GET /a HTTP/1.0",
            status: Status::Ok,
            bytes: 2326,
        };
        let expected = "10.0.0.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /a HTTP/1.0\" 200 2326";
        assert_eq!(record.to_string(), expected);
        let record = Record { date: None, line: b"\"\n", ..record };
        assert!(record.to_string().contains("[-] \"\\\"\\n\" 200"));
    }
}
