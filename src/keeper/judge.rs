//! What comes after a source knows a user: may this account come in, and where does it live?
//!
//! Pure-FTPd's rules (README of the user's home, `-A`, `-a`, `-u`, `-j`), the same for all sources. Runs in a check
//! worker, which is root; the home is opened as the user.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::certd::Certd;
use super::confinement::Confinement;
use super::message::{Answer, Check, Denial, Grant, MOST_GROUPS, Proof};
use super::sources::{FallingAsleep, Found, Opened, Source, Verdict};
use crate::sys::creds::{self, Identity};
use crate::sys::{homes, system_users, words};
use crate::units::UserRoot;

/// Who is kept in the home directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Jail {
    /// Those whose home says so with `/./`.
    #[default]
    Asked,
    /// Everyone but uid 0 (`-A`).
    Everyone,
    /// Everyone but uid 0 and members of this group (`-a`).
    AllBut(u32),
}

/// The one account of the machine as which all users act (`--mapusers`), as it was at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its name, by which its groups are found.
    pub name: Vec<u8>,
    /// User number; not 0, nor below `-u`.
    pub uid: u32,
    /// Main group; not 0.
    pub gid: u32,
    /// The home directory of all of them.
    pub home: Vec<u8>,
    /// Whether they are treated as strangers (`--mapusersasanonymous`): kept in whatever lists say, and never trusted.
    pub as_anonymous: bool,
}

/// A file that is opened again while the server runs.
#[derive(Clone, Debug)]
pub struct Reopened {
    /// Where it was at the start.
    pub path: PathBuf,
    /// Opens it as at the start, without waiting for anybody.
    pub open: fn(&Path) -> io::Result<OwnedFd>,
}

/// What the flags say about accounts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `-l`, in order: names and arguments of sources.
    pub sources: Vec<String>,
    /// `-u`: the lowest user number let in. Without it 1.
    pub min_uid: u32,
    /// `-A`, `-a`.
    pub jail: Jail,
    /// `--mapusers`.
    pub mapped: Option<Mapped>,
    /// `--tlsclientlogin`: whether the server's word that a certificate is the user's lets the user in.
    pub takes_certificates: bool,
    /// `--userroot`: what takes the place of the homes that sources tell.
    pub user_root: Option<UserRoot>,
    /// The same for the users that `--userflags` names, by the name in lower case; none is home.
    pub own_roots: HashMap<Vec<u8>, Option<UserRoot>>,
    /// `--refusewritableroot`.
    pub refuse_writable_root: bool,
    /// `-j`.
    pub create_home: bool,
    /// The umask of directories, for `-j`.
    pub directory_umask: u32,
    /// `-n`: every account has a quota, so each is kept in its home.
    pub quota_for_all: bool,
    /// The one user and group that accounts may have, where the server became it for good.
    pub only: Option<(u32, u32)>,
    /// Whether workers switch to the user (they are root) or the server has one identity for all.
    pub switches: bool,
    /// Whether names are looked up: of clients without `-H`, and of `-P`.
    pub names: bool,
    /// Whether ports below 1024 are bound.
    pub binds: bool,
    /// `-P`, where it is a name.
    pub passive_name: Option<String>,
    /// Files that are opened again while the server runs.
    pub reopened: Vec<Reopened>,
    /// `-3`.
    pub certd: Option<Certd>,
    /// The user and group of processes that need no rights, where the server was started by root.
    pub nobody: Option<(u32, u32)>,
}

impl Plan {
    /// Whether there is anything for a keeper to do.
    pub fn needs_keeper(&self) -> bool {
        self.needs_rights() || self.names
    }

    /// Whether without the keeper nobody can log in, or connections cannot be made or protected.
    pub fn is_vital(&self) -> bool {
        !self.sources.is_empty() || self.binds || self.certd.is_some()
    }

    /// Whether the keeper does anything that a process without rights could not.
    pub(super) fn needs_rights(&self) -> bool {
        self.is_vital() || !self.reopened.is_empty()
    }
}

/// Where accounts come from, and who of them is kept in by name: what a check worker asks.
pub struct Accounts {
    /// The sources of `-l`, in order.
    pub sources: Vec<Box<dyn Source>>,
    /// The lists of names.
    pub confinement: Confinement,
}

impl Accounts {
    /// What a worker calls when a source is about to wait for something else than the processor.
    pub(super) fn call_before_sleep(&mut self, falling_asleep: &FallingAsleep) {
        for source in &mut self.sources {
            source.call_before_sleep(falling_asleep);
        }
    }

