//! From the command line to the running loop.

use std::cell::Cell;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use super::materials::Home;
use super::{Failure, materials, run};
use crate::files;
use crate::flags::{Flags, Stop};
use crate::logs::{self, Severity};
use crate::net::{Listener, Random};
use crate::reactor::{Handle, Reactor};
use crate::session::shared::{Blocks, Counts, Shared, Stopping, command_scratch};
use crate::settings::{Family, LogTo, Permission, Settings};
use crate::sys::descriptors::{self, StartedAs};
use crate::sys::{privileges, sandbox};
use crate::units::{Facility, PortName};

/// The port for those who may not have 21.
const UNPRIVILEGED_PORT: u16 = 2121;

/// Descriptors a session may use at once: control, listener, data, file.
const PER_SESSION: u64 = 4;

/// Descriptors the server itself uses.
const OWN: u64 = 64;

/// How long the last records of the log may take.
const LAST_RECORDS: Duration = Duration::from_secs(2);

/// Whom the server serves.
pub(super) enum Clients {
    /// The one whose connection inetd passed.
    One(OwnedFd),
    /// Whoever comes to these.
    Listeners(Vec<TcpListener>),
}

/// As whom the served files are touched.
struct Identity {
    uid: u32,
    gid: u32,
    /// Whether rights have to be given up to become this.
    is_other: bool,
    home: Option<PathBuf>,
}

/// Runs the program; gives its exit status.
pub fn main() -> ExitCode {
    let started_as = match descriptors::detect_and_shield() {
        Ok(started_as) => started_as,
        Err(error) => return complain(&Failure::loop_(error), None),
    };
    let client = match started_as {
        StartedAs::Daemon => None,
        StartedAs::PeerGone => return ExitCode::SUCCESS,
        StartedAs::InetdNowait(connection) => Some(connection),
        StartedAs::InetdWait(_listener) => return complain_to_syslog(&Failure::inetd_wait()),
    };
    let parsed = Flags::parse(std::env::args_os()).and_then(|parsed| Settings::from_flags(&parsed));
    let (settings, warnings) = match parsed {
        Ok(parsed) => parsed,
        Err(stop) => return print_and_stop(&stop, client),
    };
    match start(settings, &warnings, client) {
        Ok(()) => {
            logs::flush(LAST_RECORDS);
            ExitCode::SUCCESS
        }
        Err((failure, client)) => complain(&failure, client),
    }
}

type Refused = (Failure, Option<OwnedFd>);

fn start(settings: Settings, warnings: &[String], client: Option<OwnedFd>) -> Result<(), Refused> {
    let inetd = client.is_some();
    // For telling the client, should the start fail; closed before the first session.
    let line_to_client = client.as_ref().and_then(|client| client.try_clone().ok());
    let prepared = prepare(settings, warnings, client);
    match prepared {
        Ok((reactor, shared, clients)) => {
            drop(line_to_client);
            run(reactor, shared, clients).map_err(|failure| (failure, None))
        }
        Err(failure) => {
            if inetd {
                logs::server(Severity::Error, format_args!("{failure}"));
            }
            Err((failure, line_to_client))
        }
    }
}

fn prepare(
    settings: Settings,
    warnings: &[String],
    client: Option<OwnedFd>,
) -> Result<(Reactor, Rc<Shared>, Clients), Failure> {
    // Modes are given with each call that creates something.
    rustix::process::umask(rustix::fs::Mode::empty());
    let zone = materials::zone();
    let log = logs::start(&log_config(&settings, client.is_some(), zone.clone()))
        .map_err(Failure::loop_)?;
    logs::install_panic_hook();
    for warning in warnings {
        logs::server(Severity::Warning, format_args!("{warning}"));
    }
    let identity = identity(&settings)?;
    let reactor = Reactor::new().map_err(Failure::loop_)?;
    let handle = reactor.handle();
    let clients = match client {
        Some(client) => Clients::One(client),
        None => {
            check_descriptors(&settings);
            Clients::Listeners(listen(&settings, identity.is_other)?)
        }
    };
    let home = anonymous_home(&settings, &identity)?;
    let root = home.as_ref().map(|home| home.root.clone());
    let shared = shared(settings, &handle, &identity, home, &clients, zone)?;
    give_up_rights(&identity, root.as_deref())?;
    if let sandbox::Outcome::Unavailable(why) = sandbox::install() {
        logs::server(
            Severity::Warning,
            format_args!("No system call filter: {why}"),
        );
    }
    log.start_writer().map_err(Failure::loop_)?;
    if shared.settings.files.no_truncate && matches!(clients, Clients::Listeners(_)) {
        for site in shared.site.iter().chain(shared.virtual_sites.values()) {
            // What a server that was killed left behind.
            files::sweep(&site.tree);
        }
    }
    if let Clients::Listeners(listeners) = &clients {
        announce(listeners);
    }
    Ok((reactor, shared, clients))
}

