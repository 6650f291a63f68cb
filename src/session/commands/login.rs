//! Who the client is, and what it may ask before that: USER, PASS, ACCT, REIN, QUIT, HOST, and the questions about
//! the server (RFC 959 sections 4.1.1 and 4.1.3, RFC 2389, RFC 7151).

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::place::Account;
use super::super::policy::{Rights, is_anonymous_name};
use super::super::refusal::Refusal;
use super::super::shared::{CountedAnonymous, CountedUser, Site};
use super::super::{End, Once, Representation, Session, Who};
use super::{Argument, Feature, Row, Rules, Run, Waiting, rows};
use crate::files::{self, Tree, Trouble};
use crate::keeper::Granted;
use crate::keeper::link::NotGranted;
use crate::keeper::message::{Check, Denial, LONGEST_PASSWORD, Limits, Proof, Secret};
use crate::logs::{Severity, escape};
use crate::net::ClientCertificate;
use crate::proto::banner;
use crate::proto::facts::Facts;
use crate::proto::path::VirtualPath;
use crate::proto::reply::{Reply, Text};
use crate::session::data::{Data, Stage};
use crate::session::transfer::Progress;
use crate::sys::creds::Identity;
use crate::units::{Bandwidth, Quota, Rate, Ratio};

/// Longest user name kept, in bytes; Pure-FTPd's limit.
const LONGEST_NAME: usize = 127;

/// A failed name may be a password typed in the wrong place: only this much of it is logged.
const LOGGED_NAME: usize = 32;

/// Pure-FTPd's delay: so much for each failure, and up to as much at random.
const FAILURE_DELAY: Duration = Duration::from_secs(3);

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "USER",
        "USER <name>",
        Argument::Needed("Please give a user name"),
        Rules::LOGIN,
        Run::Waits(user),
    ),
    Row::new(
        "PASS",
        "PASS <password>",
        Argument::Optional,
        Rules::LOGIN.secret(),
        Run::Waits(pass),
    ),
    Row::new(
        "ACCT",
        "ACCT <account>",
        Argument::Optional,
        Rules::LOGIN.secret(),
        Run::Now(acct),
    ),
    Row::new(
        "REIN",
        "REIN",
        Argument::Optional,
        Rules::FREE,
        Run::Now(rein),
    ),
    Row::new(
        "QUIT",
        "QUIT",
        Argument::Optional,
        Rules::FREE,
        Run::Now(quit),
    ),
    Row::new(
        "HOST",
        "HOST <name>",
        Argument::Needed("Please give a host name"),
        Rules::FREE,
        Run::Now(host),
    )
    .feature(Feature::Line("HOST")),
    Row::new(
        "NOOP",
        "NOOP",
        Argument::Optional,
        Rules::FREE.idle().keeps_restart(),
        Run::Now(noop),
    ),
    Row::new(
        "SYST",
        "SYST",
        Argument::Optional,
        Rules::FREE.idle(),
        Run::Now(syst),
    ),
    Row::new(
        "CLNT",
        "CLNT <name>",
        Argument::Optional,
        Rules::FREE,
        Run::Now(clnt),
    )
    .feature(Feature::Line("CLNT")),
    Row::new(
        "FEAT",
        "FEAT",
        Argument::Optional,
        Rules::FREE,
        Run::Now(feat),
    ),
    Row::new(
        "HELP",
        "HELP [<command>]",
        Argument::Optional,
        Rules::FREE,
        Run::Now(help),
    ),
    Row::new(
        "OPTS",
        "OPTS <command> <options>",
        Argument::Needed("Missing argument"),
        Rules::FREE,
        Run::Now(opts),
    )
    .feature(Feature::Line("UTF8")),
];

fn user(session: &mut Session, name: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.user(name).await })
}

fn pass(session: &mut Session, password: Vec<u8>) -> Waiting<'_> {
    let password = Secret::new(password);
    Box::pin(async move { session.pass(password).await })
}

