//! Every way to say no, with its one reply code and its words.
//!
//! Words are Pure-FTPd's where it has them. What the client learns is the kernel's word for the error (missing,
//! permission) and never anything about the inside of the machine.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use super::End;
use crate::proto::reply::{Reply, Text};
use crate::sys::words;
use crate::units::Ratio;

/// Pure-FTPd's words for what cannot be read.
const CANNOT_OPEN: &str = "Can't open ";

/// Why a command was not done.
#[derive(Debug)]
pub enum Refusal {
    /// The session ends; whoever ends it has said what there is to say.
    End(End),

    // The line itself.
    /// 500: not in the table.
    UnknownCommand,
    /// 500: no verb at the start of the line.
    NotACommand,
    /// 501: a byte no argument may hold.
    ControlByte,
    /// 500: longer than a line may be.
    LineTooLong,
    /// 501: the command needs an argument; the words say which.
    Missing(&'static str),
    /// 501: the argument is not of the command's form; the words say what is wrong.
    Malformed(&'static str),
    /// 500: a SITE without a word.
    SiteWithoutWord,
    /// 500: a word SITE does not know.
    UnknownSite(Vec<u8>),
    /// 502: SITE ALIAS without an aliases file.
    NoAliases,
    /// 502.
    UnknownAlias(Vec<u8>),
    /// 502: HELP for what is no command.
    NoHelp,
    /// 503: HOST has its place before USER (RFC 7151, section 3.3).
    HostAfterLogin,
    /// Protection that this server does not offer, with RFC 4217's code.
    NoSecurity(u16, &'static str),
    /// 421 in two lines and the end: `-Y 2`, `-Y 3`.
    NotInClear,
    /// 521: `-Y 3`, PROT C (RFC 4217, section 8).
    DataNotInClear,
    /// 522: no keys could be made on the data connection.
    DataNotSecured,
    /// 522: `--requiretlsreuse`.
    ReuseRequired,
    /// 522: without the certificate of the control connection.
    CertificateOfAnother,
    /// 504: the argument is well formed and means something not done here.
    NotImplemented(&'static str),

    // Who may.
    /// 530.
    NotLoggedIn,
    /// 503: `PASS` without `USER`.
    UserFirst,
    /// 530.
    LoginFailed,
    /// 530: `--tlsclientname`.
    NameOfAnother,
    /// 530: with `-e` or on an address for anonymous clients, names other than theirs.
    OnlyAnonymous,
    /// 421 and the end: no account to serve anonymous clients with.
    NoAnonymousAccount,
    /// 421 and the end: as many anonymous clients as `-y` allows.
    TooManyAnonymous(u32),
    /// 530: the user number is too low.
    Untrusted,
    /// 530: longer than any password.
    PasswordTooLong,
    /// 421 and the end: the account has no home to be in.
    NoHome,
    /// 421: more logins at once than the keeper takes.
    TooManyLogins,
    /// 421 and the end: as many sessions of the account as are allowed.
    TooManySessions(u32),
    /// 530: `PASS` after a login.
    AlreadyLoggedIn,
    /// 530: `USER` after a login; REIN goes back to before it.
    SecondUser,

    // Names.
    /// 553: a name that flags forbid.
    Prohibited(Vec<u8>),
    /// 553: a name longer than the server keeps.
    NameTooLong,
    /// 553: an anonymous upload's name with something in it that could deceive.
    DeceptiveName,

    // What this client may not do.
    /// 550: `--denycommands`, `--allowcommands`.
    CommandDenied,
    /// 550: the words name the deed.
    Forbidden(&'static str),
    /// 553: an anonymous upload onto an existing name.
    NoOverwrite,
    /// 550 in two lines: the owner is the anonymous user.
    NotYetApproved,
    /// 550: `--worldreadableonly`, in the words the kernel's own refusal has.
    NotForEverybody(Vec<u8>),
    /// 550 in three lines: `-m`.
    LoadTooHigh(f64),
    /// 550: the download would break the ratio.
    RatioExceeded {
        /// What holds.
        ratio: Ratio,
        /// Bytes of this session so far.
        uploaded: u64,
        /// Likewise.
        downloaded: u64,
    },

    // Files.
    /// 550: opening for reading.
    CannotOpen(Vec<u8>, io::Error),
    /// 553: opening for writing.
    CannotStore(io::Error),
    /// 550: neither file nor anything that can be sent.
    NotRegular,
    /// 550: SIZE, MDTM and the like of what is not there.
    NoSuchFile(io::Error),
    /// 550: RNFR of what is not there.
    NothingToRename,
    /// 550: entering a directory.
    CannotEnter(Vec<u8>, io::Error),
    /// 550: with the deed in front, as `Can't create directory`.
    Failed(&'static str, io::Error),
    /// 550: with the deed and the name in front, as `Could not delete f`.
    FailedOn(&'static str, Vec<u8>, io::Error),
    /// 451: RNTO that did not work.
    RenameFailed(io::Error),
    /// 554 in two lines: REST beyond the end.
    RestartTooLarge {
        /// What was asked.
        offset: u64,
        /// What there is.
        size: u64,
    },
    /// 554 in two lines.
    RestartNotANumber,
    /// 503: REST under TYPE A.
    AsciiRestart,
    /// 503.
    RenameFromFirst,

    // Data connections.
    /// 425.
    NoDataConnection,
    /// 425: nobody answered where the client sent us.
    DataConnectionTimedOut,
    /// 425: nobody came to our port of this number.
    NobodyCame(u16),
    /// 425: connecting failed.
    CannotConnect(u16, io::Error),
    /// 425.
    AllPortsBusy,
    /// 425: PASV on a connection that has no IPv4 address.
    PassiveNeedsIpv4,
    /// 501: no address in the argument.
    AddressSyntax,
    /// 501.
    LowPort,
    /// 500: an address of somebody else.
    OtherAddress {
        /// Where the client sent us.
        asked: IpAddr,
        /// Where we go.
        owner: IpAddr,
    },
    /// 522 (RFC 2428, section 2).
    UnsupportedFamily,
    /// 522: EPSV with a family other than the control connection's.
    OtherFamily {
        /// Whether the control connection is over IPv4.
        ipv4: bool,
    },
    /// 425: the kernel gave no listening socket.
    NoListener(io::Error),
    /// 501: `--noactive`, or after EPSV ALL.
    ActiveDisabled,
    /// 501: after EPSV ALL.
    OnlyExtendedPassive,
    /// 520: ESTA, ESTP without their connection.
    NothingToEstablish(&'static str),

    // Transfers.
    /// 426: the client sent ABOR.
    Aborted,
    /// 426: the data connection broke.
    DataConnectionBroke,
    /// 426: the data connection ended, and TLS did not say that this was the end.
    CutShort,
    /// 426: nothing moved for as long as `--datatimeout`.
    Stalled,
    /// 451: the file ended before its size at the start.
    FileShrank,
    /// 451: reading the file.
    ReadError(io::Error),
    /// 452, 552 or 451: writing the file.
    WriteError(io::Error),
    /// 552: `-k`.
    DiskFull,
    /// 552: `--maxuploadsize`.
    TooLarge(u64),
    /// 552: `--maxsessionbytes`, `--maxsessionfiles`.
    SessionLimit,
    /// 552: the quota has no place for this name.
    QuotaExceeded(Vec<u8>),
    /// 552: likewise, with what the account has.
    QuotaExceededBy(Vec<u8>, Vec<Text>),
    /// 552: the quota was reached in mid-transfer; with what the account has.
    QuotaReached(Vec<u8>, Vec<Text>),
    /// 421: the server stops.
    ShuttingDown,
    /// 452: too many clients wait for the same disk.
    Busy,
}

impl Refusal {
    /// The reply, except for [`Refusal::End`], where there is none.
    pub fn reply(&self) -> Option<Reply> {
        Some(match self {
            Self::End(_) => return None,

            Self::UnknownCommand => Reply::new(500, "Unknown command"),
            Self::NotACommand => Reply::new(500, "A command begins with its name"),
            Self::ControlByte => Reply::new(501, "Control characters are not allowed in a command"),
            Self::LineTooLong => Reply::new(500, "Line too long"),
            Self::Missing(what) | Self::Malformed(what) => Reply::new(501, *what),
            Self::NotImplemented(what) => Reply::new(504, *what),
            Self::SiteWithoutWord => Reply::new(500, "SITE: Missing argument"),
            Self::UnknownSite(word) => Reply::new(
                500,
                [b"SITE ", word.as_slice(), b" is an unknown extension"].concat(),
            ),
            Self::NoAliases => Reply::new(502, "Configuration error"),
            Self::UnknownAlias(alias) => {
                Reply::new(502, [b"Unknown alias ", alias.as_slice(), b"."].concat())
            }
            Self::NoHelp => Reply::new(502, "Unknown command"),
            Self::HostAfterLogin => Reply::new(503, "HOST comes before USER"),
            Self::NoSecurity(code, what) => Reply::new(*code, *what),
            Self::NotInClear => Reply::new(
                421,
                "Sorry, cleartext sessions and weak ciphers are not accepted on this server.",
            )
            .line("Please reconnect using TLS security mechanisms."),
            Self::DataNotInClear => Reply::new(
                521,
                "Data connection cannot be opened with this PROT setting.",
            ),
            Self::DataNotSecured => {
                Reply::new(522, "The TLS handshake on the data connection failed")
            }
            Self::ReuseRequired => Reply::new(
                522,
                "The data connection must resume the TLS session of the control connection",
            ),

            Self::CertificateOfAnother => Reply::new(
                522,
                "The data connection must show the certificate of the control connection",
            ),

            Self::NotLoggedIn => Reply::new(530, "You aren't logged in"),
            Self::UserFirst => Reply::new(530, "Please tell me who you are"),
            Self::LoginFailed => Reply::new(530, "Login authentication failed"),
            Self::NameOfAnother => Reply::new(530, "Your certificate has another name"),
            Self::OnlyAnonymous => Reply::new(530, "Only anonymous FTP is allowed here"),
            Self::NoAnonymousAccount => Reply::new(421, "Unable to set up secure anonymous FTP"),
            Self::TooManyAnonymous(limit) => Reply::new(
                421,
                format!("I can't accept more than {limit} connections as the same user"),
            ),
            Self::Untrusted => Reply::new(530, "Sorry, but I can't trust you"),
            Self::PasswordTooLong => Reply::new(530, "Line too long"),
            Self::NoHome => Reply::new(421, "Home directory not available - aborting"),
            Self::TooManyLogins => {
                Reply::new(421, "Too many logins at once, please try again later")
            }
            Self::TooManySessions(limit) => Reply::new(
                421,
                format!("I can't accept more than {limit} connections as the same user"),
            ),
            Self::SecondUser => Reply::new(530, "You're already logged in"),
            Self::AlreadyLoggedIn => Reply::new(530, "We can't do that in the current session"),

            Self::Prohibited(name) => named(553, "Prohibited file name: ", name),
            Self::NameTooLong => Reply::new(553, "That name is too long"),
            Self::DeceptiveName => {
                Reply::new(553, "That name is not allowed for anonymous uploads")
            }

            Self::CommandDenied => Reply::new(550, "Permission denied"),
            Self::Forbidden(what) => Reply::new(550, *what),
            Self::NoOverwrite => {
                Reply::new(553, "Anonymous users may not overwrite existing files")
            }
            Self::NotYetApproved => Reply::new(
                550,
                "This file has been uploaded by an anonymous user. It has not",
            )
            .line("yet been approved for downloading by the site administrators."),
            Self::NotForEverybody(name) => {
                let words = [name.as_slice(), b": Permission denied"].concat();
                named(550, CANNOT_OPEN, &words)
            }
            Self::LoadTooHigh(load) => Reply::new(
                550,
                format!("The load was {load:.2} when you connected. We do not allow downloads"),
            )
            .line("by anonymous users when the load is that high. Uploads are always")
            .line("allowed."),
            Self::RatioExceeded {
                ratio,
                uploaded,
                downloaded,
            } => Reply::new(
                550,
                format!(
                    "Sorry, but the upload/download ratio is {}:{} .",
                    ratio.up, ratio.down
                ),
            )
            .line(format!(
                "You currently uploaded {} Kb and downloaded {} Kb.",
                uploaded / 1024,
                downloaded / 1024
            ))
            .line("Please upload some goodies and try leeching later."),

            Self::CannotOpen(name, error) => {
                transient(error).unwrap_or_else(|| named_error(550, CANNOT_OPEN, name, error))
            }
            Self::CannotStore(error) => transient(error)
                .unwrap_or_else(|| failed(storage_code(error, 553), "Can't open that file", error)),
            Self::NotRegular => Reply::new(550, "I can only retrieve regular files"),
            Self::NoSuchFile(error) => transient(error)
                .unwrap_or_else(|| Reply::new(550, "Can't check for file existence")),
            Self::NothingToRename => Reply::new(550, "Sorry, but that file doesn't exist"),
            Self::CannotEnter(name, error) => transient(error)
                .unwrap_or_else(|| named_error(550, "Can't change directory to ", name, error)),
            Self::Failed(deed, error) => {
                transient(error).unwrap_or_else(|| failed(storage_code(error, 550), deed, error))
            }
            Self::FailedOn(deed, name, error) => {
                transient(error).unwrap_or_else(|| named_error(550, deed, name, error))
            }
            Self::RenameFailed(error) => {
                transient(error).unwrap_or_else(|| failed(451, "Rename/move failure", error))
            }
            Self::RestartTooLarge { offset, size } => Reply::new(
                554,
                format!("Restart offset {offset} is too large for file size {size}."),
            )
            .line("Restart offset reset to 0"),
            Self::RestartNotANumber => {
                Reply::new(554, "REST needs a numeric parameter").line("Restart offset reset to 0")
            }
            Self::AsciiRestart => {
                Reply::new(503, "ASCII resume is unsafe, please delete the file first")
            }
            Self::RenameFromFirst => Reply::new(503, "Need RNFR before RNTO"),

            Self::NoDataConnection => Reply::new(425, "No data connection"),
            Self::DataConnectionTimedOut => {
                Reply::new(425, "The data connection was not opened in time")
            }
            Self::NobodyCame(port) => Reply::new(
                425,
                format!(
                    "No data connection came to port {port} in time, does a firewall keep it off?"
                ),
            ),
            Self::CannotConnect(port, error) => Reply::new(
                425,
                format!(
                    "Could not open data connection to port {port}: {}",
                    words(error)
                ),
            ),
            Self::AllPortsBusy => Reply::new(425, "All reserved TCP ports are busy"),
            Self::PassiveNeedsIpv4 => Reply::new(
                425,
                "You cannot use PASV on IPv6 connections. Use EPSV instead.",
            ),
            Self::AddressSyntax => Reply::new(501, "Syntax error in IP address"),
            Self::LowPort => Reply::new(501, "Sorry, but I won't connect to ports < 1024"),
            Self::OtherAddress { asked, owner } => Reply::new(
                500,
                format!("I won't open a connection to {asked} (only to {owner})"),
            ),
            Self::UnsupportedFamily => Reply::new(522, "Only IPv4 and IPv6 are supported (1,2)"),
            Self::OtherFamily { ipv4: true } => {
                Reply::new(522, "Only IPv4 is possible on this connection, use (1)")
            }
            Self::OtherFamily { ipv4: false } => {
                Reply::new(522, "Only IPv6 is possible on this connection, use (2)")
            }
            Self::NoListener(error) => failed(425, "Can't create the data socket", error),
            Self::ActiveDisabled => Reply::new(501, "Active mode is disabled"),
            Self::OnlyExtendedPassive => Reply::new(501, "Only EPSV is allowed after EPSV ALL"),
            Self::NothingToEstablish(words) => Reply::new(520, *words),

            Self::Aborted => Reply::new(426, "Transfer aborted"),
            Self::DataConnectionBroke => Reply::new(
                426,
                "The data connection was closed before the end of the transfer",
            ),
            Self::CutShort => Reply::new(
                426,
                "The data connection ended without the message of TLS that says so",
            ),
            Self::Stalled => Reply::new(426, "Timeout: no data was moved for too long"),
            Self::FileShrank => Reply::new(
                451,
                "Transfer aborted: the file became shorter while it was sent",
            ),
            Self::ReadError(error) => failed(451, "Error during read from file", error),
            Self::WriteError(error) => failed(
                storage_code(error, 451),
                "Error during write to file",
                error,
            ),
            Self::DiskFull => Reply::new(552, "Disk full - please upload later"),
            Self::TooLarge(limit) => Reply::new(
                552,
                format!("Transfer aborted: files may not be larger than {limit} bytes"),
            ),
            Self::SessionLimit => Reply::new(552, "You have uploaded as much as one session may"),
            Self::QuotaExceeded(name) => Reply::new(552, quota_exceeded(name)),
            Self::QuotaExceededBy(name, usage) => {
                let lines = [quota_exceeded(name).into()];
                Reply::lines(552, lines.into_iter().chain(usage.iter().cloned()))
            }
            Self::QuotaReached(name, usage) => {
                let first: [Text; 1] = ["Transfer aborted (quota)".into()];
                let lines = first.into_iter().chain(usage.iter().cloned());
                Reply::lines(552, lines).line(quota_exceeded(name))
            }
            Self::ShuttingDown => Reply::new(421, "The server is shutting down"),
            Self::Busy => Reply::new(451, "The disk is busy, please try again later"),
        })
    }

    /// Whether the session ends after the reply.
    pub fn ends_session(&self) -> Option<End> {
        match self {
            Self::End(end) => Some(*end),
            Self::NotInClear
            | Self::NoAnonymousAccount
            | Self::TooManyAnonymous(_)
            | Self::NoHome
            | Self::TooManyLogins
            | Self::TooManySessions(_)
            | Self::ShuttingDown => Some(End::Refused),
            _ => None,
        }
    }
}

impl From<End> for Refusal {
    fn from(end: End) -> Refusal {
        Refusal::End(end)
    }
}

fn quota_exceeded(name: &[u8]) -> Vec<u8> {
    [b"Quota exceeded: [", name, b"] won't be saved"].concat()
}

fn named(code: u16, head: &str, name: &[u8]) -> Reply {
    Reply::new(code, [head.as_bytes(), name].concat())
}

fn named_error(code: u16, head: &str, name: &[u8], error: &io::Error) -> Reply {
    Reply::new(
        code,
        [head.as_bytes(), name, b": ", words(error).as_bytes()].concat(),
    )
}

fn failed(code: u16, deed: &str, error: &io::Error) -> Reply {
    Reply::new(code, format!("{deed}: {}", words(error)))
}

/// A reply for errors that say nothing about the file: a disk that does not answer, a race lost too often.
fn transient(error: &io::Error) -> Option<Reply> {
    match error.kind() {
        ErrorKind::TimedOut => Some(Reply::new(451, "The disk did not answer in time")),
        ErrorKind::ResourceBusy if error.raw_os_error().is_none() => Refusal::Busy.reply(),
        ErrorKind::WouldBlock => Some(Reply::new(
            450,
            "That name is being changed, please try again",
        )),
        _ => None,
    }
}

/// RFC 959 gives a full disk and a full quota codes of their own.
fn storage_code(error: &io::Error, otherwise: u16) -> u16 {
    match error.kind() {
        ErrorKind::StorageFull => 452,
        ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => 552,
        _ => otherwise,
    }
}
