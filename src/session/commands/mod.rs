//! The table of FTP commands. A row says everything about a command; its function stands in the family's file.

mod allowed;
mod edit;
mod facts;
mod login;
mod place;
mod secure;
mod site;
pub(super) mod transfer;

use std::future::Future;
use std::pin::Pin;

use super::Session;
use super::refusal::Refusal;
use crate::proto::reply::Reply;

pub use allowed::Allowed;
pub(super) use login::noop_reply as session_noop;

/// What a command's function gives when it has to wait.
pub type Waiting<'session> = Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + 'session>>;

/// A command's function.
#[derive(Clone, Copy)]
pub enum Run {
    /// Answers at once.
    Now(fn(&mut Session, &[u8]) -> Result<Reply, Refusal>),
    /// May have to wait: for a disk, for the data connection, for a timer.
    Waits(for<'session> fn(&'session mut Session, Vec<u8>) -> Waiting<'session>),
}

/// Whether a command has an argument.
#[derive(Clone, Copy)]
pub enum Argument {
    /// None is needed, and one given is the function's own business.
    Optional,
    /// Without one the answer is 501 with these words.
    Needed(&'static str),
}

/// What becomes of values that live for the next command only: the offset of REST, the source of RNFR.
#[derive(Clone, Copy)]
pub enum OneShot {
    /// Forgotten.
    Drops,
    /// The offset stays: this command prepares a transfer.
    KeepsRestart,
    /// This command is a transfer: the offset is handed to it.
    TakesRestart,
    /// The source is handed to this command.
    TakesRename,
}

impl OneShot {
    /// Whether nothing is left for later commands, however this one ends.
    pub(super) fn is_used_up(self) -> bool {
        matches!(self, OneShot::TakesRestart | OneShot::TakesRename)
    }
}

/// What a command does that an account may be denied as a whole.
#[derive(Clone, Copy)]
pub enum Does {
    /// Nothing of the kind.
    Other,
    /// Sends a file.
    Download,
    /// Shows what is in a directory.
    List,
    /// Likewise when it is given a name.
    ListIfNamed,
}

/// What is checked before a command's function runs.
#[derive(Clone, Copy)]
pub struct Rules {
    /// 530 without a login.
    pub needs_login: bool,
    /// The argument is not for the log.
    pub secret: bool,
    /// Counts as doing something, for the limit on sessions that only keep themselves alive.
    pub deed: bool,
    /// Says who the client is, or proves it: under `-Y 2` and `-Y 3` not in clear.
    pub logs_in: bool,
    /// Uses a data connection: under `-Y 3` not in clear.
    pub moves_data: bool,
    /// See [`Does`].
    pub does: Does,
    /// See [`OneShot`].
    pub once: OneShot,
}

impl Rules {
    /// Before and after a login.
    const FREE: Rules = Rules {
        needs_login: false,
        secret: false,
        deed: true,
        logs_in: false,
        moves_data: false,
        does: Does::Other,
        once: OneShot::Drops,
    };
    /// After a login only.
    const MEMBER: Rules = Rules {
        needs_login: true,
        ..Rules::FREE
    };
    /// Sets a transfer up.
    const SETUP: Rules = Rules {
        once: OneShot::KeepsRestart,
        ..Rules::MEMBER
    };
    /// Uses the offset that an earlier command left for it.
    const TRANSFER: Rules = Rules {
        once: OneShot::TakesRestart,
        moves_data: true,
        ..Rules::MEMBER
    };
    /// Sends a listing.
    const LISTING: Rules = Rules {
        moves_data: true,
        does: Does::List,
        ..Rules::MEMBER
    };
    /// Part of a login.
    const LOGIN: Rules = Rules {
        logs_in: true,
        ..Rules::FREE
    };

    const fn idle(self) -> Rules {
        Rules {
            deed: false,
            ..self
        }
    }

    const fn does(self, does: Does) -> Rules {
        Rules { does, ..self }
    }

    const fn keeps_restart(self) -> Rules {
        Rules {
            once: OneShot::KeepsRestart,
            ..self
        }
    }

    const fn secret(self) -> Rules {
        Rules {
            secret: true,
            ..self
        }
    }
}

/// What FEAT says of a command.
#[derive(Clone, Copy)]
pub enum Feature {
    /// Nothing.
    None,
    /// This line.
    Line(&'static str),
    /// A line that depends on the session, or none.
    Now(fn(&Session) -> Option<String>),
}

/// A command.
pub struct Row {
    /// Its name, in capitals.
    pub verb: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Whether it has an argument.
    pub argument: Argument,
    /// What is checked first.
    pub rules: Rules,
    /// What FEAT says of it.
    pub feature: Feature,
    /// Its syntax, for HELP.
    pub syntax: &'static str,
    /// Its function.
    pub run: Run,
}

impl Row {
    /// A row that FEAT does not mention and that has no other name.
    const fn new(
        verb: &'static str,
        syntax: &'static str,
        argument: Argument,
        rules: Rules,
        run: Run,
    ) -> Row {
        Row {
            verb,
            aliases: &[],
            argument,
            rules,
            feature: Feature::None,
            syntax,
            run,
        }
    }

    const fn also(self, aliases: &'static [&'static str]) -> Row {
        Row { aliases, ..self }
    }

    const fn feature(self, feature: Feature) -> Row {
        Row { feature, ..self }
    }
}

/// The families, in the order in which HELP and FEAT show them.
const FAMILIES: [&[Row]; 7] = [
    login::ROWS,
    place::ROWS,
    facts::ROWS,
    transfer::ROWS,
    edit::ROWS,
    site::ROWS,
    secure::ROWS,
];

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.into_iter().flatten()
}

/// The row of a verb in capitals.
pub fn find(verb: &str) -> Option<&'static Row> {
    rows().find(|row| row.verb == verb || row.aliases.contains(&verb))
}
