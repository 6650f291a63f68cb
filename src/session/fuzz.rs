//! Targets for fuzzing: any bytes as the lines of a control connection, and any bytes as a whole session.
//!
//! They are ordinary functions that panic when something that must hold does not. A seeded loop below drives them on
//! every run of the tests; `fuzz/` drives them with cargo-fuzz where a nightly compiler is at hand.
//!
//! What must hold: every complete line gets exactly one final reply, in form; no reply holds a control byte; no task
//! panics; nothing outside the root changes, and nothing of it is told.

use std::cell::Cell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tempfile::TempDir;

use super::Session;
use super::lab::{self, Login, Reply, ReplyReader};
use super::shared::{Counted, Shared};
use crate::net::{self, Stream};
use crate::proto::line::{LONGEST_LINE, Line, LineReader};
use crate::proto::path::VirtualPath;
use crate::proto::reply;
use crate::proto::{address, list_options, request};
use crate::reactor::{Handle, Priority, Reactor};
use crate::settings::Settings;
use crate::units::Glob;

/// What lies outside the root, and must never be seen on the wire.
const CANARY: &[u8] = b"canary-outside-the-root";

/// An address of this machine that nothing else in it talks to.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 83, 70, 90);

/// How long an answer may take before it counts as missing. Not a measure of speed.
const ANSWER: Duration = Duration::from_secs(10);

/// The bytes of a control connection, cut into lines and understood: the same however they are split. The first byte
/// says how.
pub fn line_target(data: &[u8]) {
    let Some((&step, bytes)) = data.split_first() else {
        return;
    };
    let whole = lines(bytes, bytes.len());
    let split = lines(bytes, usize::from(step));
    assert_eq!(whole, split, "lines depend on how they are split");
    for line in whole {
        if let Line::Text(text) = line {
            understand(&text);
        }
    }
}

fn lines(bytes: &[u8], step: usize) -> Vec<Line> {
    let mut reader = LineReader::default();
    let mut lines = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        reader.feed(piece);
        lines.extend(reader.by_ref());
        assert!(reader.pending() <= LONGEST_LINE + 1, "memory without bound");
    }
    lines
}

/// Reads a line as every command would.
fn understand(text: &[u8]) {
    let _ = request::greeting_of_another_protocol(text);
    let Ok(request) = request::parse(text) else {
        return;
    };
    let argument = request.argument.as_slice();
    assert!(!argument.iter().copied().any(request::is_control));
    if let Ok(number) = request::number(argument) {
        assert!(i64::try_from(number).is_ok());
    }
    if let Ok((mode, name)) = request::mode_and_name(argument) {
        assert!(mode <= 0o7777 && !name.is_empty());
    }
    let _ = request::time_and_name(argument);
    let _ = request::site_utime(argument);
    let _ = request::allo(argument);
    let _ = request::type_argument(argument);
    let _ = address::port(argument);
    let _ = address::eprt(argument);
    let _ = address::epsv(argument);
    let (_, name) = list_options::Options::parse(argument, true);
    if let Ok(path) = VirtualPath::root().join(name) {
        assert!(!path.components().any(|part| part == b".." || part == b"."));
    }
    if let Ok(glob) = Glob::new(name) {
        let mut steps = 100_000;
        let _ = glob.matches_within(&[b'a'; 255], &mut steps);
    }
    let mut out = Vec::new();
    reply::Reply::new(500, argument.to_vec())
        .line(argument.to_vec())
        .write_to(&mut out);
    let mut reader = ReplyReader::default();
    let replies = out.split_inclusive(|byte| *byte == b'\n');
    assert_eq!(replies.filter_map(|line| reader.take(line)).count(), 1);
}

