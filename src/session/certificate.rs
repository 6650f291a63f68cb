//! Which certificate a client is shown, where a program behind a socket decides that (`-3`).

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use jiff::Timestamp;

use super::shared::Shared;
use crate::keeper::Chosen;
use crate::net::{Acceptor, Pair};
use crate::reactor::UNKNOWN_DEVICE;
use crate::sys::{files, words};

/// The most that is read of a certificate or key.
const LONGEST: u64 = 1024 * 1024;

/// What a handshake is made with.
pub(super) struct Choice {
    pub(super) acceptor: Rc<Acceptor>,
    /// What the administrator should know of it.
    pub(super) note: Option<String>,
}

impl Choice {
    /// The certificates of `-2`.
    pub(super) fn configured(acceptor: Rc<Acceptor>) -> Choice {
        Choice {
            acceptor,
            note: None,
        }
    }

    /// Asks the program of `-3` about this name.
    ///
    /// # Errors
    /// Why there is no certificate for it, in words for a log.
    pub(super) async fn ask(&mut self, shared: &Shared, name: &str) -> Result<(), String> {
        let refused = |why: &str| Err(format!("no certificate for {name}: {why}"));
        let Some(link) = &shared.link else {
            return refused("-3 needs a keeper");
        };
        let (why, or_configured) = match link.certificate(name).await {
            Err(error) => return refused(&format!("-3: {}", words(&error))),
            Ok(Chosen::Nothing(why)) if why.is_empty() => return refused("denied by -3"),
            Ok(Chosen::Nothing(why)) => return refused(&format!("-3: {why}")),
            Ok(Chosen::Configured(why)) if why.is_empty() => return Ok(()),
            Ok(Chosen::Configured(why)) => (why, true),
            Ok(Chosen::Files {
                path,
                certificate,
                key,
                or_configured,
            }) => match read(shared, certificate, key).await {
                Ok(pair) => {
                    self.acceptor = Rc::new(self.acceptor.with(pair));
                    return Ok(());
                }
                Err(why) => (format!("{path}: {why}"), or_configured),
            },
        };
        if !or_configured {
            return refused(&format!("-3: {why}"));
        }
        self.note = Some(format!("-3: {why}; {name} gets a certificate of -2"));
        Ok(())
    }
}

/// A disk may let a reader wait, and a key takes a moment to be looked at.
async fn read(shared: &Shared, certificate: OwnedFd, key: Option<OwnedFd>) -> Result<Pair, String> {
    let read = move || -> io::Result<_> {
        let certificate = files::read_regular(certificate, LONGEST)?;
        let key = key
            .map(|key| files::read_regular(key, LONGEST))
            .transpose()?;
        let key = key.as_deref().unwrap_or(&certificate);
        Ok(Pair::read(&certificate, key, Timestamp::now()))
    };
    let handle = &shared.handle;
    match handle.pool().run(handle, UNKNOWN_DEVICE, read).await {
        Ok(Ok(pair)) => Ok(pair),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(words(&error)),
    }
}
