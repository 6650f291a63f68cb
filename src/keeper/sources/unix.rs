//! The users of this machine: passwd(5) and shadow(5), through whatever nsswitch.conf(5) names.
//!
//! Pure-FTPd's rules: the shell must stand in shells(5) or be the word `ftp`, an account or password that has expired
//! lets nobody in, neither does a password field that begins with `@`. Beyond them, a password whose change is due at
//! the next login (a day of change of 0) is refused, for FTP cannot change it.

use std::fs::{self, Metadata};
use std::io;
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use super::fit::{Dummy, Fit};
use super::{Found, Options, Source, Verdict};
use crate::keeper::message::{Check, Limits, Proof};
use crate::keeper::reread::Reread;
use crate::sys::shadow::{self, Shadow, User};
use crate::sys::words;

/// Where the shells stand that make an account one for people.
const SHELLS: &str = "/etc/shells";

/// The shells without such a file; see getusershell(3).
const USUAL_SHELLS: &[u8] = b"/bin/sh\n/bin/csh\n";

/// The shell of users who may do nothing but FTP.
const FTP_SHELL: &[u8] = b"ftp";

const SHADOW: &str = "/etc/shadow";

const LOGIN_DEFS: &str = "/etc/login.defs";

/// Hashes nobody has the password of, as passwd(1) makes them by the word of `ENCRYPT_METHOD` in login.defs(5).
const METHODS: &[(&[u8], &[u8])] = &[
    (b"YESCRYPT", b"$y$j9T$abcdefghijklmnop$..........................................."),
    (
        b"SHA512",
        b"$6$abcdefghijklmnop$......................................................................................",
    ),
    (b"SHA256", b"$5$abcdefghijklmnop$..........................................."),
    (b"BCRYPT", b"$2b$13$....................................................."),
];

/// How a hash field begins that lets nobody in.
const NO_PASSWORD: &[u8] = b"@";

/// The field of an account that has no password and is not locked.
const NO_HASH: &[u8] = b"*";

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

struct Unix {
    /// The kind of hash that most users of this machine have; none where the file cannot be read or has no hash.
    of_file: Option<Reread<Option<Dummy>>>,
    of_method: Dummy,
    any_shell: bool,
}

/// Needs the rights of root, which are not checked here: each login then says what was not permitted.
pub(super) fn open(_argument: &str, options: &Options) -> Result<Box<dyn Source>, String> {
    let definitions = fs::read(LOGIN_DEFS).unwrap_or_default();
    Ok(Box::new(Unix {
        of_file: Reread::open(SHADOW, dummy_of).ok(),
        of_method: Dummy::like([example(&definitions)].into_iter()),
        any_shell: options.any_shell,
    }))
}

impl Unix {
    /// What is compared to where there is no user.
    fn dummy(&mut self) -> &Dummy {
        let file = self.of_file.as_mut();
        let of_file = file.and_then(|file| file.current().as_ref());
        of_file.unwrap_or(&self.of_method)
    }
}

impl Source for Unix {
    fn cost(&mut self) -> Option<Duration> {
        Some(self.dummy().cost())
    }

    fn check(&mut self, question: &Check) -> Verdict {
        let user = match looked_up(&question.user) {
            Ok(user) => user,
            Err(error) => return Verdict::Broken(format!("unix: {}", words(&error))),
        };
        let shells = match self.any_shell {
            true => Shells::Any,
            false => Shells::Listed(fs::read(SHELLS).unwrap_or_else(|_| USUAL_SHELLS.to_vec())),
        };
        judge(user, &shells, today(), self.dummy(), question)
    }
}

/// Which shells make an account one for people.
enum Shells {
    Any,
    /// Those in this text of shells(5).
    Listed(Vec<u8>),
}

impl Shells {
    fn take(&self, shell: &[u8]) -> bool {
        match self {
            Shells::Any => true,
            Shells::Listed(shells) => is_shell(shell, shells),
        }
    }
}

/// A user with what shadow(5) has of it.
type Account = (User, Option<Shadow>);

fn looked_up(name: &[u8]) -> io::Result<Option<Account>> {
    let Some(user) = shadow::user_named(name)? else {
        return Ok(None);
    };
    let shadow = match is_in_shadow(&user) {
        true => shadow::shadow_named(name)?,
        false => None,
    };
    Ok(Some((user, shadow)))
}

