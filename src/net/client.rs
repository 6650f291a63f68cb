//! Certificates of clients: whose are asked for, which are taken, and what they say of their owner.
//!
//! The rules are those of RFC 5280 as the library for TLS has them, with two more: an authority whose own time is over vouches
//! for nobody, and where there are lists of what was revoked, each certificate between the client's and the authority must stand
//! under one that is in time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertRevocationListError, CertificateError, DigitallySignedStruct, DistinguishedName, Error,
    RootCertStore, SignatureScheme,
};

use super::certificate::{self, Fields};
use crate::units::CertificateName;

/// How a text in PEM begins, somewhere.
const PEM: &[u8] = b"-----BEGIN ";

/// What is wrong with authorities or lists of what was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientsError {
    /// No certificate in the file.
    NoCertificate,
    /// Something in the file that is no certificate.
    BadCertificate,
    /// The time of every authority is over, that of the last one since then.
    Expired(Timestamp),
    /// No list in the file.
    NoList,
    /// A list that cannot be used, for this reason.
    BadList(&'static str),
}

impl fmt::Display for ClientsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => formatter.write_str("no certificate in it (expected PEM)"),
            Self::BadCertificate => {
                formatter.write_str("a certificate in it cannot be read, or is no authority's")
            }
            Self::Expired(when) => write!(
                formatter,
                "the certificate expired on {}",
                certificate::day(*when)
            ),
            Self::NoList => formatter.write_str("no revocation list in it (expected PEM or DER)"),
            Self::BadList(why) => write!(formatter, "the revocation list cannot be used: {why}"),
        }
    }
}

#[derive(Debug, Clone)]
struct Authority {
    certificate: CertificateDer<'static>,
    not_after: Timestamp,
}

/// Who vouches for clients.
#[derive(Debug, Clone)]
pub struct Authorities(Vec<Authority>);

impl Authorities {
    /// Reads every certificate of a text in PEM; each is trusted by itself.
    ///
    /// # Errors
    /// [`ClientsError`]; that the time of all is over at `now` is one.
    pub fn read(pem: &[u8], now: Timestamp) -> Result<Authorities, ClientsError> {
        Authorities::chosen(pem, now, |_| true)
    }

    /// Likewise, those alone that are signed by nobody but themselves: a server's certificate in front of others' is no
    /// reason to take whatever those sign.
    ///
    /// # Errors
    /// As for [`Authorities::read`]; no certificate of that kind is [`ClientsError::NoCertificate`].
    pub fn read_self_signed(pem: &[u8], now: Timestamp) -> Result<Authorities, ClientsError> {
        Authorities::chosen(pem, now, |fields| fields.issuer == fields.subject)
    }

    fn chosen(
        pem: &[u8],
        now: Timestamp,
        is_wanted: impl Fn(&Fields) -> bool,
    ) -> Result<Authorities, ClientsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| ClientsError::BadCertificate)?;
        let mut all = Vec::new();
        for certificate in certificates {
            let fields = certificate::fields(&certificate).ok_or(ClientsError::BadCertificate)?;
            if !is_wanted(&fields) {
                continue;
            }
            let added = RootCertStore::empty().add(certificate.clone());
            added.map_err(|_| ClientsError::BadCertificate)?;
            all.push(Authority {
                certificate,
                not_after: fields.not_after,
            });
        }
        let last = all.iter().map(|authority| authority.not_after).max();
        match last {
            None => Err(ClientsError::NoCertificate),
            Some(last) if last < now => Err(ClientsError::Expired(last)),
            Some(_) => Ok(Authorities(all)),
        }
    }

    /// These and those.
    pub fn and(mut self, others: Authorities) -> Authorities {
        self.0.extend(others.0);
        self
    }

    /// What the administrator should know of their time.
    pub fn concern(&self, now: Timestamp) -> Option<String> {
        let over = self.0.iter().filter(|authority| authority.not_after < now);
        match over.count() {
            0 => None,
            count => Some(format!(
                "{count} of {} certificates expired: whom they vouch for is refused",
                self.0.len()
            )),
        }
    }

    /// Those whose time is not over.
    fn store(&self, now: Timestamp) -> RootCertStore {
        let mut store = RootCertStore::empty();
        let good = self.0.iter().filter(|authority| authority.not_after >= now);
        for authority in good {
            // Each was added to one before.
            let _ = store.add(authority.certificate.clone());
        }
        store
    }
}

