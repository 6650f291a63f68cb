//! One request: the question is read, the program is run, what it printed is the answer.
//!
//! Nothing but bytes of the program's standard output goes back, and only when it closed that in time: half an answer
//! could mean something else than the whole. Whatever goes wrong, the connection is closed without an answer, which no
//! server takes for a yes.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

/// The longest question and the longest answer, in bytes; pure-authd's limit.
const LONGEST: usize = 4095;

/// How long a server may take to ask, and to take its answer.
const ASKING: Duration = Duration::from_secs(10);

/// How long a program may run.
const RUNNING: Duration = Duration::from_secs(60);

/// What begins each line of a question, and what the program finds the rest of it as.
type Variables = &'static [(&'static str, &'static str)];

/// How the line begins that ends a question.
const END: &[u8] = b"end";

/// Answers one connection.
///
/// # Errors
/// What kept the program from answering, for the administrator. A question that is none is no error.
pub(super) fn answer(stream: UnixStream, program: &Path, variables: Variables) -> io::Result<()> {
    answer_within(stream, program, variables, RUNNING)
}

fn answer_within(
    mut stream: UnixStream,
    program: &Path,
    variables: Variables,
    running: Duration,
) -> io::Result<()> {
    let Some(question) = read_question(&mut stream) else {
        return Ok(());
    };
    let mut command = Command::new(program);
    // What this process itself was started with is not from the client.
    for (_, name) in variables {
        command.env_remove(name);
    }
    command.envs(said(&question, variables));
    let mut program = Running::start(command, running)?;
    let answer = program.output()?;
    // The server may have given up; and a program that goes on has the rest of its time.
    let _ = stream
        .set_write_timeout(Some(ASKING))
        .and_then(|()| stream.write_all(&answer));
    drop(stream);
    program.wait()
}

/// The lines up to the one that ends a question; none if that does not come in time, or in the length there is.
fn read_question(stream: &mut UnixStream) -> Option<Zeroizing<Vec<u8>>> {
    let deadline = Instant::now() + ASKING;
    let mut question = Zeroizing::new(Vec::with_capacity(LONGEST));
    while !lines(&question).any(|line| line.starts_with(END)) {
        let mut piece = Zeroizing::new([0; 1024]);
        let room = piece.len().min(LONGEST - question.len());
        let left = deadline.saturating_duration_since(Instant::now());
        // No time is an error, since it would mean "for ever". So is no room: it reads as the end.
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut piece[..room]) {
            Ok(0) => return None,
            Ok(length) => question.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(question)
}

/// The whole lines of a text.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    text[..whole].split(|byte| *byte == b'\n')
}

/// What the program finds in its environment. A value that is empty, or that no environment can hold, is left out.
fn said(question: &[u8], variables: Variables) -> Vec<(&'static str, OsString)> {
    let meant = lines(question).take_while(|line| !line.starts_with(END));
    meant
        .filter_map(|line| {
            let (name, value) = variables.iter().find_map(|(key, name)| {
                line.strip_prefix(key.as_bytes())
                    .map(|value| (*name, value))
            })?;
            let holds = !value.is_empty() && !value.contains(&0);
            holds.then(|| (name, OsString::from_vec(value.to_vec())))
        })
        .collect()
}

/// A program under way, in a process group of its own. Dropped, it is ended with all it started.
struct Running {
    child: Child,
    deadline: Instant,
    is_over: bool,
}

