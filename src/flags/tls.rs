//! The flags under "TLS": when it is offered or asked for, and with what.

use clap::Args;
use std::path::PathBuf;

/// When encryption is offered or asked for, and with what.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "TLS")]
pub struct Tls {
    /// Offer TLS, or insist on it
    ///
    /// 0 is without TLS, 1 offers it, 2 insists on it for control connections, 3 for data connections
    /// as well. The default is 0.
    #[arg(short = 'Y', long = "tls", value_name = "LEVEL", value_parser = level)]
    pub tls: Option<u8>,

    /// Choose the ciphers
    #[arg(
        short = 'J',
        long = "tlsciphersuite",
        value_name = "CIPHERS",
        allow_hyphen_values = true
    )]
    pub tls_cipher_suite: Vec<String>,

    /// Take certificate and key from these files
    ///
    /// Without a comma the file holds both. It may be given more than once.
    #[arg(short = '2', long = "certfile", value_name = "CERT[,KEY]")]
    pub cert_file: Vec<String>,

    /// Ask for certificates at this socket
    #[arg(short = '3', long = "extcert", value_name = "SOCKET")]
    pub ext_cert: Option<PathBuf>,
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
