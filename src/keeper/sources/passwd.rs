//! Virtual users of a text file in the form of passwd(5), with the hashes in it: the AuthUserFile of ProFTPD, made by its
//! ftpasswd or by htpasswd-like tools. One user a line: `name:hash:uid:gid:gecos:home:shell`.
//!
//! The shell is not looked at: these users have no shell account. Of several lines with one name the first counts. A
//! line that makes no sense refuses its user's login and no other; a file that everybody may write is refused whole.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::fit::{Dummy, Fit};
use super::{Found, Options, Source, Verdict};
use crate::keeper::message::{Check, LONGEST_PATH, Limits};
use crate::keeper::reread::Reread;

/// Permission of everybody to write.
const OTHERS_WRITE: u32 = 0o002;

/// One user.
struct User {
    hash: Vec<u8>,
    uid: u32,
    gid: u32,
    home: Vec<u8>,
}

/// All users of a file.
struct Users {
    /// A line that makes no sense is kept as what is wrong with it.
    users: HashMap<Vec<u8>, Result<User, String>>,
    dummy: Dummy,
}

struct PasswdFile {
    file: Reread<Users>,
    path: String,
    complaint: Option<String>,
}

/// Reads the file for the first time; one that is missing or not safe is refused.
pub(super) fn open(argument: &str, _: &Options) -> Result<Box<dyn Source>, String> {
    Ok(Box::new(PasswdFile {
        file: Reread::open(argument, Users::read)?,
        path: argument.to_owned(),
        complaint: None,
    }))
}

impl Source for PasswdFile {
    fn look(&mut self) {
        self.file.current();
    }

    fn cost(&mut self) -> Option<Duration> {
        Some(self.file.current().dummy.cost())
    }

    fn check(&mut self, question: &Check) -> Verdict {
        let judged = self.file.current().judge(question);
        judged.unwrap_or_else(|what| {
            self.complaint = Some(format!("{}: {what}", self.path));
            Verdict::Refused
        })
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take().or_else(|| self.file.complaint())
    }
}

impl Users {
    fn read(metadata: &Metadata, bytes: Vec<u8>) -> Result<Users, String> {
        if metadata.permissions().mode() & OTHERS_WRITE != 0 {
            return Err("everybody may write it: chmod o-w".to_owned());
        }
        Ok(Users::of(&bytes))
    }

    fn of(text: &[u8]) -> Users {
        let mut users = HashMap::new();
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
            let user = user(&fields).map_err(|what| format!("line {}: {what}", number + 1));
            users.entry(fields[0].to_vec()).or_insert(user);
        }
        let hashes = users.values().flatten().map(|user| user.hash.as_slice());
        let dummy = Dummy::like(hashes);
        Users { users, dummy }
    }

    /// The error is why nobody can log in by the user's line.
    fn judge(&self, question: &Check) -> Result<Verdict, String> {
        let user = match self.users.get(&question.user) {
            Some(Ok(user)) => user,
            Some(Err(what)) => {
                self.dummy.fit(None, &question.proof);
                return Err(what.clone());
            }
            None => {
                self.dummy.fit(None, &question.proof);
                return Ok(Verdict::Unknown);
            }
        };
        match self.dummy.fit(Some(&user.hash), &question.proof) {
            Fit::Yes => Ok(Verdict::Accepted(Box::new(Found {
                uid: user.uid,
                gid: user.gid,
                system_name: None,
                home: user.home.clone(),
                limits: Limits::default(),
            }))),
            Fit::No => Ok(Verdict::Refused),
            Fit::Never(why) => Err(format!("user {}: {why}", question.user.escape_ascii())),
        }
    }
}

fn user(fields: &[&[u8]]) -> Result<User, &'static str> {
    let [name, hash, uid, gid, _gecos, home, _shell] = fields else {
        return Err("expected seven fields: name:hash:uid:gid:gecos:home:shell");
    };
    if name.is_empty() {
        return Err("expected a name");
    }
    if !home.starts_with(b"/") || home.contains(&0) || home.len() > LONGEST_PATH {
        return Err("home: expected an absolute path");
    }
    Ok(User {
        hash: hash.to_vec(),
        uid: id(uid).ok_or("uid: expected a number from 1 to 4294967294")?,
        gid: id(gid).ok_or("gid: expected a number from 1 to 4294967294")?,
        home: home.to_vec(),
    })
}

