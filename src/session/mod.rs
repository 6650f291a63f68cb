#![forbid(unsafe_code)]
//! One client, from the greeting to the goodbye.
//!
//! A session is one task. It reads a line, finds the command's row, checks the row's rules, runs the row's
//! function and sends its reply; the functions live in [`commands`], cut by what a user does. Moving bytes is in
//! [`transfer`], listing in [`listing`], every "no" in [`refusal`], and who may do what in [`policy`].
//!
//! Nothing here makes a system call: sockets come from `net`, files from `files`, time from `reactor`,
//! the upload pipe from `server`.

pub mod advice;
pub mod announce;
pub mod ban;
pub mod commands;
mod control;
mod data;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod handshakes;
#[cfg(any(test, feature = "fuzzing"))]
mod lab;
mod listing;
mod place;
mod policy;
pub mod refusal;
mod secure;
pub mod shared;
mod transfer;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub use control::Control;
pub use policy::{Listed, Rights};

use crate::logs::{self, Severity, escape};
use crate::net::{self, Stream};
use crate::proto::banner;
use crate::proto::facts::Facts;
use crate::proto::line::Line;
use crate::proto::reply::Reply;
use crate::proto::request::{self, Malformed, Request};
use crate::reactor::Watch;
use crate::settings::Protection;
use commands::{Does, Row, Run};
use data::Data;
use place::Account;
use refusal::Refusal;
use secure::{Change, Secure};
use shared::{Counted, GreetingText, Shared, Stopping};

/// Commands answered in a row before other sessions get their turn.
const COMMANDS_IN_A_ROW: u32 = 32;

/// Unknown commands borne before a login, and after it (threats: C2).
const UNKNOWN_BEFORE_LOGIN: u32 = 10;
const UNKNOWN_AFTER_LOGIN: u32 = 50;

/// How long the last reply of a session may take to leave, and what the client still sends may flow.
const LAST_REPLY: Duration = Duration::from_secs(5);
const LAST_INPUT: Duration = Duration::from_millis(500);

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client's connection broke, or it sends no more.
    Gone,
    /// The client said QUIT, and was answered.
    Quit,
    /// Nothing was typed for the idle time.
    Idle,
    /// Only commands that do nothing were typed for twice the idle time.
    Pointless,
    /// No login within `--logintimeout`.
    NoLogin,
    /// The client was refused with a reply that says so.
    Refused,
    /// A line without an end, or too many unknown commands.
    Flood,
    /// Another protocol's greeting; answered.
    Foreign,
    /// No keys could be made with the client.
    NoTls,
    /// The server stops.
    Stopping,
}

/// Who the client is.
enum Who {
    Nobody,
    Named(Vec<u8>),
    In(Box<Account>),
}

/// What data is converted to on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Representation {
    Ascii,
    Image,
}

/// What is meant for the next command only.
#[derive(Default)]
struct Once {
    restart: Option<u64>,
    rename_from: Option<crate::proto::path::VirtualPath>,
}

/// What the client has moved so far.
#[derive(Default)]
struct Totals {
    uploaded: u64,
    downloaded: u64,
    files_uploaded: u64,
}

/// A client's session.
pub struct Session {
    shared: Rc<Shared>,
    control: Control,
    peer: SocketAddr,
    local: SocketAddr,
    who: Who,
    anonymous_only: bool,
    load_at_start: Option<f64>,
    representation: Representation,
    facts: Facts,
    data: Data,
    only_extended_passive: bool,
    once: Once,
    totals: Totals,
    idle: Duration,
    started: Instant,
    last_command: Instant,
    last_deed: Instant,
    unknown: u32,
    failed_logins: u32,
    quit_asked: bool,
    abort_asked: bool,
    /// What follows the reply to AUTH or CCC.
    change_asked: Option<Change>,
    /// What there is of it once the control connection is protected.
    secure: Option<Box<Secure>>,
    /// The name of HOST, for the handshake.
    host: Option<Box<str>>,
    counted: Counted,
}

