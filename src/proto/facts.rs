//! The facts of MLST and MLSD (RFC 3659 section 7): which a client wants, and the lines that carry them.
//!
//! The facts, their order and forms are Pure-FTPd's, with `perm` put between. Whether this client may do what `perm`
//! promises is the caller's knowledge; this file only knows which letters a kind of entry can have.

use super::decimal::{write_decimal, write_hexadecimal, write_octal};
use super::listing::{Item, Kind, write_shown};
use super::time::write_time;

const NAMES: [&str; 9] = [
    "type",
    "size",
    "sizd",
    "modify",
    "perm",
    "UNIX.mode",
    "UNIX.uid",
    "UNIX.gid",
    "unique",
];

const TYPE: u16 = 1 << 0;
const SIZE: u16 = 1 << 1;
const SIZD: u16 = 1 << 2;
const MODIFY: u16 = 1 << 3;
const PERM: u16 = 1 << 4;
const UNIX_MODE: u16 = 1 << 5;
const UNIX_UID: u16 = 1 << 6;
const UNIX_GID: u16 = 1 << 7;
const UNIQUE: u16 = 1 << 8;
const ALL: u16 = (1 << NAMES.len()) - 1;

/// The facts a session can give, and those of them that its client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    available: u16,
    selected: u16,
}

impl Default for Facts {
    /// All facts, all wanted.
    fn default() -> Self {
        Facts {
            available: ALL,
            selected: ALL,
        }
    }
}

impl Facts {
    /// All but owner and group, all wanted.
    pub fn for_anonymous() -> Facts {
        let available = ALL & !(UNIX_UID | UNIX_GID);
        Facts {
            available,
            selected: available,
        }
    }

    /// The line of FEAT, without its leading blank: `MLST type*;size*;...`, wanted facts with an asterisk.
    pub fn feat_line(&self) -> String {
        let mut line = String::from("MLST ");
        for name in self.names(self.available) {
            line.push_str(name);
            line.push_str(if self.wants(name) { "*;" } else { ";" });
        }
        line
    }

    /// Selects facts as `OPTS MLST type;size;` asks, in any case and order; unknown ones are passed over and an empty list
    /// selects none. Gives the new selection and the words of the 200 reply.
    #[must_use]
    pub fn select(&self, argument: &[u8]) -> (Facts, String) {
        let wanted = |name: &str| {
            argument
                .split(|byte| *byte == b';')
                .any(|fact| fact.eq_ignore_ascii_case(name.as_bytes()))
        };
        let selected = (0..NAMES.len())
            .filter(|number| NAMES.get(*number).is_some_and(|name| wanted(name)))
            .fold(0, |set, number| set | 1 << number)
            & self.available;
        let facts = Facts { selected, ..*self };
        let mut text = String::from("MLST OPTS");
        for (number, name) in facts.names(selected).enumerate() {
            text.push_str(if number == 0 { " " } else { "" });
            text.push_str(name);
            text.push(';');
        }
        (facts, text)
    }

    fn names(&self, set: u16) -> impl Iterator<Item = &'static str> {
        NAMES
            .iter()
            .enumerate()
            .filter(move |(number, _)| set & 1 << number != 0)
            .map(|(_, name)| *name)
    }

    fn wants(&self, name: &str) -> bool {
        self.names(self.selected).any(|wanted| wanted == name)
    }

    fn has(&self, fact: u16) -> bool {
        self.selected & fact != 0
    }
}

/// What this client may do to an entry (RFC 3659 section 7.5.5). Letters that do not concern the kind are not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Perm {
    /// `a`: append to a file.
    pub append: bool,
    /// `c`: create files in a directory.
    pub create: bool,
    /// `d`: delete it.
    pub delete: bool,
    /// `e`: enter a directory.
    pub enter: bool,
    /// `f`: rename it.
    pub rename: bool,
    /// `l`: list a directory.
    pub list: bool,
    /// `m`: make directories in a directory.
    pub make: bool,
    /// `p`: delete what is in a directory.
    pub purge: bool,
    /// `r`: retrieve a file.
    pub read: bool,
    /// `w`: store to a file.
    pub store: bool,
}

impl Perm {
    fn write(&self, out: &mut Vec<u8>, kind: Kind) {
        let directory = kind == Kind::Directory;
        let file = matches!(kind, Kind::File | Kind::Link);
        let letters = [
            (self.append && file, b'a'),
            (self.create && directory, b'c'),
            (self.delete, b'd'),
            (self.enter && directory, b'e'),
            (self.rename, b'f'),
            (self.list && directory, b'l'),
            (self.make && directory, b'm'),
            (self.purge && directory, b'p'),
            (self.read && file, b'r'),
            (self.store && file, b'w'),
        ];
        out.extend(
            letters
                .iter()
                .filter(|(has, _)| *has)
                .map(|(_, letter)| *letter),
        );
    }
}

