//! Looking at files: SIZE, MDTM, MLST, MLSD, LIST, NLST, STAT (RFC 959 section 4.1.3, RFC 3659).

use super::super::Session;
use super::super::data::Stage;
use super::super::listing::{self, Shape, Walk};
use super::super::refusal::Refusal;
use super::super::transfer::{Mover, Progress};
use super::transfer::time_text;
use super::{Argument, Does, Feature, Row, Rules, Run, Waiting};
use crate::files::{Kind, Stat};
use crate::net::Purpose;
use crate::proto::facts::{self, Role};
use crate::proto::listing::Options;
use crate::proto::reply::Reply;
use crate::proto::{list_options, transfer_text};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "SIZE",
        "SIZE <name>",
        Argument::Needed("Missing argument"),
        Rules::SETUP,
        Run::Waits(size),
    )
    .feature(Feature::Line("SIZE")),
    Row::new(
        "MDTM",
        "MDTM <name>",
        Argument::Needed("Missing argument"),
        Rules::SETUP,
        Run::Waits(mdtm),
    )
    .feature(Feature::Line("MDTM")),
    Row::new(
        "MLST",
        "MLST [<name>]",
        Argument::Optional,
        Rules::MEMBER,
        Run::Waits(mlst),
    )
    .feature(Feature::Now(|session| Some(session.facts.feat_line()))),
    Row::new(
        "MLSD",
        "MLSD [<directory>]",
        Argument::Optional,
        Rules::LISTING,
        Run::Waits(mlsd),
    )
    .feature(Feature::Line("MLSD")),
    Row::new(
        "LIST",
        "LIST [-aCdFlrRSt1] [<name>]",
        Argument::Optional,
        Rules::LISTING,
        Run::Waits(list),
    ),
    Row::new(
        "NLST",
        "NLST [<name>]",
        Argument::Optional,
        Rules::LISTING,
        Run::Waits(nlst),
    ),
    Row::new(
        "STAT",
        "STAT [<name>]",
        Argument::Optional,
        Rules::MEMBER.does(Does::ListIfNamed),
        Run::Waits(stat),
    ),
];

fn size(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let stat = session.regular(&typed).await?;
        Ok(Reply::new(213, stat.size.to_string()))
    })
}

fn mdtm(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let stat = session.regular(&typed).await?;
        Ok(Reply::new(213, time_text(stat.modified)))
    })
}

fn mlst(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let path = session.visible_path(&typed)?;
        let tree = session.tree()?;
        let stat = tree
            .lstat(path.relative())
            .await
            .map_err(Refusal::NoSuchFile)?;
        let target = match stat.kind {
            Kind::Link => tree.read_link(path.relative()).await.ok(),
            _ => None,
        };
        let shown: &[u8] = if typed.is_empty() { b"." } else { &typed };
        let role = if typed.is_empty() {
            Role::Current
        } else {
            Role::Entry
        };
        let item = listing::item(shown, &stat, target.as_deref());
        let parent = match path.is_root() {
            true => None,
            false => tree.stat(path.parent().relative()).await.ok(),
        };
        let perm = session.account()?.granted().perm(&stat, parent.as_ref());
        let mut line = Vec::new();
        facts::write_entry(&mut line, &item, session.facts, perm, role);
        Ok(Reply::block(250, "Begin", [line], "End."))
    })
}

fn mlsd(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let path = session.visible_path(&typed)?;
        let tree = session.tree()?;
        let stat = tree
            .stat(path.relative())
            .await
            .map_err(Refusal::NoSuchFile)?;
        if stat.kind != Kind::Directory {
            // RFC 3659 section 7.2.1.
            return Err(Refusal::Malformed("MLSD lists directories only"));
        }
        let walk = session.walk(Shape::Facts(session.facts), Options::default(), Vec::new())?;
        session.send_listing(walk, path, None).await
    })
}