impl Session {
    async fn user(&mut self, mut name: Vec<u8>) -> Result<Reply, Refusal> {
        name.truncate(LONGEST_NAME);
        let wants_anonymous = is_anonymous_name(&name);
        if let Who::In(account) = &self.who {
            return match account.is_stranger() && wants_anonymous {
                true => Ok(Reply::new(230, "Anonymous user logged in")),
                false => Err(Refusal::SecondUser),
            };
        }
        self.check_certificate_name(&name)?;
        let to_anonymous = wants_anonymous && self.serves_anonymous();
        if to_anonymous
            && self
                .shared
                .listed
                .borrow()
                .objection_to_anonymous()
                .is_none()
        {
            return self.log_in_anonymous().await;
        }
        if self.anonymous_only && !to_anonymous {
            // Said here, so that no password crosses the wire.
            return Err(Refusal::OnlyAnonymous);
        }
        let takes_certificate = self.shared.base.settings.tls.logs_in_by_certificate();
        if takes_certificate
            && self.is_protected()
            && self.certificate().is_some()
            && let Some(reply) = self.log_in_by_certificate(&name).await?
        {
            return Ok(reply);
        }
        let text = [b"User ", name.as_slice(), b" OK. Password required"].concat();
        self.who = Who::Named(name);
        Ok(Reply::new(331, text))
    }

    /// Lets in the user whose name the certificate has; none where the sources know no such user who could come in so, for whom a
    /// password may still do.
    async fn log_in_by_certificate(&mut self, name: &[u8]) -> Result<Option<Reply>, Refusal> {
        let begun = self.shared.handle.now();
        let asked = self.ask_keeper(name, Proof::Certificate).await?;
        match self.keep_out(name, asked) {
            Ok(granted) => {
                let reply = self.settle_in(name.to_vec(), granted, 232).await?;
                if let Some(secure) = &mut self.secure {
                    secure.logged_in = true;
                }
                Ok(Some(reply))
            }
            Err(NotGranted::Denied(Denial::Credentials, note)) => {
                if !note.is_empty() {
                    self.log(Severity::Error, format_args!("{}", escape(note.as_bytes())));
                }
                Ok(None)
            }
            Err(not_granted) => self.deny(name, not_granted, begun).await.map(Some),
        }
    }

    /// Whether this command of the login, with this argument, is that of an anonymous session.
    pub(in crate::session) fn logs_in_anonymous(&self, row: &Row, argument: &[u8]) -> bool {
        match row.verb {
            "USER" => is_anonymous_name(argument) && self.serves_anonymous(),
            _ => self.is_anonymous(),
        }
    }

    fn serves_anonymous(&self) -> bool {
        !self.settings().login.no_anonymous || self.anonymous_only
    }

    async fn log_in_anonymous(&mut self) -> Result<Reply, Refusal> {
        let shared = Rc::clone(&self.shared);
        let terms = shared.terms_of(ANONYMOUS_ACCOUNT);
        let settings = &terms.settings;
        let virtual_site = shared.virtual_sites.get(&self.local.ip());
        let Some(site) = virtual_site.or(shared.site.as_ref()) else {
            return Err(Refusal::NoAnonymousAccount);
        };
        if let Some(limit) = settings.limits.max_anonymous
            && shared.counts.anonymous() >= limit
        {
            return Err(Refusal::TooManyAnonymous(limit));
        }
        let account = Account {
            name: ANONYMOUS_ACCOUNT.to_vec(),
            terms: Rc::clone(terms),
            site: Rc::clone(site),
            cwd: site.start.clone(),
            rights: Rights::anonymous(
                settings,
                terms.anonymous_upload,
                terms.unserved_owner(site.identity.uid),
            ),
            bandwidth: settings.limits.anonymous_bandwidth,
            ratio: settings.limits.anonymous_ratio,
            restricted: true,
            _counted: Some(CountedAnonymous::new(&shared)),
            _session: None,
            _opened: None,
        };
        match virtual_site {
            None => self.log(Severity::Info, format_args!("Anonymous user logged in")),
            Some(_) => {
                let address = self.local.ip();
                self.log(
                    Severity::Info,
                    format_args!("Anonymous user logged in the virtual FTP: {address}"),
                );
            }
        }
        self.enter(account);
        if settings.network.broken_clients {
            return Ok(Reply::new(331, "Any password will work"));
        }
        Ok(Reply::lines(
            230,
            self.welcome("Anonymous user logged in").await,
        ))
    }

    /// Lets the client in.
    pub(in crate::session) fn enter(&mut self, account: Account) {
        // What OPTS MLST chose before the login stands; accounts are shown owners besides.
        let settings = &account.terms.settings;
        let shows_owners = !account.rights.anonymous && !settings.files.hide_ids;
        self.idle = settings.limits.idle;
        if shows_owners && self.facts == Facts::for_anonymous() {
            self.facts = Facts::default();
        }
        self.who = Who::In(Box::new(account));
        if self.secure.is_some() {
            let now = self.shared.handle.now();
            self.shared.handshakes.paid(self.peer.ip(), now);
        }
    }

