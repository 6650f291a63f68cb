//! To whom uploads are given, and with which permissions.

use super::Expected;
use super::number::octal;
use std::fmt;
use std::str::FromStr;

/// What a file may be used for by its new owner alone.
const OWNER_ALONE: u32 = 0o600;

/// A user by name, and permission bits in octal, at most 777. Typed `USER` or `USER:MODE`; without a mode it is 600.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOwner {
    /// The name of a user of the system, not empty. Whether there is such a user is not looked at here.
    pub user: String,
    /// Permission bits.
    pub mode: u32,
}

impl FromStr for UploadOwner {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected("USER or USER:MODE, the mode in octal and at most 777");
        let (user, mode) = match text.split_once(':') {
            None => (text, OWNER_ALONE),
            Some((user, mode)) => {
                let bits = octal(mode).and_then(|number| u32::try_from(number).ok());
                (user, bits.filter(|bits| *bits <= 0o777).ok_or(FORM)?)
            }
        };
        if user.is_empty() {
            return Err(FORM);
        }
        Ok(UploadOwner {
            user: user.to_owned(),
            mode,
        })
    }
}

impl fmt::Display for UploadOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:03o}", self.user, self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn without_a_mode_the_file_is_for_its_owner_alone() {
        assert_eq!(read::<UploadOwner>("joe"), "joe:600");
        assert_eq!(read::<UploadOwner>("joe:0640"), "joe:640");
        assert_eq!(read::<UploadOwner>("joe:0"), "joe:000");
    }

    #[test]
    fn a_name_is_needed_and_the_mode_has_permissions_only() {
        refused::<UploadOwner>(&[
            "", ":", ":600", "joe:", "joe:999", "joe:4755", "joe:6:0", "joe:rw",
        ]);
    }
}
