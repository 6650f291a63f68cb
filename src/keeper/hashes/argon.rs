//! Argon2 in the PHC string format, `$argon2id$v=19$m=8192,t=40,p=1$SALT$DIGEST`, as libsodium and so pure-pw write it
//! (RFC 9106 for the function, base64 without padding for salt and digest). The only form in which new hashes are made.

use super::{MEMORY_KIB, Refusal};
use argon2::{Algorithm, Argon2, Params, Version};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The most passes over memory, times its size in KiB. Debian's pure-pw makes hashes that take libsodium a second where
/// they are made: 2^23 on a small server of 2026. This is what a machine twice as fast makes.
const WORK_KIB: u64 = 1 << 24;

/// The least that a new hash may cost, in passes times KiB: what OWASP's guidance asks for, whatever was measured.
const LEAST_WORK_KIB: u32 = 37 * 1024;

const SALT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;

/// What unknown users' passwords are compared to where no other hash is known.
pub(super) const DUMMY: &[u8] =
    b"$argon2id$v=19$m=8192,t=40,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What one hash costs to make and to check: memory, and how often it is gone over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// A cost with that much memory, in KiB, and that many passes; each is moved into what [`super::verify`] accepts and
    /// is not too cheap.
    pub fn new(memory_kib: u32, passes: u32) -> Cost {
        let memory_kib = memory_kib.clamp(1024, MEMORY_KIB as u32);
        let least = LEAST_WORK_KIB.div_ceil(memory_kib);
        let most = (WORK_KIB / u64::from(memory_kib)) as u32;
        Cost {
            memory_kib,
            passes: passes.clamp(least, most),
        }
    }

    /// A cost with that much memory, in KiB, for which this machine takes about `time` on one processor. Measures, which
    /// takes about as long.
    pub fn tuned(memory_kib: u32, time: Duration) -> Cost {
        let mut cost = Cost::new(memory_kib, 0);
        loop {
            let took = processor_time(|| {
                let _ = digest(b"a password to measure by", &[0; SALT_BYTES], cost);
            });
            if took * 4 >= time || took * 8 <= Duration::from_micros(1) {
                let scale = time.as_secs_f64() / took.as_secs_f64().max(1e-6);
                // A float out of range saturates, and `new` bounds what is left.
                return Cost::new(memory_kib, (f64::from(cost.passes) * scale).round() as u32);
            }
            let doubled = Cost::new(memory_kib, cost.passes.saturating_mul(2));
            if doubled == cost {
                return cost;
            }
            cost = doubled;
        }
    }

    /// Memory in KiB.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn passes(self) -> u32 {
        self.passes
    }
}

/// The time this thread's own work took: other load on the machine would make new hashes cheaper than asked for.
fn processor_time(work: impl FnOnce()) -> Duration {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    };
    let before = now();
    work();
    now().saturating_sub(before)
}

/// A new hash of the password, argon2id with a random salt, that Pure-FTPd's libsodium verifies as well.
///
/// # Errors
/// The system gives no random bytes or not the memory.
pub fn hash_new(password: &[u8], cost: Cost) -> std::io::Result<String> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
    let digest = digest(password, &salt, cost)
        .ok_or_else(|| std::io::Error::other("cannot compute a password hash"))?;
    let Cost { memory_kib, passes } = cost;
    let (salt, digest) = (encode(&salt), encode(digest.as_slice()));
    Ok(format!(
        "$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${digest}"
    ))
}

fn digest(password: &[u8], salt: &[u8], cost: Cost) -> Option<Zeroizing<[u8; DIGEST_BYTES]>> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(DIGEST_BYTES)).ok()?;
    let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, digest.as_mut_slice())
        .ok()?;
    Some(digest)
}

/// A hash taken apart.
struct Parts {
    algorithm: Algorithm,
    version: Version,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl Parts {
    fn of(hash: &[u8]) -> Option<Parts> {
        let text = std::str::from_utf8(hash).ok()?;
        let mut fields = text.strip_prefix('$')?.split('$').peekable();
        let algorithm = match fields.next()? {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return None,
        };
        // A hash without a version is of the first one.
        let version = match fields.next_if(|field| field.starts_with("v=")) {
            Some("v=19") => Version::V0x13,
            Some("v=16") | None => Version::V0x10,
            Some(_) => return None,
        };
        let mut costs = fields.next()?.split(',');
        let mut cost = |name| number(costs.next()?.strip_prefix(name)?);
        let (memory_kib, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
        let salt = decode(fields.next()?)?;
        let digest = decode(fields.next()?)?;
        let whole = costs.next().is_none()
            && fields.next().is_none()
            && (8..=64).contains(&salt.len())
            && (16..=64).contains(&digest.len());
        whole.then_some(Parts {
            algorithm,
            version,
            memory_kib,
            passes,
            lanes,
            salt,
            digest,
        })
    }

    fn is_bounded(&self) -> bool {
        let memory = u64::from(self.memory_kib);
        memory <= MEMORY_KIB && memory * u64::from(self.passes) <= WORK_KIB && self.lanes <= 64
    }
}

/// Decimal digits alone; numbers beyond 32 bits stand for the largest one, which every bound refuses.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

pub(super) fn check(hash: &[u8]) -> Result<(), Refusal> {
    let parts = Parts::of(hash).ok_or(Refusal::Malformed)?;
    if parts.is_bounded() {
        Ok(())
    } else {
        Err(Refusal::TooCostly)
    }
}

pub(super) fn verify(hash: &[u8], password: &[u8]) -> Result<bool, Refusal> {
    let parts = Parts::of(hash).ok_or(Refusal::Malformed)?;
    let length = parts.digest.len();
    let params = Params::new(parts.memory_kib, parts.passes, parts.lanes, Some(length))
        .map_err(|_| Refusal::Malformed)?;
    let mut digest = Zeroizing::new(vec![0; length]);
    Argon2::new(parts.algorithm, parts.version, params)
        .hash_password_into(password, &parts.salt, &mut digest)
        .map_err(|_| Refusal::Malformed)?;
    Ok(digest.ct_eq(&parts.digest).into())
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 of RFC 4648 without padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(*group.get(at).unwrap_or(&0))
        });
        for digit in 0..=group.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}

