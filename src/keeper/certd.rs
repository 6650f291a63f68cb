//! Certificates from a program behind a Unix socket (`-3`): Pure-FTPd's protocol of pure-certd(8), so that the programs
//! written for it work unchanged.
//!
//! One connection is one question: the server names what the client asks for, the program answers lines `key:value` up to
//! `end` and closes. An answer in another form, or none, refuses the handshake, as in Pure-FTPd: the program may have wanted
//! to deny. Other than there, `fallback` falls back.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::judge::Outcome;
use super::message::{Answer, Shown};
use super::program::{self, Program};
use crate::sys::words;

/// How long connecting is tried while the program is not there, being restarted perhaps.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long the exchange may take after that.
const EXCHANGE: Duration = Duration::from_secs(6);

/// The program of `-3`, and how the files are opened that it names.
#[derive(Clone, Debug)]
pub struct Certd {
    program: Program,
    open: fn(&Path) -> io::Result<OwnedFd>,
}

impl Certd {
    /// The socket by its absolute path, where nobody need listen yet. `open` is as
    /// [`Reopened::open`](super::Reopened::open).
    pub fn new(socket: PathBuf, open: fn(&Path) -> io::Result<OwnedFd>) -> Certd {
        Certd {
            program: Program {
                socket,
                connecting: CONNECTING,
                exchange: EXCHANGE,
            },
            open,
        }
    }

    /// Where the program listens.
    pub fn socket(&self) -> &Path {
        &self.program.socket
    }

    /// Whether somebody listens there, without asking anything.
    ///
    /// # Errors
    /// What connect(2) gives; [`io::ErrorKind::InvalidInput`] for a path longer than that of any socket.
    pub fn look(&self) -> io::Result<()> {
        program::connect_at_once(&self.program.socket).map(drop)
    }

    /// What a client that asks for this name is to be shown.
    pub(super) fn choose(&self, name: &[u8]) -> Outcome {
        let request = [b"sni_name:", name, b"\nend\n"].concat();
        let judged = match self.program.ask(&request) {
            Ok(answer) => judge(&answer).map_err(str::to_owned),
            Err(error) => Err(words(&error)),
        };
        match judged {
            Ok(Wanted::Nothing) => outcome(Shown::Nothing, String::new()),
            Ok(Wanted::Configured) => outcome(Shown::Configured, String::new()),
            Ok(Wanted::Files(files)) => self.open_all(&files),
            Err(what) => outcome(Shown::Nothing, self.named(&what)),
        }
    }

    fn named(&self, what: &str) -> String {
        format!("{}: {what}", self.program.socket.display())
    }

    fn open_all(&self, files: &Files) -> Outcome {
        let or_configured = files.or_configured;
        let opened = files.certificate.as_deref().map(|certificate| {
            let paths = [certificate].into_iter().chain(files.key.as_deref());
            let opened = paths.map(|path| {
                let opened = (self.open)(path);
                opened.map_err(|error| format!("{}: {}", path.display(), words(&error)))
            });
            let opened: Result<Vec<OwnedFd>, String> = opened.collect();
            opened.map(|opened| (certificate.display().to_string(), opened))
        });
        let missing = || Err(self.named("an answer without an absolute cert_file"));
        match (opened.unwrap_or_else(missing), or_configured) {
            (Ok((told, descriptors)), or_configured) => Outcome {
                answer: Answer::Shown(Shown::Files { or_configured }, told),
                descriptors,
            },
            (Err(told), true) => outcome(Shown::Configured, told),
            (Err(told), false) => outcome(Shown::Nothing, told),
        }
    }
}

fn outcome(shown: Shown, told: String) -> Outcome {
    Outcome {
        answer: Answer::Shown(shown, told),
        descriptors: Vec::new(),
    }
}

/// What a program said, as it stands.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// `deny`.
    Nothing,
    /// `default`.
    Configured,
    /// `strict` and `fallback`.
    Files(Files),
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Files {
    certificate: Option<PathBuf>,
    /// None where the certificate's file holds it.
    key: Option<PathBuf>,
    /// `fallback`: else the certificate of `-2`.
    or_configured: bool,
}

