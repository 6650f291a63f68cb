//! The PureDB file of virtual users: found by login, and written from the text file.
//!
//! The format is Pure-FTPd's `PDB2`, byte for byte. All numbers are 32 bits, the highest byte first; offsets count from the
//! start of the file.
//!
//! ```text
//!    0  "PDB2"
//!    4  257 offsets: where each of the 256 buckets begins, and where the last one ends
//! 1032  the buckets: pairs of hash and offset of a record, sorted; an empty bucket is one filler, its number and one
//!       the records: length of login, login, length of data, data
//! ```
//!
//! What a record says is read by [`super::record`]. Here no file is opened: both directions are over bytes in memory, and
//! bytes that make no sense are an error and nothing else.

use std::fmt;

const MAGIC: &[u8; 4] = b"PDB2";
const BUCKETS: usize = 256;
/// Where the table of buckets ends.
const HEAD: usize = MAGIC.len() + 4 * (BUCKETS + 1);
/// A hash and the offset of a record.
const PAIR: usize = 8;

/// The longest line of the text file, in bytes without its end. Pure-FTPd's tools cut longer ones in two.
pub const LINE_BYTES: usize = 4093;

/// A login, and what is kept of it: fields 2 to 18 of its line.
pub type Record<'a> = (&'a [u8], &'a [u8]);

/// A file that is no PureDB, or whose offsets lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a whole PureDB file: make it anew with wharf-pw mkdb")
    }
}

impl std::error::Error for Corrupt {}

/// A PureDB file in memory.
#[derive(Debug, Clone, Copy)]
pub struct PureDb<'a> {
    bytes: &'a [u8],
}

impl<'a> PureDb<'a> {
    /// Takes the bytes of a file.
    ///
    /// # Errors
    /// When they do not begin as a PureDB does, or the table of buckets leads out of them.
    pub fn new(bytes: &'a [u8]) -> Result<PureDb<'a>, Corrupt> {
        let db = PureDb { bytes };
        if !bytes.starts_with(MAGIC) || u32::try_from(bytes.len()).is_err() {
            return Err(Corrupt);
        }
        let mut before = HEAD;
        for bucket in 0..=BUCKETS {
            let starts = db.slot(bucket)?;
            if starts < before || starts > bytes.len() {
                return Err(Corrupt);
            }
            before = starts;
        }
        Ok(db)
    }

    /// What is kept of that login: fields 2 to 18 of its line. Of several records the first one of the text file counts,
    /// as in Pure-FTPd. `None` when there is no such login.
    ///
    /// # Errors
    /// When the file's offsets and lengths contradict each other on the way there.
    pub fn find(&self, login: &[u8]) -> Result<Option<&'a [u8]>, Corrupt> {
        let hash = hash(login);
        let pairs = self.pairs((hash & 255) as usize)?;
        let at = |pair: usize| self.number(pairs.start + pair * PAIR);
        let (mut low, mut high) = (0, pairs.len() / PAIR);
        while low < high {
            let middle = low + (high - low) / 2;
            if at(middle)? < hash {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for pair in low..pairs.len() / PAIR {
            if at(pair)? != hash {
                break;
            }
            let record = self.number(pairs.start + pair * PAIR + 4)?;
            let (key, rest) = self.counted(record as usize)?;
            if key == login {
                return self.counted(rest).map(|(data, _)| Some(data));
            }
        }
        Ok(None)
    }

    /// Every login with its data, in the order of the text file.
    ///
    /// # Errors
    /// When the records do not end with the file.
    pub fn records(&self) -> Result<Vec<Record<'a>>, Corrupt> {
        let mut records = Vec::new();
        let mut at = self.slot(BUCKETS)?;
        while at < self.bytes.len() {
            let (login, behind) = self.counted(at)?;
            let (data, behind) = self.counted(behind)?;
            records.push((login, data));
            at = behind;
        }
        Ok(records)
    }

    fn slot(&self, bucket: usize) -> Result<usize, Corrupt> {
        self.number(MAGIC.len() + 4 * bucket).map(|at| at as usize)
    }

    /// Where the pairs of a bucket lie; nowhere when it holds but a filler.
    fn pairs(&self, bucket: usize) -> Result<std::ops::Range<usize>, Corrupt> {
        let (start, end) = (self.slot(bucket)?, self.slot(bucket + 1)?);
        match end.checked_sub(start).ok_or(Corrupt)? {
            4 => Ok(start..start),
            bytes if bytes % PAIR == 0 => Ok(start..end),
            _ => Err(Corrupt),
        }
    }

    fn number(&self, at: usize) -> Result<u32, Corrupt> {
        let rest = self.bytes.get(at..).ok_or(Corrupt)?;
        let number = rest.first_chunk::<4>().ok_or(Corrupt)?;
        Ok(u32::from_be_bytes(*number))
    }

    /// The bytes behind their length, and where they end.
    fn counted(&self, at: usize) -> Result<(&'a [u8], usize), Corrupt> {
        let length = self.number(at)? as usize;
        let end = (at + 4).checked_add(length).ok_or(Corrupt)?;
        let bytes = self.bytes.get(at + 4..end).ok_or(Corrupt)?;
        Ok((bytes, end))
    }
}

fn hash(login: &[u8]) -> u32 {
    login.iter().rev().fold(5381_u32, |hash, byte| {
        hash.wrapping_add(hash << 5) ^ u32::from(*byte)
    })
}

/// Why a text file cannot become a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The line of that number, from 1, is longer than [`LINE_BYTES`].
    Long(usize),
    /// The line of that number has a NUL byte, at which Pure-FTPd would cut it.
    Nul(usize),
    /// There is more than the 4 GiB that offsets can reach.
    Large,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Long(line) => write!(f, "line {line} is longer than {LINE_BYTES} bytes"),
            Unfit::Nul(line) => write!(f, "line {line} has a NUL byte"),
            Unfit::Large => f.write_str("the database would be larger than 4 GiB"),
        }
    }
}