/// Decimal digits alone, within what is a user or group but root's.
fn id(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok().filter(|id| (1..u32::MAX).contains(id))
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::*;
    use std::fs;
    use std::fs::Permissions;

    /// "secret pass" by SHA-256.
    const HASH: &str = "$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9";

    fn asked(text: &str, name: &str, password: &str) -> Result<Verdict, String> {
        Users::of(text.as_bytes()).judge(&question(name.as_bytes(), password.as_bytes()))
    }

    fn line(name: &str, uid: &str, gid: &str, home: &str) -> String {
        format!("{name}:{HASH}:{uid}:{gid}:Full Name:{home}:/sbin/nologin\n")
    }

    #[test]
    fn users_come_in_with_the_numbers_and_the_home_of_their_line() {
        let text = format!(
            "# made by hand\n\n{}{}",
            line("a", "1", "2", "/a"),
            line("b", "4294967294", "7", "/b/./c")
        );
        let Ok(Verdict::Accepted(found)) = asked(&text, "b", "secret pass") else {
            panic!("refused");
        };
        let expected = Found {
            uid: 4_294_967_294,
            gid: 7,
            system_name: None,
            home: b"/b/./c".to_vec(),
            limits: Limits::default(),
        };
        assert_eq!(*found, expected);
        assert_eq!(asked(&text, "b", "wrong"), Ok(Verdict::Refused));
        for unknown in ["c", "", "# made by hand", "A", "a:"] {
            assert_eq!(
                asked(&text, unknown, "secret pass"),
                Ok(Verdict::Unknown),
                "{unknown}"
            );
        }
    }

    #[test]
    fn of_two_lines_the_first_counts_also_when_it_refuses() {
        let text = line("a", "0", "2", "/a") + &line("a", "1", "2", "/a");
        assert!(asked(&text, "a", "secret pass").is_err());
    }

    #[test]
    fn c7_numbers_out_of_range_refuse_their_user_and_no_other() {
        for bad in [
            "0",
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1x",
            "0x1",
            "4294967295",
            "4294967296",
            "99999999999999999999",
        ] {
            for text in [line("a", bad, "1", "/a"), line("a", "1", bad, "/a")] {
                let text = text + &line("b", "1", "1", "/b");
                let said = asked(&text, "a", "secret pass").unwrap_err();
                assert!(
                    said.starts_with("line 1: ") && said.contains("expected a number"),
                    "{said}"
                );
                assert!(matches!(
                    asked(&text, "b", "secret pass"),
                    Ok(Verdict::Accepted(_))
                ));
            }
        }
    }

    #[test]
    fn c6_locked_hashes_and_broken_lines_let_nobody_in() {
        for hash in [
            "",
            "*",
            "!",
            "x",
            "plain",
            "$2b$31$123456789012345678901u3r6OqjiUj3RKK8WSV80GTo1lWPX4W9u",
        ] {
            let text = format!("a:{hash}:1:1::/a:\n");
            for password in ["", "plain", "x"] {
                assert!(asked(&text, "a", password).is_err(), "{hash} {password}");
            }
        }
        for broken in [
            "a",
            "a:",
            "a:x:1:1::/a",
            "a:x:1:1::a:",
            "a:x:1:1::/a::",
            "a:x:1:1:::",
        ] {
            assert!(asked(broken, "a", "").is_err(), "{broken}");
        }
        assert!(asked(":x:1:1::/a:", "", "").is_err());
    }

    #[test]
    fn a_file_that_everybody_may_write_is_refused_and_leaves_the_last_good_one_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let mode = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        fs::write(&path, line("a", "1", "1", "/a")).unwrap();
        mode(0o602);
        let said = open(path.to_str().unwrap(), &Options::default())
            .err()
            .expect("refused");
        assert!(
            said.ends_with("users: everybody may write it: chmod o-w"),
            "{said}"
        );
        mode(0o660);
        let mut source = open(path.to_str().unwrap(), &Options::default()).expect("opened");
        fs::write(&path, line("evil", "1", "1", "/")).unwrap();
        mode(0o666);
        assert_eq!(
            source.check(&question(b"evil", b"secret pass")),
            Verdict::Unknown
        );
        assert!(
            source
                .complaint()
                .is_some_and(|said| said.contains("everybody may write it"))
        );
        let verdict = source.check(&question(b"a", b"secret pass"));
        assert!(matches!(verdict, Verdict::Accepted(_)));
        assert_eq!(source.complaint(), None);
        mode(0o600);
        assert!(matches!(
            source.check(&question(b"evil", b"secret pass")),
            Verdict::Accepted(_)
        ));
    }

    /// Changes bytes at random places; whatever comes out, nobody comes in with root's numbers or without a hash that fits.
    #[test]
    fn no_mutation_of_a_file_lets_root_in_or_stops_the_parser() {
        let whole =
            line("a", "10", "20", "/a") + &line("b", "1", "2", "/b/./") + &line("c", "0", "0", "/");
        let mut seed = 1_u64;
        let mut random = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut text = whole.clone().into_bytes();
            for _ in 0..=random(4) {
                let (at, byte) = (
                    random(text.len()),
                    [b':', b'\n', 0, b'0', b'-', 0xff][random(6)],
                );
                match random(3) {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    _ => drop(text.remove(at)),
                }
            }
            for user in Users::of(&text).users.into_values().flatten() {
                assert!(user.uid > 0 && user.gid > 0 && user.home.starts_with(b"/"));
            }
        }
    }
}
