//! As whom the server runs and as whom the files are touched: chosen from the flags at start, then given up or kept for good.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, materials, reload, sharing};
use crate::files::NewOwner;
use crate::keeper::{self, Mapped, sources};
use crate::settings::{Jail, Settings};
use crate::sys::creds::{self, Identity};
use crate::sys::{privileges, sandbox};
use crate::units::PassiveAddress;

/// The directory in which a server with accounts of different users sits: an empty one.
const EMPTY: &str = "/run/wharf-ftpd/empty";

/// The user nobody, where the user database has none.
const NOBODY: u32 = 65534;

/// How the server stands towards the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Started without root: one identity, nothing to give up.
    Unprivileged(Identity),
    /// All files are touched as this user: the server becomes it for good.
    OneUser(Identity),
    /// Accounts have different users: nobody, who may become each of them from call to call.
    Switching(Identity),
}

/// The account anonymous clients are served with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Anonymous {
    pub(super) identity: Arc<Identity>,
    /// Of the user database; none without root.
    pub(super) home: Option<PathBuf>,
}

/// What the flags and the way of starting make of it.
pub(super) fn choose(settings: &Settings) -> Result<(Standing, Option<Anonymous>), Failure> {
    if !privileges::is_root() {
        let own = Identity {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: Vec::new(),
        };
        let anonymous = Anonymous {
            identity: Arc::new(own.clone()),
            home: None,
        };
        return Ok((Standing::Unprivileged(own), Some(anonymous)));
    }
    if let Some(sharing) = &settings.sharing {
        let identity = sharing::identity(&sharing.directory)?;
        let anonymous = Anonymous {
            identity: Arc::new(identity.clone()),
            home: None,
        };
        let is_for_strangers = settings.login.sources.is_empty();
        return Ok((
            Standing::OneUser(identity),
            is_for_strangers.then_some(anonymous),
        ));
    }
    let anonymous = anonymous(settings);
    if settings.login.sources.is_empty() {
        let anonymous = anonymous?;
        let standing = Standing::OneUser(Identity::clone(&anonymous.identity));
        return Ok((standing, Some(anonymous)));
    }
    if let Some(identity) = only_user(settings) {
        return Ok((Standing::OneUser(identity), None));
    }
    if settings.login.anonymous_only {
        return Ok((Standing::Switching(nobody()), Some(anonymous?)));
    }
    // With accounts to serve, anonymous clients are told at USER that there is none for them.
    Ok((Standing::Switching(nobody()), anonymous.ok()))
}

fn nobody() -> Identity {
    let nobody = privileges::user_named("nobody");
    Identity {
        uid: nobody.as_ref().map_or(NOBODY, |user| user.uid),
        gid: nobody.as_ref().map_or(NOBODY, |user| user.gid),
        groups: Vec::new(),
    }
}

/// The user of all accounts, where they have but one and nobody else is served: the server then becomes it for good.
fn only_user(settings: &Settings) -> Option<Identity> {
    let login = &settings.login;
    if !login.no_anonymous || login.create_home || login.map_users.is_some() {
        return None;
    }
    let (uid, gid) = sources::only_identity(&login.sources)?;
    let is_root = uid == 0 || gid == 0;
    let of_system = privileges::user_with(uid).is_some();
    // A user of the system brings groups, which a server that became one for good has not.
    (!is_root && !of_system && uid >= login.min_uid.unwrap_or(1)).then_some(Identity {
        uid,
        gid,
        groups: Vec::new(),
    })
}

fn anonymous(settings: &Settings) -> Result<Anonymous, Failure> {
    let name = &settings.login.anonymous_user;
    let Some(user) = privileges::user_named(name) else {
        return Err(Failure::missing_account(name));
    };
    if user.uid == 0 || user.gid == 0 {
        return Err(Failure::no_account(name, "it has the rights of root"));
    }
    Ok(Anonymous {
        identity: Arc::new(Identity {
            uid: user.uid,
            gid: user.gid,
            groups: Vec::new(),
        }),
        home: Some(user.home),
    })
}

/// The account as which all users act (`--mapusers`).
pub(super) fn mapped(settings: &Settings) -> Result<Option<Mapped>, Failure> {
    let login = &settings.login;
    let Some(name) = &login.map_users else {
        return Ok(None);
    };
    let refused = |why: &str| Err(Failure::mapped(name, why));
    if !privileges::is_root() {
        return Err(Failure::mapping_needs_root());
    }
    let Some(user) = privileges::user_named(name) else {
        return refused("there is no such account");
    };
    if user.uid == 0 || user.gid == 0 {
        return refused("it has the rights of root");
    }
    if user.uid < login.min_uid.unwrap_or(1) {
        return refused("its uid is lower than -u says");
    }
    Ok(Some(Mapped {
        name: name.clone().into_bytes(),
        uid: user.uid,
        gid: user.gid,
        home: user.home.into_os_string().into_encoded_bytes(),
        as_anonymous: login.map_users_as_anonymous,
    }))
}

impl Standing {
    /// Whether the server was started by root.
    pub(super) fn is_root(&self) -> bool {
        !matches!(self, Standing::Unprivileged(_))
    }

