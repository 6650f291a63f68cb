//! SIGHUP: what was read at start is read again, and logs of transfers go on in the files that have their names now.
//!
//! Paths are those of the start, and the keeper opens them, since this process sees none of them any more. What is broken or gone leaves in force what was there before.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::materials::{self, TlsTexts};
use crate::keeper::{Link, Reopened};
use crate::logs::{self, Severity, transfers};
use crate::reactor::UNKNOWN_DEVICE;
use crate::session::Listed;
use crate::session::shared::{Shared, Tls};
use crate::settings::Settings;
use crate::sys::words;

/// The least time between two looks at the files of certificates.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What a file is to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A list of users.
    List,
    /// The log of transfers at this place among them.
    Log(usize),
    /// A certificate or key of TLS.
    Pem,
    /// Whose certificates clients are asked for.
    ClientCa,
    /// A list of those that were revoked.
    RevocationList,
}

/// A file that can be opened again.
pub(super) struct Again<'a> {
    flag: &'static str,
    path: &'a Path,
    purpose: Purpose,
}

/// The files of these settings that can be opened again; the keeper knows each by its place here.
pub(super) fn files(settings: &Settings) -> impl Iterator<Item = Again<'_>> {
    let login = &settings.login;
    let lists = [
        (materials::USER_LIST, login.user_list.as_deref()),
        (materials::DENY_USERS, login.deny_users.as_deref()),
    ];
    let lists = lists.into_iter().filter_map(|(flag, path)| {
        path.map(|path| Again {
            flag,
            path,
            purpose: Purpose::List,
        })
    });
    let logs = settings.logging.transfers.iter().enumerate();
    let logs = logs.map(|(place, log)| Again {
        flag: materials::TRANSFER_LOG,
        path: &log.path,
        purpose: Purpose::Log(place),
    });
    let pems = pem_files(settings).map(|path| Again {
        flag: materials::CERTIFICATES,
        path,
        purpose: Purpose::Pem,
    });
    lists.chain(logs).chain(pems).chain(client_files(settings))
}

/// The file of `--tlsclientca`, then those of `--tlscrl`.
fn client_files(settings: &Settings) -> impl Iterator<Item = Again<'_>> {
    let clients = settings.tls.clients.as_ref();
    let clients = clients.filter(|_| settings.tls.is_on());
    clients.into_iter().flat_map(|clients| {
        let authorities = clients.authorities.iter().map(|path| Again {
            flag: materials::CLIENT_CA,
            path,
            purpose: Purpose::ClientCa,
        });
        let lists = clients.revocation_lists.iter().map(|path| Again {
            flag: materials::REVOCATION_LISTS,
            path,
            purpose: Purpose::RevocationList,
        });
        authorities.chain(lists)
    })
}

/// The files of `-2`: of each the certificate's, then the key's where it has one of its own.
fn pem_files(settings: &Settings) -> impl Iterator<Item = &Path> {
    let certificates = match settings.tls.is_on() {
        true => settings.tls.certificates.as_slice(),
        false => &[],
    };
    certificates
        .iter()
        .flat_map(|files| [Some(files.certificate.as_path()), files.key.as_deref()])
        .flatten()
}

impl Again<'_> {
    /// For the keeper.
    pub(super) fn for_keeper(&self) -> Reopened {
        Reopened {
            path: std::path::absolute(self.path).unwrap_or_else(|_| self.path.to_owned()),
            open: match self.purpose {
                Purpose::Log(_) => transfers::open,
                Purpose::List | Purpose::Pem | Purpose::ClientCa | Purpose::RevocationList => {
                    open_without_waiting
                }
            },
        }
    }
}

