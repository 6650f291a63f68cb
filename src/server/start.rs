//! From the command line to the running loop.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Pid;

use super::confine::{Outside, confine};
use super::doctor::Finding;
use super::given::{Audience, Given, complain, print, print_and_stop, without_effect};
use super::materials::Home;
use super::notify::Notify;
use super::pid_file::PidFile;
use super::rights::{self, Anonymous, Standing};
use super::sharing::Shares;
use super::{Failure, doctor, health, listening, materials, run, shown, summary, upload_pipe};
use crate::board::Board;
use crate::files::{self, Quotas};
use crate::flags::{Flags, Stop, with_environment};
use crate::keeper::link::Ends;
use crate::keeper::{self, Link, Mapped};
use crate::logs::{self, Form, Severity, transfers};
use crate::net::Random;
use crate::reactor::{Handle, Reactor};
use crate::session::advice::Advice;
use crate::session::announce::Announcements;
use crate::session::ban::Bans;
use crate::session::commands::Allowed;
use crate::session::handshakes::Handshakes;
use crate::session::shared::{Blocks, Counts, Shared, Stopping, Terms, command_scratch};
use crate::settings::{LogTo, PID_FILE, Permission, Settings};
use crate::sys::background::{self, Ready};
use crate::sys::creds::Identity;
use crate::sys::{self, descriptors, privileges};
use crate::units::Facility;

/// Descriptors a session may use at once: control, listener, data, file.
const PER_SESSION: u64 = 4;

/// Descriptors the server itself uses.
const OWN: u64 = 64;

/// How long the last records of the log may take.
const LAST_RECORDS: Duration = Duration::from_secs(2);

/// How long a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Until a signal.
    Told,
    /// Until nobody has been there for a while: inetd listens on then.
    Idle,
}

/// Whom the server serves.
pub(super) enum Clients {
    /// The one whose connection inetd passed.
    One(OwnedFd),
    /// Whoever comes to these.
    Listeners(Vec<TcpListener>, Until),
}

/// Runs the program; gives its exit status.
pub fn main() -> ExitCode {
    let given = match Given::find() {
        Ok(Some(given)) => given,
        Ok(None) => return ExitCode::SUCCESS,
        Err(failure) => return complain(&failure, Audience::Terminal),
    };
    let understood = with_environment(std::env::args_os(), std::env::vars_os())
        .and_then(Flags::parse)
        .and_then(|parsed| Ok((Settings::from_flags(&parsed)?, parsed)));
    let ((settings, warnings), parsed) = match understood {
        Ok(understood) => understood,
        Err(stop) => return print_and_stop(&stop, &given),
    };
    if let Some(text) = shown::instead(&parsed, &settings, &warnings) {
        return print(&text, &given);
    }
    if parsed.flags.process.health {
        return match health::ask(&settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => complain(&failure, given.audience()),
        };
    }
    if let Some(name) = &parsed.flags.process.doctor {
        return examine(settings, &warnings, given, name);
    }
    drop(parsed);
    let nothing_said = matches!(given, Given::Nothing) && settings == Settings::default();
    if nothing_said && !privileges::is_root() {
        return complain(&Failure::bare(), Audience::Terminal);
    }
    match start(settings, &warnings, given) {
        Ok(()) => {
            logs::flush(LAST_RECORDS);
            ExitCode::SUCCESS
        }
        Err((failure, audience)) => complain(&failure, audience),
    }
}

/// `--doctor`: the machine is looked at first, since the check gives up the rights to.
fn examine(mut settings: Settings, warnings: &[String], given: Given, name: &str) -> ExitCode {
    if given.is_inetd() {
        return print(&[], &given);
    }
    settings.process.check = true;
    let machine = doctor::look(&settings, name, descriptors_wanted(&settings));
    let mut findings = vec![match prepare(settings, warnings, given, false) {
        Ok(prepared) => {
            logs::flush(LAST_RECORDS);
            Finding::ok(would_succeed(&prepared.clients).unwrap_or_default())
        }
        Err(failure) => Finding::failure(&failure),
    }];
    findings.extend(machine);
    for finding in &findings {
        say(&format!("{finding}\n"));
    }
    ExitCode::from(doctor::status(&findings))
}

/// All that serving needs.
struct Prepared {
    reactor: Reactor,
    shared: Rc<Shared>,
    clients: Clients,
    keeper: Option<Pid>,
    pid_file: Option<PidFile>,
    notify: Rc<Notify>,
}