impl Session {
    /// A session on a connection just accepted. `local` is the address the client came to.
    pub fn new(
        shared: &Rc<Shared>,
        stream: Stream,
        local: SocketAddr,
        mut counted: Counted,
    ) -> Box<Session> {
        let now = shared.handle.now();
        let network = &shared.base.settings.network;
        let trusted = network.trusted_address;
        counted.untold = net::is_same_machine(stream.peer(), local);
        Box::new(Session {
            shared: Rc::clone(shared),
            peer: stream.peer(),
            local,
            control: Control::new(stream, Rc::clone(&shared.command_scratch)),
            who: Who::Nobody,
            anonymous_only: shared.base.settings.login.anonymous_only
                || trusted.is_some_and(|address| address != local.ip()),
            load_at_start: None,
            representation: Representation::Ascii,
            facts: Facts::for_anonymous(),
            data: Data::None,
            only_extended_passive: false,
            once: Once::default(),
            totals: Totals::default(),
            idle: shared.base.settings.limits.idle,
            started: now,
            last_command: now,
            last_deed: now,
            unknown: 0,
            failed_logins: 0,
            quit_asked: false,
            abort_asked: false,
            change_asked: None,
            secure: None,
            host: None,
            counted,
        })
    }

    /// Tells the session the machine's load when the client came (`-m`).
    pub fn set_load(&mut self, load: f64) {
        self.load_at_start = Some(load);
    }

    /// Serves the client until the session ends. Boxed, since a future keeps what it is given twice: where it came in
    /// and where it is used.
    pub async fn run(mut self: Box<Self>) {
        if !self.counted.untold {
            self.tell();
        }
        let end = self.serve().await;
        match self.counted.untold {
            // A client of this machine that did not take its leave, or had no time for it.
            true if end != End::Quit => self.tell(),
            true => self.counted.does_not_count(),
            false => {}
        }
        self.part(end).await;
    }

    /// Tells of this session in the log, from now on.
    fn tell(&mut self) {
        self.counted.untold = false;
        self.log(
            Severity::Info,
            format_args!("New connection from {}", self.peer.ip()),
        );
        let shared = &self.shared;
        if shared.link.is_some() && shared.base.settings.logs_names() {
            let (shared, peer) = (Rc::clone(shared), self.peer.ip());
            shared.handle.clone().spawn(log_name(shared, peer));
        }
    }

    /// `--health` says QUIT and nothing behind it. Whoever says anything else is told of.
    fn tell_unless_it_quits(&mut self, text: &[u8]) {
        let quits = request::parse(text)
            .is_ok_and(|request| request.verb == *"QUIT" && !request.has_argument);
        if !quits || self.control.has_line() {
            self.tell();
        }
    }

    async fn serve(&mut self) -> End {
        if self.shared.base.settings.tls.implicit
            && let Err(end) = Box::pin(self.secure_control(true)).await
        {
            return end;
        }
        let greeting = self.greeting();
        self.control.reply(&greeting);
        let mut in_a_row = 0;
        loop {
            in_a_row += 1;
            if in_a_row >= COMMANDS_IN_A_ROW {
                in_a_row = 0;
                self.shared.handle.breathe().await;
            }
            if !self.control.has_line() {
                in_a_row = 0;
            }
            let line = match self.next_line().await {
                Ok(line) => line,
                Err(end) => return end,
            };
            if let Err(end) = self.obey(line).await {
                return end;
            }
            // Counted from the end of a command: a long transfer is no silence.
            self.last_command = self.shared.handle.now();
        }
    }

    /// The next line, or why there is none.
    async fn next_line(&mut self) -> Result<Line, End> {
        let (deadline, at_deadline) = self.patience();
        let handle = self.shared.handle.clone();
        let line = std::future::poll_fn(|context| {
            if self.shared.stopping.get() != Stopping::No {
                return Poll::Ready(Err(End::Stopping));
            }
            self.control.poll_line(context)
        });
        handle
            .until(deadline, line)
            .await
            .unwrap_or(Err(at_deadline))
    }

    /// Until when the client may be silent, and what its silence then means.
    fn patience(&self) -> (Instant, End) {
        let idle = (self.last_command + self.idle, End::Idle);
        let pointless = (self.last_deed + 2 * self.idle, End::Pointless);
        let mut first = if pointless.0 < idle.0 {
            pointless
        } else {
            idle
        };
        if !matches!(self.who, Who::In(_)) {
            let login = (self.started + self.settings().limits.login, End::NoLogin);
            if login.0 < first.0 {
                first = login;
            }
        }
        first
    }

