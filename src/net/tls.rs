//! TLS, the server's end of it: certificates, what a handshake is made with, and the bytes of one protected connection.
//!
//! RFC 4217 says how FTP uses it. Tickets are stateless and hold for all connections of a server, so that a client resumes
//! the session of its control connection on as many data connections as it likes, one after another or at once. Each control
//! connection puts a secret of its own into its tickets, by which a data connection shows whose it is.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{
    ClientHello, ParsedCertificate, ProducesTickets, ResolvesServerCert, ServerSessionMemoryCache,
    StoresServerSessions,
};
use rustls::sign::CertifiedKey;
use rustls::{HandshakeKind, ServerConfig, ServerConnection, SupportedCipherSuite};

use super::certificate::{self, Fields, day};
use super::client::{ClientCertificate, Clients};
use crate::reactor::{Direction, Io};
use crate::units::{Suite, TlsVersion};

/// The most that is encrypted or decrypted before others get their turn.
pub const TLS_SLICE: usize = 64 * 1024;

/// Records without any data that are looked at in a row.
const EMPTY_IN_A_ROW: u32 = 16;

/// Bytes in front of each record.
const HEAD: usize = 5;

/// Tickets of a control connection: clients that use each one once need some.
const CONTROL_TICKETS: usize = 4;

/// Tickets of a download.
const DOWNLOAD_TICKETS: usize = 2;

/// Sessions kept for clients of TLS 1.2 that take no tickets.
const SESSIONS: usize = 1024;

/// The longest session that goes into a ticket. It has the client's certificates in it, and a ticket has its length in two bytes.
const LONGEST_SESSION: usize = 32 * 1024;

/// What RFC 7301 names are agreed to; a client that offers none is served as well, one that offers others only is refused
/// (threats: C2).
const PROTOCOLS: [&[u8]; 2] = [b"ftp", b"ftp-data"];

/// The form of keys that ask for a passphrase.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// A certificate with its chain and its key.
#[derive(Debug)]
pub struct Pair {
    key: CertifiedKey,
    fields: Fields,
}

/// What is wrong with a certificate or its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairError {
    /// No certificate in its file.
    NoCertificate,
    /// Something in the file that is no certificate.
    BadCertificate,
    /// No private key in its file.
    NoKey,
    /// The key is under a passphrase.
    KeyHasPassphrase,
    /// A key of a kind that cannot be used, or a broken one.
    BadKey,
    /// The key is that of another certificate.
    Mismatch,
    /// Its time is over.
    Expired(Timestamp),
}

impl PairError {
    /// Whether it is the file of the key that is to blame.
    pub fn is_about_key(&self) -> bool {
        matches!(
            self,
            Self::NoKey | Self::KeyHasPassphrase | Self::BadKey | Self::Mismatch
        )
    }
}

impl fmt::Display for PairError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => formatter.write_str("no certificate in it (expected PEM)"),
            Self::BadCertificate => formatter.write_str("the certificate in it cannot be read"),
            Self::NoKey => formatter.write_str("no private key in it (expected PEM)"),
            Self::KeyHasPassphrase => formatter.write_str(
                "the private key is under a passphrase (take that away with openssl pkey)",
            ),
            Self::BadKey => formatter.write_str(
                "the private key cannot be used (expected RSA of 2048 bits or more, ECDSA or Ed25519)",
            ),
            Self::Mismatch => formatter.write_str("the private key is that of another certificate"),
            Self::Expired(when) => write!(formatter, "the certificate expired on {}", day(*when)),
        }
    }
}

