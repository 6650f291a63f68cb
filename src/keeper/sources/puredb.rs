//! Virtual users of a PureDB file, as wharf-pw(8) and pure-pw(8) make them with `mkdb`.
//!
//! What a record is and how a user is found in the file is [`record`](crate::keeper::record)'s and
//! [`puredb`](crate::keeper::puredb)'s matter; here the file is watched, the password compared, and the user's addresses
//! and hours are held against the question. Host names in address lists are looked up when the password fits, not before:
//! no stranger makes this machine ask a name server.

use std::fs::Metadata;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::fit::{Dummy, Fit};
use super::{Found, Options, Source, Verdict};
use crate::keeper::message::{Check, Limits};
use crate::keeper::puredb::PureDb;
use crate::keeper::record::VirtualUser;
use crate::keeper::reread::Reread;
use crate::sys::local_time;

/// How long the host names of one user's lists may take to look up, in all.
const LOOKING_UP: Duration = Duration::from_secs(5);

/// Fields of a record before the home directory: hash, uid, gid, gecos.
const BEFORE_HOME: usize = 4;

/// A database, as of when it was last whole.
struct Database {
    bytes: Vec<u8>,
    dummy: Dummy,
}

impl Database {
    fn read(_: &Metadata, bytes: Vec<u8>) -> Result<Database, String> {
        let records = PureDb::new(&bytes).and_then(|database| database.records());
        let records = records.map_err(|corrupt| corrupt.to_string())?;
        let hashes = records.iter().filter_map(|(_, data)| field(data, 0));
        let dummy = Dummy::like(hashes);
        Ok(Database { bytes, dummy })
    }
}

/// The user and group of each account of a database; none when it cannot be read. Records that are refused at login count
/// for nothing.
pub(super) fn identities(path: &str) -> Option<Vec<(u32, u32)>> {
    let bytes = std::fs::read(path).ok()?;
    let records = PureDb::new(&bytes)
        .and_then(|database| database.records())
        .ok()?;
    let users = records
        .iter()
        .filter_map(|(login, data)| VirtualUser::read(login, data).ok());
    Some(users.map(|user| (user.uid, user.gid)).collect())
}

struct Virtual {
    file: Reread<Database>,
    path: String,
    complaint: Option<String>,
}

/// Reads the database for the first time; one that is missing or broken is refused.
pub(super) fn open(argument: &str, _: &Options) -> Result<Box<dyn Source>, String> {
    let file = Reread::open(argument, Database::read);
    let is_missing = || matches!(std::fs::exists(argument), Ok(false));
    let file = file.map_err(|why| match is_missing() {
        true => format!("{why} ({})", how_to_make(argument)),
        false => why,
    })?;
    Ok(Box::new(Virtual {
        file,
        path: argument.to_owned(),
        complaint: None,
    }))
}

/// The commands that make a database with its first user.
fn how_to_make(database: &str) -> String {
    let mut text = Path::new(database).with_extension("passwd");
    if text == Path::new(database) {
        text.set_extension("txt");
    }
    let text = text.to_string_lossy();
    let quoted = |path: &str| shlex::try_quote(path).unwrap_or_default().into_owned();
    let (text, database) = (quoted(&text), quoted(database));
    format!(
        "make it: wharf-pw useradd NAME -u UID -g GID -d HOME -f {text} && wharf-pw mkdb {database} -f {text}"
    )
}

impl Source for Virtual {
    fn look(&mut self) {
        self.file.current();
    }

    fn cost(&mut self) -> Option<Duration> {
        Some(self.file.current().dummy.cost())
    }

    fn check(&mut self, question: &Check) -> Verdict {
        let database = self.file.current();
        let data = PureDb::new(&database.bytes).and_then(|bytes| bytes.find(&question.user));
        let data = match data {
            Ok(Some(data)) => data,
            Ok(None) => {
                database.dummy.fit(None, &question.proof);
                return Verdict::Unknown;
            }
            Err(corrupt) => return Verdict::Broken(format!("{}: {corrupt}", self.path)),
        };
        let judged = judge(
            data,
            question,
            &database.dummy,
            local_time::hour_and_minute(),
        );
        judged.unwrap_or_else(|what| {
            let user = question.user.escape_ascii();
            self.complaint = Some(format!("{}: user {user}: {what}", self.path));
            Verdict::Refused
        })
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take().or_else(|| self.file.complaint())
    }
}