    /// Answers one line.
    async fn obey(&mut self, line: Line) -> Result<(), End> {
        let text = match line {
            Line::Text(text) => text,
            Line::TooLong => {
                if self.counted.untold {
                    self.tell();
                }
                self.once = Once::default();
                self.log(Severity::Warning, format_args!("Line too long"));
                return self.refuse(Refusal::LineTooLong);
            }
            Line::Flood => return Err(End::Flood),
        };
        if self.counted.untold {
            self.tell_unless_it_quits(&text);
        }
        let request = match request::parse(&text) {
            Ok(request) => request,
            Err(malformed) => return self.misunderstood(&text, malformed),
        };
        let Some(row) = commands::find(request.verb.as_str()) else {
            return self.unknown_command(&text);
        };
        self.log_command(row, &request);
        let outcome = match self.check(row, &request) {
            Ok(()) => self.run_row(row, request.argument).await,
            Err(refusal) => Err(refusal),
        };
        if row.rules.once.is_used_up() {
            self.once = Once::default();
        }
        if row.rules.deed {
            self.last_deed = self.shared.handle.now();
        }
        self.answer(outcome)?;
        match self.change_asked.take() {
            None => {}
            Some(Change::Secure { implied }) => Box::pin(self.secure_control(implied)).await?,
            Some(Change::Clear) => Box::pin(self.clear_control()).await?,
        }
        if std::mem::take(&mut self.abort_asked) {
            self.send(&commands::transfer::abort_reply());
        }
        if self.quit_asked {
            let goodbye = self.goodbye();
            self.send(&goodbye);
            return Err(End::Quit);
        }
        Ok(())
    }

    /// What a row's rules say of this moment, and the values that live for one command only.
    fn check(&mut self, row: &Row, request: &Request) -> Result<(), Refusal> {
        let kept = std::mem::take(&mut self.once);
        self.once = match row.rules.once {
            commands::OneShot::Drops => Once::default(),
            commands::OneShot::KeepsRestart | commands::OneShot::TakesRestart => Once {
                restart: kept.restart,
                rename_from: None,
            },
            commands::OneShot::TakesRename => Once {
                restart: None,
                rename_from: kept.rename_from,
            },
        };
        if row.rules.needs_login && !matches!(self.who, Who::In(_)) {
            return Err(Refusal::NotLoggedIn);
        }
        if row.rules.logs_in && !self.is_protected() {
            let anonymous = self.logs_in_anonymous(row, &request.argument);
            if self.demanded(anonymous) >= Protection::Control {
                return Err(Refusal::NotInClear);
            }
        }
        if row.rules.moves_data
            && !self.data_is_private()
            && self.demanded(self.is_anonymous()) >= Protection::Data
        {
            return Err(Refusal::DataNotInClear);
        }
        self.permits(row, &request.argument)?;
        if let commands::Argument::Needed(words) = row.argument
            && request.argument.is_empty()
        {
            return Err(Refusal::Missing(words));
        }
        Ok(())
    }

    /// What the lists of commands and the account's rights say to who is logged in; before that nothing is left out.
    fn permits(&self, row: &Row, argument: &[u8]) -> Result<(), Refusal> {
        let Who::In(account) = &self.who else {
            return Ok(());
        };
        if !account.terms.commands.permits(row, argument) {
            return Err(Refusal::CommandDenied);
        }
        let right = match row.rules.does {
            Does::Download => account.rights.download,
            Does::List => account.rights.list,
            Does::ListIfNamed if !argument.is_empty() => account.rights.list,
            Does::ListIfNamed | Does::Other => Ok(()),
        };
        right.map_err(Refusal::Forbidden)
    }

    async fn run_row(&mut self, row: &Row, argument: Vec<u8>) -> Result<Reply, Refusal> {
        match row.run {
            Run::Now(run) => run(self, &argument),
            Run::Waits(run) => {
                let watch = self.control.watch();
                let shared = Rc::clone(&self.shared);
                let running = run(self, argument);
                let attended = Attended {
                    running,
                    watch,
                    shared,
                };
                attended.await
            }
        }
    }