    /// The lines of `.banner` and of limits that hold, then `last`.
    async fn welcome(&self, last: &'static str) -> Vec<Text> {
        let mut lines = self.message(&VirtualPath::root(), b".banner").await;
        let throttled = self.account().is_ok_and(|account| {
            account.bandwidth.up.is_some() || account.bandwidth.down.is_some()
        });
        if throttled {
            lines.push("Your bandwidth usage is restricted".into());
        }
        lines.push(last.into());
        lines
    }

    async fn pass(&mut self, password: Secret) -> Result<Reply, Refusal> {
        let name = match &self.who {
            Who::Nobody => return Err(Refusal::UserFirst),
            Who::In(account) if account.is_stranger() => {
                return Ok(match self.settings().network.broken_clients {
                    true => Reply::lines(230, self.welcome("Anonymous user logged in").await),
                    false => Reply::new(230, "Any password will work"),
                });
            }
            // Some send it whatever they were answered.
            Who::In(_) if self.secure.as_ref().is_some_and(|own| own.logged_in) => {
                return Ok(Reply::new(202, "Your certificate has logged you in"));
            }
            Who::In(_) => return Err(Refusal::AlreadyLoggedIn),
            Who::Named(name) => name.clone(),
        };
        if password.expose().len() > LONGEST_PASSWORD {
            return Err(Refusal::PasswordTooLong);
        }
        let begun = self.shared.handle.now();
        let asked = self.ask_keeper(&name, Proof::Password(password)).await?;
        match self.keep_out(&name, asked) {
            Ok(granted) => {
                if let Some(secure) = &mut self.secure {
                    secure.logged_in = false;
                }
                self.settle_in(name, granted, 230).await
            }
            Err(not_granted) => self.deny(&name, not_granted, begun).await,
        }
    }

    /// For those whom a list or a ban keeps out, whatever was found becomes a wrong password. They were looked for like
    /// everybody, so that the answer comes no sooner (threats: C3).
    fn keep_out(&self, name: &[u8], asked: Asked) -> Asked {
        let listed = self.shared.listed.borrow();
        let objection = match is_anonymous_name(name) && self.serves_anonymous() {
            true => listed.objection_to_anonymous(),
            false => listed.objection(name),
        };
        let banned = self
            .shared
            .bans
            .holds(self.peer.ip(), self.shared.handle.now());
        let flag = match objection {
            None if !banned => return asked,
            None => "--ban",
            Some(flag) => flag,
        };
        if asked.is_ok() {
            self.log(
                Severity::Warning,
                format_args!(
                    "Can't login as [{}]: refused by {flag}",
                    escape(shown(name))
                ),
            );
        }
        match asked {
            Ok(Granted { note, .. })
            | Err(NotGranted::Denied(Denial::NoHome | Denial::Number(_), note)) => {
                Err(NotGranted::Denied(Denial::Credentials, note))
            }
            denied => denied,
        }
    }

    /// Asks the keeper; without one nobody has an account.
    async fn ask_keeper(&mut self, name: &[u8], proof: Proof) -> Result<Asked, Refusal> {
        let Some(link) = self.shared.link.clone() else {
            return Ok(Err(NotGranted::Denied(Denial::Credentials, String::new())));
        };
        let check = Check {
            user: name.to_vec(),
            proof,
            peer: self.peer.ip(),
            local: self.local,
            encrypted: self.is_protected(),
            sni: self
                .secure
                .as_ref()
                .and_then(|secure| secure.name.clone())
                .unwrap_or_default()
                .into_bytes(),
        };
        let asking = async move { link.check(check).await };
        self.attend(Stage::Delay, &Progress::none(), asking).await
    }

