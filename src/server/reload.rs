//! SIGHUP: what was read at start is read again. Paths are those of the start, and the keeper opens them, since this process
//! sees none of them any more. What is broken or gone leaves in force what was there before.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::materials;
use crate::keeper::Link;
use crate::logs::{self, Severity};
use crate::session::Listed;
use crate::session::shared::Shared;
use crate::settings::Login;

/// For the pool: which disk such a file is on does not matter for the few there are.
const UNKNOWN_DEVICE: u64 = u64::MAX;

/// A file that can be read again.
pub(super) struct Again<'a> {
    flag: &'static str,
    path: &'a Path,
}

/// The files of these settings that can be read again; the keeper knows each by its place here.
pub(super) fn files(login: &Login) -> impl Iterator<Item = Again<'_>> {
    let lists = [
        (materials::USER_LIST, login.user_list.as_deref()),
        (materials::DENY_USERS, login.deny_users.as_deref()),
    ];
    lists
        .into_iter()
        .filter_map(|(flag, path)| path.map(|path| Again { flag, path }))
}

impl Again<'_> {
    /// For the keeper.
    pub(super) fn path(&self) -> PathBuf {
        std::path::absolute(self.path).unwrap_or_else(|_| self.path.to_owned())
    }
}

/// Reads everything again, and says in the log how that went.
pub(super) async fn reload(shared: Rc<Shared>) {
    let Some(link) = &shared.link else {
        return logs::server(
            Severity::Info,
            format_args!("Signal 1: nothing to reload, sessions go on"),
        );
    };
    let mut texts = Vec::new();
    for (place, file) in (0..).zip(files(&shared.settings.login)) {
        match read_again(&shared, link, place).await {
            Ok(text) => texts.push((file.flag, text)),
            Err(error) => {
                let (flag, path) = (file.flag, file.path.display());
                logs::server(
                    Severity::Error,
                    format_args!("{flag}: {path}: {error}; the lists stay as they were"),
                );
                texts.clear();
                break;
            }
        }
    }
    let of = |flag| {
        let found = texts.iter().find(|(other, _)| *other == flag);
        found.map(|(_, text)| text.as_slice())
    };
    let listed = Listed::new(of(materials::USER_LIST), of(materials::DENY_USERS));
    if !texts.is_empty() {
        shared.listed.replace(listed);
        logs::server(
            Severity::Info,
            format_args!("Signal 1: lists of users were read again"),
        );
    }
    match link.look().await {
        Ok(note) if note.is_empty() => logs::server(
            Severity::Info,
            format_args!("Signal 1: the accounts are as their sources have them now"),
        ),
        Ok(note) => logs::server(
            Severity::Error,
            format_args!("{}", logs::escape(note.as_bytes())),
        ),
        Err(error) => logs::server(
            Severity::Error,
            format_args!("The databases could not be looked at: {error}"),
        ),
    }
}

async fn read_again(shared: &Shared, link: &Link, place: u8) -> io::Result<Vec<u8>> {
    let opened: OwnedFd = link.reopen(place).await?;
    // A disk or a mount may let a reader wait.
    let read = move || materials::read_list(File::from(opened));
    let handle = &shared.handle;
    handle.pool().run(handle, UNKNOWN_DEVICE, read).await
}