/// Whether the password field says that the hash is elsewhere; `##` and the name is what some directories have.
fn is_in_shadow(user: &User) -> bool {
    let field = user.password.as_slice();
    field == b"x" || field.strip_prefix(b"##") == Some(&user.name)
}

/// Days since 1 January 1970.
fn today() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_secs() / SECONDS_A_DAY).unwrap_or(i64::MAX)
}

fn judge(
    account: Option<Account>,
    shells: &Shells,
    today: i64,
    dummy: &Dummy,
    question: &Check,
) -> Verdict {
    let Some((user, shadow)) = account else {
        dummy.fit(None, &question.proof);
        return Verdict::Unknown;
    };
    let hash = shadow
        .as_ref()
        .map_or(&user.password, |shadow| &shadow.password);
    let hash = Some(hash.as_slice()).filter(|hash| !hash.starts_with(NO_PASSWORD));
    // Also for those who will not come in, whose refusal must take as long.
    let fit = match question.proof {
        // No hash is asked for then, but whether the account has expired stands beside it.
        Proof::Certificate
            if shadow.is_none() && (is_in_shadow(&user) || user.password.as_slice() == NO_HASH) =>
        {
            Fit::No
        }
        // Without password login, but not locked (see usermod(8) and sshd(8)).
        Proof::Certificate if hash == Some(NO_HASH) => Fit::Yes,
        _ => dummy.fit(hash, &question.proof),
    };
    let expired = shadow
        .as_ref()
        .is_some_and(|shadow| has_expired(shadow, today));
    if fit != Fit::Yes || expired || !shells.take(&user.shell) {
        return Verdict::Refused;
    }
    Verdict::Accepted(Box::new(Found {
        uid: user.uid,
        gid: user.gid,
        system_name: Some(user.name),
        home: user.home,
        limits: Limits::default(),
    }))
}

fn has_expired(shadow: &Shadow, today: i64) -> bool {
    let account = shadow.expires > 0 && shadow.expires < today;
    let due = shadow.longest > 0
        && shadow.changed > 0
        && shadow.changed.saturating_add(shadow.longest) < today;
    account || due || shadow.changed == 0
}

/// The lines of shells(5) that begin with a slash, up to a blank or a comment.
fn is_shell(shell: &[u8], shells: &[u8]) -> bool {
    let listed = shells.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = line.trim_ascii_start();
        let word = line
            .split(|byte| byte.is_ascii_whitespace() || *byte == b'#')
            .next()?;
        word.starts_with(b"/").then_some(word)
    });
    shell.eq_ignore_ascii_case(FTP_SHELL) || listed.into_iter().any(|listed| listed == shell)
}

/// The kind of hash in a shadow file; none when nobody has one.
fn dummy_of(_: &Metadata, text: Vec<u8>) -> Result<Option<Dummy>, String> {
    let lines = text.split(|byte| *byte == b'\n');
    let fields = lines.filter_map(|line| line.split(|byte| *byte == b':').nth(1));
    // Locked accounts have one character, or a mark before the hash.
    let mut hashes = fields
        .filter(|field| field.len() > 2 && !b"!*@".contains(&field[0]))
        .peekable();
    let any = hashes.peek().is_some();
    Ok(any.then(|| Dummy::like(hashes)))
}

/// The hash that stands for what new passwords of this machine get.
fn example(definitions: &[u8]) -> &'static [u8] {
    let method = definitions.split(|byte| *byte == b'\n').find_map(|line| {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        (words.next() == Some(b"ENCRYPT_METHOD"))
            .then(|| words.next())
            .flatten()
    });
    let row = METHODS.iter().find(|(name, _)| Some(*name) == method);
    row.unwrap_or(&METHODS[0]).1
}

#[cfg(test)]
mod tests {
    use super::super::tests::{certified, question};
    use super::*;
    use zeroize::Zeroizing;

    /// "secret pass" by SHA-256.
    const HASH: &[u8] = b"$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9";
    const SHELLS: &[u8] = b"# shells\n/bin/sh\n /bin/bash # the usual one\nbin/zsh\n";
    const TODAY: i64 = 20_000;