impl std::error::Error for Unfit {}

/// The login and the rest of each line of the text file that becomes a record: not comments (`#`), not empty lines, not
/// those without a `:` or with nothing behind it. A line ends at a line feed; a carriage return ends what counts of it.
///
/// # Errors
/// Lines that Pure-FTPd's tools would read as something else than they look like.
pub fn entries(text: &[u8]) -> Result<Vec<Record<'_>>, Unfit> {
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if line.len() > LINE_BYTES {
            return Err(Unfit::Long(number));
        }
        if line.contains(&0) {
            return Err(Unfit::Nul(number));
        }
        entries.extend(entry(line));
    }
    Ok(entries)
}

fn entry(line: &[u8]) -> Option<Record<'_>> {
    let end = line.iter().position(|byte| *byte == b'\r');
    let line = &line[..end.unwrap_or(line.len())];
    if line.starts_with(b"#") {
        return None;
    }
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (login, data) = (&line[..colon], &line[colon + 1..]);
    (!data.is_empty()).then_some((login, data))
}

/// The database of a text file of users, the very bytes that `pure-pw mkdb` makes of it.
///
/// # Errors
/// What the format or Pure-FTPd's tools have no room for.
pub fn database(text: &[u8]) -> Result<Vec<u8>, Unfit> {
    let entries = entries(text)?;
    let mut buckets = vec![Vec::new(); BUCKETS];
    let mut records = Vec::new();
    for (login, data) in entries {
        let hash = hash(login);
        buckets[(hash & 255) as usize].push((hash, records.len()));
        for part in [login, data] {
            records.extend(offset(part.len())?.to_be_bytes());
            records.extend(part);
        }
    }
    let pairs: usize = buckets.iter().map(|bucket| bucket_bytes(bucket)).sum();
    let first_record = HEAD + pairs;
    // All other offsets are smaller than this one.
    offset(first_record + records.len())?;
    let mut file = MAGIC.to_vec();
    put_table(&mut file, &buckets)?;
    put_buckets(&mut file, &mut buckets, first_record)?;
    file.extend(records);
    Ok(file)
}

fn offset(number: usize) -> Result<u32, Unfit> {
    u32::try_from(number).map_err(|_| Unfit::Large)
}

fn bucket_bytes(bucket: &[(u32, usize)]) -> usize {
    if bucket.is_empty() {
        4
    } else {
        bucket.len() * PAIR
    }
}

fn put_table(file: &mut Vec<u8>, buckets: &[Vec<(u32, usize)>]) -> Result<(), Unfit> {
    let mut at = HEAD;
    for bucket in buckets {
        file.extend(offset(at)?.to_be_bytes());
        at += bucket_bytes(bucket);
    }
    file.extend(offset(at)?.to_be_bytes());
    Ok(())
}

