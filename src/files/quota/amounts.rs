//! Files and bytes, counted together, and the limits on them.

/// Files and bytes. Directories count as files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Number of files and directories.
    pub files: u64,
    /// Sum of the sizes of the files.
    pub bytes: u64,
}

impl Amounts {
    pub(super) const NONE: Amounts = Amounts { files: 0, bytes: 0 };

    pub(super) fn plus(self, other: Amounts) -> Amounts {
        Amounts {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// The difference, none where it would be negative.
    pub(super) fn minus(self, other: Amounts) -> Amounts {
        Amounts {
            files: self.files.saturating_sub(other.files),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// The smaller of each.
    pub(super) fn least(self, other: Amounts) -> Amounts {
        Amounts {
            files: self.files.min(other.files),
            bytes: self.bytes.min(other.bytes),
        }
    }

    /// Whether there is as much of both as in `other`.
    pub(super) fn covers(self, other: Amounts) -> bool {
        self.files >= other.files && self.bytes >= other.bytes
    }
}

/// What an account may have; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Number of files and directories.
    pub files: Option<u64>,
    /// Sum of the sizes of the files, in bytes.
    pub bytes: Option<u64>,
}

impl Limits {
    /// Whether one may have so much.
    pub fn allow(&self, amounts: Amounts) -> bool {
        self.files.is_none_or(|most| amounts.files <= most)
            && self.bytes.is_none_or(|most| amounts.bytes <= most)
    }

    /// Whether anything is limited.
    pub fn is_some(&self) -> bool {
        self.files.is_some() || self.bytes.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_what_one_may_have() {
        let limits = Limits {
            files: Some(3),
            bytes: None,
        };
        let have = |files, bytes| limits.allow(Amounts { files, bytes });
        assert!(have(3, u64::MAX));
        assert!(!have(4, 0));
        assert!(limits.is_some() && !Limits::default().is_some());
    }

    #[test]
    fn amounts_end_at_their_borders() {
        let (one, most) = (
            Amounts { files: 1, bytes: 1 },
            Amounts {
                files: u64::MAX,
                bytes: u64::MAX,
            },
        );
        assert_eq!(most.plus(one), most);
        assert_eq!(one.minus(most), Amounts::NONE);
        assert!(most.covers(one) && !one.covers(Amounts { files: 0, bytes: 2 }));
    }
}