fn list(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.list(&argument, true).await })
}

fn nlst(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.list(&argument, false).await })
}

fn stat(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        if argument.is_empty() {
            return Ok(session.status());
        }
        let (options, name) = list_options::Options::parse(&argument, true);
        let (path, pattern) = session.split_pattern(name)?;
        let mut walk = session.walk(Shape::Long, session.with_dots(options), name.to_vec())?;
        let gathered = session.gather_status(&mut walk, path, pattern).await?;
        Ok(Reply::status(213, "STAT", gathered, "End."))
    })
}

impl Session {
    async fn regular(&self, typed: &[u8]) -> Result<Stat, Refusal> {
        let path = self.visible_path(typed)?;
        let stat = self
            .tree()?
            .stat(path.relative())
            .await
            .map_err(Refusal::NoSuchFile)?;
        match stat.kind {
            Kind::File => Ok(stat),
            _ => Err(Refusal::NotRegular),
        }
    }

    async fn list(&mut self, argument: &[u8], long: bool) -> Result<Reply, Refusal> {
        let (options, name) = list_options::Options::parse(argument, long);
        let (path, pattern) = self.split_pattern(name)?;
        let shape = match (options.long && long, options.columns) {
            (true, _) => Shape::Long,
            (false, true) => Shape::Columns,
            (false, false) => Shape::Names { sorted: long },
        };
        if pattern.is_none() {
            // A plain missing name is an error, not an empty listing.
            self.tree()?
                .lstat(path.relative())
                .await
                .map_err(Refusal::NoSuchFile)?;
        }
        let options = self.with_dots(options);
        let walk = self.walk(shape, options, name.to_vec())?;
        let mut reply = self.send_listing(walk, path, pattern).await?;
        if long && let Some(summary) = options.summary() {
            reply = reply.after(summary);
        }
        Ok(reply)
    }

    /// `-D` shows names that begin with a dot as if `-a` had been given.
    fn with_dots(&self, mut options: Options) -> Options {
        options.all |= self.settings().files.dotfiles.show;
        options
    }

    /// Opens the data connection, sends what `walk` finds at `path`, and says how much it was.
    async fn send_listing(
        &mut self,
        walk: Walk,
        path: crate::proto::path::VirtualPath,
        pattern: Option<crate::units::Glob>,
    ) -> Result<Reply, Refusal> {
        let start = walk.start(path, pattern).await?;
        let (stream, words) = self.open_data().await?;
        self.send(&Reply::new(150, words));
        let stream = self.secure_data(stream, Purpose::Download).await?;
        let progress = Progress::begin(self.shared.handle.now(), None);
        let rate = self.account()?.bandwidth.down;
        let mover = Mover::new(self, stream, &progress, rate);
        let sending = Box::pin(start.send(mover));
        let (count, truncated) = self.attend(Stage::Sending, &progress, sending).await??;
        Ok(Reply::new(
            226,
            transfer_text::matches_line(count, truncated),
        ))
    }

    async fn gather_status(
        &mut self,
        walk: &mut Walk,
        path: crate::proto::path::VirtualPath,
        pattern: Option<crate::units::Glob>,
    ) -> Result<Vec<u8>, Refusal> {
        let walk = std::mem::replace(
            walk,
            self.walk(Shape::Long, Options::default(), Vec::new())?,
        );
        let start = walk.start(path, pattern).await?;
        start.gather().await
    }

    /// RFC 959: without an argument, the state of the session.
    fn status(&self) -> Reply {
        let name = match self.account() {
            Ok(account) => String::from_utf8_lossy(&account.name).into_owned(),
            Err(_) => "nobody".into(),
        };
        let lines = [
            format!("Connected to {} from {}", self.local.ip(), self.peer.ip()),
            format!("Logged in as {name}"),
            self.representation.words().to_owned(),
        ];
        Reply::block(211, "Wharf FTP server", lines, "End.")
    }
}