fn start(settings: Settings, warnings: &[String], given: Given) -> Result<(), (Failure, Audience)> {
    let audience = given.audience();
    if settings.process.check {
        return match prepare(settings, warnings, given, false) {
            Ok(prepared) => {
                say_fine(&prepared.clients);
                Ok(())
            }
            Err(failure) => Err((failure, audience)),
        };
    }
    let background = settings.process.background && !given.is_inetd();
    let ready = match background.then(background::enter).transpose() {
        Ok(ready) => ready,
        Err(error) => return Err((Failure::background(&error), audience)),
    };
    let prepared = prepare(settings, warnings, given, background).and_then(|prepared| match ready
        .map(Ready::tell)
        .transpose()
    {
        Ok(_) => Ok(prepared),
        Err(error) => Err(Failure::background(&error)),
    });
    match prepared {
        Ok(Prepared {
            reactor,
            shared,
            clients,
            keeper,
            pid_file,
            notify,
        }) => {
            drop(audience);
            let ended = run(reactor, shared, clients, notify);
            if let Some(keeper) = keeper {
                keeper::await_end(keeper);
            }
            if let Some(pid_file) = pid_file {
                pid_file.remove();
            }
            ended.map_err(|failure| (failure, Audience::Terminal))
        }
        Err(failure) => {
            if matches!(audience, Audience::Client(_)) {
                logs::server(Severity::Error, format_args!("{failure}"));
            }
            Err((failure, audience))
        }
    }
}

fn prepare(
    mut settings: Settings,
    warnings: &[String],
    given: Given,
    background: bool,
) -> Result<Prepared, Failure> {
    // Modes are given with each call that creates something.
    rustix::process::umask(rustix::fs::Mode::empty());
    let zone = materials::zone();
    let log = logs::start(&log_config(
        &settings,
        background || given.is_inetd(),
        zone.clone(),
    ))
    .map_err(Failure::loop_)?;
    logs::install_panic_hook();
    for warning in warnings {
        logs::server(Severity::Warning, format_args!("{warning}"));
    }
    for warning in without_effect(&settings, &given) {
        logs::server(Severity::Warning, format_args!("{warning}"));
    }
    let shares = Shares::find(&mut settings)?;
    if shares.is_some() && !matches!(given, Given::Nothing) {
        return Err(Failure::share_was_given_sockets());
    }
    let (standing, anonymous) = rights::choose(&settings)?;
    let mapped = rights::mapped(&settings)?;
    // Forked before there is a socket that must not outlive the server.
    let ends = start_keeper(&settings, &standing, mapped.clone(), shares.as_ref())?;
    let keeper = ends.as_ref().map(|ends| ends.keeper);
    // What the keeper must not have, as it ends after the server: the lock of a killed server would keep the next one from
    // starting, and a log that was rotated away would keep its room on the disk.
    let pid_file = match given.is_inetd() || settings.process.check {
        true => None,
        false => pid_file(&settings, standing.is_root())?,
    };
    let notify = Rc::new(Notify::from_environment());
    let transfer_logs = &settings.logging.transfers;
    let opened = match settings.process.check {
        false => transfers::open_all(transfer_logs, &zone),
        true => transfers::check_all(transfer_logs),
    };
    opened.map_err(|(log, error)| Failure::open(materials::TRANSFER_LOG, &log.path, &error))?;
    let reactor = Reactor::new().map_err(Failure::loop_)?;
    let handle = reactor.handle();
    let clients = match given {
        Given::Client(client) => Clients::One(client),
        Given::Nothing => {
            check_descriptors(&settings);
            Clients::Listeners(
                listening::listen(&settings, standing.is_root())?,
                Until::Told,
            )
        }
        Given::Sockets(sockets) => {
            check_descriptors(&settings);
            Clients::Listeners(listening::passed(sockets)?, Until::Told)
        }
        Given::Service(socket) => {
            check_descriptors(&settings);
            Clients::Listeners(listening::passed(vec![socket])?, Until::Idle)
        }
    };
    let home = anonymous_home(&settings, anonymous.as_ref())?;
    let root = home.as_ref().map(|home| home.root.clone());
    let said = match background {
        false => said(&settings, &clients, shares.as_ref(), root.as_deref()),
        true => String::new(),
    };
    let link = ends.map(|ends| Link::new(&handle, ends));
    let identities = standing.identities(&settings, anonymous.as_ref(), mapped.as_ref());
    let shared = shared(
        settings,
        &handle,
        link,
        anonymous.zip(home),
        &standing,
        &clients,
        zone,
    )?;
    let owner = shared.upload_owner.map(|owner| owner.uid);
    let jail = standing.jail(root.as_deref(), shared.base.settings.process.check)?;
    let outside = Outside::new();
    standing.give_up(&jail, owner.is_some())?;
    if shared.base.settings.login.refuse_writable_root {
        refuse_writable_roots(&shared, root.as_deref())?;
    }
    let prepared = Prepared {
        reactor,
        shared,
        clients,
        keeper,
        pid_file,
        notify,
    };
    let removes_in = prepared.pid_file.as_ref().map(PidFile::folder);
    confine(&prepared.shared, outside, removes_in, &identities)?;
    log.start_writer().map_err(Failure::loop_)?;
    if prepared.shared.base.settings.process.check {
        return Ok(prepared);
    }
    if let Clients::Listeners(listeners, _) = &prepared.clients {
        let shared = &prepared.shared;
        let mut terms = shared.own.values().chain([&shared.base]);
        if terms.any(|terms| terms.settings.files.no_truncate) {
            for site in shared.site.iter().chain(shared.virtual_sites.values()) {
                // What a server that was killed left behind.
                files::sweep(&site.tree);
            }
        }
        announce(listeners);
        say(&said);
        if shared.base.settings.process.print_port {
            print_ports(listeners).map_err(Failure::loop_)?;
        }
    }
    Ok(prepared)
}

