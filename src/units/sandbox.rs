//! How far the kernel is to confine the server.

use super::Expected;
use std::fmt;
use std::str::FromStr;

/// How far the kernel is to confine the server. Typed `on`, `off` or `strict`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// As far as it can.
    #[default]
    On,
    /// Not beyond the rights that are given up.
    Off,
    /// Wholly, or the server does not start.
    Strict,
}

const NAMES: [(&str, Sandbox); 3] = [
    ("on", Sandbox::On),
    ("off", Sandbox::Off),
    ("strict", Sandbox::Strict),
];

impl FromStr for Sandbox {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let row = NAMES.iter().find(|(name, _)| *name == text);
        row.map(|(_, sandbox)| *sandbox)
            .ok_or(Expected("on, off or strict"))
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = NAMES.iter().find(|(_, sandbox)| sandbox == self);
        f.write_str(row.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn three_words_are_taken_and_printed_back() {
        for text in ["on", "off", "strict"] {
            assert_eq!(read::<Sandbox>(text), text);
        }
        refused::<Sandbox>(&["", "yes", "On", "on "]);
    }
}
