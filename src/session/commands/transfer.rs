//! Transfers and what prepares them: TYPE, MODE, STRU, PORT, PASV and their extended forms, ESTA, ESTP, PRET, REST,
//! ALLO, RETR, STOR, STOU, APPE, ABOR (RFC 959 section 4.1.2 and 4.1.3, RFC 2428, RFC 3659 section 5).

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::data::{Data, Stage};
use super::super::refusal::Refusal;
use super::super::transfer::{Bounds, Mover, Progress, Sink, check_disk, kilobytes_per_second};
use super::super::{Representation, Session};
use super::{Argument, Does, Feature, Row, Rules, Run, Waiting};
use crate::board::{self, Posted};
use crate::files::{Create, Existing, NotServed, ReadFile, Upload, is_over_quota};
use crate::logs::formats::{Direction, Transfer};
use crate::logs::{Severity, escape, transfers};
use crate::net::{self, Passive, PassiveError, Purpose};
use crate::proto::address::{self, AddressError, EpsvArgument};
use crate::proto::path::VirtualPath;
use crate::proto::reply::Reply;
use crate::proto::request::{self, Structure, TransferMode, TypeArgument};
use crate::proto::{time, transfer_text};
use crate::sys::words;

/// How long a reply waits for a broken upload to be removed.
const TAKING_BACK: Duration = Duration::from_secs(2);

/// What keeps 150 and 226 apart for aria2 1.36: it overlooks a 226 that it reads together with the 150, and then waits a
/// minute for another. It is known by its `REST 0` before each `RETR`.
const APART: Duration = Duration::from_millis(5);

const NO_FILE_NAME: &str = "No file name";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "TYPE",
        "TYPE A|I|L 8",
        Argument::Optional,
        Rules::FREE.idle().keeps_restart(),
        Run::Now(type_),
    ),
    Row::new(
        "MODE",
        "MODE S",
        Argument::Needed("Missing argument"),
        Rules::FREE.idle().keeps_restart(),
        Run::Now(mode),
    ),
    Row::new(
        "STRU",
        "STRU F",
        Argument::Needed("Missing argument"),
        Rules::FREE.keeps_restart(),
        Run::Now(stru),
    ),
    Row::new(
        "PORT",
        "PORT h1,h2,h3,h4,p1,p2",
        Argument::Needed("Syntax error in IP address"),
        Rules::SETUP,
        Run::Now(port),
    ),
    Row::new(
        "PASV",
        "PASV",
        Argument::Optional,
        Rules::SETUP,
        Run::Now(pasv),
    )
    .also(&["P@SW"])
    .feature(Feature::Now(|session| {
        session.offers_passive().then(|| "PASV".into())
    })),
    Row::new(
        "EPRT",
        "EPRT |family|address|port|",
        Argument::Needed("Syntax error in IP address"),
        Rules::SETUP,
        Run::Now(eprt),
    )
    .feature(Feature::Now(|session| {
        session.offers_active().then(|| "EPRT".into())
    })),
    Row::new(
        "EPSV",
        "EPSV [1|2|ALL]",
        Argument::Optional,
        Rules::SETUP,
        Run::Now(epsv),
    )
    .feature(Feature::Now(|session| {
        session.offers_passive().then(|| "EPSV".into())
    })),
    Row::new(
        "ESTA",
        "ESTA",
        Argument::Optional,
        Rules::SETUP,
        Run::Waits(esta),
    )
    .feature(Feature::Now(|session| {
        session.offers_active().then(|| "ESTA".into())
    })),
    Row::new(
        "ESTP",
        "ESTP",
        Argument::Optional,
        Rules::SETUP,
        Run::Waits(estp),
    )
    .feature(Feature::Now(|session| {
        session.offers_passive().then(|| "ESTP".into())
    })),
    Row::new(
        "PRET",
        "PRET <command> [<name>]",
        Argument::Optional,
        Rules::SETUP,
        Run::Waits(pret),
    )
    .feature(Feature::Line("PRET")),
    Row::new(
        "REST",
        "REST <offset>",
        Argument::Needed("No restart point"),
        Rules::SETUP.idle(),
        Run::Now(rest),
    )
    .feature(Feature::Line("REST STREAM")),
    Row::new(
        "ALLO",
        "ALLO <bytes>",
        Argument::Needed("Can't find file size"),
        Rules::SETUP,
        Run::Waits(allo),
    ),
    Row::new(
        "RETR",
        "RETR <name>",
        Argument::Needed(NO_FILE_NAME),
        Rules::TRANSFER.does(Does::Download),
        Run::Waits(retr),
    ),
    Row::new(
        "STOR",
        "STOR <name>",
        Argument::Needed(NO_FILE_NAME),
        Rules::TRANSFER,
        Run::Waits(stor),
    ),
    Row::new(
        "STOU",
        "STOU",
        Argument::Optional,
        Rules::TRANSFER,
        Run::Waits(stou),
    ),
    Row::new(
        "APPE",
        "APPE <name>",
        Argument::Needed(NO_FILE_NAME),
        Rules::TRANSFER,
        Run::Waits(appe),
    ),
    Row::new(
        "ABOR",
        "ABOR",
        Argument::Optional,
        Rules::MEMBER,
        Run::Now(abor),
    ),
];

