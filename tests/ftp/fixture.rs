//! A started server with files to fetch and a directory to fill, and the comparisons every client's tests make.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::common::server::{LOOPBACK, Place, Program, Server, anonymous_account};
use crate::programs::sha256;

/// The sizes every client moves.
pub(crate) const SIZES: [u64; 3] = [0, 1, 65536];

/// Names that clients and servers like to get wrong. A leading dash is for downloads: anonymous uploads may not have one.
pub(crate) const ODD_NAMES: [&str; 4] = [
    "two  blanks.txt",
    "Grüße €.txt",
    "it's \"quoted\".txt",
    "-rf dash.txt",
];

/// How the client opens data connections, and by which protocol it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Passive,
    Active,
    Passive6,
    Active6,
}

impl Way {
    /// All four.
    pub(crate) const ALL: [Way; 4] = [Way::Passive, Way::Active, Way::Passive6, Way::Active6];

    pub(crate) fn is_active(self) -> bool {
        matches!(self, Way::Active | Way::Active6)
    }

    fn address(self) -> IpAddr {
        match self {
            Way::Passive | Way::Active => LOOPBACK,
            Way::Passive6 | Way::Active6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        }
    }
}

/// The server with its place, and a directory for what clients bring home.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) place: Place,
    home: TempDir,
}

impl Served {
    /// Serves the files of [`SIZES`] in pub/ under names like `65536.bin`, and an empty incoming/ anybody may fill.
    pub(crate) fn start(way: Way, flags: &[&str]) -> Served {
        let place = Place::new().expect("a place to serve");
        let root = place.root();
        for folder in ["pub", "incoming"] {
            fs::create_dir(root.join(folder)).expect("a directory");
        }
        for size in SIZES {
            fill(&root.join(format!("pub/{size}.bin")), size);
        }
        if let Some(account) = anonymous_account() {
            chown(root.join("incoming"), Some(account.uid), Some(account.gid))
                .expect("incoming belongs to the account");
        }
        let flags: Vec<_> = flags.iter().map(Into::into).collect();
        let server = Server::start(&Program::chosen(), &place, Some(way.address()), &flags)
            .unwrap_or_else(|e| panic!("{e}"));
        let home = tempfile::tempdir().expect("a home for the client");
        Served {
            server,
            place,
            home,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The host as clients want it on their command lines.
    pub(crate) fn host(&self) -> String {
        self.address().ip().to_string()
    }

    pub(crate) fn port(&self) -> String {
        self.address().port().to_string()
    }

    /// `ftp://127.0.0.1:2121/PATH`; the path is percent-encoded where needed.
    pub(crate) fn url(&self, path: &str) -> String {
        let mut url = format!("ftp://{}/", self.address());
        for byte in path.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'/' => {
                    url.push(char::from(byte));
                }
                byte => url += &format!("%{byte:02X}"),
            }
        }
        url
    }

    /// The client's own directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in the client's directory.
    pub(crate) fn mine(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A path in the served tree.
    pub(crate) fn served(&self, name: &str) -> PathBuf {
        self.place.root().join(name)
    }

    /// Makes a file in the client's directory.
    pub(crate) fn make_mine(&self, name: &str, size: u64) -> PathBuf {
        let path = self.mine(name);
        fill(&path, size);
        path
    }

    /// The client's file is the served one.
    pub(crate) fn same(&self, mine: &str, served: &str) {
        let (mine, served) = (self.mine(mine), self.served(served));
        assert!(
            mine.is_file() && served.is_file() && sha256(&mine) == sha256(&served),
            "{} and {} differ; the server said:\n{}",
            mine.display(),
            served.display(),
            self.server.errors()
        );
    }

    /// Puts a tree of [`ODD_NAMES`] below `root`: each name as a file, and once more in a directory with an odd name.
    pub(crate) fn plant_odd_names(root: &Path, with_dash: bool) -> Vec<String> {
        let mut names = Vec::new();
        for folder in ["", "a folder of 'ours'/"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
            for name in ODD_NAMES {
                if with_dash || !name.starts_with('-') {
                    let name = format!("{folder}{name}");
                    fill(&root.join(&name), 100 + name.len() as u64);
                    names.push(name);
                }
            }
        }
        names
    }
}

/// Fills a file with bytes that do not repeat, line ends of all kinds among them.
pub(crate) fn fill(path: &Path, size: u64) {
    let mut out = BufWriter::new(File::create(path).expect("a new file"));
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15 ^ size;
    let mut left = size;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bytes = state.to_le_bytes();
        let take = left.min(8);
        out.write_all(&bytes[..take as usize])
            .expect("room on the disk");
        left -= take;
    }
    out.flush().expect("room on the disk");
    fs::set_permissions(path, Permissions::from_mode(0o644)).expect("a mode");
}

/// Whether a peer is under test; then what follows is skipped, and `reason` says why.
pub(crate) fn with_peer(reason: &str) -> bool {
    let peer = Program::chosen() != Program::Wharf;
    if peer {
        eprintln!("skipped with a peer: {reason}");
    }
    peer
}

/// Cuts a copy of `from` off after `size` bytes, as an interrupted download leaves it.
pub(crate) fn begin(from: &Path, to: &Path, size: usize) {
    let bytes = fs::read(from).expect("the original");
    fs::write(to, &bytes[..size]).expect("the beginning");
}
