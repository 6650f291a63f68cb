//! What only accounts may do, done by the programs people use: uploads of every size, appends, resumed uploads, renames,
//! deletions, modes, times, and whole trees with odd names. Each test logs in once as a user of a PureDB and once as a
//! user of the system.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::programs::{program, run, sha256};
use crate::support::{Launch, PASSWORD, Place, Running, User, not_root};

const UID: u32 = 2001;
const LARGE: u64 = 64 << 20;
const SIZES: [u64; 4] = [0, 1, 65536, LARGE];

/// Names that clients and servers like to get wrong; accounts may give all of them.
const ODD_NAMES: [&str; 7] = [
    "two  blanks.txt",
    "Grüße €.txt",
    "it's \"quoted\".txt",
    "-rf dash.txt",
    "[a-z]*.txt",
    "%2e%2e.txt",
    "a;b&c|d.txt",
];

/// 2001-02-03 04:05:06 UTC.
const THEN: i64 = 981_173_106;

/// The server with one user, and that user's own directory.
struct Served {
    place: Place,
    server: Running,
    home: TempDir,
}

/// Runs a test for each source of users.
fn for_each_source(test: impl Fn(&Served)) {
    if not_root() {
        return;
    }
    for system in [false, true] {
        let place = Place::new();
        let users = [User::new(&place, "joe", UID)];
        let launch = match system {
            false => Launch::virtual_users(&place, &users),
            true => Launch::system_users(&place, &users, ""),
        };
        let server = launch.flags(&["-E", "-A"]).start();
        let home = tempfile::tempdir().expect("a home for the client");
        test(&Served {
            place,
            server,
            home,
        });
    }
}

impl Served {
    fn port(&self) -> String {
        self.server.address().port().to_string()
    }

    fn url(&self, path: &str) -> String {
        format!("ftp://joe:{PASSWORD}@{}/{path}", self.server.address())
    }

    fn mine(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn served(&self, name: &str) -> PathBuf {
        self.place.path("home/joe").join(name)
    }

    /// Makes a file in the client's directory.
    fn make(&self, name: &str, size: u64) -> PathBuf {
        let path = self.mine(name);
        fill(&path, size);
        path
    }

    /// The first half of the client's file is what an upload that broke has left on the server.
    fn break_off(&self, mine: &str, served: &str) {
        let bytes = fs::read(self.mine(mine)).expect("the original");
        self.place.file(
            &format!("home/joe/{served}"),
            &bytes[..bytes.len() / 2],
            UID,
            0o644,
        );
    }

    /// The client's file is the served one, which belongs to the user.
    #[track_caller]
    fn same(&self, mine: &str, served: &str) {
        let (mine, served) = (self.mine(mine), self.served(served));
        assert!(
            mine.is_file() && served.is_file() && sha256(&mine) == sha256(&served),
            "{} and {} differ; the server said:\n{}",
            mine.display(),
            served.display(),
            self.server.said()
        );
        assert_eq!(fs::metadata(&served).expect("its owner").uid(), UID);
    }

    /// Makes a tree of odd names in the client's directory, all files of the year 2001, and gives the names.
    fn odd_tree(&self, folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        for below in ["", "a folder of 'ours'/", "deep/er/Tiefe ß/"] {
            fs::create_dir_all(self.mine(folder).join(below)).expect("a directory");
            for name in ODD_NAMES {
                let name = format!("{below}{name}");
                let path = self.mine(folder).join(&name);
                fill(&path, 100 + name.len() as u64);
                let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(THEN as u64);
                let file = File::options().write(true).open(path).expect("the file");
                file.set_modified(then).expect("its time");
                names.push(name);
            }
        }
        names
    }

    #[track_caller]
    fn assert_absent(&self, name: &str) {
        assert!(!self.served(name).exists(), "{name} is still there");
    }

    /// The time and the permission bits of a served file.
    fn time_and_mode(&self, name: &str) -> (i64, u32) {
        let stat = fs::metadata(self.served(name)).expect("a served file");
        (stat.mtime(), stat.mode() & 0o7777)
    }
}

/// Fills a file with bytes that do not repeat, line ends of all kinds among them.
fn fill(path: &Path, size: u64) {
    let mut out = BufWriter::new(File::create(path).expect("a new file"));
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15 ^ size;
    let mut left = size;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let take = left.min(8);
        out.write_all(&state.to_le_bytes()[..take as usize])
            .expect("room on the disk");
        left -= take;
    }
    out.flush().expect("room on the disk");
}