    /// Sets up what the keeper granted; the reply has this code.
    async fn settle_in(
        &mut self,
        name: Vec<u8>,
        granted: Granted,
        code: u16,
    ) -> Result<Reply, Refusal> {
        let Granted {
            grant,
            note,
            root,
            session: opened,
        } = granted;
        if !note.is_empty() {
            self.log(Severity::Error, format_args!("{}", escape(note.as_bytes())));
        }
        let shared = Rc::clone(&self.shared);
        let terms = shared.terms_of(&name);
        let settings = &terms.settings;
        let limits = &settings.limits;
        let most = grant.limits.sessions.or(limits.max_per_user);
        let Some(session) = CountedUser::enter(&shared, &name, most) else {
            return Err(Refusal::TooManySessions(most.unwrap_or_default()));
        };
        let identity = Arc::new(Identity {
            uid: grant.uid,
            gid: grant.gid,
            groups: grant.groups,
        });
        let adopted = Tree::adopt(root, Arc::clone(&identity), &shared.handle).await;
        let tree = adopted.map_err(|_| Refusal::NoHome)?;
        let quota = match grant.trusted {
            true => files::Limits::default(),
            false => quota_limits(&grant.limits, limits.quota),
        };
        let tree = match quota.is_some() {
            true => shared.quotas.enforce(tree, quota).await,
            false => tree,
        };
        let cwd = VirtualPath::root()
            .join(&grant.start)
            .map_err(|_| Refusal::NoHome)?;
        let label = match grant.root.as_slice() {
            b"/" => b"/".to_vec(),
            root => [root, b"/"].concat(),
        };
        let site = Rc::new(Site {
            tree,
            label,
            identity,
            start: cwd.clone(),
        });
        let rights = match settings.login.map_users_as_anonymous {
            true => Rights::anonymous(
                settings,
                terms.anonymous_upload,
                terms.unserved_owner(grant.uid),
            ),
            false => Rights::account(settings, grant.trusted),
        };
        let rate = |own: Option<u64>, all: Option<Rate>| own.and_then(Rate::from_bytes).or(all);
        let user_bandwidth = limits.user_bandwidth;
        let account = Account {
            name: name.clone(),
            terms: Rc::clone(terms),
            site,
            cwd,
            rights: Rights {
                has_quota: quota.is_some(),
                ..rights
            },
            bandwidth: Bandwidth {
                up: rate(grant.limits.upload_rate, user_bandwidth.up),
                down: rate(grant.limits.download_rate, user_bandwidth.down),
            },
            ratio: match grant.trusted {
                true => None,
                false => own_ratio(grant.limits.ratio).or(limits.user_ratio),
            },
            restricted: grant.restricted,
            _counted: None,
            _session: Some(session),
            _opened: opened,
        };
        let certificate = self.certificate();
        match certificate.map(ClientCertificate::common_name) {
            None => self.log(
                Severity::Info,
                format_args!("{} is now logged in", escape(&name)),
            ),
            Some(owner) => self.log(
                Severity::Info,
                format_args!(
                    "{} is now logged in, with the certificate of [{}]",
                    escape(&name),
                    escape(&owner)
                ),
            ),
        }
        self.enter(account);
        self.log_quota_trouble();
        Ok(self.welcome_account(code).await)
    }

    /// What the administrator should know of a quota that cannot be kept as it should.
    fn log_quota_trouble(&self) {
        let Ok(tree) = self.tree() else {
            return;
        };
        let what = match tree.quota_trouble() {
            None => return,
            Some(Trouble::Broken) => {
                "is no quota file: nothing can be uploaded until wharf-quotacheck has made a new one"
            }
            Some(Trouble::Locked) => {
                "is locked by another program: nothing can be uploaded meanwhile"
            }
            Some(Trouble::Uncounted) => {
                "is out of reach or its tree too large to be counted now: nothing can be uploaded until wharf-quotacheck has counted it"
            }
            Some(Trouble::Counting) => {
                "is being counted: nothing can be uploaded until that is done"
            }
            Some(Trouble::Unwritable) => {
                "cannot be written by the user: the quota is kept in memory"
            }
        };
        let name = self.logged_name(&VirtualPath::root());
        self.log(
            Severity::Warning,
            format_args!("{}.ftpquota {what}", escape(&name)),
        );
    }

    /// Pure-FTPd's lines after a login, in its order.
    async fn welcome_account(&self, code: u16) -> Reply {
        let Ok(account) = self.account() else {
            return Reply::new(code, "OK");
        };
        let mut lines: Vec<Text> = Vec::new();
        if account.bandwidth.up.is_some() || account.bandwidth.down.is_some() {
            lines.push("Your bandwidth usage is restricted".into());
        }
        if self.settings().network.user_fxp {
            lines.push("This server supports FXP transfers".into());
        }
        if let Some(ratio) = account.ratio {
            lines.push(
                format!(
                    "You must respect a {}:{} (UL/DL) ratio",
                    ratio.up, ratio.down
                )
                .into(),
            );
        }
        let kind = if account.restricted {
            "restricted directory"
        } else {
            "directory"
        };
        let place = format!("OK. Current {kind} is ").into_bytes();
        lines.push([place.as_slice(), account.cwd.as_bytes()].concat().into());
        lines.extend(self.message(&account.cwd, b".banner").await);
        lines.extend(self.quota_lines().await);
        Reply::lines(code, lines)
    }