    fn answer(&mut self, outcome: Result<Reply, Refusal>) -> Result<(), End> {
        match outcome {
            Ok(reply) => {
                self.send(&reply);
                Ok(())
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Result<(), End> {
        if let Some(reply) = refusal.reply() {
            self.send(&reply);
        }
        match refusal.ends_session() {
            Some(end) => Err(end),
            None => Ok(()),
        }
    }

    fn send(&mut self, reply: &Reply) {
        if self.settings().logging.verbose >= 2 {
            self.log(Severity::Debug, format_args!("{}", ReplyText(reply)));
        }
        self.control.reply(reply);
    }

    fn misunderstood(&mut self, text: &[u8], malformed: Malformed) -> Result<(), End> {
        let refusal = match malformed {
            Malformed::ControlByte => Refusal::ControlByte,
            Malformed::Empty | Malformed::BadVerb => Refusal::NotACommand,
        };
        self.once = Once::default();
        if let Some(protocol) = request::greeting_of_another_protocol(text) {
            return self.foreign(protocol, text);
        }
        self.count_unknown()?;
        self.refuse(refusal)
    }

    fn unknown_command(&mut self, text: &[u8]) -> Result<(), End> {
        self.once = Once::default();
        if let Some(protocol) = request::greeting_of_another_protocol(text) {
            return self.foreign(protocol, text);
        }
        self.count_unknown()?;
        self.refuse(match self.who {
            Who::In(_) => Refusal::UnknownCommand,
            // What exists is not told to strangers, so that a body of another protocol meets one answer only.
            Who::Nobody | Who::Named(_) => Refusal::NotLoggedIn,
        })
    }

    fn foreign(&mut self, protocol: &str, text: &[u8]) -> Result<(), End> {
        let word = text.split(|byte| *byte == b' ').next().unwrap_or_default();
        let word = word.to_ascii_lowercase();
        self.log(
            Severity::Info,
            format_args!("{protocol} command: [{}]", escape(&word)),
        );
        let words = match protocol {
            "HTTP" => [b"HTTP command: [".as_slice(), &word, b"]"].concat(),
            _ => format!("This is an FTP server, not {protocol}").into_bytes(),
        };
        self.send(&Reply::new(500, words));
        Err(End::Foreign)
    }

    fn count_unknown(&mut self) -> Result<(), End> {
        self.unknown += 1;
        let limit = match self.who {
            Who::In(_) => UNKNOWN_AFTER_LOGIN,
            Who::Nobody | Who::Named(_) => UNKNOWN_BEFORE_LOGIN,
        };
        if self.unknown > limit {
            Err(End::Flood)
        } else {
            Ok(())
        }
    }

    fn greeting(&mut self) -> Reply {
        let shared = Rc::clone(&self.shared);
        let settings = &shared.base.settings;
        let now = jiff::Timestamp::now().to_zoned(shared.zone.clone());
        let random = shared.random.borrow_mut().next_u32().unwrap_or(0);
        let text = match &shared.greeting {
            GreetingText::Default => None,
            GreetingText::Fixed(text) => Some(text.as_slice()),
            GreetingText::Fortunes(fortunes) => banner::choose_fortune(fortunes, random.into()),
        };
        banner::greeting(&banner::GreetingFacts {
            text,
            user: Some((
                shared.counts.sessions() as usize,
                settings.limits.max_clients as usize,
            )),
            time: (now.hour().unsigned_abs(), now.minute().unsigned_abs()),
            port: self.local.port(),
            anonymous_only: self.anonymous_only,
            no_anonymous: settings.login.no_anonymous,
            fxp: settings.network.anonymous_fxp,
            ratio: settings
                .limits
                .anonymous_ratio
                .map(|ratio| banner::RatioNotice {
                    everyone: false,
                    upload: ratio.up.into(),
                    download: ratio.down.into(),
                }),
            ipv6_welcome: shared.listens_on_ipv6 && self.peer.is_ipv4(),
            idle_seconds: settings.limits.idle.as_secs(),
        })
    }

    fn goodbye(&self) -> Reply {
        crate::proto::transfer_text::goodbye(self.totals.uploaded, self.totals.downloaded)
    }

    /// Says the last word and closes, so that it arrives.
    async fn part(&mut self, end: End) {
        let handle = self.shared.handle.clone();
        if let Some(reply) = self.last_word(end) {
            self.send(&reply);
        }
        self.log(Severity::Info, format_args!("{}", self.reason(end)));
        // Nothing that belongs to an account outlives the session's last command.
        self.data = Data::None;
        if end == End::Gone {
            return;
        }
        let flushed = handle.until(handle.now() + LAST_REPLY, self.control.flush());
        if !matches!(flushed.await, Some(Ok(()))) {
            return;
        }
        self.control.say_end();
        if end != End::Quit || self.control.has_line() {
            // Closing with input unread makes the kernel reset the connection, and the reply may be lost with it.
            let until = handle.now() + LAST_INPUT;
            handle.until(until, self.control.drain()).await;
        }
    }

    fn last_word(&self, end: End) -> Option<Reply> {
        let seconds = 2 * self.idle.as_secs();
        Some(match end {
            End::Gone | End::Quit | End::Refused | End::Foreign | End::NoTls => return None,
            End::Idle => Reply::new(421, "Timeout - try typing a little faster next time"),
            End::Pointless => {
                Reply::new(421, format!("Timeout (no operation for {seconds} seconds)"))
            }
            End::NoLogin => Reply::new(421, "Timeout - no login in time"),
            End::Flood => Reply::new(421, "Too much that is no FTP command, goodbye"),
            End::Stopping => Reply::new(421, "The server is shutting down"),
        })
    }

    fn reason(&self, end: End) -> String {
        match end {
            End::Idle => "Timeout - try typing a little faster next time".into(),
            End::Pointless => {
                format!(
                    "Timeout (no operation for {} seconds)",
                    2 * self.idle.as_secs()
                )
            }
            End::NoLogin => "Timeout - no login in time".into(),
            End::Flood => "Too much that is no FTP command".into(),
            End::Stopping => "Logout. The server is shutting down".into(),
            End::Gone | End::Quit | End::Refused | End::Foreign | End::NoTls => "Logout.".into(),
        }
    }

    /// Writes a record about this session.
    fn log(&self, severity: Severity, what: fmt::Arguments<'_>) {
        if self.counted.untold || !logs::enabled(severity) {
            return;
        }
        let account: &[u8] = match &self.who {
            Who::In(account) => &account.name,
            // A name here would let a stranger have somebody else's address banned.
            Who::Nobody | Who::Named(_) => b"?",
        };
        logs::session(severity, account, &self.peer.ip().to_string(), what);
    }

    fn log_command(&self, row: &Row, request: &Request) {
        if !logs::enabled(Severity::Debug) {
            return;
        }
        let argument: &[u8] = if row.rules.secret {
            b"<*>"
        } else {
            &request.argument
        };
        let verb = request.verb.as_str().to_ascii_lowercase();
        self.log(
            Severity::Debug,
            format_args!("Command [{verb}] [{}]", escape(argument)),
        );
    }
}

/// Tells the name of a client once the keeper knows it; no client waits for that.
async fn log_name(shared: Rc<Shared>, address: IpAddr) {
    let Some(link) = &shared.link else {
        return;
    };
    if let Some(name) = link.name(address).await {
        let (text, line) = (address.to_string(), format_args!("{address} is {name}"));
        logs::session(Severity::Info, b"?", &text, line);
    }
}

/// A command that waits, for a disk that does not answer, say: the client's end ends it, and the server's. A type of its
/// own since an async block would keep each part twice, in every idle session.
struct Attended<'a> {
    running: commands::Waiting<'a>,
    watch: Option<Watch>,
    shared: Rc<Shared>,
}

impl Future for Attended<'_> {
    type Output = Result<Reply, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(outcome) = self.running.as_mut().poll(context) {
            return Poll::Ready(outcome);
        }
        if self.shared.stopping.get() == Stopping::Now {
            return Poll::Ready(Err(Refusal::ShuttingDown));
        }
        match &self.watch {
            Some(watch) => watch
                .poll_broken(context)
                .map(|()| Err(Refusal::End(End::Gone))),
            None => Poll::Pending,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.control
                .last_words(&Reply::new(421, "Internal error, goodbye"));
        }
    }
}

/// A reply as one line of a log.
struct ReplyText<'a>(&'a Reply);

impl fmt::Display for ReplyText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::new();
        self.0.write_to(&mut bytes);
        let text = bytes.trim_ascii_end();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let separator = if index == 0 { "" } else { " / " };
            write!(formatter, "{separator}{}", escape(line.trim_ascii_end()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
