//! Password hashes: is this the password, and what would a new hash be?
//!
//! One row of [`SCHEMES`] for each form of hash, with the code that verifies it in the files beside: argon2 as libsodium
//! and the PHC string format write it, scrypt and yescrypt in the forms of libxcrypt, bcrypt, the SHA and older forms of
//! crypt(5). The Rust implementations come first; what only the system's libcrypt knows goes there, if the program is
//! built with the cargo feature `libcrypt`.
//!
//! A hash comes from a file and may ask for any cost. Each row reads the cost first and refuses what would keep one
//! processor busy for more than some two seconds or take more than 256 MiB ([`MEMORY_KIB`]).
//!
//! The same password for an unknown user must take as long: [`dummy_like`] makes a hash nobody has the password of. What
//! a refusal costs in time is the caller's to even out.

mod argon;
mod crypt;
mod escrypt;

pub use argon::{Cost, hash_new};

use std::fmt;

/// The most memory one check may take, in KiB.
pub const MEMORY_KIB: u64 = 256 * 1024;

/// The longest password that is tried, in bytes, as in Pure-FTPd and libcrypt.
pub const PASSWORD_BYTES: usize = 511;

/// What comparing a password to a hash came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Match,
    /// It is not.
    Mismatch,
    /// Nothing was computed: nobody can log in with this hash, or with a password like this one.
    Refused(Refusal),
}

/// Why a password was not compared. Prints as words for the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The field is empty, `x`, a single character, or begins with `*` or `!`: an account without password login.
    Locked,
    /// The text is no hash of a known form, or not a whole one.
    Malformed,
    /// The form is known, but this program was built without what verifies it.
    Unsupported,
    /// The hash asks for more memory or time than one login may take.
    TooCostly,
    /// The password is longer than [`PASSWORD_BYTES`] or has a NUL byte, which most forms would cut it at.
    Password,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Locked => "the account has no password and is locked",
            Refusal::Malformed => "the password hash has no known form",
            Refusal::Unsupported => {
                "the form of the password hash needs libcrypt, which this program was built without"
            }
            Refusal::TooCostly => {
                "checking the password hash would take too much time or memory: set the password anew"
            }
            Refusal::Password => "the password is too long or has a NUL byte",
        })
    }
}

/// One form of hash.
struct Scheme {
    recognises: fn(&[u8]) -> bool,
    /// Whether the hash is whole and its cost within bounds. Cheap, whatever stands in the hash.
    check: fn(&[u8]) -> Result<(), Refusal>,
    /// Whether the password is right; only called after `check`.
    verify: fn(&[u8], &[u8]) -> Result<bool, Refusal>,
    /// Where the digest begins, behind method, cost and salt.
    digest_at: fn(&[u8]) -> usize,
    /// The digit that stands for zero in the digest.
    zero: u8,
}

/// The first row that recognises a hash is the one for it.
const SCHEMES: &[Scheme] = &[
    Scheme {
        recognises: |hash| hash.starts_with(b"$argon2"),
        check: argon::check,
        verify: argon::verify,
        digest_at: behind_last_dollar,
        zero: b'A',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$7$"),
        check: escrypt::check_scrypt,
        verify: escrypt::verify_scrypt,
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$y$"),
        check: escrypt::check_yescrypt,
        verify: |hash, password| crypt::verify_quickly(hash, password, escrypt::verify_yescrypt),
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$6$") || hash.starts_with(b"$5$"),
        check: crypt::check_sha,
        verify: |hash, password| crypt::verify_quickly(hash, password, crypt::verify_sha),
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| {
            [b"$2a$", b"$2b$", b"$2y$"]
                .iter()
                .any(|id| hash.starts_with(*id))
        },
        check: crypt::check_bcrypt,
        verify: crypt::verify_bcrypt,
        digest_at: |_| crypt::BCRYPT_DIGEST,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$2x$"),
        check: crypt::check_bcrypt,
        verify: crypt::verify_libcrypt,
        digest_at: |_| crypt::BCRYPT_DIGEST,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$gy$"),
        check: escrypt::check_gost_yescrypt,
        verify: crypt::verify_libcrypt,
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$1$"),
        check: crypt::check_md5,
        verify: crypt::verify_libcrypt,
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$sha1$"),
        check: crypt::check_sha1,
        verify: crypt::verify_libcrypt,
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: |hash| hash.starts_with(b"$md5"),
        check: crypt::check_sun_md5,
        verify: crypt::verify_libcrypt,
        digest_at: behind_last_dollar,
        zero: b'.',
    },
    Scheme {
        recognises: crypt::is_des,
        check: |_| Ok(()),
        verify: crypt::verify_libcrypt,
        digest_at: |_| crypt::DES_DIGEST,
        zero: b'.',
    },
    Scheme {
        recognises: crypt::is_extended_des,
        check: |_| Ok(()),
        verify: crypt::verify_libcrypt,
        digest_at: |_| crypt::EXTENDED_DES_DIGEST,
        zero: b'.',
    },
];

