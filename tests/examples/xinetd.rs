//! examples/xinetd, by the real xinetd.

use std::path::Path;

use crate::machine::{Machine, unpacked};

/// Starts xinetd with the file, and fetches over both families.
const FETCH: &str = "
    install -m 644 $FILES/$SERVICE /etc/xinetd.test
    $FILES/xinetd -dontfork -f /etc/xinetd.test </dev/null >/var/log/xinetd 2>&1 &
    await curl -sS ftp://127.0.0.1/ >/dev/null 2>&1
    [ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]
    [ \"$(curl -sS 'ftp://[::1]/hello.txt')\" = hello ]
    chmod 777 /srv/ftp; fails curl -sS -T /etc/hostname ftp://127.0.0.1/up";

/// Five connections at once are served, and the sixth is not.
const FIVE: &str = "
    bash -euc 'for n in 3 4 5 6 7; do
        eval \"exec $n<>/dev/tcp/127.0.0.1/21\"; read -r -t 20 -u $n line; [ \"${line:0:3}\" = 220 ]
    done
    servers=$(pgrep -xc wharf-ftpd)
    if curl -sS ftp://127.0.0.1/hello.txt; then echo a sixth is served >&2; exit 1; fi
    echo $servers'";

fn machine(file: &str) -> Option<Machine> {
    let xinetd = unpacked("WHARF_XINETD", "usr/sbin/xinetd")?;
    Machine::start(&[&Path::new("examples/xinetd").join(file), &xinetd])
}

#[test]
fn a_server_for_each_client() {
    let Some(machine) = machine("wharf-ftpd") else {
        return;
    };
    machine.run(&format!("SERVICE=wharf-ftpd{FETCH}"));
    assert_eq!(machine.run(FIVE).trim(), "5");
}

#[test]
fn one_server_for_all_clients_that_ends_when_nobody_is_left() {
    let Some(machine) = machine("wharf-ftpd-wait") else {
        return;
    };
    machine.run(&format!("SERVICE=wharf-ftpd-wait{FETCH}"));
    assert_eq!(machine.run(FIVE).trim(), "1");
    machine.run(
        "await fails pgrep -x wharf-ftpd >/dev/null 2>&1
         [ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]",
    );
}