fn log_config(settings: &Settings, hidden: bool, zone: jiff::tz::TimeZone) -> logs::Config {
    let to = match settings.logging.facility {
        LogTo::Syslog(facility) => logs::To::Syslog(facility.code()),
        LogTo::None => logs::To::None,
        // Standard input, output and error are the client's connection there, or nothing.
        _ if hidden => logs::To::Syslog(Facility::FTP.code()),
        LogTo::Usual | LogTo::Stderr => logs::To::Stderr,
        LogTo::Stdout => logs::To::Stdout,
    };
    logs::Config {
        to,
        form: settings.logging.form,
        pid: settings.logging.pid,
        verbose: settings.logging.verbose,
        zone,
    }
}

/// The anonymous root; none where nobody may log in. Started without root, the name of the anonymous user serves
/// only to find a home.
fn anonymous_home(
    settings: &Settings,
    anonymous: Option<&Anonymous>,
) -> Result<Option<Home>, Failure> {
    let login = &settings.login;
    let Some(anonymous) = anonymous else {
        return Ok(None);
    };
    if let Some(root) = &login.anonymous_root {
        return Ok(Some(Home::plain(root.clone())));
    }
    if let Some(home) = &anonymous.home {
        return Ok(Some(Home::of_user(home)));
    }
    if let Some(root) = std::env::var_os("FTP_ANON_DIR") {
        return Ok(Some(Home::plain(root.into())));
    }
    match privileges::user_named(&login.anonymous_user) {
        Some(user) => Ok(Some(Home::of_user(&user.home))),
        None if login.no_anonymous || !login.sources.is_empty() => Ok(None),
        None => Err(Failure::no_root()),
    }
}