fn curl(served: &Served, arguments: &[&str]) -> Option<String> {
    let mut command = program("curl")?;
    command.args(["--silent", "--show-error", "--fail", "--max-time", "100"]);
    Some(run(command.args(arguments), served.home.path(), ""))
}

#[test]
fn curl_stores_and_fetches_every_size() {
    for_each_source(|served| {
        for size in SIZES {
            let mine = served.make("mine", size).display().to_string();
            let got = served.mine("got").display().to_string();
            let url = served.url(&format!("new/folder/{size}"));
            let stored = curl(served, &["--ftp-create-dirs", "-T", &mine, &url]);
            if stored.is_some() && curl(served, &["-o", &got, &url]).is_some() {
                served.same("mine", &format!("new/folder/{size}"));
                served.same("got", &format!("new/folder/{size}"));
            }
        }
    });
}

#[test]
fn curl_appends_and_resumes_uploads() {
    for_each_source(|served| {
        let whole = served.make("whole", 3_000_000).display().to_string();
        served.break_off("whole", "resumed");
        let resumed = curl(served, &["-C", "-", "-T", &whole, &served.url("resumed")]);
        if resumed.is_none() {
            return;
        }
        served.same("whole", "resumed");
        let bytes = fs::read(&whole).expect("the original");
        fs::write(served.mine("rest"), &bytes[bytes.len() / 2..]).expect("the rest");
        served.break_off("whole", "appended");
        let rest = served.mine("rest").display().to_string();
        curl(served, &["--append", "-T", &rest, &served.url("appended")]);
        served.same("whole", "appended");
    });
}

#[test]
fn curl_renames_changes_and_deletes_by_quoted_commands() {
    for_each_source(|served| {
        served.place.file("home/joe/a", "text", UID, 0o644);
        served.place.file("home/joe/gone", "text", UID, 0o644);
        served.place.directory("home/joe/empty", UID, 0o755);
        let quoted = [
            "-Q",
            "RNFR a",
            "-Q",
            "RNTO b c",
            "-Q",
            "SITE CHMOD 600 b c",
            "-Q",
            "MFMT 20010203040506 b c",
            "-Q",
            "DELE gone",
            "-Q",
            "RMD empty",
            "-Q",
            "MKD made",
        ];
        let url = served.url("");
        if curl(served, &[&quoted[..], &[&url]].concat()).is_none() {
            return;
        }
        assert_eq!(served.time_and_mode("b c"), (THEN, 0o600));
        for name in ["a", "gone", "empty"] {
            served.assert_absent(name);
        }
        assert!(served.served("made").is_dir());
    });
}

fn lftp(served: &Served, commands: &str) -> Option<String> {
    let script = format!(
        "set net:timeout 20\nset net:max-retries 1\nset cmd:fail-exit yes\nset xfer:log no\n\
         open -u joe,{PASSWORD} ftp://{}\nlcd {}\n{commands}\n",
        served.server.address(),
        served.home.path().display()
    );
    let mut command = program("lftp")?;
    command.args(["--norc", "-f", "/dev/stdin"]);
    Some(run(&mut command, served.home.path(), &script))
}

#[test]
fn lftp_stores_fetches_and_resumes_uploads() {
    for_each_source(|served| {
        for size in SIZES {
            served.make("mine", size);
            let commands = format!("put mine -o {size}\nset xfer:clobber yes\nget {size} -o got");
            if lftp(served, &commands).is_none() {
                return;
            }
            served.same("mine", &size.to_string());
            served.same("got", &size.to_string());
        }
        served.make("whole", 3_000_000);
        served.break_off("whole", "resumed");
        lftp(served, "put -c whole -o resumed");
        served.same("whole", "resumed");
    });
}

#[test]
fn lftp_renames_changes_modes_and_deletes() {
    for_each_source(|served| {
        served.place.file("home/joe/a", "text", UID, 0o644);
        served.place.file("home/joe/gone", "text", UID, 0o644);
        served.place.directory("home/joe/tree/below", UID, 0o755);
        served.place.directory("home/joe/tree", UID, 0o755);
        served
            .place
            .file("home/joe/tree/below/file", "text", UID, 0o644);
        let commands = "mv a b\nchmod 640 b\nrm gone\nrm -r tree\nmkdir -p x/y\nrmdir x/y";
        if lftp(served, commands).is_none() {
            return;
        }
        assert_eq!(served.time_and_mode("b").1, 0o640);
        for name in ["a", "gone", "tree", "x/y"] {
            served.assert_absent(name);
        }
        assert!(served.served("x").is_dir());
    });
}

