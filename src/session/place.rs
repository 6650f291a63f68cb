//! An account in use: its tree, where in it the client is, and what it may do there.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use super::policy::Rights;
use super::refusal::Refusal;
use super::shared::{CountedAnonymous, CountedUser, Site, Terms};
use super::{Session, Who};
use crate::files::{Kind, Stat, Tree, Usage};
use crate::proto::facts::Perm;
use crate::proto::path::{PathError, VirtualPath};
use crate::proto::reply::Text;
use crate::settings::Settings;
use crate::sys::creds::Identity;
use crate::units::{Bandwidth, Ratio};

/// What a login gives.
pub(super) struct Account {
    /// What the flags mean for it.
    pub(super) terms: Rc<Terms>,
    /// The name in logs.
    pub(super) name: Vec<u8>,
    /// The tree and how logs name its root.
    pub(super) site: Rc<Site>,
    /// The working directory. It may have vanished since it was entered.
    pub(super) cwd: VirtualPath,
    pub(super) rights: Rights,
    pub(super) bandwidth: Bandwidth,
    pub(super) ratio: Option<Ratio>,
    /// Whether the account is kept in its home by a flag: the words of the login say so.
    pub(super) restricted: bool,
    /// The place in the count of anonymous clients.
    pub(super) _counted: Option<CountedAnonymous>,
    /// The place in the count of this account's sessions.
    pub(super) _session: Option<CountedUser>,
    /// The session that the account's source opened; closed when this is.
    pub(super) _opened: Option<OwnedFd>,
}

impl Account {
    /// Whether nobody knows who this is: what users with names are bound by besides is a matter of their rights.
    pub(super) fn is_stranger(&self) -> bool {
        self.rights.anonymous && self._session.is_none()
    }

    /// The tree every path of this account ends in.
    pub(super) fn tree(&self) -> &Tree {
        &self.site.tree
    }
}

impl Session {
    /// The account; rows that use it need a login.
    pub(super) fn account(&self) -> Result<&Account, Refusal> {
        match &self.who {
            Who::In(account) => Ok(account),
            Who::Nobody | Who::Named(_) => Err(Refusal::NotLoggedIn),
        }
    }

    /// What this session is served on: the terms of the account, and before the login those of everybody.
    pub fn terms(&self) -> &Rc<Terms> {
        match &self.who {
            Who::In(account) => &account.terms,
            Who::Nobody | Who::Named(_) => &self.shared.base,
        }
    }

    /// What the flags mean for this session.
    pub(super) fn settings(&self) -> &Settings {
        &self.terms().settings
    }

    pub(super) fn account_mut(&mut self) -> Result<&mut Account, Refusal> {
        match &mut self.who {
            Who::In(account) => Ok(account),
            Who::Nobody | Who::Named(_) => Err(Refusal::NotLoggedIn),
        }
    }

    /// The account's tree, to be used while the session is.
    pub(super) fn tree(&self) -> Result<Tree, Refusal> {
        Ok(self.account()?.tree().clone())
    }

    /// Whether data connections may go to and come from other hosts than the client (`-w`, `-W`).
    pub(super) fn may_use_third_hosts(&self) -> bool {
        let network = &self.settings().network;
        match self.is_user() {
            true => network.user_fxp,
            false => network.anonymous_fxp,
        }
    }

    /// The flag that would let this client do so.
    pub(super) fn flag_for_third_hosts(&self) -> &'static str {
        match self.is_user() {
            true => "-w",
            false => "-W",
        }
    }

    /// Whether somebody is logged in who is not anonymous.
    fn is_user(&self) -> bool {
        self.account()
            .is_ok_and(|account| !account.rights.anonymous)
    }

    /// A name as typed, seen from the working directory.
    pub(super) fn path(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let joined = self.account()?.cwd.join(typed);
        joined.map_err(|error| match error {
            PathError::TooLong => Refusal::NameTooLong,
            _ => Refusal::Prohibited(typed.to_vec()),
        })
    }

    /// A name that is to be looked at.
    pub(super) fn visible_path(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let path = self.path(typed)?;
        let rights = &self.account()?.rights;
        rights.may_name(self.settings(), &path, typed)?;
        Ok(path)
    }

    /// A name that is to be changed or removed.
    pub(super) fn changeable_path(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let path = self.path(typed)?;
        let rights = &self.account()?.rights;
        rights.may_change(self.settings(), &path, typed)?;
        Ok(path)
    }

    /// A name that is to come into being.
    pub(super) fn new_path(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let path = self.path(typed)?;
        let rights = &self.account()?.rights;
        rights.may_create(self.settings(), &path, typed)?;
        Ok(path)
    }

    /// What the account has of its quota, in Pure-FTPd's lines; none without one.
    pub(super) async fn quota_lines(&self) -> Vec<Text> {
        let Ok(tree) = self.tree() else {
            return Vec::new();
        };
        match tree.usage().await {
            Some(usage) => usage_lines(&usage),
            None => Vec::new(),
        }
    }

    /// A name as the log shows it: root and path.
    pub(super) fn logged_name(&self, path: &VirtualPath) -> Vec<u8> {
        let label = self
            .account()
            .map_or(&b""[..], |account| &account.site.label);
        [label, path.as_bytes()].concat()
    }

    /// The same without the doubled slash that Pure-FTPd's log has: the path on this machine.
    pub(super) fn real_name(&self, path: &VirtualPath) -> Vec<u8> {
        let mut name = self.logged_name(path);
        let label = name.len() - path.as_bytes().len();
        if label > 0 && name[label - 1] == b'/' {
            name.remove(label - 1);
        }
        name
    }
}

