//! Protection of the connections: AUTH, ADAT, PBSZ, PROT, CCC (RFC 2228, RFC 4217).

use super::super::refusal::Refusal;
use super::super::secure::Change;
use super::super::{Session, Who};
use super::{Argument, Feature, Row, Rules, Run};
use crate::proto::reply::Reply;
use crate::proto::request;
use crate::settings::Protection;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "AUTH",
        "AUTH <mechanism>",
        Argument::Optional,
        Rules::FREE,
        Run::Now(auth),
    )
    .feature(Feature::Now(|session| {
        (session.offers_tls() && !session.shared.base.settings.tls.implicit)
            .then(|| "AUTH TLS".into())
    })),
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
    )
    .feature(Feature::Now(|session| {
        session.offers_tls().then(|| "PBSZ".into())
    })),
    Row::new(
        "PROT",
        "PROT C|P",
        Argument::Optional,
        Rules::FREE,
        Run::Now(prot),
    )
    .feature(Feature::Now(|session| {
        session.offers_tls().then(|| "PROT".into())
    })),
    Row::new("CCC", "CCC", Argument::Optional, Rules::FREE, Run::Now(ccc)),
];

impl Session {
    fn offers_tls(&self) -> bool {
        self.shared.tls.is_some()
    }
}

fn no_scheme(_session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    Err(Refusal::NoSecurity(
        500,
        "This security scheme is not implemented",
    ))
}

/// The handshake follows the reply. What old clients ask for by SSL and TLS-P protects data connections as well.
fn auth(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    if !session.offers_tls() {
        return no_scheme(session, argument);
    }
    let implied = match argument.to_ascii_uppercase().as_slice() {
        b"TLS" | b"TLS-C" => false,
        b"SSL" | b"TLS-P" => true,
        b"" => return Err(Refusal::Missing("Missing argument")),
        _ => {
            return Err(Refusal::NoSecurity(
                504,
                "This security scheme is not implemented",
            ));
        }
    };
    if session.secure.is_some() {
        return Err(Refusal::NoSecurity(534, "TLS is on already"));
    }
    if matches!(session.who, Who::In(_)) {
        return Err(Refusal::NoSecurity(534, "AUTH comes before the login"));
    }
    session.change_asked = Some(Change::Secure { implied });
    Ok(Reply::new(234, "AUTH TLS OK."))
}

/// TLS has no buffer of its own to agree on, so the size is always 0 (RFC 4217, section 9).
fn pbsz(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let Some(secure) = &mut session.secure else {
        return Err(Refusal::NoSecurity(503, "PBSZ=0"));
    };
    if request::number(argument).is_err() {
        return Err(Refusal::Malformed("PBSZ needs a number"));
    }
    secure.sized = true;
    Ok(Reply::new(200, "PBSZ=0"))
}

fn prot(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let Some(secure) = session.secure.as_mut().filter(|secure| secure.sized) else {
        return Err(Refusal::NoSecurity(
            503,
            "PROT must be preceded by a successful PBSZ command",
        ));
    };
    let (private, words) = match argument.to_ascii_uppercase().as_slice() {
        b"C" => (false, "Data protection level set to \"clear\""),
        b"P" => (true, "Data protection level set to \"private\""),
        b"S" | b"E" => {
            return Err(Refusal::NoSecurity(
                536,
                "TLS has no such protection level, use C or P",
            ));
        }
        b"" => return Err(Refusal::Missing("Missing argument")),
        _ => return Err(Refusal::NotImplemented("Unknown protection level")),
    };
    secure.private = private;
    Ok(Reply::new(200, words))
}

/// Where `-Y` insists on TLS it stays.
fn ccc(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    let is_in = matches!(session.who, Who::In(_));
    let demanded = session.demanded(session.is_anonymous());
    if !is_in || !session.is_protected() || demanded >= Protection::Control {
        return Err(Refusal::NoSecurity(534, "CCC not allowed at this point"));
    }
    session.change_asked = Some(Change::Clear);
    Ok(Reply::new(200, "Control connection unencrypted"))
}
