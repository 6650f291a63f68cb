//! How long something is to last, typed with a letter for the unit.

use super::Expected;
use super::number::decimal;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const YEAR: u64 = 365 * 24 * 3600;

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

/// What those who use a shared directory may change (`--write`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Everything, with the password (`--write`).
    All,
    /// Files may be left, and nothing else be done (`--write=drop`).
    Drop,
}

impl FromStr for WriteMode {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text {
            "all" => Ok(WriteMode::All),
            "drop" => Ok(WriteMode::Drop),
            _ => Err(Expected("drop, or no value at all")),
        }
    }
}

impl fmt::Display for WriteMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteMode::All => "all",
            WriteMode::Drop => "drop",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

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

    #[test]
    fn there_are_two_ways_to_write() {
        assert_eq!(read::<WriteMode>("drop"), "drop");
        assert_eq!(read::<WriteMode>("all"), "all");
        refused::<WriteMode>(&["", "Drop", "yes"]);
    }
}
