//! How many failed logins get an address banned, and for how long.

use super::number::decimal;
use super::{Expected, Seconds};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The most failures that can be asked for: each one of the last so many is remembered for each address.
const MOST_FAILURES: u64 = 100;

/// So many failed logins within a time, and the time an address is then refused. Typed `N/SECONDS/SECONDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Failed logins, 1 to 100.
    pub failures: usize,
    /// From the first to the last of them at most.
    pub within: Duration,
    /// How long the address is refused.
    pub lasts: Duration,
}

impl FromStr for Ban {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected =
            Expected("N/SECONDS/SECONDS, N from 1 to 100 and seconds from 1 to 31536000");
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(FORM);
        let (failures, within, lasts) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(FORM);
        }
        let seconds = |text: &str| text.parse::<Seconds>().map_err(|_| FORM);
        let failures = decimal(failures)
            .filter(|count| (1..=MOST_FAILURES).contains(count))
            .and_then(|count| usize::try_from(count).ok())
            .ok_or(FORM)?;
        Ok(Ban {
            failures,
            within: seconds(within)?.duration(),
            lasts: seconds(lasts)?.duration(),
        })
    }
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (within, lasts) = (self.within.as_secs(), self.lasts.as_secs());
        write!(f, "{}/{within}/{lasts}", self.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn a_ban_is_a_count_and_two_times() {
        assert_eq!(
            "5/600/3600".parse(),
            Ok(Ban {
                failures: 5,
                within: Duration::from_secs(600),
                lasts: Duration::from_secs(3600),
            })
        );
        assert_eq!(read::<Ban>("100/1/31536000"), "100/1/31536000");
    }

    #[test]
    fn none_of_the_three_may_be_missing_zero_or_too_large() {
        refused::<Ban>(&[
            "",
            "5",
            "5/600",
            "5/600/",
            "/600/60",
            "5//60",
            "0/1/1",
            "1/0/1",
            "1/1/0",
            "101/1/1",
            "5/600/3600/1",
            "-1/1/1",
            "1/31536001/1",
            "5:600:3600",
        ]);
    }
}