/// A whole session that is fed any bytes. The first byte chooses login and flags, the second how the rest is split.
pub fn session_target(data: &[u8]) {
    let [mode, step, bytes @ ..] = data else {
        return;
    };
    if bytes.windows(CANARY.len()).any(|part| part == CANARY) {
        // The client knows it already: a guided fuzzer reads it out of our comparisons.
        return;
    }
    let ground = ground().expect("a place for temporary files");
    let mut reactor = Reactor::new().expect("a loop");
    let handle = reactor.handle();
    let mut shared = lab::shared(&handle, settings(*mode), &ground.path().join("root"), 0)
        .expect("a root that was just made");
    lab::base(&mut shared).serves_own = false;
    let shared = Rc::new(shared);
    let (client, server) = pair(&handle);
    let counted = Counted::session(&shared, server.peer());
    let mut session = Session::new(&shared, server, (HERE, 21).into(), counted);
    session.log_in(login(*mode));
    handle.spawn(session.run());
    let conversation = Conversation::new(client, bytes, usize::from(*step).max(1));
    let ended = reactor.run(conversation.hold(shared));
    assert_eq!(handle.panicked(), 0, "a session panicked");
    let replies = ended.expect("a loop that runs");
    judge(bytes, &replies);
    assert_untouched(ground.path());
}

fn login(mode: u8) -> Login {
    match mode & 3 {
        0 => Login::Nobody,
        1 => Login::Anonymous,
        _ => Login::Full,
    }
}

fn settings(mode: u8) -> Settings {
    let mut settings = Settings::default();
    // A failed login takes seconds by design.
    settings.login.anonymous_only = true;
    settings.files.no_truncate = mode & 4 != 0;
    settings.files.autorename = mode & 8 != 0;
    settings.files.create_dirs = mode & 16 != 0;
    settings.limits.max_upload_size = (mode & 32 != 0).then_some(50);
    settings.limits.accept = Duration::from_millis(10);
    settings.limits.data = Duration::from_millis(200);
    settings
}

/// A root with files, directories and links that lead away; in memory where there is such a place.
fn ground() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let ground = match memory.is_dir() {
        true => TempDir::new_in(memory)?,
        false => TempDir::new()?,
    };
    let (root, outside) = (ground.path().join("root"), ground.path().join("outside"));
    fs::create_dir_all(root.join("d/e"))?;
    fs::create_dir(&outside)?;
    fs::write(outside.join("f"), CANARY)?;
    fs::write(root.join("f"), b"line one\nline two\r\nend")?;
    fs::write(root.join("d/g"), vec![b'x'; 5000])?;
    fs::write(root.join("bad\r\n226 name"), b"")?;
    symlink(&outside, root.join("away"))?;
    symlink("../outside/f", root.join("link"))?;
    symlink("..", root.join("d/up"))?;
    Ok(ground)
}

fn assert_untouched(base: &Path) {
    let names = |path: &Path| fs::read_dir(path).map_or(0, Iterator::count);
    assert_eq!(names(base), 2, "something lies next to the root");
    let outside = base.join("outside");
    assert_eq!(names(&outside), 1, "something was made outside the root");
    let kept = fs::read(outside.join("f")).unwrap_or_default();
    assert_eq!(kept, CANARY, "something outside the root was changed");
}

fn pair(handle: &Handle) -> (Stream, Stream) {
    let (client, server) = UnixStream::pair().expect("a socket pair");
    let stream = |socket: UnixStream| {
        socket.set_nonblocking(true).expect("a socket");
        let socket = TcpStream::from(OwnedFd::from(socket));
        Stream::new(handle, socket, (HERE, 50_000).into(), Priority::Control)
    };
    (stream(client), stream(server))
}

/// Every complete line got one final reply, unless the session ended with a word about it.
fn judge(bytes: &[u8], replies: &[Reply]) {
    let lines = lines(bytes, bytes.len()).len();
    let finals: Vec<&Reply> = replies.iter().filter(|reply| reply.code >= 200).collect();
    // The greeting answers no line.
    let answered = finals.len() - 1;
    if answered == lines {
        return;
    }
    let goodbye = finals.last().map(|reply| reply.code);
    let ended = matches!(goodbye, Some(221 | 421 | 500));
    assert!(
        ended && answered <= lines + 1,
        "{lines} lines and {answered} replies, the last of them {goodbye:?}"
    );
}

/// The client: sends what it was given, follows invitations to data connections, collects replies.
struct Conversation {
    control: Stream,
    rest: Vec<u8>,
    step: usize,
    expected: usize,
    partial: Vec<u8>,
    reader: ReplyReader,
    replies: Vec<Reply>,
    finals: usize,
    input_ended: bool,
}

