//! Whether a password fits, at one price for all: where there is no user, or no hash that could be compared to, a
//! hash nobody has the password of is compared to instead, of the kind that others of the same source have.

use std::collections::HashMap;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::keeper::hashes::{self, Refusal};
use crate::keeper::message::Proof;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is the password.
    Yes,
    /// It is not.
    No,
    /// Nobody gets in with this hash, or with a password like this one; as much work was done as for one that fits.
    Never(Refusal),
}

/// The hash that stands in.
pub(super) struct Dummy(Vec<u8>);

impl Dummy {
    /// One like most of these hashes; those that nobody gets in with do not count. Of Wharf's own kind where none is left.
    pub(super) fn like<'a>(examples: impl Iterator<Item = &'a [u8]>) -> Dummy {
        let mut kinds: HashMap<&[u8], (usize, &[u8])> = HashMap::new();
        for example in examples {
            // Checking each of many thousand would take longer than what it saves.
            kinds.entry(kind(example)).or_insert((0, example)).0 += 1;
        }
        let usable = kinds
            .values()
            .filter(|(_, example)| hashes::check(example).is_ok());
        let most = usable.max_by_key(|(count, _)| *count);
        Dummy(hashes::dummy_like(most.map(|(_, example)| *example)))
    }

    /// Compares to the user's hash, or does as much work and says that nobody gets in. Who shows a certificate needs no hash, but
    /// an account that is locked is so for everybody.
    pub(super) fn fit(&self, hash: Option<&[u8]>, proof: &Proof) -> Fit {
        let password = match (proof, hash) {
            (Proof::Password(password), _) => password.expose(),
            (Proof::Certificate, Some(hash)) if !hash.starts_with(b"!") && hash != b"*" => {
                return Fit::Yes;
            }
            (Proof::Certificate, _) => return Fit::Never(Refusal::Locked),
        };
        let refusal = match hash.map(|hash| hashes::verify(hash, password)) {
            Some(hashes::Verdict::Match) => return Fit::Yes,
            Some(hashes::Verdict::Mismatch) => return Fit::No,
            Some(hashes::Verdict::Refused(refusal)) => refusal,
            None => Refusal::Locked,
        };
        // Whatever this says, it is no login.
        let _ = std::hint::black_box(hashes::verify(&self.0, password));
        Fit::Never(refusal)
    }
}

impl Dummy {
    /// The processor's time that a check takes.
    pub(super) fn cost(&self) -> Duration {
        let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
        let before = now();
        // Whatever this says, it is no login.
        let _ = std::hint::black_box(hashes::verify(&self.0, b"some password"));
        now().saturating_sub(before)
    }
}

/// Method and cost of a hash: all but its salt and digest.
fn kind(hash: &[u8]) -> &[u8] {
    // bcrypt has no separator between the two.
    let cut = if hash.starts_with(b"$2") { 1 } else { 2 };
    let mut kind = hash;
    for _ in 0..cut {
        let end = kind.iter().rposition(|byte| *byte == b'$');
        kind = &kind[..end.unwrap_or(0)];
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::message::Secret;

    /// "secret pass" by bcrypt with a cost of 10.
    const SLOW: &[u8] = b"$2b$10$123456789012345678901u3r6OqjiUj3RKK8WSV80GTo1lWPX4W9u";
    /// "secret pass" by SHA-256.
    const QUICK: &[u8] = b"$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9";

    /// The processor's time this thread took, and the answer.
    fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
        let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
        let before = now();
        let answer = work();
        (now() - before, answer)
    }

    fn typed(password: &[u8]) -> Proof {
        Proof::Password(Secret::new(password.to_vec()))
    }

    #[test]
    fn a_certificate_fits_every_account_that_is_not_locked() {
        let dummy = Dummy::like([QUICK].into_iter());
        for hash in [QUICK, SLOW, b"", b"x"] {
            assert_eq!(dummy.fit(Some(hash), &Proof::Certificate), Fit::Yes);
        }
        let locked = [b"!", QUICK].concat();
        for hash in [None, Some(&b"!"[..]), Some(b"*"), Some(&locked)] {
            let fit = dummy.fit(hash, &Proof::Certificate);
            assert_eq!(fit, Fit::Never(Refusal::Locked), "{hash:?}");
        }
    }

    #[test]
    fn passwords_are_compared_to_the_users_own_hash() {
        let dummy = Dummy::like([SLOW].into_iter());
        assert_eq!(dummy.fit(Some(QUICK), &typed(b"secret pass")), Fit::Yes);
        assert_eq!(dummy.fit(Some(QUICK), &typed(b"secret")), Fit::No);
        assert_eq!(
            dummy.fit(None, &typed(b"secret pass")),
            Fit::Never(Refusal::Locked)
        );
    }

    #[test]
    fn c3_a_user_who_is_not_there_costs_what_a_wrong_password_costs() {
        let dummy = Dummy::like([QUICK, SLOW, SLOW].into_iter());
        let (known, fit) = timed(|| dummy.fit(Some(SLOW), &typed(b"wrong")));
        assert_eq!(fit, Fit::No);
        for nobody in [
            None,
            Some(&b""[..]),
            Some(b"!"),
            Some(b"x"),
            Some(b"$6$"),
            Some(b"$2b$31$"),
        ] {
            let (unknown, fit) = timed(|| dummy.fit(nobody, &typed(b"wrong")));
            assert!(matches!(fit, Fit::Never(_)), "{nobody:?} {fit:?}");
            assert!(unknown > known / 3, "{unknown:?} against {known:?}");
            assert!(unknown < known * 3, "{unknown:?} against {known:?}");
        }
    }

    #[test]
    fn hashes_of_the_same_method_and_cost_are_one_kind() {
        assert_eq!(kind(SLOW), b"$2b$10");
        assert_eq!(kind(QUICK), b"$5");
        assert_eq!(kind(b"$5$rounds=20000$abcdefgh$YwIb6x"), b"$5$rounds=20000");
        assert_eq!(kind(b"$y$j9T$abcdefgh$a9Db"), b"$y$j9T");
        assert_eq!(
            kind(b"$argon2id$v=19$m=8192,t=2,p=1$LZSh$Hjg"),
            b"$argon2id$v=19$m=8192,t=2,p=1"
        );
        assert_eq!(kind(b"!"), b"");
    }
}
