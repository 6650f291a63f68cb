//! What those who use a shared directory may change (`--write`).

use super::Expected;
use std::fmt;
use std::str::FromStr;

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
    fn there_are_two_ways_to_write() {
        assert_eq!(read::<WriteMode>("drop"), "drop");
        assert_eq!(read::<WriteMode>("all"), "all");
        refused::<WriteMode>(&["", "Drop", "yes"]);
    }
}
