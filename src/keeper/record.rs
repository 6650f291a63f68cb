//! One virtual user: the line of the text file `pureftpd.passwd`, as fields ([`Line`]) and as what they mean
//! ([`VirtualUser`]).
//!
//! The eighteen fields, their order and units are Pure-FTPd's; a file of either server is read by the other. Where
//! Pure-FTPd reads a number as far as it goes and skips what it cannot read, a field that makes no sense refuses the whole
//! record here: a limit that was meant to hold must not vanish. Passwords are compared in [`super::hashes`], files are
//! opened elsewhere.

use crate::units::Cidr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A field of a line, by its meaning. The number is its place, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The login.
    Login = 0,
    /// The password hash.
    Hash = 1,
    /// User id.
    Uid = 2,
    /// Group id.
    Gid = 3,
    /// Free text, usually the full name.
    Gecos = 4,
    /// Home directory.
    Home = 5,
    /// Upload bandwidth in bytes per second.
    UploadRate = 6,
    /// Download bandwidth in bytes per second.
    DownloadRate = 7,
    /// Upload part of the ratio.
    UploadRatio = 8,
    /// Download part of the ratio.
    DownloadRatio = 9,
    /// Sessions at once.
    Sessions = 10,
    /// Quota in files.
    QuotaFiles = 11,
    /// Quota in bytes.
    QuotaBytes = 12,
    /// Addresses of ours through which the user may come.
    AllowLocal = 13,
    /// Addresses of ours through which the user may not come.
    DenyLocal = 14,
    /// Addresses the user may come from.
    AllowClient = 15,
    /// Addresses the user may not come from.
    DenyClient = 16,
    /// Time of day.
    Hours = 17,
}

/// How many fields a line has.
pub const FIELDS: usize = 18;

const NAMES: [&str; FIELDS] = [
    "login",
    "password hash",
    "uid",
    "gid",
    "full name",
    "home directory",
    "upload bandwidth",
    "download bandwidth",
    "upload ratio",
    "download ratio",
    "sessions",
    "quota of files",
    "quota of bytes",
    "allowed local addresses",
    "denied local addresses",
    "allowed client addresses",
    "denied client addresses",
    "time of day",
];

impl Field {
    /// What the field is called in messages.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// A field that refuses its record. Prints the field and the accepted form, not what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: Field,
    expected: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.field.name(), self.expected)
    }
}

impl std::error::Error for Fault {}

/// A line of the text file as its fields, none of them understood: what is not changed is written back as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(Vec<Vec<u8>>);

impl Line {
    /// Takes a line apart, without its line feed.
    pub fn read(line: &[u8]) -> Line {
        Line(
            line.split(|byte| *byte == b':')
                .map(<[u8]>::to_vec)
                .collect(),
        )
    }

    /// A line with that login, all other fields empty.
    pub fn new(login: &[u8]) -> Line {
        let mut line = Line(vec![Vec::new(); FIELDS]);
        line.set(Field::Login, login);
        line
    }

    /// The bytes of a field; empty when the line is too short to have it.
    pub fn get(&self, field: Field) -> &[u8] {
        self.0.get(field as usize).map_or(b"", Vec::as_slice)
    }

    /// Whether the line is long enough to have the field, be it empty.
    pub fn has(&self, field: Field) -> bool {
        (field as usize) < self.0.len()
    }

    /// Sets a field, and fills a short line up to all eighteen. What would end the field or the line becomes `_`, as
    /// pure-pw does with `:`.
    pub fn set(&mut self, field: Field, value: &[u8]) {
        if self.0.len() < FIELDS {
            self.0.resize(FIELDS, Vec::new());
        }
        let clean = |byte: &u8| match byte {
            b':' | b'\n' | b'\r' | 0 => b'_',
            other => *other,
        };
        self.0[field as usize] = value.iter().map(clean).collect();
    }

