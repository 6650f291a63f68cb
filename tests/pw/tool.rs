//! Running the tools in a directory of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory with a text file `users` and a database `users.pdb` in it, either of which may be missing.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    pub(crate) fn with(text: &str) -> Place {
        let place = Place::new();
        std::fs::write(place.path("users"), text).expect("the text file");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self) -> String {
        let bytes = std::fs::read(self.path("users")).expect("the text file");
        String::from_utf8(bytes).expect("text")
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    pub(crate) fn database(&self) -> Vec<u8> {
        std::fs::read(self.path("users.pdb")).expect("the database")
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).expect("the directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The command of a tool on the files of this place.
    pub(crate) fn command(&self, tool: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(tool);
        command
            .args(words)
            .env("PURE_PASSWDFILE", self.path("users"))
            .env("PURE_DBFILE", self.path("users.pdb"))
            .env("LC_ALL", "C");
        command
    }

    /// Runs `wharf-pw`.
    pub(crate) fn ours(&self, words: &[&str], input: &str) -> Output {
        run(&mut self.command(&wharf_pw(), words), input)
    }

    /// Runs `wharf-pw`, which must succeed.
    #[track_caller]
    pub(crate) fn done(&self, words: &[&str], input: &str) -> String {
        succeeded(&self.ours(words, input))
    }

    /// Runs Debian's pure-pw.
    pub(crate) fn theirs(&self, pure_pw: &Path, words: &[&str], input: &str) -> Output {
        run(&mut self.command(pure_pw, words), input)
    }
}

pub(crate) fn wharf_pw() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_wharf-pw"))
}

/// Debian's pure-pw, or `None` where nobody named it; with `CI` set that is a failure.
pub(crate) fn pure_pw() -> Option<PathBuf> {
    let named = std::env::var_os("WHARF_PURE_PW").filter(|path| !path.is_empty());
    if named.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "WHARF_PURE_PW is not set, and CI is"
        );
        eprintln!("skipped: WHARF_PURE_PW names no pure-pw");
    }
    named.map(PathBuf::from)
}

pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let mut stdin = child.stdin.take().expect("its input");
    // A tool that ends without reading is no failure of the test.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the tool ends")
}

#[track_caller]
pub(crate) fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// Numbers that look drawn at random and are the same each time.
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("small")
    }
}

/// A text file of that many users, as pure-pw writes it.
pub(crate) fn many_users(count: usize) -> String {
    let mut draws = Draws(0x5eed);
    let mut text = String::new();
    for number in 0..count {
        let rate = ["", "51200", "102400"][draws.below(3)];
        let quota = ["", "0", "1048576"][draws.below(3)];
        let list = ["", "127.0.0.1", "10.0.0.0/8,192.0.2.1"][draws.below(3)];
        let hours = ["", "900-1800", "0-2359", "2200-600"][draws.below(4)];
        let login = format!("u{number}.{:x}", draws.below(1 << 30));
        text.push_str(&format!(
            "{login}:$1$abcdefgh$Rur9vjR3qTr2ktYAC0ctB.:{}:20106:Name {number}:/srv/{login}/./:{rate}::::::{quota}:::{list}::{hours}\n",
            20000 + draws.below(100)
        ));
    }
    text
}
