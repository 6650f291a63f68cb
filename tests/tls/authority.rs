//! An authority of openssl(1)'s make, whose certificates clients show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::common::programs::run;

/// Its files lie in a directory of their own: `ca.crt`, `ca.key`, and of each client `NAME.crt` and `NAME.key`.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one of this name below `home`.
    pub(crate) fn new(home: &Path, name: &str) -> Authority {
        let folder = home.join(name);
        fs::create_dir(&folder).expect("a directory");
        let authority = Authority { folder };
        authority.make_key("ca");
        authority.openssl(&format!(
            "req -x509 -new -key ca.key -subj /CN={name} -days 30 -out ca.crt \
             -addext keyUsage=critical,keyCertSign,cRLSign"
        ));
        authority
    }

    /// The path of one of its files.
    pub(crate) fn path(&self, file: &str) -> String {
        let path = self.folder.join(file);
        path.to_str().expect("a path").to_owned()
    }

    /// Likewise, its certificate.
    pub(crate) fn certificate(&self) -> String {
        self.path("ca.crt")
    }

    fn openssl(&self, words: &str) -> String {
        let mut command = Command::new("openssl");
        command.args(words.split_whitespace());
        run(command.current_dir(&self.folder), &self.folder, "")
    }

    fn make_key(&self, name: &str) {
        self.openssl(&format!(
            "ecparam -name prime256v1 -genkey -noout -out {name}.key"
        ));
    }

    /// A client's certificate of this common name, good for so many days.
    pub(crate) fn client(&self, name: &str, serial: u32, days: i32) {
        let names = format!("subjectAltName=email:{name}@example.org,DNS:{name}.example.org");
        self.client_with(name, serial, days, &names);
    }

    /// Likewise with this extension.
    pub(crate) fn client_with(&self, name: &str, serial: u32, days: i32, extension: &str) {
        self.make_key(name);
        fs::write(self.path("ext"), format!("{extension}\n")).expect("a file");
        self.openssl(&format!(
            "req -new -key {name}.key -subj /CN={name} -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -set_serial {serial} \
             -days {days} -extfile ext -out {name}.crt"
        ));
    }

    /// Likewise without any extension; whether it is of version 1.
    pub(crate) fn client_without_extensions(&self, name: &str, serial: u32) -> bool {
        self.client(name, serial, 30);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -set_serial {serial} \
             -days 30 -out {name}.crt"
        ));
        self.openssl(&format!("x509 -in {name}.crt -noout -text"))
            .contains("Version: 1 ")
    }

    /// A list of these serial numbers, in PEM; the next is due at the second moment, or in thirty days.
    pub(crate) fn revoke(&self, file: &str, serials: &[u32], times: Option<(&str, &str)>) {
        let lines = serials.iter().map(|serial| {
            format!("R\t491231235959Z\t250101000000Z\t{serial:02X}\tunknown\t/CN=x\n")
        });
        fs::write(self.path("index"), lines.collect::<String>()).expect("a file");
        fs::write(self.path("number"), "01\n").expect("a file");
        fs::write(
            self.path("config"),
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n\
             default_crl_days=30\ncrl_extensions=list\n[list]\nauthorityKeyIdentifier=keyid\n",
        )
        .expect("a file");
        let times =
            times.map(|(last, next)| format!("-crl_lastupdate {last} -crl_nextupdate {next}"));
        self.openssl(&format!(
            "ca -config config -gencrl -keyfile ca.key -cert ca.crt -out {file} {}",
            times.unwrap_or_default()
        ));
    }

    /// The list of [`Authority::revoke`] in DER.
    pub(crate) fn to_der(&self, list: &str, file: &str) {
        self.openssl(&format!("crl -in {list} -outform DER -out {file}"));
    }

    /// What a client of ours shows as this one.
    pub(crate) fn shown(
        &self,
        name: &str,
    ) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_file(self.path(&format!("{name}.crt")));
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key")));
        (
            vec![certificate.expect("a certificate")],
            key.expect("a key"),
        )
    }
}
