//! The users of this machine as PAM lets them in: the service `wharf-ftpd`, so the file /etc/pam.d/wharf-ftpd, or another that
//! `--pamservice` names.
//!
//! What a module does to its process (a session of systemd-logind, limits, keys) must not stick to a check worker, and a
//! session must be closed by the process that opened it. So each login is the business of a sitter
//! ([`sitter`](crate::sys::sitter)) of its own: it asks the modules, opens the session, tells the worker, and then either
//! keeps the session until the FTP session ends or closes it at once. A module that hangs, crashes or leaks takes its
//! sitter with it and nobody else.
//!
//! PAM does not tell an unknown user from a wrong password, so that both mean "ask the next source", as in Pure-FTPd.
//! A password that fits an account that may not come in is refused for good.
//!
//! Under `--nopamsession` the sitter ends once it has told who may come in.
//!
//! Without a service of this name nobody comes in: what PAM has for such cases, the service `other`, lets everybody in on
//! Debian, and was written for no server in particular.

use std::ffi::{CStr, CString, OsStr};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;

use super::{FallingAsleep, Found, LONGEST_CHECK, Opened, Options, Source, Verdict};
use crate::keeper::message::{Check, LONGEST_PATH, Limits, Proof};
use crate::sys::pam::{Failure, Login, Secret, Transaction};
use crate::sys::{shadow, sitter, words};

/// The service unless another is named.
const SERVICE: &str = "wharf-ftpd";

/// What modules see as the terminal.
const TERMINAL: &[u8] = b"wharf-ftpd";

/// Seconds that the modules of one login may take until the session is open, and those that close it.
const SECONDS: u32 = 20;

/// A second longer, so that the sitter has ended.
const PATIENCE: Duration = Duration::from_secs(SECONDS as u64 + 1);

const _: () = assert!(PATIENCE.as_secs() < LONGEST_CHECK.as_secs());

/// A sitter that takes longer than a hash does is waiting for something.
const WAITING: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// Where Linux-PAM looks for services; the last is that of some distributions.
const DIRECTORIES: &[&str] = &["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];

/// The longest reason a sitter gives, in bytes.
const LONGEST_REASON: usize = 255;

/// What a sitter is told of its login.
const FIELDS: usize = 7;

struct Pam {
    service: String,
    /// Where services stand instead of /etc/pam.d; empty for there.
    directory: String,
    opens_sessions: bool,
    /// The sitter of the next login, with the process that started it: it was forked when no password was in memory.
    ready: Option<(u32, UnixStream)>,
    session: Option<Session>,
    complaint: Option<String>,
    falling_asleep: Option<FallingAsleep>,
}

pub(super) fn open(_argument: &str, options: &Options) -> Result<Box<dyn Source>, String> {
    let mut pam = Pam::at("");
    if let Some(service) = &options.pam_service {
        pam.service.clone_from(service);
    }
    pam.opens_sessions = !options.no_pam_session;
    Ok(Box::new(pam))
}

impl Pam {
    fn at(directory: &str) -> Pam {
        Pam {
            service: SERVICE.to_owned(),
            directory: directory.to_owned(),
            opens_sessions: true,
            ready: None,
            session: None,
            complaint: None,
            falling_asleep: None,
        }
    }

    fn sitter(&mut self) -> io::Result<UnixStream> {
        match self.ready.take() {
            Some((starter, socket)) if starter == std::process::id() => Ok(socket),
            _ => sitter::start(sit),
        }
    }

    fn ask(&mut self, question: &Check) -> io::Result<(Said, UnixStream)> {
        let socket = self.sitter()?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let peer = question.peer.to_canonical().to_string();
        let session: &[u8] = if self.opens_sessions { b"session" } else { b"" };
        let (password, certificate): (&[u8], &[u8]) = match &question.proof {
            Proof::Password(password) => (password.expose(), b""),
            Proof::Certificate => (b"", b"certificate"),
        };
        let fields: [&[u8]; FIELDS] = [
            self.service.as_bytes(),
            self.directory.as_bytes(),
            &question.user,
            password,
            peer.as_bytes(),
            session,
            certificate,
        ];
        send_fields(&socket, &fields)?;
        let mut answer = [PollFd::new(&socket, PollFlags::IN)];
        if let (Some(falling_asleep), Ok(0)) =
            (&self.falling_asleep, poll(&mut answer, Some(&WAITING)))
        {
            falling_asleep();
        }
        Ok((Said::receive(&socket)?, socket))
    }

    fn complain(&mut self, question: &Check, why: &str) {
        let user = question.user.escape_ascii();
        self.complaint = Some(format!("pam: user {user}: {why}"));
    }

    fn accept(&mut self, question: &Check, socket: UnixStream) -> Verdict {
        // Whatever comes now, dropping the session closes it.
        let session = Session { socket };
        match shadow::user_named(&question.user) {
            Ok(Some(user)) => {
                self.session = self.opens_sessions.then_some(session);
                Verdict::Accepted(Box::new(Found {
                    uid: user.uid,
                    gid: user.gid,
                    system_name: Some(user.name),
                    home: user.home,
                    limits: Limits::default(),
                }))
            }
            Ok(None) => {
                self.complain(
                    question,
                    "let in by PAM, but has no account on this machine",
                );
                Verdict::Unknown
            }
            Err(error) => Verdict::Broken(format!("pam: {}", words(&error))),
        }
    }
}

impl Source for Pam {
    fn call_before_sleep(&mut self, falling_asleep: &FallingAsleep) {
        self.falling_asleep = Some(Arc::clone(falling_asleep));
    }

    fn ready(&mut self) {
        if !matches!(self.ready, Some((starter, _)) if starter == std::process::id()) {
            let started = sitter::start(sit);
            self.ready = started.ok().map(|socket| (std::process::id(), socket));
        }
    }

    fn check(&mut self, question: &Check) -> Verdict {
        self.session = None;
        let (said, socket) = match self.ask(question) {
            Ok(said) => said,
            Err(error) => return Verdict::Broken(format!("pam: {}", reason(&error))),
        };
        match said {
            Said::Opened => self.accept(question, socket),
            Said::Unknown(why) => {
                if !why.is_empty() {
                    self.complain(question, &why);
                }
                Verdict::Unknown
            }
            Said::Refused(why) => {
                self.complain(question, &why);
                Verdict::Refused
            }
            Said::Broken(why) => Verdict::Broken(format!("pam: {why}")),
        }
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    fn session(&mut self) -> Option<Box<dyn Opened>> {
        let session = self.session.take()?;
        Some(Box::new(session))
    }
}

/// A sitter that vanished says only that its socket ended.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::WouldBlock => {
            format!("a module crashed, or took longer than {SECONDS} seconds")
        }
        _ => error.to_string(),
    }
}

