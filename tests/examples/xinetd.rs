//! examples/xinetd, by the real xinetd.

use std::path::Path;

use crate::machine::{Machine, unpacked};

/// Starts xinetd with the file, and fetches over both families.
const FETCH: &str = "
    install -m 644 $FILES/$SERVICE /etc/xinetd.test
    $FILES/xinetd -dontfork -f /etc/xinetd.test </dev/null >/var/log/xinetd 2>&1 &
    n=0; until curl -sS ftp://127.0.0.1/ >/dev/null 2>&1; do n=$((n+1)); [ $n -lt 200 ]; sleep .05; done
    [ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]
    [ \"$(curl -sS 'ftp://[::1]/hello.txt')\" = hello ]
    chmod 777 /srv/ftp; ! curl -sS -T /etc/hostname ftp://127.0.0.1/up 2>/dev/null";

/// Five connections at once are served, and the sixth is not.
const FIVE: &str = "
    bash -euc 'for n in 3 4 5 6 7; do
        eval \"exec $n<>/dev/tcp/127.0.0.1/21\"; read -r -t 20 -u $n line; [ \"${line:0:3}\" = 220 ]
    done
    servers=$(pgrep -xc wharf-ftpd)
    ! curl -sS ftp://127.0.0.1/hello.txt 2>/dev/null
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
        "n=0; while pgrep -x wharf-ftpd >/dev/null; do n=$((n+1)); [ $n -lt 400 ]; sleep .05; done
         [ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]",
    );
}
