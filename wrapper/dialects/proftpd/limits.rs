//! What `<Limit>` sections deny: to whom may log in, and of each command.
//!
//! A command is looked up by its own name in all sections around it, the innermost first, then by its group, then as ALL;
//! the first section that says yes or no decides. Of several in one place the last counts (seen in 1.3.8). Who may log in
//! is decided by LOGIN alone.

use super::scope::is_told;
use super::sections::{Directive, Item, Section};
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Origin, Translation};

/// A command of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Command {
    /// As this server names it.
    pub(super) verb: &'static str,
    /// Another name of it; ProFTPD takes the two for one.
    other: &'static str,
    groups: &'static [&'static str],
    /// Whether anonymous clients of this server cannot do it anyway.
    pub(super) never_anonymous: bool,
    /// Whether ALL covers it.
    of_all: bool,
}

const fn command(
    verb: &'static str,
    other: &'static str,
    groups: &'static [&'static str],
    never_anonymous: bool,
) -> Command {
    Command {
        verb,
        other,
        groups,
        never_anonymous,
        of_all: true,
    }
}

const fn apart(verb: &'static str) -> Command {
    Command {
        of_all: false,
        ..command(verb, "", &[], false)
    }
}

/// What is limited: the commands of ProFTPD's groups, and those that are limited by name.
pub(super) const COMMANDS: &[Command] = &[
    command("RETR", "", &["READ"], false),
    command("SIZE", "", &["READ"], false),
    command("MDTM", "", &["DIRS"], false),
    command("LIST", "", &["DIRS"], false),
    command("NLST", "", &["DIRS"], false),
    command("MLSD", "", &["DIRS"], false),
    command("MLST", "", &["DIRS"], false),
    command("STAT", "", &["DIRS"], false),
    command("CWD", "", &["DIRS"], false),
    command("CDUP", "XCUP", &["DIRS"], false),
    command("PWD", "XPWD", &["DIRS"], false),
    command("STOR", "", &["WRITE"], false),
    command("STOU", "", &["WRITE"], false),
    command("APPE", "", &["WRITE"], true),
    command("DELE", "", &["WRITE"], true),
    command("MKD", "XMKD", &["WRITE"], false),
    command("RMD", "XRMD", &["WRITE"], true),
    // In both: run, 1.3.8.
    command("RNFR", "", &["WRITE", "DIRS"], true),
    command("RNTO", "", &["WRITE"], true),
    command("SITE_CHMOD", "", &["WRITE"], true),
    command("MFMT", "", &["WRITE"], true),
    command("NOOP", "", &[], false),
    apart("PASV"),
    apart("EPSV"),
    apart("PORT"),
    apart("EPRT"),
    apart("REST"),
    apart("TYPE"),
    apart("MODE"),
    apart("STRU"),
    apart("SYST"),
    apart("ABOR"),
    apart("ALLO"),
    apart("OPTS"),
];

/// Commands of ProFTPD that this server does not have, so that denying them is done. XCWD it has, and ProFTPD limits apart
/// from CWD, which goes to the same places.
const ABSENT: &[&str] = &[
    "CCC",
    "CONF",
    "ENC",
    "HASH",
    "LANG",
    "MD5",
    "MFF",
    "MIC",
    "RANG",
    "SITE_CHGRP",
    "SITE_COPY",
    "SITE_CPFR",
    "SITE_CPTO",
    "SITE_MKDIR",
    "SITE_QUOTA",
    "SITE_RATIO",
    "SITE_RMDIR",
    "SITE_SYMLINK",
    "SITE_WHO",
    "SITE_HELP",
    "SMNT",
    "SSCN",
    "XCRC",
    "XCWD",
    "XMD5",
    "XSHA",
    "XSHA1",
    "XSHA256",
    "XSHA512",
];

/// The commands that change files. Where all of them are denied nothing can be changed.
pub(super) const CHANGES: [&str; 9] = [
    "STOR",
    "STOU",
    "APPE",
    "DELE",
    "MKD",
    "RMD",
    "RNFR",
    "SITE_CHMOD",
    "MFMT",
];

/// Whether a command changes files and nothing else.
pub(super) fn changes_files(name: &str) -> bool {
    CHANGES.contains(&name) || ["RNTO", "XMKD", "XRMD"].contains(&name)
}

