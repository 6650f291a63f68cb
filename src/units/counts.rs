//! Counts and shares: how many clients, how many sessions of one name, how much of a disk, how long a
//! listing.

use super::Expected;
use super::number::{any_base, decimal};
use std::fmt;
use std::str::FromStr;

/// A count of at least 1, in any base of strtoul(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(u32);

impl Count {
    /// The count, never 0.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Count {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        any_base(text)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number > 0)
            .map(Count)
            .ok_or(Expected("a whole number from 1 to 4294967295"))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A share of a whole, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// The share, 0 to 100.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        decimal(text)
            .and_then(|number| u8::try_from(number).ok())
            .filter(|number| *number <= 100)
            .map(Percent)
            .ok_or(Expected("a percentage from 0 to 100"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A load average above 0, as getloadavg(3) counts it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Load(f64);

impl Load {
    /// The load average, finite and above 0.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Load {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        // Digits and a point only: f64 would also read `inf`, `nan` and `1e3`.
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        text.parse::<f64>()
            .ok()
            .filter(|load| plain && load.is_finite() && *load > 0.0)
            .map(Load)
            .ok_or(Expected("a load average above 0, such as 4 or 2.5"))
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How many sessions one user name and anonymous may have at once, typed `USER:ANONYMOUS`; a 0 is no
/// limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerUser {
    /// Sessions of one account, None without a limit, never Some(0).
    pub user: Option<u32>,
    /// Sessions of all anonymous clients together, None without a limit, never Some(0).
    pub anonymous: Option<u32>,
}

impl FromStr for PerUser {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected("USER:ANONYMOUS, two whole numbers, 0 for no limit");
        let (user, anonymous) = text.split_once(':').ok_or(FORM)?;
        let half = |text| {
            let number = decimal(text)
                .and_then(|n| u32::try_from(n).ok())
                .ok_or(FORM)?;
            Ok(Some(number).filter(|n| *n > 0))
        };
        Ok(PerUser {
            user: half(user)?,
            anonymous: half(anonymous)?,
        })
    }
}

impl fmt::Display for PerUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}",
            self.user.unwrap_or(0),
            self.anonymous.unwrap_or(0)
        )
    }
}

/// How far one listing goes, typed `FILES:DEPTH`, both at least 1. `-1` is no limit (Debian's wrapper
/// passes it on) and is kept as `u32::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recursion {
    /// Names in one listing, over all its directories.
    pub files: u32,
    /// Levels of directories that a recursive listing enters.
    pub depth: u32,
}

impl Default for Recursion {
    /// 10000 names, 5 levels.
    fn default() -> Self {
        Recursion {
            files: 10_000,
            depth: 5,
        }
    }
}

impl FromStr for Recursion {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected("FILES:DEPTH, both at least 1, or -1 for no limit");
        let half = |text| match text {
            "-1" => Ok(u32::MAX),
            _ => decimal(text)
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| *number > 0)
                .ok_or(FORM),
        };
        let (files, depth) = text.split_once(':').ok_or(FORM)?;
        Ok(Recursion {
            files: half(files)?,
            depth: half(depth)?,
        })
    }
}

impl fmt::Display for Recursion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = |number| match number {
            u32::MAX => -1,
            number => i64::from(number),
        };
        write!(f, "{}:{}", half(self.files), half(self.depth))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn counts_take_hexadecimal_and_octal_but_not_zero() {
        assert_eq!("0x10".parse(), Ok(Count(16)));
        assert_eq!("010".parse(), Ok(Count(8)));
        assert_eq!(read::<Count>("50"), "50");
        refused::<Count>(&["0", "0x0", "-1", "", "4294967296"]);
    }

    #[test]
    fn percentages_end_at_100() {
        assert_eq!("0".parse(), Ok(Percent(0)));
        assert_eq!(read::<Percent>("100"), "100");
        refused::<Percent>(&["101", "256", "-1", "", "99%"]);
    }

    #[test]
    fn loads_are_plain_numbers_above_zero() {
        assert_eq!("4".parse::<Load>().map(Load::get), Ok(4.0));
        assert_eq!(read::<Load>("0.0001"), "0.0001");
        refused::<Load>(&["0", "0.0", "-1", "inf", "nan", "1e3", "", "."]);
    }

    #[test]
    fn zero_sessions_per_user_is_no_limit() {
        assert_eq!(
            "3:20".parse(),
            Ok(PerUser {
                user: Some(3),
                anonymous: Some(20)
            })
        );
        assert_eq!(
            "0:5".parse(),
            Ok(PerUser {
                user: None,
                anonymous: Some(5)
            })
        );
        assert_eq!(read::<PerUser>("7:0"), "7:0");
        refused::<PerUser>(&["3", "3:", ":3", "-1:3", "4294967296:1"]);
    }

    #[test]
    fn recursion_takes_minus_one_as_unlimited() {
        assert_eq!(
            "10000:8".parse(),
            Ok(Recursion {
                files: 10_000,
                depth: 8
            })
        );
        assert_eq!(
            "-1:5".parse(),
            Ok(Recursion {
                files: u32::MAX,
                depth: 5
            })
        );
        assert_eq!(read::<Recursion>("-1:-1"), "-1:-1");
        refused::<Recursion>(&["0:5", "5:0", "5", "5:", "-2:5", "1:2:3"]);
    }
}