fn put_buckets(
    file: &mut Vec<u8>,
    buckets: &mut [Vec<(u32, usize)>],
    first_record: usize,
) -> Result<(), Unfit> {
    for (number, bucket) in (1_u32..).zip(buckets) {
        if bucket.is_empty() {
            file.extend(number.to_be_bytes());
        }
        bucket.sort_unstable();
        for (hash, record) in bucket {
            file.extend(hash.to_be_bytes());
            file.extend(offset(first_record + *record)?.to_be_bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO: &[u8] = b"abc:HASH:1:2::/home/abc::::::::::::\nxy:H2:3:4::/x/./::::::::::::\n";

    /// Fits a slice of the file at an offset.
    #[track_caller]
    fn holds(file: &[u8], at: usize, wanted: &[u8]) {
        assert_eq!(&file[at..at + wanted.len()], wanted, "at {at:#x}");
    }

    #[test]
    fn two_users_give_the_file_that_pure_pw_makes() {
        let file = database(TWO).expect("database");
        assert_eq!(file.len(), 2141);
        holds(&file, 0, b"PDB2\0\0\x04\x08\0\0\x04\x0c");
        holds(&file, 24, b"\0\0\x04\x1c\0\0\x04\x24");
        holds(&file, 148, b"\0\0\x04\x9c");
        holds(&file, 1028, b"\0\0\x08\x10\0\0\0\x01\0\0\0\x02");
        holds(&file, 0x41c, b"\x0b\x87\x4b\x05\0\0\x08\x10");
        holds(&file, 0x49c, b"\0\x59\x71\x24\0\0\x08\x3a");
        holds(&file, 0x810, b"\0\0\0\x03abc\0\0\0\x1fHASH:1:2::");
        holds(
            &file,
            0x83a,
            b"\0\0\0\x02xy\0\0\0\x19H2:3:4::/x/./::::::::::::",
        );
    }

    #[test]
    fn users_are_found_and_others_are_not() {
        let file = database(TWO).expect("database");
        let db = PureDb::new(&file).expect("whole");
        assert_eq!(db.find(b"xy"), Ok(Some(&b"H2:3:4::/x/./::::::::::::"[..])));
        for other in [&b""[..], b"x", b"xyz", b"ABC", b"abc\0", b"a", b"b"] {
            assert_eq!(db.find(other), Ok(None));
        }
    }

    #[test]
    fn the_first_of_two_lines_of_a_login_counts() {
        let file = database(b"ab:first\ncd:other\nab:second\n").expect("database");
        let db = PureDb::new(&file).expect("whole");
        assert_eq!(db.find(b"ab"), Ok(Some(&b"first"[..])));
        let logins: Vec<_> = db
            .records()
            .expect("whole")
            .into_iter()
            .map(|(login, _)| login)
            .collect();
        assert_eq!(logins, [b"ab", b"cd", b"ab"]);
    }

    #[test]
    fn lines_that_are_no_records_are_left_out() {
        let text = b"#c:d\n\nnocolon\nq:\n:x\nz:z\r\ncr:a\rb\nlast:nonewline";
        let wanted: &[(&[u8], &[u8])] = &[
            (b"", b"x"),
            (b"z", b"z"),
            (b"cr", b"a"),
            (b"last", b"nonewline"),
        ];
        assert_eq!(entries(text).as_deref(), Ok(wanted));
    }

    #[test]
    fn lines_that_would_be_read_otherwise_than_they_look_are_refused() {
        let mut text = b"a:b\n".to_vec();
        text.extend(vec![b'l'; LINE_BYTES + 1]);
        assert_eq!(database(&text), Err(Unfit::Long(2)));
        assert_eq!(database(b"a:b\nc:d\0:e\n"), Err(Unfit::Nul(2)));
    }

    #[test]
    fn an_empty_file_is_a_database_without_users() {
        let file = database(b"").expect("database");
        assert_eq!(PureDb::new(&file).expect("whole").find(b"a"), Ok(None));
        assert_eq!(file.len(), HEAD + 4 * BUCKETS);
    }

    #[test]
    fn files_cut_anywhere_are_corrupt_and_nothing_worse() {
        let file = database(TWO).expect("database");
        for end in 0..file.len() {
            let found = PureDb::new(&file[..end]).and_then(|db| db.find(b"xy"));
            assert_eq!(found, Err(Corrupt), "cut at {end}");
        }
    }

    #[test]
    fn every_flipped_bit_gives_an_answer_and_no_panic() {
        let mut file = database(TWO).expect("database");
        for bit in 0..file.len() * 8 {
            file[bit / 8] ^= 1 << (bit % 8);
            if let Ok(db) = PureDb::new(&file) {
                let _ = db.records();
                for login in [&b"abc"[..], b"xy", b"q", b""] {
                    let _ = db.find(login);
                }
            }
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(users in prop::collection::btree_map("[a-z0-9._@-]{1,12}", "[ -~&&[^\r\n]]{1,40}", 0..300)) {
            let lines = users.iter().filter(|(login, _)| !login.starts_with('#'));
            let text: String = lines.map(|(login, data)| format!("{login}:{data}\n")).collect();
            let file = database(text.as_bytes()).expect("database");
            let db = PureDb::new(&file).expect("whole");
            for (login, data) in &users {
                prop_assert_eq!(db.find(login.as_bytes()), Ok(Some(data.as_bytes())));
            }
            prop_assert_eq!(db.records().expect("whole").len(), users.len());
        }

        #[test]
        fn any_bytes_give_an_answer(mut bytes in prop::collection::vec(any::<u8>(), 0..4000), login in prop::collection::vec(any::<u8>(), 0..9)) {
            if bytes.len() > 4 {
                bytes[..4].copy_from_slice(MAGIC);
            }
            if let Ok(db) = PureDb::new(&bytes) {
                let _ = (db.find(&login), db.records());
            }
            let _ = database(&bytes);
        }
    }
}