    /// The line as it is written, without a line feed.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.join(&b':')
    }

    /// What the line means.
    ///
    /// # Errors
    /// The first field that makes no sense.
    pub fn user(&self) -> Result<VirtualUser, Fault> {
        if self.0.len() > FIELDS {
            return Err(Fault {
                field: Field::Hours,
                expected: "nothing behind it: the line has too many fields (an IPv6 address in it needs wharf-pw)",
            });
        }
        if self.get(Field::Login).is_empty() {
            return self.fault(Field::Login, "a name");
        }
        Ok(VirtualUser {
            name: self.get(Field::Login).to_vec(),
            hash: self.get(Field::Hash).to_vec(),
            uid: self.id(Field::Uid)?,
            gid: self.id(Field::Gid)?,
            gecos: self.get(Field::Gecos).to_vec(),
            home: self.home()?,
            upload_rate: self.limit(Field::UploadRate)?,
            download_rate: self.limit(Field::DownloadRate)?,
            upload_ratio: self.small_limit(Field::UploadRatio)?,
            download_ratio: self.small_limit(Field::DownloadRatio)?,
            max_sessions: self.small_limit(Field::Sessions)?,
            quota_files: self.number(Field::QuotaFiles)?,
            quota_bytes: self.number(Field::QuotaBytes)?,
            local: self.access(Field::AllowLocal, Field::DenyLocal)?,
            client: self.access(Field::AllowClient, Field::DenyClient)?,
            hours: self.hours()?,
        })
    }

    fn fault<T>(&self, field: Field, expected: &'static str) -> Result<T, Fault> {
        Err(Fault { field, expected })
    }

    fn id(&self, field: Field) -> Result<u32, Fault> {
        decimal(self.get(field))
            .and_then(|id| u32::try_from(id).ok())
            .filter(|id| !matches!(id, 0 | &u32::MAX))
            .ok_or(Fault {
                field,
                expected: "a number from 1 to 4294967294",
            })
    }

    /// An empty field is no number.
    fn number(&self, field: Field) -> Result<Option<u64>, Fault> {
        match self.get(field) {
            b"" => Ok(None),
            text => match decimal(text).filter(|number| i64::try_from(*number).is_ok()) {
                Some(number) => Ok(Some(number)),
                None => self.fault(field, "a number below 2^63, or nothing"),
            },
        }
    }

    /// Zero is no limit either.
    fn limit(&self, field: Field) -> Result<Option<u64>, Fault> {
        Ok(self.number(field)?.filter(|number| *number > 0))
    }

    fn small_limit(&self, field: Field) -> Result<Option<u32>, Fault> {
        match self.limit(field)?.map(u32::try_from) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => self.fault(field, "a number below 2^32, or nothing"),
        }
    }

    fn home(&self) -> Result<Home, Fault> {
        let path = self.get(Field::Home);
        if !path.starts_with(b"/") || path.contains(&0) {
            return self.fault(Field::Home, "an absolute path");
        }
        Ok(Home::of(path))
    }

    fn access(&self, allow: Field, deny: Field) -> Result<Access, Fault> {
        let list = |field| {
            AddressList::read(self.get(field)).ok_or(Fault {
                field,
                expected: "addresses, ADDRESS/BITS and host names with commas between them",
            })
        };
        Ok(Access {
            allow: list(allow)?,
            deny: list(deny)?,
        })
    }

    fn hours(&self) -> Result<Option<Hours>, Fault> {
        match self.get(Field::Hours) {
            b"" => Ok(None),
            text => match Hours::read(text) {
                Some(hours) => Ok(Some(hours)),
                None => self.fault(Field::Hours, Hours::FORM),
            },
        }
    }
}

/// Decimal digits alone.
fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

/// A user of FTP only, every field in range.
#[derive(Clone, PartialEq, Eq)]
pub struct VirtualUser {
    /// The login.
    pub name: Vec<u8>,
    /// The password hash, as it stands: [`super::hashes::verify`] says what it is worth.
    pub hash: Vec<u8>,
    /// User id, 1 to 2^32-2.
    pub uid: u32,
    /// Group id, 1 to 2^32-2.
    pub gid: u32,
    /// Free text.
    pub gecos: Vec<u8>,
    /// Where the user is let in.
    pub home: Home,
    /// Upload bandwidth in bytes per second.
    pub upload_rate: Option<u64>,
    /// Download bandwidth in bytes per second.
    pub download_rate: Option<u64>,
    /// The upload part of the ratio; only both parts together limit.
    pub upload_ratio: Option<u32>,
    /// The download part of the ratio.
    pub download_ratio: Option<u32>,
    /// Sessions at once; `None` leaves it to the server's own limit.
    pub max_sessions: Option<u32>,
    /// How many files; 0 means none.
    pub quota_files: Option<u64>,
    /// How many bytes in all; 0 means none.
    pub quota_bytes: Option<u64>,
    /// Through which addresses of ours.
    pub local: Access,
    /// From which addresses.
    pub client: Access,
    /// At what time of day a login is taken.
    pub hours: Option<Hours>,
}