/// The answer to ABOR, after the 426 of a transfer that it ended or without one.
pub(in crate::session) fn abort_reply() -> Reply {
    Reply::new(226, "Since you see this ABOR must've succeeded")
}

fn abor(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    session.data = Data::None;
    Ok(abort_reply())
}

impl Representation {
    pub(super) fn words(self) -> &'static str {
        match self {
            Representation::Ascii => "TYPE is now ASCII",
            Representation::Image => "TYPE is now 8-bit binary",
        }
    }
}

fn type_(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let refused = |code, text: String, session: &Session| {
        Ok(Reply::new(code, text).line(session.representation.words()))
    };
    if argument.is_empty() {
        let now = session.representation.words();
        return Ok(Reply::new(501, "Missing argument")
            .line("A(scii) I(mage) L(ocal)")
            .line(now));
    }
    let shown = String::from_utf8_lossy(argument).into_owned();
    session.representation = match request::type_argument(argument) {
        Ok(TypeArgument::Ascii(request::TextFormat::NonPrint)) => Representation::Ascii,
        Ok(TypeArgument::Image | TypeArgument::Local(8)) => Representation::Image,
        Ok(TypeArgument::Local(_)) => {
            let text = "Only 8-bit bytes are supported, we're not 10 years ago";
            return refused(504, text.into(), session);
        }
        Ok(_) => return refused(504, format!("Unknown TYPE: {shown}"), session),
        Err(_) => return refused(504, format!("Unknown TYPE: {shown}"), session),
    };
    Ok(Reply::new(200, session.representation.words()))
}

fn mode(_session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    match request::mode_argument(argument) {
        Ok(TransferMode::Stream) => Ok(Reply::new(200, "S OK")),
        _ => Err(Refusal::NotImplemented("Please use S(tream) mode")),
    }
}

fn stru(_session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    match request::structure_argument(argument) {
        Ok(Structure::File) => Ok(Reply::new(200, "F OK")),
        _ => Err(Refusal::NotImplemented("Only F(ile) is supported")),
    }
}

fn port(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let asked = address::port(argument).map_err(address_refusal)?;
    session.announce_active(SocketAddr::V4(asked))
}

fn eprt(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    let asked = address::eprt(argument).map_err(address_refusal)?;
    session.announce_active(asked)
}

fn address_refusal(error: AddressError) -> Refusal {
    match error {
        AddressError::Syntax => Refusal::AddressSyntax,
        AddressError::UnsupportedFamily => Refusal::UnsupportedFamily,
    }
}

fn pasv(session: &mut Session, _argument: &[u8]) -> Result<Reply, Refusal> {
    session.needs_passive()?;
    if session.only_extended_passive {
        return Err(Refusal::OnlyExtendedPassive);
    }
    let announced = session.announced_address()?;
    let port = session.listen()?;
    session.note_announced(announced);
    Ok(Reply::new(227, address::passive_text(announced, port)))
}

fn epsv(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    session.needs_passive()?;
    let over_ipv4 = session.local.is_ipv4();
    if session.settings().network.broken_clients && over_ipv4 {
        return Err(Refusal::UnknownCommand);
    }
    match address::epsv(argument) {
        EpsvArgument::All => {
            session.only_extended_passive = true;
            return Ok(Reply::new(200, "Only EPSV is allowed from now on"));
        }
        EpsvArgument::None => {}
        EpsvArgument::V4 if over_ipv4 => {}
        EpsvArgument::V6 if !over_ipv4 => {}
        _ => return Err(Refusal::OtherFamily { ipv4: over_ipv4 }),
    }
    let port = session.listen()?;
    Ok(Reply::new(229, address::extended_passive_text(port)))
}

