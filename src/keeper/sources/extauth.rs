//! Accounts from a program behind a Unix socket: Pure-FTPd's protocol of external authentication (pure-authd(8)), so
//! that the programs written for it work unchanged.
//!
//! One connection is one login: the server sends lines `key:value` up to `end` in one write, the program answers lines
//! of the same form and closes. What an answer means is the program's word; what is not an answer in that form never
//! lets anybody in: no connection, no byte or no end of it within the time is [`Verdict::Broken`], anything else that
//! is malformed refuses the login, as in Pure-FTPd.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Found, Options, Source, Verdict};
use crate::keeper::message::{Check, Limits, Proof, Secret};
use crate::keeper::program::Program;

/// How long connecting is tried while the program is not there, being restarted perhaps.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long the whole exchange may take.
const EXCHANGE: Duration = Duration::from_secs(10);

/// A program behind a socket.
struct ExtAuth {
    program: Program,
    complaint: Option<String>,
}

/// The socket need not be there yet: the program may start later.
pub(super) fn open(argument: &str, _: &Options) -> Result<Box<dyn Source>, String> {
    // What sockaddr_un(7) holds, with the NUL.
    if argument.len() > 107 {
        return Err("the path of a socket has at most 107 bytes".to_owned());
    }
    Ok(Box::new(ExtAuth {
        program: Program {
            socket: PathBuf::from(argument),
            connecting: CONNECTING,
            exchange: EXCHANGE,
        },
        complaint: None,
    }))
}