/// What the answer means; the error says what is malformed. A line counts that begins with a key, and of several the last;
/// nothing counts behind the last whole line.
fn judge(text: &[u8]) -> Result<Wanted, &'static str> {
    if text.is_empty() {
        return Err("no answer");
    }
    let mut files = Files::default();
    let mut action: &[u8] = b"deny";
    let mut ended = false;
    let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    for line in text[..whole].split(|byte| *byte == b'\n') {
        if let Some(word) = line.strip_prefix(b"action:") {
            action = word.trim_ascii();
        } else if let Some(path) = line.strip_prefix(b"cert_file:") {
            files.certificate = absolute(path).or(files.certificate);
        } else if let Some(path) = line.strip_prefix(b"key_file:") {
            files.key = absolute(path).or(files.key);
        } else if line.starts_with(b"end") {
            ended = true;
        }
    }
    if !ended {
        return Err("an answer without the line end");
    }
    match action.to_ascii_lowercase().as_slice() {
        b"deny" => Ok(Wanted::Nothing),
        b"default" => Ok(Wanted::Configured),
        b"strict" => Ok(Wanted::Files(files)),
        b"fallback" => Ok(Wanted::Files(Files {
            or_configured: true,
            ..files
        })),
        _ => Err("an action that is not deny, default, fallback or strict"),
    }
}

/// Pure-FTPd passes over a relative one, so that the line before it holds.
fn absolute(path: &[u8]) -> Option<PathBuf> {
    let path = Path::new(OsStr::from_bytes(path.trim_ascii_end()));
    path.is_absolute().then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    fn files(
        certificate: &str,
        key: Option<&str>,
        or_configured: bool,
    ) -> Result<Wanted, &'static str> {
        Ok(Wanted::Files(Files {
            certificate: Some(certificate.into()),
            key: key.map(Into::into),
            or_configured,
        }))
    }

    #[test]
    fn answers_mean_what_they_mean_to_pure_ftpd() {
        let rows: &[(&[u8], Result<Wanted, &str>)] = &[
            (b"action:deny\nend\n", Ok(Wanted::Nothing)),
            (b"end\n", Ok(Wanted::Nothing)),
            (b"action:DEFAULT\r\nend\r\n", Ok(Wanted::Configured)),
            (
                b"action:strict\ncert_file:/a b\nkey_file:/k\nend\n",
                files("/a b", Some("/k"), false),
            ),
            (
                b"cert_file:/one\ncert_file:two\nother:x\naction:fallback\nend\n",
                files("/one", None, true),
            ),
            (b"action:strict\nend\n", Ok(Wanted::Files(Files::default()))),
        ];
        for (text, wanted) in rows {
            let text_shown = String::from_utf8_lossy(text);
            assert_eq!(&judge(text), wanted, "{text_shown}");
        }
    }

    #[test]
    fn what_is_no_whole_answer_is_none() {
        for text in [
            &b""[..],
            b"\n",
            b"end",
            b"action:default\n",
            b"action:default\nend",
            b"action:defaults\nend\n",
            b"action:\nend\n",
        ] {
            assert!(judge(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    fn open(path: &Path) -> io::Result<OwnedFd> {
        std::fs::File::open(path).map(Into::into)
    }

    /// What comes of an answer, and what was asked.
    fn chosen(answer: String) -> (Outcome, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 512];
            let length = stream.read(&mut asked).unwrap();
            asked.truncate(length);
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        });
        let outcome = Certd::new(socket, open).choose(b"ftp.example.org");
        (outcome, asked.join().unwrap())
    }

    #[test]
    fn the_question_has_the_bytes_pure_ftpd_sends_and_named_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "text").unwrap();
        let file = file.display();
        let answer = format!("action:strict\ncert_file:{file}\nkey_file:{file}\nend\n");
        let (outcome, asked) = chosen(answer);
        assert_eq!(asked, b"sni_name:ftp.example.org\nend\n");
        assert_eq!(outcome.descriptors.len(), 2);
        let shown = Shown::Files {
            or_configured: false,
        };
        assert_eq!(outcome.answer, Answer::Shown(shown, file.to_string()));
    }

    #[test]
    fn files_that_cannot_be_opened_are_named_and_only_fallback_goes_without() {
        for (action, shown) in [("strict", Shown::Nothing), ("fallback", Shown::Configured)] {
            let answer = format!("action:{action}\ncert_file:/no/such/file\nend\n");
            let (outcome, _) = chosen(answer);
            let told = "/no/such/file: No such file or directory".to_owned();
            assert_eq!(outcome.answer, Answer::Shown(shown, told));
            let (outcome, _) = chosen(format!("action:{action}\nend\n"));
            assert!(
                matches!(outcome.answer, Answer::Shown(found, told) if found == shown && told.contains("cert_file"))
            );
        }
    }

    #[test]
    fn a_program_that_is_not_there_refuses_the_handshake_with_a_word_for_the_log() {
        let mut certd = Certd::new("/no/such/socket".into(), open);
        certd.program.connecting = Duration::from_millis(10);
        let told = "/no/such/socket: No such file or directory".to_owned();
        let outcome = certd.choose(b"x");
        assert_eq!(outcome.answer, Answer::Shown(Shown::Nothing, told));
    }
}
