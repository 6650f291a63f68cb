//! `--serve`: a folder shared from the shell. What is looked at before, what is said, and when it ends by itself.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::{Failure, listening};
use crate::keeper::message::Secret;
use crate::keeper::sources::{Share, Source};
use crate::logs::escape;
use crate::net::Random;
use crate::session::shared::Shared;
use crate::settings::{Listen, SHARE_PORTS, SHARE_USER, Settings, Sharing, share_place};
use crate::sys::creds::Identity;
use crate::sys::{host, privileges};
use crate::units::WriteMode;
use crate::units::sysexits::UNAVAILABLE;

/// Without letters and digits that are taken for one another.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// How many of them a password has: 60 bits.
const PASSWORD: usize = 12;

/// How long counting what is shared may take.
const COUNTING: Duration = Duration::from_secs(1);

/// How often the server looks whether a transfer is over (`--once`).
const LOOK: Duration = Duration::from_millis(50);

/// How long the one who got the file has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What is shared, found at the start.
pub(super) struct Shares {
    /// The directory, absolute and without links.
    pub(super) directory: PathBuf,
    password: String,
}

impl Shares {
    /// Looks at the directory, and puts what it found into the settings.
    pub(super) fn find(settings: &mut Settings) -> Result<Option<Shares>, Failure> {
        let Some(sharing) = &mut settings.sharing else {
            return Ok(None);
        };
        let given = &sharing.directory;
        let directory = given
            .canonicalize()
            .and_then(|path| match path.is_dir() {
                true => Ok(path),
                false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            })
            .map_err(|error| Failure::open("--serve", given, &error))?;
        let home = std::env::var_os("HOME").and_then(|home| Path::new(&home).canonicalize().ok());
        let whole = match () {
            () if directory == Path::new("/") => Some("the whole machine"),
            () if Some(&directory) == home.as_ref() => Some("your home directory"),
            () => None,
        };
        if let Some(what) = whole.filter(|_| !sharing.yes) {
            return Err(Failure::shares_too_much(&directory, what));
        }
        sharing.directory.clone_from(&directory);
        if settings.login.anonymous_root.is_some() {
            settings.login.anonymous_root = Some(directory.clone());
        }
        let password = password().map_err(Failure::loop_)?;
        Ok(Some(Shares {
            directory,
            password,
        }))
    }

    /// The account of `--write`, which acts as `identity`.
    pub(super) fn account(&self, identity: &Identity) -> Box<dyn Source> {
        Box::new(Share {
            name: SHARE_USER.as_bytes().to_vec(),
            password: Secret::new(self.password.clone().into_bytes()),
            uid: identity.uid,
            gid: identity.gid,
            home: self.directory.as_os_str().as_encoded_bytes().to_vec(),
        })
    }

    /// What is shared and how to come to it, in lines. To be asked for while paths mean what whoever started the server meant.
    pub(super) fn said(&self, sharing: &Sharing, listeners: &[TcpListener]) -> String {
        self.page(sharing, &places(listeners))
    }

    fn page(&self, sharing: &Sharing, places: &[(IpAddr, u16)]) -> String {
        let mut page = String::new();
        let directory = self.directory.as_os_str().as_encoded_bytes();
        let what = match sharing.write {
            None => format!("read-only: {}", Found::below(&self.directory)),
            Some(WriteMode::All) => {
                format!("may be changed: {}", Found::below(&self.directory))
            }
            Some(WriteMode::Drop) => "to leave files in".to_owned(),
        };
        // Writing to memory does not fail.
        let _ = writeln!(page, "Sharing {}, {what}", escape(directory));
        let login = match sharing.write {
            Some(WriteMode::All) => format!("{SHARE_USER}:{}@", self.password),
            _ => String::new(),
        };
        let urls: Vec<String> = places
            .iter()
            .map(|(address, port)| match address {
                IpAddr::V4(address) => format!("ftp://{login}{address}:{port}/"),
                IpAddr::V6(address) => format!("ftp://{login}[{address}]:{port}/"),
            })
            .collect();
        for url in &urls {
            let _ = writeln!(page, "  {url}");
        }
        let (Some(url), Some((address, port))) = (urls.first(), places.first()) else {
            return page;
        };
        let curl = match sharing.write {
            Some(_) => format!("curl -T NAME {url}"),
            None => format!("curl -O {url}NAME"),
        };
        let lftp = match sharing.write {
            None => "mirror; exit",
            Some(WriteMode::All) => "mirror -R LOCALDIR; exit",
            Some(WriteMode::Drop) => "put NAME; exit",
        };
        let user = match sharing.write {
            Some(WriteMode::All) => format!("user {SHARE_USER}, password {}", self.password),
            _ => "anonymous".to_owned(),
        };
        let _ = writeln!(page, "  curl      {curl}");
        let _ = writeln!(page, "  lftp      lftp -e '{lftp}' {url}");
        let _ = writeln!(page, "  Windows   explorer \"{url}\"");
        let _ = writeln!(
            page,
            "  phone     in a file manager that knows FTP: server {address}, port {port}, {user}"
        );
        if sharing.qr {
            match QrCode::new(url.as_bytes()) {
                Ok(code) => {
                    // On a terminal with a dark background, as most have.
                    let mut drawing = code.render::<Dense1x2>();
                    drawing
                        .dark_color(Dense1x2::Light)
                        .light_color(Dense1x2::Dark);
                    let drawn = drawing.build();
                    let _ = writeln!(page, "{drawn}");
                }
                Err(error) => {
                    let _ = writeln!(page, "  --qr: {error}");
                }
            }
        }
        page.push_str("Ctrl-C ends it once transfers are over, a second one at once.\n");
        page
    }
}