/// The reverse of [`encode`]; `None` for other digits, and for bits left over that are not zero.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0;
        for digit in group {
            bits = bits << 6 | DIGITS.iter().position(|known| known == digit)?;
        }
        bits <<= 6 * (4 - group.len());
        let whole = group.len() * 6 / 8;
        if group.len() == 1 || bits & ((1 << (24 - 8 * whole)) - 1) != 0 {
            return None;
        }
        let three = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        bytes.extend_from_slice(&three[..whole]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{Verdict, verify};
    use super::*;

    #[test]
    fn a_new_hash_matches_its_password_and_has_its_own_salt() {
        let cost = Cost::new(1024, 1);
        let hash = hash_new(b"pass \xff word", cost).expect("hash");
        assert_eq!(verify(hash.as_bytes(), b"pass \xff word"), Verdict::Match);
        assert_eq!(verify(hash.as_bytes(), b"pass word"), Verdict::Mismatch);
        assert_ne!(hash, hash_new(b"pass \xff word", cost).expect("hash"));
        assert!(
            hash.starts_with("$argon2id$v=19$m=1024,t=37,p=1$"),
            "{hash}"
        );
    }

    #[test]
    fn a_tuned_cost_takes_about_the_time_asked_for() {
        let cost = Cost::tuned(8192, Duration::from_millis(100));
        let took = processor_time(|| {
            digest(b"password", &[1; SALT_BYTES], cost).expect("digest");
        });
        // Unoptimised code and a shared machine leave only a rough bound.
        let floor = cost.passes == LEAST_WORK_KIB.div_ceil(8192);
        assert!(took > Duration::from_millis(40), "{took:?} {cost:?}");
        assert!(
            floor || took < Duration::from_millis(300),
            "{took:?} {cost:?}"
        );
    }

    #[test]
    fn costs_stay_within_what_is_safe_and_what_is_verified() {
        for (memory, passes) in [(0, 0), (8192, 0), (u32::MAX, u32::MAX), (65536, 1)] {
            let cost = Cost::new(memory, passes);
            let work = u64::from(cost.memory_kib) * u64::from(cost.passes);
            assert!(
                work >= u64::from(LEAST_WORK_KIB) && work <= WORK_KIB,
                "{cost:?}"
            );
            let salt = encode(&[0; SALT_BYTES]);
            let hash = format!(
                "$argon2id$v=19$m={},t={},p=1${salt}${}",
                cost.memory_kib,
                cost.passes,
                encode(&[0; DIGEST_BYTES])
            );
            assert_eq!(check(hash.as_bytes()), Ok(()), "{hash}");
        }
    }

    #[test]
    fn base64_without_padding_goes_both_ways_and_is_strict() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        }
        for wrong in ["Z", "Zh", "Zm9", "Zg==", "Zm9v.", "Z m8"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn odd_cost_fields_are_malformed() {
        let behind = "$LZShoGvVBZM1rOM+KzyVQQ$HjgObysAkk1SlmjvGxGwiaug3ikhdp2mV5eJkd30TjE";
        for costs in [
            "m=+8,t=1,p=1",
            "m=8,t=1",
            "m=8,t=1,p=1,x=1",
            "t=1,m=8,p=1",
            "m=,t=1,p=1",
        ] {
            let hash = format!("$argon2id$v=19${costs}{behind}");
            assert_eq!(check(hash.as_bytes()), Err(Refusal::Malformed), "{hash}");
        }
        for costs in ["m=8,t=0,p=1", "m=0,t=1,p=1", "m=8,t=1,p=0"] {
            let hash = format!("$argon2id$v=19${costs}{behind}");
            let refused = Verdict::Refused(Refusal::Malformed);
            assert_eq!(
                super::super::verify(hash.as_bytes(), b"a"),
                refused,
                "{hash}"
            );
        }
    }
}
