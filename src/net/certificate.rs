//! What a certificate says of itself that the library for TLS does not tell: until when it is good, and whose it is.
//!
//! A reader of DER for the few fields in front of the public key (RFC 5280, section 4.1).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

const OCTET_STRING: u8 = 0x04;
const EXTENSIONS: u8 = 0xa3;

/// `rfc822Name` and `dNSName` (RFC 5280, section 4.2.1.6).
const MAILBOX: u8 = 0x81;
const HOST: u8 = 0x82;

/// The kinds of strings whose bytes are their text: UTF8String, PrintableString, TeletexString, IA5String.
const TEXTS: [u8; 4] = [0x0c, 0x13, 0x14, 0x16];

/// `commonName` (RFC 5280, appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// `emailAddress`, of subjects (RFC 5280, appendix A.1).
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

/// `subjectAltName` (RFC 5280, section 4.2.1.6).
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// The fields of a certificate that are of interest here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    /// From when it is good.
    pub(super) not_before: Timestamp,
    /// Until when.
    pub(super) not_after: Timestamp,
    /// The common names of its subject, for certificates that name no host elsewhere.
    pub(super) common_names: Vec<Vec<u8>>,
    /// Who signed it, in DER.
    pub(super) issuer: Vec<u8>,
    /// Whose it is, in DER.
    pub(super) subject: Vec<u8>,
}

/// The names of a certificate's owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) common_names: Vec<Vec<u8>>,
    pub(super) emails: Vec<Vec<u8>>,
    pub(super) hosts: Vec<Vec<u8>>,
}

/// A moment as a date.
pub(super) fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

/// When the revocation list that follows this one is due (RFC 5280, section 5.1.2.5); none where it does not say so.
pub(super) fn next_update(der: &[u8]) -> Option<Timestamp> {
    let (list, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(list, SEQUENCE)?;
    if rest.first() == Some(&INTEGER) {
        (_, rest) = element(rest, INTEGER)?;
    }
    (_, rest) = element(rest, SEQUENCE)?;
    (_, rest) = element(rest, SEQUENCE)?;
    let (_, rest) = time(rest)?;
    time(rest).map(|(moment, _)| moment)
}

/// Whether a certificate is of a version without extensions.
pub(super) fn has_no_version(der: &[u8]) -> bool {
    let inner = element(der, SEQUENCE).and_then(|(certificate, _)| element(certificate, SEQUENCE));
    inner.is_some_and(|(fields, _)| fields.first() == Some(&INTEGER))
}

/// The names of a certificate's owner; what cannot be read is none.
pub(super) fn names(der: &[u8]) -> Names {
    let mut names = Names::default();
    let Some((subject, rest)) = subject(der) else {
        return names;
    };
    names.common_names = attributes(subject, COMMON_NAME);
    names.emails = attributes(subject, EMAIL_ADDRESS);
    let mut alternatives = alternative_names(rest).unwrap_or_default();
    while let Some((kind, name, rest)) = any_element(alternatives) {
        alternatives = rest;
        match kind {
            MAILBOX => names.emails.push(name.to_vec()),
            HOST => names.hosts.push(name.to_vec()),
            _ => {}
        }
    }
    names
}

/// The subject of a certificate, and what follows it.
fn subject(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = element(rest, VERSION)?;
    }
    (_, rest) = element(rest, INTEGER)?;
    // Algorithm, issuer, validity.
    for _ in 0..3 {
        (_, rest) = element(rest, SEQUENCE)?;
    }
    element(rest, SEQUENCE)
}

/// The names of the extension, out of what follows the subject.
fn alternative_names(mut rest: &[u8]) -> Option<&[u8]> {
    let mut extensions = loop {
        let (tag, content, following) = any_element(rest)?;
        if tag == EXTENSIONS {
            break element(content, SEQUENCE)?.0;
        }
        rest = following;
    };
    loop {
        let (extension, following) = element(extensions, SEQUENCE)?;
        extensions = following;
        let (kind, mut value) = element(extension, OBJECT_IDENTIFIER)?;
        if kind == ALTERNATIVE_NAMES {
            if value.first() != Some(&OCTET_STRING) {
                // Whether it is critical.
                (_, _, value) = any_element(value)?;
            }
            let (value, _) = element(value, OCTET_STRING)?;
            return element(value, SEQUENCE).map(|(names, _)| names);
        }
    }
}