/// Binds the first of the ports tried that is free.
pub(super) fn listen(settings: &Settings, is_root: bool) -> Result<Vec<TcpListener>, Failure> {
    for port in SHARE_PORTS {
        let place = Listen {
            flag: "--serve",
            at: share_place(port),
        };
        match listening::listen_at(&[place], settings, is_root) {
            Err(failure) if failure.status == UNAVAILABLE && port != *SHARE_PORTS.end() => {}
            done => return done,
        }
    }
    Ok(Vec::new())
}

/// As whom a server started by root touches what it shares: the directory's owner, or where that is root the user ftp, else
/// nobody.
pub(super) fn identity(directory: &Path) -> Result<Identity, Failure> {
    let metadata = directory
        .metadata()
        .map_err(|error| Failure::open("--serve", directory, &error))?;
    let (uid, gid) = match metadata.uid() {
        0 => ["ftp", "nobody"]
            .into_iter()
            .find_map(privileges::user_named)
            .map_or((65534, 65534), |user| (user.uid, user.gid)),
        uid => (
            uid,
            privileges::user_with(uid).map_or(metadata.gid(), |user| user.gid),
        ),
    };
    Ok(Identity {
        uid,
        gid,
        groups: Vec::new(),
    })
}

/// Why a share has come to its end.
pub(super) async fn over(shared: &Shared) -> &'static str {
    let Some(sharing) = &shared.base.settings.sharing else {
        return std::future::pending().await;
    };
    let by_time = async {
        match sharing.stop_after {
            Some(time) => shared.handle.sleep(time).await,
            None => std::future::pending().await,
        }
        "--for: the time is over"
    };
    let by_transfer = async {
        if !sharing.once {
            std::future::pending::<()>().await;
        }
        let whole = || shared.counts.uploads().whole + shared.counts.downloads().whole;
        while whole() == 0 {
            shared.handle.sleep(LOOK).await;
        }
        let until = shared.handle.now() + GOODBYE;
        shared.handle.until(until, super::no_sessions(shared)).await;
        "--once: a file was transferred"
    };
    futures_lite::future::or(by_time, by_transfer).await
}

fn password() -> io::Result<String> {
    let mut random = Random::new()?;
    let bound = u32::try_from(LETTERS.len()).unwrap_or(u32::MAX);
    (0..PASSWORD)
        .map(|_| {
            let at = random.below(bound)? as usize;
            Ok(char::from(LETTERS[at]))
        })
        .collect()
}

/// Where clients find the server, those of the local network first and the machine's own last.
fn places(listeners: &[TcpListener]) -> Vec<(IpAddr, u16)> {
    let own = host::addresses().unwrap_or_default();
    let mut places = Vec::new();
    for listener in listeners {
        let Ok(local) = listener.local_addr() else {
            continue;
        };
        let (address, port) = (local.ip(), local.port());
        match address.is_unspecified() {
            true => places.extend(
                own.iter()
                    .filter(|own| own.is_ipv4() == address.is_ipv4() && !is_link_local(own))
                    .map(|own| (*own, port)),
            ),
            false => places.push((address, port)),
        }
    }
    // A name of this machine alone is no use to others, but is what a test on it wants.
    places.sort_by_key(|(address, _)| (address.is_loopback(), distance(address)));
    places
}

