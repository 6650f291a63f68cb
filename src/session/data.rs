//! The data connection of the next transfer: announced, opened, watched.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use super::advice::AWAITED;
use super::commands;
use super::control::Interruption;
use super::refusal::Refusal;
use super::shared::Stopping;
use super::transfer::Progress;
use super::{End, Session};
use crate::logs::Severity;
use crate::net::{self, Passive, Stream};
use crate::proto::line::Line;
use crate::proto::reply::Reply;
use crate::proto::request;

/// What the client announced.
pub(super) enum Data {
    None,
    /// We listen; the client comes.
    Passive(Passive),
    /// The client listens; we go.
    Active(SocketAddr),
    /// Opened ahead of the transfer, by ESTA or ESTP.
    Ready(Stream),
}

/// What the session is doing while it listens to its client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A failed login is answered late, and nothing makes that sooner.
    Delay,
    /// Waiting for the data connection. The command has had no reply yet, so no other command may have one.
    Opening,
    /// Sending.
    Sending,
    /// Receiving. A client that has nothing more to say on the control connection may go on sending.
    Receiving,
}

impl Session {
    /// Opens the announced data connection; gives also the preliminary reply's words.
    pub(super) async fn open_data(&mut self) -> Result<(Stream, String), Refusal> {
        let accepted = || "Accepted data connection".to_owned();
        match std::mem::replace(&mut self.data, Data::None) {
            Data::None => Err(Refusal::NoDataConnection),
            Data::Ready(stream) => {
                let words = match stream.local() {
                    Ok(_) => accepted(),
                    Err(_) => return Err(Refusal::NoDataConnection),
                };
                Ok((stream, words))
            }
            Data::Passive(passive) => Ok((self.accept(passive).await?, accepted())),
            Data::Active(remote) => {
                let words = format!("Connecting to port {}", remote.port());
                Ok((self.connect(remote).await?, words))
            }
        }
    }

