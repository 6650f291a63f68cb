//! The flags under "Process": how the server runs and ends, and what it tells about itself.

use crate::units::Seconds;
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// How the server runs and ends.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Process")]
pub struct Process {
    /// Give transfers under way so many seconds when the server ends
    ///
    /// After SIGTERM no client is accepted any more; without a transfer the server ends at once. The
    /// default is 5.
    #[arg(long = "drain", value_name = "SECONDS")]
    pub drain: Option<Seconds>,

    /// Run in the background
    ///
    /// The command ends when the server is ready to accept clients, with exit status 0, or when it could not start, with
    /// the status of that. The log goes to the facility ftp of the system log unless -f says otherwise. Under inetd this
    /// has no effect.
    #[arg(short = 'B', long = "daemonize")]
    pub daemonize: bool,

    /// Write the process number to this file
    ///
    /// The file is locked while the server runs: a second server with the same file does not start. When the server ends
    /// the file is removed, or left empty where the server has given up the right to remove it. With -B and started by
    /// root the default is /var/run/pure-ftpd.pid; in the foreground no file is written without this flag. Under inetd
    /// this has no effect.
    #[arg(short = 'g', long = "pidfile", value_name = "FILE")]
    pub pid_file: Option<PathBuf>,

    /// Print the port that the server listens on
    ///
    /// A line on standard output for each socket, once clients are accepted, such as 2121. For port 0, which lets the
    /// system choose. Under inetd this has no effect.
    #[arg(long = "printport")]
    pub print_port: bool,

    /// Check everything a start needs, and do not start
    ///
    /// Flags, files, databases, names and ports are looked at as a start would, and nothing is made or changed. The exit
    /// status is 0, or that of the start, with the same line. Warnings of the start are told on standard error.
    #[arg(long = "check")]
    pub check: bool,

    /// Print the flags in force as one line, and do not start
    ///
    /// They have their long names, are quoted for a shell, those of the environment come first, and those whose place a later
    /// one has taken are left out. The line, with wharf-ftpd in front, means the same in a script, in inetd.conf (which
    /// knows no quotes, so that no value may hold a blank there), in a unit of systemd (where % and $ are doubled) and as the
    /// command of a container.
    #[arg(long = "printflags")]
    pub print_flags: bool,

    /// Say what each flag of the command line does, and do not start
    ///
    /// A line for each, in their order, with what deserves a warning and what holds where no flag says otherwise.
    #[arg(long = "explain")]
    pub explain: bool,

    /// Tell a script of each upload
    ///
    /// The names of files that arrived whole go through a named pipe to wharf-uploadscript(8), which runs a
    /// program for each. The server does not wait for it: uploads that are not read yet queue, and when too
    /// many do, further ones are not told of, which is logged.
    #[arg(short = 'o', long = "uploadscript")]
    pub upload_script: bool,

    /// Use this named pipe for -o
    ///
    /// It is made if it is missing. The default is /var/run/pure-ftpd.upload.pipe.
    #[arg(long = "uploadpipe", value_name = "FILE")]
    pub upload_pipe: Option<PathBuf>,

    /// Explain the flags
    ///
    /// -h prints a line for each, --help all there is to say.
    #[arg(short = 'h', long = "help", action = ArgAction::Help)]
    pub help: Option<bool>,

    /// Print the version
    #[arg(long = "version", action = ArgAction::Version)]
    pub version: Option<bool>,
}
