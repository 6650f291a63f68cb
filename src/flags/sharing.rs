//! The flags under "Sharing": one folder, shared from the shell for a while.

use crate::units::{Lifetime, WriteMode};
use clap::Args;
use std::path::PathBuf;

/// One folder, shared from the shell for a while.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Sharing")]
pub struct Sharing {
    /// Share this directory, or the current one, with whoever comes
    ///
    /// Everybody can fetch what is in it and nobody can change it; names that begin with a dot are hidden. No root is
    /// needed: the server acts as whoever started it, or, started by root, as the owner of the directory. It listens
    /// on port 2121, or the next free one up to 2130, and takes data connections on ports 50000 to 50019; it says on
    /// standard output under which addresses clients find it and what to type there, and on a terminal it shows who
    /// transfers what. Ctrl-C ends it. The root directory and a home directory are refused without --yes. All other
    /// flags that have to do with this go before what is said here, such as -S, -p and -z; -l, -e, -E, -B and
    /// --anonymousroot cannot stand beside it.
    #[arg(long = "serve", value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    pub serve: Option<PathBuf>,

    /// Let those who know a password change the directory of --serve
    ///
    /// There is one user then, named share, with a password made for the occasion: it is part of the addresses that
    /// are printed. With =drop there is none: everybody can leave files and nobody can list, fetch, overwrite or
    /// change any; a name that is taken gets a number behind it.
    #[arg(
        long = "write",
        value_name = "drop",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    pub write: Option<WriteMode>,

    /// End --serve after this time
    ///
    /// A number of seconds, or with a letter behind it of minutes, hours or days: 90, 30m, 2h, 1d. Transfers under way may finish
    /// within the time of --drain.
    #[arg(long = "for", value_name = "TIME")]
    pub stop_after: Option<Lifetime>,

    /// End --serve when one file was transferred whole
    #[arg(long = "once")]
    pub once: bool,

    /// Draw the first address of --serve as a code for the cameras of phones
    #[arg(long = "qr")]
    pub qr: bool,

    /// Share the root directory or a home directory if asked to
    ///
    /// It is for --serve, which refuses them without it.
    #[arg(long = "yes")]
    pub yes: bool,
}
