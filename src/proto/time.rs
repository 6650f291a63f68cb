//! Times as FTP writes them: `YYYYMMDDHHMMSS[.fraction]` in UTC (RFC 3659 section 2.3), and the calendar behind it.
//!
//! Seconds count from 1970-01-01 00:00:00 UTC and leap seconds are not counted, as everywhere on Unix. Local time is
//! the listing's business.

use super::decimal::{write_decimal, write_two_digits};

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// 0000-01-01 00:00:00, the first second that fits four digits of year.
const EARLIEST: i64 = -62_167_219_200;
/// 9999-12-31 23:59:59, the last one.
const LATEST: i64 = 253_402_300_799;

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATime;

/// A date of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Year; 0 is the one before 1.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl Date {
    /// The date of the given day, counted from 1970-01-01.
    ///
    /// Years are taken to begin in March, so that the day a leap year adds is its last.
    pub fn of_day(day: i64) -> Date {
        const ERA_DAYS: i64 = 146_097;
        let day = day + 719_468;
        let era = day.div_euclid(ERA_DAYS);
        let of_era = day.rem_euclid(ERA_DAYS);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Date {
            year,
            month: month as u32,
            day: day as u32,
        }
    }

    /// Days from 1970-01-01 to this date, which must exist.
    pub fn day_number(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let month_from_march = i64::from((self.month + 9) % 12);
        let of_year = (153 * month_from_march + 2) / 5 + i64::from(self.day) - 1;
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        365 * year + leap_days + of_year - 719_468
    }

    /// Whether the calendar has this date.
    pub fn exists(self) -> bool {
        (1..=12).contains(&self.month) && (1..=self.month_length()).contains(&self.day)
    }

    fn month_length(self) -> u32 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// Reads `YYYYMMDDHHMMSS`, with or without a fraction of a second, as seconds and nanoseconds.
///
/// Second 60 is accepted, as RFC 3659 asks, and is the first of the next minute. Digits beyond the nanosecond are cut.
///
/// # Errors
/// Anything else, a date that does not exist included.
pub fn parse_time(text: &[u8]) -> Result<(i64, u32), NotATime> {
    let (whole, fraction) = text.split_at_checked(14).ok_or(NotATime)?;
    let field = |from: usize, to: usize| digits(whole.get(from..to).unwrap_or_default());
    let date = Date {
        year: i64::from(field(0, 4)?),
        month: field(4, 6)?,
        day: field(6, 8)?,
    };
    let (hour, minute, second) = (field(8, 10)?, field(10, 12)?, field(12, 14)?);
    if !date.exists() || hour > 23 || minute > 59 || second > 60 {
        return Err(NotATime);
    }
    let of_day = i64::from(hour * 3600 + minute * 60 + second);
    Ok((date.day_number() * DAY + of_day, nanoseconds(fraction)?))
}

/// Appends `YYYYMMDDHHMMSS` in UTC. Times outside the years 0 to 9999 are written as the nearest that fits.
pub fn write_time(out: &mut Vec<u8>, seconds: i64) {
    let seconds = seconds.clamp(EARLIEST, LATEST);
    let date = Date::of_day(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY) as u64;
    let year = date.year as u64;
    for field in [
        year / 100,
        year,
        u64::from(date.month),
        u64::from(date.day),
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
    ] {
        write_two_digits(out, field);
    }
}

/// Appends `YYYY-MM-DD HH:MM:SS`, the form of SITE TIME, for seconds that already carry the zone's offset.
pub fn write_clock(out: &mut Vec<u8>, local_seconds: i64) {
    let seconds = local_seconds.clamp(EARLIEST, LATEST);
    let date = Date::of_day(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY) as u64;
    if date.year < 1000 {
        out.resize(out.len() + 3 - (date.year.max(1).ilog10() as usize), b'0');
    }
    write_decimal(out, date.year as u64);
    let fields = [
        (b'-', u64::from(date.month)),
        (b'-', u64::from(date.day)),
        (b' ', of_day / 3600),
        (b':', of_day / 60 % 60),
        (b':', of_day % 60),
    ];
    for (before, field) in fields {
        out.push(before);
        write_two_digits(out, field);
    }
}

