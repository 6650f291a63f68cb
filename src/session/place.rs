//! An account in use: its tree, where in it the client is, and what it may do there.

use std::rc::Rc;

use super::policy::Rights;
use super::refusal::Refusal;
use super::shared::{CountedAnonymous, Site};
use super::{Session, Who};
use crate::files::Tree;
use crate::proto::path::{PathError, VirtualPath};
use crate::units::{Bandwidth, Ratio};

/// What a login gives.
pub(super) struct Account {
    /// The name in logs.
    pub(super) name: Vec<u8>,
    /// The tree and how logs name its root.
    pub(super) site: Rc<Site>,
    /// The working directory. It may have vanished since it was entered.
    pub(super) cwd: VirtualPath,
    pub(super) rights: Rights,
    pub(super) bandwidth: Bandwidth,
    pub(super) ratio: Option<Ratio>,
    /// The place in the count of anonymous clients.
    pub(super) _counted: Option<CountedAnonymous>,
}

impl Account {
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
        rights.may_name(&self.shared.settings, &path, typed)?;
        Ok(path)
    }

    /// A name that is to be changed or removed.
    pub(super) fn changeable_path(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let path = self.path(typed)?;
        let rights = &self.account()?.rights;
        rights.may_change(&self.shared.settings, &path, typed)?;
        Ok(path)
    }

    /// A name that is to come into being.
    pub(super) fn new_path(&self, typed: &[u8]) -> Result<VirtualPath, Refusal> {
        let path = self.path(typed)?;
        let rights = &self.account()?.rights;
        rights.may_create(&self.shared.settings, &path, typed)?;
        Ok(path)
    }

    /// A name as the log shows it: root and path.
    pub(super) fn logged_name(&self, path: &VirtualPath) -> Vec<u8> {
        let label = self.account().map_or(&b""[..], |account| &account.site.label);
        [label, path.as_bytes()].concat()
    }
}