impl Source for ExtAuth {
    fn check(&mut self, question: &Check) -> Verdict {
        let Proof::Password(password) = &question.proof else {
            return Verdict::Unknown;
        };
        let Some(request) = request(question, password) else {
            return Verdict::Refused;
        };
        match self.program.ask(&request) {
            Ok(answer) if answer.is_empty() => self.broken("no answer"),
            Ok(answer) => judge(&answer).unwrap_or_else(|what| {
                self.complaint = Some(self.named(what));
                Verdict::Refused
            }),
            Err(error) => self.broken(&error.to_string()),
        }
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

impl ExtAuth {
    fn named(&self, what: &str) -> String {
        format!("extauth:{}: {what}", self.program.socket.display())
    }

    fn broken(&self, what: &str) -> Verdict {
        Verdict::Broken(self.named(what))
    }
}

/// The question as the program reads it; none where a value would end its line.
fn request(question: &Check, password: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let texts = [
        question.user.as_slice(),
        password.expose(),
        question.sni.as_slice(),
    ];
    if texts
        .iter()
        .any(|text| text.contains(&b'\n') || text.contains(&0))
    {
        return None;
    }
    let local = question.local.ip().to_canonical().to_string();
    let port = question.local.port().to_string();
    let peer = question.peer.to_canonical().to_string();
    let encrypted = if question.encrypted { "1" } else { "0" };
    let lines: [(&str, &[u8]); 7] = [
        ("account", &question.user),
        ("password", password.expose()),
        ("localhost", local.as_bytes()),
        ("localport", port.as_bytes()),
        ("peer", peer.as_bytes()),
        ("sni_name", &question.sni),
        ("encrypted", encrypted.as_bytes()),
    ];
    // One allocation: a vector that grows leaves copies of the password behind.
    let length: usize = lines
        .iter()
        .map(|(key, value)| key.len() + value.len() + 2)
        .sum();
    let mut request = Zeroizing::new(Vec::with_capacity(length + 4));
    for (key, value) in lines {
        request.extend_from_slice(key.as_bytes());
        request.push(b':');
        request.extend_from_slice(value);
        request.push(b'\n');
    }
    request.extend_from_slice(b"end\n");
    Some(request)
}

/// What a program said, as it stands.
#[derive(Default)]
struct Answer {
    auth_ok: i64,
    uid: u64,
    gid: u64,
    dir: Vec<u8>,
    upload_rate: Option<u64>,
    download_rate: Option<u64>,
    quota_bytes: Option<u64>,
    quota_files: Option<u64>,
    ratio_upload: Option<u64>,
    ratio_download: Option<u64>,
    sessions: Option<u64>,
    ended: bool,
}

/// The lines of an answer that mean something: a line counts that begins with the key.
const KEYS: &[(&str, Take)] = &[
    ("auth_ok:", |answer, value| {
        number(value).map(|n| answer.auth_ok = n)
    }),
    ("uid:", |answer, value| {
        number(value).map(|n| answer.uid = n)
    }),
    ("gid:", |answer, value| {
        number(value).map(|n| answer.gid = n)
    }),
    ("dir:", |answer, value| {
        // Pure-FTPd passes over a relative one, so that the line before it holds.
        if value.starts_with(b"/") {
            answer.dir = value.to_vec();
        }
        Some(())
    }),
    // Whether `cd ~user` is looked up; there is none here.
    ("slow_tilde_expansion:", |_, _| Some(())),
    ("throttling_bandwidth_ul:", |answer, value| {
        limit(value).map(|n| answer.upload_rate = n)
    }),
    ("throttling_bandwidth_dl:", |answer, value| {
        limit(value).map(|n| answer.download_rate = n)
    }),
    ("user_quota_size:", |answer, value| {
        limit(value).map(|n| answer.quota_bytes = n)
    }),
    ("user_quota_files:", |answer, value| {
        limit(value).map(|n| answer.quota_files = n)
    }),
    ("ratio_upload:", |answer, value| {
        limit(value).map(|n| answer.ratio_upload = n)
    }),
    ("ratio_download:", |answer, value| {
        limit(value).map(|n| answer.ratio_download = n)
    }),
    ("per_user_max:", |answer, value| {
        limit(value).map(|n| answer.sessions = n)
    }),
    ("end", |answer, _| {
        answer.ended = true;
        Some(())
    }),
];

/// Takes a value into the answer; none for one that is out of range or no number.
type Take = fn(&mut Answer, &[u8]) -> Option<()>;

/// A number with blanks around it or a carriage return behind; nothing at all is 0, as for Pure-FTPd.
fn number<N: std::str::FromStr + Default>(value: &[u8]) -> Option<N> {
    match std::str::from_utf8(value.trim_ascii()).ok()? {
        "" => Some(N::default()),
        text => text.parse().ok(),
    }
}

/// A limit. Pure-FTPd reads a negative number as the largest there is, so that programs write -1 for "no limit".
fn limit(value: &[u8]) -> Option<Option<u64>> {
    match number::<i128>(value)? {
        negative if negative < 0 => Some(None),
        number => u64::try_from(number).ok().map(Some),
    }
}

/// What the answer means; the error says what is malformed, never with the answer's own words.
fn judge(text: &[u8]) -> Result<Verdict, &'static str> {
    let mut answer = Answer::default();
    let (lines, _unended) = match text.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => text.split_at(end),
        None => return Err("an answer without a line"),
    };
    for line in lines.split(|byte| *byte == b'\n') {
        let row = KEYS
            .iter()
            .find(|(key, _)| line.starts_with(key.as_bytes()));
        if let Some((key, take)) = row {
            take(&mut answer, &line[key.len()..])
                .ok_or("an answer with a value that is no number in range")?;
        }
    }
    if !answer.ended {
        return Err("an answer without the line end");
    }
    match answer.auth_ok {
        0 => Ok(Verdict::Unknown),
        1 => answer
            .found()
            .map(|found| Verdict::Accepted(Box::new(found))),
        _ => Ok(Verdict::Refused),
    }
}

impl Answer {
    fn found(self) -> Result<Found, &'static str> {
        let id = |number: u64| {
            u32::try_from(number)
                .ok()
                .filter(|id| (1..u32::MAX).contains(id))
        };
        let uid = id(self.uid).ok_or("an answer without a uid of 1 to 4294967294")?;
        let gid = id(self.gid).ok_or("an answer without a gid of 1 to 4294967294")?;
        if self.dir.is_empty() || self.dir.contains(&0) {
            return Err("an answer without an absolute dir");
        }
        Ok(Found {
            uid,
            gid,
            system_name: None,
            home: self.dir,
            limits: Limits {
                upload_rate: self.upload_rate.filter(|rate| *rate > 0),
                download_rate: self.download_rate.filter(|rate| *rate > 0),
                ratio: small(self.ratio_upload).zip(small(self.ratio_download)),
                quota_files: self.quota_files,
                quota_bytes: self.quota_bytes,
                sessions: small(self.sessions),
            },
        })
    }
}

