//! Wharf, an FTP server all of whose behaviour is set by command-line flags.

pub mod units;
pub mod reactor;
pub mod sys;
pub mod proto;
pub mod net;
pub mod files;
pub mod logs;
pub mod flags;
pub mod settings;
pub mod session;
pub mod server;