const GROUPS: [&str; 5] = ["ALL", "READ", "WRITE", "DIRS", "LOGIN"];

/// A network of clients, as --allowfrom takes it.
type Network = String;

/// What a section says.
#[derive(Clone, Debug, Default)]
struct Rules {
    denies_first: bool,
    allow_all: bool,
    deny_all: bool,
    allow: Vec<Network>,
    deny: Vec<Network>,
    /// A rule that is for some clients or users only, with what to do about it.
    for_some: Option<(Origin, &'static str)>,
    allows_some: bool,
    denies_some: bool,
}

/// A section, read.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    origin: Origin,
    names: Vec<String>,
    rules: Rules,
}

impl Limit {
    fn is_about(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// What one section says of a command.
enum Answer {
    Yes,
    No,
    Silence,
    Depends,
}

/// Who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Logins {
    Everybody,
    Nobody,
    /// Clients of some networks: those allowed, all if None, and those denied in any case.
    From(Option<Vec<Network>>, Vec<Network>),
    /// Said already.
    Refused,
}

/// The sections of one place.
pub(super) type Level = Vec<Limit>;

/// Reads a section; refuses what it cannot hold.
pub(super) fn read(section: &Section, translation: &mut Translation) -> Limit {
    let mut names = Vec::new();
    for word in &section.words {
        for name in word.split(|byte| *byte == b',') {
            let name = String::from_utf8_lossy(name).to_ascii_uppercase();
            let is_known = GROUPS.contains(&name.as_str())
                || ABSENT.contains(&name.as_str())
                || COMMANDS
                    .iter()
                    .any(|command| command.verb == name || command.other == name);
            if name.is_empty() {
                continue;
            }
            if !is_known {
                let text = shown(name.as_bytes());
                let reason = format!("the command {text} cannot be limited");
                translation.refuse(&section.origin, &reason, "remove it from the section");
            }
            names.push(name);
        }
    }
    if names.is_empty() {
        translation.refuse(
            &section.origin,
            "it names no command",
            "name some, such as WRITE",
        );
    }
    let mut rules = Rules::default();
    for item in &section.items {
        match item {
            Item::Directive(directive) => rule(directive, &mut rules, translation),
            Item::Section(inner) => {
                translation.refuse(&inner.origin, "it stands in <Limit>", "move it out");
            }
        }
    }
    Limit {
        origin: section.origin.clone(),
        names,
        rules,
    }
}

const TO_ALLOW: &str =
    "name the users in a file, one a line, remove the section and add -- --userlist FILE";
const TO_DENY: &str =
    "name the users in a file, one a line, remove the section and add -- --denyusers FILE";
const BY_ADDRESS: &str = "write networks such as 192.0.2.0/24";

fn rule(directive: &Directive, rules: &mut Rules, translation: &mut Translation) {
    let some = |cure| Some((directive.origin.clone(), cure));
    match directive.key {
        "AllowAll" => rules.allow_all = true,
        "DenyAll" => rules.deny_all = true,
        "Order" => match order(directive) {
            Some(denies_first) => rules.denies_first = denies_first,
            None => translation.refuse(
                &directive.origin,
                "it is no order",
                "write allow,deny or deny,allow",
            ),
        },
        "AllowUser" | "AllowGroup" | "AllowClass" => {
            rules.allows_some = true;
            rules.for_some = some(TO_ALLOW);
        }
        "DenyUser" | "DenyGroup" | "DenyClass" => {
            rules.denies_some = true;
            rules.for_some = some(TO_DENY);
        }
        "Allow" | "Deny" => {
            let is_allow = directive.key == "Allow";
            for word in addresses(directive) {
                let lower = word.to_ascii_lowercase();
                let (all, networks, unclear) = match is_allow {
                    true => (
                        &mut rules.allow_all,
                        &mut rules.allow,
                        &mut rules.allows_some,
                    ),
                    false => (&mut rules.deny_all, &mut rules.deny, &mut rules.denies_some),
                };
                match lower.as_str() {
                    "all" => *all = true,
                    "none" => {}
                    _ => match network(&lower) {
                        Some(network) => networks.push(network),
                        None => {
                            *unclear = true;
                            rules.for_some = some(BY_ADDRESS);
                        }
                    },
                }
            }
        }
        "IgnoreHidden" if directive.on() == Some(false) => {}
        _ => translation.refuse(
            &directive.origin,
            "it cannot be limited by this",
            "move it out of the section or remove it",
        ),
    }
}

fn order(directive: &Directive) -> Option<bool> {
    let text: String = String::from_utf8_lossy(&directive.text()).to_ascii_lowercase();
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match text.as_str() {
        "allow,deny" => Some(false),
        "deny,allow" => Some(true),
        _ => None,
    }
}

/// The addresses behind Allow or Deny, with or without `from` in front.
fn addresses(directive: &Directive) -> Vec<String> {
    let mut words: Vec<String> = directive
        .words
        .iter()
        .flat_map(|word| word.split(|byte| *byte == b','))
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .filter(|word| !word.is_empty())
        .collect();
    if words
        .first()
        .is_some_and(|word| word.eq_ignore_ascii_case("from"))
    {
        words.remove(0);
    }
    words
}

/// `192.0.2.` or `192.0.2.*` as `192.0.2.0/24`; addresses and networks as they are; None for a name.
pub(super) fn network(text: &str) -> Option<Network> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = text.strip_suffix('*').unwrap_or(text);
    if let Some(prefix) = prefix.strip_suffix('.') {
        let mut parts: Vec<&str> = prefix.split('.').collect();
        if parts.len() > 3 || !parts.iter().all(|part| is_digits(part)) {
            return None;
        }
        let length = parts.len() * 8;
        parts.resize(4, "0");
        return Some(format!("{}/{length}", parts.join(".")));
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    address.parse::<std::net::IpAddr>().ok()?;
    // A mask written as an address is no length.
    length.is_none_or(is_digits).then(|| text.to_owned())
}

impl Rules {
    fn answer(&self) -> Answer {
        let some_allowed = self.allows_some || !self.allow.is_empty();
        let some_denied = self.denies_some || !self.deny.is_empty();
        if self.denies_first {
            return match (self.deny_all, some_denied, self.allow_all, some_allowed) {
                (true, ..) => Answer::No,
                (_, true, ..) => Answer::Depends,
                (_, _, true, _) => Answer::Yes,
                (_, _, _, true) => Answer::Depends,
                _ => Answer::No,
            };
        }
        match (self.allow_all, self.deny_all, some_denied, some_allowed) {
            (true, ..) => Answer::Yes,
            (_, true, _, true) => Answer::Depends,
            (_, true, ..) => Answer::No,
            (_, _, true, _) => Answer::Depends,
            // Who is named is told yes at once and everybody else is passed on to sections around, which may say no.
            (_, _, _, true) => Answer::Depends,
            _ => Answer::Silence,
        }
    }

