//! Protection of the connections (RFC 2228, RFC 4217). This build protects none: each command says so.

use super::super::Session;
use super::super::refusal::Refusal;
use super::{Argument, Row, Rules, Run};
use crate::proto::reply::Reply;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "AUTH",
        "AUTH <mechanism>",
        Argument::Optional,
        Rules::FREE,
        Run::Now(no_scheme),
    ),
    Row::new(
        "ADAT",
        "ADAT <data>",
        Argument::Optional,
        Rules::FREE.secret(),
        Run::Now(no_scheme),
    ),
    Row::new(
        "PBSZ",
        "PBSZ <size>",
        Argument::Optional,
        Rules::FREE,
        Run::Now(pbsz),
    ),
    Row::new(
        "PROT",
        "PROT <level>",
        Argument::Optional,
        Rules::FREE,
        Run::Now(prot),
    ),
    Row::new("CCC", "CCC", Argument::Optional, Rules::FREE, Run::Now(ccc)),
];

fn no_scheme(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Err(Refusal::NoSecurity(
        500,
        "This security scheme is not implemented",
    ))
}

fn pbsz(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Err(Refusal::NoSecurity(503, "PBSZ=0"))
}

fn prot(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Err(Refusal::NoSecurity(
        503,
        "PROT must be preceded by a successful PBSZ command",
    ))
}

fn ccc(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Err(Refusal::NoSecurity(534, "CCC not allowed at this point"))
}
