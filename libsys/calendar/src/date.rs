//! Dates of the Gregorian calendar, by the algorithms of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).

use alloc::format;
use alloc::string::String;
use core::fmt;

/// Seconds of a day.
const DAY: u64 = 86_400;
/// The last year that is told, and the seconds since 1970 began before the next.
const LAST_YEAR: u64 = 9999;
const LAST_SECOND: u64 = 253_402_300_799;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1970 began with a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A second of the calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 1970 to 9999.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
}

impl Date {
    /// Of seconds since 1970 began. After the year 9999 it is always its last second.
    #[must_use]
    pub const fn of(seconds: u64) -> Self {
        let seconds = if seconds > LAST_SECOND { LAST_SECOND } else { seconds };
        let (days, rest) = (seconds / DAY, seconds % DAY);
        // Years that begin with March have their leap day at the end; 400 of them are an era.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: era * 400 + year_of_era + (month <= 2) as u64,
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// Seconds since 1970 began; nothing if it is no date.
    #[must_use]
    pub fn seconds(self) -> Option<u64> {
        let is_one = (1970..=LAST_YEAR).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !is_one {
            return None;
        }
        let year = self.year - u64::from(self.month <= 2);
        let (era, year_of_era) = (year / 400, year % 400);
        let shifted = if self.month > 2 { self.month - 3 } else { self.month + 9 };
        let of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        let days = era * 146_097 + of_era - 719_468;
        let seconds = days * DAY + self.hour * 3600 + self.minute * 60 + self.second;
        // The 31st of a month that has none is another day.
        (Self::of(seconds) == self).then_some(seconds)
    }

    /// As text: `%Y %m %d %H %M %S %y %e %j`, `%b` and `%a` for names, `%F` for `%Y-%m-%d`, `%T` for `%H:%M:%S`, `%s` for seconds since 1970, `%n`, `%t`, `%%`.
    ///
    /// # Errors
    /// The first letter that it does not know.
    pub fn format(self, format: &str) -> Result<String, Format> {
        let (mut text, mut rest) = (String::new(), format.chars());
        let seconds = self.seconds().unwrap_or(0);
        while let Some(next) = rest.next() {
            if next != '%' {
                text.push(next);
                continue;
            }
            let letter = rest.next().ok_or(Format(None))?;
            text.push_str(&match letter {
                'Y' => format!("{}", self.year),
                'y' => format!("{:02}", self.year % 100),
                'm' => format!("{:02}", self.month),
                'd' => format!("{:02}", self.day),
                'e' => format!("{:2}", self.day),
                'H' => format!("{:02}", self.hour),
                'M' => format!("{:02}", self.minute),
                'S' => format!("{:02}", self.second),
                'j' => format!("{:03}", self.day_of_year()),
                'b' => self.month_name().into(),
                'a' => DAYS[(seconds / DAY % 7) as usize].into(),
                'F' => format!("{}-{:02}-{:02}", self.year, self.month, self.day),
                'T' => format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second),
                's' => format!("{seconds}"),
                'Z' => "UTC".into(),
                'n' => "\n".into(),
                't' => "\t".into(),
                '%' => "%".into(),
                other => return Err(Format(Some(other))),
            });
        }
        Ok(text)
    }

    fn month_name(self) -> &'static str {
        usize::try_from(self.month).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"?")
    }

    fn day_of_year(self) -> u64 {
        let first = Self { month: 1, day: 1, ..self };
        self.seconds().unwrap_or(0).saturating_sub(first.seconds().unwrap_or(0)) / DAY + 1
    }
}

/// `2024-02-29 12:30:00`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// A format has a letter that there is not, or nothing behind its last `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format(Option<char>);

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(letter) => write!(f, "'%{letter}' is no part of a date"),
            None => f.write_str("nothing stands behind '%'"),
        }
    }
}

impl core::error::Error for Format {}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::string::ToString as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_210_096, "2024-02-29 12:34:56"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (LAST_SECOND, "9999-12-31 23:59:59"),
            (u64::MAX, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(Date::of(seconds).to_string(), text);
        }
        let date = Date::of(1_709_210_096);
        assert_eq!(
            date.format("%a %b %e %T %Y, day %j of %y%% %s %F"),
            Ok("Thu Feb 29 12:34:56 2024, day 060 of 24% 1709210096 2024-02-29".into())
        );
        assert_eq!(
            date.format("%q").map_err(|wrong| wrong.to_string()),
            Err("'%q' is no part of a date".into())
        );
        assert!(date.format("%").is_err());
        assert_eq!(Date { month: 2, day: 30, ..date }.seconds(), None);
        assert_eq!(Date { month: 13, ..date }.seconds(), None);
        assert_eq!(Date { year: 2023, ..date }.seconds(), None, "no leap year");
    }

    proptest! {
        #[test]
        fn there_and_back(seconds in 0..=LAST_SECOND) {
            prop_assert_eq!(Date::of(seconds).seconds(), Some(seconds));
        }

        #[test]
        fn any_numbers(year: u64, month: u64, day: u64, hour: u64) {
            let _any = Date { year, month, day, hour, minute: 0, second: 0 }.seconds();
        }
    }
}