impl Pair {
    /// Reads a certificate with its chain, and the private key, both in PEM; either text may hold other things besides.
    ///
    /// # Errors
    /// [`PairError`]; a certificate whose time is over at `now` is one.
    pub fn read(certificate: &[u8], key: &[u8], now: Timestamp) -> Result<Pair, PairError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.map_err(|_| PairError::BadCertificate)?;
        let first = chain.first().ok_or(PairError::NoCertificate)?;
        let fields = certificate::fields(first).ok_or(PairError::BadCertificate)?;
        ParsedCertificate::try_from(first).map_err(|_| PairError::BadCertificate)?;
        let private = match PrivateKeyDer::from_pem_slice(key) {
            Ok(private) => private,
            Err(_) if memchr::memmem::find(key, ENCRYPTED).is_some() => {
                return Err(PairError::KeyHasPassphrase);
            }
            Err(_) => return Err(PairError::NoKey),
        };
        let provider = ring::default_provider();
        let signer = provider.key_provider.load_private_key(private);
        // The older form of PEM says it in a line of its own, and what follows is no key.
        let signer = signer.map_err(|_| match memchr::memmem::find(key, ENCRYPTED) {
            Some(_) => PairError::KeyHasPassphrase,
            None => PairError::BadKey,
        })?;
        let pair = CertifiedKey::new(chain, signer);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(PairError::Mismatch),
        }
        if fields.not_after < now {
            return Err(PairError::Expired(fields.not_after));
        }
        Ok(Pair { key: pair, fields })
    }

    /// What the administrator should know of its time: that it is nearly over, or has not begun.
    pub fn concern(&self, now: Timestamp) -> Option<String> {
        const FORTNIGHT: i64 = 14 * 86_400;
        let left = self.fields.not_after.as_second() - now.as_second();
        if self.fields.not_before > now {
            return Some(format!(
                "the certificate is good from {} only",
                day(self.fields.not_before)
            ));
        }
        (left < FORTNIGHT).then(|| {
            format!(
                "the certificate expires on {}, in {} days",
                day(self.fields.not_after),
                left / 86_400
            )
        })
    }

    /// Whether it is a certificate for this host.
    fn is_for(&self, name: &str) -> bool {
        let common = |own: &Vec<u8>| own.eq_ignore_ascii_case(name.as_bytes());
        if self.fields.common_names.iter().any(common) {
            return true;
        }
        let Some(Ok(parsed)) = self.key.cert.first().map(ParsedCertificate::try_from) else {
            return false;
        };
        ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    }
}

/// Chooses the certificate that has the name the client asks for: by SNI, or by HOST before the handshake.
#[derive(Debug)]
struct ByName {
    pairs: Arc<[Arc<CertifiedKey>]>,
    all: Arc<[Pair]>,
    host: Option<String>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let wanted = hello.server_name().or(self.host.as_deref());
        let usable = |place: &usize| {
            let pair = &self.pairs[*place];
            pair.key.choose_scheme(hello.signature_schemes()).is_some()
        };
        let named = |place: &usize| match wanted {
            // With one certificate there is nothing to choose.
            Some(name) if self.all.len() > 1 => self.all[*place].is_for(name),
            _ => false,
        };
        let places = 0..self.pairs.len();
        let place = places
            .clone()
            .filter(named)
            .find(usable)
            .or_else(|| places.clone().find(named))
            .or_else(|| places.clone().find(usable))
            .unwrap_or(0);
        self.pairs.get(place).cloned()
    }
}

/// What makes sessions resumable; it outlives certificates.
pub struct Resumption {
    ticketer: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Resumption {
    /// With new keys for tickets.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn new() -> io::Result<Resumption> {
        Ok(Resumption {
            ticketer: ring::Ticketer::new().map_err(io::Error::other)?,
            sessions: ServerSessionMemoryCache::new(SESSIONS),
        })
    }
}

/// Tickets and sessions of others are as if they were not there. What a session is resumed from holds its mark, and the library
/// tells that mark for TLS 1.3 only, so it is looked for here.
struct OnlyOwn {
    ticketer: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
    mark: Vec<u8>,
}

impl OnlyOwn {
    fn if_own(&self, session: Vec<u8>) -> Option<Vec<u8>> {
        let found = memchr::memmem::find(&session, &self.mark);
        found.map(|_| session)
    }
}

impl fmt::Debug for OnlyOwn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnlyOwn")
    }
}

impl ProducesTickets for OnlyOwn {
    fn enabled(&self) -> bool {
        self.ticketer.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.ticketer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match plain.len() <= LONGEST_SESSION {
            true => self.ticketer.encrypt(plain),
            false => None,
        }
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.ticketer
            .decrypt(cipher)
            .and_then(|session| self.if_own(session))
    }
}

