//! The command line: every flag of Pure-FTPd, once, and those this server adds.
//!
//! Each section is a file and a heading of the help; a field there with its doc comment is all a flag
//! needs, since help, manual page and the table in the README come from [`definition`]. Values read
//! themselves (`units`). What flags mean together is the matter of `settings`.
//!
//! Rules of the line, kept from Pure-FTPd: letters may be bundled (`-el unix`), a value may be joined
//! to its letter, flags may be repeated and the last one counts, but those that name several things
//! add up. Nothing here prints or exits: under inetd standard error is the client's connection.
#![forbid(unsafe_code)]

mod environment;
mod errors;
mod files;
mod limits;
mod line;
mod logging;
mod login;
mod network;
mod process;
mod sharing;
mod tls;

pub use environment::with_environment;
pub use errors::{Stop, mistake, on_one_line};
pub use files::Files;
pub use limits::Limits;
pub use line::{GivenFlag, quoted, quoted_line};
pub use logging::Logging;
pub use login::Login;
pub use network::Network;
pub use process::Process;
pub use sharing::Sharing;
pub use tls::Tls;

use crate::units::Bandwidth;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use errors::Words;
use std::ffi::OsString;
use std::time::Duration;

/// What was typed, flag by flag. A field is named for its flag; None or false means "not given".
#[derive(clap::Parser, Debug, Clone)]
#[command(
    name = "wharf-ftpd",
    version,
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true,
    override_usage = "wharf-ftpd [FLAG]..."
)]
pub struct Flags {
    /// Where to listen and who may connect.
    #[command(flatten)]
    pub network: Network,
    /// Who may log in.
    #[command(flatten)]
    pub login: Login,
    /// What sessions may do to files.
    #[command(flatten)]
    pub files: Files,
    /// How many, how fast, how much, how long.
    #[command(flatten)]
    pub limits: Limits,
    /// What is recorded.
    #[command(flatten)]
    pub logging: Logging,
    /// Encryption.
    #[command(flatten)]
    pub tls: Tls,
    /// How the server runs.
    #[command(flatten)]
    pub process: Process,
    /// One folder, shared from the shell for a while.
    #[command(flatten)]
    pub sharing: Sharing,
}

/// A command line that can be acted on.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The flags.
    pub flags: Flags,
    /// The idle limit of -I or --idletimeout, whichever came last; zero for `-I 0`.
    pub idle: Option<Duration>,
    /// The bandwidth of -t or -T, whichever came last.
    pub bandwidth: Option<Bandwidth>,
    /// Whether that was -T, which binds accounts too.
    pub bandwidth_is_for_all: bool,
    given: Vec<String>,
    words: Words,
    matches: ArgMatches,
}

impl Parsed {
    /// The flags on the line, by the names of their fields.
    pub(crate) fn given(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(String::as_str)
    }

    /// A flag as the user wrote it, `-p` or `--passiveportrange`, by the name of its field.
    pub(crate) fn spelled(&self, field: &str) -> String {
        self.words.spelled(field)
    }
}

impl Flags {
    /// Reads a command line, the name of the program first, as from `std::env::args_os`.
    ///
    /// # Errors
    /// Help and version, which are no failure; unknown flags, values that are none, and stray words. The [`Stop`] says what to print where.
    pub fn parse<I>(args: I) -> Result<Parsed, Stop>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let words: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let parsed = definition().try_get_matches_from(&words);
        let words = Words::new(words);
        let matches = parsed.map_err(|error| words.stop(&error))?;
        let flags = Flags::from_arg_matches(&matches).map_err(|error| words.stop(&error))?;
        Ok(Parsed {
            idle: idle(&flags.limits, &matches),
            bandwidth_is_for_all: last(&matches, "anonymous_bandwidth", "user_bandwidth")
                == Some("user_bandwidth"),
            bandwidth: match last(&matches, "anonymous_bandwidth", "user_bandwidth") {
                Some("user_bandwidth") => flags.limits.user_bandwidth,
                _ => flags.limits.anonymous_bandwidth,
            },
            given: given(&matches),
            flags,
            words,
            matches,
        })
    }
}

/// All flags as clap knows them, for whoever prints help or a manual.
pub fn definition() -> clap::Command {
    Flags::command()
        .about("An FTP server; all it does is set by flags")
        .long_about(None)
        .after_help("See wharf-ftpd(8) for examples and for differences from Pure-FTPd.")
}

