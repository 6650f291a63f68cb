//! Scrypt as `$7$N(1)R(5)P(5)SALT$DIGEST`, which libxcrypt and libsodium write alike, and yescrypt as
//! `$y$PARAMETERS$SALT$DIGEST` (crypt(5), RFC 7914 for scrypt). All numbers are written with crypt's 64 digits, the
//! smallest place first.

use super::{MEMORY_KIB, Refusal};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The most memory filled and read, in bytes: twice over 256 MiB take some two seconds.
const WORK_BYTES: u64 = 2 * MEMORY_KIB * 1024;

const DIGEST_BYTES: usize = 32;
const DIGEST_DIGITS: usize = 43;

const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn digit(byte: u8) -> Option<u32> {
    let place = DIGITS.iter().position(|known| *known == byte)?;
    u32::try_from(place).ok()
}

/// A hash of the form `$7$`, taken apart.
struct Scrypt<'a> {
    log_n: u8,
    r: u32,
    p: u32,
    /// Used as it is written.
    salt: &'a [u8],
    digest: &'a [u8],
}

impl Scrypt<'_> {
    fn of(hash: &[u8]) -> Option<Scrypt<'_>> {
        let settings = hash.strip_prefix(b"$7$")?;
        let (&n, settings) = settings.split_first()?;
        let (r, settings) = settings.split_at_checked(5)?;
        let (p, settings) = settings.split_at_checked(5)?;
        let dollar = settings.iter().rposition(|byte| *byte == b'$')?;
        let (salt, digest) = (&settings[..dollar], &settings[dollar + 1..]);
        let whole =
            digest.len() == DIGEST_DIGITS && digest.iter().all(|byte| digit(*byte).is_some());
        whole.then_some(Scrypt {
            log_n: u8::try_from(digit(n)?).ok()?,
            r: five_digits(r)?,
            p: five_digits(p)?,
            salt,
            digest,
        })
    }
}

/// A number below 2^30.
fn five_digits(text: &[u8]) -> Option<u32> {
    text.iter()
        .rev()
        .try_fold(0, |number, byte| Some(number << 6 | digit(*byte)?))
}

pub(super) fn check_scrypt(hash: &[u8]) -> Result<(), Refusal> {
    let parts = Scrypt::of(hash).ok_or(Refusal::Malformed)?;
    bounded(u32::from(parts.log_n), parts.r, parts.p, 0)
}

/// Whether memory of 2^`log_n` blocks of 128 times `r` bytes, gone through `p` times and more often with `t`, is within
/// the bounds.
fn bounded(log_n: u32, r: u32, p: u32, t: u32) -> Result<(), Refusal> {
    if r == 0 || p == 0 || log_n == 0 {
        return Err(Refusal::Malformed);
    }
    if log_n > 24 || p > 1024 || t > 64 {
        return Err(Refusal::TooCostly);
    }
    let block = 128 * u64::from(r);
    let memory = block << log_n;
    let work = memory
        .saturating_mul(u64::from(p))
        .saturating_mul(1 + u64::from(t));
    if memory / 1024 > MEMORY_KIB || work > WORK_BYTES || block * u64::from(p) > WORK_BYTES {
        return Err(Refusal::TooCostly);
    }
    Ok(())
}

pub(super) fn verify_scrypt(hash: &[u8], password: &[u8]) -> Result<bool, Refusal> {
    let parts = Scrypt::of(hash).ok_or(Refusal::Malformed)?;
    let params =
        scrypt::Params::new(parts.log_n, parts.r, parts.p).map_err(|_| Refusal::Malformed)?;
    let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
    scrypt::scrypt(password, parts.salt, &params, digest.as_mut_slice())
        .map_err(|_| Refusal::Malformed)?;
    let written = Zeroizing::new(encode(digest.as_slice()));
    Ok(written.ct_eq(parts.digest).into())
}

/// Three bytes become four digits, the lowest bits first; a rest becomes as many digits as it needs.
fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .rev()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..=group.len() {
            text.push(DIGITS[bits >> (6 * place) & 63]);
        }
    }
    text
}

pub(super) fn check_yescrypt(hash: &[u8]) -> Result<(), Refusal> {
    check_parameters(hash.strip_prefix(b"$y$").ok_or(Refusal::Malformed)?)
}

pub(super) fn check_gost_yescrypt(hash: &[u8]) -> Result<(), Refusal> {
    check_parameters(hash.strip_prefix(b"$gy$").ok_or(Refusal::Malformed)?)
}

