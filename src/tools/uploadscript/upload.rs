//! One upload: the file a record names, and the program that is run for it.
//!
//! Names are a client's choice. They reach the program as one argument and as bytes of its environment, and no shell sees
//! them; an argument always begins with a slash, so none is an option. Of what a path leads to only regular files count,
//! and a link at its end is not followed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat};

use crate::sys::words;

/// What begins a record.
const LOGIN_FOLLOWS: u8 = 2;

/// What ends the login.
const PATH_FOLLOWS: u8 = 1;

/// What the program finds in its environment.
const VARIABLES: [&str; 7] = [
    "UPLOAD_SIZE",
    "UPLOAD_PERMS",
    "UPLOAD_UID",
    "UPLOAD_GID",
    "UPLOAD_USER",
    "UPLOAD_GROUP",
    "UPLOAD_VUSER",
];

/// An upload as a server told of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upload {
    login: Vec<u8>,
    path: Vec<u8>,
}

impl Upload {
    /// Reads a record. The path of a virtual host, `ADDRESS:/path`, is looked for in the directory of that name in
    /// `virtual_hosts`. None for what is no record.
    pub(super) fn of_record(record: &[u8], virtual_hosts: &Path) -> Option<Upload> {
        let rest = record.strip_prefix(&[LOGIN_FOLLOWS])?;
        let end = rest.iter().position(|byte| *byte == PATH_FOLLOWS)?;
        let (login, path) = (&rest[..end], &rest[end + 1..]);
        let path = match path.first()? {
            b'/' => path.to_vec(),
            _ => path_of_host(path, virtual_hosts)?,
        };
        Some(Upload {
            login: login.to_vec(),
            path,
        })
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Runs the program and waits for its end.
    ///
    /// # Errors
    /// Why it was not run, or how it ended if not well.
    pub(super) fn run(&self, program: &Path) -> Result<(), String> {
        let found = self.look().map_err(|error| words(&error))?;
        let mut command = Command::new(program);
        command
            .arg(OsStr::from_bytes(&self.path))
            .stdin(Stdio::null());
        // What this process itself was started with is not of the upload.
        for name in VARIABLES {
            command.env_remove(name);
        }
        for (name, value) in VARIABLES.iter().zip(self.values(&found)) {
            if !value.is_empty() {
                command.env(name, value);
            }
        }
        let status = command.status().map_err(|error| {
            let why = words(&error);
            format!("cannot run {}: {why}", program.display())
        })?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} ended with {status}", program.display())),
        }
    }

    /// The file, without opening it for reading, which this process need not be allowed to do.
    fn look(&self) -> io::Result<Stat> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(self.path.as_slice(), flags, Mode::empty())?;
        let found = fstat(&file)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Ok(found),
            _ => Err(io::Error::other("it is not a regular file")),
        }
    }

    /// The values of [`VARIABLES`]; an empty one is not set.
    fn values(&self, found: &Stat) -> [OsString; 7] {
        let number = |value: u64| OsString::from(value.to_string());
        let user = users::get_user_by_uid(found.st_uid);
        let group = users::get_group_by_gid(found.st_gid);
        [
            number(found.st_size.unsigned_abs()),
            format!("{:o}", found.st_mode & 0o7777).into(),
            number(found.st_uid.into()),
            number(found.st_gid.into()),
            user.map(|user| user.name().to_owned()).unwrap_or_default(),
            group
                .map(|group| group.name().to_owned())
                .unwrap_or_default(),
            OsString::from_vec(self.login.clone()),
        ]
    }
}

/// The address is read as one, so that no name from a pipe leads out of the directory.
fn path_of_host(path: &[u8], virtual_hosts: &Path) -> Option<Vec<u8>> {
    let colon = path.windows(2).position(|two| two == b":/")?;
    let host = std::str::from_utf8(&path[..colon]).ok()?;
    let host: IpAddr = host.parse().ok()?;
    let root = virtual_hosts.join(host.to_string());
    Some([root.as_os_str().as_bytes(), &path[colon + 1..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn read(record: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let upload = Upload::of_record(record, Path::new("/hosts"))?;
        Some((upload.login, upload.path))
    }

    #[test]
    fn a_record_names_login_and_path() {
        let both = |login: &[u8], path: &[u8]| Some((login.to_vec(), path.to_vec()));
        assert_eq!(read(b"\x02joe\x01/srv/f"), both(b"joe", b"/srv/f"));
        assert_eq!(read(b"\x02\x01/f"), both(b"", b"/f"));
        let host = both(b"ftp", b"/hosts/192.0.2.1/d/f");
        assert_eq!(read(b"\x02ftp\x01192.0.2.1:/d/f"), host);
        let host = both(b"ftp", b"/hosts/2001:db8::1/f");
        assert_eq!(read(b"\x02ftp\x012001:db8::1:/f"), host);
    }

    #[test]
    fn l8_what_is_no_record_is_passed_over() {
        for record in [
            &b""[..],
            b"/etc/passwd",
            b"joe\x01/f",
            b"\x02joe",
            b"\x02joe\x01",
            b"\x02joe\x01f",
            b"\x02joe\x01../x:/f",
            b"\x02joe\x01192.0.2.1/..:/f",
        ] {
            assert_eq!(read(record), None, "{record:?}");
        }
    }

    #[test]
    fn l8_a_name_within_a_record_begins_no_other() {
        let (login, path) = read(b"\x02joe\x01/a\x02root\x01/etc/passwd").unwrap();
        assert_eq!(login, b"joe");
        assert_eq!(path, b"/a\x02root\x01/etc/passwd");
    }

    #[test]
    fn only_regular_files_are_given_to_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let run = |name: &str| {
            let path = folder.path().join(name);
            let record = [b"\x02joe\x01", path.as_os_str().as_bytes()].concat();
            let upload = Upload::of_record(&record, folder.path()).unwrap();
            upload.run(Path::new("/bin/true"))
        };
        fs::write(folder.path().join("file"), "x").unwrap();
        symlink("file", folder.path().join("link")).unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for name in ["link", "fifo", ".", "missing"] {
            assert!(run(name).is_err(), "{name}");
        }
        assert_eq!(run("file"), Ok(()));
    }

    #[test]
    fn a_program_that_fails_is_told_of() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let upload = Upload {
            login: b"joe".to_vec(),
            path: file.path().as_os_str().as_bytes().to_vec(),
        };
        let why = upload.run(Path::new("/bin/false")).unwrap_err();
        assert_eq!(why, "/bin/false ended with exit status: 1");
        assert!(upload.run(Path::new("/no/such/program")).is_err());
    }

    #[test]
    fn the_environment_says_whose_file_it_is_and_nothing_that_is_not_known() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "12345").unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(0o4640)).unwrap();
        let mut found = fstat(&file).unwrap();
        (found.st_uid, found.st_gid) = (0, 4_000_000);
        let upload = Upload {
            login: b"joe".to_vec(),
            path: Vec::new(),
        };
        let values = upload.values(&found);
        assert_eq!(values, ["5", "4640", "0", "4000000", "root", "", "joe"]);
    }
}
