//! Runs every conversation below tests/scripts against the started server, each as a test of its own.
//!
//! `cargo test --test conversations rfc959` runs one folder. With `WHARF_PEER=/path/to/pure-ftpd` (and root) the same
//! scripts run against that Pure-FTPd, which proves what they claim about the original.
//!
//! # The language of scripts
//!
//! A script is plain text: a title, headers, then the conversation from top to bottom.
//!
//! ```text
//! # SIZE answers the byte count (RFC 3659 section 4)
//! login
//! > SIZE pub/hello.txt
//! < 213 12
//! ```
//!
//! The greeting is read and dropped unless the first step expects it. At the end every connection still open must answer a NOOP
//! with exactly `200 Zzz...`: so a reply too many or too few is found in every script.
//!
//! | header | meaning |
//! |-|-|
//! | `# text` | the first line is the title; others are remarks |
//! | `flags -a -b x` | flags of the server; `flags wharf ...`, `flags pure ...` for one of them; `{beside}` is the directory of `beside` files |
//! | `tree PATH ...` | a name in the served tree, besides those of tests/scripts/tree.txt: `dir/`, or a file with `"content"`, `size=N` or `sparse=N` (zeros); `link=TARGET`, `fifo`, `mode=0644`, `mtime=20260131235959`, `owner=anonymous` |
//! | `bare` | the tree of tests/scripts/tree.txt is left out |
//! | `beside PATH ...` | the same beside the tree |
//! | `user NAME [home=BEHIND] [FIELDS]` | an account of a PureDB (`-l` is given for it) with the password `secret`, the numbers of the anonymous account, and as home the tree with BEHIND behind its path; FIELDS are those of pureftpd.passwd behind the home, parted by colons |
//! | `ipv6`, `everywhere` | the server listens on ::1, or on all addresses |
//! | `needs root: reason` | skipped when the tests do not run as root |
//! | `only wharf: reason` | skipped with a peer |
//! | `differs: reason` | why some lines are for one server only; required with such lines and only then |
//!
//! | step | meaning |
//! |-|-|
//! | `> LINE`, `>> LINE` | the client sends LINE, with CRLF or without |
//! | `< LINE`, `<~ GLOB` | the server's next line; `*` in a glob stands for any bytes; `{port}` is the server's port, `{owner}` and `{anonymous}` are the owner columns of a listing for files of the tree and of the anonymous account |
//! | `<...` | skips lines until the next expectation fits, or until `closed` |
//! | `login`, `login NAME` | USER ftp, answered 230; USER and PASS of an account, answered 331 and 230 |
//! | `data passive`, `data extended`, `data active`, `data eprt` | PASV, EPSV, PORT or EPRT and the connection |
//! | `data ask`, `data stranger ADDRESS`, `data connect` | PASV alone; a connection to it from another address; ours |
//! | `data< "..."`, `data<~ "..."` | everything the data connection brings |
//! | `data lines`, `data lines in order`, then <code>&#124; GLOB</code> lines | the same, line by line (CRLF) |
//! | `data read N` | N bytes of it |
//! | `data> "..."`, `data>> "..."` | sends data and closes, or does not close |
//! | `data close`, `data reset` | ends the data connection with FIN or RST |
//! | `file PATH ...` | true on disk within a second: `absent`, `"content"`, `size=N`, `mode=0644`, `entries=N` |
//! | `client NAME` | goes on as another client, connecting it first (its greeting is not read) |
//! | `urgent BYTES` | control bytes of which the last is urgent data |
//! | `finish`, `leave`, `closed` | we end our half; we close; the server closes |
//! | `pause N` | N milliseconds |
//! | `wharf< LINE`, `pure< LINE`, `wharf data ...` | a step for one of the two servers |
//!
//! Escapes: `\r \n \t \\ \" \xNN`; `{A*4097}` is 4097 times `A`. Quotes keep blanks in paths and contents.

mod common {
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod play;
    pub(crate) mod script;
    pub(crate) mod server;
    pub(crate) mod tree;
}

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use common::play::play;
use common::script::{LANGUAGE, parse, parse_tree};
use common::server::{Program, anonymous_account};
use common::tree::Entry;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    match trials(&folder) {
        Ok(mut trials) => {
            trials.extend(LANGUAGE.map(|(name, holds)| {
                Trial::test(format!("language/{name}"), move || match holds() {
                    true => Ok(()),
                    false => Err("does not hold".into()),
                })
            }));
            libtest_mimic::run(&arguments, trials).exit_code()
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn trials(folder: &Path) -> Result<Vec<Trial>, String> {
    let standard = folder.join("tree.txt");
    let text = fs::read_to_string(&standard).map_err(|e| format!("{}: {e}", standard.display()))?;
    let tree = parse_tree(&text).map_err(|e| format!("{}:{e}", standard.display()))?;
    let mut scripts = Vec::new();
    collect(folder, &mut scripts).map_err(|e| format!("{}: {e}", folder.display()))?;
    scripts.retain(|path| *path != standard);
    scripts.sort();
    scripts
        .into_iter()
        .map(|path| trial(folder, path, tree.clone()))
        .collect()
}

fn collect(folder: &Path, scripts: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, scripts)?;
        } else if path.extension().is_some_and(|e| e == "txt") {
            scripts.push(path);
        }
    }
    Ok(())
}

fn trial(folder: &Path, path: PathBuf, standard: Vec<Entry>) -> Result<Trial, String> {
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let script = parse(&text).map_err(|e| format!("{}:{e}", path.display()))?;
    let program = Program::chosen();
    let name = path
        .strip_prefix(folder)
        .unwrap_or(&path)
        .with_extension("");
    let skip = (script.only_wharf && program != Program::Wharf)
        || (script.needs_root && anonymous_account().is_none());
    let shown = path.clone();
    let trial = Trial::test(name.display().to_string(), move || {
        play(&program, &script, &standard).map_err(|e| format!("{}: {e}", shown.display()).into())
    });
    Ok(trial.with_ignored_flag(skip))
}