    fn logins(&self) -> Logins {
        let from = |allow: &[Network], deny: &[Network]| {
            let allow = (!allow.is_empty()).then(|| allow.to_vec());
            Logins::From(allow, deny.to_vec())
        };
        if self.denies_first {
            return match (self.deny_all, self.allow_all) {
                (true, _) => Logins::Nobody,
                (_, true) if self.deny.is_empty() => Logins::Everybody,
                (_, true) => from(&[], &self.deny),
                _ if self.allow.is_empty() => Logins::Nobody,
                _ => from(&self.allow, &self.deny),
            };
        }
        match (self.allow_all, self.deny_all) {
            (true, _) => Logins::Everybody,
            (_, true) if self.allow.is_empty() => Logins::Nobody,
            (_, true) => from(&self.allow, &[]),
            _ if self.deny.is_empty() => Logins::Everybody,
            _ => from(&[], &self.deny),
        }
    }
}

/// Who may log in by the sections of these places, which all count; None where they say nothing about it.
pub(super) fn logins(levels: &[&Level], translation: &mut Translation) -> Option<Logins> {
    let mut about = of_logins(levels);
    let limit = about.next()?;
    if let Some(second) = about.next() {
        translation.refuse(
            &second.origin,
            "there is another <Limit LOGIN>, and ProFTPD lets in whom both do",
            "make one of them",
        );
        return Some(Logins::Refused);
    }
    let rules = &limit.rules;
    // Allowing some beyond everybody changes nothing, and neither does denying some beyond all.
    let some_matter = match (rules.denies_first, rules.allow_all, rules.deny_all) {
        (true, _, true) | (false, true, _) => false,
        (false, false, false) => rules.denies_some,
        _ => true,
    };
    if let Some((origin, cure)) = rules.for_some.as_ref().filter(|_| some_matter) {
        let reason = match *cure {
            BY_ADDRESS => "names of clients are not compared",
            _ => "a list of users, groups or classes who may log in stands in a file of its own",
        };
        translation.refuse(origin, reason, cure);
        return Some(Logins::Refused);
    }
    if !rules.denies_first && !rules.deny_all && !rules.allow_all {
        // Who is allowed goes before who is denied, and everybody else may: that is no list of networks.
        let both = !rules.allow.is_empty() && !rules.deny.is_empty();
        if both {
            translation.refuse(
                &limit.origin,
                "networks that are allowed stand before those that are denied, while --denyfrom goes first",
                "write Order deny,allow, or DenyAll behind the networks that are allowed",
            );
            return Some(Logins::Refused);
        }
    }
    let logins = rules.logins();
    if logins == Logins::Everybody {
        translation.nothing(&limit.origin, "everybody may log in, as without it");
    }
    Some(logins)
}

/// Where the section about logins stands.
pub(super) fn login_origin<'a>(levels: &[&'a Level]) -> Option<&'a Origin> {
    of_logins(levels).next().map(|limit| &limit.origin)
}

