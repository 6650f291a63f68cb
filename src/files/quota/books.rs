//! What the server knows of one account's use between two looks at the file: what is kept there for it, what of that has been
//! taken, who waits for more. Pure reckoning; the file and the threads are in [`super::ledger`].
//!
//! Two rules hold whatever is interrupted. The file's count is never below the truth: what is to be written is put down first
//! and taken from that reserve, what is removed is given back to the reserve first and taken from the file afterwards. And
//! where the truth is in doubt the higher count stands, with a mark that has the tree counted at the next login.

use std::collections::HashMap;
use std::task::Waker;

use super::file::{DOUBT, Entry};
use super::{Amounts, Limits, Trouble};

/// Bytes kept for each upload beyond what it needs at once, so that the file is not written for every block.
const AHEAD: u64 = 8 << 20;

/// Uploads for which that is done.
const MOST_AHEAD: u64 = 4;

/// A file, by device and inode.
pub(super) type Inode = (u64, u64);

/// Where the count is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Store {
    /// Not known yet.
    #[default]
    Unopened,
    /// In the file.
    File,
    /// In memory only, since the account may not write the file.
    Memory,
}

/// Why something cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// More than the limits allow, as far as is known.
    OverLimit,
    /// More than is kept in reserve.
    Short,
}

/// Somebody waits for so much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) number: u64,
    pub(super) need: Amounts,
    pub(super) limits: Limits,
}

/// A file being received.
#[derive(Default)]
struct Writing {
    uploads: usize,
    /// Others changed it meanwhile: nothing is given back for it.
    disturbed: bool,
}

#[derive(Default)]
pub(super) struct Books {
    pub(super) store: Store,
    pub(super) trouble: Option<Trouble>,
    /// The file's count when it was last seen, the reserve included.
    pub(super) total: Amounts,
    /// Of that, what is kept for this server and not taken.
    free: Amounts,
    /// How much of the file's second line is this server's.
    noted: Amounts,
    in_doubt: bool,
    /// Bytes of the last round's reserve that nobody had asked for.
    ahead: u64,
    limits: Limits,
    claims: usize,
    uploads: usize,
    writing: HashMap<Inode, Writing>,
    pub(super) wishes: Vec<Wish>,
    pub(super) wishes_made: u64,
    pub(super) rounds: Rounds,
}

/// Looks at the file, numbered from 1; one at a time.
#[derive(Default)]
pub(super) struct Rounds {
    pub(super) running: bool,
    /// The last that began, the last that looked into the books, the last that ended, the last that somebody wants.
    pub(super) begun: u64,
    planned: u64,
    pub(super) done: u64,
    pub(super) wanted: u64,
    pub(super) waiting: Vec<Waker>,
}

impl Rounds {
    /// Asks for a round that looks into the books after now, and gives its number.
    pub(super) fn want(&mut self) -> u64 {
        let coming = self.running && self.done < self.begun && self.planned < self.begun;
        let number = if coming { self.begun } else { self.begun + 1 };
        self.wanted = self.wanted.max(number);
        number
    }
}

/// What a round is about to write.
pub(super) struct Plan {
    pub(super) entry: Entry,
    /// What to add to the reserve once it is written, and what to put back into it if it is not.
    more: Amounts,
    back: Amounts,
    noted: Amounts,
    doubted: bool,
}

impl Books {
    /// What the account has, as far as is known.
    pub(super) fn used(&self) -> Amounts {
        self.total.minus(self.free)
    }