fn behind_last_dollar(hash: &[u8]) -> usize {
    hash.iter()
        .rposition(|byte| *byte == b'$')
        .map_or(0, |at| at + 1)
}

/// Compares a password to a hash, both as bytes. Takes as long as the hash asks for, within the bounds of this module, and
/// as much memory; copies of the password are wiped.
pub fn verify(hash: &[u8], password: &[u8]) -> Verdict {
    let compared = scheme_of(hash).and_then(|scheme| {
        if password.len() > PASSWORD_BYTES || password.contains(&0) {
            return Err(Refusal::Password);
        }
        (scheme.verify)(hash, password)
    });
    match compared {
        Ok(true) => Verdict::Match,
        Ok(false) => Verdict::Mismatch,
        Err(refusal) => Verdict::Refused(refusal),
    }
}

/// Whether a password could be compared to this hash at all. Cheap: computes no hash.
///
/// # Errors
/// What [`verify`] would refuse for any password.
pub fn check(hash: &[u8]) -> Result<(), Refusal> {
    scheme_of(hash).map(|_| ())
}

/// The row for a whole hash with a bounded cost.
fn scheme_of(hash: &[u8]) -> Result<&'static Scheme, Refusal> {
    if hash.len() < 2 || hash.starts_with(b"*") || hash.starts_with(b"!") {
        return Err(Refusal::Locked);
    }
    // Anything else is no text of a hash, and libcrypt would stop at a NUL.
    if !hash.iter().all(u8::is_ascii_graphic) || hash.contains(&b':') {
        return Err(Refusal::Malformed);
    }
    let known = SCHEMES.iter().find(|scheme| (scheme.recognises)(hash));
    let scheme = known.ok_or(Refusal::Malformed)?;
    (scheme.check)(hash)?;
    if (scheme.digest_at)(hash) >= hash.len() {
        return Err(Refusal::Malformed);
    }
    Ok(scheme)
}

