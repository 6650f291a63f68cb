//! Protection of a session's connections: the handshake on the control connection, and those on data connections that
//! belong to it (RFC 4217).

use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::certificate::Choice;
use super::data::{Data, Stage};
use super::refusal::Refusal;
use super::shared::Stopping;
use super::transfer::Progress;
use super::{End, Once, Session, Who};
use crate::logs::{Severity, escape};
use crate::net::{Acceptor, Agreed, Asked, ClientCertificate, Hello, Purpose, Stream};
use crate::settings::Protection;

/// What is said of an address with too many handshakes that led to no login.
const TOO_MANY: &str = "TLS handshake refused: too many from this address led to no login";

/// Bytes of the mark by which data connections are known; nobody guesses it.
const SECRET: usize = 16;

/// How long a handshake may take; a client has a login to do besides.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A change of the control connection's protection, to be made once the reply to the command that asks for it is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// AUTH: keys are made. `implied` says that PROT P needs no asking.
    Secure {
        /// See there.
        implied: bool,
    },
    /// CCC: TLS ends.
    Clear,
}

/// What a protected session keeps.
pub(super) struct Secure {
    /// What its handshake was made with, also for its data connections.
    acceptor: Rc<Acceptor>,
    secret: [u8; SECRET],
    /// The name the client asked for.
    pub(super) name: Option<String>,
    /// The client's own certificate, where it showed one.
    pub(super) certificate: Option<ClientCertificate>,
    /// Whether the certificate took the place of the password.
    pub(super) logged_in: bool,
    /// Whether PBSZ was there, without which there is no PROT.
    pub(super) sized: bool,
    /// Whether data connections are protected: PROT P.
    pub(super) private: bool,
    /// Whether the control connection is in clear again: CCC.
    pub(super) cleared: bool,
}

impl Session {
    /// Whether data connections are protected.
    pub(super) fn data_is_private(&self) -> bool {
        self.secure.as_ref().is_some_and(|secure| secure.private)
    }

    /// Whether the control connection is protected now.
    pub(super) fn is_protected(&self) -> bool {
        self.secure.as_ref().is_some_and(|secure| !secure.cleared)
    }

    /// What must be protected: what `-Y` says, unless it does not bind the client, or those of its kind.
    pub(super) fn demanded(&self, anonymous: bool) -> Protection {
        let tls = &self.shared.base.settings.tls;
        let peer = self.peer.ip();
        let excused = tls.plain_from.iter().any(|network| network.contains(peer));
        match tls.insists_on.binds(anonymous) && !excused {
            true => tls.protection,
            false => tls.protection.min(Protection::Offered),
        }
    }

