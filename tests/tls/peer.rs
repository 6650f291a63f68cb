//! An FTP client over TLS whose every step is the test's.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, DigitallySignedStruct, HandshakeKind,
    SignatureScheme, StreamOwned, SupportedProtocolVersion,
};

use crate::common::client::connect_data;
use crate::fixture::Served;

/// A connection under TLS.
pub(crate) type Protected = StreamOwned<ClientConnection, TcpStream>;

/// Takes every certificate: who the server is, is not asked here.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A configuration for one version, with a cache of sessions of its own.
pub(crate) fn config(version: &'static SupportedProtocolVersion) -> ClientConfig {
    for_anybody(version).with_no_client_auth()
}

/// The same for a client that shows a certificate.
pub(crate) fn config_showing(
    version: &'static SupportedProtocolVersion,
    (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
) -> ClientConfig {
    for_anybody(version)
        .with_client_auth_cert(chain, key)
        .expect("the certificate and its key")
}

fn for_anybody(
    version: &'static SupportedProtocolVersion,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("the version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
}

/// The same without resuming anything.
pub(crate) fn forgetful(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.resumption = Resumption::disabled();
    config
}

/// Makes keys on a connection.
pub(crate) fn shake(
    mut socket: TcpStream,
    config: &ClientConfig,
    name: &str,
) -> io::Result<Protected> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut connection =
        ClientConnection::new(Arc::new(config.clone()), name).map_err(io::Error::other)?;
    while connection.is_handshaking() || connection.wants_write() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

/// A control connection under TLS.
pub(crate) struct Peer {
    pub(crate) control: Protected,
    pub(crate) config: ClientConfig,
    unread: Vec<u8>,
}

impl Peer {
    /// Connects, says AUTH TLS, makes keys.
    pub(crate) fn connect(served: &Served, config: ClientConfig) -> Peer {
        Peer::connect_as(served, config, "localhost", &[])
    }

    /// Likewise under another name, with commands before AUTH.
    pub(crate) fn connect_as(
        served: &Served,
        config: ClientConfig,
        name: &str,
        before: &[&str],
    ) -> Peer {
        let mut plain = crate::common::client::Client::connect(served.address()).expect("connects");
        plain.reply().expect("a greeting");
        for command in before {
            plain.command(command).expect("a reply");
        }
        assert_eq!(plain.command("AUTH TLS").expect("a reply").code, 234);
        let socket = plain.stream().try_clone().expect("the socket");
        let control = shake(socket, &config, name).expect("a handshake");
        Peer {
            control,
            config,
            unread: Vec::new(),
        }
    }

    /// Logged in as anonymous with protected data connections.
    pub(crate) fn private(served: &Served, version: &'static SupportedProtocolVersion) -> Peer {
        let mut peer = Peer::connect(served, config(version));
        peer.log_in();
        assert_eq!(peer.command("PBSZ 0").0, 200);
        assert_eq!(peer.command("PROT P").0, 200);
        assert_eq!(peer.command("TYPE I").0, 200);
        peer
    }

    pub(crate) fn log_in(&mut self) {
        assert_eq!(self.command("USER ftp").0, 230);
    }

    /// Sends a line and reads the reply: its code and all its text.
    pub(crate) fn command(&mut self, line: &str) -> (u16, String) {
        self.say(line);
        self.reply()
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.control
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("sends");
    }

    pub(crate) fn reply(&mut self) -> (u16, String) {
        let mut text = String::new();
        loop {
            let line = self.line();
            text += &line;
            text.push('\n');
            let digits = line.get(..3).unwrap_or_default();
            let is_code = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
            if is_code && !line[3..].starts_with('-') {
                return (digits.parse().expect("a code"), text);
            }
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return String::from_utf8_lossy(&line).trim_end().to_owned();
            }
            let mut block = [0; 4096];
            let count = self.control.read(&mut block).expect("a reply");
            assert_ne!(count, 0, "the server hung up");
            self.unread.extend_from_slice(&block[..count]);
        }
    }

    /// EPSV, and where that is.
    pub(crate) fn ask_passive(&mut self, served: &Served) -> SocketAddr {
        let (code, text) = self.command("EPSV");
        assert_eq!(code, 229, "{text}");
        let port = text.split('|').nth(3).expect("a port");
        (served.address().ip(), port.parse::<u16>().expect("a port")).into()
    }

    /// Begins a transfer: the data connection with keys made on it, after the 150.
    pub(crate) fn open(&mut self, served: &Served, command: &str) -> Protected {
        let config = self.config.clone();
        self.open_with(served, command, &config)
    }

    /// Likewise with another configuration.
    pub(crate) fn open_with(
        &mut self,
        served: &Served,
        command: &str,
        config: &ClientConfig,
    ) -> Protected {
        let data = self.open_clear(served, command);
        shake(data, config, "localhost").expect("a handshake on the data connection")
    }

    /// Begins a transfer, without keys on the data connection.
    pub(crate) fn open_clear(&mut self, served: &Served, command: &str) -> TcpStream {
        let data = connect_data(self.ask_passive(served)).expect("connects");
        let (code, text) = self.command(command);
        assert_eq!(code, 150, "{text}");
        data
    }

    /// Whether keys were made by resuming a session.
    pub(crate) fn resumed(data: &Protected) -> bool {
        data.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// Reads to the end; an error where that is not the end TLS announced.
pub(crate) fn read_all(data: &mut Protected) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Sends bytes and says that they were all.
pub(crate) fn send_all(mut data: Protected, bytes: &[u8]) {
    data.write_all(bytes).expect("sends");
    data.conn.send_close_notify();
    data.flush().expect("sends");
}

/// Whether this is how a connection ends that the other side gave up.
pub(crate) fn is_end(result: io::Result<usize>) -> bool {
    match result {
        Ok(count) => count == 0,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe
        ),
    }
}