/// Checks `PARAMETERS$SALT$DIGEST`. The length of the digest matters: the yescrypt crate compares only as many bytes as
/// there are, so an empty digest would match any password.
fn check_parameters(settings: &[u8]) -> Result<(), Refusal> {
    let fields: Vec<&[u8]> = settings.split(|byte| *byte == b'$').collect();
    let [parameters, salt, digest] = fields[..] else {
        return Err(Refusal::Malformed);
    };
    let digits = |text: &[u8]| text.iter().all(|byte| digit(*byte).is_some());
    if digest.len() != DIGEST_DIGITS || !digits(digest) || !digits(salt) {
        return Err(Refusal::Malformed);
    }
    let mut numbers = Numbers(parameters);
    let _flavour = numbers.next(0)?;
    let (log_n, r) = (numbers.next(1)?, numbers.next(1)?);
    let (mut p, mut t) = (1, 0);
    if !numbers.0.is_empty() {
        let which = numbers.next(1)?;
        if which & 1 != 0 {
            p = numbers.next(2)?;
        }
        if which & 2 != 0 {
            t = numbers.next(1)?;
        }
        // Upgraded hashes and tables in read-only memory: nothing writes them.
        if which & !3 != 0 || !numbers.0.is_empty() {
            return Err(Refusal::Malformed);
        }
    }
    bounded(log_n, r, p, t)
}

/// Yescrypt's numbers of one to six digits, the first of which tells how many follow.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    /// The next number, whose smallest value is `least`.
    fn next(&mut self, least: u32) -> Result<u32, Refusal> {
        self.read(least).ok_or(Refusal::Malformed)
    }

    fn read(&mut self, least: u32) -> Option<u32> {
        let (&first, mut rest) = self.0.split_first()?;
        let first = digit(first)?;
        // Each range of first digits is half of what is left, rounded up, and stands for one digit more behind it.
        let (mut start, mut end, mut behind, mut bits) = (0, 47, 0_u32, 0);
        let mut number = least;
        while first > end {
            number = number.checked_add((end + 1 - start).checked_shl(bits)?)?;
            start = end + 1;
            end = start + (62 - end) / 2;
            behind += 1;
            bits += 6;
        }
        number = number.checked_add((first - start).checked_shl(bits)?)?;
        for _ in 0..behind {
            let (&next, left) = rest.split_first()?;
            rest = left;
            bits -= 6;
            number = number.checked_add(digit(next)?.checked_shl(bits)?)?;
        }
        self.0 = rest;
        Some(number)
    }
}

pub(super) fn verify_yescrypt(hash: &[u8], password: &[u8]) -> Result<bool, Refusal> {
    use yescrypt::PasswordVerifier;
    use yescrypt::password_hash::Error;
    let text = std::str::from_utf8(hash).map_err(|_| Refusal::Malformed)?;
    match yescrypt::Yescrypt::default().verify_password(password, text) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        // Flavours the crate does not know.
        Err(_) => super::crypt::verify_libcrypt(hash, password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_digest_is_no_hash() {
        for hash in ["$y$j9T$abcdefgh$", "$y$j9T$abcdefgh$a9", "$y$j9T$abcdefgh"] {
            assert_eq!(
                check_yescrypt(hash.as_bytes()),
                Err(Refusal::Malformed),
                "{hash}"
            );
        }
    }

    #[test]
    fn yescrypt_numbers_are_read_as_the_format_writes_them() {
        // "j9T" is what every Debian uses: flags 0xb6 in one digit and one more, N 2^12, r 32.
        let mut numbers = Numbers(b"j9T");
        assert_eq!(
            [numbers.next(0), numbers.next(1), numbers.next(1)],
            [Ok(47), Ok(12), Ok(32)]
        );
        for (text, number) in [("..", 1), ("k.", 49), ("k/", 50), ("z", 0)] {
            let read = Numbers(text.as_bytes()).next(1);
            assert!(
                read == Ok(number) || number == 0 && read.is_err(),
                "{text} {read:?}"
            );
        }
    }

    #[test]
    fn the_bounds_let_in_what_is_used_and_nothing_larger() {
        let digest = "a9DbzI/tbCTKj2KsNcScJBL6SeeQdLzKMKgZTDdO36/";
        for (parameters, wanted) in [
            ("j9T", Ok(())),
            ("jBT", Ok(())),
            ("jDT", Ok(())),
            ("jET", Err(Refusal::TooCostly)),
            ("jzT", Err(Refusal::Malformed)),
            ("j9T/zzzzz", Err(Refusal::Malformed)),
            ("j9T1", Err(Refusal::Malformed)),
            ("j9", Err(Refusal::Malformed)),
            ("", Err(Refusal::Malformed)),
        ] {
            let hash = format!("$y${parameters}$abcdefgh${digest}");
            assert_eq!(check_yescrypt(hash.as_bytes()), wanted, "{hash}");
        }
    }
}
