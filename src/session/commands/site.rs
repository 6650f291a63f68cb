//! SITE and its words: HELP, IDLE, TIME, CHMOD, UTIME, ALIAS (as Pure-FTPd's), and CHMOD on its own.

use std::time::Duration;

use super::super::Session;
use super::super::refusal::Refusal;
use super::{Argument, Feature, Row, Rules, Run, Waiting};
use crate::files::Kind;
use crate::proto::path::VirtualPath;
use crate::proto::reply::Reply;
use crate::proto::request;

/// The longest idle time a client may ask for, in seconds; Pure-FTPd's.
const LONGEST_IDLE: u64 = 42 * 60;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "SITE",
        "SITE ALIAS|CHMOD|HELP|IDLE|TIME|UTIME",
        Argument::Optional,
        Rules::MEMBER,
        Run::Waits(site),
    )
    .feature(Feature::Line("IDLE")),
    Row::new(
        "CHMOD",
        "CHMOD <mode> <name>",
        Argument::Optional,
        Rules::MEMBER,
        Run::Waits(chmod),
    ),
];

/// A word that stands behind SITE.
pub(super) struct Word {
    /// In capitals.
    pub(super) name: &'static str,
    run: Run,
}

const fn word_row(name: &'static str, run: Run) -> Word {
    Word { name, run }
}

/// All words, in the order of the help.
pub(super) const WORDS: &[Word] = &[
    word_row("ALIAS", Run::Now(alias)),
    word_row("CHMOD", Run::Waits(chmod)),
    word_row("HELP", Run::Now(|_, _| Ok(help_reply()))),
    word_row("IDLE", Run::Now(idle)),
    word_row("TIME", Run::Now(|session, _| Ok(session.site_time()))),
    word_row("UTIME", Run::Waits(utime)),
];

/// The word as a client typed it, in any case.
pub(super) fn word(typed: &[u8]) -> Option<&'static Word> {
    let mut words = WORDS.iter();
    words.find(|word| word.name.as_bytes().eq_ignore_ascii_case(typed))
}

fn site(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        if argument.is_empty() {
            return Err(Refusal::SiteWithoutWord);
        }
        let (typed, rest) = request::split_word(&argument);
        let rest = rest.unwrap_or_default();
        match word(typed).map(|word| word.run) {
            Some(Run::Now(run)) => run(session, rest),
            Some(Run::Waits(run)) => run(session, rest.to_vec()).await,
            None => Err(Refusal::UnknownSite(typed.to_vec())),
        }
    })
}

fn alias(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    session.site_alias(argument)
}

fn idle(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    session.site_idle(argument)
}

fn utime(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.site_utime(&argument).await })
}

fn chmod(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.site_chmod(&argument).await })
}

/// The answer to SITE HELP.
pub(super) fn help_reply() -> Reply {
    let words: Vec<&str> = WORDS.iter().map(|word| word.name).collect();
    Reply::block(
        214,
        "The following SITE commands are recognized",
        words,
        "Wharf FTP server",
    )
}

impl Session {
    fn site_idle(&mut self, argument: &[u8]) -> Result<Reply, Refusal> {
        if argument.is_empty() {
            return Err(Refusal::Malformed("SITE IDLE: Missing argument"));
        }
        let malformed = |_| Refusal::Malformed("SITE IDLE needs a number of seconds");
        let seconds = request::number(argument.trim_ascii()).map_err(malformed)?;
        // 0 would end the session before its next command.
        if seconds > LONGEST_IDLE || seconds == 0 {
            return Err(Refusal::Malformed(match seconds {
                0 => "Value too small",
                _ => "Value too large",
            }));
        }
        self.idle = Duration::from_secs(seconds);
        Ok(Reply::new(
            200,
            format!("Idle time set to {seconds} seconds"),
        ))
    }

    fn site_time(&self) -> Reply {
        let now = jiff::Timestamp::now().to_zoned(self.shared.zone.clone());
        Reply::new(211, now.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    async fn site_chmod(&mut self, argument: &[u8]) -> Result<Reply, Refusal> {
        if argument.is_empty() {
            return Err(Refusal::Missing("Missing argument"));
        }
        self.account()?
            .rights
            .change_modes
            .map_err(Refusal::Forbidden)?;
        let malformed = |_| Refusal::Malformed("Invalid permissions");
        let (mode, name) = request::mode_and_name(argument).map_err(malformed)?;
        let path = self.changeable_path(name)?;
        let mode = self.mode_that_keeps_access(&path, mode).await?;
        let set = self.tree()?.set_mode(path.relative(), mode).await;
        set.map_err(|error| Refusal::FailedOn("Could not change perms on ", name.to_vec(), error))?;
        Ok(Reply::new(200, [b"Permissions changed on ", name].concat()))
    }

    /// `-Z`: the owner's own access stays, reading and writing for files, entering as well for directories.
    async fn mode_that_keeps_access(&self, path: &VirtualPath, mode: u32) -> Result<u32, Refusal> {
        if !self.account()?.rights.keeps_own_access {
            return Ok(mode);
        }
        let stat = self.tree()?.stat(path.relative()).await;
        let kept = match stat.map_err(Refusal::NoSuchFile)?.kind {
            Kind::Directory => 0o700,
            _ => 0o600,
        };
        Ok(mode | kept)
    }

    async fn site_utime(&mut self, argument: &[u8]) -> Result<Reply, Refusal> {
        if argument.is_empty() {
            return Err(Refusal::Missing("No file name"));
        }
        self.account()?
            .rights
            .set_times
            .map_err(Refusal::Forbidden)?;
        let malformed = |_| Refusal::Malformed("Can't get a time stamp");
        let (when, name) = request::site_utime(argument).map_err(malformed)?;
        self.set_times(when, name).await?;
        Ok(Reply::new(213, "UTIME OK"))
    }

    fn site_alias(&self, argument: &[u8]) -> Result<Reply, Refusal> {
        let aliases = &self.shared.aliases;
        if aliases.is_empty() {
            return Err(Refusal::NoAliases);
        }
        if argument.is_empty() {
            let head = b"The following aliases are available :".to_vec();
            let lines = aliases
                .iter()
                .map(|(alias, directory)| [alias.as_slice(), b" ", directory.as_slice()].concat());
            let last = b"End.".to_vec();
            return Ok(Reply::lines(
                214,
                [head].into_iter().chain(lines).chain([last]),
            ));
        }
        match aliases.iter().find(|(alias, _)| alias == argument) {
            Some((alias, directory)) => {
                let text = [alias.as_slice(), b" is an alias for ", directory, b"."].concat();
                Ok(Reply::new(214, text))
            }
            None => Err(Refusal::UnknownAlias(argument.to_vec())),
        }
    }
}
