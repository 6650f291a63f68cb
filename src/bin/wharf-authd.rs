//! Answers a server's questions about logins. All it does is in the library; see `wharf::tools::authd`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::tools::authd::main()
}
