//! What sessions will need, opened while paths still mean what the administrator meant: trees, messages, aliases,
//! looked-up names.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Failure, reload};
use crate::files::Tree;
use crate::keeper::Certd;
use crate::logs::{self, Severity};
use crate::net::{Acceptor, Authorities, Clients, Pair, Resumption, RevocationLists};
use crate::proto::path::VirtualPath;
use crate::reactor::Handle;
use crate::session::Listed;
use crate::session::shared::{Bell, FileMark, GreetingText, Site, Tls};
use crate::settings::{self, Banner, Login, Settings};
use crate::sys::creds::Identity;
use crate::sys::{files, words};
use crate::units::{CertificateFiles, PassiveAddress};

/// Longest alias, in bytes; Pure-FTPd's limit.
const LONGEST_ALIAS: usize = 255;

/// The most that is read of a banner, fortune or aliases file.
const LONGEST_TEXT: u64 = 1024 * 1024;

/// The flags that name lists of users.
pub(super) const USER_LIST: &str = "--userlist";
pub(super) const DENY_USERS: &str = "--denyusers";

/// The flag that names a log of transfers.
pub(super) const TRANSFER_LOG: &str = "-O";

/// The largest list of users.
const LONGEST_LIST: u64 = 16 * 1024 * 1024;

/// A file of an administrator, bounded.
fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, LONGEST_TEXT)
}

fn read_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_file(std::fs::File::open(path)?, most)
}

fn read_file(file: std::fs::File, most: u64) -> io::Result<Vec<u8>> {
    files::read_regular(file.into(), most)
}

/// A list of users, whole: one that is cut would let in whom it is to keep out.
pub(super) fn read_list(file: std::fs::File) -> io::Result<Vec<u8>> {
    let text = read_file(file, LONGEST_LIST + 1)?;
    if text.len() as u64 > LONGEST_LIST {
        return Err(io::Error::other("larger than 16 MiB"));
    }
    Ok(text)
}

/// Who may log in and who may not.
pub(super) fn listed(login: &Login) -> Result<Listed, Failure> {
    let read = |flag: &str, path: &Option<PathBuf>| {
        let path = path.as_ref();
        path.map(|path| {
            let text = std::fs::File::open(path).and_then(read_list);
            text.map_err(|error| Failure::open(flag, path, &error))
        })
        .transpose()
    };
    let only = read(USER_LIST, &login.user_list)?;
    let never = read(DENY_USERS, &login.deny_users)?;
    Ok(Listed::new(only.as_deref(), never.as_deref()))
}

/// The flag that names certificates and keys.
pub(super) const CERTIFICATES: &str = "-2";

/// A certificate or key, whole, and what its file is now.
pub(super) fn read_pem(file: std::fs::File) -> io::Result<(Vec<u8>, FileMark)> {
    let mark = mark(&file)?;
    Ok((read_file(file, LONGEST_TEXT)?, mark))
}

/// Whose certificates are asked for, or were revoked, and what the file is now.
pub(super) fn read_marked_list(file: std::fs::File) -> io::Result<(Vec<u8>, FileMark)> {
    let mark = mark(&file)?;
    Ok((read_list(file)?, mark))
}

/// By what the file is seen to have changed.
pub(super) fn mark(file: &std::fs::File) -> io::Result<FileMark> {
    let metadata = file.metadata()?;
    let nanoseconds =
        |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    Ok(FileMark([
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.size().into(),
        nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
    ]))
}

/// The flag that names the socket of a program to be asked for certificates.
const CERTD: &str = "-3";

/// The program of `-3`, as the keeper asks it.
pub(super) fn certd(tls: &settings::Tls) -> Option<Certd> {
    let socket = tls.certd.as_deref().filter(|_| tls.is_on())?;
    let absolute = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
    Some(Certd::new(absolute, reload::open_without_waiting))
}

/// Whether somebody listens at the socket of `-3`. That may come later, but something else in its place is a mistake.
fn look_at_certd(certd: &Certd) -> Result<(), Failure> {
    let socket = certd.socket();
    if std::fs::metadata(socket).is_ok_and(|found| !found.file_type().is_socket()) {
        let error = io::Error::other("not a socket");
        return Err(Failure::open(CERTD, socket, &error));
    }
    match certd.look() {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(Failure::open(CERTD, socket, &error));
        }
        Err(error) => logs::server(
            Severity::Warning,
            format_args!(
                "{CERTD} {}: {}: until a program listens there, TLS clients that ask for a name are turned away",
                socket.display(),
                words(&error)
            ),
        ),
    }
    Ok(())
}

