//! `wharf-pwconvert`: prints the system's users as lines of virtual users, for `wharf-pw` and the server. Who is printed,
//! and in which form, is as in Pure-FTPd's pure-pwconvert(8): those with a shell of shells(5), and `ftp`; not root, nobody
//! of root's group; only with a home that exists.

use crate::flags;
use crate::sys::system_users::{self, SystemUser};
use clap::{CommandFactory, FromArgMatches, Parser};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

/// The list of login shells.
const SHELLS: &str = "/etc/shells";
/// What counts where that list is missing (getusershell(3)).
const USUAL_SHELLS: &[u8] = b"/bin/sh\n/bin/csh\n";

/// Print the system's users as virtual users
///
/// Writes a line for each user with a login shell and a home directory, in the form of the text file of wharf-pw. Only
/// root can read the password hashes; without them, and for users without a password, the field is *, with which nobody
/// can log in.
#[derive(Debug, Parser)]
#[command(name = "wharf-pwconvert", version)]
struct Arguments {}

/// The definition of the command line, for whoever documents it.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let read = definition().try_get_matches();
    if let Err(error) = read.and_then(|found| Arguments::from_arg_matches(&found)) {
        if !error.use_stderr() {
            print!("{}", error.render());
            return ExitCode::SUCCESS;
        }
        eprintln!("wharf-pwconvert: {}", flags::mistake(&error));
        return ExitCode::from(1);
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("wharf-pwconvert: warning: only root can read the password hashes");
    }
    let shells = std::fs::read(SHELLS).unwrap_or_else(|_| USUAL_SHELLS.to_vec());
    let mut lines = Vec::new();
    for user in system_users::all() {
        if is_printed(&user, &shells) && has_home(&user) {
            lines.extend(line(&user));
        }
    }
    match io::stdout()
        .write_all(&lines)
        .and_then(|()| io::stdout().flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("wharf-pwconvert: cannot write the output: {error}");
            ExitCode::from(1)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn is_printed(user: &SystemUser, shells: &[u8]) -> bool {
    let mut listed = shells.split(|byte| *byte == b'\n').map(shell_of_line);
    let has_shell = listed.any(|shell| !shell.is_empty() && shell == user.shell);
    // A colon or a line feed in a name service's answer would make another line of it.
    let broken = [&user.name, &user.home]
        .iter()
        .any(|field| field.iter().any(|byte| b":\n\r".contains(byte)));
    (has_shell || user.name == b"ftp") && user.uid > 0 && user.gid > 0 && !broken
}

/// The path in a line of shells(5), whose comments begin with `#`.
fn shell_of_line(line: &[u8]) -> &[u8] {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
    line.trim_ascii()
}

fn has_home(user: &SystemUser) -> bool {
    let home = Path::new(std::ffi::OsStr::from_bytes(&user.home));
    home.is_absolute() && home.is_dir()
}

fn line(user: &SystemUser) -> Vec<u8> {
    let hash = if user.hash.starts_with(b"$") {
        &user.hash[..]
    } else {
        b"*"
    };
    let gecos = user
        .gecos
        .split(|byte| *byte == b',')
        .next()
        .unwrap_or_default();
    let gecos: Vec<u8> = gecos
        .iter()
        .map(|byte| if b":\n\r".contains(byte) { b'_' } else { *byte })
        .collect();
    let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
    let fields = [
        &user.name,
        hash,
        uid.as_bytes(),
        gid.as_bytes(),
        &gecos,
        &user.home,
    ];
    [&fields.join(&b':')[..], b"/./\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::record::Line;

    const LISTED: &[u8] = b"# shells\n/bin/sh\n /bin/bash # usual\n\n";

    fn user() -> SystemUser {
        SystemUser {
            name: b"anna".to_vec(),
            hash: b"$y$j9T$salt$digest".to_vec(),
            uid: 1000,
            gid: 1001,
            gecos: b"Anna A.,Room 5,,".to_vec(),
            home: b"/home/anna".to_vec(),
            shell: b"/bin/bash".to_vec(),
        }
    }

    #[test]
    fn a_line_has_what_the_server_reads() {
        let line = line(&user());
        assert_eq!(
            line,
            b"anna:$y$j9T$salt$digest:1000:1001:Anna A.:/home/anna/./\n"
        );
        let read = Line::read(line.trim_ascii_end()).user();
        assert!(read.is_ok_and(|read| read.home.root.as_deref() == Some(b"/home/anna")));
    }

    #[test]
    fn c6_what_is_no_hash_locks() {
        for hash in ["", "x", "!", "!$y$j9T$salt$digest", "*", "abvOVwEVZZ8hM"] {
            let hash = hash.as_bytes().to_vec();
            let line = line(&SystemUser { hash, ..user() });
            assert!(line.starts_with(b"anna:*:"), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn c7_root_and_its_group_are_left_out() {
        assert!(is_printed(&user(), LISTED));
        assert!(!is_printed(&SystemUser { uid: 0, ..user() }, LISTED));
        assert!(!is_printed(&SystemUser { gid: 0, ..user() }, LISTED));
    }

    #[test]
    fn only_login_shells_count_except_for_ftp() {
        for shell in ["/usr/sbin/nologin", "", "# shells", "usual"] {
            let other = SystemUser {
                shell: shell.as_bytes().to_vec(),
                ..user()
            };
            assert!(!is_printed(&other, LISTED), "{shell}");
            assert!(is_printed(
                &SystemUser {
                    name: b"ftp".to_vec(),
                    ..other
                },
                LISTED
            ));
        }
    }

    #[test]
    fn names_that_would_make_another_line_are_left_out() {
        let home = b"/x\nroot2:h:1:1::/".to_vec();
        assert!(!is_printed(&SystemUser { home, ..user() }, LISTED));
    }
}