/// Lists of certificates that are not to be taken any more.
#[derive(Debug, Clone, Default)]
pub struct RevocationLists(Vec<CertificateRevocationListDer<'static>>);

impl RevocationLists {
    /// Adds what a file has, in PEM or one list in DER; gives when the first of them has to be replaced.
    ///
    /// # Errors
    /// [`ClientsError::NoList`], [`ClientsError::BadList`].
    pub fn add(
        &mut self,
        bytes: &[u8],
        authorities: &Authorities,
    ) -> Result<Option<Timestamp>, ClientsError> {
        let lists: Vec<CertificateRevocationListDer<'static>> =
            match memchr::memmem::find(bytes, PEM) {
                None if bytes.is_empty() => return Err(ClientsError::NoList),
                None => vec![bytes.to_vec().into()],
                Some(_) => CertificateRevocationListDer::pem_slice_iter(bytes)
                    .collect::<Result<_, _>>()
                    .map_err(|_| ClientsError::BadList("its PEM is damaged"))?,
            };
        if lists.is_empty() {
            return Err(ClientsError::NoList);
        }
        let store = Arc::new(authorities.store(Timestamp::MIN));
        let mut first = None;
        for list in lists {
            let alone = builder(&store).with_crls([list.clone()]).build();
            alone.map_err(|error| match error {
                VerifierBuilderError::InvalidCrl(error) => {
                    ClientsError::BadList(list_words(&error))
                }
                _ => ClientsError::BadList("it is not in a form that is understood"),
            })?;
            let next = certificate::next_update(&list);
            first = [first, next].into_iter().flatten().min();
            self.0.push(list);
        }
        Ok(first)
    }
}

fn list_words(error: &CertRevocationListError) -> &'static str {
    use CertRevocationListError as List;
    match error {
        List::BadSignature => "its signature is not that of its issuer",
        List::IssuerInvalidForCrl => "its issuer may not sign such lists",
        List::UnsupportedCrlVersion => {
            "it is of version 1 (openssl ca makes version 2 with crl_extensions)"
        }
        List::UnsupportedDeltaCrl => "it tells only what is new since another one",
        List::UnsupportedIndirectCrl => "it is about certificates of other issuers",
        List::UnsupportedCriticalExtension => "it has a critical extension that is not known",
        _ => "it is damaged, or signed in a way that is not known",
    }
}

fn builder(store: &Arc<RootCertStore>) -> rustls::server::ClientCertVerifierBuilder {
    let provider = Arc::new(ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::clone(store), provider)
}

/// What clients are asked for.
#[derive(Debug)]
pub struct Clients {
    authorities: Authorities,
    lists: RevocationLists,
    required: bool,
    hints: Vec<DistinguishedName>,
    current: Mutex<Current>,
    /// What was refused last; whoever hands bytes to a connection takes it before the next ones.
    refused: Mutex<Option<Refused>>,
}

/// A certificate that was refused.
#[derive(Debug, Default)]
struct Refused {
    name: Vec<u8>,
    has_no_version: bool,
}

/// The library's part, and until when the authorities it knows are good.
#[derive(Debug)]
struct Current {
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    until: Timestamp,
}