    pub(super) fn limits_hold(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes from the reserve what is about to be written.
    pub(super) fn take(&mut self, need: Amounts, limits: Limits) -> Result<(), Refused> {
        if self.store == Store::Unopened || self.trouble.is_some() {
            return Err(Refused::Short);
        }
        if !limits.allow(self.used().plus(need)) {
            return Err(Refused::OverLimit);
        }
        if !self.free.covers(need) {
            return Err(Refused::Short);
        }
        self.free = self.free.minus(need);
        Ok(())
    }

    /// Whether the reserve should be filled before somebody has to wait for it.
    pub(super) fn is_running_low(&self) -> bool {
        self.ahead > 0
            && self.free.bytes < self.ahead / 2
            && self.rounds.wanted <= self.rounds.begun
    }

    /// Gives back what was taken and not used, or was removed.
    pub(super) fn give_back(&mut self, amounts: Amounts) {
        if self.store == Store::Unopened || self.trouble.is_some() {
            // Who repairs the file may have counted without it.
            self.in_doubt = true;
            return;
        }
        self.free = self.free.plus(amounts.least(self.used()));
    }

    pub(super) fn begin_claim(&mut self, upload: bool) {
        self.claims += 1;
        self.uploads += usize::from(upload);
    }

    pub(super) fn end_claim(&mut self, upload: bool) {
        self.claims = self.claims.saturating_sub(1);
        self.uploads = self.uploads.saturating_sub(usize::from(upload));
    }

    /// An upload writes to this file. With two at once nobody can say who wrote what.
    pub(super) fn begin_writing(&mut self, inode: Inode) {
        let writing = self.writing.entry(inode).or_default();
        writing.uploads += 1;
        if writing.uploads > 1 {
            writing.disturbed = true;
            self.in_doubt = true;
        }
    }

    /// The upload has ended; says whether it was alone with its file all the time.
    pub(super) fn end_writing(&mut self, inode: Inode) -> bool {
        let Some(writing) = self.writing.get_mut(&inode) else {
            return false;
        };
        writing.uploads = writing.uploads.saturating_sub(1);
        let alone = !writing.disturbed;
        if writing.uploads == 0 {
            self.writing.remove(&inode);
        }
        alone
    }

    /// Whether the one upload that writes to the file is alone with it.
    pub(super) fn is_alone(&self, inode: Inode) -> bool {
        self.writing
            .get(&inode)
            .is_some_and(|writing| !writing.disturbed)
    }

    /// Something was removed. While it is being written nobody can say how much that was.
    pub(super) fn removed(&mut self, inode: Inode, amounts: Amounts) {
        match self.writing.get_mut(&inode) {
            Some(writing) => {
                writing.disturbed = true;
                self.in_doubt = true;
            }
            None => self.give_back(amounts),
        }
    }

    /// What the file said has gone: it says what it said last.
    pub(super) fn remembered(&self) -> Entry {
        Entry {
            total: self.total,
            reserved: self.noted.plus(DOUBT),
        }
    }

    /// What to write when the file says this, its lock being held. From here until [`Books::settle`] only what both the
    /// old and the new text keep in reserve can be taken.
    pub(super) fn plan(&mut self, seen: Entry) -> Plan {
        self.rounds.planned = self.rounds.begun;
        // A program that knows of no reserve wrote the file: whether ours is in its count, nobody can say.
        let rewritten = !seen.reserved.covers(self.noted);
        if rewritten {
            self.free = Amounts::NONE;
            self.noted = Amounts::NONE;
            self.in_doubt = true;
        }
        let used = seen.total.minus(self.free);
        let want = self.wanted(used);
        let kept = self.free.least(want);
        let back = self.free.minus(kept);
        let noted = match self.claims {
            0 => want,
            _ => want.plus(DOUBT),
        };
        let mut reserved = seen.reserved.minus(self.noted).plus(noted);
        if self.in_doubt {
            reserved = reserved.plus(DOUBT);
        }
        self.free = kept;
        self.total = used.plus(kept);
        Plan {
            entry: Entry {
                total: used.plus(want),
                reserved,
            },
            more: want.minus(kept),
            back,
            noted,
            doubted: std::mem::take(&mut self.in_doubt),
        }
    }

    /// The plan was written, or could not be.
    pub(super) fn settle(&mut self, plan: &Plan, written: bool) {
        let moved = if written { plan.more } else { plan.back };
        self.free = self.free.plus(moved);
        self.total = self.total.plus(moved);
        if written {
            self.noted = plan.noted;
        } else {
            self.in_doubt |= plan.doubted;
        }
    }

    /// How much should be in reserve when so much is used: what is waited for, and something for the next blocks.
    fn wanted(&mut self, used: Amounts) -> Amounts {
        let mut want = Amounts::NONE;
        for wish in &self.wishes {
            let with = want.plus(wish.need);
            if wish.limits.allow(used.plus(with)) {
                want = with;
            }
        }
        self.ahead = 0;
        if self.uploads > 0 {
            // Not all there is: servers under inetd have a reserve each.
            let room = self.limits.bytes.unwrap_or(u64::MAX);
            let room = room.saturating_sub(used.plus(want).bytes);
            self.ahead = (AHEAD * MOST_AHEAD.min(self.uploads as u64)).min(room / 4);
            want.bytes += self.ahead;
        }
        want
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(files: u64, bytes: u64) -> Amounts {
        Amounts { files, bytes }
    }

    fn limits(files: u64, bytes: u64) -> Limits {
        Limits {
            files: Some(files),
            bytes: Some(bytes),
        }
    }

    fn entry(total: Amounts, reserved: Amounts) -> Entry {
        Entry { total, reserved }
    }

    /// Books of an account that has `total`, with a claim on `need`.
    fn open(total: Amounts, need: Amounts, limits: Limits) -> Books {
        let mut books = Books {
            store: Store::File,
            total,
            ..Books::default()
        };
        books.limits_hold(limits);
        books.begin_claim(false);
        books.wishes.push(Wish {
            number: 0,
            need,
            limits,
        });
        books
    }

    fn round(books: &mut Books, file: &mut Entry) {
        let plan = books.plan(*file);
        *file = plan.entry;
        books.settle(&plan, true);
    }

    #[test]
    fn what_is_written_is_put_down_before_and_what_is_not_is_given_back() {
        let mut books = open(amounts(1, 10), amounts(1, 5), limits(3, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        assert_eq!(
            books.take(amounts(1, 5), limits(3, 100)),
            Err(Refused::Short)
        );
        round(&mut books, &mut file);
        assert_eq!(file.total, amounts(2, 15));
        assert!(file.reserved.covers(amounts(1, 5)));
        assert_eq!(books.take(amounts(1, 5), limits(3, 100)), Ok(()));
        assert_eq!(books.used(), amounts(2, 15));
        books.give_back(amounts(0, 2));
        books.wishes.clear();
        books.end_claim(false);
        round(&mut books, &mut file);
        assert_eq!(file, entry(amounts(2, 13), Amounts::NONE));
    }

    #[test]
    fn a_claim_at_work_leaves_its_mark_even_with_nothing_in_reserve() {
        let mut books = open(amounts(1, 10), amounts(1, 0), limits(3, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        round(&mut books, &mut file);
        books.take(amounts(1, 0), limits(3, 100)).unwrap();
        books.wishes.clear();
        round(&mut books, &mut file);
        assert_ne!(file.reserved, Amounts::NONE);
        books.end_claim(false);
        round(&mut books, &mut file);
        assert_eq!(file, entry(amounts(2, 10), Amounts::NONE));
    }

    #[test]
    fn limits_hold_for_all_wishes_together() {
        let mut books = open(amounts(1, 0), amounts(1, 0), limits(2, 0));
        for number in 1..20 {
            books.wishes.push(Wish {
                number,
                ..books.wishes[0]
            });
        }
        let mut file = entry(amounts(1, 0), Amounts::NONE);
        round(&mut books, &mut file);
        assert_eq!(file.total, amounts(2, 0));
        let takers = (0..20).filter(|_| books.take(amounts(1, 0), limits(2, 0)).is_ok());
        assert_eq!(takers.count(), 1);
    }

    #[test]
    fn other_servers_counts_stay_as_they_are() {
        let mut books = open(amounts(1, 10), amounts(1, 5), limits(9, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        round(&mut books, &mut file);
        file.total = file.total.plus(amounts(1, 7));
        file.reserved = file.reserved.plus(amounts(1, 3));
        books.wishes.clear();
        books.end_claim(false);
        round(&mut books, &mut file);
        assert_eq!(file, entry(amounts(2, 17), amounts(1, 3)));
    }

    #[test]
    fn a_file_written_by_who_knows_no_reserve_is_never_counted_down() {
        let mut books = open(amounts(1, 10), amounts(1, 5), limits(9, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        round(&mut books, &mut file);
        file = entry(amounts(1, 10), Amounts::NONE);
        books.wishes.clear();
        books.end_claim(false);
        round(&mut books, &mut file);
        assert_eq!(file.total, amounts(1, 10));
        assert_ne!(file.reserved, Amounts::NONE, "the tree is to be counted");
    }

    #[test]
    fn what_could_not_be_written_changes_nothing() {
        let mut books = open(amounts(1, 10), amounts(1, 5), limits(9, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        round(&mut books, &mut file);
        books.wishes.clear();
        let plan = books.plan(file);
        books.settle(&plan, false);
        assert_eq!(books.used(), amounts(1, 10));
        assert_eq!(books.take(amounts(1, 5), limits(9, 100)), Ok(()));
        let mut books = open(amounts(1, 10), amounts(1, 5), limits(9, 100));
        let plan = books.plan(file);
        books.settle(&plan, false);
        assert!(books.take(amounts(1, 5), limits(9, 100)).is_err());
    }

    #[test]
    fn during_a_round_only_what_both_texts_keep_can_be_taken() {
        let mut books = open(amounts(0, 0), amounts(0, 50), limits(9, 100));
        let mut file = Entry::default();
        round(&mut books, &mut file);
        books.wishes[0].need = amounts(0, 20);
        let plan = books.plan(file);
        assert!(books.take(amounts(0, 30), limits(9, 100)).is_err());
        assert_eq!(books.take(amounts(0, 20), limits(9, 100)), Ok(()));
        books.settle(&plan, true);
        assert_eq!(plan.entry.total, amounts(0, 20));
        assert_eq!(books.used(), amounts(0, 20));
        assert!(books.take(amounts(0, 1), limits(9, 100)).is_err());
    }

    #[test]
    fn removing_more_than_was_counted_ends_at_nothing() {
        let mut books = open(amounts(1, 10), Amounts::NONE, limits(9, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        books.removed((1, 1), amounts(1, 500));
        books.end_claim(false);
        round(&mut books, &mut file);
        assert_eq!(file, entry(amounts(0, 0), Amounts::NONE));
    }

    #[test]
    fn what_is_removed_while_it_is_written_is_not_given_back() {
        let mut books = open(amounts(1, 10), Amounts::NONE, limits(9, 100));
        let mut file = entry(amounts(1, 10), Amounts::NONE);
        books.begin_writing((1, 1));
        books.removed((1, 1), amounts(1, 10));
        assert!(!books.end_writing((1, 1)));
        books.end_claim(false);
        round(&mut books, &mut file);
        assert_eq!(file.total, amounts(1, 10));
        assert_ne!(file.reserved, Amounts::NONE);
    }

    #[test]
    fn a_reserve_ahead_leaves_room_to_others() {
        let mut books = open(amounts(0, 0), Amounts::NONE, limits(9, 1 << 20));
        books.begin_claim(true);
        let mut file = Entry::default();
        round(&mut books, &mut file);
        assert_eq!(file.total.bytes, 1 << 18);
        books.take(amounts(0, 200_000), limits(9, 1 << 20)).unwrap();
        assert!(books.is_running_low());
    }
}