    /// Says no, after a delay that grows with each failure, on this session's own timer. It counts from `begun`, when the
    /// password came, so that the answer does not tell how long the check took (threats: C3).
    async fn deny(
        &mut self,
        name: &[u8],
        why: NotGranted,
        begun: Instant,
    ) -> Result<Reply, Refusal> {
        let shown = shown(name);
        // What the server could not do is no failure of the client's.
        let guessed = matches!(
            why,
            NotGranted::Denied(Denial::Credentials | Denial::Number(_), _)
        );
        let refusal = match why {
            NotGranted::Busy => return Err(Refusal::TooManyLogins),
            NotGranted::NoAnswer => {
                self.log(
                    Severity::Error,
                    format_args!("No answer to a login in time"),
                );
                Refusal::LoginFailed
            }
            NotGranted::Denied(denial, note) => {
                if !note.is_empty() {
                    self.log(Severity::Error, format_args!("{}", escape(note.as_bytes())));
                }
                match denial {
                    Denial::NoHome => Refusal::NoHome,
                    Denial::Number(uid) => {
                        self.log(
                            Severity::Warning,
                            format_args!(
                                "Can't login as [{}]: account disabled (uid {uid})",
                                escape(shown)
                            ),
                        );
                        Refusal::Untrusted
                    }
                    Denial::Credentials | Denial::Unavailable => Refusal::LoginFailed,
                }
            }
        };
        self.failed_logins += 1;
        // Said and counted before the wait: who hangs up meanwhile has tried all the same.
        if guessed && matches!(refusal, Refusal::LoginFailed) {
            self.log(
                Severity::Warning,
                format_args!("Authentication failed for user [{}]", escape(shown)),
            );
        }
        if guessed {
            self.count_failure();
        }
        let random = self.shared.random.borrow_mut().below(1000).unwrap_or(500);
        let delay = FAILURE_DELAY * self.failed_logins + FAILURE_DELAY * random / 1000;
        let handle = self.shared.handle.clone();
        let wait = handle.sleep_until(begun + delay);
        self.attend(Stage::Delay, &Progress::none(), wait).await?;
        self.who = Who::Nobody;
        if self.failed_logins >= self.settings().limits.max_login_failures {
            self.log(
                Severity::Error,
                format_args!("Too many authentication failures"),
            );
            if let Some(reply) = refusal.reply() {
                self.send(&reply);
            }
            return Err(End::Refused.into());
        }
        Err(refusal)
    }

    /// Counts a failed login against the client's address; says so once when that bans it.
    fn count_failure(&self) {
        let now = self.shared.handle.now();
        if let Some(ban) = self.shared.bans.count(self.peer.ip(), now) {
            let (failures, seconds) = (ban.failures, ban.lasts.as_secs());
            self.log(
                Severity::Warning,
                format_args!("{failures} failed logins: address banned for {seconds} seconds"),
            );
        }
    }
}

/// As much of a name as is logged.
fn shown(name: &[u8]) -> &[u8] {
    &name[..name.len().min(LOGGED_NAME)]
}

/// What anonymous sessions are called in logs and by `--userflags`.
const ANONYMOUS_ACCOUNT: &[u8] = b"ftp";

type Asked = Result<Granted, NotGranted>;

/// What the account may have: its own limits first, those of `-n` for what it has none of.
fn quota_limits(own: &Limits, all: Option<Quota>) -> files::Limits {
    files::Limits {
        files: own.quota_files.or(all.map(|quota| quota.files.into())),
        bytes: own
            .quota_bytes
            .or(all.map(|quota| u64::from(quota.megabytes) << 20)),
    }
}

fn own_ratio(ratio: Option<(u32, u32)>) -> Option<Ratio> {
    ratio.map(|(up, down)| Ratio { up, down })
}

fn acct(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Ok(match session.who {
        Who::In(_) => Reply::new(202, "No account is needed"),
        Who::Nobody | Who::Named(_) => Reply::new(202, "Please tell me who you are"),
    })
}

