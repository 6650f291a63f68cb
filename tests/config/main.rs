//! `wharf-config` as an administrator runs it: files of other servers beside the flags they must become, and the program's
//! own options.

mod beside_pure_ftpd;
mod beside_pure_ftpd_wrapper;
mod corpus;
mod program;
mod support;
