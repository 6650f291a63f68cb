//! The flags under "TLS": when it is offered or asked for, and with what.

use crate::units::{
    CertificateFiles, CertificateName, Cidr, Ciphers, ClientCertificate, TlsFor, TlsVersion,
};
use clap::Args;
use std::path::PathBuf;

/// When encryption is offered or asked for, and with what.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "TLS")]
pub struct Tls {
    /// Offer TLS, or insist on it
    ///
    /// 0 is without TLS, 1 offers it, 2 insists on it for control connections, 3 for data connections
    /// as well. The default is 0, and 2 with --implicittls. TLS is version 1.2 or 1.3; there is nothing older.
    #[arg(short = 'Y', long = "tls", value_name = "LEVEL", value_parser = level)]
    pub tls: Option<u8>,

    /// Insist on TLS for anonymous sessions, for users, or for all
    ///
    /// It says whom -Y 2 and -Y 3 bind; the others may use TLS and need not. The default is all.
    #[arg(long = "tlsfor", value_name = "anonymous|users|all")]
    pub tls_for: Option<TlsFor>,

    /// Let clients of this network do without TLS
    ///
    /// It is for scanners and cameras that know none, where -Y 2 or -Y 3 insists on it for all others. It takes a network such
    /// as 192.0.2.0/24 or a single address, and may be given more than once.
    #[arg(long = "plainfrom", value_name = "CIDR")]
    pub plain_from: Vec<Cidr>,

    /// Choose the ciphers
    ///
    /// A list as OpenSSL has it: names of ciphers and of groups between colons, the preferred ones first, with !
    /// or - before what is left out, such as HIGH:!CHACHA20. Names of OpenSSL for which this server has nothing are passed over
    /// with a warning; other words are refused. A list that names no cipher of TLS 1.3 leaves all of them on. Pure-FTPd's
    /// -S: in front is taken and does nothing; its -C: asks clients for a certificate, as --tlsclientca does: one signed by whoever
    /// signed the server's, which has to stand in a file of -2 and be signed by itself, or by those of --tlsclientca. The default
    /// is all there are.
    #[arg(
        short = 'J',
        long = "tlsciphersuite",
        value_name = "CIPHERS",
        allow_hyphen_values = true
    )]
    pub tls_cipher_suite: Option<Ciphers>,

    /// Take certificate and key from these files
    ///
    /// Both are in PEM; the certificates that vouch for the first one follow it in the same file. Without a comma the file holds
    /// the private key as well. Given more than once, the client's SNI or HOST chooses the certificate that has that name, and
    /// the first one is for all other clients. The files are read again at SIGHUP, and when they have changed before a
    /// handshake, which is looked at once a second at most; when something is wrong with them the old ones stay in force. The default is /etc/ssl/private/pure-ftpd.pem.
    #[arg(short = '2', long = "certfile", value_name = "CERT[,KEY]")]
    pub cert_file: Vec<CertificateFiles>,

    /// Ask for certificates at this socket
    ///
    /// A client that names the host it wants (SNI) gets the certificate chosen by the program that listens there, such as
    /// wharf-certd or pure-certd; others get that of -2. The program answers deny, default for -2, or a file with strict or
    /// fallback: when the file cannot be used, strict refuses the handshake and fallback takes -2. The handshake is refused
    /// too when nobody listens, or when the whole answer does not come within some seconds.
    #[arg(short = '3', long = "extcert", value_name = "SOCKET")]
    pub ext_cert: Option<PathBuf>,

    /// Begin with TLS, without AUTH
    ///
    /// Every control connection is encrypted from its first byte, and data connections are unless the client says PROT C. The
    /// default port is then 990, or 2990 when not started by root.
    #[arg(long = "implicittls")]
    pub implicit_tls: bool,

    /// Speak no older version of TLS
    ///
    /// It is 1.2 or 1.3; the default is 1.2.
    #[arg(long = "tlsminversion", value_name = "VERSION")]
    pub tls_min_version: Option<TlsVersion>,

    /// Serve only data connections that resume the session's own TLS session
    ///
    /// This proves that whoever opened the data connection is the client of the control connection. Transfers without it end
    /// with 522. Many clients can do it, some cannot.
    #[arg(long = "requiretlsreuse")]
    pub require_tls_reuse: bool,

    /// Take uploads that end without TLS saying so
    ///
    /// An upload over TLS whose connection is closed without the message that says it is over may have been cut short, by anybody
    /// on the way; it counts as broken. With this flag it counts as whole, for clients that never send that message.
    #[arg(long = "tlslaxclose")]
    pub tls_lax_close: bool,

    /// Ask clients for a certificate signed by one of those in this file
    ///
    /// The file is in PEM, and each certificate in it is trusted by itself, for as long as its time lasts. A client whose certificate
    /// is of nobody in it, has expired, was revoked or is not one for clients is refused in the handshake, with the reason in the
    /// log. Data connections resume the session of their control connection or show the same certificate. Needs -Y 2 or 3 unless
    /// --tlsclientcert says optional; whoever may come without TLS all the same (--plainfrom, --tlsfor) shows none. The file is
    /// read again when those of -2 are.
    #[arg(long = "tlsclientca", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// Refuse clients without a certificate, or take them
    ///
    /// It is required, the default with --tlsclientca, or optional: a client without a certificate comes in, one with a bad
    /// certificate does not.
    #[arg(long = "tlsclientcert", value_name = "WHEN")]
    pub tls_client_cert: Option<ClientCertificate>,

    /// Refuse clients whose certificates were revoked by these lists
    ///
    /// The lists are in PEM or DER; the flag may be given more than once. Where there is any, each certificate between the client's and
    /// that of --tlsclientca must stand under a list of its issuer: without one, or with one whose next update is overdue, the
    /// client is refused, since nobody can tell whether its certificate is still good. The files are read again when those of -2 are:
    /// a new list holds at once after SIGHUP, else from the second handshake on.
    #[arg(long = "tlscrl", value_name = "FILE")]
    pub tls_crl: Vec<PathBuf>,

    /// Let a client log in under the name in its certificate alone
    ///
    /// It is cn, the common name of the subject, email, a mail address, or dns, the name of a host. USER with another name is
    /// refused, byte for byte, also for anonymous. A client without a certificate, where there may be such, may give any
    /// name.
    #[arg(long = "tlsclientname", value_name = "NAME")]
    pub tls_client_name: Option<CertificateName>,

    /// Let the user in whose name the certificate has, without a password
    ///
    /// USER with the name that --tlsclientname finds in the certificate is answered with 232, and the account comes from the sources of -l:
    /// unix, pam (which is asked about account and session only), puredb and passwd. Whoever may not come in with a password may not so
    /// either: lists, bans, hours, addresses and expired accounts hold, and an account is locked by ! in front of its hash,
    /// or by * in its place, which for users of unix says that there is no password. Users of -l extauth, and clients without a
    /// certificate, are asked for their passwords.
    #[arg(long = "tlsclientlogin")]
    pub tls_client_login: bool,
}

fn level(text: &str) -> Result<u8, &'static str> {
    match text {
        "0" => Ok(0),
        "1" => Ok(1),
        "2" => Ok(2),
        "3" => Ok(3),
        _ => Err("expected 0, 1, 2 or 3"),
    }
}
