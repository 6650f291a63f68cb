//! Directory listings as Pure-FTPd writes them: LIST lines, names, columns. Options and order are in `list_options`.
//!
//! RFC 959 leaves the form of LIST free; clients parse the columns of `ls -l`, so these are kept to the byte. A listing may
//! have 100 000 lines: every writer appends straight to the output buffer. Reading directories, choosing what a client
//! may see, and the caps on size and depth are for `files` and `session`.

use super::decimal::{two_digits, write_decimal_padded};
use super::request::is_control;
use super::time::{DAY, Date};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::HashMap;

pub use super::list_options::{Options, SortBy, SortKey};

/// Age in seconds beyond which a year is shown in place of the time of day.
const SHOWS_YEAR_AFTER: i64 = 180 * DAY;

/// From this size on the size column is wider.
const WIDE_SIZE: u64 = 10_000_000_000;

/// Width of the owner and group columns; longer names are cut.
const OWNER_WIDTH: usize = 10;

/// Width that `-C` fills, and the width of its TAB stops.
const LINE_WIDTH: usize = 75;
const TAB_STOP: usize = 8;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind in a `st_mode` of stat(2) (inode(7)).
    pub fn of_mode(mode: u32) -> Kind {
        match mode & 0o170_000 {
            0o100_000 => Kind::File,
            0o040_000 => Kind::Directory,
            0o120_000 => Kind::Link,
            0o010_000 => Kind::Fifo,
            0o140_000 => Kind::Socket,
            0o020_000 => Kind::CharacterDevice,
            0o060_000 => Kind::BlockDevice,
            _ => Kind::Other,
        }
    }

    /// Whether LIST and STAT show it: files, directories and links only, as Pure-FTPd does.
    pub fn is_listed(self) -> bool {
        matches!(self, Kind::File | Kind::Directory | Kind::Link)
    }

    fn letter(self) -> u8 {
        match self {
            Kind::File => b'-',
            Kind::Directory => b'd',
            Kind::Link => b'l',
            Kind::Fifo => b'p',
            Kind::Socket => b's',
            Kind::CharacterDevice => b'c',
            Kind::BlockDevice => b'b',
            Kind::Other => b'?',
        }
    }
}

/// One entry to be listed.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The name as it is to be shown.
    pub name: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits; other bits are ignored.
    pub mode: u32,
    /// Number of hard links.
    pub links: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last modification, in seconds since 1970.
    pub modified: i64,
    /// Device it is on.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Text of a link; `None` when it could not be read or must not be shown.
    pub target: Option<&'a [u8]>,
    /// Kind and permission bits of what a link leads to, where that is known; only for the mark of `-F`.
    pub leads_to: Option<(Kind, u32)>,
}

/// Who owns what, for the owner and group columns.
#[derive(Debug, Clone, Default)]
pub enum Owners {
    /// Numbers.
    #[default]
    Numeric,
    /// `ftp` for everything: nobody learns who has an account.
    Hidden,
    /// Names where known, else numbers.
    Names {
        /// Account names by uid.
        users: HashMap<u32, Vec<u8>>,
        /// Group names by gid.
        groups: HashMap<u32, Vec<u8>>,
    },
}

impl Owners {
    fn user(&self, uid: u32) -> Column {
        match self {
            Owners::Names { users, .. } => Column::new(uid, users.get(&uid)),
            Owners::Numeric => Column::new(uid, None),
            Owners::Hidden => Column::hidden(uid),
        }
    }

    fn group(&self, gid: u32) -> Column {
        match self {
            Owners::Names { groups, .. } => Column::new(gid, groups.get(&gid)),
            Owners::Numeric => Column::new(gid, None),
            Owners::Hidden => Column::hidden(gid),
        }
    }
}

/// The text of an owner or group column, kept because neighbours mostly have the same owner.
#[derive(Debug, Clone, Copy)]
struct Column {
    id: u32,
    text: [u8; OWNER_WIDTH],
}

impl Column {
    fn new(id: u32, name: Option<&Vec<u8>>) -> Column {
        match name {
            Some(name) => Column::of_text(id, name),
            None => Column::of_text(id, id.to_string().as_bytes()),
        }
    }

    fn hidden(id: u32) -> Column {
        Column::of_text(id, b"ftp")
    }

    fn of_text(id: u32, name: &[u8]) -> Column {
        let mut text = [b' '; OWNER_WIDTH];
        for (place, byte) in text.iter_mut().zip(name) {
            *place = shown(*byte);
        }
        Column { id, text }
    }
}