/// Without its zone, which other machines call otherwise, such an address leads nowhere.
fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn distance(address: &IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) if address.is_private() => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(address) if address.is_unique_local() => 2,
        IpAddr::V6(_) => 3,
    }
}

/// What there is below a directory.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    files: u64,
    bytes: u64,
    /// Counting took too long.
    more: bool,
}

impl Found {
    /// Counts what clients are shown: nothing that begins with a dot, nothing behind links.
    fn below(directory: &Path) -> Found {
        let until = Instant::now() + COUNTING;
        let mut found = Found::default();
        let mut left = vec![directory.to_owned()];
        while let Some(directory) = left.pop() {
            let Ok(entries) = std::fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                if Instant::now() > until {
                    found.more = true;
                    return found;
                }
                let Ok(metadata) = entry.metadata() else {
                    continue;
                };
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                if metadata.is_dir() {
                    left.push(entry.path());
                } else if metadata.is_file() {
                    found.files += 1;
                    found.bytes += metadata.len();
                }
            }
        }
        found
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = if self.more { "more than " } else { "" };
        let files = if self.files == 1 { "file" } else { "files" };
        write!(
            formatter,
            "{more}{} {files}, {}",
            self.files,
            bytes_in_words(self.bytes)
        )
    }
}

/// `512 bytes`, `1.5 MB`: in steps of 1024, as listings and transfer logs count.
pub(super) fn bytes_in_words(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "";
    for larger in ["KB", "MB", "GB", "TB", "PB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    match unit {
        "" => format!("{bytes} bytes"),
        _ => format!("{size:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::create_dir(path.join("sub")).unwrap();
        std::fs::create_dir(path.join(".git")).unwrap();
        for (name, size) in [("a", 3), ("sub/b", 5), (".hidden", 7), (".git/c", 11)] {
            std::fs::write(path.join(name), vec![0; size]).unwrap();
        }
        std::os::unix::fs::symlink("/", path.join("link")).unwrap();
        let found = Found::below(path);
        assert_eq!((found.files, found.bytes, found.more), (2, 8, false));
        assert_eq!(found.to_string(), "2 files, 8 bytes");
        assert_eq!(bytes_in_words(1536 * 1024), "1.5 MB");
    }

    #[test]
    fn passwords_differ_and_need_no_quoting() {
        let one = password().unwrap();
        assert_eq!(one.len(), PASSWORD);
        assert!(one.bytes().all(|byte| LETTERS.contains(&byte)));
        assert_ne!(one, password().unwrap());
    }

    #[test]
    fn the_local_network_comes_first_and_the_machine_itself_last() {
        let mut addresses: Vec<IpAddr> = ["127.0.0.1", "2001:db8::1", "203.0.113.5", "192.168.1.5"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        addresses.sort_by_key(|address| (address.is_loopback(), distance(address)));
        let sorted: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            sorted,
            ["192.168.1.5", "203.0.113.5", "2001:db8::1", "127.0.0.1"]
        );
    }

    #[test]
    fn the_page_has_what_can_be_typed() {
        let directory = tempfile::tempdir().unwrap();
        let shares = Shares {
            directory: directory.path().to_owned(),
            password: "pass2".to_owned(),
        };
        let mut sharing = Sharing {
            directory: directory.path().to_owned(),
            write: None,
            stop_after: None,
            once: false,
            qr: false,
            yes: false,
            finds_port: true,
        };
        let places = [
            ("192.168.1.5".parse().unwrap(), 2122),
            ("fd00::5".parse().unwrap(), 2122),
        ];
        let page = shares.page(&sharing, &places);
        assert!(page.contains(", read-only: 0 files, 0 bytes\n  ftp://192.168.1.5:2122/\n  ftp://[fd00::5]:2122/\n"), "{page}");
        assert!(
            page.contains("curl -O ftp://192.168.1.5:2122/NAME"),
            "{page}"
        );
        assert!(!page.contains("pass2"));
        sharing.write = Some(WriteMode::All);
        sharing.qr = true;
        let page = shares.page(&sharing, &places);
        assert!(
            page.contains("ftp://share:pass2@192.168.1.5:2122/"),
            "{page}"
        );
        assert!(page.contains('\u{2588}'), "{page}");
    }
}
