//! Where accounts come from (`-l`): each source is a file here and a row.
//!
//! A source runs in a check worker, with root's rights and nothing else to do: it may sleep. It says who a user is and
//! whether the password fits; whether that user may come in, and where, is decided after it, in one place for all.

use super::message::{Check, Limits};

/// What a source knows of a user whose password fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// User number.
    pub uid: u32,
    /// Main group.
    pub gid: u32,
    /// The system user whose groups the account has besides; none for accounts that are not of this machine.
    pub system_name: Option<Vec<u8>>,
    /// The home directory as the source has it, with `/./` where it parts root and start.
    pub home: Vec<u8>,
    /// Limits of the account.
    pub limits: Limits,
}

/// What a source says of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This is the user, and may come in as far as this source knows.
    Accepted(Box<Found>),
    /// No such user here: the next source is asked. As much work was done as for a user that exists (threats: C3).
    Unknown,
    /// This user, but not so: no further source is asked.
    Refused,
    /// The source could not be asked, for this reason (for the log; no secret in it).
    Broken(String),
}

/// A source, opened.
pub trait Source: Send {
    /// Checks a login. It may sleep, within some seconds.
    fn check(&mut self, question: &Check) -> Verdict;
}

/// A kind of source.
pub struct Row {
    /// Its name in `-l NAME[:ARGUMENT]`.
    pub name: &'static str,
    /// What the argument is, as help shows it; none where there is none.
    pub argument: Option<&'static str>,
    /// A sentence for help and manual.
    pub help: &'static str,
    /// Opens it; the error is one short line that names what is wrong with the argument.
    pub open: fn(argument: &str) -> Result<Box<dyn Source>, String>,
}

/// The kinds there are, in the order of help.
pub const ROWS: &[Row] = &[];

/// Finds the kind of `NAME[:ARGUMENT]` and opens it.
///
/// # Errors
/// One line: an unknown name, a missing argument, what the kind says.
pub fn open(spec: &str) -> Result<Box<dyn Source>, String> {
    let (name, argument) = spec.split_once(':').unwrap_or((spec, ""));
    match ROWS.iter().find(|row| row.name == name) {
        Some(row) => (row.open)(argument),
        None => Err(format!("there is no such source: {name}")),
    }
}
