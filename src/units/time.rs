//! Lengths of time: seconds for our own flags, minutes for Pure-FTPd's idle limit, and what a person types with a letter for the
//! unit.

use super::Expected;
use super::number::{any_base, decimal};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A year. Longer time-outs are mistakes, and this keeps sums of instants far from overflow.
const YEAR: u64 = 365 * 24 * 3600;

/// A time-out in whole seconds, 1 to 31536000 (a year).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(u64);

impl Seconds {
    /// The same length as a duration, never zero.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Seconds {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        decimal(text)
            .filter(|seconds| (1..=YEAR).contains(seconds))
            .map(Seconds)
            .ok_or(Expected("seconds, 1 to 31536000"))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Whole minutes in any base of strtoul(3), 0 to 525600 (a year). What 0 means is the flag's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minutes(u64);

impl Minutes {
    /// The same length as a duration; zero when 0 was typed.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0 * 60)
    }
}

impl FromStr for Minutes {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        any_base(text)
            .filter(|minutes| *minutes <= YEAR / 60)
            .map(Minutes)
            .ok_or(Expected("minutes, 0 to 525600"))
    }
}

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The letters and the seconds they stand for, the largest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

/// A time from one second to a year: `90`, `90s`, `30m`, `2h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(u64);

impl Lifetime {
    /// The same length as a duration, never zero.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Lifetime {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter));
        let (digits, seconds) = match unit {
            Some((letter, seconds)) => (text.trim_end_matches(*letter), *seconds),
            None => (text, 1),
        };
        // `trim_end_matches` would also take the letters of 5mm.
        let one_letter = text.len() - digits.len() <= 1;
        decimal(digits)
            .filter(|_| one_letter)
            .and_then(|number| number.checked_mul(seconds))
            .filter(|seconds| (1..=YEAR).contains(seconds))
            .map(Lifetime)
            .ok_or(Expected("a time such as 90, 30m, 2h or 1d, at most a year"))
    }
}

impl fmt::Display for Lifetime {
    /// In the largest unit without a remainder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS
            .iter()
            .find(|(_, seconds)| self.0.is_multiple_of(*seconds));
        match unit {
            Some((letter, seconds)) => write!(f, "{}{letter}", self.0 / seconds),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn seconds_are_at_least_one_and_at_most_a_year() {
        assert_eq!(
            "60".parse::<Seconds>().map(Seconds::duration),
            Ok(Duration::from_secs(60))
        );
        assert_eq!(read::<Seconds>("31536000"), "31536000");
        refused::<Seconds>(&["0", "-5", "31536001", "1m", ""]);
    }

    #[test]
    fn minutes_take_any_base_and_zero() {
        assert_eq!(
            "0x0f".parse::<Minutes>().map(Minutes::duration),
            Ok(Duration::from_secs(900))
        );
        assert_eq!(read::<Minutes>("0"), "0");
        refused::<Minutes>(&["525601", "junk", ""]);
    }

    #[test]
    fn a_time_has_one_unit_or_none() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("30m", 1800),
            ("2h", 7200),
            ("1d", 86400),
        ] {
            assert_eq!(
                text.parse::<Lifetime>()
                    .map(|time| time.duration().as_secs()),
                Ok(seconds),
                "{text}"
            );
        }
        assert_eq!(read::<Lifetime>("120m"), "2h");
        assert_eq!(read::<Lifetime>("91"), "91s");
        refused::<Lifetime>(&[
            "",
            "0",
            "m",
            "5mm",
            "5 m",
            "-5",
            "366d",
            "1w",
            "99999999999999999999d",
        ]);
    }
}