fn given(matches: &ArgMatches) -> Vec<String> {
    let command = Flags::command();
    let ids = command.get_arguments().map(|arg| arg.get_id().as_str());
    ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
        .map(str::to_owned)
        .collect()
}

fn idle(limits: &Limits, matches: &ArgMatches) -> Option<Duration> {
    match last(matches, "max_idle_time", "idle_timeout")? {
        "idle_timeout" => limits.idle_timeout.map(|seconds| seconds.duration()),
        _ => limits.max_idle_time.map(|minutes| minutes.duration()),
    }
}

/// Which of two flags came later on the line, if any was given.
fn last<'a>(matches: &ArgMatches, one: &'a str, other: &'a str) -> Option<&'a str> {
    let place = |id| {
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        matches
            .indices_of(id)
            .filter(|_| given)
            .and_then(Iterator::last)
    };
    let place_of_one = place(one);
    let later = if place(other) > place_of_one {
        other
    } else {
        one
    };
    place(later).map(|_| later)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a line split at blanks.
    pub(crate) fn parse(line: &str) -> Result<Parsed, Stop> {
        Flags::parse(["wharf-ftpd"].into_iter().chain(line.split_whitespace()))
    }

    /// What is printed instead of starting.
    pub(super) fn text(line: &str) -> String {
        match parse(line) {
            Ok(_) => format!("{line} was taken"),
            Err(stop) => stop.text,
        }
    }

    fn flags(line: &str) -> Flags {
        parse(line).expect(line).flags
    }

    /// Letter and long name of every flag of Pure-FTPd 1.0.36 to 1.0.54.
    const NAMES: &str = "0 notruncate 1 logpid 2 certfile 3 extcert 4 ipv4only 6 ipv6only 8 fscharset 9 \
        clientcharset a trustedgid A chrooteveryone b brokenclientscompatibility B daemonize c \
        maxclientsnumber C maxclientsperip d verboselog D displaydotfiles e anonymousonly E \
        noanonymous f syslogfacility F fortunesfile g pidfile G norename h help H dontresolve i \
        anonymouscantupload I maxidletime j createhomedir J tlsciphersuite k maxdiskusagepct K \
        keepallfiles l login L limitrecursion m maxload M anonymouscancreatedirs n quota N \
        natmode o uploadscript O altlog p passiveportrange P forcepassiveip q anonymousratio Q \
        userratio r autorename R nochmod s antiwarez S bind t anonymousbandwidth T userbandwidth \
        u minuid U umask v bonjour V trustedip w allowuserfxp W allowanonymousfxp x \
        prohibitdotfileswrite X prohibitdotfilesread y peruserlimits Y tls z allowdotfiles Z \
        customerproof";

    #[test]
    fn every_flag_of_pure_ftpd_is_there_under_both_its_names() {
        let command = definition();
        let words: Vec<_> = NAMES.split(' ').collect();
        let mut letters: Vec<_> = words
            .chunks(2)
            .filter_map(|row| row[0].chars().next())
            .collect();
        for (letter, row) in letters.iter().zip(words.chunks(2)) {
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_short() == Some(*letter));
            assert_eq!(arg.and_then(clap::Arg::get_long), Some(row[1]), "-{letter}");
        }
        let mut ours: Vec<_> = command
            .get_arguments()
            .filter_map(clap::Arg::get_short)
            .collect();
        letters.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, letters);
        assert!(
            "01234689"
                .chars()
                .chain('a'..='z')
                .chain('A'..='Z')
                .all(|c| ours.contains(&c))
        );
    }

    #[test]
    fn every_flag_has_a_long_name_help_a_heading_and_a_name_for_its_value() {
        let command = definition();
        command.clone().debug_assert();
        let mut names = Vec::new();
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            let name = arg.get_long().expect(id);
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
                "{name}"
            );
            assert!(
                arg.get_help()
                    .is_some_and(|help| help.to_string().len() > 10),
                "{name}"
            );
            assert!(arg.get_help_heading().is_some(), "{name}");
            if arg.get_action().takes_values() {
                let value = arg.get_value_names().expect(name)[0].as_str();
                assert_ne!(
                    value,
                    id.to_uppercase(),
                    "--{name} has no value name of its own"
                );
            }
            names.push(name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), command.get_arguments().count());
    }

    #[test]
    fn bundles_and_joined_values_are_read_as_getopt_reads_them() {
        let read = flags("-4Hp30000:30009 -c5 --maxclientsperip=3");
        assert!(read.network.ipv4_only && read.network.dont_resolve);
        assert_eq!(
            read.network.passive_ports.map(|range| range.last),
            Some(30009)
        );
        assert_eq!(read.limits.max_clients.map(|count| count.get()), Some(5));
        assert_eq!(
            read.limits.max_clients_per_ip.map(|count| count.get()),
            Some(3)
        );
        let read = flags("-el unix -lpuredb:/f");
        assert!(read.login.anonymous_only);
        assert_eq!(read.login.login, ["unix", "puredb:/f"]);
    }

    #[test]
    fn the_last_of_a_repeated_flag_counts() {
        assert_eq!(
            flags("-c 5 -c 7")
                .limits
                .max_clients
                .map(|count| count.get()),
            Some(7)
        );
        assert!(flags("-H -H").network.dont_resolve);
        assert_eq!(flags("-d -d -d").logging.verbose, 3);
        let bind = flags("-S one.example, -S 2121").network.bind.expect("bind");
        assert_eq!(
            (bind.host, bind.port.map(|p| p.to_string())),
            (None, Some("2121".to_owned()))
        );
    }

    #[test]
    fn flags_that_name_several_things_add_up_in_order() {
        let read =
            flags("--denyfiles *.mp3 --denyfiles *.avi --allowfrom ::1 --allowfrom 10.0.0.0/8");
        let patterns: Vec<_> = read
            .files
            .deny_files
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(patterns, ["*.mp3", "*.avi"]);
        assert_eq!(read.network.allow_from.len(), 2);
    }

    #[test]
    fn of_opposite_flags_the_later_counts() {
        let login = |line| flags(line).login;
        assert!(login("-E -e").anonymous_only && !login("-E -e").no_anonymous);
        assert!(login("-e -E").no_anonymous && !login("-e -E").anonymous_only);
        let files = |line| flags(line).files;
        assert!(files("-i --anonymousupload").anonymous_upload);
        assert!(!files("-i --anonymousupload").anonymous_cant_upload);
        assert!(!files("--anonymousreadown -s").anonymous_read_own);
        assert!(login("--banner x -F /f").banner.is_none());
        assert!(login("-F /f --bannerfile /b").fortunes_file.is_none());
    }

    #[test]
    fn minutes_and_seconds_of_idleness_are_one_value() {
        let idle = |line| parse(line).expect(line).idle.map(|idle| idle.as_secs());
        assert_eq!(idle(""), None);
        assert_eq!(idle("-I 10 --idletimeout 45"), Some(45));
        assert_eq!(idle("--idletimeout 45 -I 0x0a"), Some(600));
        assert_eq!(idle("-I 1 --idletimeout 45 -I 2"), Some(120));
        assert_eq!(idle("-I 0"), Some(0));
    }

    #[test]
    fn both_bandwidths_are_one_value() {
        let down = |line| {
            let bandwidth = parse(line).expect(line).bandwidth;
            bandwidth
                .and_then(|b| b.down)
                .map(|rate| rate.bytes_per_second() / 1024)
        };
        assert_eq!(down("-t 10"), Some(10));
        assert_eq!(down("-t 10 -T 20"), Some(20));
        assert_eq!(down("-T 20 -t 10"), Some(10));
        assert_eq!(down("-t 10 -T 5:"), None);
        assert_eq!(down(""), None);
    }

    #[test]
    fn patterns_and_paths_need_not_be_utf8() {
        use std::os::unix::ffi::OsStringExt;
        let words = [
            &b"wharf-ftpd"[..],
            b"--denyfiles",
            b"\xff*",
            b"--anonymousroot",
            b"/srv/\xfe",
        ];
        let read = Flags::parse(words.map(|word| OsString::from_vec(word.to_vec())));
        let read = read.expect("bytes").flags;
        assert!(read.files.deny_files[0].matches(b"\xff\xfe"));
        assert!(read.login.anonymous_root.is_some());
    }
}
