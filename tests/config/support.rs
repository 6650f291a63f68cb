//! The program cargo built, and folders of files that only the test can write.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_wharf-config");

/// What the program printed, and its exit status.
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Said {
        Said {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// Runs the program in this folder.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Said {
    let mut command = Command::new(PROGRAM);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    Said::of(command.output().expect("wharf-config"))
}

/// An empty folder.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("mode");
    folder
}

/// Writes a file that group and others cannot write.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).expect("folder");
        fs::set_permissions(parent, Permissions::from_mode(0o755)).expect("mode");
    }
    fs::write(&path, text).expect("file");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode");
    path
}

/// Writes a shell script that can be run.
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = write(folder, name, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("mode");
    path
}

/// Copies a tree, links as links, with the modes that configurations must have: a checkout may have others.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    fs::set_permissions(to, Permissions::from_mode(0o755)).expect("mode");
    for entry in fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("kind");
        if kind.is_symlink() {
            symlink(fs::read_link(&path).expect("link"), target).expect("link");
        } else if kind.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).expect("file")).expect("file");
            fs::set_permissions(&target, Permissions::from_mode(0o644)).expect("mode");
        }
    }
}