#[test]
fn lftp_mirrors_a_tree_of_odd_names_with_times_and_modes() {
    for_each_source(|served| {
        let names = served.odd_tree("tree");
        if lftp(served, "mirror -R tree copy").is_none() {
            return;
        }
        for name in &names {
            let stored = format!("copy/{name}");
            served.same(&format!("tree/{name}"), &stored);
            assert_eq!(served.time_and_mode(&stored).0, THEN, "{name}");
        }
        // A second time there is nothing to send, and what has gone here goes there.
        fs::remove_file(served.mine("tree").join(ODD_NAMES[0])).expect("a file");
        let before = served.server.said().matches(" uploaded ").count();
        lftp(served, "mirror -R --delete tree copy");
        served.assert_absent(&format!("copy/{}", ODD_NAMES[0]));
        assert_eq!(served.server.said().matches(" uploaded ").count(), before);
        lftp(served, "mirror copy back");
        for name in &names[1..] {
            served.same(&format!("back/{name}"), &format!("copy/{name}"));
        }
    });
}

fn ncftp(name: &str, served: &Served) -> Option<Command> {
    let mut command = program(name)?;
    command.args(["-V", "-t", "20", "-r", "1", "-u", "joe", "-p", PASSWORD]);
    command.args(["-P", &served.port()]);
    Some(command)
}

fn ncftpput(served: &Served, flags: &[&str], mine: &str) -> Option<()> {
    let mut command = ncftp("ncftpput", served)?;
    command.args(flags).args(["127.0.0.1", "/"]);
    run(command.arg(served.mine(mine)), served.home.path(), "");
    Some(())
}

#[test]
fn ncftp_stores_fetches_and_appends() {
    for_each_source(|served| {
        for size in SIZES {
            let name = format!("mine{size}");
            served.make(&name, size);
            let Some(()) = ncftpput(served, &[], &name) else {
                return;
            };
            served.same(&name, &name);
            fs::remove_file(served.mine(&name)).expect("a file");
            let Some(mut get) = ncftp("ncftpget", served) else {
                return;
            };
            get.arg("127.0.0.1").arg(served.home.path()).arg(&name);
            run(&mut get, served.home.path(), "");
            served.same(&name, &name);
        }
        // Its way to resume an upload (-z) sends the whole file after REST, to any server.
        fs::write(served.mine("appended"), "second").expect("a file");
        served
            .place
            .file("home/joe/appended", "first, ", UID, 0o644);
        ncftpput(served, &["-A"], "appended");
        let whole = fs::read(served.served("appended")).expect("the file");
        assert_eq!(whole, b"first, second");
    });
}

#[test]
fn ncftp_stores_a_tree_of_odd_names() {
    for_each_source(|served| {
        let names = served.odd_tree("tree");
        if ncftpput(served, &["-R"], "tree").is_none() {
            return;
        }
        for name in names {
            served.same(&format!("tree/{name}"), &format!("tree/{name}"));
        }
    });
}

fn python(served: &Served, script: &str) -> Option<String> {
    let script = format!(
        "import ftplib, io, os\nftp = ftplib.FTP(timeout=20, encoding='utf-8')\n\
         ftp.connect('127.0.0.1', {})\nftp.login('joe', '{PASSWORD}')\nos.chdir({:?})\n{script}\nftp.quit()\n",
        served.port(),
        served.home.path()
    );
    let mut command = program("python3")?;
    Some(run(command.arg("-"), served.home.path(), &script))
}

#[test]
fn python_stores_and_fetches_every_size() {
    for_each_source(|served| {
        for size in SIZES {
            served.make(&format!("mine{size}"), size);
        }
        let script = "\
for size in (0, 1, 65536, 64 << 20):
    with open('mine%d' % size, 'rb') as file:
        ftp.storbinary('STOR %d' % size, file)
    with open('got%d' % size, 'wb') as file:
        ftp.retrbinary('RETR %d' % size, file.write)";
        if python(served, script).is_some() {
            for size in SIZES {
                served.same(&format!("mine{size}"), &size.to_string());
                served.same(&format!("got{size}"), &size.to_string());
            }
        }
    });
}