fn digits(text: &[u8]) -> Result<u32, NotATime> {
    text.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Ok(number * 10 + u32::from(byte - b'0')),
        _ => Err(NotATime),
    })
}

fn nanoseconds(fraction: &[u8]) -> Result<u32, NotATime> {
    let Some((point, decimals)) = fraction.split_first() else {
        return Ok(0);
    };
    if *point != b'.' || decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit) {
        return Err(NotATime);
    }
    let shown = decimals.get(..9).unwrap_or(decimals);
    Ok(digits(shown)? * 10_u32.pow(9 - shown.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::xorshift::Xorshift;

    fn written(seconds: i64) -> String {
        let mut out = Vec::new();
        write_time(&mut out, seconds);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_times_read_and_write() {
        for (text, seconds) in [
            ("19700101000000", 0),
            ("20261123144029", 1_795_444_829),
            ("20000229235959", 951_868_799),
            ("19691231235959", -1),
            ("00000101000000", EARLIEST),
            ("99991231235959", LATEST),
        ] {
            assert_eq!(parse_time(text.as_bytes()), Ok((seconds, 0)));
            assert_eq!(written(seconds), text);
        }
        assert_eq!(written(i64::MAX), "99991231235959");
        assert_eq!(written(i64::MIN), "00000101000000");
    }

    #[test]
    fn what_is_written_reads_back_on_random_days() {
        let mut random = Xorshift::new(3);
        for _ in 0..20_000 {
            let seconds = EARLIEST + (random.next() % (LATEST - EARLIEST) as u64) as i64;
            assert_eq!(parse_time(written(seconds).as_bytes()), Ok((seconds, 0)));
            let date = Date::of_day(seconds.div_euclid(DAY));
            assert!(date.exists());
            let zoned = jiff::Timestamp::from_second(seconds)
                .unwrap()
                .to_zoned(jiff::tz::TimeZone::UTC);
            assert_eq!(date.year, i64::from(zoned.year()));
            assert_eq!(
                (date.month, date.day),
                (zoned.month() as u32, zoned.day() as u32)
            );
        }
    }

    #[test]
    fn p7_dates_and_hours_that_do_not_exist_are_refused() {
        for text in [
            "",
            "2026",
            "20261301000000",
            "20260001000000",
            "20260100000000",
            "20260230000000",
            "20250229000000",
            "21000229000000",
            "20260431000000",
            "20260101240000",
            "20260101006000",
            "20260101000061",
            "2026010100000",
            "202601010000000",
            "20260101000000.",
            "20260101000000.x",
            "20260101000000,5",
            "+2026010100000",
            "2026 101000000",
            "20260101000000.-1",
            " 20260101000000",
        ] {
            assert_eq!(parse_time(text.as_bytes()), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn fractions_and_the_leap_second_are_read() {
        assert_eq!(
            parse_time(b"20260101000000.5"),
            Ok((1_767_225_600, 500_000_000))
        );
        assert_eq!(
            parse_time(b"20260101000000.000000001"),
            Ok((1_767_225_600, 1))
        );
        assert_eq!(
            parse_time(b"20260101000000.1234567899999999999999"),
            Ok((1_767_225_600, 123_456_789))
        );
        assert_eq!(parse_time(b"20251231235960"), Ok((1_767_225_600, 0)));
        assert_eq!(parse_time(b"20240229000000"), Ok((1_709_164_800, 0)));
    }

    #[test]
    fn site_time_has_its_own_form() {
        for (seconds, text) in [
            (1_795_444_831, "2026-11-23 14:40:31"),
            (EARLIEST, "0000-01-01 00:00:00"),
        ] {
            let mut out = Vec::new();
            write_clock(&mut out, seconds);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