    async fn accept(&mut self, mut passive: Passive) -> Result<Stream, Refusal> {
        let handle = self.shared.handle.clone();
        let owner = self.peer.ip();
        let port = passive.local().port();
        let anyone = self.may_use_third_hosts();
        let begun = handle.now();
        let deadline = begun + self.settings().limits.accept;
        let mut strangers = Vec::new();
        let accepting = passive.accept(
            |peer| anyone || peer == owner,
            // One record for a flood of them is enough.
            |stranger| {
                if strangers.len() < 8 {
                    strangers.push(stranger)
                }
            },
        );
        let waiting = handle.until(deadline, accepting);
        let opened = self
            .attend(Stage::Opening, &Progress::none(), waiting)
            .await;
        for stranger in &strangers {
            let flag = self.flag_for_third_hosts();
            self.log(
                Severity::Warning,
                format_args!(
                    "Data connection from {stranger} refused: it belongs to {owner} ({flag} lets other hosts in)"
                ),
            );
        }
        let gave_up = matches!(opened, Err(Refusal::Aborted | Refusal::End(End::Gone)))
            && handle.now() >= begun + AWAITED;
        match &opened {
            Ok(Some(Ok(_))) => self.shared.advice.came(owner),
            // Where strangers came, ports are open.
            Ok(None) => self.note_missed(strangers.is_empty()),
            Err(_) if gave_up => self.note_missed(strangers.is_empty()),
            Ok(Some(Err(_))) | Err(_) => {}
        }
        match opened? {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(error)) => Err(Refusal::Failed("Can't accept the data connection", error)),
            None => Err(Refusal::NobodyCame(port)),
        }
    }

    /// A data connection did not come; `silence` where nobody else did either.
    fn note_missed(&self, silence: bool) {
        let (client, now) = (self.peer.ip(), self.shared.handle.now());
        if silence && self.shared.advice.is_told_of_ports(client, now) {
            let range = self.settings().network.passive_range;
            self.log(
                Severity::Warning,
                format_args!(
                    "Three data connections of {client} in a row did not come: a firewall? The passive range is {range} \
                     (-p), is it forwarded to this machine and let through?"
                ),
            );
        }
    }

    async fn connect(&mut self, remote: SocketAddr) -> Result<Stream, Refusal> {
        let handle = self.shared.handle.clone();
        let network = &self.settings().network;
        let mut local = self.local;
        local.set_port(network.active_port.unwrap_or(0));
        let deadline = handle.now() + self.settings().limits.accept;
        if local.is_ipv4() != remote.is_ipv4() {
            local = match remote {
                SocketAddr::V4(_) => ([0, 0, 0, 0], local.port()).into(),
                SocketAddr::V6(_) => ([0_u16; 8], local.port()).into(),
            };
        }
        let loop_handle = handle.clone();
        // Ports below 1024 are the keeper's to give.
        let link = self
            .shared
            .link
            .clone()
            .filter(|_| (1..1024).contains(&local.port()));
        let connecting = handle.until(deadline, async move {
            match link {
                None => net::connect(&loop_handle, local, remote).await,
                Some(link) => {
                    let bound = link.bind(local).await?;
                    net::connect_from(&loop_handle, bound, remote).await
                }
            }
        });
        match self
            .attend(Stage::Opening, &Progress::none(), connecting)
            .await?
        {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(error)) => Err(Refusal::CannotConnect(remote.port(), error)),
            None => Err(Refusal::DataConnectionTimedOut),
        }
    }

    /// Runs `work` while listening to the client: ABOR ends it, STAT and NOOP are answered once bytes move, QUIT is kept
    /// for the end, and so are other commands, in order. A client that breaks away ends it at once.
    pub(super) async fn attend<T>(
        &mut self,
        stage: Stage,
        progress: &Progress,
        work: impl Future<Output = T>,
    ) -> Result<T, Refusal> {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            if self.shared.stopping.get() == Stopping::Now {
                return Poll::Ready(Err(Refusal::ShuttingDown));
            }
            loop {
                match self.control.poll_interruption(context) {
                    Poll::Pending => break,
                    Poll::Ready(Err(end)) => return Poll::Ready(Err(end.into())),
                    Poll::Ready(Ok(Interruption::EndOfInput)) if stage == Stage::Receiving => {}
                    Poll::Ready(Ok(Interruption::EndOfInput)) => {
                        return Poll::Ready(Err(End::Gone.into()));
                    }
                    Poll::Ready(Ok(Interruption::Line(line))) => {
                        if self.interrupted_by(line, stage, progress) {
                            return Poll::Ready(Err(Refusal::Aborted));
                        }
                    }
                }
            }
            work.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Acts on a line that came during a transfer; true for ABOR.
    fn interrupted_by(&mut self, line: Line, stage: Stage, progress: &Progress) -> bool {
        if self.quit_asked {
            // What follows QUIT is not looked at.
            return false;
        }
        let verb = match &line {
            Line::Text(text) => request::parse(text)
                .ok()
                .filter(|request| {
                    // What is refused is refused in its turn.
                    commands::find(request.verb.as_str())
                        .is_some_and(|row| self.permits(row, &request.argument).is_ok())
                })
                .map(|request| (request.verb, request.argument.is_empty())),
            Line::TooLong | Line::Flood => None,
        };
        let in_order = !self.control.has_postponed();
        let replied = matches!(stage, Stage::Sending | Stage::Receiving);
        match verb.as_ref().map(|(verb, alone)| (verb.as_str(), *alone)) {
            Some(("ABOR", _)) if stage != Stage::Delay => {
                self.abort_asked = true;
                return true;
            }
            Some(("NOOP", _)) if in_order && replied => {
                let reply = commands::session_noop();
                self.send(&reply);
            }
            Some(("STAT", true)) if in_order && replied => {
                let reply = Reply::new(211, progress.words());
                self.send(&reply);
            }
            Some(("QUIT", _)) if in_order => {
                self.quit_asked = true;
                self.control.discard_input();
            }
            _ => self.control.postpone(line),
        }
        false
    }
}