    fn joe() -> User {
        User {
            name: b"joe".to_vec(),
            password: Zeroizing::new(b"x".to_vec()),
            uid: 1000,
            gid: 100,
            home: b"/home/joe".to_vec(),
            shell: b"/bin/bash".to_vec(),
        }
    }

    fn shadow() -> Shadow {
        Shadow {
            password: Zeroizing::new(HASH.to_vec()),
            changed: 19_000,
            longest: 99_999,
            expires: -1,
        }
    }

    fn judged(user: User, shadow: Option<Shadow>, password: &[u8]) -> Verdict {
        let dummy = Dummy::like([HASH].into_iter());
        judge(
            Some((user, shadow)),
            &Shells::Listed(SHELLS.to_vec()),
            TODAY,
            &dummy,
            &question(b"joe", password),
        )
    }

    fn comes_in(user: User, shadow: Option<Shadow>) -> bool {
        match judged(user, shadow, b"secret pass") {
            Verdict::Accepted(_) => true,
            Verdict::Refused => false,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_user_comes_in_by_the_password_and_by_no_other() {
        let Verdict::Accepted(found) = judged(joe(), Some(shadow()), b"secret pass") else {
            panic!("refused");
        };
        assert_eq!(
            (found.uid, found.gid, &found.home[..]),
            (1000, 100, &b"/home/joe"[..])
        );
        assert_eq!(found.system_name.as_deref(), Some(&b"joe"[..]));
        for wrong in [&b""[..], b"secret", b"secret pass ", b"secret pass\0"] {
            assert_eq!(judged(joe(), Some(shadow()), wrong), Verdict::Refused);
        }
        let mut unshadowed = joe();
        unshadowed.password = Zeroizing::new(HASH.to_vec());
        assert!(comes_in(unshadowed, None));
    }

    #[test]
    fn a_certificate_opens_accounts_without_a_password_and_none_that_is_locked_or_expired() {
        let comes_in = |user: User, shadow: Option<Shadow>| {
            let dummy = Dummy::like([HASH].into_iter());
            let shells = Shells::Listed(SHELLS.to_vec());
            let asked = certified(b"joe");
            let verdict = judge(Some((user, shadow)), &shells, TODAY, &dummy, &asked);
            matches!(verdict, Verdict::Accepted(_))
        };
        let with = |password: &[u8]| Shadow {
            password: Zeroizing::new(password.to_vec()),
            ..shadow()
        };
        assert!(comes_in(joe(), Some(with(HASH))));
        assert!(comes_in(joe(), Some(with(b"*"))));
        let locked = [b"!", HASH].concat();
        for hash in [&b"!"[..], b"!!", b"!*", b"@", &locked] {
            assert!(!comes_in(joe(), Some(with(hash))), "{hash:?}");
        }
        let expired = Shadow {
            expires: TODAY - 1,
            ..shadow()
        };
        assert!(!comes_in(joe(), Some(expired)));
        let mut no_shell = joe();
        no_shell.shell = b"/usr/sbin/nologin".to_vec();
        assert!(!comes_in(no_shell, Some(shadow())));
        for field in [&b"x"[..], b"*", b"##joe"] {
            let mut elsewhere = joe();
            elsewhere.password = Zeroizing::new(field.to_vec());
            assert!(
                !comes_in(elsewhere, None),
                "nobody knows whether it expired"
            );
        }
    }

    #[test]
    fn the_shell_must_be_listed_or_be_the_word_ftp() {
        for (shell, welcome) in [
            ("/bin/sh", true),
            ("/bin/bash", true),
            ("ftp", true),
            ("FTP", true),
            ("/usr/sbin/nologin", false),
            ("/bin/ba", false),
            ("bin/zsh", false),
            ("#", false),
            ("", false),
        ] {
            let mut user = joe();
            user.shell = shell.as_bytes().to_vec();
            assert_eq!(comes_in(user, Some(shadow())), welcome, "{shell:?}");
        }
        assert!(is_shell(b"/bin/csh", USUAL_SHELLS));
    }

    #[test]
    fn any_shell_will_do_where_it_is_said_and_a_password_is_asked_for_all_the_same() {
        let verdict = |shell: &[u8], password: &[u8]| {
            let mut user = joe();
            user.shell = shell.to_vec();
            let dummy = Dummy::like([HASH].into_iter());
            let asked = question(b"joe", password);
            judge(
                Some((user, Some(shadow()))),
                &Shells::Any,
                TODAY,
                &dummy,
                &asked,
            )
        };
        for shell in [&b"/usr/sbin/nologin"[..], b"", b"\xff"] {
            let comes_in = verdict(shell, b"secret pass");
            assert!(matches!(comes_in, Verdict::Accepted(_)), "{comes_in:?}");
            assert_eq!(verdict(shell, b"secret"), Verdict::Refused);
        }
    }

    #[test]
    fn c6_locked_and_empty_hashes_let_nobody_in() {
        for field in [
            "",
            "*",
            "!",
            "!!",
            "x",
            "@",
            "*LK*",
            "!$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9",
        ] {
            let mut locked = shadow();
            locked.password = Zeroizing::new(field.as_bytes().to_vec());
            for password in [&b""[..], b"secret pass", field.as_bytes()] {
                assert_eq!(
                    judged(joe(), Some(locked.clone()), password),
                    Verdict::Refused,
                    "{field}"
                );
            }
        }
        let mut marked = shadow();
        marked.password = Zeroizing::new([b"@", HASH].concat());
        assert!(!comes_in(joe(), Some(marked)));
        // Passwd says "x" and shadow has nothing.
        assert!(!comes_in(joe(), None));
    }

    #[test]
    fn accounts_and_passwords_end_with_their_last_day() {
        let on = |changed, longest, expires| {
            let dates = Shadow {
                changed,
                longest,
                expires,
                ..shadow()
            };
            comes_in(joe(), Some(dates))
        };
        assert!(on(19_000, 99_999, -1));
        assert!(on(19_000, -1, TODAY));
        assert!(!on(19_000, -1, TODAY - 1));
        assert!(on(TODAY - 90, 90, -1));
        assert!(!on(TODAY - 91, 90, -1));
        assert!(on(-1, 90, -1), "no day of change, no age");
        assert!(!on(0, 99_999, -1), "due at the next login");
        assert!(on(i64::MAX, i64::MAX, -1));
    }

    #[test]
    fn the_word_for_a_hash_elsewhere_is_x_or_the_name_behind_two_marks() {
        let with = |field: &[u8]| User {
            password: Zeroizing::new(field.to_vec()),
            ..joe()
        };
        assert!(is_in_shadow(&with(b"x")) && is_in_shadow(&with(b"##joe")));
        assert!(
            !is_in_shadow(&with(b"##bob"))
                && !is_in_shadow(&with(HASH))
                && !is_in_shadow(&with(b""))
        );
    }

    #[test]
    fn c3_every_method_of_login_defs_has_a_hash_that_is_computed() {
        for (name, hash) in METHODS {
            assert_eq!(
                crate::keeper::hashes::check(hash),
                Ok(()),
                "{}",
                name.escape_ascii()
            );
        }
        assert_eq!(example(b"# x\nENCRYPT_METHOD\t SHA512\n"), METHODS[1].1);
        assert_eq!(
            example(b"#ENCRYPT_METHOD SHA512\nENCRYPT_METHOD_X SHA512\n"),
            METHODS[0].1
        );
    }

    #[test]
    fn c3_the_stand_in_is_of_the_kind_most_users_have() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shadow");
        let read = |text: &[u8]| {
            fs::write(&file, text).unwrap();
            let opened = Reread::open(file.to_str().unwrap(), dummy_of);
            let mut opened = opened.map_err(|what| panic!("{what}")).unwrap();
            opened.current().is_some()
        };
        assert!(!read(
            b"root:*:1::::::\nbin:!:1::::::\nlocked:!$6$a$b:1::::::\n"
        ));
        assert!(read(
            &[b"root:*:1::::::\njoe:", HASH, b":1::::::\n"].concat()
        ));
    }

    #[test]
    fn p5_a_stranger_and_a_name_with_a_nul_are_unknown() {
        let mut source = open("", &Options::default()).unwrap();
        for name in [&b"no-such-user-here"[..], b"root\0x", b""] {
            assert_eq!(source.check(&question(name, b"x")), Verdict::Unknown);
        }
    }
}