/// A session that a sitter keeps open as long as this socket, or what it was passed, is.
struct Session {
    socket: UnixStream,
}

impl Opened for Session {
    fn hold(self: Box<Self>, until_closed: OwnedFd) -> io::Result<()> {
        sitter::pass(&self.socket, until_closed.as_fd())
    }
}

/// What a sitter says of its login.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// The user may come in, with a session where one is asked for.
    Opened,
    /// With what is out of the ordinary about it; else empty.
    Unknown(String),
    Refused(String),
    Broken(String),
}

impl Said {
    fn send(&self, mut socket: &UnixStream) -> io::Result<()> {
        let (kind, text) = match self {
            Said::Opened => (b'o', ""),
            Said::Unknown(why) => (b'u', why.as_str()),
            Said::Refused(why) => (b'r', why.as_str()),
            Said::Broken(why) => (b'b', why.as_str()),
        };
        let text = &text.as_bytes()[..text.len().min(LONGEST_REASON)];
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        socket.write_all(&[&[kind, length], text].concat())
    }

    fn receive(mut socket: &UnixStream) -> io::Result<Said> {
        let mut head = [0; 2];
        socket.read_exact(&mut head)?;
        let mut text = vec![0; head[1].into()];
        socket.read_exact(&mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        match head[0] {
            b'o' => Ok(Said::Opened),
            b'u' => Ok(Said::Unknown(text)),
            b'r' => Ok(Said::Refused(text)),
            b'b' => Ok(Said::Broken(text)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Each field with two bytes of length in front.
fn send_fields(mut socket: &UnixStream, fields: &[&[u8]]) -> io::Result<()> {
    let length = fields.iter().map(|field| field.len() + 2).sum();
    let mut message = Zeroizing::new(Vec::with_capacity(length));
    for field in fields {
        let length = u16::try_from(field.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(field);
    }
    socket.write_all(&message)
}

fn receive_field(mut socket: &UnixStream) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = [0; 2];
    socket.read_exact(&mut length)?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST_PATH {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut field = Zeroizing::new(vec![0; length]);
    socket.read_exact(&mut field)?;
    Ok(field)
}

/// The login, and whether a session is to be opened. None for a name or password with a NUL, which nobody has.
fn receive_login(socket: &UnixStream) -> io::Result<Option<(Login, bool)>> {
    let mut fields = Vec::with_capacity(FIELDS);
    for _ in 0..FIELDS {
        fields.push(receive_field(socket)?);
    }
    let opens_session = !fields[5].is_empty();
    let text = |field: usize| CString::new(fields[field].to_vec());
    let (Ok(service), Ok(directory), Ok(user), Ok(peer)) = (text(0), text(1), text(2), text(4))
    else {
        return Ok(None);
    };
    let password = match fields[6].is_empty() {
        false => None,
        true => match Secret::new(&fields[3]) {
            None => return Ok(None),
            password => password,
        },
    };
    let login = Login {
        service,
        directory: Some(directory).filter(|directory| !directory.is_empty()),
        user,
        password,
        peer,
        terminal: CString::new(TERMINAL)?,
    };
    Ok(Some((login, opens_session)))
}

/// The life of a sitter: one login.
fn sit(socket: UnixStream) {
    let Ok(login) = receive_login(&socket) else {
        // The worker ended without a further login.
        return;
    };
    sitter::end_after(SECONDS);
    let opened = match login {
        None => Err(Said::Unknown(String::new())),
        Some((login, false)) => let_in(login).map(|_| None),
        Some((login, true)) => open_session(login).map(Some),
    };
    match opened {
        Ok(None) => drop(Said::Opened.send(&socket)),
        Ok(Some(mut transaction)) => {
            sitter::end_after(0);
            let told = Said::Opened.send(&socket);
            if let Some(until_closed) = told.ok().and_then(|()| sitter::receive(&socket)) {
                drop(socket);
                sitter::wait_for_end(&until_closed);
            }
            sitter::end_after(SECONDS);
            transaction.close();
        }
        // A worker that is gone needs no answer.
        Err(said) => drop(said.send(&socket)),
    }
}

/// Whether the administrator has said what holds for this server.
fn has_service(service: &CStr) -> bool {
    let service = OsStr::from_bytes(service.to_bytes());
    DIRECTORIES
        .iter()
        .any(|directory| Path::new(directory).join(service).exists())
}

fn refused(failure: Failure) -> Said {
    Said::Refused(failure.text)
}

fn open_session(login: Login) -> Result<Transaction, Said> {
    let mut transaction = let_in(login)?;
    transaction.open().map_err(refused)?;
    Ok(transaction)
}

/// Asks whether this user, with this password, may come in; who shows a certificate has shown who it is.
fn let_in(login: Login) -> Result<Transaction, Said> {
    let broken = |failure: Failure| Said::Broken(failure.text);
    if login.directory.is_none() && !has_service(&login.service) {
        return Err(Said::Broken(format!(
            "there is no /etc/pam.d/{}, so nobody comes in",
            login.service.to_string_lossy()
        )));
    }
    let has_certificate = login.password.is_none();
    let mut transaction = Transaction::start(login).map_err(broken)?;
    if !has_certificate {
        transaction
            .authenticate()
            .map_err(|failure| match failure.of_the_machine {
                true => broken(failure),
                false if failure.is_ordinary => Said::Unknown(String::new()),
                false => Said::Unknown(failure.text),
            })?;
    }
    transaction.account().map_err(|failure| {
        // Without the question for a password it is the first that tells.
        match has_certificate && failure.is_ordinary {
            true => Said::Unknown(String::new()),
            false => refused(failure),
        }
    })?;
    Ok(transaction)
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    /// A user every machine has.
    const USER: &[u8] = b"daemon";

    /// A directory of services with ours in it, `SCRIPT` in it standing for `script`; and where that may leave notes.
    fn service(stack: &str, script: &str) -> (tempfile::TempDir, Pam) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        let notes = folder.path().join("notes");
        fs::write(
            &path,
            format!("#!/bin/sh\nnotes={}\n{script}\n", notes.display()),
        )
        .unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let stack = stack.replace("SCRIPT", &path.display().to_string());
        fs::write(folder.path().join(SERVICE), stack).unwrap();
        let pam = Pam::at(folder.path().to_str().unwrap());
        (folder, pam)
    }

    /// pam_exec gives no credentials, so that pam_setcred(3) needs another module.
    fn stack(auth: &str, account: &str, session: &str) -> String {
        format!(
            "auth required {auth}\nauth required pam_permit.so\naccount required {account}\nsession required {session}\n"
        )
    }

    fn all(module: &str) -> String {
        stack(module, module, module)
    }

    fn notes(folder: &Path) -> String {
        fs::read_to_string(folder.join("notes")).unwrap_or_default()
    }

    /// Waits for the notes to have that many lines.
    fn lines(folder: &Path, count: usize) -> Vec<String> {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let lines: Vec<String> = notes(folder).lines().map(str::to_owned).collect();
            if lines.len() >= count || Instant::now() > limit {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_stack_decides_who_comes_in() {
        let verdict = |stack: &str| {
            let (_folder, mut pam) = service(stack, "");
            let verdict = pam.check(&question(USER, b"secret"));
            (verdict, pam.complaint())
        };
        let (accepted, _) = verdict(&all("pam_permit.so"));
        let Verdict::Accepted(found) = accepted else {
            panic!("{accepted:?}");
        };
        assert_eq!(
            (found.uid, found.gid, found.system_name.as_deref()),
            (1, 1, Some(USER))
        );
        assert_eq!(verdict(&all("pam_deny.so")), (Verdict::Unknown, None));
        let (refused, why) = verdict(&stack("pam_permit.so", "pam_deny.so", "pam_permit.so"));
        assert_eq!(refused, Verdict::Refused);
        assert!(why.is_some_and(|why| why.starts_with("pam: user daemon: ")));
        let (refused, _) = verdict(&stack("pam_permit.so", "pam_permit.so", "pam_deny.so"));
        assert_eq!(refused, Verdict::Refused);
        let (broken, _) = verdict("auth required no_such_module.so\n");
        assert!(matches!(broken, Verdict::Broken(_)), "{broken:?}");
    }

    #[test]
    fn modules_learn_the_user_the_password_and_where_the_client_is() {
        let (folder, mut pam) = service(
            &stack(
                "pam_exec.so expose_authtok quiet SCRIPT",
                "pam_permit.so",
                "pam_permit.so",
            ),
            "echo \"$PAM_USER $PAM_RHOST $PAM_TTY $PAM_RUSER $PAM_SERVICE\" >>$notes; [ \"$(tr -d '\\0')\" = 'pass word' ]",
        );
        let mut asked = question(USER, b"pass word");
        asked.peer = "::ffff:192.0.2.7".parse().unwrap();
        assert!(matches!(pam.check(&asked), Verdict::Accepted(_)));
        assert_eq!(
            notes(folder.path()),
            "daemon 192.0.2.7 wharf-ftpd daemon wharf-ftpd\n"
        );
        assert_eq!(pam.check(&question(USER, b"pass")), Verdict::Unknown);
        assert_eq!(pam.check(&question(USER, b"")), Verdict::Unknown);
    }

    #[test]
    fn another_service_is_asked_where_one_is_named() {
        let (folder, mut pam) = service(&all("pam_permit.so"), "");
        let closed = folder.path().join("my.service");
        fs::write(closed, all("pam_deny.so")).unwrap();
        assert!(matches!(
            pam.check(&question(USER, b"x")),
            Verdict::Accepted(_)
        ));
        pam.service = "my.service".to_owned();
        assert_eq!(pam.check(&question(USER, b"x")), Verdict::Unknown);
    }

    #[test]
    fn without_sessions_their_rules_are_not_asked_and_nothing_stays() {
        let (folder, mut pam) = service(
            &stack("pam_permit.so", "pam_permit.so", "pam_exec.so quiet SCRIPT"),
            "echo $PAM_TYPE >>$notes; exit 1",
        );
        assert_eq!(pam.check(&question(USER, b"x")), Verdict::Refused);
        assert_eq!(notes(folder.path()), "open_session\n");
        pam.opens_sessions = false;
        let verdict = pam.check(&question(USER, b"x"));
        assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        assert!(pam.session().is_none());
        assert_eq!(notes(folder.path()), "open_session\n");
        for stack in [
            stack("pam_deny.so", "pam_permit.so", "pam_permit.so"),
            stack("pam_permit.so", "pam_deny.so", "pam_permit.so"),
        ] {
            fs::write(folder.path().join(SERVICE), stack).unwrap();
            let verdict = pam.check(&question(USER, b"x"));
            assert!(!matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        }
    }

    #[test]
    fn a_session_is_closed_by_the_process_that_opened_it_when_the_ftp_session_ends() {
        let (folder, mut pam) = service(
            &stack("pam_permit.so", "pam_permit.so", "pam_exec.so quiet SCRIPT"),
            "echo $PAM_TYPE $PPID >>$notes",
        );
        pam.ready();
        assert!(matches!(
            pam.check(&question(USER, b"x")),
            Verdict::Accepted(_)
        ));
        let session = pam.session().expect("a session");
        assert!(pam.session().is_none(), "it is handed out once");
        let (server, until_closed) = UnixStream::pair().unwrap();
        session.hold(until_closed.into()).unwrap();
        // Neither the worker's next login nor its end touches the session.
        assert!(matches!(
            pam.check(&question(b"no-such-user-here", b"x")),
            Verdict::Unknown
        ));
        drop(pam);
        let said = lines(folder.path(), 3);
        assert_eq!(said.len(), 3, "{said:?}");
        drop(server);
        let said = lines(folder.path(), 4);
        let opened = said[0].strip_prefix("open_session ").expect("opened");
        assert_eq!(said[3], format!("close_session {opened}"), "{said:?}");
        assert_ne!(opened, std::process::id().to_string());
    }

    #[test]
    fn a_session_nobody_holds_is_closed_at_once() {
        let (folder, mut pam) = service(
            &stack("pam_permit.so", "pam_permit.so", "pam_exec.so quiet SCRIPT"),
            "echo $PAM_TYPE >>$notes",
        );
        assert!(matches!(
            pam.check(&question(USER, b"x")),
            Verdict::Accepted(_)
        ));
        drop(pam.session());
        assert_eq!(lines(folder.path(), 2), ["open_session", "close_session"]);
        assert!(matches!(
            pam.check(&question(USER, b"x")),
            Verdict::Accepted(_)
        ));
        drop(pam);
        assert_eq!(
            lines(folder.path(), 4)[2..],
            ["open_session", "close_session"]
        );
    }

    #[test]
    fn c8_a_module_that_takes_its_process_along_breaks_one_login() {
        let (folder, mut pam) = service(
            &stack("pam_exec.so quiet SCRIPT", "pam_permit.so", "pam_permit.so"),
            "[ -e $notes ] || { echo >$notes; kill -9 $PPID; }",
        );
        let broken = pam.check(&question(USER, b"x"));
        assert!(
            matches!(&broken, Verdict::Broken(why) if why.contains("crashed")),
            "{broken:?}"
        );
        assert!(matches!(
            pam.check(&question(USER, b"x")),
            Verdict::Accepted(_)
        ));
        drop(folder);
    }

    #[test]
    fn for_a_certificate_only_the_account_is_asked_about() {
        use super::super::tests::certified;
        // pam_deny gives no credentials either.
        let refusing = stack("pam_exec.so SCRIPT", "pam_permit.so", "pam_permit.so");
        let (_folder, mut pam) = service(&refusing, "exit 1");
        assert_eq!(pam.check(&question(USER, b"x")), Verdict::Unknown);
        assert!(matches!(pam.check(&certified(USER)), Verdict::Accepted(_)));
        let (_folder, mut pam) = service(
            "auth required pam_permit.so\naccount required pam_deny.so\n\
             session required pam_permit.so\n",
            "",
        );
        assert!(!matches!(pam.check(&certified(USER)), Verdict::Accepted(_)));
    }

    #[test]
    fn p5_a_nul_in_a_name_or_password_is_never_cut_at() {
        let (_folder, mut pam) = service(&all("pam_permit.so"), "");
        assert_eq!(pam.check(&question(b"daemon\0x", b"x")), Verdict::Unknown);
        assert_eq!(pam.check(&question(USER, b"x\0y")), Verdict::Unknown);
    }

    #[test]
    fn s4_what_holds_a_session_has_no_password_in_memory() {
        let (folder, mut pam) = service(
            &stack("pam_permit.so", "pam_permit.so", "pam_exec.so quiet SCRIPT"),
            "echo $PPID >>$notes",
        );
        // As a worker does: before a question is there.
        pam.ready();
        let password: Vec<u8> = (0..24).map(|number| b'a' + (number * 7) % 26).collect();
        assert!(matches!(
            pam.check(&question(USER, &password)),
            Verdict::Accepted(_)
        ));
        let holder = lines(folder.path(), 1)[0].clone();
        let Ok(found) = count_in_memory(&holder, &password) else {
            eprintln!("skipped: the memory of another process cannot be read");
            return;
        };
        assert_eq!(found, 0);
        let own = count_in_memory(&std::process::id().to_string(), &password).unwrap();
        assert!(own > 0, "the search finds what is there");
    }

    fn count_in_memory(process: &str, text: &[u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
        let memory = fs::File::open(format!("/proc/{process}/mem"))?;
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (from, to) = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'))
                .unwrap();
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            let mut bytes = vec![0; usize::try_from(number(to) - number(from)).unwrap()];
            if memory.read_exact_at(&mut bytes, number(from)).is_ok() {
                found += memchr::memmem::find_iter(&bytes, text).count();
            }
        }
        Ok(found)
    }
}
