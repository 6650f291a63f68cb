//! Lengths of time: seconds for our own flags, minutes for Pure-FTPd's idle limit.

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
}
