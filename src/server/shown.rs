//! What is printed instead of a start when the flags ask for it: the flags as a line, or what they do.

use std::ffi::OsString;
use std::fmt::Write as _;

use super::listening::default_port;
use crate::flags::{GivenFlag, Parsed, on_one_line, quoted_line};
use crate::settings::{Listen, SHARE_PORTS, Settings};

/// The flags that ask for printing, by the names of their fields.
const PRINT_FLAGS: &str = "print_flags";
const EXPLAIN: &str = "explain";

/// What these flags ask to be printed instead of a start, a line feed at its end; none if they ask for a start.
pub(super) fn instead(
    parsed: &Parsed,
    settings: &Settings,
    warnings: &[String],
) -> Option<Vec<u8>> {
    let process = &parsed.flags.process;
    if process.print_flags {
        return Some(line(parsed));
    }
    process
        .explain
        .then(|| explanation(parsed, settings, warnings).into_bytes())
}

/// The flags but those that ask for printing, in their order, without the others.
fn flags(parsed: &Parsed) -> Vec<GivenFlag> {
    let mut flags = parsed.flags_in_order();
    flags.retain(|flag| ![PRINT_FLAGS, EXPLAIN].contains(&flag.arg.get_id().as_str()));
    flags
}

/// The flags in force, for a shell.
fn line(parsed: &Parsed) -> Vec<u8> {
    let words: Vec<OsString> = flags(parsed).iter().flat_map(GivenFlag::words).collect();
    let mut line = quoted_line(&words);
    line.push(b'\n');
    line
}

/// A line for each flag, what deserves a warning, and what holds by default.
fn explanation(parsed: &Parsed, settings: &Settings, warnings: &[String]) -> String {
    let mut text = String::new();
    for flag in flags(parsed) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}", typed(&flag), sentences(&flag.arg));
    }
    for warning in warnings {
        let _ = writeln!(text, "Warning: {warning}");
    }
    let defaults = defaults(parsed, settings);
    if !defaults.is_empty() {
        text.push_str("Where no flag says otherwise:\n");
    }
    for line in defaults {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// A flag in its shortest form, safe for a terminal.
fn typed(flag: &GivenFlag) -> String {
    let long = flag.arg.get_long().unwrap_or_default();
    let name = match flag.arg.get_short() {
        Some(letter) => format!("-{letter}"),
        None => format!("--{long}"),
    };
    let mut words = vec![name; flag.times];
    words.extend(flag.value.iter().map(|value| {
        let value = String::from_utf8_lossy(value.as_encoded_bytes());
        let value = on_one_line(&value);
        match value.is_empty() || value.contains(char::is_whitespace) {
            true => format!("'{value}'"),
            false => value,
        }
    }));
    words.join(" ")
}

/// What the help says of a flag: its heading, and the first sentence of what follows.
fn sentences(arg: &clap::Arg) -> String {
    let heading = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let all = arg.get_long_help().map(ToString::to_string);
    let rest = all.as_deref().and_then(|all| all.split_once("\n\n"));
    let rest = rest.map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or(rest));
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    match rest
        .split_once(". ")
        .map_or(rest.as_str(), |(first, _)| first)
    {
        "" => format!("{heading}."),
        first => format!("{heading}. {}.", first.trim_end_matches('.')),
    }
}

