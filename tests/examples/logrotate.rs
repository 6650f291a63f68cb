//! examples/logrotate, by the real logrotate on a server that is at work.

use std::path::Path;

use crate::machine::{Machine, unpacked};

const CONFIGURATION: &str = "examples/logrotate/wharf-ftpd";
const UNIT: &str = "examples/systemd/wharf-ftpd.service";

/// Three rotations while files are stored, however long they take. Nothing may be lost, and each rotation must have begun a new
/// file.
const ROTATE: &str = "
    install -D -m 644 $FILES/wharf-ftpd /etc/logrotate.d/wharf-ftpd
    storing() {
        stored=0
        until [ -e /run/rotated ] || [ $stored = 1000 ]; do
            stored=$((stored+1))
            curl -sS --user joe:secret -T /etc/hostname ftp://127.0.0.1/f$stored
        done
        echo $stored >/run/stored
    }
    storing & storing=$!
    for round in 1 2 3; do
        await [ -s /var/log/wharf-ftpd/transfers.log ]
        $FILES/logrotate -f -s /var/log/state /etc/logrotate.d/wharf-ftpd
    done
    touch /run/rotated
    wait $storing
    stored=$(cat /run/stored)
    all() { zcat -f /var/log/wharf-ftpd/transfers.log*; }
    complete() { [ $(all | wc -l) -ge $stored ]; }
    await complete
    [ $(all | wc -l) = $stored ]
    for n in $(seq $stored); do [ $(all | grep -c \"/f$n\\\"\") = 1 ]; done
    ls /var/log/wharf-ftpd
    [ $(stat -c %a /var/log/wharf-ftpd/transfers.log) = 600 ]
    # Nobody holds an old file.
    held() { ls -l /proc/[0-9]*/fd | grep 'transfers.log\\.'; }
    fails held";

const FLAGS: &str = "-H -E -A -l unix -O clf:/var/log/wharf-ftpd/transfers.log";

fn machine() -> Option<Machine> {
    let logrotate = unpacked("WHARF_LOGROTATE", "usr/sbin/logrotate")?;
    let machine = Machine::start(&[Path::new(CONFIGURATION), Path::new(UNIT), &logrotate])?;
    machine.run("install -d -m 750 /var/log/wharf-ftpd");
    Some(machine)
}

#[track_caller]
fn assert_rotated(machine: &Machine) {
    let names = machine.run(ROTATE);
    let names: Vec<&str> = names.lines().collect();
    let wanted = [
        "transfers.log",
        "transfers.log.1",
        "transfers.log.2.gz",
        "transfers.log.3.gz",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn a_service_goes_on_in_new_logs_and_no_line_is_lost() {
    let Some(machine) = machine() else {
        return;
    };
    machine.run(&format!(
        "mkdir /etc/systemd/system/wharf-ftpd.service.d
         printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/wharf-ftpd {FLAGS}\\n' \
             >/etc/systemd/system/wharf-ftpd.service.d/log.conf
         systemctl daemon-reload; systemctl start wharf-ftpd"
    ));
    assert_rotated(&machine);
}

#[test]
fn a_server_in_the_background_is_found_by_its_file() {
    let Some(machine) = machine() else {
        return;
    };
    machine.run(&format!(
        "/usr/sbin/wharf-ftpd -B {FLAGS} </dev/null >/dev/null 2>&1"
    ));
    assert_rotated(&machine);
}
