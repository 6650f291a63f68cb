//! Ciphers of TLS, typed as OpenSSL's lists are.

use std::fmt;
use std::str::FromStr;

/// A set of algorithms this server can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Suite {
    Tls13Aes256,
    Tls13Aes128,
    Tls13ChaCha20,
    EcdsaAes256,
    EcdsaAes128,
    EcdsaChaCha20,
    RsaAes256,
    RsaAes128,
    RsaChaCha20,
}

use Suite::*;

/// Every suite in the order in which the server prefers them, with OpenSSL's name and IANA's.
const SUITES: [(Suite, &str, &str); 9] = [
    (
        Tls13Aes256,
        "TLS_AES_256_GCM_SHA384",
        "TLS13_AES_256_GCM_SHA384",
    ),
    (
        Tls13Aes128,
        "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_128_GCM_SHA256",
    ),
    (
        Tls13ChaCha20,
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS13_CHACHA20_POLY1305_SHA256",
    ),
    (
        EcdsaAes256,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        EcdsaAes128,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        EcdsaChaCha20,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
    (
        RsaAes256,
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        RsaAes128,
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        RsaChaCha20,
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
];

/// OpenSSL's names of groups of which the server has some, and those. As in OpenSSL they are about TLS 1.2 only.
const GROUPS: &[(&[&str], &[Suite])] = &[
    (
        &[
            "HIGH",
            "DEFAULT",
            "ALL",
            "SECURE",
            "COMPLEMENTOFDEFAULT",
            "FIPS",
            "ECDHE",
            "EECDH",
            "KECDHE",
            "KEECDH",
            "ECDH",
            "TLSV1.2",
            "AEAD",
            "COMPLEMENTOFALL",
            "SUITEB128",
            "SUITEB192",
        ],
        &[
            EcdsaAes256,
            EcdsaAes128,
            EcdsaChaCha20,
            RsaAes256,
            RsaAes128,
            RsaChaCha20,
        ],
    ),
    (
        &["ECDSA", "AECDSA"],
        &[EcdsaAes256, EcdsaAes128, EcdsaChaCha20],
    ),
    (&["RSA", "ARSA"], &[RsaAes256, RsaAes128, RsaChaCha20]),
    (
        &["AES", "AESGCM"],
        &[EcdsaAes256, EcdsaAes128, RsaAes256, RsaAes128],
    ),
    (
        &["AES256", "AES256-GCM", "SHA384"],
        &[EcdsaAes256, RsaAes256],
    ),
    (
        &["AES128", "AES128-GCM", "SHA256"],
        &[EcdsaAes128, RsaAes128],
    ),
    (
        &["CHACHA20", "CHACHA20-POLY1305"],
        &[EcdsaChaCha20, RsaChaCha20],
    ),
    (&["TLSV1.3"], &[]),
];

/// What OpenSSL's names of suites are made of; a name of such parts that is no suite of ours is one it has besides, and its
/// names of groups of which there is none here.
const PARTS: &[&str] = &[
    "ADH",
    "AECDH",
    "AES",
    "AES128",
    "AES256",
    "AESCCM",
    "AESCCM8",
    "AESGCM",
    "ANULL",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "CBC3",
    "CCM",
    "CCM8",
    "CHACHA20",
    "DES",
    "3DES",
    "DH",
    "DHE",
    "DSS",
    "ADSS",
    "ECDH",
    "ECDHE",
    "ECDSA",
    "EDH",
    "KDHE",
    "KEDH",
    "KRSA",
    "ENULL",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "GCM",
    "GOST",
    "IDEA",
    "KPSK",
    "LOW",
    "MD5",
    "MEDIUM",
    "NULL",
    "POLY1305",
    "PSK",
    "APSK",
    "RC2",
    "RC4",
    "RSA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "ASRP",
    "KSRP",
    "SSLV2",
    "SSLV3",
    "TLSV1",
    "TLSV1.0",
    "TLSV1.1",
    "KECDH",
    "ARSA",
    "DHEPSK",
    "RSAPSK",
    "ECDHEPSK",
    "KRSAPSK",
    "KDHEPSK",
    "KECDHEPSK",
    "FZA",
    "KFZA",
];

/// The suites offered, the preferred one first. Typed as a list in OpenSSL's form: names of suites and of groups between
/// colons, `!` or `-` before what is taken out; Pure-FTPd's `-C:` in front is about certificates of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ciphers {
    suites: Vec<Suite>,
    /// Names that OpenSSL knows and this server does not offer.
    passed_over: Vec<String>,
    asks_clients: bool,
}

impl Ciphers {
    /// The suites, the preferred one first; never empty.
    pub fn suites(&self) -> &[Suite] {
        &self.suites
    }

    /// Names in the list that are OpenSSL's, and for which this server has nothing.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Whether the list begins with `-C:`: clients must show a certificate, by whoever signed the server's.
    pub fn asks_clients(&self) -> bool {
        self.asks_clients
    }
}

impl Default for Ciphers {
    fn default() -> Ciphers {
        Ciphers {
            suites: SUITES.iter().map(|(suite, ..)| *suite).collect(),
            passed_over: Vec::new(),
            asks_clients: false,
        }
    }
}

impl Suite {
    /// Whether it is one of TLS 1.3.
    pub fn is_tls13(self) -> bool {
        matches!(self, Tls13Aes256 | Tls13Aes128 | Tls13ChaCha20)
    }

    /// OpenSSL's name.
    pub fn name(self) -> &'static str {
        let row = SUITES.iter().find(|(suite, ..)| *suite == self);
        row.map_or("", |(_, name, _)| name)
    }
}

