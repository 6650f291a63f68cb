//! The one account of a folder that is shared from the shell (`--write`): its password was made at the start and stands in
//! no file. No row of `-l`.

use subtle::ConstantTimeEq;

use super::{Found, Source, Verdict};
use crate::keeper::message::{Check, Limits, Proof, Secret};

/// The account.
pub struct Share {
    /// Its name.
    pub name: Vec<u8>,
    /// Its password.
    pub password: Secret,
    /// User number.
    pub uid: u32,
    /// Main group.
    pub gid: u32,
    /// The folder, an absolute path.
    pub home: Vec<u8>,
}

impl Source for Share {
    fn check(&mut self, question: &Check) -> Verdict {
        // The name is no secret.
        if question.user != self.name {
            return Verdict::Unknown;
        }
        let Proof::Password(given) = &question.proof else {
            return Verdict::Unknown;
        };
        match bool::from(self.password.expose().ct_eq(given.expose())) {
            true => Verdict::Accepted(Box::new(Found {
                uid: self.uid,
                gid: self.gid,
                system_name: None,
                home: self.home.clone(),
                limits: Limits::default(),
            })),
            false => Verdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::*;

    #[test]
    fn one_name_and_one_password_come_in() {
        let mut share = Share {
            name: b"share".to_vec(),
            password: Secret::new(b"secret".to_vec()),
            uid: 5,
            gid: 6,
            home: b"/srv".to_vec(),
        };
        assert_eq!(share.check(&question(b"joe", b"secret")), Verdict::Unknown);
        for wrong in [&b""[..], b"secre", b"secret1", b"Secret"] {
            assert_eq!(share.check(&question(b"share", wrong)), Verdict::Refused);
        }
        match share.check(&question(b"share", b"secret")) {
            Verdict::Accepted(found) => assert_eq!((found.uid, found.gid), (5, 6)),
            other => panic!("{other:?}"),
        }
    }
}