fn esta(session: &mut Session, _argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let Data::Active(remote) = session.data else {
            return Err(Refusal::NothingToEstablish("Active mode is disabled"));
        };
        let (stream, words) = session.open_data().await?;
        let local = stream
            .local()
            .map_err(|error| Refusal::CannotConnect(remote.port(), error))?;
        session.data = Data::Ready(stream);
        let address = address::extended_address_text(local);
        Ok(Reply::new(225, words).line(format!("Connected from ({address})")))
    })
}

fn estp(session: &mut Session, _argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        if !matches!(session.data, Data::Passive(_)) {
            return Err(Refusal::NothingToEstablish(
                "Unable to open a passive connection",
            ));
        }
        let (stream, words) = session.open_data().await?;
        let peer = stream.peer();
        session.data = Data::Ready(stream);
        let address = address::extended_address_text(peer);
        Ok(Reply::new(225, words).line(format!("Connected to ({address})")))
    })
}

impl Session {
    fn offers_passive(&self) -> bool {
        !self.settings().network.no_passive
    }

    fn offers_active(&self) -> bool {
        !self.settings().network.no_active
    }

    fn needs_passive(&self) -> Result<(), Refusal> {
        if self.offers_passive() {
            Ok(())
        } else {
            Err(Refusal::UnknownCommand)
        }
    }

