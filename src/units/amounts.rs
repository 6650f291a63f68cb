//! Amounts of data: sizes, rates, ratios and quotas.
//!
//! Units follow Pure-FTPd: K is 1024 bytes, a rate is typed in KiB/s, a quota in MiB. Pairs are upload
//! first, download second.

use super::Expected;
use super::number::decimal;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// A number of bytes, 1 to 2^63-1 (what off_t can hold). Typed plain or with K, M or G (1024, 1024²,
/// 1024³), large or small letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

const SUFFIXES: [(char, u32); 3] = [('G', 30), ('M', 20), ('K', 10)];

impl Size {
    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let suffix = text.chars().next_back().map(|c| c.to_ascii_uppercase());
        let scale = SUFFIXES.iter().find(|(letter, _)| Some(*letter) == suffix);
        let (digits, shift) = match scale {
            Some((_, shift)) => (&text[..text.len() - 1], *shift),
            None => (text, 0),
        };
        decimal(digits)
            .and_then(|number| number.checked_mul(1 << shift))
            .filter(|bytes| *bytes > 0 && i64::try_from(*bytes).is_ok())
            .map(Size)
            .ok_or(Expected(
                "a number of bytes above 0, or one with K, M or G behind it",
            ))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (letter, shift) in SUFFIXES {
            if self.0.trailing_zeros() >= shift {
                return write!(f, "{}{letter}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// A transfer rate above nothing; flags give it in whole KiB/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(NonZeroU64);

impl Rate {
    /// The rate of so many bytes a second. None for 0.
    pub fn from_bytes(bytes: u64) -> Option<Rate> {
        NonZeroU64::new(bytes).map(Rate)
    }

    /// The rate of so many KiB/s. None for 0 and for what overflows.
    pub fn from_kib(kib: u64) -> Option<Rate> {
        kib.checked_mul(1024).and_then(NonZeroU64::new).map(Rate)
    }

    /// Bytes in a second, never 0.
    pub fn bytes_per_second(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Rate {
    /// In KiB/s, as it is typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.get() / 1024)
    }
}

/// The rates of the two directions, typed `N` (both), `UP:DOWN`, `UP:` or `:DOWN`. At least one is
/// there; a missing one means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bandwidth {
    /// Limit of what clients send.
    pub up: Option<Rate>,
    /// Limit of what clients fetch.
    pub down: Option<Rate>,
}

impl FromStr for Bandwidth {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected =
            Expected("KiB/s as N for both ways, UP:DOWN, UP: or :DOWN, each at least 1");
        let rate = |text: &str| decimal(text).and_then(Rate::from_kib).ok_or(FORM);
        let half = |text: &str| match text {
            "" => Ok(None),
            number => rate(number).map(Some),
        };
        match text.split_once(':') {
            None => rate(text).map(|both| Bandwidth {
                up: Some(both),
                down: Some(both),
            }),
            Some(("", "")) => Err(FORM),
            Some((up, down)) => Ok(Bandwidth {
                up: half(up)?,
                down: half(down)?,
            }),
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            write!(f, "{up}")?;
        }
        write!(f, ":")?;
        match self.down {
            Some(down) => write!(f, "{down}"),
            None => Ok(()),
        }
    }
}

/// How much a client must bring (`up`) for what it may take (`down`), typed `UP:DOWN`, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// Parts to upload.
    pub up: u32,
    /// Parts that may then be downloaded.
    pub down: u32,
}

impl FromStr for Ratio {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        pair(text)
            .filter(|(up, down)| *up > 0 && *down > 0)
            .map(|(up, down)| Ratio { up, down })
            .ok_or(Expected("UP:DOWN, both at least 1"))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.up, self.down)
    }
}

/// What an account may keep, typed `FILES:MEGABYTES`, a megabyte being 1024² bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Number of files.
    pub files: u32,
    /// Their total size in MiB.
    pub megabytes: u32,
}

impl FromStr for Quota {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        pair(text)
            .map(|(files, megabytes)| Quota { files, megabytes })
            .ok_or(Expected("FILES:MEGABYTES, two whole numbers"))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.files, self.megabytes)
    }
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (first, second) = text.split_once(':')?;
    let half = |text| decimal(text).and_then(|number| u32::try_from(number).ok());
    Some((half(first)?, half(second)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn sizes_take_bytes_and_binary_suffixes() {
        assert_eq!("1".parse(), Ok(Size(1)));
        assert_eq!("10K".parse(), Ok(Size(10_240)));
        assert_eq!("2m".parse(), Ok(Size(2 << 20)));
        assert_eq!("3G".parse(), Ok(Size(3 << 30)));
        assert_eq!("9223372036854775807".parse(), Ok(Size(i64::MAX as u64)));
        refused::<Size>(&[
            "",
            "0",
            "K",
            "0K",
            "1KB",
            "1T",
            "-1",
            "1.5M",
            "9223372036854775808",
        ]);
        refused::<Size>(&["8589934592G", "1é"]);
    }

    #[test]
    fn sizes_print_as_they_may_be_typed() {
        assert_eq!(read::<Size>("1024"), "1K");
        assert_eq!(read::<Size>("1536K"), "1536K");
        assert_eq!(read::<Size>("1025"), "1025");
        assert_eq!(read::<Size>("1024M"), "1G");
    }

    #[test]
    fn bandwidth_takes_all_four_forms() {
        let rate = Rate::from_kib;
        let of = |text: &str| text.parse::<Bandwidth>();
        assert_eq!(
            of("8"),
            Ok(Bandwidth {
                up: rate(8),
                down: rate(8)
            })
        );
        assert_eq!(
            of("30:20"),
            Ok(Bandwidth {
                up: rate(30),
                down: rate(20)
            })
        );
        assert_eq!(
            of("30:"),
            Ok(Bandwidth {
                up: rate(30),
                down: None
            })
        );
        assert_eq!(
            of(":20"),
            Ok(Bandwidth {
                up: None,
                down: rate(20)
            })
        );
        assert_eq!(rate(8).map(Rate::bytes_per_second), Some(8192));
    }

    #[test]
    fn bandwidth_of_nothing_is_refused() {
        refused::<Bandwidth>(&["", ":", "0", "0:5", "5:0", "1:2:3", "18446744073709551615"]);
    }

    #[test]
    fn bandwidth_prints_as_it_may_be_typed() {
        assert_eq!(read::<Bandwidth>("8"), "8:8");
        assert_eq!(read::<Bandwidth>("30:"), "30:");
        assert_eq!(read::<Bandwidth>(":20"), ":20");
    }

    #[test]
    fn ratios_and_quotas_are_pairs() {
        assert_eq!("1:10".parse(), Ok(Ratio { up: 1, down: 10 }));
        assert_eq!(read::<Ratio>("2:3"), "2:3");
        refused::<Ratio>(&["0:1", "1:0", "1", "1:", ":1", "1:2:3", "1:4294967296"]);
        assert_eq!(
            "1000:10".parse(),
            Ok(Quota {
                files: 1000,
                megabytes: 10
            })
        );
        assert_eq!(read::<Quota>("0:5"), "0:5");
        refused::<Quota>(&["5", "5:", "a:b"]);
    }
}