/// What a record says to the question at that hour and minute; the error is why nobody can log in by it.
fn judge(data: &[u8], question: &Check, dummy: &Dummy, now: (u8, u8)) -> Result<Verdict, String> {
    let user = match VirtualUser::read(&question.user, data) {
        Ok(user) => user,
        Err(fault) => {
            dummy.fit(None, &question.proof);
            return Err(fault.to_string());
        }
    };
    match dummy.fit(Some(&user.hash), &question.proof) {
        Fit::Yes => {}
        Fit::No => return Ok(Verdict::Refused),
        Fit::Never(why) => return Err(why.to_string()),
    }
    let mut lookup = Lookup::until(Instant::now() + LOOKING_UP);
    let mut addresses = |name: &str| lookup.addresses(name);
    let welcome = user.hours.is_none_or(|hours| hours.contains(now.0, now.1))
        && user.local.permits(question.local.ip(), &mut addresses)
        && user.client.permits(question.peer, &mut addresses);
    match welcome {
        true => Ok(Verdict::Accepted(Box::new(found(&user, data)))),
        false => Ok(Verdict::Refused),
    }
}

fn found(user: &VirtualUser, data: &[u8]) -> Found {
    let of_system = users::get_user_by_uid(user.uid);
    Found {
        uid: user.uid,
        gid: user.gid,
        system_name: of_system.map(|user| user.name().as_bytes().to_vec()),
        home: field(data, BEFORE_HOME).unwrap_or_default().to_vec(),
        limits: Limits {
            upload_rate: user.upload_rate,
            download_rate: user.download_rate,
            ratio: user.upload_ratio.zip(user.download_ratio),
            quota_files: user.quota_files,
            quota_bytes: user.quota_bytes,
            sessions: user.max_sessions,
        },
    }
}

fn field(data: &[u8], number: usize) -> Option<&[u8]> {
    data.split(|byte| *byte == b':').nth(number)
}

/// Looks host names up, all of them together within a time.
struct Lookup {
    deadline: Instant,
}

impl Lookup {
    fn until(deadline: Instant) -> Lookup {
        Lookup { deadline }
    }

    /// The addresses of a name; none when they cannot be had in time.
    fn addresses(&mut self, name: &str) -> Option<Vec<IpAddr>> {
        let (sender, receiver) = mpsc::channel();
        let name = name.to_owned();
        // getaddrinfo(3) knows no time limit of ours. A thread that it keeps ends when it gives up.
        std::thread::Builder::new()
            .spawn(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                let _ = sender.send(found.map(|found| found.map(|one| one.ip()).collect()));
            })
            .ok()?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        receiver.recv_timeout(left).ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{certified, question};
    use super::*;
    use crate::keeper::puredb::database;

    /// "secret pass" by SHA-256.
    const HASH: &str = "$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9";
    const NOON: (u8, u8) = (12, 0);

    fn dummy() -> Dummy {
        Dummy::like([HASH.as_bytes()].into_iter())
    }

    /// What a record with these fields behind the home directory says at noon to a client from 127.0.0.1.
    fn welcome(behind_home: &str) -> bool {
        let data = format!("{HASH}:20106:20107:Some One:/srv/v:{behind_home}");
        match judge(
            data.as_bytes(),
            &question(b"v", b"secret pass"),
            &dummy(),
            NOON,
        ) {
            Ok(Verdict::Accepted(_)) => true,
            Ok(Verdict::Refused) | Err(_) => false,
            other => panic!("{other:?}"),
        }
    }

    fn put(path: &Path, text: &str) {
        let beside = path.with_extension("new");
        std::fs::write(&beside, database(text.as_bytes()).unwrap()).unwrap();
        std::fs::rename(beside, path).unwrap();
    }

