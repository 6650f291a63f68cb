//! The other forms of crypt(5): SHA-crypt `$5$` and `$6$`, bcrypt `$2a$ $2b$ $2y$`, and what only the system's libcrypt
//! computes (`$1$`, DES and others). Bounds on their costs are here; times are those of a small server.

use super::Refusal;

/// Rounds of SHA-crypt: some two seconds. The format itself goes to 999999999.
const SHA_ROUNDS: u32 = 5_000_000;
/// Cost of bcrypt, a power of two: some one and a half seconds. The format goes to 31, a day.
const BCRYPT_COST: u32 = 15;
/// Iterations of SHA1-crypt, some two seconds.
const SHA1_ROUNDS: u32 = 2_000_000;
/// Rounds of Sun's MD5, some one second.
const SUN_MD5_ROUNDS: u32 = 500_000;

/// Where the digest of bcrypt begins: behind `$2b$10$` and 22 digits of salt.
pub(super) const BCRYPT_DIGEST: usize = 29;
const BCRYPT_LENGTH: usize = 60;
/// Where the digest of a DES hash begins, behind two digits of salt.
pub(super) const DES_DIGEST: usize = 2;
/// Behind `_`, four digits of count and four of salt. The largest count takes less than two seconds.
pub(super) const EXTENDED_DES_DIGEST: usize = 9;

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/'
}

fn digits(text: &[u8], length: usize) -> bool {
    text.len() == length && text.iter().all(|byte| is_digit(*byte))
}

pub(super) fn is_des(hash: &[u8]) -> bool {
    digits(hash, DES_DIGEST + 11)
}

pub(super) fn is_extended_des(hash: &[u8]) -> bool {
    hash.strip_prefix(b"_")
        .is_some_and(|rest| digits(rest, EXTENDED_DES_DIGEST - 1 + 11))
}

/// The number, if the text is decimal digits alone; what does not fit stands for the largest one.
fn number(text: &[u8]) -> Result<u32, Refusal> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed);
    }
    let text = std::str::from_utf8(text).map_err(|_| Refusal::Malformed)?;
    Ok(text.parse().unwrap_or(u32::MAX))
}

fn at_most(number: u32, limit: u32) -> Result<(), Refusal> {
    if number > limit {
        return Err(Refusal::TooCostly);
    }
    Ok(())
}

fn require(holds: bool) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(Refusal::Malformed)
    }
}

fn fields(hash: &[u8]) -> Vec<&[u8]> {
    hash.split(|byte| *byte == b'$').skip(1).collect()
}

pub(super) fn check_sha(hash: &[u8]) -> Result<(), Refusal> {
    let fields = fields(hash);
    let (id, salt, digest) = match fields[..] {
        [id, salt, digest] => (id, salt, digest),
        [id, rounds, salt, digest] => {
            let rounds = rounds.strip_prefix(b"rounds=").ok_or(Refusal::Malformed)?;
            at_most(number(rounds)?, SHA_ROUNDS)?;
            (id, salt, digest)
        }
        _ => return Err(Refusal::Malformed),
    };
    let length = if id == b"6" { 86 } else { 43 };
    require(salt.len() <= 16 && digits(digest, length))
}

pub(super) fn verify_sha(hash: &[u8], password: &[u8]) -> Result<bool, Refusal> {
    use sha_crypt::password_hash::{Error, PasswordVerifier};
    let text = std::str::from_utf8(hash).map_err(|_| Refusal::Malformed)?;
    match sha_crypt::ShaCrypt::SHA512.verify_password(password, text) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        // Salts of other characters than digits, which are rare.
        Err(_) => verify_libcrypt(hash, password),
    }
}

pub(super) fn check_bcrypt(hash: &[u8]) -> Result<(), Refusal> {
    let cost = hash.get(4..6).ok_or(Refusal::Malformed)?;
    at_most(number(cost)?, BCRYPT_COST)?;
    require(hash.len() == BCRYPT_LENGTH && hash[6] == b'$' && digits(&hash[7..], 53))
}

pub(super) fn verify_bcrypt(hash: &[u8], password: &[u8]) -> Result<bool, Refusal> {
    let text = std::str::from_utf8(hash).map_err(|_| Refusal::Malformed)?;
    let matches = bcrypt::verify(password, text).map_err(|_| Refusal::Malformed)?;
    // Under the name `$2a$` libcrypt hashes passwords with this byte in its own way, so that those who knew of an old
    // mistake with signed characters gain nothing (crypt_blowfish).
    if matches || !hash.starts_with(b"$2a$") || !password.contains(&0xff) {
        return Ok(matches);
    }
    match verify_libcrypt(hash, password) {
        Err(Refusal::Unsupported) => Ok(false),
        verdict => verdict,
    }
}

