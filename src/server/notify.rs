//! Telling systemd how the server is (sd_notify(3)): ready, reloading, stopping, alive, and how many sessions there are.
//!
//! Only what the manager itself can act on is told: a server whose keeper died is not stopping while its sessions go on, since
//! the manager would cut them off. The socket is connected before a chroot hides it. Nothing waits: a message that finds no room is not sent.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::logs::{self, Severity};
use crate::session::shared::Shared;
use crate::sys::words;

/// How often the count of sessions is told, if it has changed.
const STATUS: Duration = Duration::from_secs(5);

/// The way to the service manager; does nothing where there is none.
pub(super) struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// From the environment: NOTIFY_SOCKET, and WATCHDOG_USEC where WATCHDOG_PID is this process or not set. A manager that
    /// cannot be reached is told of in the log, and no reason not to serve: the variable may be left over from elsewhere.
    pub(super) fn from_environment() -> Notify {
        let nobody = Notify {
            socket: None,
            watchdog: None,
        };
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
            return nobody;
        };
        Notify::at(&name).unwrap_or_else(|error| {
            logs::server(
                Severity::Warning,
                format_args!("NOTIFY_SOCKET: {}", words(&error)),
            );
            nobody
        })
    }

    fn at(name: &OsStr) -> io::Result<Notify> {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_meant =
            number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_meant);
        Ok(Notify {
            socket: Some(socket),
            watchdog: watchdog.map(Duration::from_micros),
        })
    }

    /// The server accepts clients.
    pub(super) fn ready(&self) {
        self.send(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// SIGHUP is being followed; [`Notify::ready`] ends it.
    pub(super) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// No client is accepted any more.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Says that the loop turns, and what it does, until `work` is done.
    pub(super) async fn while_telling<T>(
        &self,
        shared: &Shared,
        work: impl Future<Output = T>,
    ) -> T {
        let telling = async {
            self.keep_telling(shared).await;
            std::future::pending().await
        };
        futures_lite::future::or(work, telling).await
    }

    async fn keep_telling(&self, shared: &Shared) {
        if self.socket.is_none() {
            return;
        }
        let pause = self
            .watchdog
            .map_or(STATUS, |limit| (limit / 2).min(STATUS));
        let mut told = None;
        loop {
            let sessions = shared.counts.sessions();
            if told.replace(sessions) != Some(sessions) {
                self.send(&format!("STATUS={sessions} sessions"));
            }
            if self.watchdog.is_some() {
                self.send("WATCHDOG=1");
            }
            shared.handle.sleep(pause).await;
        }
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // A manager that is not there any more misses nothing.
            let _ = socket.send(text.as_bytes());
        }
    }
}