    /// Whether the session is anonymous. One that nobody has logged in to is not.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(&self.who, Who::In(account) if account.is_stranger())
    }

    /// Makes keys with the client, within the time it has for its login. `implied` says that PROT P needs no asking.
    pub(super) async fn secure_control(&mut self, implied: bool) -> Result<(), End> {
        let shared = Rc::clone(&self.shared);
        let Some(tls) = &shared.tls else {
            return Err(End::NoTls);
        };
        let configured = Rc::clone(&tls.acceptor.borrow());
        let mut choice = Choice::configured(configured);
        let mut secret = [0; SECRET];
        let filled = shared.random.borrow_mut().fill(&mut secret);
        // What came in clear behind AUTH may be somebody else's (threats: C1).
        if self.control.discard_input() {
            self.log(
                Severity::Warning,
                format_args!("Commands that came before the TLS handshake were discarded"),
            );
        }
        self.who = Who::Nobody;
        self.once = Once::default();
        self.data = Data::None;
        let now = shared.handle.now();
        if !shared.handshakes.begin(self.peer.ip(), now) {
            self.log(Severity::Warning, format_args!("{TOO_MANY}"));
            return Err(End::NoTls);
        }
        tls.used.ring();
        let deadline = (now + HANDSHAKE).min(self.started + self.settings().limits.login);
        let host = self.host.take();
        let asked = Asked {
            purpose: Purpose::Control,
            host: host.as_deref(),
            secret: &secret,
            only_own: self.shared.base.settings.tls.require_reuse,
            // A command is whole with its line, however the connection ends.
            lax_close: true,
        };
        let control = &mut self.control;
        let shaking = async {
            filled.map_err(|error| error.to_string())?;
            let flushed = control.flush().await;
            flushed.map_err(|_| "the client is gone".to_owned())?;
            // Where the name changes nothing, it is left to the handshake.
            let hello = match shared.base.settings.tls.certd {
                Some(_) => control.hear().await.map_err(|error| error.to_string())?,
                None => Hello::default(),
            };
            if let Some(name) = hello.name() {
                choice.ask(&shared, name).await?;
            }
            let acceptor = &choice.acceptor;
            let protected = control.protect_after(hello, acceptor, &asked).await;
            protected.map_err(|error| error.to_string())
        };
        let mut shaking = Box::pin(shaking);
        let unless_stopped = std::future::poll_fn(|context| {
            if shared.stopping.get() == Stopping::Now {
                return Poll::Ready(Err("the server stops".to_owned()));
            }
            shaking.as_mut().poll(context)
        });
        let done = shared.handle.until(deadline, unless_stopped).await;
        drop(shaking);
        if let Some(note) = &choice.note {
            let note = escape(note.as_bytes());
            self.log(Severity::Error, format_args!("{note}"));
        }
        let why = match done {
            Some(Ok(())) => None,
            Some(Err(why)) => Some(why),
            None => Some("not done in time".to_owned()),
        };
        if let Some(why) = why {
            self.log(
                Severity::Info,
                format_args!("TLS handshake failed: {}", escape(why.as_bytes())),
            );
            return Err(End::NoTls);
        }
        let agreed = self.control.agreed();
        self.log_agreed(agreed.as_ref());
        self.secure = Some(Box::new(Secure {
            acceptor: choice.acceptor,
            secret,
            certificate: agreed
                .as_ref()
                .and_then(|agreed| agreed.certificate.clone()),
            name: agreed.and_then(|agreed| agreed.name),
            logged_in: false,
            sized: implied,
            private: implied,
            cleared: false,
        }));
        Ok(())
    }

    /// Ends TLS on the control connection (RFC 4217, section 12.3): for routers that must read what is said on it. What the client
    /// sent in TLS behind CCC is discarded, as what came before a handshake is.
    pub(super) async fn clear_control(&mut self) -> Result<(), End> {
        let shared = Rc::clone(&self.shared);
        let deadline = shared.handle.now() + HANDSHAKE;
        self.control.discard_input();
        let clearing = self.control.unprotect();
        match shared.handle.until(deadline, clearing).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return Err(End::Gone),
        }
        if let Some(secure) = &mut self.secure {
            secure.cleared = true;
        }
        self.log(
            Severity::Info,
            format_args!("TLS: the control connection is in clear from here on"),
        );
        Ok(())
    }

    /// Pure-FTPd's words.
    fn log_agreed(&self, agreed: Option<&Agreed>) {
        let Some(agreed) = agreed else {
            return;
        };
        if let Some(name) = &agreed.name {
            self.log(
                Severity::Info,
                format_args!("SNI: [{}]", escape(name.as_bytes())),
            );
        }
        self.log(
            Severity::Info,
            format_args!(
                "TLS: Enabled {} with {}, {} secret bits cipher",
                agreed.version, agreed.cipher, agreed.bits
            ),
        );
        if let Some(certificate) = &agreed.certificate {
            self.log(
                Severity::Info,
                format_args!(
                    "TLS: The client showed the certificate of [{}]",
                    escape(&certificate.common_name())
                ),
            );
        }
    }

    /// The certificate that the client showed.
    pub(super) fn certificate(&self) -> Option<&ClientCertificate> {
        self.secure.as_ref()?.certificate.as_ref()
    }

    /// Whether this client may be called so: under `--tlsclientname` the name is that in its certificate.
    pub(super) fn check_certificate_name(&self, user: &[u8]) -> Result<(), Refusal> {
        let settings = self.shared.base.settings.tls.clients.as_ref();
        let Some(kind) = settings.and_then(|own| own.name) else {
            return Ok(());
        };
        match self.certificate() {
            // Whether one is required was for the handshake to say, and whether there has to be one, for the demand for TLS.
            None => Ok(()),
            Some(certificate) if certificate.is_of(kind, user) => Ok(()),
            Some(certificate) => {
                self.log(
                    Severity::Warning,
                    format_args!(
                        "Can't login as [{}]: the certificate is that of [{}]",
                        escape(user),
                        escape(&certificate.common_name())
                    ),
                );
                Err(Refusal::NameOfAnother)
            }
        }
    }

    /// Makes keys on a data connection, if it is to be protected; the preliminary reply has been queued. A peer that does not
    /// speak TLS gets no byte of data, and nothing of what it sends is taken for data.
    pub(super) async fn secure_data(
        &mut self,
        mut stream: Stream,
        purpose: Purpose,
    ) -> Result<Stream, Refusal> {
        let Some(secure) = self.secure.as_ref().filter(|secure| secure.private) else {
            return Ok(stream);
        };
        let (acceptor, secret) = (Rc::clone(&secure.acceptor), secure.secret);
        let certificate = secure.certificate.clone();
        let settings = &self.shared.base.settings.tls;
        let (lax_close, must_resume) = (settings.lax_close, settings.require_reuse);
        let handle = self.shared.handle.clone();
        let deadline = handle.now() + self.settings().limits.accept;
        let stage = match purpose {
            Purpose::Upload => Stage::Receiving,
            Purpose::Control | Purpose::Download => Stage::Sending,
        };
        let peer = stream.peer();
        let shaking = Box::pin(async move {
            let asked = Asked {
                purpose,
                host: None,
                secret: &secret,
                only_own: must_resume,
                lax_close,
            };
            stream.protect(&acceptor, &asked).await.map(|()| stream)
        });
        let waiting = handle.until(deadline, shaking);
        let done = self.attend(stage, &Progress::none(), waiting).await?;
        let stream = match done {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => return Err(self.data_not_secured(peer, &error.to_string())),
            None => return Err(self.data_not_secured(peer, "not done in time")),
        };
        if certificate.is_none() && !must_resume {
            return Ok(stream);
        }
        let agreed = stream.agreed();
        if let Some(certificate) = certificate
            && agreed.as_ref().and_then(|own| own.certificate.as_ref()) != Some(&certificate)
        {
            self.log(
                Severity::Warning,
                format_args!(
                    "Data connection from {peer} refused: it shows another certificate than the session's, or none"
                ),
            );
            return Err(Refusal::CertificateOfAnother);
        }
        let resumed = agreed.is_some_and(|agreed| agreed.resumed);
        if must_resume && !resumed {
            self.log(
                Severity::Warning,
                format_args!(
                    "Data connection from {peer} refused: it does not resume the session's TLS"
                ),
            );
            return Err(Refusal::ReuseRequired);
        }
        Ok(stream)
    }

    fn data_not_secured(&self, peer: SocketAddr, why: &str) -> Refusal {
        self.log(
            Severity::Info,
            format_args!(
                "TLS handshake with {peer} failed on the data connection: {}",
                escape(why.as_bytes())
            ),
        );
        Refusal::DataNotSecured
    }
}