impl VirtualUser {
    /// Reads what the database keeps of a login: fields 2 to 18. Fields missing at the end are empty.
    ///
    /// # Errors
    /// The first field that makes no sense. Such a user is not let in.
    pub fn read(login: &[u8], data: &[u8]) -> Result<VirtualUser, Fault> {
        if login.contains(&b':') {
            return Err(Fault {
                field: Field::Login,
                expected: "a name without colons",
            });
        }
        Line::read(&[login, b":", data].concat()).user()
    }
}

/// A home directory. `/srv/ftp/./pub` in the file confines the user to `/srv/ftp` and begins in `/pub` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// What the user is confined to; `None` for a home without the mark `/./`.
    pub root: Option<Vec<u8>>,
    /// The first directory, an absolute path, inside `root` if there is one.
    pub start: Vec<u8>,
}

impl Home {
    fn of(path: &[u8]) -> Home {
        const MARK: &[u8] = b"/./";
        match path.windows(MARK.len()).position(|part| part == MARK) {
            None => Home {
                root: None,
                start: path.to_vec(),
            },
            Some(at) => {
                let root = if at == 0 { b"/" } else { &path[..at] };
                Home {
                    root: Some(root.to_vec()),
                    start: path[at + MARK.len() - 1..].to_vec(),
                }
            }
        }
    }
}

/// Two lists of addresses: one must match if there is one, the other must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Only these.
    pub allow: AddressList,
    /// Not these.
    pub deny: AddressList,
}

impl Access {
    /// Whether an address passes. `addresses_of` looks a host name up and answers `None` when it could not: such a name
    /// allows nobody and denies everybody.
    pub fn permits(
        &self,
        address: IpAddr,
        addresses_of: &mut dyn FnMut(&str) -> Option<Vec<IpAddr>>,
    ) -> bool {
        let allowed = self.allow.is_empty() || self.allow.matches(address, false, addresses_of);
        allowed && !self.deny.matches(address, true, addresses_of)
    }
}

/// Addresses, networks and host names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressList(Vec<AddressEntry>);

/// A member of an [`AddressList`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressEntry {
    /// An address or a network.
    Network(Cidr),
    /// A host name, to be looked up when somebody logs in.
    Name(String),
}

/// How an IPv6 address is written where colons part fields: with dashes, and this behind it, as UNC paths write it.
const IPV6_LITERAL: &str = ".ipv6-literal.net";

impl AddressList {
    /// Whether there is no such list, so that it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in their order.
    pub fn entries(&self) -> &[AddressEntry] {
        &self.0
    }

    fn read(text: &[u8]) -> Option<AddressList> {
        let text = std::str::from_utf8(text).ok()?;
        // Pure-FTPd passes over an empty member, as behind a last comma.
        let members = text.split(',').filter(|member| !member.is_empty());
        let list: Option<Vec<_>> = members.map(AddressEntry::read).collect();
        // A list of commas alone would otherwise let everybody in.
        list.filter(|list| text.is_empty() || !list.is_empty())
            .map(AddressList)
    }

    /// The text to store for a list as people type it: IPv6 addresses get the form in which colons do not part fields, all
    /// else stays as it is. `None` when it is no list of addresses.
    pub fn stored(typed: &str) -> Option<String> {
        let members: Option<Vec<String>> = typed.split(',').map(stored_member).collect();
        let stored = members?.join(",");
        AddressList::read(stored.as_bytes()).map(|_| stored)
    }