/// Reads a certificate; none where it is not of the form.
pub(super) fn fields(der: &[u8]) -> Option<Fields> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = element(rest, VERSION)?;
    }
    (_, rest) = element(rest, INTEGER)?;
    (_, rest) = element(rest, SEQUENCE)?;
    let (issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, rest) = element(rest, SEQUENCE)?;
    let (subject, _) = element(rest, SEQUENCE)?;
    let (not_before, validity) = time(validity)?;
    let (not_after, _) = time(validity)?;
    Some(Fields {
        not_before,
        not_after,
        common_names: attributes(subject, COMMON_NAME),
        issuer: issuer.to_vec(),
        subject: subject.to_vec(),
    })
}

/// The content of the element at the start of `der` if it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any_element(der)?;
    (found == tag).then_some((content, rest))
}

fn any_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let bytes = rest.get(..usize::from(first & 0x7f))?;
            rest = &rest[bytes.len()..];
            bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return None,
    };
    let content = rest.get(..length)?;
    Some((tag, content, &rest[length..]))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280, section 4.1.2.5).
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, text, rest) = any_element(der)?;
    let digits = text.strip_suffix(b"Z")?;
    let pair = |place: usize| {
        let pair = digits.get(place..place + 2)?;
        let both = pair.iter().all(u8::is_ascii_digit);
        both.then(|| i16::from(pair[0] - b'0') * 10 + i16::from(pair[1] - b'0'))
    };
    let (year, at) = match (tag, digits.len()) {
        (UTC_TIME, 12) => match pair(0)? {
            year @ 50.. => (1900 + year, 2),
            year => (2000 + year, 2),
        },
        (GENERALIZED_TIME, 14) => (pair(0)? * 100 + pair(2)?, 4),
        _ => return None,
    };
    let small = |place: usize| i8::try_from(pair(at + place)?).ok();
    let (month, day) = (small(0)?, small(2)?);
    let (hour, minute, second) = (small(4)?, small(6)?, small(8)?);
    let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some((moment.timestamp(), rest))
}