/// Writes LIST lines: `-rw-r--r--    1 ftp        ftp             12 Nov  1 10:00 name`.
#[derive(Debug, Clone)]
pub struct LongFormat {
    zone: TimeZone,
    now: i64,
    owners: Owners,
    user: Option<Column>,
    group: Option<Column>,
    day: Option<LocalDay>,
}

impl LongFormat {
    /// Times are shown in `zone`; `now`, in seconds since 1970, decides whether a year or a time of day is shown.
    pub fn new(zone: TimeZone, now: i64, owners: Owners) -> LongFormat {
        LongFormat {
            zone,
            now,
            owners,
            user: None,
            group: None,
            day: None,
        }
    }

    /// Appends one line, CRLF included. `classify` adds the mark of `-F`; control bytes in names are shown as `?`.
    pub fn write(&mut self, out: &mut Vec<u8>, item: &Item<'_>, classify: bool) {
        out.extend_from_slice(&mode_text(item));
        write_decimal_padded(out, item.links, 4);
        self.write_owners(out, item);
        write_decimal_padded(out, item.size, if item.size < WIDE_SIZE { 10 } else { 18 });
        self.write_date(out, item.modified);
        write_shown(out, item.name);
        if item.kind == Kind::Link {
            out.extend_from_slice(b" -> ");
            write_shown(out, item.target.unwrap_or(b".."));
        }
        if classify {
            out.extend_from_slice(mark_in_long_line(item));
        }
        out.extend_from_slice(b"\r\n");
    }

    /// ` owner group `, each ten wide.
    fn write_owners(&mut self, out: &mut Vec<u8>, item: &Item<'_>) {
        let user = match self.user {
            Some(column) if column.id == item.uid => column,
            _ => *self.user.insert(self.owners.user(item.uid)),
        };
        let group = match self.group {
            Some(column) if column.id == item.gid => column,
            _ => *self.group.insert(self.owners.group(item.gid)),
        };
        let mut text = [b' '; 2 * OWNER_WIDTH + 3];
        text[1..=OWNER_WIDTH].copy_from_slice(&user.text);
        text[OWNER_WIDTH + 2..2 * OWNER_WIDTH + 2].copy_from_slice(&group.text);
        out.extend_from_slice(&text);
    }

    /// ` Nov  1 10:00 ` or ` Nov  1  2020 `.
    fn write_date(&mut self, out: &mut Vec<u8>, modified: i64) {
        let day = match self.day {
            Some(day) if (day.first..=day.last).contains(&modified) => day,
            known => *self
                .day
                .insert(LocalDay::around(known, &self.zone, modified)),
        };
        out.extend_from_slice(&day.month_and_day);
        // A time so far off that the difference overflows is old or yet to come all the same.
        if self.now.saturating_sub(modified) > SHOWS_YEAR_AFTER {
            write_year(out, day.year);
        } else {
            let minute = modified.saturating_sub(day.midnight).clamp(0, DAY - 1) as u64 / 60;
            let [h1, h2] = two_digits(minute / 60);
            let [m1, m2] = two_digits(minute % 60);
            out.extend_from_slice(&[h1, h2, b':', m1, m2, b' ']);
        }
    }
}

/// Five wide; beyond the range of `jiff`, a file's time may have any year.
fn write_year(out: &mut Vec<u8>, year: i64) {
    if year < 0 {
        out.push(b'-');
    }
    write_decimal_padded(out, year.unsigned_abs(), if year < 0 { 4 } else { 5 });
    out.push(b' ');
}

/// A stretch of time known to lie within one day of local time and to have one offset from UTC.
#[derive(Debug, Clone, Copy)]
struct LocalDay {
    first: i64,
    last: i64,
    offset: i64,
    /// When the day began, in seconds since 1970, or would have with this offset.
    midnight: i64,
    year: i64,
    /// ` Nov  1 `.
    month_and_day: [u8; 8],
}

impl LocalDay {
    /// The stretch that `at` belongs to. Between two instants of one day that have the same offset nothing changes, so
    /// a stretch grows with each time of its day that is asked for, and neighbours seldom need the zone's tables.
    fn around(known: Option<LocalDay>, zone: &TimeZone, at: i64) -> LocalDay {
        let within_jiff = at.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let offset = Timestamp::from_second(within_jiff).map_or(0, |timestamp| {
            i64::from(zone.to_offset(timestamp).seconds())
        });
        let number = at.saturating_add(offset).div_euclid(DAY);
        let midnight = number.saturating_mul(DAY).saturating_sub(offset);
        match known {
            Some(known) if known.offset == offset && known.midnight == midnight => LocalDay {
                first: known.first.min(at),
                last: known.last.max(at),
                ..known
            },
            _ => LocalDay::new(at, offset, midnight, Date::of_day(number)),
        }
    }