#[test]
fn python_edits_files_and_directories_by_every_verb() {
    for_each_source(|served| {
        let script = "\
def content(name):
    out = io.BytesIO()
    ftp.retrbinary('RETR ' + name, out.write)
    return out.getvalue()

def put(command, text, rest=None):
    return ftp.storbinary(command, io.BytesIO(text), rest=rest)

def refused(code, call, *arguments):
    try:
        call(*arguments)
    except ftplib.all_errors as error:
        assert str(error).startswith(code), error
    else:
        raise AssertionError('not refused: %r' % (arguments,))

put('STOR a', b'0123456789')
put('APPE a', b'abc')
assert content('a') == b'0123456789abc'
put('STOR a', b'xyz', rest=3)
assert content('a') == b'012xyz', content('a')
put('STOR a', b'short')
assert content('a') == b'short'
put('APPE new', b'made by append')
assert ftp.size('new') == 14
ftp.rename('a', 'b')
refused('550', content, 'a')
ftp.mkd('d/'.rstrip('/'))
ftp.rename('b', 'd/c')
ftp.rename('d', 'e')
assert ftp.nlst('e') == ['e/c'] or ftp.nlst('e') == ['c'], ftp.nlst('e')
refused('550', ftp.rmd, 'e')
refused('550', ftp.delete, 'e')
assert ftp.voidcmd('SITE CHMOD 604 e/c').startswith('200')
assert ftp.sendcmd('MFMT 20010203040506 e/c') == '213 Modify=20010203040506; e/c'
assert ftp.sendcmd('MDTM e/c') == '213 20010203040506'
facts = dict(ftp.mlsd('e'))['c']
assert facts['modify'] == '20010203040506' and facts['unix.mode'] == '0604', facts
assert facts['unix.uid'] == '2001' and set('adfrw') <= set(facts['perm']), facts
assert ftp.voidcmd('SITE UTIME 20020304050607 e/c').startswith('213')
assert ftp.sendcmd('MDTM e/c') == '213 20020304050607'
first = put('STOU', b'one')
second = put('STOU', b'two')
assert len([name for name in ftp.nlst() if name not in ('new', 'e')]) == 2, ftp.nlst()
ftp.delete('e/c')
refused('550', ftp.delete, 'e/c')
ftp.rmd('e')
refused('550', ftp.cwd, 'e')
ftp.mkd('one')
ftp.cwd('one')
put('STOR f', b'')
ftp.cwd('..')
assert ftp.pwd() == '/'
assert ftp.size('one/f') == 0";
        python(served, script);
        assert!(
            served.served("one/f").is_file() || program("python3").is_none(),
            "the script did not run"
        );
    });
}

fn rclone(served: &Served) -> Option<Command> {
    // It takes passwords in its own disguise only.
    let mut disguise = program("rclone")?;
    let password = run(disguise.args(["obscure", PASSWORD]), served.home.path(), "");
    let mut command = program("rclone")?;
    command.args(["--config", "/dev/null", "--retries", "1"]);
    command.args(["--low-level-retries", "1", "--timeout", "20s"]);
    command.args(["--ftp-host", "127.0.0.1", "--ftp-port", &served.port()]);
    command.args(["--ftp-user", "joe", "--ftp-pass"]);
    command.arg(password.lines().next().unwrap_or_default());
    Some(command)
}

fn run_rclone(served: &Served, arguments: &[&str]) -> Option<String> {
    let mut command = rclone(served)?;
    Some(run(command.args(arguments), served.home.path(), ""))
}

#[test]
fn rclone_synchronises_a_tree_both_ways_with_its_times() {
    for_each_source(|served| {
        let names = served.odd_tree("tree");
        served.make("tree/large", LARGE);
        served.make("tree/empty", 0);
        let tree = served.mine("tree").display().to_string();
        let back = served.mine("back").display().to_string();
        if run_rclone(served, &["sync", &tree, ":ftp:copy"]).is_none() {
            return;
        }
        for name in &names {
            served.same(&format!("tree/{name}"), &format!("copy/{name}"));
            assert_eq!(
                served.time_and_mode(&format!("copy/{name}")).0,
                THEN,
                "{name}"
            );
        }
        served.same("tree/large", "copy/large");
        served.same("tree/empty", "copy/empty");
        run_rclone(served, &["check", "--download", &tree, ":ftp:copy"]);
        run_rclone(served, &["sync", ":ftp:copy", &back]);
        for name in &names {
            served.same(&format!("back/{name}"), &format!("copy/{name}"));
        }
        run_rclone(served, &["moveto", ":ftp:copy/large", ":ftp:moved/large"]);
        served.same("tree/large", "moved/large");
        served.assert_absent("copy/large");
        run_rclone(served, &["deletefile", ":ftp:moved/large"]);
        run_rclone(served, &["purge", ":ftp:copy"]);
        served.assert_absent("moved/large");
        served.assert_absent("copy");
    });
}
