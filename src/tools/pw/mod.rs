//! `wharf-pw`: adds, changes, removes and shows virtual users, and makes the database the server reads. The actions, their
//! options, the text file and the exit statuses are those of Pure-FTPd's pure-pw(8); the lines themselves are read and
//! written by [`crate::keeper::record`], the database by [`crate::keeper::puredb`].

mod command;
mod edit;
mod file;
mod prompt;
mod show;

pub use command::definition;

use crate::keeper::hashes::{Cost, hash_new};
use crate::keeper::puredb;
use crate::keeper::record::{Field, Line};
use command::{Action, Database, Selected, Stop, UserOptions};
use edit::Users;
use file::Locked;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Where the text file is without `-f` and `PURE_PASSWDFILE`: where Debian's pure-pw has it.
const DEFAULT_FILE: &str = "/etc/pure-ftpd/pureftpd.passwd";
/// Where the database is without `-F` and `PURE_DBFILE`.
const DEFAULT_DATABASE: &str = "/etc/pure-ftpd/pureftpd.pdb";
/// How long checking a new password shall take.
const HASH_TIME: Duration = Duration::from_millis(100);
/// What stands for a password hash where it is of no use to the reader.
const HIDDEN: &[u8] = b"*";

/// Exit statuses, pure-pw's own.
mod status {
    /// No login, or a value that makes no sense.
    pub(super) const USAGE: u8 = 1;
    /// There is no text file.
    pub(super) const NO_FILE: u8 = 2;
    /// The user exists already, or does not exist.
    pub(super) const EXISTS_OR_NOT: u8 = 4;
    /// No password was given.
    pub(super) const NO_PASSWORD: u8 = 8;
    /// The user's line cannot be had.
    pub(super) const NOT_FETCHED: u8 = 16;
    /// No user and group other than root.
    pub(super) const ROOT: u8 = 32;
    /// No home directory.
    pub(super) const NO_HOME: u8 = 64;
    /// Anything else.
    pub(super) const OTHER: u8 = 255;
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let done = command::parse(std::env::args_os()).and_then(run);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.print("wharf-pw");
            ExitCode::from(stop.status)
        }
    }
}

fn run(action: Action) -> Result<(), Stop> {
    match action {
        Action::Useradd(options) => add(&options),
        Action::Usermod(options) => change(&options),
        Action::Userdel(selected) => remove(&selected),
        Action::Passwd(options) => set_password(&options),
        Action::Show(selected) => show_one(&selected),
        Action::Mkdb(database) => make_database(&database),
        Action::List(listed) => list(&file_path(listed.file.as_deref())),
    }
}

fn file_path(given: Option<&Path>) -> PathBuf {
    chosen(given, "PURE_PASSWDFILE", DEFAULT_FILE)
}

fn chosen(given: Option<&Path>, variable: &str, default: &str) -> PathBuf {
    let from_environment = || std::env::var_os(variable).filter(|value| !value.is_empty());
    match given {
        Some(path) => path.to_owned(),
        None => from_environment().map_or_else(|| default.into(), PathBuf::from),
    }
}

/// A stop about a file, in the words of the house.
fn cannot(verb: &str, path: &Path, error: impl Display, status: u8) -> Stop {
    Stop::new(status, format!("cannot {verb} {}: {error}", path.display()))
}

fn add(options: &UserOptions) -> Result<(), Stop> {
    let login = options.selected.login()?;
    let path = file_path(options.selected.file.as_deref());
    let mut line = Line::new(&login);
    options.apply(&mut line)?;
    command::complete(&line)?;
    let taken = |users: &Users| match users.line(&login) {
        Some(_) => Err(Stop::new(
            status::EXISTS_OR_NOT,
            format!(
                "user {} already exists in {}",
                shown(&login),
                path.display()
            ),
        )),
        None => Ok(()),
    };
    // Before anybody types a password for nothing, and again when the file cannot change any more.
    taken(&peek(&path)?.unwrap_or_default())?;
    line.set(
        Field::Hash,
        &new_hash(options.cost()?, options.selected.dry_run)?,
    );
    fits(&line)?;
    edit(&options.selected, &path, |users| {
        taken(users)?;
        users.append(&line);
        Ok(())
    })
}

