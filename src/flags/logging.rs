//! The flags under "Logging": what is recorded, and where it goes.

use crate::logs::Form;
use crate::logs::formats::TransferLog;
use crate::units::SyslogFacility;
use clap::Args;

/// What is recorded, and where it goes.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// Log to this facility of the system log
    ///
    /// A name that syslog.conf(5) knows, stderr or stdout for standard error or output, or none to log nothing at all. Without
    /// this flag a server in the foreground logs to its standard error, and one in the background or under inetd to the
    /// facility ftp.
    #[arg(short = 'f', long = "syslogfacility", value_name = "FACILITY")]
    pub syslog_facility: Option<SyslogFacility>,

    /// Write the log in this form
    ///
    /// plain is Pure-FTPd's, which fail2ban reads, and the default. With json each line is an object: time, level, message, for
    /// what happens in a session account (? until somebody is logged in) and address, and pid with -1. Bytes that are no
    /// printable text are \xNN in its strings, and a backslash is doubled, as in the plain form.
    #[arg(long = "logformat", value_name = "plain|json")]
    pub log_format: Option<Form>,

    /// Log the process number with each line
    #[arg(short = '1', long = "logpid")]
    pub log_pid: bool,

    /// Log every command; twice: every reply as well
    ///
    /// Passwords are never logged.
    #[arg(short = 'd', long = "verboselog", action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Record transfers in this file
    ///
    /// FORMAT is clf (as web servers have it, and the default), stats (Pure-FTPd's own), w3c, xferlog
    /// (as wu-ftpd had it) or json (an object a line). Each upload and download is a line, and one that was aborted is marked. The
    /// file is made for its owner alone, is not reached through a link, and is opened anew at SIGHUP. It may
    /// be given more than once.
    #[arg(short = 'O', long = "altlog", value_name = "[FORMAT:]FILE")]
    pub alt_log: Vec<TransferLog>,
}