    /// To be called before a worker waits for its next question.
    pub(super) fn ready(&mut self) {
        for source in &mut self.sources {
            source.ready();
        }
    }
}

/// What a check came to: the answer, and the descriptors that go with it.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Asks the sources in order and judges what they say.
pub(super) fn check(accounts: &mut Accounts, plan: &Plan, question: &Check) -> Outcome {
    let mut notes = Vec::new();
    // The word of a server that was taken over counts for nothing where no flag gives it weight.
    if question.proof == Proof::Certificate && !plan.takes_certificates {
        notes.push("a login without a password was asked for, which no flag allows".to_owned());
        return denied(Denial::Credentials, notes);
    }
    let mut refused = false;
    let mut broken = false;
    for source in &mut accounts.sources {
        let verdict = source.check(question);
        notes.extend(source.complaint());
        match verdict {
            // The rest is asked for nothing: the time taken does not tell which source knew the user.
            _ if refused => drop(source.session()),
            Verdict::Accepted(found) => {
                let by_name = accounts.confinement.says(&question.user);
                notes.extend(accounts.confinement.complaints());
                let session = source.session();
                return admit(plan, &question.user, *found, by_name, session, notes);
            }
            Verdict::Refused => refused = true,
            Verdict::Unknown => {}
            Verdict::Broken(why) => {
                broken = true;
                notes.push(why);
            }
        }
    }
    match broken && !refused {
        true => denied(Denial::Unavailable, notes),
        false => denied(Denial::Credentials, notes),
    }
}

/// A password check that takes longer is worth a word.
const LONG: Duration = Duration::from_secs(1);

/// Reads databases that changed, and says what is wrong with them.
pub(super) fn look(accounts: &mut Accounts) -> Answer {
    let mut notes = Vec::new();
    for source in &mut accounts.sources {
        source.look();
        notes.extend(source.complaint());
    }
    accounts.confinement.look();
    notes.extend(accounts.confinement.complaints());
    Answer::Looked(notes.join("; "))
}

/// Tells of sources whose password checks take long, by making one of each.
pub(super) fn costs(accounts: &mut Accounts, plan: &Plan) -> Answer {
    let mut notes = Vec::new();
    for (source, name) in accounts.sources.iter_mut().zip(&plan.sources) {
        if let Some(cost) = source.cost().filter(|cost| *cost > LONG) {
            notes.push(format!(
                "-l {name}: checking a password takes {:.1} seconds of the processor's time: logins are slow (hashes of wharf-pw \
                 take a tenth of a second)",
                cost.as_secs_f64()
            ));
        }
    }
    Answer::Looked(notes.join("; "))
}

fn denied(denial: Denial, notes: Vec<String>) -> Outcome {
    Outcome {
        answer: Answer::Denied(denial, notes.join("; ")),
        descriptors: Vec::new(),
    }
}

/// The account with what flags put in the place of what its source says.
fn resettled(plan: &Plan, name: &[u8], found: Found) -> Result<Found, String> {
    let found = match plan.mapped.clone() {
        None => found,
        Some(account) => Found {
            uid: account.uid,
            gid: account.gid,
            system_name: Some(account.name),
            home: account.home,
            limits: found.limits,
        },
    };
    let own = plan.own_roots.get(&name.to_ascii_lowercase());
    let Some(root) = own.unwrap_or(&plan.user_root) else {
        return Ok(found);
    };
    match root.of(name) {
        Some(home) => Ok(Found { home, ..found }),
        None => Err("--userroot: this name cannot be that of a directory".to_owned()),
    }
}

