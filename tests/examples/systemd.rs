//! The units of examples/systemd, run by systemd as they are written.

use std::fs;
use std::process::Command;

use crate::common::skipping::cannot;
use crate::machine::Machine;
use crate::{SERVER, open_directory, path, read};

const UNITS: [&str; 5] = [
    "examples/systemd/wharf-ftpd.service",
    "examples/systemd/wharf-ftpd.socket",
    "examples/systemd/wharf-ftpd-anonymous.service",
    "examples/systemd/wharf-ftpd-each.socket",
    "examples/systemd/wharf-ftpd-each@.service",
];

/// joe's files, by curl.
const JOE: &str = "curl -sS --fail-early --user joe:secret ftp://127.0.0.1/";

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    let units = open_directory();
    for unit in UNITS {
        let name = unit.rsplit('/').next().expect("a name");
        let text = read(unit).replace("/usr/sbin/wharf-ftpd", SERVER);
        fs::write(units.path().join(name), text).expect("a unit");
    }
    let verify = || {
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", "--recursive-errors=no"]);
        for entry in fs::read_dir(units.path()).expect("units") {
            let path = entry.expect("a unit").path();
            verify.arg(path.to_string_lossy().replace("@.", "@one."));
        }
        verify.output()
    };
    let Ok(output) = verify() else {
        cannot(true, "systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    // A word that systemd does not know is told.
    let unit = units.path().join("wharf-ftpd.service");
    let text = read(UNITS[0]).replace("WatchdogSec", "WatchdogSeconds");
    fs::write(unit, text.replace("/usr/sbin/wharf-ftpd", SERVER)).expect("a unit");
    let said = verify().expect("systemd-analyze").stderr;
    assert!(String::from_utf8_lossy(&said).contains("WatchdogSeconds"));
}

#[test]
fn the_units_leave_the_servers_little() {
    for (unit, below) in [(UNITS[0], 4.0), (UNITS[2], 3.0)] {
        let mut security = Command::new("systemd-analyze");
        security
            .args(["security", "--offline=true"])
            .arg(path(unit));
        let Ok(output) = security.output() else {
            cannot(true, "systemd-analyze is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let level = said
            .rsplit_once(": ")
            .and_then(|(_, level)| level.split(' ').next());
        let level: f32 = level.and_then(|level| level.parse().ok()).expect("a level");
        assert!(level < below, "{unit}: {said}");
    }
}

#[test]
fn users_of_the_machine_log_in_under_the_unit_with_a_socket_and_without() {
    let Some(machine) = Machine::start(&UNITS) else {
        return;
    };
    machine.run("systemctl start wharf-ftpd.service");
    machine.run(&format!(
        "echo hello >/tmp/up.$$; {JOE}up.txt -T /tmp/up.$$; rm /tmp/up.$$
         [ \"$(stat -c '%u %g' /home/joe/up.txt)\" = '2001 2001' ]
         [ \"$({JOE}up.txt)\" = hello ]
         [ \"$({JOE}up.txt --ftp-port 127.0.0.1)\" = hello ]
         fails curl -sS --user joe:wrong ftp://127.0.0.1/"
    ));
    // Of a reload the log tells when it is over, and it is no new start.
    let number = "systemctl show --value -p MainPID wharf-ftpd";
    let before = machine.run(number);
    machine.run(
        "systemctl reload wharf-ftpd
         for n in $(seq 100); do grep -q 'Signal 1' /var/log/said && break; sleep .1; done
         grep -q 'Signal 1' /var/log/said",
    );
    assert_eq!(machine.run(number), before);
    let status = machine.run("systemctl show -p StatusText -p WatchdogUSec wharf-ftpd");
    assert!(
        status.contains("sessions") && status.contains("30s"),
        "{status}"
    );
    machine.run("systemctl stop wharf-ftpd.service");
    let result = machine.run("systemctl show -p Result -p ExecMainStatus wharf-ftpd");
    assert!(
        result.contains("Result=success") && result.contains("ExecMainStatus=0"),
        "{result}"
    );
    assert!(machine.tries(JOE).is_err());

    // With the socket whoever comes starts the server, and waits while it is started anew.
    machine.run("systemctl start wharf-ftpd.socket; fails systemctl is-active wharf-ftpd.service");
    machine.run(JOE);
    machine.run(
        "bash -c 'for n in {1..100}; do
             exec 3<>/dev/tcp/127.0.0.1/21 || echo refused; read -r -t 10 -u 3 line || echo silent; exec 3>&-; sleep .01
         done' >/var/log/refused 2>&1 &
         for round in 1 2 3; do sleep .2; systemctl restart wharf-ftpd.service; done; wait
         fails grep . /var/log/refused",
    );
}

#[test]
fn the_unit_gives_the_server_no_capability_that_it_does_not_need() {
    let Some(machine) = Machine::start(&UNITS) else {
        return;
    };
    let without = |capability: &str| {
        machine.run(&format!(
            "mkdir -p /run/systemd/system/wharf-ftpd.service.d
             printf '[Service]\\nCapabilityBoundingSet=~{capability}\\nRestart=no\\n' \
                 >/run/systemd/system/wharf-ftpd.service.d/less.conf
             systemctl daemon-reload"
        ));
        let served = machine.tries(&format!("systemctl start wharf-ftpd.service; {JOE}"));
        machine.run("systemctl stop wharf-ftpd.service; systemctl reset-failed");
        served
    };
    for needed in [
        "CAP_SETUID",
        "CAP_SETGID",
        "CAP_SYS_CHROOT",
        "CAP_NET_BIND_SERVICE",
    ] {
        assert!(without(needed).is_err(), "{needed} is not needed");
    }
    // Debian lets root read the file of passwords as its owner, and a bounding set that stays means nothing under
    // no_new_privs.
    for elsewhere in ["CAP_DAC_READ_SEARCH", "CAP_SETPCAP"] {
        let served = without(elsewhere);
        assert!(served.is_ok(), "{elsewhere}: {served:?}");
    }
    // On other systems nobody has a right to that file, not even its owner.
    machine.run("chmod 0 /etc/shadow");
    assert!(without("CAP_DAC_READ_SEARCH").is_err());
    assert!(without("CAP_SYS_TIME").is_ok());
}

#[test]
fn strangers_are_served_by_a_server_that_never_was_root() {
    let Some(machine) = Machine::start(&UNITS) else {
        return;
    };
    machine.run("systemctl start wharf-ftpd-anonymous.service");
    machine.run(
        "[ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]
         [ \"$(curl -sS --ftp-port 127.0.0.1 ftp://127.0.0.1/hello.txt)\" = hello ]
         chmod 777 /srv/ftp; fails curl -sS -T /etc/hostname ftp://127.0.0.1/up
         pid=$(systemctl show --value -p MainPID wharf-ftpd-anonymous)
         fails grep '^Uid:.*\\<0\\>' /proc/$pid/status
         grep -q '^CapEff:.0000000000000000$' /proc/$pid/status
         grep -q '^Seccomp:.2$' /proc/$pid/status
         systemctl reload wharf-ftpd-anonymous; [ $pid = $(systemctl show --value -p MainPID wharf-ftpd-anonymous) ]
         systemctl stop wharf-ftpd-anonymous",
    );
    // The socket can be its own, and the server then needs no capability at all.
    machine.run(
        "sed -i 's/^#Service=/Service=/' /etc/systemd/system/wharf-ftpd.socket
         sed -i '/Capabilit.*=CAP_NET_BIND_SERVICE/d' /etc/systemd/system/wharf-ftpd-anonymous.service
         systemctl daemon-reload; systemctl start wharf-ftpd.socket
         [ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]
         [ \"$(curl -sS ftp://[::1]/hello.txt)\" = hello ]",
    );
}

#[test]
fn each_client_can_have_a_server_that_ends_with_it() {
    let Some(machine) = Machine::start(&UNITS) else {
        return;
    };
    machine.run(
        "systemctl start wharf-ftpd-each.socket
         [ \"$(curl -sS ftp://127.0.0.1/hello.txt)\" = hello ]
         [ \"$(curl -sS ftp://[::1]/hello.txt)\" = hello ]
         gone() { [ -z \"$(systemctl list-units --plain --no-legend 'wharf-ftpd-each@*')\" ]; }
         await gone",
    );
    // Five at a time from one address; the sixth is sent away.
    machine.run(
        "bash -euc 'for n in 3 4 5 6 7; do
             eval \"exec $n<>/dev/tcp/127.0.0.1/21\"; read -r -t 20 -u $n line; [ \"${line:0:3}\" = 220 ]
         done
         ! curl -sS ftp://127.0.0.1/hello.txt'",
    );
}