fn usage_lines(usage: &Usage) -> Vec<Text> {
    let (used, limits) = (usage.used, usage.limits);
    let files = limits.files.map(|most| {
        let percent = percent(used.files, most);
        format!(
            "{} files used ({percent}%) - authorized: {most} files",
            used.files
        )
    });
    let bytes = limits.bytes.map(|most| {
        let percent = percent(used.bytes, most);
        let (used, most) = (used.bytes / 1024, most / 1024);
        format!("{used} Kbytes used ({percent}%) - authorized: {most} Kb")
    });
    files.into_iter().chain(bytes).map(Text::from).collect()
}

/// Of nothing everything is used.
fn percent(used: u64, most: u64) -> u128 {
    match most {
        0 => 100,
        _ => u128::from(used) * 100 / u128::from(most),
    }
}

/// What an account may do to an entry, for the `perm` fact: its rights, and whose permissions the kernel looks at.
pub(super) struct Granted {
    rights: Rights,
    identity: Arc<Identity>,
}

impl Account {
    pub(super) fn granted(&self) -> Granted {
        Granted {
            rights: self.rights.clone(),
            identity: Arc::clone(&self.site.identity),
        }
    }
}

const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

impl Granted {
    /// Whether a listing shows an entry of this name.
    pub(super) fn shows(&self, settings: &Settings, name: &[u8]) -> bool {
        self.rights.shows(settings, name)
    }

    /// Whether a directory of this mode is listed, as far as the kernel opens it.
    pub(super) fn may_read(&self, mode: u32) -> bool {
        self.rights.may_read(mode)
    }

    /// RFC 3659 section 7.5.5, true for this client: what its rights allow and the kernel would.
    pub(super) fn perm(&self, stat: &Stat, parent: Option<&Stat>) -> Perm {
        let rights = &self.rights;
        let unlinkable = parent.is_none_or(|parent| self.may_unlink(stat, parent));
        match stat.kind {
            Kind::Directory => {
                let writable = self.kernel_allows(stat, WRITE | SEARCH);
                Perm {
                    create: writable && rights.upload.is_ok(),
                    delete: unlinkable && rights.remove_directories.is_ok(),
                    enter: self.kernel_allows(stat, SEARCH),
                    rename: unlinkable && rights.rename.is_ok(),
                    list: rights.list.is_ok()
                        && rights.may_read(stat.mode)
                        && self.kernel_allows(stat, READ),
                    make: writable && rights.make_directories.is_ok(),
                    purge: writable && rights.delete.is_ok(),
                    ..Perm::default()
                }
            }
            Kind::File => {
                let writable = rights.overwrite && self.kernel_allows(stat, WRITE);
                Perm {
                    append: rights.append && writable,
                    delete: unlinkable && rights.delete.is_ok(),
                    rename: unlinkable && rights.rename.is_ok(),
                    read: rights.download.is_ok()
                        && rights.may_send(stat, b"").is_ok()
                        && self.kernel_allows(stat, READ),
                    store: writable,
                    ..Perm::default()
                }
            }
            _ => Perm {
                delete: unlinkable && rights.delete.is_ok(),
                rename: unlinkable && rights.rename.is_ok(),
                ..Perm::default()
            },
        }
    }

    /// In a sticky directory only the owners may (unlink(2)).
    fn may_unlink(&self, stat: &Stat, parent: &Stat) -> bool {
        const STICKY: u32 = 0o1000;
        let own = [0, stat.uid, parent.uid].contains(&self.identity.uid);
        self.kernel_allows(parent, WRITE | SEARCH) && (parent.mode & STICKY == 0 || own)
    }

    fn is_member(&self, gid: u32) -> bool {
        self.identity.gid == gid || self.identity.groups.contains(&gid)
    }

    fn kernel_allows(&self, stat: &Stat, wanted: u32) -> bool {
        let bits = match () {
            () if self.identity.uid == 0 => return true,
            () if self.identity.uid == stat.uid => stat.mode >> 6,
            () if self.is_member(stat.gid) => stat.mode >> 3,
            () => stat.mode,
        };
        bits & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Amounts, Limits};

    #[test]
    fn usage_is_told_in_pure_ftpds_words() {
        let lines = |files, bytes, limits| {
            let used = Amounts { files, bytes };
            let lines = usage_lines(&Usage { used, limits });
            let text = |line: &Text| String::from_utf8_lossy(line.as_ref()).into_owned();
            lines.iter().map(text).collect::<Vec<_>>()
        };
        let limits = |files, bytes| Limits { files, bytes };
        assert_eq!(
            lines(3, 601_010, limits(Some(3), Some(1 << 20))),
            [
                "3 files used (100%) - authorized: 3 files",
                "586 Kbytes used (57%) - authorized: 1024 Kb"
            ]
        );
        assert_eq!(
            lines(2, 5, limits(Some(3), None)),
            ["2 files used (66%) - authorized: 3 files"]
        );
        assert_eq!(
            lines(0, u64::MAX, limits(None, Some(0))),
            ["18014398509481983 Kbytes used (100%) - authorized: 0 Kb"]
        );
    }
}
