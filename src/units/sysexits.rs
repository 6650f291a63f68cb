//! Exit statuses of sysexits(3), for the programs that end with them.

/// A wrong command line.
pub const USAGE: u8 = 64;
/// An input file is not there or cannot be read.
pub const NO_INPUT: u8 = 66;
/// Something that is needed is not there, or another program has it.
pub const UNAVAILABLE: u8 = 69;
/// The system refused something.
pub const SYSTEM: u8 = 71;
/// Something is not this user's to do or to open.
pub const PERMISSION: u8 = 77;
/// What is configured cannot be had or must not be trusted.
pub const CONFIGURATION: u8 = 78;
