//! Wharf, an FTP server all of whose behaviour is set by command-line flags.

pub mod files;
pub mod flags;
pub mod logs;
pub mod net;
pub mod proto;
pub mod reactor;
pub mod server;
pub mod session;
pub mod settings;
pub mod sys;
pub mod units;