fn of_logins<'a>(levels: &[&'a Level]) -> impl Iterator<Item = &'a Limit> {
    let limits = levels.iter().flat_map(|level| level.iter());
    limits.filter(|limit| limit.is_about("LOGIN"))
}

/// A command and the section that denies it.
pub(super) type Denied = Vec<(Command, Origin)>;

/// The commands denied to everybody by sections in these places, the innermost first. One that depends on who the client
/// is is refused.
pub(super) fn denied(levels: &[&Level], translation: &mut Translation) -> Denied {
    let mut denied = Vec::new();
    for command in COMMANDS {
        match decide(levels, command) {
            Some((Answer::No, limit)) => denied.push((*command, limit.origin.clone())),
            Some((Answer::Depends, limit)) if !is_told(&limit.origin, translation) => {
                translation.refuse(
                    &limit.origin,
                    "it is for some users or clients only, which flags do not tell apart",
                    "let the owners and modes of files say who may do it, and remove the section",
                );
            }
            _ => {}
        }
    }
    denied
}

fn decide<'a>(levels: &[&'a Level], command: &Command) -> Option<(Answer, &'a Limit)> {
    let of = |names: &[&str]| {
        let limits = levels.iter().flat_map(|level| level.iter().rev());
        let mut about = limits.filter(|limit| names.iter().any(|name| limit.is_about(name)));
        about.find_map(|limit| match limit.rules.answer() {
            Answer::Silence => None,
            answer => Some((answer, limit)),
        })
    };
    let groups = command.groups.iter().filter_map(|group| of(&[*group]));
    // A command of two groups is denied as soon as one of them is.
    let of_group = || {
        let mut answers: Vec<_> = groups.collect();
        answers.sort_by_key(|(answer, _)| matches!(answer, Answer::Yes));
        answers.into_iter().next()
    };
    of(&[command.verb, command.other])
        .or_else(of_group)
        .or_else(|| of(&["ALL"]).filter(|_| command.of_all))
}

/// Sections that deny nothing.
pub(super) fn tell_idle(levels: &[&Level], denied: &[&Denied], translation: &mut Translation) {
    for limit in levels.iter().flat_map(|level| level.iter()) {
        let spoken = denied
            .iter()
            .any(|denied| denied.iter().any(|(_, origin)| *origin == limit.origin));
        if !spoken && !is_told(&limit.origin, translation) && !limit.is_about("LOGIN") {
            translation.nothing(
                &limit.origin,
                "it denies nothing, or what another section denies",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_in_several_ways_and_names_are_none() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.", Some("192.0.2.0/24")),
            ("10.*", Some("10.0.0.0/8")),
            ("10.1.2.*", Some("10.1.2.0/24")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            (".evil.example", None),
            ("host.example", None),
            ("10.0.0.0/255.0.0.0", None),
            ("1.2.3.4.", None),
            ("*", None),
            (".", None),
            ("!10.0.0.1", None),
        ] {
            assert_eq!(network(text).as_deref(), expected, "{text}");
        }
    }
}