    /// Threats D1: only the client itself, only unprivileged ports, unless a flag allows more.
    fn announce_active(&mut self, asked: SocketAddr) -> Result<Reply, Refusal> {
        // Whatever was announced before no longer holds, also when this is refused.
        self.data = Data::None;
        if !self.offers_active() || self.only_extended_passive {
            return Err(Refusal::ActiveDisabled);
        }
        if !net::is_reachable(asked.ip()) {
            return Err(Refusal::AddressSyntax);
        }
        let mapped = matches!(asked.ip(), IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if mapped {
            return Err(Refusal::AddressSyntax);
        }
        if asked.port() < 1024 {
            return Err(Refusal::LowPort);
        }
        let owner = self.peer.ip();
        let third = asked.ip() != owner;
        if third && !self.may_use_third_hosts() {
            return Err(Refusal::OtherAddress {
                asked: asked.ip(),
                owner,
            });
        }
        // An IPv6 client's own link needs its zone, which the argument cannot carry.
        let target = if third {
            asked
        } else {
            with_port(self.peer, asked.port())
        };
        self.data = Data::Active(target);
        let reply = if third {
            Reply::new(200, format!("FXP transfer: from {owner} to {}", asked.ip()))
                .line("PORT command successful")
        } else {
            Reply::new(200, "PORT command successful")
        };
        Ok(reply)
    }

    fn listen(&mut self) -> Result<u16, Refusal> {
        self.data = Data::None;
        let shared = Rc::clone(&self.shared);
        let range = self.settings().network.passive_range;
        let mut random = shared.random.borrow_mut();
        let opened = Passive::open(&shared.handle, self.local, range, &mut random);
        match opened {
            Ok(passive) => {
                let port = passive.local().port();
                self.data = Data::Passive(passive);
                Ok(port)
            }
            Err(PassiveError::AllBusy) => {
                self.log(
                    Severity::Warning,
                    format_args!("All passive ports {range} are busy"),
                );
                Err(Refusal::AllPortsBusy)
            }
            Err(PassiveError::System(error)) => Err(Refusal::NoListener(error)),
        }
    }

    /// Tells the administrator of an address that the client cannot reach.
    fn note_announced(&self, announced: std::net::Ipv4Addr) {
        let (client, now) = (self.peer.ip(), self.shared.handle.now());
        if (self.shared.advice).is_told_of_address(client, announced.into(), now) {
            self.log(
                Severity::Warning,
                format_args!(
                    "PASV tells {client} to connect to {announced}, which is an address of a private network: give the one \
                     that clients reach with -P ADDRESS, or with --passivefor for single networks"
                ),
            );
        }
    }

    /// The address of the 227 reply: of `--passivefor` for this client, of `-P`, or the one the client came to.
    fn announced_address(&self) -> Result<std::net::Ipv4Addr, Refusal> {
        let network = &self.settings().network;
        let client = self.peer.ip();
        let for_client = network
            .passive_for
            .iter()
            .find(|rule| rule.network.contains(client));
        let own = self.local.ip();
        let announced = match for_client {
            Some(rule) => rule.address,
            None => match self.shared.passive_address.get() {
                // Clients next to us reach us where they came to, whatever the world outside calls us.
                Some(_) if net::is_private(client) && net::is_private(own) => own,
                Some(address) => address,
                None => own,
            },
        };
        match announced {
            IpAddr::V4(address) => Ok(address),
            IpAddr::V6(_) => Err(Refusal::PassiveNeedsIpv4),
        }
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn pret(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let ready = Reply::new(200, "Ready to proceed");
        if argument.is_empty() {
            return Ok(ready);
        }
        let Ok((verb, name)) = request::verb_and_argument(&argument) else {
            return Err(Refusal::Malformed("Syntax error in PRET"));
        };
        let denied = |row| session.permits(row, name.unwrap_or_default());
        super::find(verb.as_str()).map_or(Ok(()), denied)?;
        if verb == "RETR" {
            let name = name.unwrap_or_default();
            let path = session.visible_path(name)?;
            let missing = |_| Refusal::NothingToRename;
            let stat = session
                .tree()?
                .stat(path.relative())
                .await
                .map_err(missing)?;
            if stat.kind != crate::files::Kind::File {
                return Err(Refusal::NothingToRename);
            }
            session.account()?.rights.may_send(&stat, name)?;
        }
        Ok(ready)
    })
}

fn rest(session: &mut Session, argument: &[u8]) -> Result<Reply, Refusal> {
    // An offset given before does not survive a refused one.
    session.once.restart = request::number(argument).ok();
    let Some(offset) = session.once.restart else {
        return Err(Refusal::RestartNotANumber);
    };
    let ascii = session.representation == Representation::Ascii;
    Ok(match ascii && offset != 0 {
        true => Reply::new(
            350,
            format!("Restarting at {offset}. But we're in ASCII mode"),
        ),
        false => Reply::new(350, format!("Restarting at {offset}")),
    })
}

fn allo(session: &mut Session, argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let Ok((bytes, _)) = request::allo(&argument) else {
            return Err(Refusal::Malformed("Can't find file size"));
        };
        let account = session.account()?;
        let place = account.cwd.clone();
        let tree = session.tree()?;
        if let Ok(space) = tree.space(place.relative()).await
            && space.total > 0
            && bytes > space.available
        {
            return Err(Refusal::DiskFull);
        }
        if let Some(usage) = tree.usage().await
            && !usage.has_room_for(bytes)
        {
            return Err(Refusal::DiskFull);
        }
        if let Some(percent) = session.settings().files.max_disk_percent {
            check_disk(&tree, place.relative(), percent).await?;
        }
        // Never 202: there are cameras that then ask again for ever.
        Ok(Reply::new(200, "A L'HUILE"))
    })
}

fn retr(session: &mut Session, name: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move { session.retrieve(&name).await })
}

fn stor(session: &mut Session, name: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        let how = match session.once.restart.take() {
            Some(offset) if offset > 0 => Intent::Resume(offset),
            _ => Intent::Store,
        };
        let path = session.new_path(&name)?;
        session.store(path, &name, how).await
    })
}

fn appe(session: &mut Session, name: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session.once.restart = None;
        let path = session.new_path(&name)?;
        session.store(path, &name, Intent::Append).await
    })
}

/// The name is the server's to choose; RFC 1123 section 4.1.2.9 wants it in the 150 reply.
fn stou(session: &mut Session, _argument: Vec<u8>) -> Waiting<'_> {
    Box::pin(async move {
        session.once.restart = None;
        let number = session.shared.unique.get();
        session.shared.unique.set(number + 1);
        let seconds = jiff::Timestamp::now().as_second();
        let random = session.shared.random.borrow_mut().next_u32().unwrap_or(0);
        let name = format!("wharf.{seconds:08x}.{:04x}.{number:04x}", random & 0xffff);
        let path = session.new_path(name.as_bytes())?;
        session.store(path, name.as_bytes(), Intent::Unique).await
    })
}

/// What an upload is to do with what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intent {
    Store,
    Resume(u64),
    Append,
    Unique,
}