fn log_config(settings: &Settings, inetd: bool, zone: jiff::tz::TimeZone) -> logs::Config {
    let to = match settings.logging.facility {
        LogTo::Syslog(facility) => logs::To::Syslog(facility.code()),
        LogTo::None => logs::To::None,
        // Standard error is the client's connection there.
        LogTo::Stderr if inetd => logs::To::Syslog(Facility::FTP.code()),
        LogTo::Stderr => logs::To::Stderr,
    };
    logs::Config {
        to,
        pid: settings.logging.pid,
        verbose: settings.logging.verbose,
        zone,
    }
}

fn identity(settings: &Settings) -> Result<Identity, Failure> {
    if !privileges::is_root() {
        return Ok(Identity {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            is_other: false,
            home: None,
        });
    }
    let name = &settings.login.anonymous_user;
    let Some(user) = privileges::user_named(name) else {
        return Err(Failure::no_account(name, "there is no such account"));
    };
    if user.uid == 0 || user.gid == 0 {
        return Err(Failure::no_account(name, "it has the rights of root"));
    }
    Ok(Identity {
        uid: user.uid,
        gid: user.gid,
        is_other: true,
        home: Some(user.home),
    })
}

/// The anonymous root; none where nobody may log in. Started without root, the name of the anonymous user serves
/// only to find a home.
fn anonymous_home(settings: &Settings, identity: &Identity) -> Result<Option<Home>, Failure> {
    let login = &settings.login;
    if let Some(root) = &login.anonymous_root {
        return Ok(Some(Home::plain(root.clone())));
    }
    if let Some(home) = &identity.home {
        return Ok(Some(Home::of_user(home)));
    }
    if let Some(root) = std::env::var_os("FTP_ANON_DIR") {
        return Ok(Some(Home::plain(root.into())));
    }
    match privileges::user_named(&login.anonymous_user) {
        Some(user) => Ok(Some(Home::of_user(&user.home))),
        None if login.no_anonymous => Ok(None),
        None => Err(Failure::no_root()),
    }
}

