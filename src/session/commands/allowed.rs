//! Which commands an administrator leaves to those who are logged in: `--allowcommands` and `--denycommands`, as vsftpd's
//! cmds_allowed and cmds_denied, with ProFTPD's `SITE_CHMOD` for a word of SITE.

use std::collections::HashSet;

use super::{Row, find, rows, site};
use crate::proto::request::split_word;
use crate::settings::Files;
use crate::units::typing_distance;

/// Commands that are answered whatever the lists say: those of the login, which has been gone through before the lists hold,
/// what tells about the server, and the way out.
const ALWAYS: [&str; 6] = ["USER", "PASS", "ACCT", "QUIT", "FEAT", "HELP"];

/// What stands between SITE and its word in the name of both.
const SITE: &str = "SITE";

/// The commands that the lists of the flags leave. Empty lists leave all.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// None: all.
    only: Option<HashSet<String>>,
    never: HashSet<String>,
}

impl Allowed {
    /// From the lists of the flags; names are read in any case.
    ///
    /// # Errors
    /// One line for the first name that no command has: the flag, the name, and the nearest name there is.
    pub fn new(files: &Files) -> Result<Allowed, String> {
        let allow = names("--allowcommands", &files.allow_commands)?;
        Ok(Allowed {
            only: (!files.allow_commands.is_empty()).then_some(allow),
            never: names("--denycommands", &files.deny_commands)?,
        })
    }

    /// Whether this command may be given, with this argument.
    pub(in crate::session) fn permits(&self, row: &Row, argument: &[u8]) -> bool {
        if *self == Allowed::default() || ALWAYS.contains(&row.verb) {
            return true;
        }
        let name = name_of(row, argument);
        let allowed = self.only.as_ref().is_none_or(|only| only.contains(&name));
        allowed && !self.never.contains(&name)
    }
}

/// The one name that the lists have for a command, whichever of its names the client used.
fn name_of(row: &Row, argument: &[u8]) -> String {
    let word = match row.verb {
        SITE => site::word(split_word(argument).0),
        // CHMOD alone does what it does behind SITE.
        verb => site::word(verb.as_bytes()),
    };
    match word {
        Some(word) => of_site(word.name),
        None => row.verb.to_owned(),
    }
}

fn of_site(word: &str) -> String {
    format!("{SITE}_{word}")
}

fn names(flag: &str, listed: &[String]) -> Result<HashSet<String>, String> {
    let mut names = HashSet::new();
    for typed in listed {
        let upper = typed.trim().to_ascii_uppercase();
        match find(&upper) {
            Some(row) => drop(names.insert(name_of(row, b""))),
            None if of_words().any(|known| known == upper) => drop(names.insert(upper.clone())),
            None => {
                let near = nearest(&upper);
                return Err(format!(
                    "{flag} {}: unknown command, did you mean {near}",
                    typed.escape_default()
                ));
            }
        }
        if upper == SITE {
            names.extend(of_words());
        }
    }
    Ok(names)
}

fn of_words() -> impl Iterator<Item = String> {
    site::WORDS.iter().map(|word| of_site(word.name))
}

/// The name to which the fewest letters must be changed, added or left out.
fn nearest(typed: &str) -> String {
    let aliases = rows().flat_map(|row| row.aliases).copied();
    let verbs = rows().map(|row| row.verb).chain(aliases);
    let all = verbs.map(str::to_owned).chain(of_words());
    all.min_by_key(|name| typing_distance(name, typed))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(allow: &[&str], deny: &[&str]) -> Result<Allowed, String> {
        let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        Allowed::new(&Files {
            allow_commands: owned(allow),
            deny_commands: owned(deny),
            ..Files::default()
        })
    }

    fn permits(allowed: &Allowed, line: &str) -> bool {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let row = find(verb).expect(verb);
        allowed.permits(row, argument.as_bytes())
    }

    #[test]
    fn without_lists_every_command_is_left() {
        let all = allowed(&[], &[]).unwrap();
        assert!(rows().all(|row| all.permits(row, b"")));
    }

    #[test]
    fn denial_wins_and_every_name_of_a_command_counts_as_one() {
        let lists = allowed(&["mkd", "Retr", "STOR"], &["xmkd", "P@SW"]).unwrap();
        assert!(permits(&lists, "RETR a") && permits(&lists, "STOR a"));
        for line in ["MKD a", "XMKD a", "PASV", "DELE a", "NOOP"] {
            assert!(!permits(&lists, line), "{line}");
        }
    }

    #[test]
    fn nobody_is_locked_in() {
        let lists = allowed(&["RETR"], &["QUIT", "USER", "FEAT"]).unwrap();
        for line in ["QUIT", "USER ftp", "PASS x", "FEAT", "HELP"] {
            assert!(permits(&lists, line), "{line}");
        }
    }

    #[test]
    fn words_of_site_are_listed_alone_or_together() {
        for chmod in ["site_chmod", "CHMOD"] {
            let lists = allowed(&[], &[chmod]).unwrap();
            assert!(!permits(&lists, "SITE CHMOD 644 f") && !permits(&lists, "SITE chmod"));
            assert!(!permits(&lists, "CHMOD 644 f"));
            assert!(permits(&lists, "SITE IDLE 60") && permits(&lists, "SITE"));
            let lists = allowed(&[chmod], &[]).unwrap();
            assert!(permits(&lists, "SITE CHMOD 644 f") && permits(&lists, "CHMOD 644 f"));
            assert!(!permits(&lists, "SITE IDLE 60") && !permits(&lists, "SITE NONE"));
        }
        let lists = allowed(&[], &["SITE"]).unwrap();
        for line in [
            "SITE",
            "SITE IDLE 60",
            "SITE CHMOD 1 f",
            "CHMOD 1 f",
            "SITE X",
        ] {
            assert!(!permits(&lists, line), "{line}");
        }
        let lists = allowed(&["SITE"], &["SITE_IDLE"]).unwrap();
        assert!(permits(&lists, "SITE CHMOD 1 f") && !permits(&lists, "SITE IDLE 60"));
    }

    #[test]
    fn a_name_no_command_has_is_refused_with_the_nearest() {
        let why = allowed(&["RETR", "stro"], &[]).unwrap_err();
        assert!(why.starts_with("--allowcommands stro: unknown command, did you mean ST"));
        let why = allowed(&[], &["SITE_CHMD"]).unwrap_err();
        assert_eq!(
            why,
            "--denycommands SITE_CHMD: unknown command, did you mean SITE_CHMOD"
        );
        assert!(allowed(&[], &[""]).is_err() && allowed(&[], &["a\nb"]).is_err());
        assert!(!allowed(&[], &["a\nb"]).unwrap_err().contains('\n'));
    }
}