impl Session {
    async fn retrieve(&mut self, typed: &[u8]) -> Result<Reply, Refusal> {
        let restart = self.once.restart.take();
        let needless_restart = restart == Some(0);
        let offset = restart.unwrap_or(0);
        let ascii = self.representation == Representation::Ascii;
        let path = self.visible_path(typed)?;
        self.load_allows()?;
        if ascii && offset != 0 {
            return Err(Refusal::AsciiRestart);
        }
        let file = self
            .tree()?
            .open_read(path.relative())
            .await
            .map_err(|error| match error {
                NotServed::NotRegular => Refusal::NotRegular,
                NotServed::Io(error) => {
                    let cause = words(&error);
                    self.log(
                        Severity::Error,
                        format_args!("Can't open {}: {cause}", escape(typed)),
                    );
                    Refusal::CannotOpen(typed.to_vec(), error)
                }
            })?;
        let size = file.stat().size;
        self.account()?.rights.may_send(file.stat(), typed)?;
        if offset > size {
            return Err(Refusal::RestartTooLarge { offset, size });
        }
        self.ratio_allows(size - offset)?;
        if offset > 0 {
            self.log(Severity::Notice, format_args!("Restarting at {offset}"));
        }
        let (stream, words) = self.open_data().await?;
        let preliminary = Reply::lines(
            150,
            [Some(words), transfer_text::download_line(size - offset)]
                .into_iter()
                .flatten(),
        );
        self.send(&preliminary);
        let stream = self.secure_data(stream, Purpose::Download).await?;
        let total = (!ascii).then_some(size - offset);
        let progress = Progress::begin(self.shared.handle.now(), total);
        let _posted = self.post(&path, Direction::Down, &progress);
        let rate = self.account()?.bandwidth.down;
        let mover = Mover::new(self, stream, &progress, rate);
        let outcome = self.send_with(mover, file, offset, ascii, &progress).await;
        self.totals.downloaded += progress.moved();
        self.log_transfer(&path, Direction::Down, ascii, &progress, outcome.is_ok());
        outcome?;
        if needless_restart {
            self.shared.handle.sleep(APART).await;
        }
        let took = Duration::from_secs_f64(progress.seconds());
        Ok(transfer_text::transferred(ascii, progress.moved(), took))
    }

    async fn send_with(
        &mut self,
        mover: Mover,
        file: ReadFile,
        offset: u64,
        ascii: bool,
        progress: &Progress,
    ) -> Result<(), Refusal> {
        match ascii {
            true => {
                let sending = Box::pin(mover.send_text(file));
                self.attend(Stage::Sending, progress, sending).await?
            }
            false => {
                let sending = Box::pin(mover.send_image(file, offset));
                self.attend(Stage::Sending, progress, sending).await?
            }
        }
    }

    /// `-m`: no downloads by anonymous clients that came while the machine was busy.
    fn load_allows(&self) -> Result<(), Refusal> {
        let limit = self.settings().limits.max_load;
        match (self.account()?.rights.anonymous, limit, self.load_at_start) {
            (true, Some(limit), Some(load)) if load >= limit => Err(Refusal::LoadTooHigh(load)),
            _ => Ok(()),
        }
    }

    /// `-q`: Pure-FTPd's reckoning, in whole bytes of this session.
    fn ratio_allows(&self, wanted: u64) -> Result<(), Refusal> {
        let Some(ratio) = self.account()?.ratio else {
            return Ok(());
        };
        let down = (self.totals.downloaded.saturating_add(wanted)) / u64::from(ratio.down.max(1));
        let up = self.totals.uploaded / u64::from(ratio.up.max(1));
        if down > up {
            return Err(Refusal::RatioExceeded {
                ratio,
                uploaded: self.totals.uploaded,
                downloaded: self.totals.downloaded,
            });
        }
        Ok(())
    }