    fn new(at: i64, offset: i64, midnight: i64, date: Date) -> LocalDay {
        let name = MONTHS.get(date.month as usize - 1).unwrap_or(&MONTHS[0]);
        let [tens, ones] = two_digits(u64::from(date.day));
        let tens = if tens == b'0' { b' ' } else { tens };
        let month_and_day = [b' ', name[0], name[1], name[2], b' ', tens, ones, b' '];
        LocalDay {
            first: at,
            last: at,
            offset,
            midnight,
            year: date.year,
            month_and_day,
        }
    }
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// `-rwsr-xr-t `: kind, permissions with the set-id and sticky bits in the place of `x`, a blank.
fn mode_text(item: &Item<'_>) -> [u8; 11] {
    let bit = |mask: u32, letter: u8| if item.mode & mask == 0 { b'-' } else { letter };
    let execute = |mask: u32, special: u32, both: u8| match (item.mode & mask, item.mode & special)
    {
        (0, 0) => b'-',
        (_, 0) => b'x',
        (0, _) => both.to_ascii_uppercase(),
        _ => both,
    };
    [
        item.kind.letter(),
        bit(0o400, b'r'),
        bit(0o200, b'w'),
        execute(0o100, 0o4000, b's'),
        bit(0o040, b'r'),
        bit(0o020, b'w'),
        execute(0o010, 0o2000, b's'),
        bit(0o004, b'r'),
        bit(0o002, b'w'),
        execute(0o001, 0o1000, b't'),
        b' ',
    ]
}

/// The mark of `-F` after a bare name: `/` directory, `@` link, `*` executable.
pub fn mark(item: &Item<'_>) -> &'static [u8] {
    mark_of(item.kind, item.mode)
}

/// In a long line the name of a link is followed by its target, and the mark is the target's.
fn mark_in_long_line(item: &Item<'_>) -> &'static [u8] {
    match (item.kind, item.leads_to) {
        (Kind::Link, Some((kind, mode))) => mark_of(kind, mode),
        (Kind::Link, None) => b"",
        (kind, _) => mark_of(kind, item.mode),
    }
}

fn mark_of(kind: Kind, mode: u32) -> &'static [u8] {
    match kind {
        Kind::Directory => b"/",
        Kind::Link => b"@",
        Kind::File if mode & 0o111 != 0 => b"*",
        _ => b"",
    }
}

/// Appends `prefix` (`dir/`, or nothing) and a name, with the mark of `-F` if wanted, and CRLF: NLST and `-1`.
pub fn write_name(out: &mut Vec<u8>, prefix: &[u8], item: &Item<'_>, classify: bool) {
    write_shown(out, prefix);
    write_shown(out, item.name);
    if classify {
        out.extend_from_slice(mark(item));
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the line that announces the listing of one directory among several, with its empty lines.
pub fn write_heading(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(b"\r\n\r\n");
    write_shown(out, name);
    out.extend_from_slice(b":\r\n\r\n");
}

/// Appends names, marks included, in the columns of `-C`: filled downwards, set with TABs, 75 wide.
pub fn write_columns<L: AsRef<[u8]>>(out: &mut Vec<u8>, labels: &[L]) {
    let longest = labels
        .iter()
        .map(|label| label.as_ref().len())
        .max()
        .unwrap_or(0);
    let width = (longest / TAB_STOP + 1) * TAB_STOP;
    let columns = (LINE_WIDTH / width).max(1);
    let rows = labels.len().div_ceil(columns);
    for row in 0..rows {
        let mut labels = labels
            .iter()
            .skip(row)
            .step_by(rows)
            .map(AsRef::as_ref)
            .peekable();
        while let Some(label) = labels.next() {
            write_shown(out, label);
            if labels.peek().is_some() {
                let tabs = (width - label.len()).div_ceil(TAB_STOP);
                out.resize(out.len() + tabs, b'\t');
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether a listing line can show this name as it is. NLST and MLSD leave the others out, since a client would take
/// what it reads for the name; LIST and STAT show `?` in the place of control bytes.
pub fn shows_truly(name: &[u8]) -> bool {
    !name.iter().copied().any(is_control)
}

/// Appends a name with its control bytes made visible.
pub(super) fn write_shown(out: &mut Vec<u8>, name: &[u8]) {
    if shows_truly(name) {
        out.extend_from_slice(name);
    } else {
        out.extend(name.iter().copied().map(shown));
    }
}

fn shown(byte: u8) -> u8 {
    if is_control(byte) { b'?' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 14:40:31 UTC.
    const NOW: i64 = 1_795_444_831;

    fn file(name: &[u8]) -> Item<'_> {
        Item {
            name,
            kind: Kind::File,
            mode: 0o644,
            links: 1,
            uid: 0,
            gid: 0,
            size: 12,
            modified: 1_793_527_200,
            dev: 0x29,
            ino: 0x4ff,
            target: None,
            leads_to: None,
        }
    }

    fn line_in(zone: TimeZone, owners: Owners, item: &Item<'_>) -> String {
        let mut out = Vec::new();
        LongFormat::new(zone, NOW, owners).write(&mut out, item, false);
        String::from_utf8(out).unwrap()
    }

    fn line(item: &Item<'_>) -> String {
        line_in(TimeZone::UTC, Owners::Numeric, item)
    }

    #[test]
    fn lines_are_pure_ftpds_to_the_byte() {
        let item = Item {
            mode: 0o4755,
            ..file(b"hello.txt")
        };
        assert_eq!(
            line(&item),
            "-rwsr-xr-x    1 0          0                  12 Nov  1 10:00 hello.txt\r\n"
        );
        let item = Item {
            size: 20000,
            modified: 1_580_702_706,
            ..file(b"big.bin")
        };
        assert_eq!(
            line(&item),
            "-rw-r--r--    1 0          0               20000 Feb  3  2020 big.bin\r\n"
        );
        let item = Item {
            kind: Kind::Directory,
            mode: 0o1777,
            links: 7,
            size: 140,
            modified: NOW - 2,
            ..file(b"..")
        };
        let owners = Owners::Names {
            users: HashMap::from([(0, b"root".to_vec())]),
            groups: HashMap::from([(0, b"averylonggroup".to_vec())]),
        };
        assert_eq!(
            line_in(TimeZone::UTC, owners, &item),
            "drwxrwxrwt    7 root       averylongg        140 Nov 23 14:40 ..\r\n"
        );
        let item = Item {
            kind: Kind::Link,
            mode: 0o777,
            target: Some(b"nowhere"),
            uid: 4_294_967_295,
            gid: 20102,
            size: 7,
            ..file(b"dangling")
        };
        assert_eq!(
            line(&item),
            "lrwxrwxrwx    1 4294967295 20102               7 Nov  1 10:00 dangling -> nowhere\r\n"
        );
        assert_eq!(
            line_in(
                TimeZone::UTC,
                Owners::Hidden,
                &Item {
                    target: None,
                    ..item
                }
            ),
            "lrwxrwxrwx    1 ftp        ftp                 7 Nov  1 10:00 dangling -> ..\r\n"
        );
    }

    #[test]
    fn sizes_and_link_counts_outgrow_their_columns() {
        let text = |size| {
            line(&Item {
                size,
                links: 12345,
                ..file(b"f")
            })
        };
        assert_eq!(
            text(9_999_999_999),
            "-rw-r--r-- 12345 0          0          9999999999 Nov  1 10:00 f\r\n"
        );
        assert_eq!(
            text(10_000_000_000),
            "-rw-r--r-- 12345 0          0                 10000000000 Nov  1 10:00 f\r\n"
        );
    }

    #[test]
    fn modes_show_special_bits() {
        for (mode, text) in [
            (0o0, "----------"),
            (0o777, "-rwxrwxrwx"),
            (0o7777, "-rwsrwsrwt"),
            (0o7000, "---S--S--T"),
            (0o7111, "---s--s--t"),
            (0o100_640, "-rw-r-----"),
        ] {
            assert_eq!(&line(&Item { mode, ..file(b"f") })[..10], text);
        }
        for (kind, letter) in [
            (Kind::Fifo, 'p'),
            (Kind::Socket, 's'),
            (Kind::CharacterDevice, 'c'),
            (Kind::BlockDevice, 'b'),
        ] {
            assert!(line(&Item { kind, ..file(b"f") }).starts_with(letter));
            assert!(!kind.is_listed());
        }
        assert_eq!(Kind::of_mode(0o120_777), Kind::Link);
        assert_eq!(Kind::of_mode(0o010_644), Kind::Fifo);
        assert_eq!(Kind::of_mode(0), Kind::Other);
    }

    #[test]
    fn a_year_is_shown_after_180_days_and_a_time_for_the_future() {
        let date = |modified| {
            line(&Item {
                modified,
                ..file(b"f")
            })[49..61]
                .to_owned()
        };
        assert_eq!(date(NOW - 180 * DAY), "May 27 14:40");
        assert_eq!(date(NOW - 180 * DAY - 1), "May 27  2026");
        assert_eq!(date(NOW + 400 * DAY), "Dec 28 14:40");
        assert_eq!(date(-1), "Dec 31  1969");
        for absurd in [i64::MIN, i64::MAX, -400_000_000_000, 400_000_000_000] {
            assert!(
                line(&Item {
                    modified: absurd,
                    ..file(b"f")
                })
                .ends_with(" f\r\n")
            );
        }
    }

    #[test]
    fn local_times_are_right_in_any_order_and_over_changes_of_the_clock() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut random = crate::proto::xorshift::Xorshift::new(17);
        let mut format = LongFormat::new(zone.clone(), NOW, Owners::Numeric);
        for round in 0..20_000 {
            // Around the change of October 25th 2026, 01:00 UTC, and of March 29th, and anywhere.
            let modified = match round % 3 {
                0 => 1_792_890_000 - 90_000 + random.below(180_000) as i64,
                1 => 1_774_746_000 - 90_000 + random.below(180_000) as i64,
                _ => NOW - random.below(1 << 30) as i64,
            };
            let mut out = Vec::new();
            format.write(
                &mut out,
                &Item {
                    modified,
                    ..file(b"f")
                },
                false,
            );
            let local = Timestamp::from_second(modified)
                .unwrap()
                .to_zoned(zone.clone());
            let shape = if NOW - modified > SHOWS_YEAR_AFTER {
                "%b %e  %Y"
            } else {
                "%b %e %H:%M"
            };
            let expected = local.strftime(shape).to_string();
            assert_eq!(
                std::str::from_utf8(&out[49..61]).unwrap(),
                expected,
                "{modified}"
            );
        }
    }

    #[test]
    fn p10_control_bytes_in_names_become_question_marks() {
        let name = b"a\r\n226 forged\x1b\x7f\xff\xc3\xa9";
        let item = Item {
            kind: Kind::Link,
            target: Some(b"x\ny"),
            ..file(name)
        };
        let mut out = Vec::new();
        let mut format = LongFormat::new(TimeZone::UTC, NOW, Owners::Numeric);
        format.write(&mut out, &item, true);
        assert!(out.ends_with(b" a??226 forged??\xff\xc3\xa9 -> x?y\r\n"));
        out.clear();
        write_name(&mut out, b"d\n/", &item, false);
        write_heading(&mut out, b"\r");
        write_columns(&mut out, &[b"\n"]);
        assert_eq!(
            out,
            b"d?/a??226 forged??\xff\xc3\xa9\r\n\r\n\r\n?:\r\n\r\n?\r\n"
        );
        assert!(!shows_truly(name));
        assert!(shows_truly(b"\xff\xc3\xa9 -"));
    }

    #[test]
    fn marks_say_what_a_name_is() {
        let directory = Item {
            kind: Kind::Directory,
            ..file(b"d1")
        };
        let program = Item {
            mode: 0o755,
            ..file(b"p")
        };
        let link = Item {
            kind: Kind::Link,
            target: Some(b"p"),
            ..file(b"link")
        };
        let mut out = Vec::new();
        for item in [directory, program, link, file(b"f")] {
            write_name(&mut out, b"x/", &item, true);
        }
        assert_eq!(out, b"x/d1/\r\nx/p*\r\nx/link@\r\nx/f\r\n");
        let mut format = LongFormat::new(TimeZone::UTC, NOW, Owners::Numeric);
        for (leads_to, end) in [
            (None, &b" link -> p\r\n"[..]),
            (Some((Kind::File, 0o755)), b" link -> p*\r\n"),
            (Some((Kind::Directory, 0o755)), b" link -> p/\r\n"),
        ] {
            out.clear();
            format.write(&mut out, &Item { leads_to, ..link }, true);
            assert!(out.ends_with(end));
        }
    }

    #[test]
    fn columns_are_filled_downwards_with_tabs() {
        let columns = |labels: &[&str]| {
            let mut out = Vec::new();
            write_columns(&mut out, labels);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            columns(&["big.bin", "d1", "dangling", "hello.txt", "link"]),
            "big.bin\t\tdangling\tlink\r\nd1\t\thello.txt\r\n"
        );
        assert_eq!(columns(&[]), "");
        assert_eq!(columns(&["a"]), "a\r\n");
        let long = "x".repeat(80);
        assert_eq!(columns(&["a", &long]), format!("a\r\n{long}\r\n"));
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        let text = columns(&names);
        assert_eq!(text.split_whitespace().count(), 100);
        assert!(text.lines().all(|line| line.split('\t').count() <= 9));
    }
}