/// What holds where the most important flags were not given.
fn defaults(parsed: &Parsed, settings: &Settings) -> Vec<String> {
    let (network, login) = (&settings.network, &settings.login);
    let mut lines = Vec::new();
    if settings.sharing.as_ref().is_some_and(|own| own.finds_port) {
        let (first, last) = (SHARE_PORTS.start(), SHARE_PORTS.end());
        lines.push(format!(
            "Clients come to the first free port of {first} to {last} of every address of the machine (-S)."
        ));
    } else if network.listen == [Listen::default()] {
        let port = |is_root| default_port(settings, is_root);
        lines.push(format!(
            "Clients come to port {} of every address of the machine, or to {} when not started by root (-S).",
            port(true),
            port(false)
        ));
    }
    let user = &login.anonymous_user;
    lines.extend(match (login.sources.is_empty(), login.no_anonymous, login.anonymous_only) {
        (_, true, true) | (_, false, true) => None,
        (true, true, false) => Some("Nobody may log in: there is no -l, and -E keeps anonymous clients out.".to_owned()),
        (true, false, false) => Some(format!(
            "Anonymous clients may log in, served as the user {user} when started by root, and nobody else (-l, -E)."
        )),
        (false, true, false) => None,
        (false, false, false) => Some(format!(
            "Anonymous clients may log in beside the accounts of -l if there is a user {user} (-E)."
        )),
    });
    if !network.passive_range_given && !network.no_passive {
        lines.push(format!(
            "Passive data connections come to the ports {}, which a firewall has to let through (-p).",
            network.passive_range
        ));
    }
    if parsed.flags.limits.max_clients.is_none() {
        let most = settings.limits.max_clients;
        lines.push(format!("At most {most} clients are served at once (-c)."));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    fn shown(line: &str) -> String {
        let parsed = Flags::parse(["wharf-ftpd"].into_iter().chain(line.split_whitespace()));
        let parsed = parsed.unwrap();
        let (settings, warnings) = Settings::from_flags(&parsed).unwrap();
        let shown = instead(&parsed, &settings, &warnings).unwrap_or_default();
        String::from_utf8(shown).unwrap()
    }

    #[test]
    fn nothing_is_shown_unless_it_is_asked_for() {
        assert_eq!(shown("-c 5 --check"), "");
    }

    #[test]
    fn the_flags_are_a_line_without_what_asked_for_it() {
        assert_eq!(shown("--printflags"), "\n");
        assert_eq!(
            shown("-c 5 --printflags --explain -e --check"),
            "--maxclientsnumber=5 --anonymousonly --check\n"
        );
    }

    #[test]
    fn each_flag_is_explained_in_its_order_by_the_words_of_its_help() {
        let text = shown("-d -p 30000:30009 --explain -N -d");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "-p 30000:30009: Take passive data connections on these ports. Each passive data connection gets a port \
                 of this range, chosen at random.",
                "-N: Refuse passive data connections. PASV, EPSV and their kin are refused and left out of FEAT.",
                "-d -d: Log every command; twice: every reply as well. Passwords are never logged.",
            ]
        );
        let warned = shown("--explain -c 50 -p 30000:30009");
        assert!(warned.contains("\nWarning: -p"), "{warned}");
        assert!(!warned.contains("At most"), "{warned}");
    }

    #[test]
    fn the_ports_told_are_those_of_the_way_it_listens() {
        let text = shown("--explain -Y 2 --implicittls");
        assert!(
            text.contains("port 990 ") && text.contains("2990"),
            "{text}"
        );
        let text = shown("--explain --serve");
        assert!(text.contains("first free port of 2121 to 2130"), "{text}");
        assert!(!text.contains("port 21 "), "{text}");
    }

    #[test]
    fn what_no_flag_says_is_told_and_nothing_that_one_says() {
        let defaults = |line: &str| {
            let text = shown(&format!("--explain {line}"));
            let (_, defaults) = text.split_once("otherwise:\n").unwrap();
            defaults.to_owned()
        };
        let all = defaults("");
        for part in [
            "port 21 ",
            "user ftp",
            "nobody else",
            "1024:65535",
            "At most 50 ",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
        let accounts = defaults("-l unix -S 2121");
        assert!(!accounts.contains("port 21 "), "{accounts}");
        assert!(accounts.contains("beside the accounts"), "{accounts}");
        assert!(!defaults("-l unix -E").contains("nonymous"));
        assert!(defaults("-E").contains("Nobody may log in"));
        assert!(!defaults("-p 30000:30009").contains("(-p)"));
    }

    #[test]
    fn values_are_safe_for_a_terminal() {
        let parsed = Flags::parse(["wharf-ftpd", "--explain", "--banner", "a\x1b[1m b"]).unwrap();
        let (settings, warnings) = Settings::from_flags(&parsed).unwrap();
        let text = explanation(&parsed, &settings, &warnings);
        assert!(text.starts_with("--banner 'a\\u{1b}[1m b': "), "{text}");
    }
}