    /// Receives a file; `typed` is how the client wrote its name.
    async fn store(
        &mut self,
        path: VirtualPath,
        typed: &[u8],
        intent: Intent,
    ) -> Result<Reply, Refusal> {
        let account = self.account()?;
        let anonymous = account.rights.anonymous;
        account.rights.upload.map_err(Refusal::Forbidden)?;
        if anonymous && matches!(intent, Intent::Resume(_)) {
            return Err(Refusal::NoOverwrite);
        }
        let ascii = self.representation == Representation::Ascii;
        if ascii && matches!(intent, Intent::Resume(_)) {
            return Err(Refusal::AsciiRestart);
        }
        self.may_be_announced(&path)?;
        let bounds = self.bounds().await?;
        let create = self.creation(intent)?;
        let tree = self.tree()?;
        let created = tree.create(path.relative(), create).await;
        if let (Err(error), Intent::Resume(offset)) = (&created, intent)
            && error.kind() == std::io::ErrorKind::NotSeekable
        {
            let found = tree.lstat(path.relative()).await;
            let size = found.map_or(0, |stat| stat.size);
            return Err(Refusal::RestartTooLarge { offset, size });
        }
        let mut upload = created.map_err(|error| match is_over_quota(&error) {
            true => Refusal::QuotaExceeded(typed.to_vec()),
            false => self.cannot_store(error, anonymous),
        })?;
        if let Some(owner) = self.shared.upload_owner.filter(|_| anonymous) {
            upload.give_to(owner);
        }
        let settled = upload.settled();
        let received = self.take_in(upload, intent, bounds).await;
        if received.is_err() {
            // A client may give the name again as soon as it has read the refusal.
            let handle = self.shared.handle.clone();
            handle.until(handle.now() + TAKING_BACK, settled).await;
        }
        match received {
            Err(Refusal::WriteError(error)) if is_over_quota(&error) => {
                let usage = self.quota_lines().await;
                Err(Refusal::QuotaReached(typed.to_vec(), usage))
            }
            Err(refusal) => {
                // Whatever stays is in the count before the client hears of it.
                self.quota_lines().await;
                Err(refusal)
            }
            Ok(reply) => Ok(reply),
        }
    }

    /// Opens the data connection and lets it fill `upload`.
    async fn take_in(
        &mut self,
        upload: Upload,
        intent: Intent,
        bounds: Bounds,
    ) -> Result<Reply, Refusal> {
        let ascii = self.representation == Representation::Ascii;
        let stored = VirtualPath::root().join(upload.name());
        let stored = stored.map_err(|_| Refusal::NameTooLong)?;
        let (stream, words) = self.open_data().await?;
        let name = String::from_utf8_lossy(stored.name().unwrap_or_default()).into_owned();
        let announced = (intent == Intent::Unique).then(|| format!("FILE: {name}"));
        self.send(&Reply::lines(150, announced.into_iter().chain([words])));
        // Before anything happens to the file.
        let stream = self.secure_data(stream, Purpose::Upload).await?;
        let progress = Progress::begin(self.shared.handle.now(), None);
        let _posted = self.post(&stored, Direction::Up, &progress);
        let outcome = self
            .receive_into(upload, stream, &stored, bounds, ascii, &progress)
            .await;
        // Under `-r` the last free name is known only once the file is whole.
        let published = outcome
            .as_ref()
            .ok()
            .and_then(|name| VirtualPath::root().join(name).ok());
        let logged = published.as_ref().unwrap_or(&stored);
        self.log_transfer(logged, Direction::Up, ascii, &progress, outcome.is_ok());
        outcome?;
        self.announce(logged);
        self.totals.uploaded += progress.moved();
        self.totals.files_uploaded += 1;
        let took = Duration::from_secs_f64(progress.seconds());
        let usage = self.quota_lines().await;
        Ok(transfer_text::stored(ascii, usage, progress.moved(), took))
    }

