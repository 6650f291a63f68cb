//! A session without a server around it, for tests and fuzz targets: what sessions share is built by hand, and a client
//! can be logged in without asking anybody.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::rc::Rc;

use jiff::tz::TimeZone;

use super::Session;
use super::place::Account;
use super::policy::Rights;
use super::shared::{Blocks, Counts, GreetingText, Shared, Site, Stopping, command_scratch};
use crate::files::Tree;
use crate::net::Random;
use crate::proto::path::VirtualPath;
use crate::reactor::Handle;
use crate::settings::Settings;

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

/// What the sessions of a server with these settings share; `root` is the one tree there is.
pub(super) fn shared(handle: &Handle, settings: Settings, root: &Path) -> io::Result<Shared> {
    let tree = Tree::open(root, handle)?;
    Ok(Shared {
        handle: handle.clone(),
        settings,
        zone: TimeZone::UTC,
        random: RefCell::new(Random::new()?),
        greeting: GreetingText::Default,
        site: Some(Rc::new(Site {
            tree,
            label: b"/srv/".to_vec(),
            start: VirtualPath::root(),
        })),
        virtual_sites: HashMap::new(),
        aliases: Vec::new(),
        passive_address: None,
        unserved_owner: None,
        identity: (0, 0),
        anonymous_upload: true,
        listens_on_ipv6: false,
        counts: Counts::default(),
        stopping: Cell::new(Stopping::No),
        command_scratch: command_scratch(),
        blocks: Blocks::default(),
        unique: Cell::new(0),
    })
}

impl Session {
    /// Logs the client in as if it had proved who it is.
    pub(super) fn log_in(&mut self, login: Login) {
        let settings = &self.shared.settings;
        let rights = match login {
            Login::Nobody => return,
            Login::Anonymous => Rights::anonymous(
                settings,
                self.shared.anonymous_upload,
                self.shared.unserved_owner,
            ),
            Login::Full => Rights::full(settings),
        };
        let Some(site) = self.shared.site.clone() else {
            return;
        };
        let (bandwidth, ratio) = (
            settings.limits.anonymous_bandwidth,
            settings.limits.anonymous_ratio,
        );
        self.enter(Account {
            name: b"member".to_vec(),
            cwd: site.start.clone(),
            site,
            rights,
            bandwidth,
            ratio,
            _counted: None,
        });
    }
}