/// `by_name` is what the lists say about keeping the user in; `session` is closed by being dropped, should the user not come
/// in after all.
fn admit(
    plan: &Plan,
    name: &[u8],
    found: Found,
    by_name: Option<bool>,
    session: Option<Box<dyn Opened>>,
    mut notes: Vec<String>,
) -> Outcome {
    if plan.switches && found.uid < plan.min_uid {
        return denied(Denial::Number(found.uid), notes);
    }
    let found = match resettled(plan, name, found) {
        Ok(found) => found,
        Err(why) => {
            notes.push(why);
            return denied(Denial::NoHome, notes);
        }
    };
    if let Some(only) = plan.only
        && only != (found.uid, found.gid)
    {
        notes.push(format!(
            "user {} and group {} are not those this server was started for: restart it",
            found.uid, found.gid
        ));
        return denied(Denial::Unavailable, notes);
    }
    let groups = groups_of(&found);
    let identity = Arc::new(Identity {
        uid: found.uid,
        gid: found.gid,
        groups: groups.clone(),
    });
    let home = place(plan, &found, &groups, by_name);
    let opened = open_root(plan, &home, &identity).and_then(|root| {
        if plan.refuse_writable_root && home.is_jail() && may_write(&root, &identity)? {
            return Err(io::Error::other(format!(
                "user {} may write this directory, which --refusewritableroot forbids (chmod a-w {})",
                found.uid,
                home.root.display()
            )));
        }
        let held = session.map(hold).transpose()?;
        Ok([root].into_iter().chain(held).collect())
    });
    match opened {
        Ok(descriptors) => {
            let grant = Grant {
                uid: found.uid,
                gid: found.gid,
                groups,
                root: home.root.into_os_string().as_encoded_bytes().to_vec(),
                start: home.start,
                restricted: home.restricted,
                trusted: home.trusted,
                limits: found.limits,
            };
            Outcome {
                answer: Answer::Granted(Box::new(grant), notes.join("; ")),
                descriptors,
            }
        }
        Err(error) => {
            notes.push(format!("{}: {}", home.root.display(), words(&error)));
            denied(Denial::NoHome, notes)
        }
    }
}

/// Keeps a session open until the server closes what this gives.
fn hold(session: Box<dyn Opened>) -> io::Result<OwnedFd> {
    let (ours, theirs) = crate::sys::process::message_pair()?;
    session.hold(theirs)?;
    Ok(ours)
}

fn groups_of(found: &Found) -> Vec<u32> {
    let Some(name) = &found.system_name else {
        return vec![found.gid];
    };
    system_users::groups_of(name, found.gid, MOST_GROUPS)
}

/// Where an account lives.
struct Home {
    root: PathBuf,
    start: Vec<u8>,
    restricted: bool,
    trusted: bool,
}

impl Home {
    /// Whether there is something the user is kept from.
    fn is_jail(&self) -> bool {
        self.restricted || self.root != Path::new("/")
    }
}

fn place(plan: &Plan, found: &Found, groups: &[u32], by_name: Option<bool>) -> Home {
    let home = found.home.as_slice();
    let member = |gid| found.gid == gid || groups.contains(&gid);
    let as_anonymous = plan
        .mapped
        .as_ref()
        .is_some_and(|account| account.as_anonymous);
    let trusted = match plan.jail {
        _ if as_anonymous => false,
        Jail::AllBut(gid) => found.uid == 0 || member(gid),
        Jail::Everyone => found.uid == 0,
        Jail::Asked => false,
    };
    let has_quota = plan.quota_for_all
        || found.limits.quota_files.is_some()
        || found.limits.quota_bytes.is_some();
    if let Some(cut) = home.windows(3).position(|part| part == b"/./") {
        let root = if cut == 0 { b"/" } else { &home[..cut] };
        return Home {
            root: PathBuf::from(OsStr::from_bytes(root)),
            start: home[cut + 2..].to_vec(),
            restricted: false,
            trusted,
        };
    }
    // A quota counts what is below the root, so whoever has one stays in the home.
    let kept = match by_name {
        _ if as_anonymous => true,
        Some(kept) => kept || has_quota && !trusted,
        None => !trusted && (plan.jail != Jail::Asked || has_quota),
    };
    match kept {
        true => Home {
            root: PathBuf::from(OsStr::from_bytes(home)),
            start: b"/".to_vec(),
            restricted: true,
            trusted,
        },
        false => Home {
            root: PathBuf::from("/"),
            start: home.to_vec(),
            restricted: false,
            trusted,
        },
    }
}

/// Opens the root as the user. A home that is not there is made under `-j`; otherwise it ends the login, and never
/// in `/`.
fn open_root(plan: &Plan, home: &Home, identity: &Arc<Identity>) -> io::Result<OwnedFd> {
    if !home.root.is_absolute() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let directory = whole_home(home);
    let open = || -> io::Result<OwnedFd> {
        creds::assume(identity)?;
        let opened = homes::open_root(&home.root, identity.uid).and_then(|root| {
            // The start must be there too: a session never begins in a place that is not.
            match directory == home.root {
                true => Ok(root),
                false => homes::open_root(&directory, identity.uid).map(|_| root),
            }
        });
        creds::reset();
        opened
    };
    match open() {
        Err(error) if error.kind() == ErrorKind::NotFound && plan.create_home => {
            homes::make(&directory, identity.uid, identity.gid, plan.directory_umask)?;
            open()
        }
        opened => opened,
    }
}