    /// The reverse of [`AddressList::stored`], for people to read.
    pub fn shown(stored: &[u8]) -> Vec<u8> {
        let show = |member: &[u8]| match std::str::from_utf8(member).ok().and_then(ipv6_literal) {
            Some((address, bits)) => [address.to_string(), bits.to_owned()].concat().into_bytes(),
            None => member.to_vec(),
        };
        let members: Vec<Vec<u8>> = stored.split(|byte| *byte == b',').map(show).collect();
        members.join(&b',')
    }

    fn matches(
        &self,
        address: IpAddr,
        if_unknown: bool,
        addresses_of: &mut dyn FnMut(&str) -> Option<Vec<IpAddr>>,
    ) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|entry| match entry {
            AddressEntry::Network(network) => network.contains(address),
            AddressEntry::Name(name) => addresses_of(name).map_or(if_unknown, |found| {
                found.iter().any(|one| one.to_canonical() == address)
            }),
        })
    }
}

fn stored_member(member: &str) -> Option<String> {
    if !member.contains(':') {
        return Some(member.to_owned());
    }
    let (address, bits) = split_bits(member);
    let address: Ipv6Addr = address.parse().ok()?;
    // An address that maps an IPv4 one is printed with dots, which the form has no room for; it is that address.
    if let Some(mapped) = address.to_ipv4_mapped() {
        return bits.is_empty().then(|| mapped.to_string());
    }
    let dashed = address.to_string().replace(':', "-");
    Some(format!("{dashed}{IPV6_LITERAL}{bits}"))
}

/// The part before a slash, and the slash with what is behind it.
fn split_bits(member: &str) -> (&str, &str) {
    member.split_at(member.find('/').unwrap_or(member.len()))
}

fn ipv6_literal(member: &str) -> Option<(Ipv6Addr, &str)> {
    let (address, bits) = split_bits(member);
    let address = address.strip_suffix(IPV6_LITERAL)?.replace('-', ":");
    Some((address.parse().ok()?, bits))
}

impl AddressEntry {
    fn read(member: &str) -> Option<AddressEntry> {
        if let Some((address, bits)) = ipv6_literal(member) {
            return network(IpAddr::V6(address), bits);
        }
        let (address, bits) = split_bits(member);
        if address
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return network(IpAddr::V4(dotted(address)?), bits);
        }
        let is_name = bits.is_empty()
            && !member.ends_with(IPV6_LITERAL)
            && member.len() <= 253
            && !member.starts_with(['-', '.'])
            && member
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        is_name.then(|| AddressEntry::Name(member.to_owned()))
    }
}

/// An IPv4 address as sscanf(3) reads it, leading zeros and all.
fn dotted(text: &str) -> Option<Ipv4Addr> {
    let parts: Option<Vec<u8>> = text
        .split('.')
        .map(|part| decimal(part.as_bytes()).and_then(|number| u8::try_from(number).ok()))
        .collect();
    <[u8; 4]>::try_from(parts?).ok().map(Ipv4Addr::from)
}

/// The network of an address and `/BITS`, or of the address alone. Bits of the address beyond BITS do not count, as in
/// Pure-FTPd.
fn network(address: IpAddr, bits: &str) -> Option<AddressEntry> {
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits.strip_prefix('/') {
        None => widest,
        Some(bits) => decimal(bits.as_bytes()).filter(|bits| (1..=widest).contains(bits))?,
    };
    let beyond = u32::try_from(widest - bits).ok()?;
    let masked = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(beyond).unwrap_or(0);
            IpAddr::from(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(beyond).unwrap_or(0);
            IpAddr::from(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    };
    format!("{masked}/{bits}")
        .parse()
        .ok()
        .map(AddressEntry::Network)
}

/// A time of day within which logins are taken, both ends included; it may go past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    begin: u16,
    end: u16,
}

impl Hours {
    /// The accepted form.
    pub const FORM: &str = "HHMM-HHMM, such as 0900-1800";