impl fmt::Display for Ciphers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.asks_clients {
            formatter.write_str(ASKS_CLIENTS)?;
        }
        for (place, suite) in self.suites.iter().enumerate() {
            let separator = if place == 0 { "" } else { ":" };
            write!(formatter, "{separator}{}", suite.name())?;
        }
        Ok(())
    }
}

/// Pure-FTPd's prefixes; the second once forbade SSL 3, which does not exist here.
const ASKS_CLIENTS: &str = "-C:";
const NO_SSL_3: &str = "-S:";

/// What a word of a list stands for.
fn meaning(word: &str) -> Option<Vec<Suite>> {
    let suite = |name: &str| {
        let mut rows = SUITES.iter();
        let row = rows.find(|(_, ours, iana)| {
            name.eq_ignore_ascii_case(ours) || name.eq_ignore_ascii_case(iana)
        });
        row.map(|(suite, ..)| vec![*suite])
    };
    let group = |name: &str| {
        let mut rows = GROUPS.iter();
        let row = rows.find(|(names, _)| names.iter().any(|own| own.eq_ignore_ascii_case(name)));
        row.map(|(_, suites)| suites.to_vec())
    };
    if let Some(suites) = suite(word).or_else(|| group(word)) {
        return Some(suites);
    }
    // `ECDHE+AESGCM`: what all parts have in common.
    let mut common: Option<Vec<Suite>> = None;
    if word.contains('+') {
        for part in word.split('+') {
            let suites = group(part).or_else(|| is_of_openssl(part).then(Vec::new))?;
            common = Some(match common {
                None => suites,
                Some(common) => common
                    .into_iter()
                    .filter(|own| suites.contains(own))
                    .collect(),
            });
        }
    }
    common
}

fn is_of_openssl(word: &str) -> bool {
    let is_part = |part: &str| PARTS.iter().any(|known| known.eq_ignore_ascii_case(part));
    word.split(['-', '+']).all(is_part)
}

/// What is said of a word that means nothing.
fn refusal(word: &str) -> String {
    let known: Vec<&str> = SUITES.iter().map(|(_, name, _)| *name).collect();
    format!(
        "{word} is no cipher this server knows: expected HIGH or names between colons of {}",
        known.join(" ")
    )
}

impl FromStr for Ciphers {
    type Err = String;

