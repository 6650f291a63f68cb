//! The server's side: questions out, answers in, each awaited by the session that asked.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::process::Pid;
use zeroize::Zeroize;

use super::message::{Answer, Check, Denial, Grant, LONGEST, Question, Shown};
use super::{seconds, wire};
use crate::reactor::{Direction, Handle, Io, Priority};
use crate::sys::process;

/// Logins in flight; more are told to come again (threats: C4).
const MOST_CHECKS: usize = 64;

/// Names being looked up; more clients stay without one.
const MOST_NAMES: usize = 64;

/// Handshakes that wait for a certificate; more are refused (threats: C4).
const MOST_CERTIFICATES: usize = 64;

/// How long a session waits for the answer to its login (threats: C8).
const CHECK_DEADLINE: Duration = Duration::from_secs(10);

/// How long for a certificate: connecting to the program of `-3` and its answer.
const CERTIFICATE_DEADLINE: Duration = Duration::from_secs(9);

/// How long for a bound socket, a name and a file.
const SHORT_DEADLINE: Duration = Duration::from_secs(3);

/// The server's ends of the pairs.
pub struct Ends {
    /// The keeper's process.
    pub keeper: Pid,
    pub(super) checks: OwnedFd,
    pub(super) names: OwnedFd,
    pub(super) opens: OwnedFd,
    pub(super) certificates: OwnedFd,
    /// Whether there are sources of accounts.
    pub(super) has_accounts: bool,
    /// [`Plan::is_vital`](super::Plan::is_vital)
    pub(super) is_vital: bool,
}

/// The way to the keeper. Cloning is cheap.
#[derive(Clone)]
pub struct Link {
    checks: Rc<Lane>,
    names: Rc<Lane>,
    opens: Rc<Lane>,
    certificates: Rc<Lane>,
    has_accounts: bool,
    is_vital: bool,
}

/// A login that was granted.
pub struct Granted {
    /// The account.
    pub grant: Grant,
    /// What the log should know besides.
    pub note: String,
    /// The root directory, opened as the user.
    pub root: OwnedFd,
    /// Closing it ends the session that a source opened (PAM).
    pub session: Option<OwnedFd>,
}

/// Why a login was not granted, as the server hears it.
#[derive(Debug, PartialEq, Eq)]
pub enum NotGranted {
    /// The keeper's answer, and what the log should know.
    Denied(Denial, String),
    /// Too many logins wait.
    Busy,
    /// No answer in time, or no keeper any more.
    NoAnswer,
}

/// The certificate a client is shown.
pub enum Chosen {
    /// None, for the reason that the log should know; it is empty where the program of `-3` denied one.
    Nothing(String),
    /// One of `-2`, with what the log should know.
    Configured(String),
    /// That of a file.
    Files {
        /// Its path, for the log.
        path: String,
        /// The certificate, and its chain.
        certificate: OwnedFd,
        /// The key, where it has a file of its own.
        key: Option<OwnedFd>,
        /// Whether a certificate of `-2` takes its place where it cannot be used.
        or_configured: bool,
    },
}

impl Link {
    /// Takes the ends onto the loop.
    pub fn new(handle: &Handle, ends: Ends) -> Link {
        Link {
            checks: Lane::new(handle, ends.checks),
            names: Lane::new(handle, ends.names),
            opens: Lane::new(handle, ends.opens),
            certificates: Lane::new(handle, ends.certificates),
            has_accounts: ends.has_accounts,
            is_vital: ends.is_vital,
        }
    }

    /// May this client log in?
    ///
    /// # Errors
    /// [`NotGranted`].
    pub async fn check(&self, check: Check) -> Result<Granted, NotGranted> {
        if !self.has_accounts {
            return Err(NotGranted::Denied(Denial::Credentials, String::new()));
        }
        if self.checks.waiting() >= MOST_CHECKS {
            return Err(NotGranted::Busy);
        }
        let answer = self
            .checks
            .ask(&Question::Check(check), CHECK_DEADLINE)
            .await;
        match answer {
            Ok((Answer::Granted(grant, note), mut descriptors)) if !descriptors.is_empty() => {
                let root = descriptors.remove(0);
                Ok(Granted {
                    grant: *grant,
                    note,
                    root,
                    session: descriptors.pop(),
                })
            }
            Ok((Answer::Denied(denial, note), _)) => Err(NotGranted::Denied(denial, note)),
            Ok(_) | Err(_) => Err(NotGranted::NoAnswer),
        }
    }

