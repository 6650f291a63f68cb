//! Where the client is: PWD, CWD, CDUP and their X-forms (RFC 959 section 4.1.1, RFC 775).

use super::super::Session;
use super::super::refusal::Refusal;
use super::{Argument, Feature, Row, Rules, Run, Waiting};
use crate::logs::{Severity, escape};
use crate::proto::path::VirtualPath;
use crate::proto::reply::{Reply, quoted};
use crate::sys::words;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "PWD",
        "PWD",
        Argument::Optional,
        Rules::SETUP.idle(),
        Run::Now(pwd),
    )
    .also(&["XPWD"]),
    Row::new(
        "CWD",
        "CWD [<directory>]",
        Argument::Optional,
        Rules::MEMBER.idle(),
        Run::Waits(cwd),
    )
    .also(&["XCWD"])
    .feature(Feature::Line("TVFS")),
    Row::new(
        "CDUP",
        "CDUP",
        Argument::Optional,
        Rules::MEMBER.idle(),
        Run::Waits(cdup),
    )
    .also(&["XCUP"]),
];

fn pwd(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    let path = quoted(session.account()?.cwd.as_bytes());
    Ok(Reply::new(
        257,
        [path.as_slice(), b" is your current location"].concat(),
    ))
}

fn cwd(session: &mut Session, typed: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.enter_directory(&typed).await })
}

fn cdup(session: &mut Session, _argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.enter_directory(b"..").await })
}

impl Session {
    async fn enter_directory(&mut self, typed: &[u8]) -> Result<Reply, Refusal> {
        // Without a name, and for `~`, the client goes home.
        let home: &[u8] = if typed.is_empty() || typed == b"~" {
            b"/"
        } else {
            typed
        };
        let path = match self.try_enter(home).await {
            Ok(path) => path,
            Err(Refusal::CannotEnter(name, error)) => {
                let Some(path) = self.alias(typed) else {
                    self.log(
                        Severity::Info,
                        format_args!(
                            "Can't change directory to {}: {}",
                            escape(&name),
                            words(&error)
                        ),
                    );
                    return Err(Refusal::CannotEnter(name, error));
                };
                self.try_enter(path.as_bytes()).await?
            }
            Err(refusal) => return Err(refusal),
        };
        self.account_mut()?.cwd = path.clone();
        let mut lines = self.message(&path, b".message").await;
        lines.push(
            [b"OK. Current directory is ", path.as_bytes()]
                .concat()
                .into(),
        );
        Ok(Reply::lines(250, lines))
    }

    async fn try_enter(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let path = self.visible_path(typed)?;
        let cannot = |error| Refusal::CannotEnter(typed.to_vec(), error);
        self.tree()?.enter(path.relative()).await.map_err(cannot)?;
        Ok(path)
    }

    /// The directory that a short name of the aliases file stands for.
    fn alias(&self, typed: &[u8]) -> Option<VirtualPath> {
        let (_, directory) = self
            .shared
            .aliases
            .iter()
            .find(|(alias, _)| alias == typed)?;
        VirtualPath::root().join(directory).ok()
    }
}
