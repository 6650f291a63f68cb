//! Which files hold a certificate and its key, and which versions of TLS are spoken.

use super::Expected;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The files of a certificate with its chain, and of its private key; one file may hold both. Typed `CERT` or `CERT,KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, then those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// The private key in PEM; none where the first file has it.
    pub key: Option<PathBuf>,
}

impl CertificateFiles {
    /// The file that holds the private key.
    pub fn key_file(&self) -> &Path {
        self.key.as_deref().unwrap_or(&self.certificate)
    }
}

impl FromStr for CertificateFiles {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected("CERT or CERT,KEY, names of files");
        let (certificate, key) = match text.split_once(',') {
            Some((certificate, key)) => (certificate, Some(key)),
            None => (text, None),
        };
        if certificate.is_empty() || key.is_some_and(|key| key.is_empty() || key.contains(',')) {
            return Err(FORM);
        }
        Ok(CertificateFiles {
            certificate: certificate.into(),
            key: key.map(PathBuf::from),
        })
    }
}

impl fmt::Display for CertificateFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.certificate.display())?;
        match &self.key {
            Some(key) => write!(f, ",{}", key.display()),
            None => Ok(()),
        }
    }
}

/// The oldest version of TLS that is spoken. There is nothing older than 1.2 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// 1.2 and 1.3.
    #[default]
    Tls12,
    /// 1.3 alone.
    Tls13,
}

impl FromStr for TlsVersion {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text {
            "1.2" => Ok(TlsVersion::Tls12),
            "1.3" => Ok(TlsVersion::Tls13),
            _ => Err(Expected("1.2 or 1.3")),
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        })
    }
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Whoever has one shows it.
    Optional,
    /// Whoever has none is refused.
    Required,
}

impl FromStr for ClientCertificate {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text {
            "optional" => Ok(ClientCertificate::Optional),
            "required" => Ok(ClientCertificate::Required),
            _ => Err(Expected("optional or required")),
        }
    }
}

impl fmt::Display for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClientCertificate::Optional => "optional",
            ClientCertificate::Required => "required",
        })
    }
}

/// Which of a client's names in its certificate is its user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// The common name of the subject.
    CommonName,
    /// A mail address: of the extension for alternative names, or of the subject.
    Email,
    /// The name of a host in the extension for alternative names.
    Dns,
}

impl FromStr for CertificateName {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text {
            "cn" => Ok(CertificateName::CommonName),
            "email" => Ok(CertificateName::Email),
            "dns" => Ok(CertificateName::Dns),
            _ => Err(Expected("cn, email or dns")),
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CertificateName::CommonName => "cn",
            CertificateName::Email => "email",
            CertificateName::Dns => "dns",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn a_certificate_has_its_key_beside_it_or_in_its_file() {
        let one: CertificateFiles = "/etc/both.pem".parse().unwrap();
        assert_eq!(one.key_file(), Path::new("/etc/both.pem"));
        let two: CertificateFiles = "c.pem,k.pem".parse().unwrap();
        assert_eq!(two.key_file(), Path::new("k.pem"));
        assert_eq!(read::<CertificateFiles>("c.pem,k.pem"), "c.pem,k.pem");
        refused::<CertificateFiles>(&["", ",", "c,", ",k", "a,b,c"]);
    }

    #[test]
    fn versions_are_those_that_are_spoken() {
        assert_eq!(read::<TlsVersion>("1.2"), "1.2");
        assert_eq!(read::<TlsVersion>("1.3"), "1.3");
        refused::<TlsVersion>(&["", "1", "1.1", "1.0", "TLSv1.2", "1.4"]);
    }

    #[test]
    fn what_is_asked_of_clients_is_one_of_few_words() {
        for word in ["optional", "required"] {
            assert_eq!(read::<ClientCertificate>(word), word);
        }
        for word in ["cn", "email", "dns"] {
            assert_eq!(read::<CertificateName>(word), word);
        }
        refused::<ClientCertificate>(&["", "on", "Required", "yes"]);
        refused::<CertificateName>(&["", "CN", "mail", "upn"]);
    }
}
