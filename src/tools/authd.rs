//! `wharf-authd`: runs a program of the administrator's for each login that a server asks about over a Unix socket. What it
//! does and how is told in `tools::responder`.

use clap::{CommandFactory, Parser};
use std::path::PathBuf;
use std::process::ExitCode;

use super::responder::{self, Options, Trade};

/// Where Debian's pure-authd writes its process number.
const PID_FILE: &str = "/var/run/pure-authd.pid";

const TRADE: Trade = Trade {
    name: "wharf-authd",
    variables: &[
        ("account:", "AUTHD_ACCOUNT"),
        ("password:", "AUTHD_PASSWORD"),
        ("localhost:", "AUTHD_LOCAL_IP"),
        ("localport:", "AUTHD_LOCAL_PORT"),
        ("peer:", "AUTHD_REMOTE_IP"),
        ("encrypted:", "AUTHD_ENCRYPTED"),
        ("sni_name:", "AUTHD_CLIENT_SNI_NAME"),
    ],
};

/// Answer a server's questions about logins with a program
///
/// Listens on a Unix socket for wharf-ftpd -l extauth:SOCKET, or pure-ftpd, and runs the program for each login. It
/// finds the login in AUTHD_ACCOUNT, AUTHD_PASSWORD, AUTHD_LOCAL_IP, AUTHD_LOCAL_PORT, AUTHD_REMOTE_IP, AUTHD_ENCRYPTED
/// and AUTHD_CLIENT_SNI_NAME, and prints the answer.
#[derive(Debug, Parser)]
#[command(name = TRADE.name, version, args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Write the process number to this file
    #[arg(short, long, value_name = "FILE", default_value = PID_FILE)]
    pidfile: PathBuf,
}

/// The definition of the command line, for whoever documents it.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    responder::run::<Arguments>(&TRADE, |arguments| (&arguments.options, &arguments.pidfile))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::daemon::{self, Stop};
    use crate::units::sysexits;
    use std::ffi::OsString;
    use std::path::Path;

    fn parsed(line: &str) -> Result<Arguments, Stop> {
        daemon::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_options_are_those_of_pure_authd() {
        let Ok(arguments) = parsed("wharf-authd -B -g 21 -p /p -r /bin/true -s /s -u 42") else {
            panic!("refused");
        };
        assert!(arguments.options.daemonize && arguments.pidfile == Path::new("/p"));
        assert_eq!(
            (arguments.options.uid, arguments.options.gid),
            (Some(42), Some(21))
        );
        let Ok(arguments) = parsed(
            "wharf-authd --socket /s --run=/bin/true --daemonize --gid 1 --uid 1 --pidfile /p",
        ) else {
            panic!("refused");
        };
        assert_eq!(arguments.options.socket, Path::new("/s"));
        let Ok(arguments) = parsed("wharf-authd -s/s -r/bin/true") else {
            panic!("refused");
        };
        assert!(!arguments.options.daemonize && arguments.pidfile == Path::new(PID_FILE));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_in_one_line() {
        for (line, words) in [
            ("wharf-authd", "--socket"),
            ("wharf-authd -s /s", "--run"),
            ("wharf-authd -s /s -r /r -u root", "-u"),
            ("wharf-authd -s /s -r /r -g 1x", "-g"),
            ("wharf-authd -s /s -r /r -x", "-x"),
        ] {
            let Err(stop) = parsed(line) else {
                panic!("{line}");
            };
            assert_eq!(stop.status, sysexits::USAGE, "{line}");
            assert!(
                stop.text.contains(words) && !stop.text.contains('\n'),
                "{line}: {}",
                stop.text
            );
        }
        let help = parsed("wharf-authd -h").expect_err("help");
        assert!(help.status == 0 && help.text.contains("--pidfile"));
    }
}
