//! TLS: when it is offered or asked for, and with what.

use super::Parsed;
use crate::flags::{self, Stop};
use crate::units::{
    CertificateFiles, CertificateName, Cidr, Ciphers, ClientCertificate, TlsFor, TlsVersion,
};
use std::path::PathBuf;

/// Certificate and key of `-Y` without `-2`.
pub const CERTIFICATE: &str = "/etc/ssl/private/pure-ftpd.pem";

/// What has to be protected (`-Y`), the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Protection {
    /// Nothing, and nothing can be.
    #[default]
    Off,
    /// What the client wants to be.
    Offered,
    /// The control connection.
    Control,
    /// Data connections as well.
    Data,
}

/// TLS.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tls {
    /// `-Y`.
    pub protection: Protection,
    /// `--tlsfor`: whom `-Y` binds where it insists.
    pub insists_on: TlsFor,
    /// `--plainfrom`: networks whose clients it does not bind.
    pub plain_from: Vec<Cidr>,
    /// `--implicittls`: without AUTH.
    pub implicit: bool,
    /// `-2`, or the default; the first is for clients that ask for no name.
    pub certificates: Vec<CertificateFiles>,
    /// `-3`: where a program listens that is asked which certificate a client gets that asks for a name.
    pub certd: Option<PathBuf>,
    /// `-J`.
    pub ciphers: Ciphers,
    /// `--tlsminversion`.
    pub min_version: TlsVersion,
    /// `--requiretlsreuse`.
    pub require_reuse: bool,
    /// `--tlslaxclose`.
    pub lax_close: bool,
    /// Whose certificates clients are asked for; none where they are not asked.
    pub clients: Option<ClientCertificates>,
}

/// Certificates of clients.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCertificates {
    /// `--tlsclientca`; without it (`-J -C:`) those of `-2` that are signed by themselves.
    pub authorities: Option<PathBuf>,
    /// `--tlsclientcert`: whether there is no coming in without one.
    pub required: bool,
    /// `--tlscrl`.
    pub revocation_lists: Vec<PathBuf>,
    /// `--tlsclientname`: which name in it is the user's.
    pub name: Option<CertificateName>,
    /// `--tlsclientlogin`: whether that user needs no password.
    pub login: bool,
}

impl Tls {
    /// Whether there is any.
    pub fn is_on(&self) -> bool {
        self.protection != Protection::Off
    }

    /// Whether a certificate takes the place of a password (`--tlsclientlogin`).
    pub fn logs_in_by_certificate(&self) -> bool {
        self.is_on() && self.clients.as_ref().is_some_and(|clients| clients.login)
    }
}

/// How many certificates there may be.
const MOST_CERTIFICATES: usize = 100;

/// How many files of revocation lists.
const MOST_LISTS: usize = 30;

/// A server that begins with TLS has some.
pub(super) fn check(parsed: &Parsed) -> Result<(), Stop> {
    let tls = &parsed.flags.tls;
    if tls.implicit_tls && tls.tls == Some(0) {
        let (implicit, level) = (parsed.spelled("implicit_tls"), parsed.spelled("tls"));
        return Err(Stop::usage(format!(
            "{implicit} and {level} 0: expected one of them at most"
        )));
    }
    if tls.cert_file.len() > MOST_CERTIFICATES {
        return Err(Stop::usage(format!(
            "{}: expected {MOST_CERTIFICATES} of them at most",
            parsed.spelled("cert_file")
        )));
    }
    let ciphers = tls.tls_cipher_suite.as_ref();
    if tls.tls_min_version == Some(TlsVersion::Tls13)
        && ciphers.is_some_and(|list| !list.suites().iter().any(|suite| suite.is_tls13()))
    {
        let (version, list) = (
            parsed.spelled("tls_min_version"),
            parsed.spelled("tls_cipher_suite"),
        );
        return Err(Stop::usage(format!(
            "{version} 1.3: expected a cipher of TLS 1.3 in the list of {list}"
        )));
    }
    check_clients(parsed)
}