/// The flags about certificates of clients.
pub(super) const CLIENT_CA: &str = "--tlsclientca";
pub(super) const REVOCATION_LISTS: &str = "--tlscrl";

/// Reads a file of TLS.
type ReadMarked = fn(std::fs::File) -> io::Result<(Vec<u8>, FileMark)>;

/// What the files of TLS have in them.
#[derive(Default)]
pub(super) struct TlsTexts {
    /// For each `-2` the certificate's, and the key's where it has a file of its own.
    pub(super) certificates: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// That of `--tlsclientca`.
    pub(super) client_ca: Option<Vec<u8>>,
    /// Those of `--tlscrl`.
    pub(super) revocation_lists: Vec<Vec<u8>>,
}

/// TLS with its certificates, none without `-Y`.
pub(super) fn tls(tls: &settings::Tls) -> Result<Option<Tls>, Failure> {
    if !tls.is_on() {
        return Ok(None);
    }
    if let Some(certd) = certd(tls) {
        look_at_certd(&certd)?;
    }
    let mut marks = Vec::new();
    let mut read = |flag: &str, path: &Path, read: ReadMarked| {
        let read = std::fs::File::open(path).and_then(read);
        let (text, mark) = read.map_err(|error| Failure::open(flag, path, &error))?;
        marks.push(mark);
        Ok::<_, Failure>(text)
    };
    let mut texts = TlsTexts::default();
    for files in &tls.certificates {
        let certificate = read(CERTIFICATES, &files.certificate, read_pem)?;
        let key = match &files.key {
            Some(path) => Some(read(CERTIFICATES, path, read_pem)?),
            None => None,
        };
        texts.certificates.push((certificate, key));
    }
    if let Some(clients) = &tls.clients {
        if let Some(path) = &clients.authorities {
            texts.client_ca = Some(read(CLIENT_CA, path, read_marked_list)?);
        }
        for path in &clients.revocation_lists {
            let text = read(REVOCATION_LISTS, path, read_marked_list)?;
            texts.revocation_lists.push(text);
        }
    }
    let resumption = Resumption::new().map_err(|error| Failure::tls(&error))?;
    let acceptor = acceptor(tls, &texts, &resumption)?;
    tls.certificates.iter().for_each(warn_of_open_key);
    Ok(Some(Tls {
        acceptor: RefCell::new(Rc::new(acceptor)),
        resumption,
        marks: RefCell::new(marks),
        used: Bell::default(),
    }))
}

/// Whoever has the key can be the server.
fn warn_of_open_key(files: &CertificateFiles) {
    let path = files.key_file();
    let Ok(metadata) = std::fs::metadata(path) else {
        return;
    };
    if metadata.mode() & 0o004 != 0 {
        let path = path.display();
        logs::server(
            Severity::Warning,
            format_args!(
                "{CERTIFICATES} {path}: every user of the machine can read the private key: better chmod o-r {path}"
            ),
        );
    }
}

/// What handshakes are made with, of these texts.
pub(super) fn acceptor(
    tls: &settings::Tls,
    texts: &TlsTexts,
    resumption: &Resumption,
) -> Result<Acceptor, Failure> {
    let now = Timestamp::now();
    let mut pairs = Vec::new();
    for (files, (certificate, key)) in tls.certificates.iter().zip(&texts.certificates) {
        let key = key.as_deref().unwrap_or(certificate);
        let pair = Pair::read(certificate, key, now).map_err(|why| {
            let path = match why.is_about_key() {
                true => files.key_file(),
                false => &files.certificate,
            };
            Failure::certificate(path, &why)
        })?;
        if let Some(concern) = pair.concern(now) {
            let path = files.certificate.display();
            logs::server(
                Severity::Warning,
                format_args!("{CERTIFICATES} {path}: {concern}"),
            );
        }
        pairs.push(pair);
    }
    let clients = match &tls.clients {
        Some(asked) => Some(clients(asked, texts, now)?),
        None => None,
    };
    let suites = tls.ciphers.suites();
    let acceptor = Acceptor::new(pairs, suites, tls.min_version, clients, resumption);
    acceptor.map_err(|error| Failure::tls(&error))
}

