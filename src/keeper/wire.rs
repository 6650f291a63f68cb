//! Messages as bytes and back. Numbers are little-endian; what has a length has it in front, in two bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::message::{
    Answer, Asked, Check, Denial, Grant, LONGEST, LONGEST_NAME, LONGEST_PASSWORD, LONGEST_PATH,
    Limits, MOST_GROUPS, Proof, Question, Secret, Shown,
};

/// Longest text that explains a denial to the log.
pub(super) const LONGEST_NOTE: usize = 512;

/// Longest host name (RFC 1035 section 2.3.4), also of a TLS server name.
const LONGEST_HOST: usize = 255;

/// A message that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

type Read<T> = Result<T, Malformed>;

/// A question with its number and the second until which its answer is waited for.
pub(super) fn question(number: u64, until: u64, question: &Question) -> Vec<u8> {
    let mut out = Writer::new(number);
    out.u64(until);
    match question {
        Question::Check(check) => {
            match &check.proof {
                Proof::Password(password) => {
                    out.byte(1);
                    out.bytes(password.expose());
                }
                Proof::Certificate => out.byte(8),
            }
            out.bytes(&check.user);
            out.address(check.peer);
            out.address(check.local.ip());
            out.u16(check.local.port());
            out.byte(check.encrypted.into());
            out.bytes(&check.sni);
        }
        Question::Bind(local) => {
            out.byte(2);
            out.address(local.ip());
            out.u16(local.port());
        }
        Question::Name(address) => {
            out.byte(3);
            out.address(*address);
        }
        Question::Passive => out.byte(4),
        Question::Reopen(file) => {
            out.byte(5);
            out.u16(*file);
        }
        Question::Look => out.byte(6),
        Question::Costs => out.byte(9),
        Question::Certificate(name) => {
            out.byte(7);
            out.bytes(name.as_bytes());
        }
    }
    out.0
}

/// What a datagram asks.
///
/// # Errors
/// [`Malformed`] where anything does not fit.
pub(super) fn read_question(datagram: &[u8]) -> Read<Asked> {
    let mut from = Reader::new(datagram)?;
    let (number, until) = (from.u64()?, from.u64()?);
    let question = match from.byte()? {
        1 => {
            let password = from.bytes(LONGEST_PASSWORD)?.to_vec();
            Question::Check(from.check(Proof::Password(Secret::new(password)))?)
        }
        2 => Question::Bind(from.socket_address()?),
        3 => Question::Name(from.address()?),
        4 => Question::Passive,
        5 => Question::Reopen(from.u16()?),
        6 => Question::Look,
        7 => Question::Certificate(host(from.bytes(LONGEST_HOST)?)?.ok_or(Malformed)?),
        8 => Question::Check(from.check(Proof::Certificate)?),
        9 => Question::Costs,
        _ => return Err(Malformed),
    };
    from.end()?;
    Ok(Asked {
        number,
        until,
        question,
    })
}

/// An answer with the number of its question.
pub(super) fn answer(number: u64, answer: &Answer) -> Vec<u8> {
    let mut out = Writer::new(number);
    match answer {
        Answer::Granted(grant, note) => {
            out.byte(1);
            out.grant(grant);
            out.note(note);
        }
        Answer::Denied(denial, note) => {
            out.byte(2);
            let (kind, value) = match denial {
                Denial::Credentials => (0, 0),
                Denial::Number(uid) => (1, *uid),
                Denial::NoHome => (2, 0),
                Denial::Unavailable => (3, 0),
            };
            out.byte(kind);
            out.u32(value);
            out.note(note);
        }
        Answer::Bound => out.byte(3),
        Answer::Name(name) => {
            out.byte(4);
            out.bytes(name.as_deref().unwrap_or_default().as_bytes());
        }
        Answer::Failed(errno) => {
            out.byte(5);
            out.u32(errno.unsigned_abs());
        }
        Answer::Passive(address) => {
            out.byte(6);
            out.address(address.unwrap_or(Ipv4Addr::UNSPECIFIED).into());
        }
        Answer::Reopened => out.byte(7),
        Answer::Looked(note) => {
            out.byte(8);
            out.note(note);
        }
        Answer::Shown(shown, told) => {
            out.byte(9);
            out.byte(match shown {
                Shown::Nothing => 0,
                Shown::Configured => 1,
                Shown::Files {
                    or_configured: false,
                } => 2,
                Shown::Files {
                    or_configured: true,
                } => 3,
            });
            out.note(told);
        }
    }
    out.0
}