/// What has become a FIFO is not waited for.
pub(super) fn open_without_waiting(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Reads everything again, and says in the log how that went.
pub(super) async fn reload(shared: Rc<Shared>) {
    let has_accounts = !shared.base.settings.login.sources.is_empty();
    let has_files = files(&shared.base.settings).next().is_some();
    let Some(link) = shared.link.as_ref().filter(|_| has_accounts || has_files) else {
        return logs::server(
            Severity::Info,
            format_args!("Signal 1: nothing to reload, sessions go on"),
        );
    };
    change_logs(&shared, link).await;
    read_lists(&shared, link).await;
    read_certificates(&shared, link, "Signal 1").await;
    if has_accounts {
        look_at_accounts(link).await;
    }
}

/// What passwords cost, looked for once clients are served, since it may take a while.
pub(super) async fn look_at_costs(shared: Rc<Shared>) {
    let has_accounts = !shared.base.settings.login.sources.is_empty();
    let Some(link) = shared.link.as_ref().filter(|_| has_accounts) else {
        return;
    };
    // Where nobody answers there is nothing to tell.
    let note = link.costs().await.unwrap_or_default();
    if !note.is_empty() {
        logs::server(
            Severity::Warning,
            format_args!("{}", logs::escape(note.as_bytes())),
        );
    }
}

async fn look_at_accounts(link: &Link) {
    match link.look().await {
        Ok(note) if note.is_empty() => logs::server(
            Severity::Info,
            format_args!("Signal 1: the accounts are as their sources have them now"),
        ),
        Ok(note) => logs::server(
            Severity::Error,
            format_args!("{}", logs::escape(note.as_bytes())),
        ),
        Err(error) => logs::server(
            Severity::Error,
            format_args!("The databases could not be looked at: {}", words(&error)),
        ),
    }
}

async fn change_logs(shared: &Shared, link: &Link) {
    for (number, file) in (0..).zip(files(&shared.base.settings)) {
        let Purpose::Log(place) = file.purpose else {
            continue;
        };
        let path = file.path.display();
        match change_log(shared, link, number, place).await {
            Ok(()) => logs::server(
                Severity::Info,
                format_args!("Signal 1: {path} was opened again"),
            ),
            Err(error) => logs::server(
                Severity::Error,
                format_args!(
                    "{}: {path}: {}; the log stays where it was",
                    file.flag,
                    words(&error)
                ),
            ),
        }
    }
}

/// The thread that writes holds the old file while it writes, and may wait for a disk or for others' locks.
async fn change_log(shared: &Shared, link: &Link, number: u16, place: usize) -> io::Result<()> {
    let opened = link.reopen(number).await?;
    let change = move || transfers::change_file(place, opened);
    let handle = &shared.handle;
    handle.pool().run(handle, UNKNOWN_DEVICE, change).await
}

async fn read_lists(shared: &Shared, link: &Link) {
    let mut texts = Vec::new();
    for (number, file) in (0..).zip(files(&shared.base.settings)) {
        if file.purpose != Purpose::List {
            continue;
        }
        match read_again(shared, link, number, materials::read_list).await {
            Ok(text) => texts.push((file.flag, text)),
            Err(error) => {
                let (flag, path) = (file.flag, file.path.display());
                return logs::server(
                    Severity::Error,
                    format_args!(
                        "{flag}: {path}: {}; the lists stay as they were",
                        words(&error)
                    ),
                );
            }
        }
    }
    if texts.is_empty() {
        return;
    }
    let of = |flag| {
        let found = texts.iter().find(|(other, _)| *other == flag);
        found.map(|(_, text)| text.as_slice())
    };
    let listed = Listed::new(of(materials::USER_LIST), of(materials::DENY_USERS));
    shared.listed.replace(listed);
    logs::server(
        Severity::Info,
        format_args!("Signal 1: lists of users were read again"),
    );
}

/// Reads certificates again when their files have changed: looks after a handshake, and once a second at most.
pub(super) async fn watch_certificates(shared: Rc<Shared>) {
    let (Some(tls), Some(link)) = (&shared.tls, &shared.link) else {
        return;
    };
    loop {
        tls.used.rung().await;
        if certificates_changed(&shared, link, tls).await {
            read_certificates(&shared, link, "The files changed").await;
        }
        shared.handle.sleep(BETWEEN_LOOKS).await;
    }
}

/// A file that cannot be opened now, as one that is being replaced, is looked at again at the next handshake.
async fn certificates_changed(shared: &Shared, link: &Link, tls: &Tls) -> bool {
    let mut marks = Vec::new();
    for number in tls_places(&shared.base.settings) {
        let look = |file: File| materials::mark(&file);
        match read_again(shared, link, number, look).await {
            Ok(mark) => marks.push(mark),
            Err(_) => return false,
        }
    }
    *tls.marks.borrow() != marks
}

/// The places of what handshakes are made with among the files.
fn tls_places(settings: &Settings) -> impl Iterator<Item = u16> {
    let files = (0..).zip(files(settings));
    files.filter_map(|(number, file)| match file.purpose {
        Purpose::Pem | Purpose::ClientCa | Purpose::RevocationList => Some(number),
        Purpose::List | Purpose::Log(_) => None,
    })
}

/// All of them or none: a new certificate beside an old key would be of no use. `why` is for the log.
async fn read_certificates(shared: &Shared, link: &Link, why: &str) {
    let Some(tls) = &shared.tls else {
        return;
    };
    let settings = &shared.base.settings;
    let mut pems = Vec::new();
    let mut texts = TlsTexts::default();
    let mut marks = Vec::new();
    for (number, file) in (0..).zip(files(settings)) {
        let read = match file.purpose {
            Purpose::Pem => materials::read_pem,
            Purpose::ClientCa | Purpose::RevocationList => materials::read_marked_list,
            Purpose::List | Purpose::Log(_) => continue,
        };
        let text = match read_again(shared, link, number, read).await {
            Ok((text, mark)) => {
                marks.push(mark);
                text
            }
            Err(error) => {
                let (flag, path, why) = (file.flag, file.path.display(), words(&error));
                return certificates_stay(&format!("{flag} {path}: {why}"));
            }
        };
        match file.purpose {
            Purpose::ClientCa => texts.client_ca = Some(text),
            Purpose::RevocationList => texts.revocation_lists.push(text),
            _ => pems.push(text),
        }
    }
    // Also of what turns out to be broken, so that this is said once.
    tls.marks.replace(marks);
    let mut pems = pems.into_iter();
    texts.certificates = settings
        .tls
        .certificates
        .iter()
        .map_while(|files| {
            let certificate = pems.next()?;
            let key = match files.key {
                Some(_) => Some(pems.next()?),
                None => None,
            };
            Some((certificate, key))
        })
        .collect();
    match materials::acceptor(&settings.tls, &texts, &tls.resumption) {
        Ok(acceptor) => {
            tls.acceptor.replace(Rc::new(acceptor));
            logs::server(
                Severity::Info,
                format_args!("{why}: certificates were read again"),
            );
        }
        Err(failure) => {
            let text = failure.to_string();
            certificates_stay(text.strip_prefix("wharf-ftpd: ").unwrap_or(&text));
        }
    }
}

fn certificates_stay(why: &str) {
    logs::server(
        Severity::Error,
        format_args!("{why}; the certificates stay as they were"),
    );
}

async fn read_again<T: Send + 'static>(
    shared: &Shared,
    link: &Link,
    place: u16,
    read: fn(File) -> io::Result<T>,
) -> io::Result<T> {
    let opened: OwnedFd = link.reopen(place).await?;
    // A disk or a mount may let a reader wait.
    let read = move || read(File::from(opened));
    let handle = &shared.handle;
    handle.pool().run(handle, UNKNOWN_DEVICE, read).await
}