fn change(options: &UserOptions) -> Result<(), Stop> {
    let login = options.selected.login()?;
    let path = file_path(options.selected.file.as_deref());
    existing(&login, &path, status::NOT_FETCHED)?;
    edit(&options.selected, &path, |users| {
        let mut line = users
            .line(&login)
            .ok_or_else(|| unknown(&login, &path, status::NOT_FETCHED))?;
        options.apply(&mut line)?;
        fits(&line)?;
        warn_of(&line);
        users.replace(&login, &line);
        Ok(())
    })
}

fn remove(selected: &Selected) -> Result<(), Stop> {
    let login = selected.login()?;
    let path = file_path(selected.file.as_deref());
    existing(&login, &path, status::EXISTS_OR_NOT)?;
    edit(selected, &path, |users| {
        if !users.remove(&login) {
            return Err(unknown(&login, &path, status::EXISTS_OR_NOT));
        }
        Ok(())
    })
}

fn set_password(options: &command::PasswordOptions) -> Result<(), Stop> {
    let login = options.selected.login()?;
    let path = file_path(options.selected.file.as_deref());
    existing(&login, &path, status::NOT_FETCHED)?;
    let hash = new_hash(options.hashing.cost()?, options.selected.dry_run)?;
    edit(&options.selected, &path, |users| {
        let mut line = users
            .line(&login)
            .ok_or_else(|| unknown(&login, &path, status::NOT_FETCHED))?;
        line.set(Field::Hash, &hash);
        fits(&line)?;
        users.replace(&login, &line);
        Ok(())
    })
}

/// The user's line as it is now. What asks for it changes it later, under the lock: this is so that nobody types a
/// password for nothing, and no lock is made beside a file that is not there.
fn existing(login: &[u8], path: &Path, status: u8) -> Result<Line, Stop> {
    let users = peek(path)?.unwrap_or_default();
    users
        .line(login)
        .ok_or_else(|| unknown(login, path, status))
}

fn unknown(login: &[u8], path: &Path, status: u8) -> Stop {
    Stop::new(
        status,
        format!("no user {} in {}", shown(login), path.display()),
    )
}

/// A hash of a password that is asked for, or for a dry run none.
fn new_hash(cost: (u32, u32), dry_run: bool) -> Result<Vec<u8>, Stop> {
    if dry_run {
        return Ok(HIDDEN.to_vec());
    }
    let password = prompt::new_password()
        .map_err(|why| Stop::new(status::NO_PASSWORD, format!("no new password: {why}")))?;
    let (concurrent, memory_mib) = cost;
    let memory_kib = u64::from(memory_mib) * 1024 / u64::from(concurrent);
    let cost = Cost::tuned(u32::try_from(memory_kib).unwrap_or(u32::MAX), HASH_TIME);
    let hash = hash_new(&password, cost)
        .map_err(|error| Stop::new(status::OTHER, format!("cannot hash the password: {error}")))?;
    Ok(hash.into_bytes())
}

/// Whether both servers can read a line of that length.
fn fits(line: &Line) -> Result<(), Stop> {
    if line.bytes().len() > puredb::LINE_BYTES {
        let text = format!(
            "the user's line would be longer than {} bytes",
            puredb::LINE_BYTES
        );
        return Err(Stop::new(status::USAGE, text));
    }
    Ok(())
}

fn warn_of(line: &Line) {
    if let Err(fault) = line.user() {
        let login = shown(line.get(Field::Login));
        eprintln!("wharf-pw: warning: user {login} cannot log in: {fault}");
    }
}