    #[test]
    fn every_field_reaches_the_account() {
        let data = format!(
            "{HASH}:20106:20107:Some One:/srv/virt/./u2:51200:102400:1:10:2:3:1048576:::::"
        );
        let judged = judge(
            data.as_bytes(),
            &question(b"v", b"secret pass"),
            &dummy(),
            NOON,
        );
        let limits = Limits {
            upload_rate: Some(51_200),
            download_rate: Some(102_400),
            ratio: Some((1, 10)),
            quota_files: Some(3),
            quota_bytes: Some(1_048_576),
            sessions: Some(2),
        };
        let expected = Found {
            uid: 20_106,
            gid: 20_107,
            system_name: None,
            home: b"/srv/virt/./u2".to_vec(),
            limits,
        };
        assert_eq!(judged, Ok(Verdict::Accepted(Box::new(expected))));
    }

    #[test]
    fn a_certificate_takes_the_place_of_the_password_and_of_nothing_else() {
        let comes_in = |hash: &str, behind_home: &str| {
            let data = format!("{hash}:20106:20107:Some One:/srv/v:{behind_home}");
            let judged = judge(data.as_bytes(), &certified(b"v"), &dummy(), NOON);
            matches!(judged, Ok(Verdict::Accepted(_)))
        };
        assert!(comes_in(HASH, ""));
        assert!(comes_in("x", ""));
        assert!(!comes_in("*", "") && !comes_in("!", ""));
        assert!(!comes_in(HASH, ":::::::::10.0.0.0/8:"));
        assert!(!comes_in(HASH, ":::::::::::1300-1400"));
    }

    #[test]
    fn a_user_with_the_number_of_a_system_user_has_its_name_for_the_groups() {
        let data = format!("{HASH}:1:1::/srv/v");
        let judged = judge(
            data.as_bytes(),
            &question(b"v", b"secret pass"),
            &dummy(),
            NOON,
        );
        let Ok(Verdict::Accepted(found)) = judged else {
            panic!("{judged:?}");
        };
        assert_eq!(found.system_name.as_deref(), Some(&b"daemon"[..]));
        assert_eq!(found.limits, Limits::default());
    }

    #[test]
    fn a_record_may_end_after_any_field_behind_the_home() {
        let all = "1:1:1:1:1:1:1:::::";
        for (at, _) in all.match_indices(':') {
            assert!(welcome(&all[..at]), "{at}");
        }
        let data = format!("{HASH}:1:1::");
        assert!(
            judge(
                data.as_bytes(),
                &question(b"v", b"secret pass"),
                &dummy(),
                NOON
            )
            .is_err()
        );
    }

    #[test]
    fn addresses_of_client_and_server_and_names_for_them_are_held_to() {
        let lists = |lists: &str| welcome(&format!(":::::::{lists}:"));
        assert!(lists("127.0.0.1:::"));
        assert!(!lists("127.0.0.2:::"));
        assert!(!lists(":127.0.0.0/8::"));
        assert!(lists("::127.0.0.0/8:127.0.0.9"));
        assert!(!lists("::10.0.0.0/8:"));
        assert!(!lists("::127.0.0.0/8:127.0.0.1"));
        assert!(lists("::localhost:"));
        assert!(!lists(":::localhost"));
        assert!(!lists("::no-such-host.invalid:"));
        assert!(
            !lists(":::no-such-host.invalid"),
            "a name nobody knows denies"
        );
        assert!(
            !lists("::127.0.0.1/33:"),
            "a mistyped network does not open"
        );
        assert!(!lists(":::127.0.0.1/0"));
    }

    #[test]
    fn hours_are_held_to_and_mistyped_ones_do_not_open() {
        let hours = |hours: &str| welcome(&format!(":::::::::::{hours}"));
        assert!(hours("1200-1200") && hours("0-2359") && hours("2300-1200"));
        assert!(!hours("1201-1159") && !hours("0-1159") && !hours("1300-1100"));
        assert!(!hours("noon") && !hours("0-2400") && !hours("0-2360"));
    }

    #[test]
    fn c7_root_and_numbers_out_of_range_refuse_the_record() {
        for (uid, gid) in [
            ("0", "1"),
            ("1", "0"),
            ("4294967296", "1"),
            ("1", "-1"),
            ("joe", "1"),
            ("", "1"),
        ] {
            let data = format!("{HASH}:{uid}:{gid}::/srv/v");
            let judged = judge(
                data.as_bytes(),
                &question(b"v", b"secret pass"),
                &dummy(),
                NOON,
            );
            assert!(judged.is_err(), "{uid} {gid}");
        }
    }