impl Conversation {
    fn new(control: Stream, bytes: &[u8], step: usize) -> Conversation {
        Conversation {
            control,
            rest: bytes.to_vec(),
            step,
            expected: 1 + lines(bytes, bytes.len()).len(),
            partial: Vec::new(),
            reader: ReplyReader::default(),
            replies: Vec::new(),
            finals: 0,
            input_ended: false,
        }
    }

    async fn hold(mut self, shared: Rc<Shared>) -> Vec<Reply> {
        let handle = shared.handle.clone();
        let stolen = Rc::new(Cell::new(false));
        loop {
            let deadline = handle.now() + ANSWER;
            let turn = std::future::poll_fn(|context| self.poll(context));
            let event = handle.until(deadline, turn).await;
            match event.expect("a line was not answered") {
                Event::End => break,
                Event::Port(port) => {
                    handle.spawn(exchange(handle.clone(), port, Rc::clone(&stolen)))
                }
            }
        }
        drop(self.control);
        while shared.counts.sessions() > 0 {
            handle.sleep(Duration::from_millis(1)).await;
        }
        handle.pool().drained().await;
        assert!(!stolen.get(), "the outside was sent");
        assert!(!self.reader.is_within_reply() && self.partial.is_empty());
        self.replies
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Event> {
        loop {
            self.write(context);
            let mut buffer = [0; 4096];
            match self.control.poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Event::End),
                Poll::Ready(Ok(count)) => self.partial.extend_from_slice(&buffer[..count]),
            }
            if let Some(port) = self.take_replies() {
                return Poll::Ready(Event::Port(port));
            }
        }
    }

    /// Sends a piece; once all is sent and answered, ends its side.
    fn write(&mut self, context: &Context<'_>) {
        while !self.rest.is_empty() {
            let piece = self.rest.len().min(self.step);
            match self.control.poll_write(context, &self.rest[..piece]) {
                Poll::Ready(Ok(count)) => drop(self.rest.drain(..count)),
                Poll::Ready(Err(_)) => self.rest.clear(),
                Poll::Pending => return,
            }
        }
        if self.finals >= self.expected && !self.input_ended {
            self.input_ended = true;
            self.control.end_writing();
        }
    }

    /// Takes whole replies off what came; gives the port of an invitation.
    fn take_replies(&mut self) -> Option<u16> {
        let mut port = None;
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let Some(reply) = self.reader.take(&line) else {
                continue;
            };
            let shows = |wanted: &[u8]| reply.text.windows(wanted.len()).any(|text| text == wanted);
            assert!(!shows(CANARY), "the outside was told");
            self.finals += usize::from(reply.code >= 200);
            port = invitation(&reply).or(port);
            self.replies.push(reply);
        }
        port
    }
}

enum Event {
    /// The server waits for a data connection here.
    Port(u16),
    End,
}

fn invitation(reply: &Reply) -> Option<u16> {
    let text = std::str::from_utf8(&reply.text).ok()?;
    match reply.code {
        227 => {
            let inside = text.split(['(', ')']).nth(1)?;
            let mut numbers = inside.split(',').skip(4).map(str::parse::<u16>);
            Some(numbers.next()?.ok()? * 256 + numbers.next()?.ok()?)
        }
        229 => text.split('|').nth(3)?.parse().ok(),
        _ => None,
    }
}