impl StoresServerSessions for OnlyOwn {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.sessions.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions
            .get(key)
            .and_then(|session| self.if_own(session))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions
            .take(key)
            .and_then(|session| self.if_own(session))
    }

    fn can_cache(&self) -> bool {
        self.sessions.can_cache()
    }
}

/// What a connection is for: it decides how many tickets the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Commands.
    Control,
    /// Data to the client.
    Download,
    /// Data from the client. A client that only sends never reads tickets, closes with them unread, and its kernel then
    /// resets the connection, with which the last bytes of the upload may be lost.
    Upload,
}

/// What handshakes are made with. One stays in force for the sessions that began under it.
pub struct Acceptor {
    control: Arc<ServerConfig>,
    download: Arc<ServerConfig>,
    upload: Arc<ServerConfig>,
    pairs: Arc<[Arc<CertifiedKey>]>,
    all: Arc<[Pair]>,
    clients: Option<Arc<Clients>>,
    scratch: Rc<RefCell<Box<[u8]>>>,
}

/// How one handshake differs from others.
pub struct Asked<'a> {
    /// See [`Purpose`].
    pub purpose: Purpose,
    /// The name of HOST, for clients that say none in the handshake.
    pub host: Option<&'a str>,
    /// What marks the tickets of one session.
    pub secret: &'a [u8],
    /// Whether nothing but a session with this mark can be resumed.
    pub only_own: bool,
    /// Whether the end of the connection ends the data, said or not.
    pub lax_close: bool,
}

impl Acceptor {
    /// Takes certificates, the first for clients that ask for no name. Where `clients` says whose certificates are asked for,
    /// no control connection resumes anything, and each certificate is looked at anew.
    ///
    /// # Errors
    /// When the ciphers and the version leave nothing.
    pub fn new(
        pairs: Vec<Pair>,
        suites: &[Suite],
        oldest: TlsVersion,
        clients: Option<Arc<Clients>>,
        resumption: &Resumption,
    ) -> io::Result<Acceptor> {
        let provider = CryptoProvider {
            cipher_suites: suites.iter().copied().map(suite).collect(),
            ..ring::default_provider()
        };
        let has = |tls13: bool| suites.iter().any(|suite| suite.is_tls13() == tls13);
        let mut versions = Vec::new();
        if has(true) {
            versions.push(&rustls::version::TLS13);
        }
        if has(false) && oldest == TlsVersion::Tls12 {
            versions.push(&rustls::version::TLS12);
        }
        let all: Arc<[Pair]> = pairs.into();
        let shared = |pair: &Pair| Arc::new(pair.key.clone());
        let pairs: Arc<[Arc<CertifiedKey>]> = all.iter().map(shared).collect();
        let resolver = ByName {
            pairs: Arc::clone(&pairs),
            all: Arc::clone(&all),
            host: None,
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .map_err(io::Error::other)?;
        let builder = match &clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients) as _),
        };
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.ignore_client_order = true;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        config.ticketer = Arc::clone(&resumption.ticketer);
        config.session_storage = Arc::clone(&resumption.sessions);
        let with_tickets = |count| {
            let mut config = config.clone();
            config.send_tls13_tickets = count;
            Arc::new(config)
        };
        Ok(Acceptor {
            control: with_tickets(CONTROL_TICKETS),
            download: with_tickets(DOWNLOAD_TICKETS),
            upload: with_tickets(0),
            pairs,
            all,
            clients,
            scratch: Rc::new(RefCell::new(vec![0; TLS_SLICE].into_boxed_slice())),
        })
    }

    /// The same with this certificate alone, whatever name a client asks for.
    pub fn with(&self, pair: Pair) -> Acceptor {
        let pairs: Arc<[Arc<CertifiedKey>]> = Arc::new([Arc::new(pair.key.clone())]);
        let all: Arc<[Pair]> = Arc::new([pair]);
        let resolver = Arc::new(ByName {
            pairs: Arc::clone(&pairs),
            all: Arc::clone(&all),
            host: None,
        });
        let with_it = |config: &ServerConfig| {
            let mut config = config.clone();
            config.cert_resolver = Arc::clone(&resolver) as Arc<dyn ResolvesServerCert>;
            Arc::new(config)
        };
        Acceptor {
            control: with_it(&self.control),
            download: with_it(&self.download),
            upload: with_it(&self.upload),
            pairs,
            all,
            clients: self.clients.clone(),
            scratch: Rc::clone(&self.scratch),
        }
    }

    fn config(&self, asked: &Asked<'_>) -> Arc<ServerConfig> {
        let config = match asked.purpose {
            Purpose::Control => &self.control,
            Purpose::Download => &self.download,
            Purpose::Upload => &self.upload,
        };
        let host = asked.host.filter(|_| self.all.len() > 1);
        // A session of another connection has the certificate that was good for that one.
        let only_own = asked.only_own || self.clients.is_some();
        if host.is_none() && !only_own {
            return Arc::clone(config);
        }
        let mut config = ServerConfig::clone(config);
        if host.is_some() {
            config.cert_resolver = Arc::new(ByName {
                pairs: Arc::clone(&self.pairs),
                all: Arc::clone(&self.all),
                host: host.map(str::to_owned),
            });
        }
        if only_own {
            let own = Arc::new(OnlyOwn {
                ticketer: Arc::clone(&config.ticketer),
                sessions: Arc::clone(&config.session_storage),
                mark: asked.secret.to_vec(),
            });
            config.ticketer = Arc::clone(&own) as Arc<dyn ProducesTickets>;
            config.session_storage = own;
        }
        Arc::new(config)
    }
}