    async fn receive_into(
        &mut self,
        mut upload: Upload,
        stream: net::Stream,
        stored: &VirtualPath,
        bounds: Bounds,
        ascii: bool,
        progress: &Progress,
    ) -> Result<Vec<u8>, Refusal> {
        upload.begin().await.map_err(Refusal::WriteError)?;
        let tree = self.tree()?;
        let place = stored.parent().relative().to_vec();
        let rate = self.account()?.bandwidth.up;
        let mover = Mover::new(self, stream, progress, rate);
        let sink = Sink::new(upload, tree, place, bounds, ascii);
        let receiving = Box::pin(mover.receive(sink));
        let sink = self.attend(Stage::Receiving, progress, receiving).await??;
        let sync = self.settings().files.fsync;
        sink.upload
            .finish(sync)
            .await
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => Refusal::NoOverwrite,
                _ => Refusal::WriteError(error),
            })
    }

    /// The limits on this upload; an error where one is reached already.
    async fn bounds(&self) -> Result<Bounds, Refusal> {
        let limits = &self.settings().limits;
        let session = limits
            .max_session_bytes
            .map(|limit| limit.saturating_sub(self.totals.uploaded));
        let files_left = limits
            .max_session_files
            .is_none_or(|limit| self.totals.files_uploaded < limit);
        if session == Some(0) || !files_left {
            return Err(Refusal::SessionLimit);
        }
        let disk = self.settings().files.max_disk_percent;
        if let Some(percent) = disk {
            let account = self.account()?;
            check_disk(account.tree(), account.cwd.relative(), percent).await?;
        }
        Ok(Bounds {
            size: limits.max_upload_size,
            session,
            disk,
        })
    }

    fn creation(&self, intent: Intent) -> Result<Create, Refusal> {
        let files = &self.settings().files;
        let account = self.account()?;
        let overwrite = account.rights.overwrite;
        let existing = match intent {
            Intent::Unique => Existing::NextFreeName,
            Intent::Store if files.autorename => Existing::NextFreeName,
            _ if !overwrite => Existing::Refuse,
            Intent::Resume(_) | Intent::Append if !account.rights.append => Existing::Refuse,
            Intent::Store => Existing::Truncate,
            Intent::Resume(offset) => Existing::ResumeAt(offset),
            Intent::Append => Existing::Append,
        };
        Ok(Create {
            mode: 0o777 & !account.rights.umasks.files,
            existing,
            whole_or_nothing: files.no_truncate && matches!(intent, Intent::Store | Intent::Unique),
            keep_partial: !account.rights.anonymous,
        })
    }

    fn cannot_store(&self, error: std::io::Error, anonymous: bool) -> Refusal {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return match anonymous {
                true => Refusal::NoOverwrite,
                false => Refusal::CannotStore(error),
            };
        }
        let cause = words(&error);
        self.log(
            Severity::Error,
            format_args!("Can't open that file: {cause}"),
        );
        Refusal::CannotStore(error)
    }

    /// Shows the transfer to whoever looks, for as long as the value lives.
    fn post(
        &self,
        path: &VirtualPath,
        direction: Direction,
        progress: &Progress,
    ) -> Option<Posted> {
        let board = self.shared.board.as_ref()?;
        Some(board.post(board::Transfer {
            peer: self.peer.ip(),
            upload: direction == Direction::Up,
            name: path.name().unwrap_or_default().to_vec(),
            total: progress.total(),
            moved: progress.counter(),
            seen: Cell::default(),
        }))
    }

    /// In the server's log and in those of transfers (`-O`).
    fn log_transfer(
        &self,
        path: &VirtualPath,
        direction: Direction,
        ascii: bool,
        progress: &Progress,
        whole: bool,
    ) {
        let name = self.logged_name(path);
        let what = match (direction, whole) {
            (Direction::Up, true) => "uploaded",
            (Direction::Up, false) => "upload incomplete",
            (Direction::Down, true) => "downloaded",
            (Direction::Down, false) => "download incomplete",
        };
        let bytes = progress.moved();
        let rate = kilobytes_per_second(bytes, progress.seconds());
        self.log(
            Severity::Notice,
            format_args!("{} {what}  ({bytes} bytes, {rate:.2}KB/sec)", escape(&name)),
        );
        self.shared.counts.count_transfer(direction, bytes, whole);
        if !transfers::records_transfers() {
            return;
        }
        let Ok(account) = self.account() else {
            return;
        };
        let now = Timestamp::now();
        let age = self.shared.handle.now().duration_since(self.started);
        transfers::transfer(&Transfer {
            ended: now,
            session_began: now.checked_sub(age).unwrap_or(now),
            session: u64::from(std::process::id()) + self.counted.number() - 1,
            host: &self.peer.ip().to_string(),
            user: &account.name,
            anonymous: account.rights.anonymous,
            direction,
            bytes,
            took: Duration::from_secs_f64(progress.seconds()),
            path: &self.real_name(path),
            ascii,
            whole,
        });
    }
}

/// `YYYYMMDDHHMMSS` of a moment, for MDTM and the like.
pub(super) fn time_text(seconds: i64) -> Vec<u8> {
    let mut text = Vec::new();
    time::write_time(&mut text, seconds);
    text
}
