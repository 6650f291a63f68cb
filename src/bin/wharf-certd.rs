//! Says which certificate a server shows. All it does is in the library; see `wharf::tools::certd`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::tools::certd::main()
}