fn suite(suite: Suite) -> SupportedCipherSuite {
    use ring::cipher_suite as own;
    match suite {
        Suite::Tls13Aes256 => own::TLS13_AES_256_GCM_SHA384,
        Suite::Tls13Aes128 => own::TLS13_AES_128_GCM_SHA256,
        Suite::Tls13ChaCha20 => own::TLS13_CHACHA20_POLY1305_SHA256,
        Suite::EcdsaAes256 => own::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        Suite::EcdsaAes128 => own::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        Suite::EcdsaChaCha20 => own::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        Suite::RsaAes256 => own::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        Suite::RsaAes128 => own::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        Suite::RsaChaCha20 => own::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

/// What a finished handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// As OpenSSL writes it, `TLSv1.3`.
    pub version: &'static str,
    /// IANA's name of the cipher.
    pub cipher: String,
    /// The length of its key.
    pub bits: u16,
    /// The name the client asked for.
    pub name: Option<String>,
    /// Whether a session was resumed.
    pub resumed: bool,
    /// The client's certificate, where one was asked for and shown.
    pub certificate: Option<ClientCertificate>,
}

/// The TLS of one connection.
pub(super) struct Tls {
    connection: ServerConnection,
    clients: Option<Arc<Clients>>,
    scratch: Rc<RefCell<Box<[u8]>>>,
    /// What the socket gave and the connection had no room for yet.
    held: Vec<u8>,
    lax_close: bool,
    /// The peer said that it sends no more, or closed.
    ended: bool,
}

/// What a client has said of its handshake before it is answered; by default nothing yet.
#[derive(Default)]
pub struct Hello {
    bytes: Vec<u8>,
    name: Option<String>,
}

impl Hello {
    /// The name the client asks for (SNI).
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Looks for the name in what a client says. It does not answer: a connection that did, once it is made with what was chosen
/// meanwhile, could not put its mark into the tickets of TLS 1.2 that go with the first answer.
#[derive(Default)]
pub(super) struct Hearing {
    bytes: Vec<u8>,
    acceptor: rustls::server::Acceptor,
}

impl Hearing {
    /// Ready with the client's first message, or with what is none, which the handshake is to find out.
    pub(super) fn poll_hello(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
    ) -> Poll<io::Result<Hello>> {
        loop {
            let mut piece = [0; 1024];
            let reading = io.poll_io(context, Direction::Read, |mut socket| {
                socket.read(&mut piece)
            });
            let count = ready!(reading?);
            if count == 0 {
                return Poll::Ready(Err(closed_early()));
            }
            self.bytes.extend_from_slice(&piece[..count]);
            if let Some(name) = self.name_in(&piece[..count]) {
                let bytes = std::mem::take(&mut self.bytes);
                return Poll::Ready(Ok(Hello { bytes, name }));
            }
        }
    }

    /// The name, where there is one, once the message is whole or cannot become one.
    fn name_in(&mut self, mut piece: &[u8]) -> Option<Option<String>> {
        while !piece.is_empty() {
            if self.acceptor.read_tls(&mut piece).is_err() {
                return Some(None);
            }
            match self.acceptor.accept() {
                Ok(None) => {}
                Ok(Some(hello)) => {
                    let name = hello.client_hello().server_name().map(str::to_owned);
                    return Some(name);
                }
                Err(_) => return Some(None),
            }
        }
        None
    }
}

impl Tls {
    pub(super) fn new(hello: Hello, acceptor: &Acceptor, asked: &Asked<'_>) -> io::Result<Tls> {
        let connection = ServerConnection::new(acceptor.config(asked));
        let mut connection = connection.map_err(io::Error::other)?;
        connection.set_resumption_data(asked.secret);
        Ok(Tls {
            connection,
            clients: acceptor.clients.clone(),
            scratch: Rc::clone(&acceptor.scratch),
            held: hello.bytes,
            lax_close: asked.lax_close,
            ended: false,
        })
    }

    /// Ready when keys are agreed on and all that belongs to it has been sent.
    pub(super) fn poll_handshake(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let flushed = self.poll_flush(io, context)?;
            if !self.connection.is_handshaking() {
                return flushed.map(Ok);
            }
            if self.ended {
                return Poll::Ready(Err(closed_early()));
            }
            ready!(self.poll_fill(io, context, &mut [])?);
        }
    }

    pub(super) fn agreed(&self) -> Option<Agreed> {
        let suite = self.connection.negotiated_cipher_suite()?;
        let cipher = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        Some(Agreed {
            version: match self.connection.protocol_version()? {
                rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
                _ => "TLSv1.3",
            },
            bits: if cipher.contains("AES_128") { 128 } else { 256 },
            cipher,
            name: self.connection.server_name().map(str::to_owned),
            resumed: self.connection.handshake_kind() == Some(HandshakeKind::Resumed),
            certificate: self
                .connection
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(|certificate| ClientCertificate::new(certificate)),
        })
    }

    /// Reads what there is, at most a buffer full; 0 is the end as the peer said it, an end that it did not say is an error.
    pub(super) fn poll_read(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        for _ in 0..EMPTY_IN_A_ROW {
            let got = self.take(buffer)?;
            if got > 0 || self.ended || buffer.is_empty() {
                return Poll::Ready(Ok(got));
            }
            let got = ready!(self.poll_fill(io, context, buffer)?);
            if got > 0 {
                return Poll::Ready(Ok(got));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves what was decrypted into `buffer`; marks the end.
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.connection.reader().read(buffer) {
            Ok(0) => {
                self.ended = true;
                Ok(0)
            }
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.lax_close => {
                self.ended = true;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// One read from the socket, or what an earlier one left, through the connection into `buffer`.
    fn poll_fill(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            return Poll::Ready(self.feed(io, &held, buffer));
        }
        let scratch = Rc::clone(&self.scratch);
        let mut scratch = scratch.borrow_mut();
        let most = buffer.len().clamp(4096, scratch.len());
        let room = &mut scratch[..most];
        let reading = io.poll_io(context, Direction::Read, |mut socket| socket.read(room));
        let count = ready!(reading?);
        if count == 0 {
            // An end in the middle of a handshake; later ones are told apart by the connection.
            let handshaking = self.connection.is_handshaking();
            self.connection.read_tls(&mut io::empty())?;
            self.ended |= handshaking;
            return Poll::Ready(self.take(buffer));
        }
        if count < most {
            io.exhausted(Direction::Read);
        }
        Poll::Ready(self.feed(io, &scratch[..count], buffer))
    }

    fn feed(
        &mut self,
        io: &Io<TcpStream>,
        mut bytes: &[u8],
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let mut got = 0;
        while !bytes.is_empty() {
            // The connection holds little; what has no place in the buffer waits as it came.
            if got == buffer.len() && !self.connection.is_handshaking() {
                self.held = bytes.to_vec();
                break;
            }
            let count = self.connection.read_tls(&mut bytes)?;
            if let Err(error) = self.connection.process_new_packets() {
                // The peer is told why, if it takes that at once.
                let _ = self.connection.write_tls(&mut io.get());
                let words = self.clients.as_ref().and_then(|own| own.words(&error));
                return Err(match words {
                    Some(words) => io::Error::new(ErrorKind::InvalidData, words),
                    None => io::Error::new(ErrorKind::InvalidData, error),
                });
            }
            got += self.take(&mut buffer[got..])?;
            if count == 0 || self.ended {
                break;
            }
        }
        if self.connection.wants_write() && !self.connection.is_handshaking() {
            self.write_out(io)?;
        }
        Ok(got)
    }

    /// Sends what the kernel takes at once.
    fn write_out(&mut self, io: &Io<TcpStream>) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut io.get()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Encrypts some of `bytes`, once what was encrypted before has been sent.
    pub(super) fn poll_write(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(io, context)?);
        let bytes = &bytes[..bytes.len().min(TLS_SLICE)];
        let count = self.connection.writer().write(bytes)?;
        // What is not sent now is before the next bytes are.
        self.write_out(io)?;
        Poll::Ready(Ok(count))
    }

    /// Ready when all that was encrypted has been sent.
    pub(super) fn poll_flush(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.connection.wants_write() {
            let connection = &mut self.connection;
            let writing = io.poll_io(context, Direction::Write, |mut socket| {
                connection.write_tls(&mut socket)
            });
            if ready!(writing?) == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer has said its end too, with what came in clear behind that. Records are read one by one, so that no
    /// byte of what follows them is taken for TLS.
    pub(super) fn poll_leave(
        &mut self,
        io: &mut Io<TcpStream>,
        context: &Context<'_>,
    ) -> Poll<io::Result<Vec<u8>>> {
        loop {
            ready!(self.poll_flush(io, context)?);
            while let Some(record) = first_record(&self.held) {
                let rest = self.held.split_off(record);
                let whole = std::mem::replace(&mut self.held, rest);
                let mut bytes = whole.as_slice();
                while !bytes.is_empty() {
                    self.connection.read_tls(&mut bytes)?;
                    let state = self.connection.process_new_packets();
                    let state =
                        state.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                    self.ended |= state.peer_has_closed();
                    self.drop_plaintext();
                }
                if self.ended {
                    return Poll::Ready(Ok(std::mem::take(&mut self.held)));
                }
            }
            if is_no_record(&self.held) {
                return Poll::Ready(Ok(std::mem::take(&mut self.held)));
            }
            let mut room = [0; 512];
            let reading = io.poll_io(context, Direction::Read, |mut socket| {
                socket.read(&mut room)
            });
            match ready!(reading?) {
                0 => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                count => self.held.extend_from_slice(&room[..count]),
            }
        }
    }

    fn drop_plaintext(&mut self) {
        let mut nobody_reads = [0; 512];
        while matches!(self.connection.reader().read(&mut nobody_reads), Ok(1..)) {}
    }

    /// Says that nothing more will be sent (RFC 8446, section 6.1).
    pub(super) fn end(&mut self) {
        self.connection.send_close_notify();
    }

    /// Says so and sends what the kernel takes at once.
    pub(super) fn end_now(&mut self, io: &Io<TcpStream>) {
        self.end();
        // A peer that is gone already needs no goodbye.
        let _ = self.write_out(io);
    }

    /// Encrypts `bytes` and sends what the kernel takes at once.
    pub(super) fn write_now(&mut self, io: &Io<TcpStream>, bytes: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(bytes)?;
        self.write_out(io)?;
        Ok(count)
    }
}

/// The length of the first record, if all of it is there (RFC 8446, section 5.1).
fn first_record(bytes: &[u8]) -> Option<usize> {
    let [_, _, _, high, low, ..] = bytes else {
        return None;
    };
    let whole = HEAD + usize::from(u16::from_be_bytes([*high, *low]));
    (bytes.len() >= whole && !is_no_record(bytes)).then_some(whole)
}

/// Whether this cannot be the beginning of a record: its kind and the version that all have.
fn is_no_record(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [kind] => !(20..=24).contains(kind),
        [kind, version, ..] => !(20..=24).contains(kind) || *version != 3,
    }
}

fn closed_early() -> io::Error {
    io::Error::new(
        ErrorKind::UnexpectedEof,
        "the client closed the connection in mid-handshake",
    )
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};
    use std::process::Command;
    use std::sync::OnceLock;
    use std::time::Duration;

    use super::super::{Stream, protect_for_any_server};
    use super::*;
    use crate::reactor::{Priority, Reactor};

    /// What openssl(1) made for these tests.
    struct Made {
        /// Good for a hundred years, for `unit.example` and `*.unit.example`.
        certificate: Vec<u8>,
        key: Vec<u8>,
        /// Of another certificate.
        other_key: Vec<u8>,
    }

    fn made() -> &'static Made {
        static MADE: OnceLock<Made> = OnceLock::new();
        MADE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let make = |name: &str| {
                let path = |end: &str| folder.path().join(format!("{name}.{end}"));
                let done = Command::new("openssl")
                    .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "36500"])
                    .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
                    .args(["-subj", "/CN=unit.example", "-addext"])
                    .arg("subjectAltName=DNS:unit.example,DNS:*.unit.example")
                    .arg("-keyout")
                    .arg(path("key"))
                    .arg("-out")
                    .arg(path("crt"))
                    .output()
                    .expect("openssl runs");
                assert!(done.status.success(), "openssl req");
                [path("crt"), path("key")].map(|path| std::fs::read(path).unwrap())
            };
            let [certificate, key] = make("unit");
            let [_, other_key] = make("other");
            Made {
                certificate,
                key,
                other_key,
            }
        })
    }

    fn pair() -> Pair {
        Pair::read(&made().certificate, &made().key, now()).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::now()
    }

    #[test]
    fn a_pair_is_read_from_one_text_or_two_in_any_order() {
        let (certificate, key) = (&made().certificate, &made().key);
        for both in [
            [&certificate[..], key].concat(),
            [&key[..], certificate].concat(),
        ] {
            assert!(Pair::read(&both, &both, now()).is_ok());
        }
        let pair = pair();
        for (name, is_for) in [
            ("unit.example", true),
            ("UNIT.example", true),
            ("a.unit.example", true),
            ("a.b.unit.example", false),
            ("example", false),
            ("", false),
            ("not a name", false),
        ] {
            assert_eq!(pair.is_for(name), is_for, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_pair_is_told_apart() {
        let Made {
            certificate,
            key,
            other_key,
        } = made();
        let wrong = |certificate: &[u8], key: &[u8]| Pair::read(certificate, key, now()).err();
        assert_eq!(wrong(b"", key), Some(PairError::NoCertificate));
        assert_eq!(wrong(key, key), Some(PairError::NoCertificate));
        assert_eq!(wrong(certificate, b""), Some(PairError::NoKey));
        assert_eq!(wrong(certificate, certificate), Some(PairError::NoKey));
        assert_eq!(wrong(certificate, other_key), Some(PairError::Mismatch));
        let cut = &certificate[..certificate.len() / 2];
        assert!(wrong(cut, key).is_some());
        let sealed =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(
            wrong(certificate, sealed),
            Some(PairError::KeyHasPassphrase)
        );
        let later: Timestamp = "2300-01-01T00:00:00Z".parse().unwrap();
        assert!(matches!(
            Pair::read(certificate, key, later),
            Err(PairError::Expired(_))
        ));
    }

    #[test]
    fn the_last_fortnight_of_a_certificate_is_a_concern_and_so_is_its_future() {
        let pair = pair();
        let end = pair.fields.not_after;
        let before = |days: i64| Timestamp::from_second(end.as_second() - days * 86_400).unwrap();
        assert_eq!(pair.concern(now()), None);
        assert_eq!(pair.concern(before(15)), None);
        let said = pair.concern(before(13)).unwrap();
        assert!(said.ends_with(", in 13 days"), "{said}");
        let early = Timestamp::from_second(pair.fields.not_before.as_second() - 9).unwrap();
        assert!(pair.concern(early).unwrap().contains("is good from"));
    }

    #[test]
    fn an_acceptor_needs_a_cipher_of_a_version_that_is_spoken() {
        let made = |suites: &[Suite], oldest| {
            let pair = pair();
            Acceptor::new(
                vec![pair],
                suites,
                oldest,
                None,
                &Resumption::new().unwrap(),
            )
            .is_ok()
        };
        assert!(made(&[Suite::RsaAes256], TlsVersion::Tls12));
        assert!(made(&[Suite::Tls13Aes128], TlsVersion::Tls13));
        assert!(!made(&[Suite::RsaAes256], TlsVersion::Tls13));
    }

    /// Sends `bytes` over TLS in writes of `step`, and reads until the end.
    fn client(to: SocketAddr, bytes: &[u8], step: usize) -> Vec<u8> {
        let socket = TcpStream::connect(to).unwrap();
        let name = ServerName::try_from("unit.example").unwrap();
        let mut stream = protect_for_any_server(socket, name).unwrap();
        for piece in bytes.chunks(step) {
            stream.write_all(piece).unwrap();
        }
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).unwrap();
        back
    }

    /// Whatever the sizes of records and buffers, what comes in is what was sent, and so is what goes back.
    #[test]
    fn bytes_come_through_whatever_is_read_at_once() {
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        for (step, buffer) in [
            (1 << 20, 1 << 16),
            (999, 100),
            (16_384, 16_385),
            (50_000, 7),
        ] {
            let most = if buffer < 1000 { 60_000 } else { bytes.len() };
            let bytes = &bytes[..most];
            let mut reactor = Reactor::new().unwrap();
            let handle = reactor.handle();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let sent = bytes.to_vec();
            let peer = std::thread::spawn(move || client(address, &sent, step));
            let (socket, from) = listener.accept().unwrap();
            socket.set_nonblocking(true).unwrap();
            let (got, agreed) = reactor
                .run(async move {
                    let pair = pair();
                    let suites = crate::units::Ciphers::default();
                    let resumption = Resumption::new().unwrap();
                    let acceptor = Acceptor::new(
                        vec![pair],
                        suites.suites(),
                        TlsVersion::Tls12,
                        None,
                        &resumption,
                    )
                    .unwrap();
                    let mut stream = Stream::new(&handle, socket, from, Priority::Data);
                    let asked = Asked {
                        purpose: Purpose::Download,
                        host: None,
                        secret: b"mark",
                        only_own: false,
                        lax_close: false,
                    };
                    let limit = handle.now() + Duration::from_secs(20);
                    let work = async {
                        stream.protect(&acceptor, &asked).await.unwrap();
                        let agreed = stream.agreed().unwrap();
                        let mut got = Vec::new();
                        let mut block = vec![0; buffer];
                        loop {
                            let reading = std::future::poll_fn(|context| {
                                stream.poll_read(context, &mut block)
                            });
                            match reading.await.unwrap() {
                                0 => break,
                                count => got.extend_from_slice(&block[..count]),
                            }
                        }
                        stream.write_all(&got).await.unwrap();
                        stream.finish().await.unwrap();
                        (got, agreed)
                    };
                    handle.until(limit, work).await.unwrap()
                })
                .unwrap();
            assert!(got == bytes, "{step}, {buffer}");
            assert!(peer.join().unwrap() == bytes, "{step}, {buffer}");
            assert_eq!(agreed.version, "TLSv1.3");
            assert_eq!(agreed.name.as_deref(), Some("unit.example"));
            assert!(!agreed.resumed);
        }
    }
}