/// Whether the user may write a directory itself.
fn may_write(directory: &OwnedFd, identity: &Arc<Identity>) -> io::Result<bool> {
    creds::assume(identity)?;
    let writable = homes::is_writable(directory);
    creds::reset();
    writable
}

fn whole_home(home: &Home) -> PathBuf {
    let start = home.start.iter().position(|byte| *byte != b'/');
    match start {
        Some(at) => home
            .root
            .join(Path::new(OsStr::from_bytes(&home.start[at..]))),
        None => home.root.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::message::Limits;

    fn plan(jail: Jail) -> Plan {
        Plan {
            sources: Vec::new(),
            min_uid: 1,
            jail,
            mapped: None,
            takes_certificates: false,
            user_root: None,
            own_roots: HashMap::new(),
            refuse_writable_root: false,
            create_home: false,
            directory_umask: 0o022,
            quota_for_all: false,
            only: None,
            switches: true,
            names: false,
            binds: false,
            passive_name: None,
            reopened: Vec::new(),
            certd: None,
            nobody: None,
        }
    }

    fn found(uid: u32, gid: u32, home: &str) -> Found {
        Found {
            uid,
            gid,
            system_name: None,
            home: home.as_bytes().to_vec(),
            limits: Limits::default(),
        }
    }

    fn placed(jail: Jail, uid: u32, gid: u32, home: &str) -> (String, String, bool) {
        let found = found(uid, gid, home);
        let home = place(&plan(jail), &found, &[gid], None);
        let start = String::from_utf8(home.start).unwrap();
        (home.root.display().to_string(), start, home.restricted)
    }

    /// Lets everybody in.
    struct Open;

    impl Source for Open {
        fn check(&mut self, _: &Check) -> Verdict {
            Verdict::Accepted(Box::new(found(1000, 100, "/")))
        }
    }

    /// Takes its time over each password.
    struct Slow(Duration);

    impl Source for Slow {
        fn check(&mut self, _: &Check) -> Verdict {
            Verdict::Unknown
        }

        fn cost(&mut self) -> Option<Duration> {
            Some(self.0)
        }
    }

    #[test]
    fn a_source_whose_hashes_take_long_is_told_of() {
        let look = |millis: u64| {
            let mut accounts = Accounts {
                sources: vec![
                    Box::new(Open),
                    Box::new(Slow(Duration::from_millis(millis))),
                ],
                confinement: Confinement::open(None, None).unwrap(),
            };
            let plan = Plan {
                sources: vec!["unix".to_owned(), "passwd:/f".to_owned()],
                ..plan(Jail::Asked)
            };
            costs(&mut accounts, &plan)
        };
        assert_eq!(look(900), Answer::Looked(String::new()));
        let Answer::Looked(note) = look(1450) else {
            panic!("no look");
        };
        assert!(
            note.starts_with("-l passwd:/f: checking a password takes 1.4 seconds")
                || note.contains("1.5 seconds"),
            "{note}"
        );
    }

    #[test]
    fn c10_without_the_flag_no_certificate_takes_the_place_of_a_password() {
        let mut accounts = Accounts {
            sources: vec![Box::new(Open)],
            confinement: Confinement::open(None, None).unwrap(),
        };
        let question = Check {
            user: b"joe".to_vec(),
            proof: Proof::Certificate,
            peer: "192.0.2.7".parse().unwrap(),
            local: "192.0.2.1:21".parse().unwrap(),
            encrypted: true,
            sni: Vec::new(),
        };
        let plan = |takes_certificates| Plan {
            takes_certificates,
            switches: false,
            ..plan(Jail::Asked)
        };
        let refused = check(&mut accounts, &plan(false), &question).answer;
        assert!(
            matches!(&refused, Answer::Denied(Denial::Credentials, why) if why.contains("no flag")),
            "{refused:?}"
        );
        let granted = check(&mut accounts, &plan(true), &question).answer;
        assert!(matches!(granted, Answer::Granted(..)), "{granted:?}");
    }

    #[test]
    fn homes_and_jails_follow_the_table_of_pure_ftpd() {
        let row = |root: &str, start: &str, kept| (root.to_owned(), start.to_owned(), kept);
        assert_eq!(
            placed(Jail::Asked, 1000, 100, "/home/joe"),
            row("/", "/home/joe", false)
        );
        assert_eq!(
            placed(Jail::Asked, 1000, 100, "/home/./joe"),
            row("/home", "/joe", false)
        );
        assert_eq!(
            placed(Jail::Asked, 1000, 100, "/home/joe/./"),
            row("/home/joe", "/", false)
        );
        assert_eq!(
            placed(Jail::Everyone, 1000, 100, "/home/joe"),
            row("/home/joe", "/", true)
        );
        assert_eq!(
            placed(Jail::Everyone, 0, 0, "/root"),
            row("/", "/root", false)
        );
        assert_eq!(
            placed(Jail::AllBut(100), 1000, 100, "/home/joe"),
            row("/", "/home/joe", false)
        );
        assert_eq!(
            placed(Jail::AllBut(101), 1000, 100, "/home/joe"),
            row("/home/joe", "/", true)
        );
        // Group 0 is not trusted unless given.
        assert_eq!(
            placed(Jail::Everyone, 1000, 0, "/home/joe"),
            row("/home/joe", "/", true)
        );
    }

    #[test]
    fn a_quota_keeps_its_user_in_the_home() {
        let mut with_quota = found(1000, 100, "/home/joe");
        with_quota.limits.quota_files = Some(10);
        for by_name in [None, Some(false)] {
            assert!(place(&plan(Jail::Asked), &with_quota, &[100], by_name).restricted);
        }
    }

    #[test]
    fn lists_of_names_go_before_the_flags_and_change_nothing_else() {
        let joe = found(1000, 100, "/home/joe");
        for jail in [Jail::Asked, Jail::Everyone, Jail::AllBut(100)] {
            for named in [true, false] {
                let home = place(&plan(jail), &joe, &[100], Some(named));
                assert_eq!(home.restricted, named, "{jail:?}");
                assert_eq!(home.root == Path::new("/"), !named, "{jail:?}");
                assert_eq!(home.trusted, jail == Jail::AllBut(100));
            }
        }
        let dot = found(1000, 100, "/home/./joe");
        let home = place(&plan(Jail::Everyone), &dot, &[100], Some(false));
        assert_eq!((home.root, home.restricted), ("/home".into(), false));
    }

    #[test]
    fn root_and_low_numbers_are_denied() {
        for uid in [0, 999] {
            let mut plan = plan(Jail::Asked);
            plan.min_uid = 1000;
            let outcome = admit(
                &plan,
                b"joe",
                found(uid, 100, "/tmp"),
                None,
                None,
                Vec::new(),
            );
            let denied = Answer::Denied(Denial::Number(uid), String::new());
            assert_eq!(outcome.answer, denied);
            assert!(outcome.descriptors.is_empty());
        }
    }

    #[test]
    fn mapped_users_are_the_one_account_in_all_but_name_and_limits() {
        let mut plan = plan(Jail::AllBut(50));
        plan.mapped = Some(Mapped {
            name: b"guest".to_vec(),
            uid: 500,
            gid: 50,
            home: b"/srv/guests".to_vec(),
            as_anonymous: false,
        });
        let mut joe = found(1000, 100, "/home/joe");
        joe.limits.sessions = Some(3);
        let mapped = resettled(&plan, b"joe", joe.clone()).unwrap();
        assert_eq!((mapped.uid, mapped.gid), (500, 50));
        assert_eq!(mapped.system_name.as_deref(), Some(&b"guest"[..]));
        assert_eq!(mapped.home, b"/srv/guests");
        assert_eq!(mapped.limits.sessions, Some(3));
        let home = place(&plan, &mapped, &[50], None);
        assert_eq!((home.trusted, home.restricted), (true, false));

        plan.user_root = UserRoot::new(OsStr::new("/srv/$USER")).ok();
        assert_eq!(resettled(&plan, b"joe", joe).unwrap().home, b"/srv/joe");

        plan.mapped.as_mut().unwrap().as_anonymous = true;
        let home = place(&plan, &mapped, &[50], Some(false));
        assert_eq!((home.trusted, home.restricted), (false, true));
    }

    #[test]
    fn a_home_that_is_missing_is_never_replaced_by_another_place() {
        let nowhere = found(1000, 100, "/no/such/home");
        let outcome = admit(
            &plan(Jail::Everyone),
            b"joe",
            nowhere,
            None,
            None,
            Vec::new(),
        );
        assert!(matches!(outcome.answer, Answer::Denied(Denial::NoHome, _)));
        assert!(outcome.descriptors.is_empty());
    }
}