/// A hash that takes as long to compare to as `example` and that nobody has the password of: method, cost and salt of the
/// example with a digest of zeros. Without an example that can be compared to, one of the form [`hash_new`] makes.
///
/// A match with it, though as good as impossible, is no login.
pub fn dummy_like(example: Option<&[u8]>) -> Vec<u8> {
    let example = example.unwrap_or_default();
    let Ok(scheme) = scheme_of(example) else {
        return argon::DUMMY.to_vec();
    };
    let mut dummy = example.to_vec();
    for digit in &mut dummy[(scheme.digest_at)(example)..] {
        *digit = scheme.zero;
    }
    dummy
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const PASSWORD: &[u8] = b"secret pass";

    /// Made by libsodium 1.0.18 and libxcrypt 4.4.33, which are what Debian's pure-pw and its server use.
    const MADE_ELSEWHERE: &[&str] = &[
        "$argon2id$v=19$m=8192,t=2,p=1$LZShoGvVBZM1rOM+KzyVQQ$HjgObysAkk1SlmjvGxGwiaug3ikhdp2mV5eJkd30TjE",
        "$argon2i$v=19$m=8192,t=3,p=1$gU+UO1Axc3252JjWNxuDSQ$7JpYe0ptxmWQKRhtq+VTGETJP9gYyiYscjJnz63rmrk",
        "$7$C6..../....kUAdPGzsXBQMbPEqLGEr/mQmw.78CL/f/7.O989vky5$QvPQM8Va2Qtd6IwvaD2fr1ZPE69sBg2iOMprhriJu9D",
        "$7$86..../....abcdefgh$iEpSPDHAr.y4HwT42UIiJ2brA/ux4z.2HUB757bhJJ.",
        "$y$j9T$abcdefgh$a9DbzI/tbCTKj2KsNcScJBL6SeeQdLzKMKgZTDdO36/",
        "$6$abcdefgh$T2WXtwktTC2b5B5eLgYoBNSaruzkNaEhxCMZO6BjUUifAydP30r5J1X72mBVJN1tky9srX4MgNXnjeofwkiU51",
        "$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9",
        "$5$rounds=20000$abcdefgh$YwIb6xNq5Mggv/KUQnUae8R2FM09bPiiDfC3Bipy.e2",
        "$2a$08$123456789012345678901uwuGFMOaqW0H2Hp2NxGN6wUfgR8Fflp.",
        "$2b$10$123456789012345678901u3r6OqjiUj3RKK8WSV80GTo1lWPX4W9u",
        "$2y$04$123456789012345678901usS4wIDM8XdZGYZGJmd2fCJVl27jmENe",
    ];

    #[cfg(feature = "libcrypt")]
    const LIBCRYPT_ONLY: &[&str] = &[
        "$2x$04$123456789012345678901usS4wIDM8XdZGYZGJmd2fCJVl27jmENe",
        "$gy$j9T$abcdefgh$xP0OY3n9z//a8.2I2/Tv0oW0PKdpXFaHY2QhwNpAXC0",
        "$1$abcdefgh$Rur9vjR3qTr2ktYAC0ctB.",
        "$sha1$100000$abcdefgh$8mkXNffItlO92M2CCXgvcAKMDuOC",
        "$md5,rounds=4000$abcdefgh$$HDpX6Rz95af.6CMuHMqDk0",
        "$md5$abcdefgh$$HGEPFk869KKZT9MTN4P17.",
        "abvOVwEVZZ8hM",
        "_J9..abcd7qYThtIzHCA",
    ];
    #[cfg(not(feature = "libcrypt"))]
    const LIBCRYPT_ONLY: &[&str] = &[];

    fn all_forms() -> impl Iterator<Item = &'static [u8]> {
        let all = MADE_ELSEWHERE.iter().chain(LIBCRYPT_ONLY);
        all.map(|hash| hash.as_bytes())
    }

    fn shown(hash: &[u8]) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(hash)
    }

    #[test]
    fn hashes_made_elsewhere_match_their_password_and_no_other() {
        for hash in all_forms() {
            assert_eq!(verify(hash, PASSWORD), Verdict::Match, "{}", shown(hash));
            for other in [&b"Secret pass"[..], b"secre", b"", b"\xff\xfe"] {
                assert_eq!(verify(hash, other), Verdict::Mismatch, "{}", shown(hash));
            }
        }
    }

    #[test]
    fn c6_an_empty_or_locked_field_lets_nobody_in() {
        for field in [
            "",
            "*",
            "!",
            "x",
            "!!",
            "*LK*",
            "!$1$abcdefgh$Rur9vjR3qTr2ktYAC0ctB.",
            "a",
        ] {
            for password in [&b""[..], b"x", b"*", field.as_bytes()] {
                let verdict = verify(field.as_bytes(), password);
                assert_eq!(verdict, Verdict::Refused(Refusal::Locked), "{field}");
            }
        }
    }

    #[test]
    fn c6_text_that_is_no_hash_lets_nobody_in() {
        let fields = [
            "secret pass",
            "plaintext",
            "$",
            "$$",
            "$6$",
            "$6$salt",
            "$6$salt$",
            "$5$salt$",
            "$1$salt$",
            "$y$j9T$salt$",
            "$y$j9T$",
            "$7$C6..../....salt$",
            "$7$",
            "$argon2id$",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$",
            "$2b$08$",
            "$99$salt$digest",
            "$2b$08$123456789012345678901u",
            "$sha1$1000$salt$",
            "$md5$salt$",
            "_J9..abcd",
            "$gy$j9T$salt$",
            "$3$$",
            "xx",
            "NP",
        ];
        for field in fields {
            for password in [&b""[..], PASSWORD, field.as_bytes()] {
                let verdict = verify(field.as_bytes(), password);
                assert!(
                    matches!(verdict, Verdict::Refused(_)),
                    "{field}: {verdict:?}"
                );
            }
        }
    }

    #[test]
    fn c6_a_hash_cut_anywhere_lets_nobody_in() {
        for hash in all_forms() {
            for end in 0..hash.len() {
                if check(&hash[..end]).is_ok() {
                    assert_eq!(
                        verify(&hash[..end], PASSWORD),
                        Verdict::Mismatch,
                        "{}",
                        shown(&hash[..end])
                    );
                }
            }
        }
    }

    #[test]
    fn costs_beyond_the_bounds_are_refused_at_once() {
        let began = Instant::now();
        for hash in [
            "$2b$31$123456789012345678901u3r6OqjiUj3RKK8WSV80GTo1lWPX4W9u",
            "$2y$16$123456789012345678901u3r6OqjiUj3RKK8WSV80GTo1lWPX4W9u",
            "$argon2id$v=19$m=8192,t=4294967295,p=1$LZShoGvVBZM1rOM+KzyVQQ$HjgObysAkk1SlmjvGxGwiaug3ikhdp2mV5eJkd30TjE",
            "$argon2id$v=19$m=4194304,t=1,p=1$LZShoGvVBZM1rOM+KzyVQQ$HjgObysAkk1SlmjvGxGwiaug3ikhdp2mV5eJkd30TjE",
            "$6$rounds=999999999$abcdefgh$T2WXtwktTC2b5B5eLgYoBNSaruzkNaEhxCMZO6BjUUifAydP30r5J1X72mBVJN1tky9srX4MgNXnjeofwkiU51",
            "$5$rounds=5000001$abcdefgh$YwIb6xNq5Mggv/KUQnUae8R2FM09bPiiDfC3Bipy.e2",
            "$7$I6..../....kUAdPGzsXBQMbPEqLGEr/mQmw.78CL/f/7.O989vky5$QvPQM8Va2Qtd6IwvaD2fr1ZPE69sBg2iOMprhriJu9D",
            "$7$C6....zzzzzkUAdPGzsXBQMbPEqLGEr/mQmw.78CL/f/7.O989vky5$QvPQM8Va2Qtd6IwvaD2fr1ZPE69sBg2iOMprhriJu9D",
            "$y$jFT$abcdefgh$a9DbzI/tbCTKj2KsNcScJBL6SeeQdLzKMKgZTDdO36/",
            "$gy$jFT$abcdefgh$xP0OY3n9z//a8.2I2/Tv0oW0PKdpXFaHY2QhwNpAXC0",
            "$sha1$4294967295$abcdefgh$8mkXNffItlO92M2CCXgvcAKMDuOC",
            "$md5,rounds=4294967295$abcdefgh$$HDpX6Rz95af.6CMuHMqDk0",
        ] {
            let verdict = verify(hash.as_bytes(), PASSWORD);
            assert_eq!(verdict, Verdict::Refused(Refusal::TooCostly), "{hash}");
        }
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn p5_a_nul_in_a_password_never_shortens_it() {
        for hash in all_forms() {
            let verdict = verify(hash, b"secret pass\0");
            assert_eq!(
                verdict,
                Verdict::Refused(Refusal::Password),
                "{}",
                shown(hash)
            );
        }
    }

    #[test]
    fn p1_passwords_beyond_the_limit_are_not_tried() {
        let hash = MADE_ELSEWHERE[8].as_bytes();
        let longest = vec![b'a'; PASSWORD_BYTES];
        assert_eq!(verify(hash, &longest), Verdict::Mismatch);
        let longer = vec![b'a'; PASSWORD_BYTES + 1];
        assert_eq!(verify(hash, &longer), Verdict::Refused(Refusal::Password));
    }

    #[test]
    fn c3_a_dummy_is_checked_like_its_example_and_never_matches() {
        for hash in all_forms() {
            let dummy = dummy_like(Some(hash));
            assert_eq!(dummy.len(), hash.len());
            assert_ne!(dummy, hash);
            assert_eq!(
                verify(&dummy, PASSWORD),
                Verdict::Mismatch,
                "{}",
                shown(&dummy)
            );
        }
        for useless in [None, Some(&b""[..]), Some(b"*"), Some(b"$2b$31$")] {
            let dummy = dummy_like(useless);
            assert_eq!(verify(&dummy, PASSWORD), Verdict::Mismatch);
        }
    }

    #[test]
    fn changed_bytes_in_a_hash_never_panic_nor_match() {
        let mut seed = 0x9e37_79b9_u32;
        for hash in all_forms() {
            for _ in 0..60 {
                let mut changed = hash.to_vec();
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize / 7 % changed.len();
                let digest = hash.len().saturating_sub(20);
                changed[at] = changed[at].wrapping_add(1 + (seed >> 24) as u8 % 254);
                // Costs drawn at random may be within the bounds and still take their time.
                let cheap = at >= digest || check(&changed).is_err();
                if cheap && changed != hash {
                    assert_ne!(
                        verify(&changed, PASSWORD),
                        Verdict::Match,
                        "{}",
                        shown(&changed)
                    );
                }
            }
        }
    }
}
