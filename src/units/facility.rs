//! Facilities of the system log, by the names of syslog.conf(5) and the codes of RFC 5424 section 6.2.1.

use super::Expected;
use std::fmt;
use std::str::FromStr;

/// A facility of the system log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

/// Names of libc's `facilitynames`; where two share a code the first is printed.
const NAMES: [(&str, u8); 21] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("security", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

impl Facility {
    /// The facility for file transfer, the default.
    pub const FTP: Facility = Facility(11);

    /// The numeric code, 0 to 23. A record's priority is `code * 8 + severity`.
    pub fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Facility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, code)| *code == self.0) {
            Some((name, _)) => write!(f, "{name}"),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Where records go, as `-f` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogFacility {
    /// Nothing is logged; typed `none`.
    None,
    /// Everything goes to standard error; typed `stderr`.
    Stderr,
    /// Everything goes to standard output; typed `stdout`.
    Stdout,
    /// Everything goes to this facility.
    Facility(Facility),
}

impl FromStr for SyslogFacility {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let places = [Self::None, Self::Stderr, Self::Stdout];
        if let Some(place) = places
            .into_iter()
            .find(|place| place.to_string().eq_ignore_ascii_case(text))
        {
            return Ok(place);
        }
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, code)| SyslogFacility::Facility(Facility(*code)))
            .ok_or(Expected(
                "none, stderr, stdout, auth, authpriv, cron, daemon, ftp, kern, lpr, mail, news, security, syslog, \
                 user, uucp or local0 to local7",
            ))
    }
}

impl fmt::Display for SyslogFacility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyslogFacility::None => write!(f, "none"),
            SyslogFacility::Stderr => write!(f, "stderr"),
            SyslogFacility::Stdout => write!(f, "stdout"),
            SyslogFacility::Facility(facility) => write!(f, "{facility}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn names_have_the_codes_of_the_system_log() {
        assert_eq!("ftp".parse(), Ok(SyslogFacility::Facility(Facility::FTP)));
        assert_eq!("local7".parse(), Ok(SyslogFacility::Facility(Facility(23))));
        assert_eq!("None".parse(), Ok(SyslogFacility::None));
        assert_eq!("stdout".parse(), Ok(SyslogFacility::Stdout));
        let codes = [("user", libc::LOG_USER), ("authpriv", libc::LOG_AUTHPRIV)];
        for (name, priority) in codes.into_iter().chain([("ftp", libc::LOG_FTP)]) {
            let row = NAMES.iter().find(|row| row.0 == name).expect("row");
            assert_eq!(i32::from(row.1) << 3, priority, "{name}");
        }
    }

    #[test]
    fn unknown_facilities_are_refused() {
        refused::<SyslogFacility>(&["nonsense", "", "local8", "11"]);
        assert_eq!(read::<SyslogFacility>("security"), "auth");
    }
}