/// What a datagram answers.
///
/// # Errors
/// [`Malformed`] where anything does not fit.
pub(super) fn read_answer(datagram: &[u8]) -> Read<(u64, Answer)> {
    let mut from = Reader::new(datagram)?;
    let number = from.u64()?;
    let answer = match from.byte()? {
        1 => Answer::Granted(Box::new(from.grant()?), from.note()?),
        2 => {
            let kind = from.byte()?;
            let value = from.u32()?;
            let denial = match kind {
                0 => Denial::Credentials,
                1 => Denial::Number(value),
                2 => Denial::NoHome,
                3 => Denial::Unavailable,
                _ => return Err(Malformed),
            };
            Answer::Denied(denial, from.note()?)
        }
        3 => Answer::Bound,
        4 => Answer::Name(host(from.bytes(LONGEST_HOST)?)?),
        5 => Answer::Failed(i32::try_from(from.u32()?).map_err(|_| Malformed)?),
        6 => match from.address()? {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Answer::Passive(None),
            IpAddr::V4(address) => Answer::Passive(Some(address)),
            IpAddr::V6(_) => return Err(Malformed),
        },
        7 => Answer::Reopened,
        8 => Answer::Looked(from.note()?),
        9 => {
            let shown = match from.byte()? {
                0 => Shown::Nothing,
                1 => Shown::Configured,
                kind @ (2 | 3) => Shown::Files {
                    or_configured: kind == 3,
                },
                _ => return Err(Malformed),
            };
            Answer::Shown(shown, from.note()?)
        }
        _ => return Err(Malformed),
    };
    from.end()?;
    Ok((number, answer))
}