pub(super) fn check_md5(hash: &[u8]) -> Result<(), Refusal> {
    match fields(hash)[..] {
        [_, salt, digest] => require(salt.len() <= 8 && digits(digest, 22)),
        _ => Err(Refusal::Malformed),
    }
}

pub(super) fn check_sha1(hash: &[u8]) -> Result<(), Refusal> {
    match fields(hash)[..] {
        [_, rounds, salt, digest] => {
            at_most(number(rounds)?, SHA1_ROUNDS)?;
            require(salt.len() <= 64 && digits(digest, 28))
        }
        _ => Err(Refusal::Malformed),
    }
}

/// `$md5$SALT$$DIGEST`, `$md5,rounds=N$SALT$$DIGEST`, either also with a single `$` before the digest.
pub(super) fn check_sun_md5(hash: &[u8]) -> Result<(), Refusal> {
    let fields = fields(hash);
    let (id, digest) = match fields[..] {
        [id, _, digest] | [id, _, b"", digest] => (id, digest),
        _ => return Err(Refusal::Malformed),
    };
    match id.strip_prefix(b"md5").ok_or(Refusal::Malformed)? {
        b"" => {}
        rounds => {
            let rounds = rounds.strip_prefix(b",rounds=").ok_or(Refusal::Malformed)?;
            at_most(number(rounds)?, SUN_MD5_ROUNDS)?;
        }
    }
    require(digits(digest, 22))
}

/// Verifies by libcrypt where it is linked and knows the form, which takes half the time, and else by `own`.
pub(super) fn verify_quickly(
    hash: &[u8],
    password: &[u8],
    own: fn(&[u8], &[u8]) -> Result<bool, Refusal>,
) -> Result<bool, Refusal> {
    match verify_libcrypt(hash, password) {
        Err(Refusal::Unsupported | Refusal::Malformed) => own(hash, password),
        verified => verified,
    }
}

/// Verifies by the system's crypt_r(3).
#[cfg(feature = "libcrypt")]
pub(super) fn verify_libcrypt(hash: &[u8], password: &[u8]) -> Result<bool, Refusal> {
    use crate::sys;
    use std::ffi::CStr;
    use subtle::ConstantTimeEq;
    use zeroize::Zeroizing;

    let mut phrase = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    phrase.extend_from_slice(password);
    phrase.push(0);
    let phrase = CStr::from_bytes_with_nul(&phrase).map_err(|_| Refusal::Password)?;
    let setting = std::ffi::CString::new(hash).map_err(|_| Refusal::Malformed)?;
    let made = sys::crypt::crypt(phrase, &setting).ok_or(Refusal::Malformed)?;
    Ok(made.ct_eq(hash).into())
}

/// Says that nothing here can verify it.
#[cfg(not(feature = "libcrypt"))]
pub(super) fn verify_libcrypt(_: &[u8], _: &[u8]) -> Result<bool, Refusal> {
    Err(Refusal::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_hashes_pass() {
        let des = [&b"abvOVwEVZZ8h"[..], b"abvOVwEVZZ8hMM", b"abvOVwEVZZ8h!"];
        assert!(des.iter().all(|hash| !is_des(hash)));
        let bcrypt = b"$2b$10$123456789012345678901u3r6OqjiUj3RKK8WSV80GTo1lWPX4W9";
        assert_eq!(check_bcrypt(bcrypt), Err(Refusal::Malformed));
        assert_eq!(
            check_md5(b"$1$abcdefghi$Rur9vjR3qTr2ktYAC0ctB."),
            Err(Refusal::Malformed)
        );
    }

    #[test]
    fn the_largest_costs_within_bounds_pass() {
        let sha = format!("$5$rounds=5000000$a${}", "a".repeat(43));
        assert_eq!(check_sha(sha.as_bytes()), Ok(()));
        let bcrypt = format!("$2b$15${}", "a".repeat(53));
        assert_eq!(check_bcrypt(bcrypt.as_bytes()), Ok(()));
    }

    #[test]
    fn costs_that_are_no_plain_numbers_are_malformed() {
        for rounds in ["+5000", " 5000", "0x10", "", "5e3", "-1"] {
            let hash = format!("$5$rounds={rounds}$a${}", "a".repeat(43));
            assert_eq!(
                check_sha(hash.as_bytes()),
                Err(Refusal::Malformed),
                "{rounds}"
            );
        }
        let bcrypt = format!("$2b$+4${}", "a".repeat(53));
        assert_eq!(check_bcrypt(bcrypt.as_bytes()), Err(Refusal::Malformed));
    }
}
