//! Wharf, an FTP server all of whose behaviour is set by command-line flags: the flags of Pure-FTPd and some more.
//! The binary `wharf-ftpd` is a few lines around [`server::main`]; everything is in this library.
//!
//! # Six ideas
//!
//! 1. **One thread owns every socket, every session and the clock.** [`reactor`] is a small loop on mio that runs tasks;
//!    it knows no FTP. There is no async runtime besides.
//! 2. **A session is one task, written from top to bottom** ([`session`]): open the file, open the data connection, send,
//!    reply. Waiting is `.await`, giving up is dropping the future, and `Drop` gives back what was held.
//! 3. **The loop thread makes no call that can sleep.** Such a call is a job for the pool of helper threads
//!    ([`reactor::Pool`]); [`files`] decides which calls those are.
//! 4. **Every name a client sends ends in one resolver** ([`files`]), rooted by the kernel, and what a command does it does
//!    to the object that one resolution gave.
//! 5. **What comes in kinds is a row in a table next to its code**: flags in [`flags`], commands in [`session::commands`],
//!    refusals in [`session::refusal`]. Help, manual page, README, HELP and FEAT are made from the rows.
//!
//! 6. **What needs rights or the world outside lives in a second process, the keeper** ([`keeper`]): passwords, ports below
//!    1024, names, homes, files that are opened again. It is asked in messages of a fixed form and believes nothing.
//!
//! # The ladder
//!
//! A part may import the parts named in its line, and no other; `tests/layers.rs` reads the sources and checks it.
//!
//! | part | what it is | may import | never touches |
//! |-|-|-|-|
//! | [`sys`] | system calls no safe crate covers, and those that change the whole process; the only `unsafe` code | - | |
//! | [`units`] | values of flags: sizes, rates, ranges of ports, masks | - | I/O, clock |
//! | [`reactor`] | the loop, tasks, timers, signals, helper pool | sys | FTP |
//! | [`proto`] | FTP as text: lines and requests in; replies, addresses, listings out | units | I/O, clock, settings |
//! | [`net`] | sockets on the loop: listeners, streams in clear and under TLS, opening data connections, throttling | sys, units, reactor | FTP's text |
//! | [`files`] | the rooted tree of an account: resolving, reading, writing, walking | sys, units, reactor | FTP's text |
//! | [`board`] | transfers under way, for whoever shows them | sys, units | sessions |
//! | [`logs`] | what is recorded, made safe, and written without anybody waiting | sys, units | sessions |
//! | [`keeper`] | accounts: virtual users, their files and password hashes | sys, units | FTP, sessions |
//! | [`flags`] | what the administrator typed | units, logs | |
//! | [`settings`] | what that means, with defaults and the rules between flags | units, logs, flags | files, network |
//! | [`session`] | one client, from the greeting to the goodbye; commands; who may do what | all above | mio, libc, `std::fs`, sockets of `std` |
//! | [`server`] | start, listen or inherit, admission, giving up rights, signals, the end | all above | |
//! | [`tools`] | the programs an administrator runs beside the server | all above | |
//! | [`wrapper`] | `wharf-config`: other servers' configuration files become flags | sys, units, logs, keeper (names of sources), flags, settings | sessions, network |
//!
//! # The life of a session
//!
//! ```text
//! server    flags -> settings -> bind, open the roots -> give up rights for good -> loop
//!    |      accept; may this address come in, is there room?         no: 421 and away
//!    v
//! session   220, then for each line of the control connection:
//!    |        proto::line      bytes -> a line (telnet, length, end of line)
//!    |        proto::request   a line -> a verb and its argument
//!    |        commands         the verb's row: its rules are checked here, once; then its function runs
//!    |        place, policy    the argument -> a virtual path -> may this client do this to that name?
//!    |        files            the virtual path -> an open object below the root
//!    |        data, transfer   150, bytes between object and data connection, raced with the control connection
//!    |        refusal, reply   a result -> one reply; a refusal -> its code and words
//!    v
//! the end   QUIT, a time-out, a vanished client, a stopping server: the task ends, `Drop` gives back counts, ports
//!           and half-written files
//! ```
//!
//! What is meant for one command only (the offset of REST, the name of RNFR) is taken out of the session before each
//! command and handed only to a command that may use it.
//!
//! # Where to touch what
//!
//! | to add | the place | what follows by itself |
//! |-|-|-|
//! | a flag | a field with its doc comment in a section of [`flags`], its meaning in [`settings`] | help, manual page, README |
//! | a command | a row and its function in [`session::commands`] | dispatch, HELP, FEAT, checks of login and state |
//! | a refusal | a variant in [`session::refusal`] | its code and words wherever it occurs |
//! | a source of accounts | a file in `keeper/sources` and its row there | `-l NAME`, its place in help and manual |
//! | a format of transfer logs | a file in `logs/formats` and its row there | `-O NAME:FILE` |
//! | a dialect of configuration | a file in `wrapper/dialects` and its row there | `--dialect list`, detection, tables of the manual |
//! | a system call | a safe function in [`sys`], or the crate rustix where that has it | |
//!
//! # Reading order
//!
//! A script of `tests/scripts` shows a conversation. Then [`session`] (the loop over lines), `session/commands/place.rs` (the
//! smallest family of commands), `session/commands/transfer.rs` with `session/transfer.rs` (where bytes move), [`files`],
//! and [`reactor`] last. [`server`] tells in what order a start happens, and why.

pub mod board;
pub mod files;
pub mod flags;
pub mod keeper;
pub mod logs;
pub mod net;
pub mod proto;
pub mod reactor;
pub mod server;
pub mod session;
pub mod settings;
pub mod sys;
pub mod tools;
pub mod units;
#[path = "../wrapper/mod.rs"]
pub mod wrapper;