/// A name from the name server, or from a client's handshake, is data of strangers: only letters, digits, `.`, `-` and `_` pass (threats: C9).
fn host(bytes: &[u8]) -> Read<Option<String>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    if !bytes.iter().all(good) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
    Ok(Some(text.to_owned()))
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(number: u64) -> Writer {
        Writer(number.to_le_bytes().to_vec())
    }

    fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// What is longer than a length can say is cut; readers refuse it long before.
    fn bytes(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(length);
        self.0.extend_from_slice(&bytes[..usize::from(length)]);
    }

    fn note(&mut self, note: &str) {
        let cut = note.as_bytes();
        self.bytes(&cut[..cut.len().min(LONGEST_NOTE)]);
    }

    fn address(&mut self, address: IpAddr) {
        let v6 = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        self.0.extend_from_slice(&v6.octets());
    }

    fn optional(&mut self, value: Option<u64>) {
        self.byte(value.is_some().into());
        self.u64(value.unwrap_or(0));
    }

    fn grant(&mut self, grant: &Grant) {
        self.u32(grant.uid);
        self.u32(grant.gid);
        let groups = &grant.groups[..grant.groups.len().min(MOST_GROUPS)];
        self.u16(groups.len() as u16);
        for group in groups {
            self.u32(*group);
        }
        self.bytes(&grant.root);
        self.bytes(&grant.start);
        self.byte(grant.restricted.into());
        self.byte(grant.trusted.into());
        let limits = &grant.limits;
        self.optional(limits.upload_rate);
        self.optional(limits.download_rate);
        self.optional(limits.ratio.map(|(up, _)| up.into()));
        self.optional(limits.ratio.map(|(_, down)| down.into()));
        self.optional(limits.quota_files);
        self.optional(limits.quota_bytes);
        self.optional(limits.sessions.map(u64::from));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(datagram: &'a [u8]) -> Read<Reader<'a>> {
        if datagram.len() > LONGEST {
            Err(Malformed)
        } else {
            Ok(Reader(datagram))
        }
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn u16(&mut self) -> Read<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Read<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Read<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn bytes(&mut self, longest: usize) -> Read<&'a [u8]> {
        let length = usize::from(self.u16()?);
        if length > longest {
            return Err(Malformed);
        }
        self.take(length)
    }

    fn note(&mut self) -> Read<String> {
        let note = self.bytes(LONGEST_NOTE)?;
        Ok(String::from_utf8_lossy(note).into_owned())
    }

    fn address(&mut self) -> Read<IpAddr> {
        Ok(IpAddr::V6(Ipv6Addr::from(self.array::<16>()?)).to_canonical())
    }

    fn socket_address(&mut self) -> Read<SocketAddr> {
        Ok(SocketAddr::new(self.address()?, self.u16()?))
    }

    fn optional(&mut self) -> Read<Option<u64>> {
        let there = self.flag()?;
        let value = self.u64()?;
        Ok(there.then_some(value))
    }

    fn optional_u32(&mut self) -> Read<Option<u32>> {
        let value = self.optional()?;
        value
            .map(|value| u32::try_from(value).map_err(|_| Malformed))
            .transpose()
    }

    fn check(&mut self, proof: Proof) -> Read<Check> {
        Ok(Check {
            proof,
            user: self.bytes(LONGEST_NAME)?.to_vec(),
            peer: self.address()?,
            local: self.socket_address()?,
            encrypted: self.flag()?,
            sni: self.bytes(LONGEST_HOST)?.to_vec(),
        })
    }

    fn grant(&mut self) -> Read<Grant> {
        let uid = self.u32()?;
        let gid = self.u32()?;
        let count = usize::from(self.u16()?);
        if count > MOST_GROUPS || uid == u32::MAX || gid == u32::MAX {
            return Err(Malformed);
        }
        let groups = (0..count).map(|_| self.u32()).collect::<Read<Vec<u32>>>()?;
        let root = self.bytes(LONGEST_PATH)?.to_vec();
        let start = self.bytes(LONGEST_PATH)?.to_vec();
        let restricted = self.flag()?;
        let trusted = self.flag()?;
        let upload_rate = self.optional()?;
        let download_rate = self.optional()?;
        let ratio = self.optional_u32()?.zip(self.optional_u32()?);
        let limits = Limits {
            upload_rate,
            download_rate,
            ratio,
            quota_files: self.optional()?,
            quota_bytes: self.optional()?,
            sessions: self.optional_u32()?,
        };
        Ok(Grant {
            uid,
            gid,
            groups,
            root,
            start,
            restricted,
            trusted,
            limits,
        })
    }

    fn end(&self) -> Read<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> Question {
        Question::Check(Check {
            user: b"joe".to_vec(),
            proof: Proof::Password(Secret::new(b"se cret".to_vec())),
            peer: "192.0.2.7".parse().unwrap(),
            local: "[2001:db8::1]:21".parse().unwrap(),
            encrypted: true,
            sni: b"ftp.example".to_vec(),
        })
    }

    fn vouched() -> Question {
        let Question::Check(check) = check() else {
            panic!("a check");
        };
        Question::Check(Check {
            proof: Proof::Certificate,
            ..check
        })
    }

    fn grant() -> Answer {
        Answer::Granted(
            Box::new(Grant {
                uid: 1000,
                gid: 100,
                groups: vec![4, 24],
                root: b"/home/joe".to_vec(),
                start: b"/".to_vec(),
                restricted: true,
                trusted: false,
                limits: Limits {
                    upload_rate: Some(1024),
                    ratio: Some((1, 10)),
                    sessions: Some(3),
                    ..Limits::default()
                },
            }),
            "note".into(),
        )
    }

    #[test]
    fn messages_come_back_as_they_went() {
        let questions = [
            check(),
            vouched(),
            Question::Bind("127.0.0.1:20".parse().unwrap()),
            Question::Name("::1".parse().unwrap()),
            Question::Passive,
            Question::Reopen(1),
            Question::Reopen(300),
            Question::Costs,
            Question::Look,
            Question::Certificate("ftp_1.example-2".into()),
        ];
        for (number, question) in questions.into_iter().enumerate() {
            let number = number as u64;
            let sent = super::question(number, 77, &question);
            let asked = Asked {
                number,
                until: 77,
                question,
            };
            assert_eq!(read_question(&sent), Ok(asked));
        }
        let answers = [
            grant(),
            Answer::Denied(Denial::Number(33), "why".into()),
            Answer::Denied(Denial::Credentials, String::new()),
            Answer::Bound,
            Answer::Name(None),
            Answer::Name(Some("host-1.example".into())),
            Answer::Failed(98),
            Answer::Passive(None),
            Answer::Passive(Some("192.0.2.1".parse().unwrap())),
            Answer::Reopened,
            Answer::Looked("file: broken".into()),
            Answer::Shown(Shown::Nothing, "why".into()),
            Answer::Shown(Shown::Configured, String::new()),
            Answer::Shown(
                Shown::Files {
                    or_configured: true,
                },
                "/file".into(),
            ),
            Answer::Shown(
                Shown::Files {
                    or_configured: false,
                },
                "/file".into(),
            ),
        ];
        for given in answers {
            assert_eq!(read_answer(&answer(7, &given)), Ok((7, given.clone())));
        }
    }

    #[test]
    fn every_cut_and_every_extension_is_refused() {
        for whole in [question(1, 2, &check()), question(1, 2, &vouched())] {
            for length in 0..whole.len() {
                assert_eq!(read_question(&whole[..length]), Err(Malformed));
            }
            assert_eq!(read_question(&[whole, vec![0]].concat()), Err(Malformed));
        }
        let whole = answer(1, &grant());
        for length in 0..whole.len() {
            assert_eq!(read_answer(&whole[..length]), Err(Malformed));
        }
        assert_eq!(read_answer(&[whole, vec![0]].concat()), Err(Malformed));
    }

    #[test]
    fn c9_a_hostile_host_name_is_refused() {
        for name in ["", "x\nend", "a/b"] {
            let bytes = question(1, 2, &Question::Certificate(name.into()));
            assert_eq!(read_question(&bytes), Err(Malformed), "{name}");
        }
        for name in ["a b", "x\n", "(x)", "é"] {
            let bytes = answer(1, &Answer::Name(Some(name.into())));
            assert_eq!(read_answer(&bytes), Err(Malformed), "{name}");
        }
    }

    #[test]
    fn a_password_longer_than_the_limit_is_refused() {
        let Question::Check(mut long) = check() else {
            return;
        };
        let password = Secret::new(vec![b'x'; LONGEST_PASSWORD + 1]);
        long.proof = Proof::Password(password);
        assert_eq!(
            read_question(&question(1, 2, &Question::Check(long))),
            Err(Malformed)
        );
    }
}