impl Clients {
    /// Clients whose certificates come from one of these authorities and stand on none of the lists; `required` ones must show
    /// one.
    pub fn new(authorities: Authorities, lists: RevocationLists, required: bool) -> Arc<Clients> {
        let hints = authorities.store(Timestamp::MIN).subjects();
        Arc::new(Clients {
            authorities,
            lists,
            required,
            hints,
            current: Mutex::new(Current {
                verifier: None,
                until: Timestamp::MIN,
            }),
            refused: Mutex::new(None),
        })
    }

    /// The library's part as of now; none when the time of all authorities is over.
    fn verifier(&self, now: Timestamp) -> Option<Arc<dyn ClientCertVerifier>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.until <= now {
            let ends = self
                .authorities
                .0
                .iter()
                .map(|authority| authority.not_after);
            current.until = ends
                .filter(|end| *end > now)
                .min()
                .unwrap_or(Timestamp::MAX);
            let lists = self.lists.0.iter().cloned();
            let built = builder(&Arc::new(self.authorities.store(now)))
                .with_crls(lists)
                .enforce_revocation_expiration()
                .build();
            current.verifier = built.ok();
        }
        current.verifier.clone()
    }

    /// The words of an error for the log: with what the client's certificate is wrong, where it is about that.
    pub(super) fn words(&self, error: &Error) -> Option<String> {
        let refused = self
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let why = match error {
            Error::NoCertificatesPresented => {
                return Some("the client shows no certificate, and one is required".to_owned());
            }
            Error::InvalidCertificate(error) => certificate_words(error),
            Error::InvalidCertRevocationList(error) => {
                format!("a revocation list cannot be used: {}", list_words(error))
            }
            _ => return None,
        };
        let refused = refused.unwrap_or_default();
        let why = match refused.has_no_version {
            true => "it is of version 1 (openssl x509 makes version 3 with -extfile)".to_owned(),
            false => why,
        };
        let name = String::from_utf8_lossy(&refused.name);
        Some(format!(
            "the client's certificate [{name}] is refused: {why}"
        ))
    }
}

fn certificate_words(error: &CertificateError) -> String {
    use CertificateError as Wrong;
    let words = match error {
        Wrong::Expired | Wrong::ExpiredContext { .. } => "it has expired",
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => "its time has not begun",
        Wrong::Revoked => "it was revoked",
        Wrong::UnknownIssuer => "no authority that is trusted vouches for it",
        Wrong::UnknownRevocationStatus => "no revocation list tells whether it was revoked",
        Wrong::ExpiredRevocationList | Wrong::ExpiredRevocationListContext { .. } => {
            "the revocation list is out of date (see --tlscrl)"
        }
        Wrong::BadSignature => "a signature is wrong",
        Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => "it is not one for clients",
        Wrong::BadEncoding => "it is damaged",
        other => return other.to_string(),
    };
    words.to_owned()
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let seconds = i64::try_from(now.as_secs()).ok();
        let second = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let verifier = self.verifier(second.unwrap_or(Timestamp::MAX));
        let verified = match verifier {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        if verified.is_err() {
            let refused = Refused {
                name: ClientCertificate::new(end_entity).common_name(),
                has_no_version: certificate::has_no_version(end_entity),
            };
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A certificate that a client showed and that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate(Vec<u8>);

impl ClientCertificate {
    pub(super) fn new(der: &[u8]) -> ClientCertificate {
        ClientCertificate(der.to_vec())
    }

    /// The first common name of its subject; empty where it has none. Bytes of a stranger: to be escaped.
    pub fn common_name(&self) -> Vec<u8> {
        let names = certificate::names(&self.0);
        names.common_names.into_iter().next().unwrap_or_default()
    }

    /// Whether one of its names of that kind is this one, byte for byte.
    pub fn is_of(&self, kind: CertificateName, user: &[u8]) -> bool {
        let names = certificate::names(&self.0);
        let own = match kind {
            CertificateName::CommonName => names.common_names,
            CertificateName::Email => names.emails,
            CertificateName::Dns => names.hosts,
        };
        own.iter().any(|name| name == user)
    }
}