    /// Reads `HHMM-HHMM`; leading zeros may be missing, as pure-pw writes it.
    pub fn read(text: &[u8]) -> Option<Hours> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        Some(Hours {
            begin: time(&text[..dash])?,
            end: time(&text[dash + 1..])?,
        })
    }

    /// Whether a login at that hour (0 to 23) and minute (0 to 59) of local time is taken.
    pub fn contains(self, hour: u8, minute: u8) -> bool {
        let now = u16::from(hour) * 100 + u16::from(minute);
        if self.begin <= self.end {
            (self.begin..=self.end).contains(&now)
        } else {
            now >= self.begin || now <= self.end
        }
    }

    /// Begin and end as numbers of the form HHMM.
    pub fn ends(self) -> (u16, u16) {
        (self.begin, self.end)
    }
}

fn time(text: &[u8]) -> Option<u16> {
    let number = decimal(text).filter(|_| text.len() <= 4)?;
    let number = u16::try_from(number).ok()?;
    (number < 2400 && number % 100 < 60).then_some(number)
}

/// As pure-pw writes it, without leading zeros.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.begin, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: &str = "$1$salt$digest:20106:20107:Some_ Gecos:/srv/virt/./u2:51200:102400:1:10:2:3:1048576:127.0.0.1:127.0.0.5:127.0.0.0/8,10.0.0.1:127.0.0.9:0-2359";

    fn read(data: &str) -> Result<VirtualUser, Fault> {
        VirtualUser::read(b"v2", data.as_bytes())
    }

    #[track_caller]
    fn user(data: &str) -> VirtualUser {
        read(data).unwrap_or_else(|fault| panic!("{data}: {fault}"))
    }

    /// A record with one field replaced.
    fn with(field: Field, text: &str) -> String {
        let mut fields: Vec<&str> = FULL.split(':').collect();
        fields[field as usize - 1] = text;
        fields.join(":")
    }

    fn no_names(name: &str) -> Option<Vec<IpAddr>> {
        panic!("{name} was looked up")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    /// Whether a client passes the field of allowed client addresses.
    #[track_caller]
    fn allows(list: &str, address: &str) -> bool {
        let mut data = with(Field::AllowClient, list);
        data = data.replace(":127.0.0.9:", "::");
        user(&data).client.permits(ip(address), &mut no_names)
    }

    #[test]
    fn every_field_is_read_in_its_place_and_unit() {
        let user = user(FULL);
        assert_eq!((user.uid, user.gid), (20106, 20107));
        assert_eq!(user.home.root.as_deref(), Some(&b"/srv/virt"[..]));
        assert_eq!(user.home.start, b"/u2");
        assert_eq!(
            (user.upload_rate, user.download_rate),
            (Some(51200), Some(102_400))
        );
        assert_eq!(
            (user.upload_ratio, user.download_ratio),
            (Some(1), Some(10))
        );
        assert_eq!(user.max_sessions, Some(2));
        assert_eq!(
            (user.quota_files, user.quota_bytes),
            (Some(3), Some(1_048_576))
        );
        assert_eq!(user.hours.map(Hours::ends), Some((0, 2359)));
        assert_eq!(user.gecos, b"Some_ Gecos");
    }

    #[test]
    fn fields_may_be_missing_at_the_end_and_empty_is_no_limit() {
        let short = user("h:1:2::/x");
        assert_eq!(short.home.root, None);
        assert_eq!(
            (short.upload_rate, short.quota_files, short.hours),
            (None, None, None)
        );
        assert!(short.client.permits(ip("192.0.2.1"), &mut no_names));
        assert!(short == user("h:1:2::/x::::::::::::"));
    }

    #[test]
    fn zero_limits_nothing_but_quotas() {
        let zeros = user("h:1:2::/x:0:0:0:0:0:0:0");
        assert_eq!(
            (zeros.upload_rate, zeros.download_ratio, zeros.max_sessions),
            (None, None, None)
        );
        assert_eq!((zeros.quota_files, zeros.quota_bytes), (Some(0), Some(0)));
    }

    #[test]
    fn c7_ids_that_are_no_users_refuse_the_record() {
        for id in [
            "0",
            "",
            "-1",
            "+5",
            "4294967295",
            "4294967296",
            "4294967297",
            "18446744073709551617",
            "5x",
            " 5",
            "root",
            "0x10",
            "00",
        ] {
            for field in [Field::Uid, Field::Gid] {
                assert_eq!(
                    read(&with(field, id)).err().map(|fault| fault.field),
                    Some(field),
                    "{id}"
                );
            }
        }
        assert_eq!(user(&with(Field::Uid, "4294967294")).uid, u32::MAX - 1);
    }

    #[test]
    fn p7_limits_that_are_no_numbers_refuse_the_record() {
        use Field::{
            DownloadRate, DownloadRatio, QuotaBytes, QuotaFiles, Sessions, UploadRate, UploadRatio,
        };
        for field in [
            UploadRate,
            DownloadRate,
            UploadRatio,
            DownloadRatio,
            Sessions,
            QuotaFiles,
            QuotaBytes,
        ] {
            for text in [
                "-1",
                "1k",
                " ",
                "1 ",
                "9223372036854775808",
                "99999999999999999999",
            ] {
                assert_eq!(
                    read(&with(field, text)).err().map(|fault| fault.field),
                    Some(field),
                    "{text}"
                );
            }
        }
        for field in [UploadRatio, DownloadRatio, Sessions] {
            assert!(read(&with(field, "4294967296")).is_err());
        }
    }

    #[test]
    fn homes_are_absolute_and_their_mark_confines() {
        let home = |path| user(&with(Field::Home, path)).home;
        assert_eq!(home("/srv/x/./").root.as_deref(), Some(&b"/srv/x"[..]));
        assert_eq!(home("/srv/x/./").start, b"/");
        assert_eq!(home("/./x").root.as_deref(), Some(&b"/"[..]));
        assert_eq!(home("/a/./b/./c").start, b"/b/./c");
        for path in ["", "x", "./x", "~x", "/x\0y"] {
            assert!(read(&with(Field::Home, path)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_line_with_more_fields_is_refused_and_not_guessed_at() {
        assert!(read(&format!("{FULL}:")).is_err());
        assert!(read("h:1:2::/x::::::::2001:db8::1::::").is_err());
    }

    #[test]
    fn address_lists_hold_as_in_pure_ftpd() {
        assert!(allows("127.0.0.0/8,10.0.0.1", "10.0.0.1"));
        assert!(allows("127.0.0.0/8,10.0.0.1", "::ffff:127.9.9.9"));
        assert!(!allows("127.0.0.0/8,10.0.0.1", "10.0.0.2"));
        assert!(
            allows("10.1.2.3/8", "10.200.0.1"),
            "bits beyond the mask do not count"
        );
        assert!(
            allows("010.001.0.0/16,", "10.1.9.9"),
            "leading zeros and a last comma"
        );
        assert!(!allows("10.0.0.0/8", "2001:db8::1"));
        let denied = user(&with(Field::AllowClient, "")).client;
        assert!(!denied.permits(ip("127.0.0.9"), &mut no_names));
        assert!(denied.permits(ip("127.0.0.8"), &mut no_names));
        let both = user(FULL).client;
        assert!(!both.permits(ip("127.0.0.9"), &mut no_names));
        assert!(both.permits(ip("127.0.0.8"), &mut no_names));
        assert!(!both.permits(ip("192.0.2.1"), &mut no_names));
    }

    #[test]
    fn malformed_lists_refuse_the_login_and_never_open_it() {
        for list in [
            "10.0.0.0/0",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "10.0.0.0/",
            "10.0.0",
            "300.0.0.1",
            "1.2.3.4.5",
            ",",
            "a b",
            "host/8",
            "10.0.0.0/255.0.0.0",
            "*",
            "-x",
            "1.2.3.4 ,5.6.7.8",
            "zz.ipv6-literal.net",
            "--1.ipv6-literal.net/129",
        ] {
            for field in [
                Field::AllowClient,
                Field::DenyClient,
                Field::AllowLocal,
                Field::DenyLocal,
            ] {
                assert_eq!(
                    read(&with(field, list)).err().map(|fault| fault.field),
                    Some(field),
                    "{list}"
                );
            }
        }
    }

    #[test]
    fn names_are_looked_up_and_unknown_ones_let_nobody_in() {
        let client = user(&with(Field::AllowClient, "office.example.org")).client;
        let mut known = |name: &str| (name == "office.example.org").then(|| vec![ip("192.0.2.7")]);
        assert!(client.permits(ip("192.0.2.7"), &mut known));
        assert!(!client.permits(ip("192.0.2.8"), &mut known));
        assert!(!client.permits(ip("192.0.2.7"), &mut |_| None));
        let denying = user(&with(Field::DenyClient, "bad.example.org")).client;
        assert!(!denying.permits(ip("127.0.0.1"), &mut |_| None));
        assert!(denying.permits(ip("127.0.0.1"), &mut |_| Some(vec![])));
    }

    #[test]
    fn ipv6_is_stored_without_colons_and_read_back() {
        let stored = AddressList::stored("2001:db8::/32,10.0.0.0/8,::1,host").expect("list");
        assert_eq!(
            stored,
            "2001-db8--.ipv6-literal.net/32,10.0.0.0/8,--1.ipv6-literal.net,host"
        );
        assert_eq!(
            AddressList::shown(stored.as_bytes()),
            b"2001:db8::/32,10.0.0.0/8,::1,host"
        );
        let numbers = stored.trim_end_matches(",host");
        assert!(
            allows(numbers, "2001:db8:1::5")
                && allows(numbers, "::1")
                && allows(numbers, "10.1.1.1")
        );
        assert!(!allows(numbers, "2001:db9::") && !allows(numbers, "::2"));
        assert_eq!(
            AddressList::stored("::ffff:10.0.0.1").as_deref(),
            Some("10.0.0.1")
        );
        for wrong in [
            "2001:db8::/129",
            "2001:db8::/0",
            "1::2::3",
            "::ffff:10.0.0.0/104",
            "10.0.0.1:21",
            "[::1]",
        ] {
            assert_eq!(AddressList::stored(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hours_include_their_ends_and_may_pass_midnight() {
        let day = Hours::read(b"0900-1800").expect("hours");
        assert!(day.contains(9, 0) && day.contains(18, 0) && day.contains(12, 30));
        assert!(!day.contains(8, 59) && !day.contains(18, 1));
        let night = Hours::read(b"2200-600").expect("hours");
        assert!(night.contains(23, 59) && night.contains(0, 0) && night.contains(6, 0));
        assert!(!night.contains(6, 1) && !night.contains(21, 59));
        assert_eq!(day.to_string(), "900-1800");
    }

    #[test]
    fn malformed_hours_refuse_the_login() {
        for hours in [
            "9-",
            "-",
            "0900",
            "0960-1000",
            "2400-2500",
            "0900-1800x",
            "09:00-18:00",
            "0900 - 1800",
            "00900-1800",
            "900-1800-1900",
        ] {
            assert!(read(&with(Field::Hours, hours)).is_err(), "{hours}");
        }
    }

    #[test]
    fn a_changed_field_leaves_the_others_as_they_were() {
        let mut line = Line::read(b"v:h:0012:2:g:/x::007:junk");
        line.set(Field::Gecos, b"a:b\nc");
        assert_eq!(line.bytes(), b"v:h:0012:2:a_b_c:/x::007:junk:::::::::");
        assert_eq!(line.get(Field::Hours), b"");
    }

    proptest! {
        #[test]
        fn c7_any_bytes_give_a_user_in_range_or_a_fault(data in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(user) = VirtualUser::read(b"v", &data) {
                prop_assert!(user.uid > 0 && user.gid > 0 && user.home.start.starts_with(b"/"));
            }
        }

        #[test]
        fn c7_records_with_fields_changed_at_random_stay_in_range(at in 1_usize..18, text in "[0-9a-z/.,:+ -]{0,24}") {
            let mut fields: Vec<&str> = FULL.split(':').collect();
            fields[at - 1] = &text;
            if let Ok(user) = read(&fields.join(":")) {
                prop_assert!(user.uid > 0 && user.gid > 0 && user.uid < u32::MAX && user.gid < u32::MAX);
            }
        }

        #[test]
        fn an_unchanged_line_is_written_as_it_was(line in "[ -~]{0,200}") {
            prop_assert_eq!(Line::read(line.as_bytes()).bytes(), line.as_bytes());
        }
    }
}