/// Reads the file without locking it: what replaces it does so whole.
fn peek(path: &Path) -> Result<Option<Users>, Stop> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(Users::read(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, error, status::OTHER)),
    }
}

/// Changes the text file under its lock and, if so asked, makes the database of it.
fn edit(
    selected: &Selected,
    path: &Path,
    change: impl FnOnce(&mut Users) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if selected.dry_run {
        let mut users = peek(path)?.unwrap_or_default();
        let before = users.lines();
        change(&mut users)?;
        return print(&edit::difference(&before, &users.lines()));
    }
    let failed = |verb: &str, error| cannot(verb, path, error, status::OTHER);
    let locked = Locked::of(path).map_err(|error| failed("lock", error))?;
    let text = locked.read().map_err(|error| failed("read", error))?;
    let mut users = Users::read(text.unwrap_or_default());
    change(&mut users)?;
    locked
        .replace(&users.bytes())
        .map_err(|error| failed("write", error))?;
    drop(locked);
    if selected.mkdb {
        write_database(path, &database_path(selected.database.as_deref()))?;
    }
    Ok(())
}

fn database_path(given: Option<&Path>) -> PathBuf {
    chosen(given, "PURE_DBFILE", DEFAULT_DATABASE)
}

fn make_database(options: &Database) -> Result<(), Stop> {
    let path = file_path(options.file.as_deref());
    let to = database_path(options.path.as_deref().or(options.database.as_deref()));
    if !options.dry_run {
        return write_database(&path, &to);
    }
    let text = text_of(&path)?;
    let made = database_of(&path, &text)?;
    let text = format!("would write {} bytes to {}\n", made.len(), to.display());
    print(text.as_bytes())
}

fn text_of(path: &Path) -> Result<Vec<u8>, Stop> {
    std::fs::read(path).map_err(|error| cannot("read", path, error, status::NO_FILE))
}

/// Makes the database, and names on standard error the users in it that the server will not let in.
fn database_of(path: &Path, text: &[u8]) -> Result<Vec<u8>, Stop> {
    let made = puredb::database(text)
        .map_err(|unfit| cannot("make a database of", path, unfit, status::OTHER))?;
    for (login, data) in puredb::entries(text).unwrap_or_default() {
        warn_of(&Line::read(&[login, b":", data].concat()));
    }
    Ok(made)
}

/// The text is read under the lock of the database: whoever writes last has read what was written before.
fn write_database(path: &Path, to: &Path) -> Result<(), Stop> {
    // Without this a database that does not exist yet would leave its lock behind for nothing.
    text_of(path)?;
    let failed = |error| cannot("write", to, error, status::OTHER);
    let locked = Locked::of(to).map_err(failed)?;
    let made = database_of(path, &text_of(path)?)?;
    locked.replace(&made).map_err(failed)
}

fn show_one(selected: &Selected) -> Result<(), Stop> {
    let login = selected.login()?;
    let path = file_path(selected.file.as_deref());
    let line = existing(&login, &path, status::NOT_FETCHED)?;
    let user = line.user().map_err(|fault| {
        let text = format!("user {} in {}: {fault}", shown(&login), path.display());
        Stop::new(status::NOT_FETCHED, text)
    })?;
    print(&show::report(&line, &user))
}

fn list(path: &Path) -> Result<(), Stop> {
    let text = text_of(path)?;
    let columns = io::IsTerminal::is_terminal(&io::stdout());
    let mut out = Vec::new();
    for line in Users::read(text).users() {
        match line.user() {
            Ok(_) => out.extend(show::row(&line, columns)),
            Err(_) => warn_of(&line),
        }
    }
    print(&out)
}

/// Writes to standard output; whoever closed it wants no more, which is no failure.
fn print(bytes: &[u8]) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Stop::new(
            status::OTHER,
            format!("cannot write the output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// A login as it can be printed.
fn shown(login: &[u8]) -> String {
    login.escape_ascii().to_string()
}
