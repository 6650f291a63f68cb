//! `wharf-certd`: runs a program of the administrator's for each name whose certificate a server asks for over a Unix socket.
//! What it does and how is told in `tools::responder`.

use clap::{CommandFactory, Parser};
use std::path::PathBuf;
use std::process::ExitCode;

use super::responder::{self, Options, Trade};

/// Where Debian's pure-certd writes its process number.
const PID_FILE: &str = "/var/run/pure-certd.pid";

const TRADE: Trade = Trade {
    name: "wharf-certd",
    variables: &[("sni_name:", "CERTD_SNI_NAME")],
};

/// Say with a program which certificate a server shows
///
/// Listens on a Unix socket for wharf-ftpd -3 SOCKET, or pure-ftpd, and runs the program when a client asks for a host by
/// its name. It finds the name in CERTD_SNI_NAME, and prints the answer.
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
    use std::path::Path;

    #[test]
    fn the_options_are_those_of_pure_certd() {
        let line = "wharf-certd -B -g 21 -r /bin/true -s /s -u 42";
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(arguments.pidfile, Path::new(PID_FILE));
        let names: Vec<_> = definition()
            .get_arguments()
            .filter_map(|arg| arg.get_long().map(str::to_owned))
            .collect();
        for name in ["daemonize", "gid", "pidfile", "run", "socket", "uid"] {
            assert!(names.iter().any(|found| found == name), "{name}");
        }
    }
}