/// Whose certificates clients are asked for.
fn clients(
    asked: &settings::ClientCertificates,
    texts: &TlsTexts,
    now: Timestamp,
) -> Result<Arc<Clients>, Failure> {
    let authorities = match (&asked.authorities, &texts.client_ca) {
        (Some(path), Some(text)) => {
            let read = Authorities::read(text, now);
            let read = read.map_err(|why| Failure::clients(CLIENT_CA, path, &why))?;
            if let Some(concern) = read.concern(now) {
                let path = path.display();
                logs::server(
                    Severity::Warning,
                    format_args!("{CLIENT_CA} {path}: {concern}"),
                );
            }
            read
        }
        _ => {
            let certificates = texts.certificates.iter().map(|(text, _)| text.as_slice());
            let all: Vec<u8> = certificates.collect::<Vec<_>>().join(&b'\n');
            let read = Authorities::read_self_signed(&all, now);
            read.map_err(|why| Failure::no_authority(&why))?
        }
    };
    let mut lists = RevocationLists::default();
    for (path, text) in asked.revocation_lists.iter().zip(&texts.revocation_lists) {
        let due = lists.add(text, &authorities);
        let due = due.map_err(|why| Failure::clients(REVOCATION_LISTS, path, &why))?;
        if let Some(due) = due.filter(|due| *due < now) {
            let (path, due) = (path.display(), due.strftime("%Y-%m-%d"));
            logs::server(
                Severity::Error,
                format_args!(
                    "{REVOCATION_LISTS} {path}: a newer one was due on {due}: clients it is about are refused"
                ),
            );
        }
    }
    Ok(Clients::new(authorities, lists, asked.required))
}

/// The time zone of logs and listings, as tzset(3) finds it: `TZ` as a name below the zone folder, a path or a POSIX
/// rule, else the machine's; UTC where nothing is found.
///
/// Done here since a library that can find any zone by name first reads the whole zone folder, which a server
/// started by inetd for each client cannot afford.
pub(super) fn zone() -> TimeZone {
    let variable = std::env::var("TZ").ok().filter(|value| !value.is_empty());
    let named = variable
        .as_deref()
        .map(|value| value.trim_start_matches(':'));
    match named {
        None => zone_file(Path::new("/etc/localtime")),
        Some(name) => zone_file(&Path::new("/usr/share/zoneinfo").join(name))
            .or_else(|| TimeZone::posix(name).ok()),
    }
    .unwrap_or(TimeZone::UTC)
}

fn zone_file(path: &Path) -> Option<TimeZone> {
    let bytes = read_text(path).ok()?;
    TimeZone::tzif("Local", &bytes).ok()
}

/// The words of the greeting.
pub(super) fn greeting(settings: &Settings) -> Result<GreetingText, Failure> {
    Ok(match &settings.login.banner {
        Banner::Default => GreetingText::Default,
        Banner::Text(text) => GreetingText::Fixed(text.clone().into_bytes()),
        Banner::File(path) => {
            let text =
                read_text(path).map_err(|error| Failure::open("--bannerfile", path, &error))?;
            GreetingText::Fixed(text)
        }
        Banner::Fortune(path) => {
            let text = read_text(path).map_err(|error| Failure::open("-F", path, &error))?;
            GreetingText::Fortunes(text)
        }
    })
}

/// The aliases file: pairs of lines, name and directory. A file that is not there gives none.
pub(super) fn aliases(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            logs::server(
                Severity::Error,
                format_args!("Aliases file {}: {}", path.display(), words(&error)),
            );
            return Vec::new();
        }
    };
    let parsed = parse_aliases(&text);
    if parsed.is_none() {
        logs::server(
            Severity::Error,
            format_args!("Damaged aliases file: {}", path.display()),
        );
    }
    parsed.unwrap_or_default()
}

fn parse_aliases(text: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut aliases = Vec::new();
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    while let Some(alias) = lines.next() {
        if alias.is_empty() || alias.starts_with(b"#") {
            continue;
        }
        let directory = lines.next().filter(|line| !line.is_empty())?;
        if alias.len() > LONGEST_ALIAS {
            return None;
        }
        aliases.push((alias.to_vec(), directory.to_vec()));
    }
    Some(aliases)
}

/// A tree and its name in logs.
pub(super) fn site(
    home: &Home,
    label: Vec<u8>,
    handle: &Handle,
    identity: &Arc<Identity>,
) -> io::Result<Rc<Site>> {
    let tree = Tree::open_as(&home.root, handle, Arc::clone(identity))?;
    let start = VirtualPath::root().join(&home.start);
    let start = start.unwrap_or_else(|_| VirtualPath::root());
    Ok(Rc::new(Site {
        tree,
        label,
        identity: Arc::clone(identity),
        start,
    }))
}

/// A home directory: the root of the account, and where in it a session begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// A path of this machine.
    pub(super) root: PathBuf,
    /// A path below it.
    pub(super) start: Vec<u8>,
}

impl Home {
    /// A directory given as it is.
    pub(super) fn plain(root: PathBuf) -> Home {
        Home {
            root,
            start: Vec::new(),
        }
    }

