//! Changing names: DELE, MKD, RMD, RNFR, RNTO, MFMT (RFC 959 section 4.1.3; MFMT of draft-somers-ftp-mfxx).

use super::super::Session;
use super::super::refusal::Refusal;
use super::{Argument, Feature, OneShot, Row, Rules, Run, Waiting};
use crate::files::is_over_quota;
use crate::logs::{Severity, escape};
use crate::proto::reply::{Reply, quoted};
use crate::proto::request;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "DELE",
        "DELE <name>",
        Argument::Needed("No file name"),
        Rules::MEMBER,
        Run::Waits(dele),
    ),
    Row::new(
        "MKD",
        "MKD <name>",
        Argument::Needed("No directory name"),
        Rules::MEMBER,
        Run::Waits(mkd),
    )
    .also(&["XMKD"]),
    Row::new(
        "RMD",
        "RMD <name>",
        Argument::Needed("No directory name"),
        Rules::MEMBER,
        Run::Waits(rmd),
    )
    .also(&["XRMD"]),
    Row::new(
        "RNFR",
        "RNFR <name>",
        Argument::Needed("No file name"),
        Rules::MEMBER,
        Run::Waits(rnfr),
    ),
    Row::new(
        "RNTO",
        "RNTO <name>",
        Argument::Needed("No file name"),
        Rules {
            once: OneShot::TakesRename,
            ..Rules::MEMBER
        },
        Run::Waits(rnto),
    ),
    Row::new(
        "MFMT",
        "MFMT <YYYYMMDDHHMMSS> <name>",
        Argument::Needed("No file name"),
        Rules::MEMBER,
        Run::Waits(mfmt),
    )
    // Offered to those who may use it: rclone takes it for granted once offered, and fails without.
    .feature(Feature::Now(|session| {
        session.may_set_times().then(|| "MFMT".into())
    })),
];

fn dele(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session
            .account()?
            .rights
            .delete
            .map_err(Refusal::Forbidden)?;
        let path = session.changeable_path(&typed)?;
        let removed = session.tree()?.remove_file(path.relative()).await;
        removed.map_err(|error| Refusal::FailedOn("Could not delete ", typed.clone(), error))?;
        let name = session.logged_name(&path);
        session.log(Severity::Notice, format_args!("Deleted {}", escape(&name)));
        let mut lines = session.quota_lines().await;
        lines.push([b"Deleted ", typed.as_slice()].concat().into());
        Ok(Reply::lines(250, lines))
    })
}

fn mkd(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session
            .account()?
            .rights
            .make_directories
            .map_err(Refusal::Forbidden)?;
        let path = session.new_path(&typed)?;
        let mode = session.directory_mode(&path).await?;
        let made = session.tree()?.make_directory(path.relative(), mode).await;
        match made {
            Err(error) if is_over_quota(&error) => {
                let usage = session.quota_lines().await;
                return Err(Refusal::QuotaExceededBy(typed, usage));
            }
            made => made.map_err(|error| Refusal::Failed("Can't create directory", error))?,
        }
        let text = [
            quoted(path.as_bytes()).as_slice(),
            b" : The directory was successfully created",
        ]
        .concat();
        let lines = [text.into()].into_iter().chain(session.quota_lines().await);
        Ok(Reply::lines(257, lines))
    })
}

impl Session {
    /// The mode of a new directory. One made by a stranger where strangers cannot list is not listable either
    /// (threats: A4).
    async fn directory_mode(&self, path: &crate::proto::path::VirtualPath) -> Result<u32, Refusal> {
        let rights = &self.account()?.rights;
        let mode = 0o777 & !rights.umasks.dirs;
        if !rights.anonymous {
            return Ok(mode);
        }
        let want = crate::files::Want {
            stats: false,
            targets: false,
            hidden: false,
        };
        let listed = self
            .tree()?
            .open_directory(path.parent().relative(), want)
            .await;
        let listable = listed.is_ok_and(|parent| rights.may_read(parent.stat().mode));
        Ok(if listable { mode } else { mode & 0o333 })
    }
}

fn rmd(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session
            .account()?
            .rights
            .remove_directories
            .map_err(Refusal::Forbidden)?;
        let path = session.changeable_path(&typed)?;
        let removed = session.tree()?.remove_directory(path.relative()).await;
        removed.map_err(|error| Refusal::Failed("Can't remove directory", error))?;
        let mut lines = session.quota_lines().await;
        lines.push("The directory was successfully removed".into());
        Ok(Reply::lines(250, lines))
    })
}

fn rnfr(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session
            .account()?
            .rights
            .rename
            .map_err(Refusal::Forbidden)?;
        let path = session.changeable_path(&typed)?;
        if path.is_root() {
            return Err(Refusal::Prohibited(typed));
        }
        let found = session.tree()?.lstat(path.relative()).await;
        found.map_err(|_| Refusal::NothingToRename)?;
        session.once.rename_from = Some(path);
        Ok(Reply::new(
            350,
            "RNFR accepted - file exists, ready for destination",
        ))
    })
}

fn rnto(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session
            .account()?
            .rights
            .rename
            .map_err(Refusal::Forbidden)?;
        let from = session
            .once
            .rename_from
            .take()
            .ok_or(Refusal::RenameFromFirst)?;
        let to = session.new_path(&typed)?;
        let replace = session.account()?.rights.overwrite;
        let renamed = session
            .tree()?
            .rename(from.relative(), to.relative(), replace)
            .await;
        renamed.map_err(Refusal::RenameFailed)?;
        // Where something was replaced the count has changed before the client hears of it.
        session.quota_lines().await;
        let (from, to) = (session.logged_name(&from), session.logged_name(&to));
        session.log(
            Severity::Notice,
            format_args!(
                "File successfully renamed or moved: [{}]->[{}]",
                escape(&from),
                escape(&to)
            ),
        );
        Ok(Reply::new(250, "File successfully renamed or moved"))
    })
}

fn mfmt(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session
            .account()?
            .rights
            .set_times
            .map_err(Refusal::Forbidden)?;
        let malformed = |_| Refusal::Malformed("Can't get a time stamp");
        let (when, name) = request::time_and_name(&argument).map_err(malformed)?;
        session.set_times(when, name).await?;
        let stamp = super::transfer::time_text(when.0);
        Ok(Reply::new(
            213,
            [b"Modify=", stamp.as_slice(), b"; ", name].concat(),
        ))
    })
}

impl Session {
    fn may_set_times(&self) -> bool {
        self.account()
            .is_ok_and(|account| account.rights.set_times.is_ok())
    }

    pub(super) async fn set_times(&mut self, when: (i64, u32), name: &[u8]) -> Result<(), Refusal> {
        let path = self.changeable_path(name)?;
        let set = self.tree()?.set_times(path.relative(), when).await;
        set.map_err(|error| Refusal::FailedOn("Could not set the time of ", name.to_vec(), error))
    }
}
