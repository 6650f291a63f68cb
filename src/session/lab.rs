//! A session without a server around it, for tests and fuzz targets: what sessions share is built by hand, and a client
//! can be logged in without asking anybody.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Session;
use super::advice::Advice;
use super::ban::Bans;
use super::commands::Allowed;
use super::handshakes::Handshakes;
use super::place::Account;
use super::policy::Rights;
use super::shared::{Blocks, Counts, GreetingText, Shared, Site, Stopping, Terms, command_scratch};
use crate::files::{Quotas, Tree};
use crate::net::Random;
use crate::proto::path::VirtualPath;
use crate::reactor::Handle;
use crate::settings::Settings;
use crate::sys::creds::Identity;

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Somebody who has said nothing yet.
    Nobody,
    /// A stranger, logged in.
    Anonymous,
    /// An account that may do all that flags allow.
    Full,
}

/// What the sessions of a server with these settings share; `root` is the one tree there is, and `user` whose
/// permissions count there.
pub(super) fn shared(
    handle: &Handle,
    settings: Settings,
    root: &Path,
    user: u32,
) -> io::Result<Shared> {
    let tree = Tree::open(root, handle)?;
    Ok(Shared {
        handle: handle.clone(),
        zone: TimeZone::UTC,
        random: RefCell::new(Random::new()?),
        greeting: GreetingText::Default,
        site: Some(Rc::new(Site {
            tree,
            label: b"/srv/".to_vec(),
            start: VirtualPath::root(),
            identity: Arc::new(Identity {
                uid: user,
                gid: user,
                groups: Vec::new(),
            }),
        })),
        virtual_sites: HashMap::new(),
        aliases: Vec::new(),
        passive_address: Cell::new(None),
        passive_address_until: Cell::new(None),
        link: None,
        tls: None,
        announcements: None,
        listens_on_ipv6: false,
        listed: RefCell::default(),
        bans: Bans::new(settings.limits.ban),
        handshakes: Handshakes::default(),
        advice: Advice::default(),
        upload_owner: None,
        counts: Counts::default(),
        board: None,
        quotas: Quotas::default(),
        stopping: Cell::new(Stopping::No),
        command_scratch: command_scratch(),
        blocks: Blocks::default(),
        unique: Cell::new(0),
        base: Rc::new(Terms {
            settings,
            commands: Allowed::default(),
            anonymous_upload: true,
            serves_own: true,
        }),
        own: HashMap::new(),
    })
}

/// The terms that hold for everybody, before a session has them.
pub(super) fn base(shared: &mut Shared) -> &mut Terms {
    Rc::get_mut(&mut shared.base).expect("no session yet")
}

impl Session {
    /// Logs the client in as if it had proved who it is.
    pub(super) fn log_in(&mut self, login: Login) {
        let Some(site) = self.shared.site.clone() else {
            return;
        };
        let terms = Rc::clone(&self.shared.base);
        let settings = &terms.settings;
        let rights = match login {
            Login::Nobody => return,
            Login::Anonymous => Rights::anonymous(
                settings,
                terms.anonymous_upload,
                terms.unserved_owner(site.identity.uid),
            ),
            Login::Full => Rights::account(settings, false),
        };
        let (bandwidth, ratio) = (
            settings.limits.anonymous_bandwidth,
            settings.limits.anonymous_ratio,
        );
        self.enter(Account {
            name: b"member".to_vec(),
            terms: Rc::clone(&terms),
            cwd: site.start.clone(),
            site,
            rights,
            bandwidth,
            ratio,
            restricted: false,
            _counted: None,
            _session: None,
            _opened: None,
        });
    }
}

/// A reply as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// All its lines, ends included.
    pub(super) text: Vec<u8>,
}

/// Puts the lines of the control connection together to replies (RFC 959 section 4.2), and panics at what is none.
#[derive(Default)]
pub(super) struct ReplyReader {
    text: Vec<u8>,
}

impl ReplyReader {
    /// Whether a reply has begun and not ended.
    pub(super) fn is_within_reply(&self) -> bool {
        !self.text.is_empty()
    }

    /// Takes a line, its end included; gives the reply that ends with it.
    pub(super) fn take(&mut self, line: &[u8]) -> Option<Reply> {
        let first = self.text.is_empty();
        self.text.extend_from_slice(line);
        let shown = String::from_utf8_lossy(&self.text).into_owned();
        let line = line.strip_suffix(b"\r\n");
        let line = line.unwrap_or_else(|| panic!("a line without CR LF: {shown:?}"));
        // TABs are set between the columns of a listing.
        let harmless = |byte: &u8| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f);
        assert!(line.iter().all(harmless), "control bytes: {shown:?}");
        let code = self.text.get(..3).unwrap_or_default();
        let last = match (first, line.get(3)) {
            (true, Some(b' ')) => true,
            (true, Some(b'-')) => false,
            (true, _) => panic!("no reply: {shown:?}"),
            (false, after) => line.starts_with(code) && after == Some(&b' '),
        };
        let code = std::str::from_utf8(code).ok();
        let code = code.and_then(|code| code.parse::<u16>().ok());
        let code = code.filter(|code| (100..600).contains(code));
        let code = code.unwrap_or_else(|| panic!("no reply: {shown:?}"));
        last.then(|| Reply {
            code,
            text: std::mem::take(&mut self.text),
        })
    }
}