    /// A home of the user database: in `/srv/ftp/./pub` the root ends before the dot.
    pub(super) fn of_user(home: &Path) -> Home {
        let text = home.as_os_str().as_bytes();
        let cut = text.windows(3).position(|part| part == b"/./");
        match cut {
            Some(cut) if cut > 0 => Home {
                root: PathBuf::from(OsStr::from_bytes(&text[..cut])),
                start: text[cut + 2..].to_vec(),
            },
            _ => Home::plain(home.to_owned()),
        }
    }
}

/// The roots for clients that come to particular addresses: directories named after them.
pub(super) fn virtual_sites(
    directory: &Path,
    handle: &Handle,
    identity: &Arc<Identity>,
) -> HashMap<IpAddr, Rc<Site>> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return HashMap::new();
    };
    let mut sites = HashMap::new();
    for entry in entries.flatten() {
        let Some(address) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<IpAddr>().ok())
        else {
            continue;
        };
        let home = Home::plain(entry.path());
        match site(&home, format!("{address}:").into_bytes(), handle, identity) {
            Ok(site) => drop(sites.insert(address.to_canonical(), site)),
            Err(error) => logs::server(
                Severity::Error,
                format_args!("Virtual host {}: {}", entry.path().display(), words(&error)),
            ),
        }
    }
    sites
}

/// The address of `-P`, looked up where it is a name.
pub(super) fn passive_address(settings: &Settings) -> Result<Option<IpAddr>, Failure> {
    match &settings.network.passive_address {
        None | Some(PassiveAddress::OfControl) => Ok(None),
        Some(PassiveAddress::Address(address)) => Ok(Some(*address)),
        Some(PassiveAddress::Name(name)) => {
            let found = (name.as_str(), 0).to_socket_addrs();
            let mut addresses =
                found.map_err(|error| Failure::lookup("-P", name, &error.to_string()))?;
            match addresses.find(|address| address.is_ipv4()) {
                Some(address) => Ok(Some(address.ip())),
                None => Err(Failure::lookup("-P", name, "this name has no IPv4 address")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_pairs_of_lines_with_comments_between_pairs() {
        let text = b"# short names\npub\n/pub/files\n\nmus\n/music\n";
        let wanted = vec![
            (b"pub".to_vec(), b"/pub/files".to_vec()),
            (b"mus".to_vec(), b"/music".to_vec()),
        ];
        assert_eq!(parse_aliases(text), Some(wanted));
    }

    #[test]
    fn a_zone_file_is_read_and_rubbish_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zone");
        std::fs::write(&path, b"not a zone").unwrap();
        assert!(zone_file(&path).is_none());
        assert!(zone_file(&directory.path().join("missing")).is_none());
        assert!(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").is_ok());
    }

    #[test]
    fn a_list_of_users_is_read_whole_or_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let login = |path: &Path| Login {
            deny_users: Some(path.to_owned()),
            ..Login::default()
        };
        let size = usize::try_from(LONGEST_LIST).unwrap();
        let mut text = vec![b'\n'; size - 3];
        text.extend_from_slice(b"joe");
        std::fs::write(&path, &text).unwrap();
        let read = listed(&login(&path)).unwrap();
        assert_eq!(read.objection(b"joe"), Some("--denyusers"));
        text.push(b'\n');
        std::fs::write(&path, &text).unwrap();
        for (path, what) in [
            (path.as_path(), "larger than 16 MiB"),
            (directory.path(), "not a regular file"),
            (&directory.path().join("missing"), "No such file"),
        ] {
            let failure = listed(&login(path)).unwrap_err();
            assert_eq!(failure.status, 78);
            let text = failure.to_string();
            assert!(
                text.contains("--denyusers") && text.contains(what),
                "{text}"
            );
        }
    }

    #[test]
    fn a_home_with_a_dot_parts_the_root_from_the_start() {
        let home = Home::of_user(Path::new("/srv/ftp/./pub"));
        assert_eq!(home.root, Path::new("/srv/ftp"));
        assert_eq!(home.start, b"/pub");
        let home = Home::of_user(Path::new("/srv/ftp/./"));
        assert_eq!(home.root, Path::new("/srv/ftp"));
        assert_eq!(home.start, b"/");
        let plain = Home::of_user(Path::new("/srv/ftp"));
        assert_eq!(plain, Home::plain("/srv/ftp".into()));
    }

    #[test]
    fn an_alias_without_a_directory_damages_the_file() {
        assert_eq!(parse_aliases(b"pub\n/pub\nmus\n"), None);
    }
}