    /// A socket bound to `local`, for a port only root may use.
    ///
    /// # Errors
    /// What bind(2) gave the keeper; [`ErrorKind::TimedOut`] and [`ErrorKind::BrokenPipe`] without an answer.
    pub async fn bind(&self, local: SocketAddr) -> io::Result<OwnedFd> {
        match self
            .opens
            .ask(&Question::Bind(local), SHORT_DEADLINE)
            .await?
        {
            (Answer::Bound, mut descriptors) => {
                descriptors.pop().ok_or(ErrorKind::InvalidData.into())
            }
            (Answer::Failed(errno), _) => Err(io::Error::from_raw_os_error(errno)),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// The name of an address, if it has one and it is found in time.
    pub async fn name(&self, address: IpAddr) -> Option<String> {
        if self.names.waiting() >= MOST_NAMES {
            return None;
        }
        match self
            .names
            .ask(&Question::Name(address), SHORT_DEADLINE)
            .await
        {
            Ok((Answer::Name(name), _)) => name,
            _ => None,
        }
    }

    /// The address that the name of `-P` has now; none where it cannot be found in time.
    pub async fn passive_address(&self) -> Option<Ipv4Addr> {
        match self.names.ask(&Question::Passive, SHORT_DEADLINE).await {
            Ok((Answer::Passive(address), _)) => address,
            _ => None,
        }
    }

    /// Opens anew the file at this place in [`Plan::reopened`](super::Plan::reopened).
    ///
    /// # Errors
    /// What open(2) gave the keeper, and as for [`Link::bind`].
    pub async fn reopen(&self, place: u16) -> io::Result<OwnedFd> {
        let question = Question::Reopen(place);
        match self.opens.ask(&question, SHORT_DEADLINE).await? {
            (Answer::Reopened, mut descriptors) => {
                descriptors.pop().ok_or(ErrorKind::InvalidData.into())
            }
            (Answer::Failed(errno), _) => Err(io::Error::from_raw_os_error(errno)),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// The certificate for a client that asks for this name.
    ///
    /// # Errors
    /// [`ErrorKind::ResourceBusy`] when too many wait; without an answer as for [`Link::bind`].
    pub async fn certificate(&self, name: &str) -> io::Result<Chosen> {
        if self.certificates.waiting() >= MOST_CERTIFICATES {
            return Err(ErrorKind::ResourceBusy.into());
        }
        let question = Question::Certificate(name.to_owned());
        let asked = self.certificates.ask(&question, CERTIFICATE_DEADLINE);
        match asked.await? {
            (Answer::Shown(Shown::Nothing, told), _) => Ok(Chosen::Nothing(told)),
            (Answer::Shown(Shown::Configured, told), _) => Ok(Chosen::Configured(told)),
            (Answer::Shown(Shown::Files { or_configured }, path), descriptors) => {
                let mut descriptors = descriptors.into_iter();
                Ok(Chosen::Files {
                    path,
                    certificate: descriptors.next().ok_or(ErrorKind::InvalidData)?,
                    key: descriptors.next(),
                    or_configured,
                })
            }
            (Answer::Failed(errno), _) => Err(io::Error::from_raw_os_error(errno)),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// Has the databases read again if they changed, and says what is wrong with them; empty where nothing is.
    ///
    /// # Errors
    /// As for [`Link::bind`].
    pub async fn look(&self) -> io::Result<String> {
        self.looked(&Question::Look).await
    }

    /// Which sources take long over a password, in words; empty if none does. A worker makes one check of each for it.
    ///
    /// # Errors
    /// As for [`Link::bind`].
    pub async fn costs(&self) -> io::Result<String> {
        self.looked(&Question::Costs).await
    }

    async fn looked(&self, question: &Question) -> io::Result<String> {
        match self.checks.ask(question, CHECK_DEADLINE).await? {
            (Answer::Looked(note), _) => Ok(note),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// Whether the keeper is gone, and with it more than the names of clients: no more logins then.
    pub fn is_missed(&self) -> bool {
        self.is_vital && self.checks.broken.get()
    }
}

type Arrived = (Answer, Vec<OwnedFd>);

enum Pending {
    Waiting(Option<Waker>),
    Arrived(Arrived),
    Lost,
}

/// One pair: who waits for which number.
struct Lane {
    handle: Handle,
    socket: OwnedFd,
    pending: RefCell<HashMap<u64, Pending>>,
    last: Cell<u64>,
    broken: Cell<bool>,
}

impl Lane {
    fn new(handle: &Handle, socket: OwnedFd) -> Rc<Lane> {
        let lane = Rc::new(Lane {
            handle: handle.clone(),
            socket,
            pending: RefCell::default(),
            last: Cell::new(0),
            broken: Cell::new(false),
        });
        handle.spawn(read_answers(Rc::clone(&lane)));
        lane
    }

    fn waiting(&self) -> usize {
        self.pending.borrow().len()
    }

    async fn ask(self: &Rc<Lane>, question: &Question, patience: Duration) -> io::Result<Arrived> {
        if self.broken.get() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        let until = seconds() + patience.as_secs();
        let mut message = wire::question(number, until, question);
        let sent = process::send(&self.socket, &message, &[]);
        message.zeroize();
        sent?;
        self.pending
            .borrow_mut()
            .insert(number, Pending::Waiting(None));
        let waiting = Waiting {
            lane: Rc::clone(self),
            number,
        };
        let deadline = self.handle.now() + patience;
        match self.handle.until(deadline, waiting).await {
            Some(answer) => answer,
            None => Err(ErrorKind::TimedOut.into()),
        }
    }

    fn arrived(&self, number: u64, arrived: Arrived) {
        let mut pending = self.pending.borrow_mut();
        // An answer that nobody waits for any more is dropped, and with it its descriptor.
        if let Some(place) = pending.get_mut(&number) {
            let before = std::mem::replace(place, Pending::Arrived(arrived));
            drop(pending);
            if let Pending::Waiting(Some(waker)) = before {
                waker.wake();
            }
        }
    }

    fn fail_all(&self) {
        self.broken.set(true);
        let wakers: Vec<Waker> = self
            .pending
            .borrow_mut()
            .values_mut()
            .filter_map(|place| match std::mem::replace(place, Pending::Lost) {
                Pending::Waiting(waker) => waker,
                Pending::Arrived(_) | Pending::Lost => None,
            })
            .collect();
        for waker in wakers {
            waker.wake();
        }
    }
}

struct Waiting {
    lane: Rc<Lane>,
    number: u64,
}

impl Future for Waiting {
    type Output = io::Result<Arrived>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Arrived>> {
        let mut pending = self.lane.pending.borrow_mut();
        let Some(place) = pending.get_mut(&self.number) else {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        };
        match std::mem::replace(place, Pending::Waiting(Some(context.waker().clone()))) {
            Pending::Waiting(_) => Poll::Pending,
            Pending::Arrived(arrived) => Poll::Ready(Ok(arrived)),
            Pending::Lost => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.lane.pending.borrow_mut().remove(&self.number);
    }
}

/// Takes answers in until the keeper is gone.
async fn read_answers(lane: Rc<Lane>) {
    let Ok(socket) = lane.socket.try_clone() else {
        return lane.fail_all();
    };
    let mut io = Io::new(&lane.handle, socket, Priority::Control);
    let mut buffer = vec![0; LONGEST];
    loop {
        let received = io
            .io(Direction::Read, |socket| {
                process::receive(socket, &mut buffer)
            })
            .await;
        let Ok((length, descriptors)) = received else {
            return lane.fail_all();
        };
        if length == 0 {
            return lane.fail_all();
        }
        if let Ok((number, answer)) = wire::read_answer(&buffer[..length]) {
            lane.arrived(number, (answer, descriptors));
        }
    }
}