/// RFC 959: everything as after the greeting, the connection stays.
fn rein(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    if session.shared.stopping.get() != crate::session::shared::Stopping::No {
        return Err(Refusal::ShuttingDown);
    }
    let now = session.shared.handle.now();
    session.who = Who::Nobody;
    session.data = Data::None;
    session.once = Once::default();
    session.representation = Representation::Ascii;
    session.facts = Facts::for_anonymous();
    session.only_extended_passive = false;
    session.idle = session.settings().limits.idle;
    session.started = now;
    Ok(Reply::new(220, "Ready for a new user"))
}

fn quit(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    let goodbye = session.goodbye();
    session.send(&goodbye);
    session.control.discard_input();
    Err(End::Quit.into())
}

/// RFC 7151: which of the server's names the client means. There is one site for each address, so any name
/// is served by it; a second one, or one after the login, is out of place.
fn host(session: &mut Session, name: &[u8]) -> Result<Reply, Refusal> {
    if matches!(session.who, Who::In(_)) {
        return Err(Refusal::HostAfterLogin);
    }
    let is_name = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:".contains(byte));
    if !is_name || name.len() > 255 {
        return Err(Refusal::Malformed("Syntax error in host name"));
    }
    session.who = Who::Nobody;
    if session.shared.tls.is_some() && session.secure.is_none() {
        session.host = std::str::from_utf8(name).ok().map(Box::from);
    }
    Ok(Reply::new(220, "Host accepted"))
}

/// The answer to NOOP, also during a transfer.
pub(in crate::session) fn noop_reply() -> Reply {
    Reply::new(200, "Zzz...")
}

fn noop(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Ok(noop_reply())
}

fn syst(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Ok(Reply::new(215, "UNIX Type: L8"))
}

fn clnt(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Ok(Reply::new(200, "Noted"))
}

fn feat(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    let lines = rows().filter_map(|row| match row.feature {
        Feature::None => None,
        Feature::Line(line) => Some(line.to_owned()),
        Feature::Now(line) => line(session),
    });
    Ok(Reply::block(
        211,
        "Extensions supported:",
        lines.collect::<Vec<_>>(),
        "End.",
    ))
}

fn help(_session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let wanted = argument.to_ascii_uppercase();
    let wanted = String::from_utf8_lossy(&wanted);
    if wanted.trim() == "SITE" {
        return Ok(super::site::help_reply());
    }
    if !wanted.is_empty() {
        return match super::find(wanted.trim()) {
            Some(row) => Ok(Reply::new(214, format!("Syntax: {}", row.syntax))),
            None => Err(Refusal::NoHelp),
        };
    }
    let mut names: Vec<&str> = rows().map(|row| row.verb).collect();
    names.sort_unstable();
    let lines = names.chunks(8).map(|chunk| chunk.join(" "));
    Ok(Reply::block(
        214,
        "The following commands are recognized",
        lines.collect::<Vec<_>>(),
        "HELP <command> shows its syntax",
    ))
}

/// RFC 2389 section 4, RFC 2640 (file names are bytes here and UTF-8 is always on), RFC 3659 section 7.9.
fn opts(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let (name, rest) = crate::proto::request::split_word(argument);
    match name.to_ascii_uppercase().as_slice() {
        b"UTF8" => match rest.unwrap_or_default().to_ascii_uppercase().as_slice() {
            b"" | b"ON" => Ok(Reply::new(200, "UTF-8 is always on")),
            _ => Err(Refusal::NotImplemented("UTF-8 is always on")),
        },
        b"MLST" => {
            let (facts, text) = session.facts.select(rest.unwrap_or_default());
            session.facts = facts;
            Ok(Reply::new(200, text))
        }
        _ => Err(Refusal::NotImplemented("Unknown option")),
    }
}

impl Session {
    /// The lines of a message file in `directory`, none where it cannot be read.
    pub(super) async fn message(&self, directory: &VirtualPath, name: &[u8]) -> Vec<Text> {
        const LONGEST: usize = 64 * 1024;
        let (Ok(path), Ok(account)) = (directory.join(name), self.account()) else {
            return Vec::new();
        };
        let Ok(file) = account.tree().open_read(path.relative()).await else {
            return Vec::new();
        };
        if !account.rights.may_read(file.stat().mode) {
            return Vec::new();
        }
        let size = usize::try_from(file.stat().size)
            .unwrap_or(LONGEST)
            .min(LONGEST);
        match file.read_block(0, size).await {
            Ok(text) => banner::text_lines(&text),
            Err(_) => Vec::new(),
        }
    }
}