fn shared(
    settings: Settings,
    handle: &Handle,
    link: Option<Link>,
    anonymous: Option<(Anonymous, Home)>,
    standing: &Standing,
    clients: &Clients,
    zone: jiff::tz::TimeZone,
) -> Result<Rc<Shared>, Failure> {
    let mut site = None;
    let mut virtual_sites = HashMap::new();
    if let Some((Anonymous { identity, .. }, home)) = &anonymous {
        let path = &home.root;
        // The upload script is started elsewhere.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let label = [absolute.as_os_str().as_encoded_bytes(), b"/"].concat();
        let opened = materials::site(home, label, handle, identity);
        if standing.is_root() && settings.sharing.is_none() {
            warn_of_writable_root(path, identity);
        }
        site = Some(opened.map_err(|error| Failure::anonymous_root(path, &error))?);
        virtual_sites = materials::virtual_sites(&settings.login.virtual_hosts, handle, identity);
    }
    let usage = |why| Failure::usage(Stop::USAGE, why);
    let base = terms(settings, standing.is_root()).map_err(usage)?;
    let settings = &base.settings;
    let mut own = HashMap::new();
    for user in &settings.users {
        let terms = terms(user.settings.clone(), standing.is_root())
            .map_err(|why| usage(format!("{}: {why}", user.told())))?;
        own.insert(user.name.to_ascii_lowercase(), Rc::new(terms));
    }
    let anonymous_upload =
        base.anonymous_upload || own.values().any(|terms| terms.anonymous_upload);
    let strangers = anonymous.is_some() || settings.login.map_users_as_anonymous;
    let listens_on_ipv6 = match clients {
        Clients::Listeners(listeners, _) => listeners
            .iter()
            .any(|listener| listener.local_addr().is_ok_and(|address| address.is_ipv6())),
        Clients::One(_) => false,
    };
    let logs_to_terminal = matches!(settings.logging.facility, LogTo::Usual | LogTo::Stderr)
        && settings.logging.form == Form::Plain
        && std::io::stderr().is_terminal();
    let is_watched = settings.sharing.is_some() && logs_to_terminal;
    Ok(Rc::new(Shared {
        handle: handle.clone(),
        zone,
        tls: materials::tls(&settings.tls)?,
        random: Random::new().map_err(Failure::loop_)?.into(),
        greeting: materials::greeting(settings)?,
        site,
        virtual_sites,
        link,
        announcements: announcements(settings, handle)?,
        aliases: materials::aliases(&settings.login.aliases),
        passive_address: Cell::new(materials::passive_address(settings)?),
        passive_address_until: Cell::new(None),
        listens_on_ipv6,
        listed: RefCell::new(materials::listed(&settings.login)?),
        bans: Bans::new(settings.limits.ban),
        handshakes: Handshakes::default(),
        advice: Advice::default(),
        upload_owner: match anonymous_upload && strangers {
            true => standing.upload_owner(settings)?,
            false => None,
        },
        counts: Counts::default(),
        board: is_watched.then(Board::default),
        quotas: Quotas::default(),
        stopping: Cell::new(Stopping::No),
        command_scratch: command_scratch(),
        blocks: Blocks::default(),
        unique: Cell::new(0),
        base: Rc::new(base),
        own,
    }))
}

/// What flags mean for sessions, with what they leave to the way the server was started.
fn terms(settings: Settings, is_root: bool) -> Result<Terms, String> {
    let files = &settings.files;
    Ok(Terms {
        commands: Allowed::new(files)?,
        anonymous_upload: match files.anonymous_upload {
            _ if files.read_only => false,
            Permission::Allowed => true,
            Permission::Forbidden => false,
            Permission::Default => is_root,
        },
        serves_own: match files.anonymous_read_own {
            Permission::Allowed => true,
            Permission::Forbidden => false,
            Permission::Default => !is_root,
        },
        settings,
    })
}

/// `-o`: opened while the path means what the administrator meant.
fn announcements(
    settings: &Settings,
    handle: &Handle,
) -> Result<Option<Rc<Announcements>>, Failure> {
    let Some(path) = &settings.process.upload_pipe else {
        return Ok(None);
    };
    if settings.process.check {
        let usable = match path.exists() {
            true => upload_pipe::open(path).map(drop),
            false => sys::files::may_be_made(path),
        };
        return match usable {
            Ok(()) => Ok(None),
            Err(error) => Err(Failure::upload_pipe(path, &error)),
        };
    }
    if !upload_pipe::is_read(path) {
        logs::server(
            Severity::Info,
            format_args!("-o: no program reads {} yet", path.display()),
        );
    }
    let pipe = upload_pipe::open(path).map_err(|error| Failure::upload_pipe(path, &error))?;
    Ok(Some(Announcements::new(handle, pipe.into())))
}

/// `--refusewritableroot`, for anonymous. The server has the rights by now with which it will act, so that the kernel can
/// tell.
fn refuse_writable_roots(shared: &Shared, root: Option<&Path>) -> Result<(), Failure> {
    let hosts = &shared.base.settings.login.virtual_hosts;
    let hosts = shared
        .virtual_sites
        .iter()
        .map(|(address, site)| (hosts.join(address.to_string()), site));
    let anonymous = root.map(Path::to_owned).zip(shared.site.as_ref());
    for (path, site) in anonymous.into_iter().chain(hosts) {
        match site.tree.is_root_writable() {
            Ok(false) => {}
            Ok(true) => return Err(Failure::writable_root(&path)),
            Err(error) => return Err(Failure::open("--refusewritableroot", &path, &error)),
        }
    }
    Ok(())
}

/// Threats A1: strangers should write in a directory made for it, not at the top.
fn warn_of_writable_root(path: &std::path::Path, identity: &Identity) {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = std::fs::metadata(path) else {
        return;
    };
    let shift = match () {
        () if metadata.uid() == identity.uid => 6,
        () if metadata.gid() == identity.gid => 3,
        () => 0,
    };
    if metadata.mode() >> shift & 2 != 0 {
        let path = path.display();
        logs::server(
            Severity::Warning,
            format_args!(
                "Anonymous clients may write to {path} itself: better chown root {path} && chmod go-w {path}"
            ),
        );
    }
}

