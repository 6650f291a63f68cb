//! The flags under "Login": who may log in, where a session begins, what it is greeted with.

use crate::units::{group_id, user_id};
use clap::Args;
use std::path::PathBuf;

/// Who may log in, where a session begins, what it is greeted with.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Login")]
pub struct Login {
    /// Serve anonymous sessions only
    ///
    /// User names other than anonymous and ftp are refused before a password is asked for. Of -e and
    /// -E the later one counts.
    #[arg(short = 'e', long = "anonymousonly", overrides_with = "no_anonymous")]
    pub anonymous_only: bool,

    /// Serve no anonymous sessions
    ///
    /// The names anonymous and ftp become ordinary ones. Of -e and -E the later one counts.
    #[arg(short = 'E', long = "noanonymous", overrides_with = "anonymous_only")]
    pub no_anonymous: bool,

    /// Serve this directory to anonymous
    ///
    /// The default is the home directory of the anonymous user; in a home of the form /srv/ftp/./pub
    /// the root ends before the dot and the session starts behind it. A directory for the address the
    /// client connected to, see --virtualhosts, goes before both.
    #[arg(long = "anonymousroot", value_name = "DIR")]
    pub anonymous_root: Option<PathBuf>,

    /// Serve anonymous sessions with the rights of this system user
    ///
    /// The default is ftp. It may not be root. Started without root, the server keeps the user who
    /// started it, and the name serves only to find a home directory when --anonymousroot is not
    /// given.
    #[arg(long = "anonymoususer", value_name = "NAME")]
    pub anonymous_user: Option<String>,

    /// Take the anonymous root from this directory, by server address
    ///
    /// A subdirectory, or a link to one, that is named after the address a client connected to is the
    /// anonymous root for that client. The default is /etc/pure-ftpd/pure-ftpd, as in Debian's
    /// Pure-FTPd; it need not exist.
    #[arg(long = "virtualhosts", value_name = "DIR")]
    pub virtual_hosts: Option<PathBuf>,

    /// Read shortcuts to directories from this file
    ///
    /// It holds pairs of lines, a short name and then the directory it leads to; empty lines and those
    /// that begin with # are skipped between pairs. CWD tries the short names after real ones. The
    /// default is /etc/pure-ftpd/pureftpd-dir-aliases, as in Debian's Pure-FTPd; it need not exist.
    #[arg(long = "aliases", value_name = "FILE")]
    pub aliases: Option<PathBuf>,

    /// Greet clients with this text
    ///
    /// It takes the place of the default greeting. Of --banner, --bannerfile and -F the last one
    /// counts.
    #[arg(
        long = "banner",
        value_name = "TEXT",
        overrides_with_all = ["banner_file", "fortunes_file"]
    )]
    pub banner: Option<String>,

    /// Greet clients with the text of this file
    ///
    /// It takes the place of the default greeting. Of --banner, --bannerfile and -F the last one
    /// counts.
    #[arg(
        long = "bannerfile",
        value_name = "FILE",
        overrides_with_all = ["banner", "fortunes_file"]
    )]
    pub banner_file: Option<PathBuf>,

    /// Greet each client with a random saying from this file
    ///
    /// It is a file for fortune(6): sayings parted by lines of a single percent sign. Of --banner,
    /// --bannerfile and -F the last one counts.
    #[arg(
        short = 'F',
        long = "fortunesfile",
        value_name = "FILE",
        overrides_with_all = ["banner", "banner_file"]
    )]
    pub fortunes_file: Option<PathBuf>,

    /// Check passwords by this method
    ///
    /// unix: the users of this machine, by their passwords in passwd and shadow. pam: the same users,
    /// as the PAM service wharf-ftpd lets them in (where PAM was built in). puredb:FILE: virtual users
    /// of a database made by wharf-pw or pure-pw. extauth:SOCKET: what a program answers behind the
    /// Unix socket of wharf-authd or pure-authd. passwd:FILE: virtual users of a text file in the form
    /// of passwd, such as an AuthUserFile of ProFTPD.
    ///
    /// It may be given more than once. Methods are asked in the order given until one knows the name;
    /// that one decides. Without this flag nobody but anonymous can log in.
    #[arg(short = 'l', long = "login", value_name = "METHOD[:FILE]")]
    pub login: Vec<String>,

    /// Let only the users named in this file log in
    ///
    /// The file holds a name on each line; empty lines and those that begin with # are skipped. Who is
    /// not named is answered like somebody with a wrong password. Either of the names anonymous and
    /// ftp stands for anonymous sessions, which are refused as well when neither is there. Names are
    /// compared letter by letter. The file is read at start and again at SIGHUP.
    #[arg(long = "userlist", value_name = "FILE")]
    pub user_list: Option<PathBuf>,

    /// Do not let the users named in this file log in
    ///
    /// The file is as for --userlist and goes before it. Who is named, in upper or lower case, is
    /// answered like somebody with a wrong password.
    #[arg(long = "denyusers", value_name = "FILE")]
    pub deny_users: Option<PathBuf>,

    /// Keep users in their home directories unless they are of this group
    ///
    /// The group is given by number. Its members may also use names that begin with a dot in spite of
    /// -x and -X, delete files in spite of -K, and owe no uploads under -Q. Of -a and -A the later one
    /// counts. Without either, those are kept whose home holds /./ or who have a quota.
    #[arg(
        short = 'a',
        long = "trustedgid",
        value_name = "GID",
        value_parser = group_id,
        overrides_with = "chroot_everyone"
    )]
    pub trusted_gid: Option<u32>,

    /// Keep all users in their home directories
    ///
    /// Of -a and -A the later one counts. Anonymous is always kept in its root.
    #[arg(short = 'A', long = "chrooteveryone", overrides_with = "trusted_gid")]
    pub chroot_everyone: bool,

    /// Create the home directory of a user who has none
    ///
    /// Directories above it that are missing are made as well, and belong to root. Without this flag
    /// such a user cannot log in.
    #[arg(short = 'j', long = "createhomedir")]
    pub create_home_dir: bool,

    /// Refuse users whose uid is lower
    ///
    /// The default is 1: root logs in only with -u 0. Under a server started by root, the kernel is
    /// told as well that no lower uid is to be taken.
    #[arg(
        short = 'u',
        long = "minuid",
        value_name = "UID",
        value_parser = user_id
    )]
    pub min_uid: Option<u32>,
}
