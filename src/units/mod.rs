//! The values an administrator types after a flag: each a type that reads itself from text and
//! prints itself back, so that a value which exists is a value in range.
//!
//! Forms and ranges follow the manual page of Pure-FTPd 1.0.36 to 1.0.54 where the flag is one of
//! theirs. Nothing here knows which flag a value belongs to: errors say only the accepted form, and
//! `flags` puts program, flag and value in front. No I/O and no clock either: names of hosts and
//! services stay names.
#![forbid(unsafe_code)]

mod address;
mod amounts;
mod ban;
mod certificate;
mod ciphers;
mod counts;
mod facility;
mod glob;
mod number;
mod ports;
mod sandbox;
pub mod sysexits;
mod time;
mod tls_for;
mod typing;
mod umasks;
mod upload_owner;
mod user_flags;
mod user_names;
mod user_root;
mod write_mode;

pub use address::{Cidr, PassiveAddress, PassiveFor, address};
pub use amounts::{Bandwidth, Quota, Rate, Ratio, Size};
pub use ban::Ban;
pub use certificate::{CertificateFiles, CertificateName, ClientCertificate, TlsVersion};
pub use ciphers::{Ciphers, Suite};
pub use counts::{Count, Load, PerUser, Percent, Recursion};
pub use facility::{Facility, SyslogFacility};
pub use glob::Glob;
pub use number::{group_id, user_id};
pub use ports::{HostPort, Port, PortName, PortRange};
pub use sandbox::Sandbox;
pub use time::{Lifetime, Minutes, Seconds};
pub use tls_for::TlsFor;
pub use typing::typing_distance;
pub use umasks::Umasks;
pub use upload_owner::UploadOwner;
pub use user_flags::UserFlags;
pub use user_names::user_names;
pub use user_root::UserRoot;
pub use write_mode::WriteMode;

use std::fmt;

/// Text that is not a value of the wanted type. Prints as `expected` and the accepted form, lower
/// case and on one line, without the flag and without the text that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected(&'static str);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for Expected {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    /// The text of the error, or the printed value.
    pub(super) fn read<T: FromStr<Err = Expected> + fmt::Display>(text: &str) -> String {
        match text.parse::<T>() {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Every text must be refused.
    pub(super) fn refused<T: FromStr<Err = Expected> + fmt::Debug>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn refusals_say_the_accepted_form_on_one_lower_case_line() {
        let texts = [
            read::<Size>("x"),
            read::<Percent>("x"),
            read::<Bandwidth>("x"),
            read::<Ratio>("x"),
            read::<Quota>("x"),
            read::<PortRange>("x"),
            read::<Port>("x"),
            read::<Umasks>("x"),
            read::<HostPort>(","),
            read::<Seconds>("x"),
            read::<Minutes>("x"),
            read::<Cidr>("x"),
            read::<PassiveFor>("x"),
            read::<PassiveAddress>("!"),
            read::<Recursion>("x"),
            read::<PerUser>("x"),
            read::<Count>("x"),
            read::<Load>("x"),
            read::<SyslogFacility>("x"),
            read::<Glob>(""),
        ];
        for text in texts {
            assert!(text.starts_with("expected "), "{text}");
            assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn p7_no_number_takes_a_sign_a_blank_or_trailing_text() {
        for junk in [
            "+1",
            " 1",
            "1 ",
            "1x",
            "0x",
            "٣",
            "1e3",
            "99999999999999999999999999999",
        ] {
            refused::<Count>(&[junk]);
            refused::<Percent>(&[junk]);
            refused::<Seconds>(&[junk]);
            refused::<Minutes>(&[junk]);
            refused::<Size>(&[junk]);
            refused::<Port>(&[junk]);
            refused::<Bandwidth>(&[junk]);
            assert!(group_id(junk).is_err() && user_id(junk).is_err(), "{junk}");
        }
    }
}
