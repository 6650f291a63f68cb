//! The permission bits taken away from new files and new directories.

use super::Expected;
use super::number::octal;
use std::fmt;
use std::str::FromStr;

/// Masks in octal, each at most 777. Typed `BOTH`, `FILES:DIRS`, `FILES:` or `:DIRS`; a missing half
/// is the default one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Umasks {
    /// Bits taken from 0777 for a new file.
    pub files: u32,
    /// Bits taken from 0777 for a new directory.
    pub dirs: u32,
}

impl Default for Umasks {
    /// `133:022`: files 0644, directories 0755.
    fn default() -> Self {
        Umasks {
            files: 0o133,
            dirs: 0o022,
        }
    }
}

impl FromStr for Umasks {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected =
            Expected("octal FILES:DIRS, FILES:, :DIRS or one mask for both, each at most 777");
        let mask = |text: &str| {
            let bits = octal(text).and_then(|number| u32::try_from(number).ok());
            bits.filter(|bits| *bits <= 0o777).ok_or(FORM)
        };
        let half = |text: &str, absent| {
            if text.is_empty() {
                Ok(absent)
            } else {
                mask(text)
            }
        };
        let absent = Umasks::default();
        match text.split_once(':') {
            None => mask(text).map(|both| Umasks {
                files: both,
                dirs: both,
            }),
            Some(("", "")) => Err(FORM),
            Some((files, dirs)) => Ok(Umasks {
                files: half(files, absent.files)?,
                dirs: half(dirs, absent.dirs)?,
            }),
        }
    }
}

impl fmt::Display for Umasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03o}:{:03o}", self.files, self.dirs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn one_mask_sets_both_and_a_missing_half_keeps_its_default() {
        assert_eq!(
            "077".parse(),
            Ok(Umasks {
                files: 0o077,
                dirs: 0o077
            })
        );
        assert_eq!(
            "177:077".parse(),
            Ok(Umasks {
                files: 0o177,
                dirs: 0o077
            })
        );
        assert_eq!(
            "177:".parse(),
            Ok(Umasks {
                files: 0o177,
                dirs: 0o022
            })
        );
        assert_eq!(
            ":027".parse(),
            Ok(Umasks {
                files: 0o133,
                dirs: 0o027
            })
        );
    }

    #[test]
    fn digits_beyond_seven_and_masks_beyond_777_are_refused() {
        refused::<Umasks>(&["999", "1000", "78", "", ":", "1:2:3", "0x1ff", "-1"]);
    }

    #[test]
    fn masks_print_in_octal() {
        assert_eq!(read::<Umasks>("7:0"), "007:000");
        assert_eq!(Umasks::default().to_string(), "133:022");
    }
}