/// What is asked of clients is asked by somebody, and cannot be got round.
fn check_clients(parsed: &Parsed) -> Result<(), Stop> {
    let tls = &parsed.flags.tls;
    let by_list = tls
        .tls_cipher_suite
        .as_ref()
        .is_some_and(Ciphers::asks_clients);
    let needs = |field: &str, what: &str| {
        let flag = parsed.spelled(field);
        Err(Stop::usage(format!("{flag}: expected {what} beside it")))
    };
    let without_authority = [
        (tls.tls_client_cert.is_some(), "tls_client_cert"),
        (!tls.tls_crl.is_empty(), "tls_crl"),
        (tls.tls_client_name.is_some(), "tls_client_name"),
        (tls.tls_client_login, "tls_client_login"),
    ];
    if tls.tls_client_ca.is_none() && !by_list {
        return match without_authority.iter().find(|(given, _)| *given) {
            Some((_, field)) => needs(field, "--tlsclientca FILE"),
            None => Ok(()),
        };
    }
    let optional = tls.tls_client_cert == Some(ClientCertificate::Optional);
    if by_list && optional {
        let (list, when) = (
            parsed.spelled("tls_cipher_suite"),
            parsed.spelled("tls_client_cert"),
        );
        return Err(Stop::usage(format!(
            "{list} -C: and {when} optional: expected one of them at most"
        )));
    }
    if tls.tls_crl.len() > MOST_LISTS {
        let flag = parsed.spelled("tls_crl");
        return Err(Stop::usage(format!(
            "{flag}: expected {MOST_LISTS} of them at most"
        )));
    }
    if tls.tls_client_login && tls.tls_client_name.is_none() {
        return needs("tls_client_login", "--tlsclientname");
    }
    // Pure-FTPd's form alone means what it means there, and is warned of.
    let own = [
        (tls.tls_client_ca.is_some(), "tls_client_ca"),
        (tls.tls_client_name.is_some(), "tls_client_name"),
        (tls.tls_client_cert.is_some(), "tls_client_cert"),
        (!tls.tls_crl.is_empty(), "tls_crl"),
    ];
    let Some((_, field)) = own.iter().find(|(given, _)| *given) else {
        return Ok(());
    };
    match self::tls(tls).protection {
        Protection::Off => needs(field, "-Y 2"),
        Protection::Offered if !optional => needs(
            field,
            "-Y 2 or --tlsclientcert optional (clients without TLS would show no certificate)",
        ),
        _ if tls.tls_for == Some(TlsFor::Anonymous) && !optional => needs(
            field,
            "--tlsclientcert optional, as --tlsfor anonymous lets users in without TLS,",
        ),
        _ => Ok(()),
    }
}

/// What the flags say of TLS.
pub(super) fn tls(flags: &flags::Tls) -> Tls {
    let protection = match (flags.tls, flags.implicit_tls) {
        (Some(3), _) => Protection::Data,
        (Some(2), _) | (_, true) => Protection::Control,
        (Some(1), _) => Protection::Offered,
        _ => Protection::Off,
    };
    Tls {
        protection,
        insists_on: flags.tls_for.unwrap_or_default(),
        plain_from: flags.plain_from.clone(),
        implicit: flags.implicit_tls,
        certificates: match flags.cert_file.is_empty() {
            true if protection == Protection::Off => Vec::new(),
            true => vec![CertificateFiles {
                certificate: CERTIFICATE.into(),
                key: None,
            }],
            false => flags.cert_file.clone(),
        },
        certd: flags.ext_cert.clone(),
        ciphers: flags.tls_cipher_suite.clone().unwrap_or_default(),
        min_version: flags.tls_min_version.unwrap_or_default(),
        require_reuse: flags.require_tls_reuse,
        lax_close: flags.tls_lax_close,
        clients: client_certificates(flags),
    }
}

fn client_certificates(flags: &flags::Tls) -> Option<ClientCertificates> {
    let list = flags.tls_cipher_suite.as_ref();
    let asked = flags.tls_client_ca.is_some() || list.is_some_and(Ciphers::asks_clients);
    asked.then(|| ClientCertificates {
        authorities: flags.tls_client_ca.clone(),
        required: flags.tls_client_cert != Some(ClientCertificate::Optional),
        revocation_lists: flags.tls_crl.clone(),
        name: flags.tls_client_name,
        login: flags.tls_client_login,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refusal, settings};
    use super::*;

    #[test]
    fn tls_is_as_much_as_is_asked_for() {
        let tls = |line: &str| settings(line).tls;
        assert!(!tls("").is_on() && !tls("-Y 0").is_on());
        assert!(tls("").certificates.is_empty());
        for (line, protection) in [
            ("-Y 1", Protection::Offered),
            ("-Y 2", Protection::Control),
            ("-Y 3", Protection::Data),
            ("-Y 1 -Y 3", Protection::Data),
            ("--implicittls", Protection::Control),
            ("--implicittls -Y 1", Protection::Control),
            ("--implicittls -Y 3", Protection::Data),
        ] {
            assert_eq!(tls(line).protection, protection, "{line}");
        }
        let default = tls("-Y 1").certificates;
        assert_eq!(default[0].certificate, PathBuf::from(CERTIFICATE));
        assert_eq!(tls("-Y 1 -2 a -2 b,c").certificates.len(), 2);
        assert_eq!(
            refusal("--implicittls -Y 0"),
            "wharf-ftpd: --implicittls and -Y 0: expected one of them at most"
        );
        assert!(
            refusal("-Y 1 --tlsminversion 1.3 -J TLS_AES_128_GCM_SHA256:!TLS_AES_128_GCM_SHA256")
                .contains("at least one cipher")
        );
        assert!(refusal("-Y 1 --tlsminversion 1.1").contains("expected 1.2 or 1.3"));
        assert!(refusal("-Y 1 -2 a,").contains("expected CERT or CERT,KEY"));
    }

    #[test]
    fn what_does_nothing_for_tls_is_said() {
        let said = |line: &str| read(line).expect(line).1.join("\n");
        for flag in [
            "-2 a",
            "-J HIGH",
            "--tlsminversion 1.3",
            "--requiretlsreuse",
            "--tlslaxclose",
        ] {
            assert!(said(flag).contains("without TLS (-Y)"), "{flag}");
            assert_eq!(said(&format!("-Y 1 {flag}")), "", "{flag}");
        }
        assert_eq!(
            said("-Y 1 -J HIGH:AES128-SHA"),
            "-J: not offered here: AES128-SHA"
        );
    }
}