/// A number of at least 1; what no u32 holds is as good as its largest.
fn small(number: Option<u64>) -> Option<u32> {
    let number = number.filter(|number| *number > 0)?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::*;
    use crate::keeper::program::LONGEST_ANSWER;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::thread::JoinHandle;

    const GOOD: &[u8] = b"auth_ok:1\nuid:42\ngid:21\ndir:/home/j\nend\n";

    /// A program that gives `answer` to the first connection, and what it was asked.
    fn program(
        answer: impl FnOnce(&mut UnixStream) + Send + 'static,
    ) -> (ExtAuth, tempfile::TempDir, JoinHandle<Vec<u8>>) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).unwrap();
            asked.truncate(length);
            answer(&mut stream);
            asked
        });
        let source = ExtAuth {
            program: Program {
                socket,
                connecting: Duration::from_millis(400),
                exchange: Duration::from_millis(600),
            },
            complaint: None,
        };
        (source, folder, asked)
    }

    fn said(text: &'static [u8]) -> (Verdict, Option<String>) {
        let (mut source, _folder, asked) = program(move |stream| {
            // The reader may have had enough.
            let _ = stream.write_all(text);
        });
        let verdict = source.check(&question(b"ext", b"pw x"));
        asked.join().unwrap();
        (verdict, source.complaint())
    }

    fn found(verdict: Verdict) -> Found {
        match verdict {
            Verdict::Accepted(found) => *found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_question_has_the_bytes_pure_ftpd_sends() {
        let (mut source, _folder, asked) = program(|stream| stream.write_all(GOOD).unwrap());
        let mut question = question(b"u1", b"pw");
        question.encrypted = true;
        question.peer = "::ffff:192.0.2.9".parse().unwrap();
        question.sni = b"ftp.example.org".to_vec();
        assert_eq!(found(source.check(&question)).uid, 42);
        let expected = "account:u1\npassword:pw\nlocalhost:127.0.0.1\nlocalport:2121\npeer:192.0.2.9\n\
            sni_name:ftp.example.org\nencrypted:1\nend\n";
        assert_eq!(String::from_utf8(asked.join().unwrap()).unwrap(), expected);
    }

    #[test]
    fn every_key_of_an_answer_reaches_the_account() {
        let (verdict, complaint) = said(
            b"auth_ok:1\nuid:42\ngid:21\ndir:/home/j/./\nslow_tilde_expansion:0\nthrottling_bandwidth_ul:1000\n\
            throttling_bandwidth_dl:2000\nuser_quota_size:5000\nuser_quota_files:10\nratio_upload:1\n\
            ratio_download:5\nper_user_max:3\nend\n",
        );
        let found = found(verdict);
        assert_eq!((found.uid, found.gid, found.system_name), (42, 21, None));
        assert_eq!(found.home, b"/home/j/./");
        let limits = Limits {
            upload_rate: Some(1000),
            download_rate: Some(2000),
            ratio: Some((1, 5)),
            quota_files: Some(10),
            quota_bytes: Some(5000),
            sessions: Some(3),
        };
        assert_eq!((found.limits, complaint), (limits, None));
    }

    #[test]
    fn no_value_and_minus_one_are_no_limit_and_a_quota_of_nothing_is_one() {
        let (verdict, _) = said(
            b"auth_ok: 1\r\nuid:1\r\ngid:1\ndir:/\nthrottling_bandwidth_ul:\nratio_upload:0\nratio_download:5\n\
            user_quota_size:-1\nuser_quota_files:0\nper_user_max:99999999999\nend\n",
        );
        let limits = Limits {
            quota_files: Some(0),
            sessions: Some(u32::MAX),
            ..Limits::default()
        };
        assert_eq!(found(verdict).limits, limits);
    }

    #[test]
    fn the_program_decides_between_unknown_and_refused() {
        assert_eq!(said(b"auth_ok:0\nend\n").0, Verdict::Unknown);
        assert_eq!(said(b"end\n").0, Verdict::Unknown);
        assert_eq!(said(b"auth_ok:-1\nend\n"), (Verdict::Refused, None));
        assert_eq!(
            said(b"auth_ok:2\nuid:1\ngid:1\ndir:/\nend\n").0,
            Verdict::Refused
        );
        let (last, _) = said(b"auth_ok:1\nauth_ok:-1\nuid:1\ngid:1\ndir:/\nend\n");
        assert_eq!(last, Verdict::Refused);
    }

    #[test]
    fn c8_what_is_no_whole_answer_lets_nobody_in() {
        for malformed in [
            &b"garbage"[..],
            b"\0\xff\n\n\n",
            b"auth_ok:1\nuid:42\ngid:21\ndir:/home/j\n",
            b"auth_ok:1\nuid:42\ngid:21\ndir:/home/j\nend",
            b"auth_ok:0\n",
            b"auth_ok:yes\nend\n",
            b"auth_ok:1\nuid:42\ngid:21\nend\n",
            b"auth_ok:1\nuid:42\ngid:21\ndir:home\nend\n",
            b"auth_ok:1\nuid:42\ndir:/\nend\n",
            b"auth_ok:1\nuid:1\ngid:1\ndir:/\nratio_upload:many\nend\n",
        ] {
            let (verdict, complaint) = said(malformed);
            assert_eq!(verdict, Verdict::Refused, "{}", malformed.escape_ascii());
            assert!(complaint.is_some(), "{}", malformed.escape_ascii());
        }
    }

    #[test]
    fn c7_root_and_numbers_out_of_range_refuse_the_answer() {
        for uid in [
            "0",
            "-1",
            "4294967295",
            "4294967296",
            "18446744073709551617",
            "0x2a",
            "42a",
            "",
        ] {
            for key in ["uid", "gid"] {
                let other = if key == "uid" { "gid" } else { "uid" };
                let answer = format!("auth_ok:1\n{key}:{uid}\n{other}:21\ndir:/\nend\n");
                let (verdict, complaint) = said(answer.leak().as_bytes());
                assert_eq!(verdict, Verdict::Refused, "{key} {uid}");
                assert!(complaint.is_some());
            }
        }
    }

    #[test]
    fn c8_an_answer_of_a_megabyte_is_read_to_its_limit_only() {
        static LARGE: [u8; 1 << 20] = [b'x'; 1 << 20];
        assert_eq!(said(&LARGE).0, Verdict::Refused);
        let mut early = GOOD.to_vec();
        early.extend_from_slice(&LARGE);
        assert_eq!(found(said(early.leak()).0).uid, 42);
        let mut late = vec![b'\n'; LONGEST_ANSWER - GOOD.len() + 1];
        late.extend_from_slice(GOOD);
        assert_eq!(
            said(late.leak()).0,
            Verdict::Refused,
            "the end lies past the limit"
        );
    }

    #[test]
    fn c8_a_program_that_says_nothing_in_time_is_broken_and_so_is_one_that_drips() {
        let (mut source, _folder, asked) = program(|stream| {
            let _ = stream.read(&mut [0]);
        });
        let verdict = source.check(&question(b"u", b"p"));
        assert!(
            matches!(&verdict, Verdict::Broken(what) if what.ends_with("no whole answer in time")),
            "{verdict:?}"
        );
        asked.join().unwrap();
        let (mut source, _folder, asked) = program(|stream| {
            while stream.write_all(b"\n").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        assert!(matches!(
            source.check(&question(b"u", b"p")),
            Verdict::Broken(_)
        ));
        asked.join().unwrap();
        assert!(matches!(said(b"").0, Verdict::Broken(_)));
    }

    #[test]
    fn a_program_that_comes_back_is_waited_for_and_one_that_does_not_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut source = ExtAuth {
            program: Program {
                socket: socket.clone(),
                connecting: Duration::from_secs(5),
                exchange: Duration::from_secs(5),
            },
            complaint: None,
        };
        let late = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            let listener = UnixListener::bind(&socket).unwrap();
            let (mut asked, _) = listener.accept().unwrap();
            // A program that answers before it was asked, and goes, breaks the asking.
            let _ = asked.read(&mut [0; 512]).unwrap();
            asked.write_all(GOOD).unwrap();
        });
        assert_eq!(found(source.check(&question(b"u", b"p"))).gid, 21);
        late.join().unwrap();
        source.program.connecting = Duration::ZERO;
        source.program.socket = folder.path().join("none");
        assert!(
            matches!(source.check(&question(b"u", b"p")), Verdict::Broken(what) if what.contains("none: "))
        );
    }

    #[test]
    fn p5_a_value_that_would_end_its_line_asks_nobody() {
        let mut source = ExtAuth {
            program: Program {
                socket: PathBuf::from("/nowhere"),
                connecting: Duration::ZERO,
                exchange: Duration::ZERO,
            },
            complaint: None,
        };
        for text in [&b"u\nauth_ok:1"[..], b"u\0"] {
            assert_eq!(source.check(&question(text, b"p")), Verdict::Refused);
            assert_eq!(source.check(&question(b"u", text)), Verdict::Refused);
        }
    }
}