impl Running {
    fn start(mut command: Command, limit: Duration) -> io::Result<Running> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        Ok(Running {
            child: command.spawn()?,
            deadline: Instant::now() + limit,
            is_over: false,
        })
    }

    /// What it prints until it closes its standard output, or the length there is.
    fn output(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut output = Zeroizing::new(Vec::with_capacity(LONGEST));
        let Some(mut stdout) = self.child.stdout.take() else {
            return Ok(output);
        };
        while output.len() < LONGEST {
            self.wait_for(stdout.as_fd())?;
            let mut piece = [0; 1024];
            let room = piece.len().min(LONGEST - output.len());
            match stdout.read(&mut piece[..room])? {
                0 => break,
                length => output.extend_from_slice(&piece[..length]),
            }
        }
        Ok(output)
    }

    fn wait_for(&self, descriptor: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut watched = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
            match poll(&mut watched, Some(&left)) {
                Ok(0) => return Err(out_of_time()),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until it ends. It has said what it had to say, so there is no hurry.
    fn wait(mut self) -> io::Result<()> {
        while self.child.try_wait()?.is_none() {
            if Instant::now() > self.deadline {
                return Err(out_of_time());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.is_over = true;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn out_of_time() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the program took too long and was ended",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use tempfile::TempDir;

    const VARIABLES: Variables = &[
        ("account:", "AUTHD_ACCOUNT"),
        ("password:", "AUTHD_PASSWORD"),
        ("localhost:", "AUTHD_LOCAL_IP"),
        ("localport:", "AUTHD_LOCAL_PORT"),
        ("peer:", "AUTHD_REMOTE_IP"),
        ("encrypted:", "AUTHD_ENCRYPTED"),
        ("sni_name:", "AUTHD_CLIENT_SNI_NAME"),
    ];

    const QUESTION: &[u8] = b"account:ext\npassword:pw x\nlocalhost:127.0.0.1\nlocalport:21\npeer:192.0.2.7\nsni_name:\n\
        encrypted:0\nend\n";

    fn script(body: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let text = format!("#!/bin/sh\ncd {}\n{body}\n", folder.path().display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    /// What comes back for those bytes, whether all at once or one by one.
    fn asked(question: &[u8], program: &Path, running: Duration) -> (Vec<u8>, io::Result<()>) {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let program = program.to_path_buf();
        let answered =
            std::thread::spawn(move || answer_within(theirs, &program, VARIABLES, running));
        ours.write_all(question).unwrap();
        let _ = ours.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        // A question longer than any is not read to its end, which resets the connection.
        let _ = ours.read_to_end(&mut said);
        (said, answered.join().unwrap())
    }

    #[test]
    fn a_program_finds_the_login_in_its_environment_and_no_arguments() {
        let (_folder, program) =
            script("env | grep ^AUTHD_ | sort; echo $#; read line; echo \"<$line>\"");
        let (said, answered) = asked(QUESTION, &program, RUNNING);
        answered.unwrap();
        let expected = "AUTHD_ACCOUNT=ext\nAUTHD_ENCRYPTED=0\nAUTHD_LOCAL_IP=127.0.0.1\nAUTHD_LOCAL_PORT=21\n\
            AUTHD_PASSWORD=pw x\nAUTHD_REMOTE_IP=192.0.2.7\n0\n<>\n";
        assert_eq!(String::from_utf8(said).unwrap(), expected);
    }

    #[test]
    fn l8_what_a_client_types_is_never_a_command() {
        let (folder, program) = script("printf '%s' \"$AUTHD_ACCOUNT\"");
        let hostile = "$(touch made);`touch made`;touch made\r'\"\\";
        let question = format!("account:{hostile}\nend\n");
        let (said, _) = asked(question.as_bytes(), &program, RUNNING);
        assert_eq!(String::from_utf8(said).unwrap(), hostile);
        assert!(!folder.path().join("made").exists());
    }

    #[test]
    fn a_question_without_its_end_runs_nothing() {
        let (folder, program) = script("touch made; echo ran");
        let long = [b"account:".as_slice(), &[b'x'; LONGEST], b"\nend\n"].concat();
        for question in [&b""[..], b"account:a\n", b"account:a\nend", b"end", &long] {
            let (said, answered) = asked(question, &program, RUNNING);
            assert!(
                said.is_empty() && answered.is_ok(),
                "{}",
                question.escape_ascii()
            );
        }
        assert!(!folder.path().join("made").exists());
        assert_eq!(asked(b"end\n", &program, RUNNING).0, b"ran\n");
    }

    #[test]
    fn a_question_that_comes_in_pieces_is_read_whole() {
        let (_folder, program) = script("echo \"$AUTHD_ACCOUNT $AUTHD_PASSWORD\"");
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let answered = std::thread::spawn(move || answer(theirs, &program, VARIABLES));
        for byte in b"account:a\npassword:b\nend\n" {
            ours.write_all(&[*byte]).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut said = Vec::new();
        ours.read_to_end(&mut said).unwrap();
        assert_eq!(said, b"a b\n");
        answered.join().unwrap().unwrap();
    }

    #[test]
    fn an_answer_is_cut_at_its_limit() {
        let (_folder, program) = script("head -c 100000 /dev/zero");
        let (said, _) = asked(QUESTION, &program, Duration::from_secs(20));
        assert_eq!(said, [0; LONGEST]);
    }

    #[test]
    fn c8_a_program_that_hangs_is_ended_with_its_children_and_half_an_answer_is_none() {
        let (folder, program) = script("echo auth_ok:1; sleep 600 & echo $! >child; wait");
        let begun = Instant::now();
        let (said, answered) = asked(QUESTION, &program, Duration::from_millis(500));
        assert!(said.is_empty());
        assert_eq!(answered.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(30));
        let child = fs::read_to_string(folder.path().join("child")).unwrap();
        let stat = format!("/proc/{}/stat", child.trim());
        let limit = Instant::now() + Duration::from_secs(20);
        // It ends a moment later, and may stay a zombie where nobody reaps.
        while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < limit, "the program's child lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn an_answer_is_sent_when_output_is_closed_though_the_program_goes_on() {
        let (folder, program) = script("echo end; exec >&-; sleep 1; touch finished");
        let begun = Instant::now();
        let (said, answered) = asked(QUESTION, &program, Duration::from_secs(30));
        assert_eq!(said, b"end\n");
        answered.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(1));
        assert!(folder.path().join("finished").exists());
    }

    #[test]
    fn a_program_that_vanished_is_told_to_the_administrator() {
        let (said, answered) = asked(QUESTION, Path::new("/no/such/program"), RUNNING);
        assert!(said.is_empty());
        assert_eq!(answered.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