    fn from_str(text: &str) -> Result<Ciphers, String> {
        let mut list = text;
        let mut asks_clients = false;
        loop {
            if let Some(rest) = list.strip_prefix(NO_SSL_3) {
                list = rest;
            } else if let Some(rest) = list.strip_prefix(ASKS_CLIENTS) {
                asks_clients = true;
                list = rest;
            } else {
                break;
            }
        }
        let mut taken: Vec<Suite> = Vec::new();
        let mut killed: Vec<Suite> = Vec::new();
        let mut passed_over = Vec::new();
        let words = list
            .split([':', ',', ' ', ';'])
            .filter(|word| !word.is_empty());
        for typed in words {
            if typed.starts_with("@STRENGTH") || typed.starts_with("@SECLEVEL=") {
                continue;
            }
            let (sign, word) = match typed.as_bytes() {
                [sign @ (b'!' | b'-' | b'+'), ..] => (Some(*sign), &typed[1..]),
                _ => (None, typed),
            };
            let suites = match meaning(word) {
                Some(suites) => suites,
                None if is_of_openssl(word) => {
                    if sign.is_none() {
                        passed_over.push(word.to_owned());
                    }
                    continue;
                }
                None => return Err(refusal(word)),
            };
            match sign {
                None => {
                    for suite in suites {
                        if !taken.contains(&suite) && !killed.contains(&suite) {
                            taken.push(suite);
                        }
                    }
                }
                Some(b'+') => {
                    let (moved, stay) = taken.iter().partition(|own| suites.contains(own));
                    let (moved, mut stay): (Vec<Suite>, Vec<Suite>) = (moved, stay);
                    stay.extend(moved);
                    taken = stay;
                }
                Some(sign) => {
                    taken.retain(|own| !suites.contains(own));
                    if sign == b'!' {
                        killed.extend(suites);
                    }
                }
            }
        }
        // A list for TLS 1.2 says nothing of 1.3, in OpenSSL and here.
        if !taken.iter().any(|suite| suite.is_tls13()) {
            if taken.is_empty() {
                return Err(match passed_over.first() {
                    Some(word) => refusal(word),
                    None => "expected at least one cipher that is offered, as HIGH".to_owned(),
                });
            }
            let all = SUITES.iter().map(|(suite, ..)| *suite);
            let others = all.filter(|suite| suite.is_tls13() && !killed.contains(suite));
            taken = others.chain(taken).collect();
        }
        Ok(Ciphers {
            suites: taken,
            passed_over,
            asks_clients,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match text.parse::<Ciphers>() {
            Ok(ciphers) => ciphers.to_string(),
            Err(why) => why,
        }
    }

    #[test]
    fn groups_of_openssl_mean_what_there_is_of_them() {
        let all = Ciphers::default().to_string();
        for text in [
            "HIGH",
            "DEFAULT",
            "ALL:!aNULL:!eNULL:!LOW",
            "HIGH:MEDIUM:+TLSv1:!SSLv2",
            "-S:HIGH",
            "high,@STRENGTH",
        ] {
            assert_eq!(read(text), all, "{text}");
        }
        assert_eq!(
            read("ECDHE+AESGCM:!ECDSA:!AES128"),
            "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-GCM-SHA384"
        );
    }

    #[test]
    fn prefixes_of_pure_ftpd_come_in_any_order_and_number() {
        for text in ["-C:HIGH", "-S:-C:HIGH", "-C:-S:-C:HIGH"] {
            let ciphers = text.parse::<Ciphers>().unwrap();
            assert!(ciphers.asks_clients(), "{text}");
            assert_eq!(ciphers.suites(), Ciphers::default().suites());
            assert!(ciphers.to_string().starts_with("-C:TLS_AES_256"));
        }
        assert!(!"-S:HIGH".parse::<Ciphers>().unwrap().asks_clients());
        // In the middle it is no prefix.
        assert!("HIGH:-C:RSA".parse::<Ciphers>().is_err());
    }

    #[test]
    fn suites_of_tls_1_3_stay_unless_some_are_named() {
        assert_eq!(read("TLS_AES_128_GCM_SHA256"), "TLS_AES_128_GCM_SHA256");
        assert_eq!(
            read("ECDHE-RSA-CHACHA20-POLY1305:TLS_AES_256_GCM_SHA384"),
            "ECDHE-RSA-CHACHA20-POLY1305:TLS_AES_256_GCM_SHA384"
        );
        let suites = "ECDHE-RSA-AES128-GCM-SHA256".parse::<Ciphers>().unwrap();
        assert_eq!(suites.suites().len(), 4);
        assert_eq!(suites.suites()[3], Suite::RsaAes128);
    }

    #[test]
    fn what_only_openssl_has_is_passed_over_and_what_nobody_has_is_refused() {
        let list = "DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA"
            .parse::<Ciphers>()
            .unwrap();
        assert_eq!(
            list.passed_over(),
            ["DHE-RSA-AES256-GCM-SHA384", "AES128-SHA"]
        );
        assert_eq!(list.suites().last(), Some(&Suite::RsaAes256));
        for text in [
            "HIGHT",
            "ECDHE-RSA-AES512-GCM",
            "AES128-SHA:DES-CBC3-SHA",
            "HIGH:!NONSENSE",
        ] {
            let why = read(text);
            assert!(
                why.contains("expected HIGH or names between colons of TLS_AES_256"),
                "{text}: {why}"
            );
        }
        assert!(read("-C:").contains("at least one"));
        assert!(read("HIGH:!ALL").contains("at least one"));
        assert!(read("").contains("at least one"));
    }

    #[test]
    fn a_killed_suite_does_not_come_back_and_a_removed_one_does() {
        assert!(!read("!RSA:HIGH").contains("-RSA-"));
        assert!(read("HIGH:-RSA:RSA").ends_with("ECDHE-RSA-CHACHA20-POLY1305"));
        assert!(
            read("HIGH:+CHACHA20")
                .ends_with("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305")
        );
    }
}
