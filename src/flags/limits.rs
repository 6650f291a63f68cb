//! The flags under "Limits": how many clients, how fast, how much and how long.

use crate::units::{
    Ban, Bandwidth, Count, Load, Minutes, PerUser, Quota, Ratio, Recursion, Seconds, Size,
};
use clap::Args;

/// How many clients, how fast, how much and how long.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Serve at most this many clients at once
    ///
    /// Others are turned away with 421. The default is 50. Sessions of one process are counted, so
    /// under inetd the limit is inetd's to set; likewise for -C and -y.
    #[arg(short = 'c', long = "maxclientsnumber", value_name = "N")]
    pub max_clients: Option<Count>,

    /// Serve at most this many clients from one address at once
    ///
    /// Others are turned away with 421. There is no limit by default.
    #[arg(short = 'C', long = "maxclientsperip", value_name = "N")]
    pub max_clients_per_ip: Option<Count>,

    /// Allow at most so many sessions of one user and of anonymous at once
    ///
    /// 0 is no limit, so -y 0:5 allows five anonymous sessions and leaves users alone. There is no
    /// limit by default.
    #[arg(short = 'y', long = "peruserlimits", value_name = "USER:ANONYMOUS")]
    pub per_user: Option<PerUser>,

    /// Limit the bandwidth of each anonymous session
    ///
    /// In KiB a second: one number for both directions, or uploads and downloads parted by a colon,
    /// one of which may be left out. Of -t and -T the later one counts. There is no limit by default.
    #[arg(short = 't', long = "anonymousbandwidth", value_name = "UP:DOWN")]
    pub anonymous_bandwidth: Option<Bandwidth>,

    /// Limit the bandwidth of every session, anonymous or not
    ///
    /// The value is as for -t. Of -t and -T the later one counts.
    #[arg(short = 'T', long = "userbandwidth", value_name = "UP:DOWN")]
    pub user_bandwidth: Option<Bandwidth>,

    /// Make anonymous upload in return for downloads
    ///
    /// With -q 1:10 a client that uploaded one megabyte may download ten. There is no ratio by
    /// default.
    #[arg(short = 'q', long = "anonymousratio", value_name = "UP:DOWN")]
    pub anonymous_ratio: Option<Ratio>,

    /// Make everybody upload in return for downloads
    ///
    /// The value is as for -q. Accounts that have a ratio of their own keep it.
    #[arg(short = 'Q', long = "userratio", value_name = "UP:DOWN")]
    pub user_ratio: Option<Ratio>,

    /// Refuse downloads by anonymous while the machine is this busy
    ///
    /// The load average of the last five minutes is compared when the client connects. Uploads are
    /// not refused. There is no limit by default.
    #[arg(short = 'm', long = "maxload", value_name = "LOAD")]
    pub max_load: Option<Load>,

    /// End a session after so many idle minutes
    ///
    /// The default, which 0 stands for as well, is 15. A session with a transfer under way is not
    /// idle. Of -I and --idletimeout the later one counts.
    #[arg(short = 'I', long = "maxidletime", value_name = "MINUTES")]
    pub max_idle_time: Option<Minutes>,

    /// End a session after so many idle seconds
    ///
    /// As -I, to the second.
    #[arg(long = "idletimeout", value_name = "SECONDS")]
    pub idle_timeout: Option<Seconds>,

    /// End a session that has not logged in after so many seconds
    ///
    /// The time runs from the connection on and no command extends it. The default is 60.
    #[arg(long = "logintimeout", value_name = "SECONDS")]
    pub login_timeout: Option<Seconds>,

    /// End a session after so many failed logins
    ///
    /// The default is 3. Each failure is answered some three seconds later than the one before, so
    /// within the time of --logintimeout there is seldom room for more than five.
    #[arg(long = "maxloginfailures", value_name = "N")]
    pub max_login_failures: Option<Count>,

    /// Refuse an address for a time after so many failed logins
    ///
    /// With --ban 5/600/3600 an address from which five logins failed within 600 seconds is refused
    /// for an hour: new connections get 421, and on those there are no password is right any more. Of
    /// an IPv6 address its network of 64 bits counts. Sessions that are logged in go on. The log says
    /// once that a ban begins. Each server counts for itself, so under inetd this has no effect.
    #[arg(long = "ban", value_name = "N/SECONDS/SECONDS")]
    pub ban: Option<Ban>,

    /// Wait so many seconds for a data connection
    ///
    /// The transfer is then refused with 425. The default is 30.
    #[arg(long = "accepttimeout", value_name = "SECONDS")]
    pub accept_timeout: Option<Seconds>,

    /// End a transfer that made no progress for so many seconds
    ///
    /// The default is 60.
    #[arg(long = "datatimeout", value_name = "SECONDS")]
    pub data_timeout: Option<Seconds>,

    /// Refuse uploads that would make a file larger than this
    ///
    /// In bytes, or with K, M or G behind the number. What an append or a resumed upload finds there
    /// counts as well. There is no limit by default.
    #[arg(long = "maxuploadsize", value_name = "SIZE")]
    pub max_upload_size: Option<Size>,

    /// Let one session upload at most so much
    ///
    /// In bytes, or with K, M or G behind the number. There is no limit by default.
    #[arg(long = "maxsessionbytes", value_name = "SIZE")]
    pub max_session_bytes: Option<Size>,

    /// Let one session upload at most so many files
    ///
    /// There is no limit by default.
    #[arg(long = "maxsessionfiles", value_name = "N")]
    pub max_session_files: Option<Count>,

    /// Stop listings after so many names and levels
    ///
    /// FILES is the number of names in one listing, DEPTH the number of levels a recursive listing
    /// goes down. The last reply says when a listing was cut. -1 is no limit. The default is 10000:5.
    #[arg(
        short = 'L',
        long = "limitrecursion",
        value_name = "FILES:DEPTH",
        allow_hyphen_values = true
    )]
    pub limit_recursion: Option<Recursion>,

    /// Give each user room for so many files and megabytes
    ///
    /// A megabyte is 1024 times 1024 bytes, and directories count as files. Limits of a user's own
    /// come first. Anonymous sessions and users of the group of -a have no quota. What is used is
    /// kept in the file .ftpquota in each home; see wharf-quotacheck(8).
    #[arg(short = 'n', long = "quota", value_name = "FILES:MEGABYTES")]
    pub quota: Option<Quota>,
}
