//! Points in time as HTTP writes them (RFC 9110, section 5.6.7): seconds since 1970 began, and text of one fixed form. Two older forms are read.

/// Seconds since 1970 began, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub u64);

/// Bytes of the fixed form.
pub(crate) const LENGTH: usize = 29;
/// What begins after the year 9999, which has no form.
const END: u64 = 253_402_300_800;
const DAY: u64 = 86_400;
/// Days of 400 years.
const ERA: u64 = 146_097;
/// Days from the first of March of the year 0 to 1970.
const TO_EPOCH: u64 = 719_468;
const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: u64,
    /// From 0 on.
    pub(crate) month: usize,
    /// From 1 on.
    pub(crate) day: u64,
}

impl Day {
    /// That of a date. Years are counted from March on, so that a leap day is the last one.
    pub(crate) const fn of(date: Date) -> Self {
        let days = if date.0 < END { date.0 } else { END - 1 } / DAY + TO_EPOCH;
        let of_era = days % ERA;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let (month, passed) = if shifted < 10 { (shifted + 2, 0) } else { (shifted - 10, 1) };
        Self {
            year: year_of_era + days / ERA * 400 + passed,
            month: month as usize,
            day: of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    /// Its beginning, if there is such a day from 1970 on.
    const fn begins(self) -> Option<u64> {
        if self.year < 1970 || self.year > 9999 || self.month > 11 || self.day == 0 || self.day > 31 {
            return None;
        }
        let (year, shifted) = if self.month < 2 {
            (self.year - 1, self.month as u64 + 10)
        } else {
            (self.year, self.month as u64 - 2)
        };
        let of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let of_era = year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year;
        Some((year / 400 * ERA + of_era - TO_EPOCH) * DAY)
    }
}

pub(crate) const fn month_name(month: usize) -> &'static [u8; 3] {
    MONTHS[if month < 12 { month } else { 0 }]
}

const fn two(value: u64) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

impl Date {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    #[must_use]
    pub fn text(self) -> [u8; LENGTH] {
        let seconds = self.0.min(END - 1);
        let Day { year, month, day } = Day::of(self);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        text[..3].copy_from_slice(DAYS[(seconds / DAY % 7) as usize]);
        text[5..7].copy_from_slice(&two(day));
        text[8..11].copy_from_slice(month_name(month));
        text[12..14].copy_from_slice(&two(year / 100));
        text[14..16].copy_from_slice(&two(year));
        for (at, value) in [(17, seconds / 3600 % 24), (20, seconds / 60 % 60), (23, seconds % 60)] {
            text[at..at + 2].copy_from_slice(&two(value));
        }
        text
    }

    /// What is written in any of the three forms. A day of the week is not judged. Years of two digits are of the hundred years up to 2069.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let mut words = text.split(|byte| matches!(byte, b' ' | b'-' | b',')).filter(|word| !word.is_empty());
        let weekday = words.next()?;
        let second = words.next()?;
        let (day, month, year, time) = if weekday.len() == 3 && month_of(second).is_some() {
            // `Sun Nov  6 08:49:37 1994`
            let (day, time, year) = (words.next()?, words.next()?, words.next()?);
            (day, second, year, time)
        } else {
            let (month, year, time) = (words.next()?, words.next()?, words.next()?);
            if words.next()? != b"GMT" {
                return None;
            }
            (second, month, year, time)
        };
        if words.next().is_some() {
            return None;
        }
        let year = match (number(year)?, year.len()) {
            (year, 4) => year,
            (year, 2) if year < 70 => year + 2000,
            (year, 2) => year + 1900,
            _ => return None,
        };
        let begins = Day { year, month: month_of(month)?, day: number(day)? }.begins()?;
        let mut parts = time.split(|byte| *byte == b':');
        let mut part =
            |most| parts.next().filter(|part| part.len() == 2).and_then(number).filter(|n| *n <= most);
        // A leap second is the next minute's first.
        let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
        parts.next().is_none().then_some(Self(begins + hours * 3600 + minutes * 60 + seconds))
    }
}

fn month_of(name: &[u8]) -> Option<usize> {
    MONTHS.iter().position(|month| *month == name)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standards_example_in_three_forms() {
        for form in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(Date::parse(form.as_bytes()), Some(Date(784_111_777)), "{form}");
        }
        assert_eq!(&Date(784_111_777).text(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&Date(951_782_400).text(), b"Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(&Date(u64::MAX).text(), b"Fri, 31 Dec 9999 23:59:59 GMT");
        for none in [
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
        ] {
            assert_eq!(Date::parse(none.as_bytes()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(seconds in 0..END) {
            prop_assert_eq!(Date::parse(&Date(seconds).text()), Some(Date(seconds)));
        }

        #[test]
        fn anything_is_a_date_or_none(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _any = Date::parse(&text);
        }
    }
}