/// The texts of a name's attributes of this kind.
fn attributes(mut subject: &[u8], wanted: &[u8]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    while let Some((mut set, rest)) = element(subject, SET) {
        subject = rest;
        while let Some((attribute, rest)) = element(set, SEQUENCE) {
            set = rest;
            let Some((kind, value)) = element(attribute, OBJECT_IDENTIFIER) else {
                continue;
            };
            if kind == wanted
                && let Some((tag, name, _)) = any_element(value)
                && TEXTS.contains(&tag)
            {
                names.push(name.to_vec());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut der = vec![tag, 0x82];
        der.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        der.extend(content);
        der
    }

    /// `rfc822Name` joe@example and `dNSName` joe.example.
    fn alternatives() -> Vec<u8> {
        let names = wrapped(
            SEQUENCE,
            &[
                &wrapped(MAILBOX, &[b"joe@example"]),
                &wrapped(HOST, &[b"joe.example"]),
                &wrapped(0x86, &[b"http://joe.example"]),
            ],
        );
        let other = wrapped(SEQUENCE, &[&[6, 3, 0x55, 0x1d, 0x0f], &[4, 2, 3, 0]]);
        let critical: &[u8] = &[1, 1, 0xff];
        let own = wrapped(
            SEQUENCE,
            &[
                &[6, 3, 0x55, 0x1d, 0x11],
                critical,
                &wrapped(OCTET_STRING, &[&names]),
            ],
        );
        wrapped(EXTENSIONS, &[&wrapped(SEQUENCE, &[&other, &own])])
    }

    fn certificate(not_before: &[u8], not_after: &[u8], name: &[u8]) -> Vec<u8> {
        let validity = wrapped(SEQUENCE, &[not_before, not_after]);
        let attribute = wrapped(SEQUENCE, &[&[0x06, 3, 0x55, 4, 3], &wrapped(0x0c, &[name])]);
        let subject = wrapped(SEQUENCE, &[&wrapped(SET, &[&attribute])]);
        let to_be_signed = wrapped(
            SEQUENCE,
            &[
                &[VERSION, 3, 2, 1, 2],
                &[INTEGER, 1, 7],
                &[SEQUENCE, 0],
                &[SEQUENCE, 0],
                &validity,
                &subject,
                &[SEQUENCE, 0],
                &alternatives(),
            ],
        );
        wrapped(SEQUENCE, &[&to_be_signed])
    }

    #[test]
    fn both_forms_of_time_and_the_name_are_read() {
        let from = wrapped(UTC_TIME, &[b"500102030405Z"]);
        let until = wrapped(GENERALIZED_TIME, &[b"20500102030405Z"]);
        let read = fields(&certificate(&from, &until, b"ftp.example")).unwrap();
        assert_eq!(read.not_before.to_string(), "1950-01-02T03:04:05Z");
        assert_eq!(read.not_after.to_string(), "2050-01-02T03:04:05Z");
        assert_eq!(read.common_names, [b"ftp.example"]);
        let until = wrapped(UTC_TIME, &[b"491231235959Z"]);
        let read = fields(&certificate(&from, &until, b"x")).unwrap();
        assert_eq!(read.not_after.to_string(), "2049-12-31T23:59:59Z");
    }

    #[test]
    fn whatever_is_cut_or_changed_is_none_or_another_certificate_but_no_panic() {
        let from = wrapped(UTC_TIME, &[b"250102030405Z"]);
        let whole = certificate(&from, &from, b"ftp.example");
        for end in 0..whole.len() {
            assert_eq!(fields(&whole[..end]), None, "cut at {end}");
        }
        for place in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0x80, 0x84, 0x85, 0xff] {
                let mut other = whole.clone();
                other[place] = byte;
                let _ = (fields(&other), names(&other), next_update(&other));
            }
        }
        for end in 0..whole.len() {
            assert_eq!(names(&whole[..end]), Names::default(), "cut at {end}");
        }
    }

    #[test]
    fn names_come_from_the_subject_and_from_the_extension() {
        let from = wrapped(UTC_TIME, &[b"250102030405Z"]);
        let read = names(&certificate(&from, &from, b"joe"));
        assert_eq!(read.common_names, [b"joe"]);
        assert_eq!(read.emails, [b"joe@example"]);
        assert_eq!(read.hosts, [b"joe.example"]);
    }

    #[test]
    fn a_name_in_two_bytes_a_letter_is_no_text_of_ours() {
        let name = |tag| {
            let attribute = wrapped(SEQUENCE, &[&[6, 3, 0x55, 4, 3], &wrapped(tag, &[b"joe"])]);
            attributes(&wrapped(SET, &[&attribute]), COMMON_NAME)
        };
        assert_eq!(name(0x13), [b"joe"]);
        assert!(name(0x1e).is_empty());
    }

    #[test]
    fn a_list_says_when_the_next_one_is_due() {
        let now = wrapped(UTC_TIME, &[b"250102030405Z"]);
        let next = wrapped(GENERALIZED_TIME, &[b"20260102030405Z"]);
        let list = |parts: &[&[u8]]| wrapped(SEQUENCE, &[&wrapped(SEQUENCE, parts)]);
        let (algorithm, issuer) = ([SEQUENCE, 0], [SEQUENCE, 0]);
        let whole = list(&[&[INTEGER, 1, 1], &algorithm, &issuer, &now, &next]);
        let due = next_update(&whole).unwrap();
        assert_eq!(due.to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(next_update(&list(&[&algorithm, &issuer, &now])), None);
    }
}