fn start_keeper(
    settings: &Settings,
    standing: &Standing,
    mapped: Option<Mapped>,
    shares: Option<&Shares>,
) -> Result<Option<Ends>, Failure> {
    let plan = standing.plan(settings, mapped);
    if plan.binds && !standing.is_root() {
        return Err(Failure::active_port());
    }
    if !plan.needs_keeper() {
        return Ok(None);
    }
    let login = &settings.login;
    let options = keeper::sources::Options {
        pam_service: login.pam_service.clone(),
        no_pam_session: login.no_pam_session,
        any_shell: login.any_shell,
    };
    if plan.takes_certificates && !keeper::sources::take_certificates(&login.sources) {
        return Err(Failure::nobody_by_certificate());
    }
    let sources = match shares.zip(standing.only_identity()) {
        Some((shares, identity)) => vec![shares.account(identity)],
        None => {
            let open = |spec: &String| {
                let source = keeper::sources::open(spec, &options);
                source.map_err(|error| Failure::source(spec, &error))
            };
            login.sources.iter().map(open).collect::<Result<_, _>>()?
        }
    };
    let (kept, free) = (
        login.chroot_list.as_deref(),
        login.no_chroot_list.as_deref(),
    );
    let confinement = keeper::Confinement::open(kept, free).map_err(Failure::list)?;
    let accounts = keeper::Accounts {
        sources,
        confinement,
    };
    if settings.process.check {
        return Ok(None);
    }
    let ends = keeper::start(plan, accounts);
    ends.map(Some).map_err(Failure::loop_)
}

/// How many descriptors the server may need.
fn descriptors_wanted(settings: &Settings) -> u64 {
    u64::from(settings.limits.max_clients) * PER_SESSION + OWN
}

fn check_descriptors(settings: &Settings) {
    let (limit, _) = descriptors::raise_descriptor_limit();
    if limit < descriptors_wanted(settings) {
        let clients = limit.saturating_sub(OWN) / PER_SESSION;
        logs::server(
            Severity::Warning,
            format_args!(
                "-c {}: each session may need {PER_SESSION} descriptors, the limit of {limit} is enough for {clients} in transfer at once",
                settings.limits.max_clients
            ),
        );
    }
}

/// What whoever started the server in the foreground should know of it, in lines; found while paths mean what they meant to them.
fn said(
    settings: &Settings,
    clients: &Clients,
    shares: Option<&Shares>,
    root: Option<&Path>,
) -> String {
    let Clients::Listeners(listeners, Until::Told) = clients else {
        return String::new();
    };
    let process = &settings.process;
    match (shares, &settings.sharing) {
        _ if process.check => String::new(),
        (Some(shares), Some(sharing)) => shares.said(sharing, listeners),
        _ if process.print_port || !std::io::stdout().is_terminal() => String::new(),
        _ => summary::lines(settings, listeners, root)
            .iter()
            .map(|line| format!("{line}\n"))
            .collect(),
    }
}

/// A reader that has gone away misses nothing it wanted.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn print_ports(listeners: &[TcpListener]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for listener in listeners {
        writeln!(out, "{}", listener.local_addr()?.port())?;
    }
    out.flush()
}

fn announce(listeners: &[TcpListener]) {
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            logs::server(Severity::Info, format_args!("Listening on {address}"));
        }
    }
}

/// The end of `--check`, for whoever reads it.
fn say_fine(clients: &Clients) {
    if let Some(fine) = would_succeed(clients) {
        say(&format!("{fine}\n"));
    }
}

/// That a start would succeed; none where a client is served who came already.
fn would_succeed(clients: &Clients) -> Option<String> {
    let Clients::Listeners(listeners, _) = clients else {
        return None;
    };
    let addresses = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok());
    let addresses: Vec<String> = addresses.map(|address| address.to_string()).collect();
    let addresses = addresses.join(" and ");
    Some(format!("a start would succeed and listen on {addresses}"))
}

fn pid_file(settings: &Settings, is_root: bool) -> Result<Option<PidFile>, Failure> {
    let default = settings.process.background && is_root;
    let path = match &settings.process.pid_file {
        Some(path) => path.as_path(),
        None if default => Path::new(PID_FILE),
        None => return Ok(None),
    };
    let written = PidFile::write(path).map_err(|why| Failure::pid_file(path, &why))?;
    Ok(Some(written))
}