/// A data connection that brings something, takes what it gets, and ends.
async fn exchange(handle: Handle, port: u16, stolen: Rc<Cell<bool>>) {
    let ends: (SocketAddr, SocketAddr) = ((HERE, 0).into(), (HERE, port).into());
    let Ok(mut data) = net::connect(&handle, ends.0, ends.1).await else {
        return;
    };
    if data.write_all(b"brought\r\nby the client\r").await.is_err() {
        return;
    }
    data.end_writing();
    let mut taken = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = std::future::poll_fn(|context| data.poll_read(context, &mut buffer)).await
    {
        if count == 0 {
            break;
        }
        taken.extend_from_slice(&buffer[..count]);
    }
    if taken.windows(CANARY.len()).any(|part| part == CANARY) {
        stolen.set(true);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::*;
    use crate::proto::xorshift::Xorshift;

    /// How long a loop runs: long where it is meant to find something, else long enough to see that it works.
    fn time() -> Duration {
        match std::env::var_os("CI") {
            Some(_) => Duration::from_secs(30),
            None => Duration::from_secs(2),
        }
    }

    fn seeds(of: &str) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/seeds")
            .join(of);
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// Words that mean something somewhere.
    fn words() -> Vec<Vec<u8>> {
        let verbs = super::super::commands::rows().map(|row| row.verb.as_bytes().to_vec());
        let others: [&[u8]; 40] = [
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\0",
            b"/",
            b"..",
            b"../",
            b"../outside/f",
            b"away/f",
            b"link",
            b"d/up/",
            b"f",
            b"d/g",
            b"new",
            b"*",
            b"[a-",
            b"-laR",
            b"-1",
            b"0",
            b"9223372036854775807",
            b"9223372036854775808",
            b"127,83,70,90,4,1",
            b"|1|127.83.70.90|1025|",
            b"ALL",
            b"20010203040506 f",
            b"777 f",
            b"A",
            b"I",
            b"\xff\xf4\xff\xf2",
            b"\xff\xff",
            b"\xff\xfa",
            b"\xff",
            b"anonymous",
            b"ftp",
            b"CHMOD 4777 f",
            b"RETR f",
            b"EPSV\r\nSTOR new\r\n",
            b"EPSV\r\nRETR d/g\r\nABOR\r\n",
            b"RNFR f\r\nRNTO away/f\r\n",
        ];
        verbs
            .chain(others.into_iter().map(<[u8]>::to_vec))
            .collect()
    }

    /// A seed, changed in a few places.
    fn mutate(seeds: &[Vec<u8>], words: &[Vec<u8>], random: &mut Xorshift) -> Vec<u8> {
        let mut data = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(6) {
            let at = random.below(data.len() + 1);
            let end = (at + random.below(24)).min(data.len());
            match random.below(7) {
                0 => drop(data.splice(at..at, words[random.below(words.len())].iter().copied())),
                1 => drop(data.splice(at..end, words[random.below(words.len())].iter().copied())),
                2 => drop(data.drain(at..end)),
                3 => {
                    let piece = data[at..end].to_vec();
                    let times = 1 + random.below(4);
                    drop(data.splice(at..at, piece.repeat(times)));
                }
                4 => {
                    let other = &seeds[random.below(seeds.len())];
                    let from = random.below(other.len() + 1);
                    drop(data.splice(at.., other[from..].iter().copied()));
                }
                5 if at < data.len() => data[at] = random.next() as u8,
                _ => data.insert(at, random.next() as u8),
            }
        }
        data.truncate(16 * 1024);
        data
    }

    /// Runs a target on all seeds, then on changed ones; a failure names the input.
    fn drive(of: &str, target: fn(&[u8])) {
        let (seeds, words) = (seeds(of), words());
        assert!(seeds.len() >= 8, "the corpus is gone");
        let run = |data: &[u8]| {
            let outcome = std::panic::catch_unwind(|| target(data));
            assert!(outcome.is_ok(), "with {}", data.escape_ascii());
        };
        seeds.iter().for_each(|seed| run(seed));
        let mut random = Xorshift::new(0x5eed);
        let until = Instant::now() + time();
        let before = resident();
        let mut count = 0;
        while Instant::now() < until {
            run(&mutate(&seeds, &words, &mut random));
            count += 1;
        }
        eprintln!("{count} inputs");
        assert!(count > 50, "only {count} inputs");
        let grown = resident().saturating_sub(before);
        assert!(grown < 128 << 20, "{grown} bytes more after {count} inputs");
    }

    fn resident() -> u64 {
        let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = text.split(' ').nth(1).and_then(|text| text.parse().ok());
        pages.unwrap_or(0_u64) * 4096
    }

    #[test]
    fn any_bytes_are_lines_however_they_are_split() {
        drive("line", line_target);
    }

    #[test]
    fn any_session_gets_one_reply_a_line_and_reaches_nothing_outside() {
        drive("session", session_target);
    }

    #[test]
    #[should_panic(expected = "replies")]
    fn a_line_without_a_reply_is_noticed() {
        let greeting = Reply {
            code: 220,
            text: b"220 x\r\n".to_vec(),
        };
        judge(b"NOOP\r\n", &[greeting]);
    }
}