fn shared(
    settings: Settings,
    handle: &Handle,
    identity: &Identity,
    home: Option<Home>,
    clients: &Clients,
    zone: jiff::tz::TimeZone,
) -> Result<Rc<Shared>, Failure> {
    let site = match &home {
        None => None,
        Some(home) => {
            let path = &home.root;
            let label = [path.as_os_str().as_encoded_bytes(), b"/"].concat();
            let site = materials::site(home, label, handle);
            if identity.is_other {
                warn_of_writable_root(path, identity);
            }
            Some(site.map_err(|error| Failure::open("anonymous root", path, &error))?)
        }
    };
    let files = &settings.files;
    let anonymous_upload = match files.anonymous_upload {
        _ if files.read_only => false,
        Permission::Allowed => true,
        Permission::Forbidden => false,
        Permission::Default => identity.is_other,
    };
    let unserved = match files.anonymous_read_own {
        Permission::Allowed => false,
        Permission::Forbidden => true,
        Permission::Default => identity.is_other,
    };
    let listens_on_ipv6 = match clients {
        Clients::Listeners(listeners) => listeners
            .iter()
            .any(|listener| listener.local_addr().is_ok_and(|address| address.is_ipv6())),
        Clients::One(_) => false,
    };
    Ok(Rc::new(Shared {
        handle: handle.clone(),
        zone,
        random: Random::new().map_err(Failure::loop_)?.into(),
        greeting: materials::greeting(&settings)?,
        site,
        virtual_sites: materials::virtual_sites(&settings.login.virtual_hosts, handle),
        aliases: materials::aliases(&settings.login.aliases),
        passive_address: materials::passive_address(&settings)?,
        unserved_owner: unserved.then_some(identity.uid),
        identity: (identity.uid, identity.gid),
        anonymous_upload,
        listens_on_ipv6,
        counts: Counts::default(),
        stopping: Cell::new(Stopping::No),
        command_scratch: command_scratch(),
        blocks: Blocks::default(),
        unique: Cell::new(0),
        settings,
    }))
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

fn give_up_rights(identity: &Identity, root: Option<&std::path::Path>) -> Result<(), Failure> {
    let given_up = match (identity.is_other, root) {
        (true, Some(root)) => privileges::drop_for_good(identity.uid, identity.gid, root),
        (true, None) => {
            privileges::drop_for_good(identity.uid, identity.gid, std::path::Path::new("/"))
        }
        (false, _) => privileges::lock_down_unprivileged(),
    };
    given_up.map_err(|error| Failure::rights(&error))
}

fn check_descriptors(settings: &Settings) {
    let (limit, _) = descriptors::raise_descriptor_limit();
    let wanted = u64::from(settings.limits.max_clients) * PER_SESSION + OWN;
    if limit < wanted {
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

fn listen(settings: &Settings, is_root: bool) -> Result<Vec<TcpListener>, Failure> {
    let queue = i32::try_from(settings.limits.max_clients / 8 + 128)
        .unwrap_or(i32::MAX)
        .min(4096);
    let mut listeners = Vec::new();
    let addresses = addresses(settings, is_root)?;
    let only_one = addresses.len() == 1;
    for address in addresses {
        match Listener::bind(address, queue) {
            Ok(listener) => listeners.push(listener),
            // A kernel without IPv6 is no reason not to serve IPv4.
            Err(error) if address.is_ipv6() && !only_one && is_no_ipv6(&error) => {}
            Err(error) => return Err(Failure::listen(address, &error)),
        }
    }
    Ok(listeners)
}

fn is_no_ipv6(error: &std::io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT)
        || error.kind() == std::io::ErrorKind::AddrNotAvailable
}

/// One address of each family at most, as Pure-FTPd listens.
fn addresses(settings: &Settings, is_root: bool) -> Result<Vec<SocketAddr>, Failure> {
    let network = &settings.network;
    let default_port = if is_root { 21 } else { UNPRIVILEGED_PORT };
    let (host, port) = match &network.listen.port {
        None => (network.listen.host.clone(), default_port),
        Some(PortName::Number(port)) => (network.listen.host.clone(), *port),
        Some(PortName::Service(name)) => {
            let port = service_port(name)
                .ok_or_else(|| Failure::lookup("-S", name, "there is no such service"))?;
            (network.listen.host.clone(), port)
        }
        // A word alone: a service if there is one of that name, else a host.
        Some(PortName::ServiceOrHost(word)) => match service_port(word) {
            Some(port) => (None, port),
            None => (Some(word.clone()), default_port),
        },
    };
    let found: Vec<SocketAddr> = match &host {
        None => vec![([0_u16; 8], port).into(), ([0, 0, 0, 0], port).into()],
        Some(host) => (host.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| Failure::lookup("-S", host, &error.to_string()))?
            .collect(),
    };
    let fits = |address: &&SocketAddr| match network.family {
        Family::Both => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let first = |is_v4: bool| {
        found
            .iter()
            .filter(fits)
            .find(|address| address.is_ipv4() == is_v4)
    };
    let wanted: Vec<SocketAddr> = [first(false), first(true)]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    match (wanted.is_empty(), host) {
        (true, Some(host)) => Err(Failure::lookup(
            "-S",
            &host,
            "it has no address of the wanted family",
        )),
        _ => Ok(wanted),
    }
}

/// The TCP port of a service, of services(5).
fn service_port(name: &str) -> Option<u16> {
    let text = std::fs::read_to_string("/etc/services").ok()?;
    text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
        let known = first == name || words.any(|alias| alias == name);
        known.then_some(port)
    })
}

fn announce(listeners: &[TcpListener]) {
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            logs::server(Severity::Info, format_args!("Listening on {address}"));
        }
    }
}

/// Help, version and flag errors: to the terminal, or where a client listens, to the log and a plain 421.
fn print_and_stop(stop: &Stop, client: Option<OwnedFd>) -> ExitCode {
    if stop.to_stdout && client.is_none() {
        // A reader that has gone away misses nothing it wanted.
        let _ = writeln!(std::io::stdout(), "{}", stop.text);
        return ExitCode::from(stop.status);
    }
    complain(&Failure::usage(stop.status, stop.text.clone()), client)
}

fn complain(failure: &Failure, client: Option<OwnedFd>) -> ExitCode {
    match client {
        None => {
            let _ = writeln!(std::io::stderr(), "{failure}");
        }
        Some(client) => {
            let _ = complain_to_syslog(failure);
            tell_client(client);
        }
    }
    ExitCode::from(failure.status)
}

fn complain_to_syslog(failure: &Failure) -> ExitCode {
    let config = logs::Config {
        to: logs::To::Syslog(Facility::FTP.code()),
        pid: true,
        verbose: 0,
        zone: jiff::tz::TimeZone::UTC,
    };
    // Where logging was started already, the record was made there.
    if let Ok(log) = logs::start(&config)
        && log.start_writer().is_ok()
    {
        logs::server(Severity::Error, format_args!("{failure}"));
    }
    logs::flush(LAST_RECORDS);
    ExitCode::from(failure.status)
}

fn tell_client(client: OwnedFd) {
    let _ = std::net::TcpStream::from(client).write_all(b"421 Service not available\r\n");
}
