//! Dates: fatgen103, "Date and Time Formats". Taken as UTC, two seconds apart, from 1980 to 2107.

const DAY: u64 = 24 * 60 * 60;
/// Seconds from 1970 to 1980.
const FIRST: u64 = 3652 * DAY;
const LAST_YEAR: u64 = 2107;

/// A date in the upper half, a time of day in the lower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) u32);

impl Stamp {
    /// The last one that is not later than so many seconds after 1970 began; the first or the last of all for what is beyond.
    pub(crate) const fn from_seconds(seconds: u64) -> Self {
        let seconds = if seconds < FIRST { FIRST } else { seconds };
        let (days, rest) = (seconds / DAY, seconds % DAY);
        // The Gregorian calendar from March on, so that the leap day is a year's last; 719,468 days before 1970 an era of 400 years began.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year + later;
        if year > LAST_YEAR {
            return Self(0xff9f_bf7d);
        }
        let date = (year - 1980) << 9 | month << 5 | day;
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let time = hour << 11 | minute << 5 | (second / 2);
        Self((date << 16 | time) as u32)
    }

    /// Seconds since 1970 began, 0 for a date that is none.
    pub(crate) fn seconds(self) -> u64 {
        let [date, time] = [self.0 >> 16, self.0 & 0xffff].map(u64::from);
        let (year, month, day) = (1980 + (date >> 9), date >> 5 & 0xf, date & 0x1f);
        let (hour, minute, second) = (time >> 11, time >> 5 & 0x3f, 2 * (time & 0x1f));
        if !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
            return 0;
        }
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, of_era) = (year / 400, year % 400);
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
        days * DAY + hour * 3600 + minute * 60 + second
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(Stamp::from_seconds(0).seconds(), FIRST);
        assert_eq!(Stamp::from_seconds(951_827_696).seconds(), 951_827_696); // 2000-02-29 12:34:56
        assert_eq!(Stamp::from_seconds(951_827_696).0 >> 16, 20 << 9 | 2 << 5 | 29);
        assert_eq!(Stamp::from_seconds(u64::MAX / 2).seconds(), 4_354_819_198); // 2107-12-31 23:59:58
        assert_eq!(Stamp(0).seconds(), 0);
    }

    proptest! {
        #[test]
        fn seconds_come_back(seconds in FIRST..4_354_819_199) {
            prop_assert_eq!(Stamp::from_seconds(seconds).seconds(), seconds & !1);
        }

        #[test]
        fn any_bits_are_a_date_or_none(bits in any::<u32>()) {
            let _any = Stamp(bits).seconds();
        }
    }
}