/// What a directory is to the listing it appears in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An entry like others.
    Entry,
    /// The listed directory itself.
    Current,
    /// The directory above it.
    Parent,
}

/// Appends a line of MLSD: facts, a blank, the name, CRLF. Names that [`shows_truly`](super::listing::shows_truly) denies
/// are to be left out by the caller.
pub fn write(out: &mut Vec<u8>, item: &Item<'_>, facts: Facts, perm: Perm, role: Role) {
    write_entry(out, item, facts, perm, role);
    out.extend_from_slice(b"\r\n");
}

/// Appends facts, a blank and the name: a body line of MLST, whose leading blank and end the reply adds.
pub fn write_entry(out: &mut Vec<u8>, item: &Item<'_>, facts: Facts, perm: Perm, role: Role) {
    if facts.has(TYPE) {
        write_type(out, item, role);
    }
    write_size(out, item, facts);
    if facts.has(MODIFY) {
        out.extend_from_slice(b"modify=");
        write_time(out, item.modified);
        out.push(b';');
    }
    if facts.has(PERM) {
        out.extend_from_slice(b"perm=");
        perm.write(out, item.kind);
        out.push(b';');
    }
    write_unix_facts(out, item, facts);
    if facts.has(UNIQUE) {
        out.extend_from_slice(b"unique=");
        write_hexadecimal(out, item.dev);
        out.push(b'g');
        write_hexadecimal(out, item.ino);
        out.push(b';');
    }
    out.push(b' ');
    write_shown(out, item.name);
}

fn write_type(out: &mut Vec<u8>, item: &Item<'_>, role: Role) {
    out.extend_from_slice(match (item.kind, role) {
        (Kind::File, _) => b"type=file",
        (Kind::Directory, Role::Entry) => b"type=dir",
        (Kind::Directory, Role::Current) => b"type=cdir",
        (Kind::Directory, Role::Parent) => b"type=pdir",
        (Kind::Link, _) => b"type=OS.unix=slink:",
        _ => b"type=unknown",
    });
    if item.kind == Kind::Link {
        // A blank or semicolon would end the fact, and then the rest of the target would pass for facts or name.
        let target = item.target.unwrap_or_default();
        if target
            .iter()
            .all(|byte| *byte > b' ' && *byte != 0x7F && *byte != b';')
        {
            out.extend_from_slice(target);
        }
    }
    out.push(b';');
}

fn write_size(out: &mut Vec<u8>, item: &Item<'_>, facts: Facts) {
    let (fact, name) = match item.kind {
        Kind::Directory => (SIZD, b"sizd="),
        _ => (SIZE, b"size="),
    };
    if facts.has(fact) {
        out.extend_from_slice(name);
        write_decimal(out, item.size);
        out.push(b';');
    }
}