    /// The one identity there is; none where accounts have several.
    pub(super) fn only_identity(&self) -> Option<&Identity> {
        match self {
            Standing::Unprivileged(own) => Some(own),
            Standing::OneUser(user) => Some(user),
            Standing::Switching(_) => None,
        }
    }

    /// What the keeper is to know of accounts.
    pub(super) fn plan(&self, settings: &Settings, mapped: Option<Mapped>) -> keeper::Plan {
        let network = &settings.network;
        let passive_name = match &network.passive_address {
            Some(PassiveAddress::Name(name)) => Some(name.clone()),
            _ => None,
        };
        keeper::Plan {
            sources: settings.login.sources.clone(),
            min_uid: settings.login.min_uid.unwrap_or(1),
            jail: match settings.login.jail {
                Jail::Asked => keeper::Jail::Asked,
                Jail::Everyone => keeper::Jail::Everyone,
                Jail::AllBut(gid) => keeper::Jail::AllBut(gid),
            },
            mapped,
            takes_certificates: settings.tls.logs_in_by_certificate(),
            user_root: settings.login.user_root.clone(),
            own_roots: settings
                .users
                .iter()
                .map(|user| {
                    let root = user.settings.login.user_root.clone();
                    (user.name.to_ascii_lowercase(), root)
                })
                .collect(),
            refuse_writable_root: settings.login.refuse_writable_root,
            create_home: settings.login.create_home,
            directory_umask: settings.files.umasks.dirs,
            quota_for_all: settings.limits.quota.is_some(),
            only: match self {
                Standing::OneUser(user) if !settings.login.sources.is_empty() => {
                    Some((user.uid, user.gid))
                }
                _ => None,
            },
            switches: self.is_root(),
            names: passive_name.is_some() || settings.logs_names(),
            binds: network.active_port.is_some_and(|port| port < 1024),
            passive_name,
            reopened: reload::files(settings)
                .map(|file| file.for_keeper())
                .collect(),
            certd: materials::certd(&settings.tls),
            nobody: self.is_root().then(|| {
                let nobody = nobody();
                (nobody.uid, nobody.gid)
            }),
        }
    }

    /// To whom anonymous uploads are given.
    pub(super) fn upload_owner(&self, settings: &Settings) -> Result<Option<NewOwner>, Failure> {
        let Some(owner) = &settings.files.chown_uploads else {
            return Ok(None);
        };
        if !self.is_root() {
            return Err(Failure::upload_owner_needs_root());
        }
        match privileges::user_named(&owner.user) {
            Some(user) => Ok(Some(NewOwner {
                uid: user.uid,
                mode: owner.mode,
            })),
            None => Err(Failure::upload_owner(&format!(
                "{owner}: there is no user {}",
                owner.user
            ))),
        }
    }

    /// Where the server locks itself in: the directory of the only user, where there is one, else an empty one, which is made.
    /// Nothing is made where only a look is taken (`--check`); any directory serves then.
    pub(super) fn jail(&self, root: Option<&Path>, only_looks: bool) -> Result<PathBuf, Failure> {
        match (self, root) {
            (Standing::OneUser(_), Some(root)) => Ok(root.to_owned()),
            (Standing::OneUser(_) | Standing::Switching(_), _) if !only_looks => {
                std::fs::create_dir_all(EMPTY).map_err(|error| Failure::rights(&error))?;
                Ok(PathBuf::from(EMPTY))
            }
            _ => Ok(PathBuf::from("/")),
        }
    }

    /// Gives up what is not needed any more. What is kept besides is the right to change owners, if files are to be given
    /// away. Started without root, the server stays where it is.
    pub(super) fn give_up(&self, jail: &Path, gives_files: bool) -> Result<(), Failure> {
        let given_up = match self {
            Standing::Unprivileged(_) => privileges::lock_down_unprivileged(),
            Standing::OneUser(user) => {
                privileges::drop_for_good(user.uid, user.gid, jail, gives_files)
            }
            Standing::Switching(nobody) => {
                creds::begin(nobody.clone());
                privileges::drop_to_switching(nobody.uid, nobody.gid, jail, gives_files)
            }
        };
        given_up.map_err(|error| Failure::rights(&error))
    }

    /// What the system call filter is to leave.
    pub(super) fn identities(
        &self,
        settings: &Settings,
        anonymous: Option<&Anonymous>,
        mapped: Option<&Mapped>,
    ) -> sandbox::Identities {
        match self {
            Standing::Switching(nobody) => sandbox::Identities::Of {
                // Mapped users have one number, and no other is needed.
                lowest: match mapped {
                    Some(_) => u32::MAX,
                    None => settings.login.min_uid.unwrap_or(1),
                },
                besides: anonymous
                    .map(|anonymous| anonymous.identity.uid)
                    .into_iter()
                    .chain(mapped.map(|account| account.uid))
                    .chain([nobody.uid])
                    .collect(),
                group_0: mapped.is_none() && sources::may_have_group_0(&settings.login.sources),
            },
            Standing::Unprivileged(_) | Standing::OneUser(_) => sandbox::Identities::None,
        }
    }
}
