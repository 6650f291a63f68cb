//! What travels between the server and its keeper, and its form on the wire.
//!
//! One datagram of a SOCK_SEQPACKET pair is one message: a number that the answer repeats, in a question the second until
//! which its answer is waited for, a kind, then fields in a fixed order, each of fixed size or with its length in
//! front. A message that is too long, too short, of an unknown kind or with bytes left over is refused whole.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use zeroize::Zeroize;

/// The largest message.
pub const LONGEST: usize = 16 * 1024;

/// Longest user name, in bytes; the session cuts at Pure-FTPd's 127.
pub const LONGEST_NAME: usize = 127;

/// Longest password, in bytes; Pure-FTPd's limit.
pub const LONGEST_PASSWORD: usize = 511;

/// Longest path.
pub const LONGEST_PATH: usize = 4096;

/// Most supplementary groups of a user; Pure-FTPd's limit.
pub const MOST_GROUPS: usize = 256;

/// A password: never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }

    /// The bytes, for comparing and hashing.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// By what a client shows that it is the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The password as given, at most [`LONGEST_PASSWORD`] bytes.
    Password(Secret),
    /// A certificate, which the server has verified and whose name is the user's. The keeper takes the server's word for it under
    /// [`Plan::takes_certificates`](super::Plan::takes_certificates) alone.
    Certificate,
}

/// May this client log in?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The name as given, at most [`LONGEST_NAME`] bytes.
    pub user: Vec<u8>,
    /// By what it shows that it is the user.
    pub proof: Proof,
    /// The client's address.
    pub peer: IpAddr,
    /// Where the client came to.
    pub local: SocketAddr,
    /// Whether the control connection is protected.
    pub encrypted: bool,
    /// The server name the client asked for in TLS; empty without.
    pub sni: Vec<u8>,
}

/// A question on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The answer repeats it.
    pub number: u64,
    /// Nobody waits for the answer after this second of the monotonic clock, so a worker that comes to it later passes it over.
    pub until: u64,
    /// What is asked.
    pub question: Question,
}

/// What the server may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A login.
    Check(Check),
    /// A TCP socket bound to this address, for an active data connection from a port below 1024.
    Bind(SocketAddr),
    /// The name of a client's address.
    Name(IpAddr),
    /// The address of the name that `-P` gave at start.
    Passive,
    /// A file to be read again: its place in [`Plan::reopened`](super::Plan::reopened).
    Reopen(u16),
    /// Do password checks of these sources take long? Answered with [`Answer::Looked`].
    Costs,
    /// A look at the databases, without a login.
    Look,
    /// Which certificate a client is shown that asks for this name in its handshake; letters, digits, `.`, `-` and `_` only.
    Certificate(String),
}

/// What a client that asks for a name is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// No certificate: there is no handshake.
    Nothing,
    /// A certificate of `-2`.
    Configured,
    /// That of the file whose descriptor comes with the message, and behind it that of its key where that has a file of its
    /// own.
    Files {
        /// Whether a certificate of `-2` takes its place where it cannot be used.
        or_configured: bool,
    },
}

/// Limits of one account; none where a field is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a second to the server.
    pub upload_rate: Option<u64>,
    /// Bytes a second to the client.
    pub download_rate: Option<u64>,
    /// Upload and download parts of a ratio, each at least 1.
    pub ratio: Option<(u32, u32)>,
    /// Files the account may have.
    pub quota_files: Option<u64>,
    /// Bytes the account may have.
    pub quota_bytes: Option<u64>,
    /// Sessions at a time.
    pub sessions: Option<u32>,
}

/// A login that was granted. The descriptor of the root directory, opened as the user, comes with the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// User number; never 0 unless `-u 0`.
    pub uid: u32,
    /// Main group.
    pub gid: u32,
    /// Supplementary groups, at most [`MOST_GROUPS`].
    pub groups: Vec<u32>,
    /// The root directory as logs name it.
    pub root: Vec<u8>,
    /// Where below the root the session begins, with a slash in front.
    pub start: Vec<u8>,
    /// Whether the user is kept in the home directory (the words of the 230 reply say so).
    pub restricted: bool,
    /// Of the trusted group: dot files, no ratio, no quota.
    pub trusted: bool,
    /// What holds for this account.
    pub limits: Limits,
}

/// Why a login was not granted. Clients are told one and the same thing; the log learns more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No such user, or not this password, address or hour.
    Credentials,
    /// The user number is below `-u`, or is 0.
    Number(u32),
    /// The home directory is not there and could not be made.
    NoHome,
    /// A source could not be asked.
    Unavailable,
}

/// What the keeper answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a check, with what the log should know besides. The root's descriptor comes with it, and where the login has a
    /// session (PAM), one that ends it when closed.
    Granted(Box<Grant>, String),
    /// To a check, with what the log should know besides (no secret; cut to some hundred bytes).
    Denied(Denial, String),
    /// To a bind; the socket comes with the message.
    Bound,
    /// To a question for a name; letters, digits, `.`, `-` and `_` only.
    Name(Option<String>),
    /// To a question for the address of `-P`.
    Passive(Option<Ipv4Addr>),
    /// To a question for a file; its descriptor comes with the message.
    Reopened,
    /// To a look at the databases: what is wrong with them, empty where nothing is.
    Looked(String),
    /// To a question for a certificate, with the path of its file, or else with what the log should know.
    Shown(Shown, String),
    /// The thing asked for could not be done: an errno.
    Failed(i32),
}
