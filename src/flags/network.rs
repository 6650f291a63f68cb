//! The flags under "Network": where to listen, how data connections are made, who may connect.

use crate::units::{Cidr, HostPort, PassiveAddress, PassiveFor, Port, PortRange, address};
use clap::Args;
use std::net::IpAddr;

/// Where to listen, how data connections are made, who may connect.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Network")]
pub struct Network {
    /// Listen on this address and port
    ///
    /// A number or the name of a service is a port on every address of the machine; anything else is
    /// an address or host name with the default port. A comma joins the two, and either side of it
    /// may be empty. The default port is 21, or 2121 when not started by root; port 0 lets the system
    /// choose one. Given more than once, the last one counts; --listen adds more. Under inetd this has no effect.
    #[arg(short = 'S', long = "bind", value_name = "[HOST,]PORT")]
    pub bind: Option<HostPort>,

    /// Listen on this address and port too
    ///
    /// The forms are those of -S. It may be given more than once; without -S the server listens there alone.
    #[arg(long = "listen", value_name = "[HOST,]PORT")]
    pub listen: Vec<HostPort>,

    /// Use IPv4 only
    ///
    /// No IPv6 socket is opened, and the greeting does not invite to IPv6.
    #[arg(short = '4', long = "ipv4only")]
    pub ipv4_only: bool,

    /// Use IPv6 only
    ///
    /// No IPv4 socket is opened.
    #[arg(short = '6', long = "ipv6only")]
    pub ipv6_only: bool,

    /// Take passive data connections on these ports
    ///
    /// Each passive data connection gets a port of this range, chosen at random. Both ends lie within
    /// 1024 to 65535, and a dash may stand for the colon. The default is the whole of that. Every transfer needs a port of its own, so a
    /// range smaller than -c draws a warning at start; it does not lower -c.
    #[arg(short = 'p', long = "passiveportrange", value_name = "FIRST:LAST")]
    pub passive_ports: Option<PortRange>,

    /// Tell passive clients to connect to this address
    ///
    /// For servers behind address translation. It is an IPv4 address, a host name that is looked up at
    /// start and again while clients come, at most every 30 seconds, or 0.0.0.0 for the address the
    /// client's own control connection came to, which is the default. It changes the reply to PASV
    /// alone: EPSV carries no address. Clients of networks named by --passivefor are told what that
    /// says, and clients of private networks who came to a private address of the machine are told
    /// that one.
    #[arg(short = 'P', long = "forcepassiveip", value_name = "ADDRESS")]
    pub passive_address: Option<PassiveAddress>,

    /// Tell passive clients of a network to connect to another address
    ///
    /// Both are IPv4, such as 10.0.0.0/8=10.0.0.1. It may be given more than once; the first network
    /// that holds the client's address counts, before -P.
    #[arg(long = "passivefor", value_name = "CIDR=ADDRESS")]
    pub passive_for: Vec<PassiveFor>,

    /// Refuse passive data connections
    ///
    /// PASV, EPSV and their kin are refused and left out of FEAT. This is for servers behind address
    /// translation that cannot be reached on other ports; clients must then use active mode.
    #[arg(short = 'N', long = "natmode")]
    pub nat_mode: bool,

    /// Refuse active data connections
    ///
    /// PORT and EPRT are refused and left out of FEAT, so that the server never opens a connection.
    #[arg(long = "noactive")]
    pub no_active: bool,

    /// Open active data connections from this port
    ///
    /// By default the system chooses the port. Ports below 1024, among them the traditional 20, are
    /// for a server that was started by root.
    #[arg(long = "activeport", value_name = "PORT")]
    pub active_port: Option<Port>,

    /// Let users transfer to and from other hosts (FXP)
    ///
    /// Users who logged in with a password may name another host as the end of a data connection, and
    /// accept data connections from one. -W does the same for everybody. Of -w and -W the later one
    /// counts.
    #[arg(
        short = 'w',
        long = "allowuserfxp",
        overrides_with = "allow_anonymous_fxp"
    )]
    pub allow_user_fxp: bool,

    /// Let everybody transfer to and from other hosts (FXP)
    ///
    /// Without it a data connection is made to the client's own address only and taken from that
    /// address only. With it anybody can have the server connect to any port from 1024 on of any host
    /// it can reach, so think twice.
    #[arg(
        short = 'W',
        long = "allowanonymousfxp",
        overrides_with = "allow_user_fxp"
    )]
    pub allow_anonymous_fxp: bool,

    /// Bend the protocol for broken clients and firewalls
    ///
    /// EPSV over IPv4 is refused so that the client falls back to PASV, and anonymous is asked for a
    /// password like everybody else.
    #[arg(short = 'b', long = "brokenclientscompatibility")]
    pub broken_clients: bool,

    /// Allow logins other than anonymous on this local address only
    ///
    /// A client that connected to another address of the machine is served as under -e.
    #[arg(short = 'V', long = "trustedip", value_name = "ADDRESS", value_parser = address)]
    pub trusted_ip: Option<IpAddr>,

    /// Do not look up the names of clients
    ///
    /// Without it the log has a line with the name of each client that has one, as soon as a name server has told it, if
    /// the name leads back to the client's address. No client waits for that. All other lines have the address, and
    /// limits and refusals go by address with or without this flag.
    #[arg(short = 'H', long = "dontresolve")]
    pub dont_resolve: bool,

    /// Accept clients of this network only
    ///
    /// It takes a network such as 192.0.2.0/24 or a single address, and may be given more than once.
    /// Clients of no such network are turned away, and so are those that --denyfrom names as well.
    #[arg(long = "allowfrom", value_name = "CIDR")]
    pub allow_from: Vec<Cidr>,

    /// Turn away clients of this network
    ///
    /// It takes a network such as 192.0.2.0/24 or a single address, and may be given more than once.
    /// It goes before --allowfrom.
    #[arg(long = "denyfrom", value_name = "CIDR")]
    pub deny_from: Vec<Cidr>,

    /// Accepted for old command lines, without effect
    ///
    /// Pure-FTPd announces itself under this name on macOS.
    #[arg(short = 'v', long = "bonjour", value_name = "NAME")]
    pub bonjour: Option<String>,
}