    #[test]
    fn a_new_file_holds_at_the_next_login_and_a_broken_one_leaves_the_last_good_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.pdb");
        put(&path, &format!("a:{HASH}:1:1::/a::::::::::::\n"));
        let mut source = open(path.to_str().unwrap(), &Options::default()).expect("opened");
        let mut known = |name: &[u8]| {
            let verdict = source.check(&question(name, b"secret pass"));
            let known = match verdict {
                Verdict::Accepted(_) => true,
                Verdict::Unknown => false,
                other => panic!("{other:?}"),
            };
            (known, source.complaint().is_some())
        };
        assert_eq!((known(b"a"), known(b"b")), ((true, false), (false, false)));
        put(&path, &format!("b:{HASH}:1:1::/b::::::::::::\n"));
        assert_eq!((known(b"a"), known(b"b")), ((false, false), (true, false)));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!((known(b"a"), known(b"b")), ((false, true), (true, false)));
        std::fs::remove_file(&path).unwrap();
        assert_eq!((known(b"b"), known(b"b")), ((true, true), (true, false)));
    }

    #[test]
    fn a_wrong_password_is_refused_and_a_record_without_sense_is_told_to_the_log_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.pdb");
        put(
            &path,
            &format!(
                "a:{HASH}:1:1::/a::::::::::::\nb:{HASH}:0:1::/b::::::::::::\nc:*:1:1::/c::::::::::::\n"
            ),
        );
        let mut source = open(path.to_str().unwrap(), &Options::default()).expect("opened");
        assert_eq!(source.check(&question(b"a", b"wrong")), Verdict::Refused);
        assert_eq!(source.complaint(), None);
        assert_eq!(
            source.check(&question(b"b", b"secret pass")),
            Verdict::Refused
        );
        assert!(
            source
                .complaint()
                .is_some_and(|said| said.contains("user b: uid: expected"))
        );
        assert_eq!(source.check(&question(b"c", b"*")), Verdict::Refused);
        assert!(
            source
                .complaint()
                .is_some_and(|said| said.contains("locked"))
        );
    }

    #[test]
    fn a_missing_or_broken_database_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.pdb");
        assert!(
            open(path.to_str().unwrap(), &Options::default())
                .err()
                .is_some_and(|said| said.contains("No such file"))
        );
        std::fs::write(&path, b"PDB2").unwrap();
        assert!(open(path.to_str().unwrap(), &Options::default()).is_err());
    }

    /// Changes bytes of a database; whatever comes out, nobody comes in with root's numbers, and nothing panics.
    #[test]
    fn no_mutation_of_a_database_lets_root_in_or_stops_the_reader() {
        let text: String = ["a", "b", "c"]
            .map(|name| format!("{name}:{HASH}:10:1::/a:1:1:1:1:1:1:1:::::0-2359\n"))
            .concat();
        let whole = database(text.as_bytes()).unwrap();
        let mut seed = 1_u64;
        let mut random = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                // The slots of empty buckets make up most of the file.
                let at = if random(2) == 0 {
                    random(bytes.len())
                } else {
                    bytes.len() - 1 - random(300)
                };
                bytes[at] = [b':', 0, b'0', 0xff, u8::try_from(random(256)).unwrap()][random(5)];
            }
            let Ok(database) = PureDb::new(&bytes) else {
                continue;
            };
            for name in [&b"a"[..], b"b", b"c"] {
                if let Ok(Some(data)) = database.find(name)
                    && let Ok(user) = VirtualUser::read(name, data)
                {
                    assert!(user.uid > 0 && user.gid > 0);
                }
            }
        }
    }

    #[test]
    fn what_makes_a_database_never_takes_it_for_the_text_file() {
        for (database, text, shown) in [
            (
                "/etc/pureftpd.pdb",
                "/etc/pureftpd.passwd",
                "/etc/pureftpd.pdb",
            ),
            ("a.passwd", "a.txt", "a.passwd"),
            ("/a b/users", "'/a b/users.passwd'", "'/a b/users'"),
        ] {
            let line = how_to_make(database);
            assert!(
                line.ends_with(&format!("-f {text} && wharf-pw mkdb {shown} -f {text}")),
                "{line}"
            );
        }
    }
}