fn write_unix_facts(out: &mut Vec<u8>, item: &Item<'_>, facts: Facts) {
    if facts.has(UNIX_MODE) {
        out.extend_from_slice(b"UNIX.mode=0");
        write_octal(out, item.mode & 0o7777);
        out.push(b';');
    }
    for (fact, name, id) in [
        (UNIX_UID, b"UNIX.uid=", item.uid),
        (UNIX_GID, b"UNIX.gid=", item.gid),
    ] {
        if facts.has(fact) {
            out.extend_from_slice(name);
            write_decimal(out, u64::from(id));
            out.push(b';');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &[u8]) -> Item<'_> {
        Item {
            name,
            kind: Kind::File,
            mode: 0o4755,
            links: 1,
            uid: 20102,
            gid: 20103,
            size: 12,
            modified: 1_793_527_200,
            dev: 0x29,
            ino: 0x4ff,
            target: None,
            leads_to: None,
        }
    }

    fn line(item: &Item<'_>, facts: Facts, perm: Perm, role: Role) -> String {
        let mut out = Vec::new();
        write(&mut out, item, facts, perm, role);
        String::from_utf8(out).unwrap()
    }

    fn without_perm(facts: Facts) -> Facts {
        Facts {
            selected: facts.selected & !PERM,
            ..facts
        }
    }

    #[test]
    fn lines_are_pure_ftpds_but_for_perm() {
        let facts = without_perm(Facts::for_anonymous());
        let none = Perm::default();
        assert_eq!(
            line(&item(b"hello.txt"), facts, none, Role::Entry),
            "type=file;size=12;modify=20261101100000;UNIX.mode=04755;unique=29g4ff; hello.txt\r\n"
        );
        let directory = Item {
            kind: Kind::Directory,
            mode: 0o755,
            size: 200,
            ..item(b"pub")
        };
        assert_eq!(
            line(&directory, facts, none, Role::Entry),
            "type=dir;sizd=200;modify=20261101100000;UNIX.mode=0755;unique=29g4ff; pub\r\n"
        );
        let link = Item {
            kind: Kind::Link,
            mode: 0o777,
            size: 7,
            target: Some(b"nowhere"),
            ..item(b"dangling")
        };
        assert_eq!(
            line(&link, facts, none, Role::Entry),
            "type=OS.unix=slink:nowhere;size=7;modify=20261101100000;UNIX.mode=0777;unique=29g4ff; dangling\r\n"
        );
        let closed = Item {
            mode: 0o100_000,
            ..item(b"a b.txt")
        };
        assert_eq!(
            line(&closed, without_perm(Facts::default()), none, Role::Entry),
            "type=file;size=12;modify=20261101100000;UNIX.mode=00;UNIX.uid=20102;UNIX.gid=20103;unique=29g4ff; a b.txt\r\n"
        );
        let fifo = Item {
            kind: Kind::Fifo,
            size: 0,
            ..item(b"fifo")
        };
        assert!(line(&fifo, facts, none, Role::Entry).starts_with("type=unknown;size=0;"));
        assert!(
            line(
                &Item {
                    name: b".",
                    ..directory
                },
                facts,
                none,
                Role::Current
            )
            .starts_with("type=cdir;sizd=200;")
        );
        assert!(
            line(
                &Item {
                    name: b"..",
                    ..directory
                },
                facts,
                none,
                Role::Parent
            )
            .starts_with("type=pdir;")
        );
    }

    #[test]
    fn perm_has_the_letters_of_the_kind_in_the_standards_order() {
        let all = Perm {
            append: true,
            create: true,
            delete: true,
            enter: true,
            rename: true,
            list: true,
            make: true,
            purge: true,
            read: true,
            store: true,
        };
        let (facts, _) = Facts::default().select(b"perm;");
        let perm = |kind, perm| line(&Item { kind, ..item(b"x") }, facts, perm, Role::Entry);
        assert_eq!(perm(Kind::File, all), "perm=adfrw; x\r\n");
        assert_eq!(perm(Kind::Directory, all), "perm=cdeflmp; x\r\n");
        assert_eq!(perm(Kind::Fifo, all), "perm=df; x\r\n");
        assert_eq!(perm(Kind::File, Perm::default()), "perm=; x\r\n");
        assert_eq!(
            perm(
                Kind::File,
                Perm {
                    read: true,
                    ..Perm::default()
                }
            ),
            "perm=r; x\r\n"
        );
    }

    #[test]
    fn facts_are_selected_and_shown_in_feat() {
        assert_eq!(
            Facts::default().feat_line(),
            "MLST type*;size*;sizd*;modify*;perm*;UNIX.mode*;UNIX.uid*;UNIX.gid*;unique*;"
        );
        let (facts, text) = Facts::for_anonymous().select(b"SIZE;Type;bogus;unix.UID;");
        assert_eq!(text, "MLST OPTS type;size;");
        assert_eq!(
            facts.feat_line(),
            "MLST type*;size*;sizd;modify;perm;UNIX.mode;unique;"
        );
        assert_eq!(
            line(&item(b"x"), facts, Perm::default(), Role::Entry),
            "type=file;size=12; x\r\n"
        );
        let (facts, text) = facts.select(b"");
        assert_eq!(text, "MLST OPTS");
        assert_eq!(
            line(&item(b"x"), facts, Perm::default(), Role::Entry),
            " x\r\n"
        );
        let (facts, text) = facts.select(b"UNIX.mode");
        assert_eq!(
            (text.as_str(), facts.has(UNIX_MODE)),
            ("MLST OPTS UNIX.mode;", true)
        );
    }

    #[test]
    fn p10_a_link_target_or_name_cannot_forge_facts_or_lines() {
        let facts = Facts::for_anonymous().select(b"type;").0;
        for target in [&b"x; y"[..], b"a b", b"a\r\nb", b"\x7f", b"a;type=dir"] {
            let link = Item {
                kind: Kind::Link,
                target: Some(target),
                ..item(b"l")
            };
            assert_eq!(
                line(&link, facts, Perm::default(), Role::Entry),
                "type=OS.unix=slink:; l\r\n"
            );
        }
        let file = item(b"a\r\ntype=dir; b");
        assert_eq!(
            line(&file, facts, Perm::default(), Role::Entry),
            "type=file; a??type=dir; b\r\n"
        );
    }
}
