//! examples/firewall: the rules of nftables in force, those for ufw and firewalld as far as they can be read.

use std::process::Command;

use crate::common::skipping::cannot;
use crate::machine::{Machine, unpacked};
use crate::path;

const RULES: &str = "examples/firewall/wharf-ftpd.nft";
const UNIT: &str = "examples/systemd/wharf-ftpd-anonymous.service";

#[test]
fn nftables_opens_the_passive_ports_that_the_server_tells_and_no_others() {
    let Some(machine) = Machine::start(&[RULES, UNIT]) else {
        return;
    };
    if cannot(
        machine.tries("nft --version").is_err(),
        "nftables is not installed",
    ) {
        return;
    }
    // A client on a machine of its own, behind a cable.
    machine.run(
        "ip netns add client
         ip link add here type veth peer name there netns client
         ip addr add 192.0.2.1/24 dev here; ip link set here up
         ip -n client addr add 192.0.2.2/24 dev there; ip -n client link set there up
         systemctl start wharf-ftpd-anonymous
         nft -c -f $FILES/wharf-ftpd.nft
         for again in 1 2; do nft -f $FILES/wharf-ftpd.nft; done",
    );
    let fetch = |options: &str| {
        machine.tries(&format!(
            "ip netns exec client curl -sS --max-time 4 {options} ftp://192.0.2.1/hello.txt"
        ))
    };
    assert_eq!(fetch("").as_deref(), Ok("hello\n"));
    assert_eq!(fetch("--disable-epsv").as_deref(), Ok("hello\n"));
    assert_eq!(fetch("--ftp-port -").as_deref(), Ok("hello\n"));
    // Without the helper the same is kept out, and with the range it is let in again.
    machine.run("nft flush chain inet wharf_ftpd helpers");
    assert!(fetch("").is_err());
    machine.run(
        "sed -i 's/^\\( *\\)#tcp/\\1tcp/' $FILES/wharf-ftpd.nft; nft -f $FILES/wharf-ftpd.nft
         nft flush chain inet wharf_ftpd helpers",
    );
    assert_eq!(fetch("").as_deref(), Ok("hello\n"));
}

/// A router between client and server, which gives out its own address for the client's and reads along to open and rewrite what
/// the client offers.
#[test]
fn clients_behind_a_masquerading_router_are_served_in_all_four_ways() {
    let Some(machine) = Machine::start(&[RULES, UNIT]) else {
        return;
    };
    if cannot(
        machine.tries("nft --version").is_err(),
        "nftables is not installed",
    ) {
        return;
    }
    machine.run(
        "for name in router client; do ip netns add $name; ip -n $name link set lo up; done
         ip link add here type veth peer name out netns router
         ip addr add 192.0.2.1/24 dev here; ip link set here up
         ip -n router addr add 192.0.2.2/24 dev out; ip -n router link set out up
         ip -n router link add in type veth peer name eth netns client
         ip -n router addr add 10.9.8.1/24 dev in; ip -n router link set in up
         ip -n client addr add 10.9.8.2/24 dev eth; ip -n client link set eth up
         ip -n client route add default via 10.9.8.1
         ip netns exec router sysctl -qw net.ipv4.ip_forward=1
         cat >$FILES/router.nft <<'RULES'
         table ip router {
             ct helper ftp { type \"ftp\" protocol tcp; }
             chain helpers {
                 type filter hook prerouting priority filter; policy accept;
                 iifname \"in\" tcp dport 21 ct helper set \"ftp\"
             }
             chain out {
                 type nat hook postrouting priority srcnat; policy accept;
                 oifname \"out\" masquerade
             }
             chain through {
                 type filter hook forward priority filter; policy drop;
                 ct state established,related accept
                 iifname \"in\" accept
             }
         }
RULES
         ip netns exec router nft -f $FILES/router.nft
         systemctl start wharf-ftpd-anonymous
         nft -f $FILES/wharf-ftpd.nft",
    );
    let fetch = |options: &str| {
        machine.tries(&format!(
            "ip netns exec client curl -sS --max-time 4 {options} ftp://192.0.2.1/hello.txt"
        ))
    };
    for way in [
        "--disable-epsv",
        "",
        "--disable-eprt --ftp-port -",
        "--ftp-port -",
    ] {
        assert_eq!(fetch(way).as_deref(), Ok("hello\n"), "{way}");
    }
    // The client offers an address that nobody can reach but through the router's help.
    machine.run("ip netns exec router nft flush chain ip router helpers");
    assert!(fetch("--disable-eprt --ftp-port -").is_err());
    assert_eq!(fetch("").as_deref(), Ok("hello\n"));
}

/// What Python prints; `None` without it.
fn python(script: &str, argument: &str) -> Option<String> {
    let output = Command::new("python3")
        .args(["-c", script, argument])
        .output();
    let Ok(output) = output else {
        cannot(true, "python3 is not installed");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn ufw_itself_takes_the_profile() {
    let Some(library) = unpacked(
        "WHARF_UFW",
        "usr/lib/python3/dist-packages/ufw/applications.py",
    ) else {
        return;
    };
    let script = format!(
        "import sys, tempfile, shutil
sys.path.insert(0, {:?})
import ufw.common, ufw.applications
ufw.common.do_checks = False
import builtins; builtins._ = lambda text: text
folder = tempfile.mkdtemp(); shutil.copy(sys.argv[1], folder + '/wharf-ftpd')
profiles = ufw.applications.get_profiles(folder)
for name, profile in profiles.items():
    assert ufw.applications.verify_profile(name, profile)
    print(name, ufw.applications.get_ports(profile))
shutil.rmtree(folder)",
        library.ancestors().nth(2).expect("a folder")
    );
    let profile = path("examples/firewall/ufw-wharf-ftpd");
    if let Some(said) = python(&script, &profile.display().to_string()) {
        assert_eq!(said, "Wharf FTP ['21,30000:30999/tcp']");
    }
}

#[test]
fn the_service_of_firewalld_is_one_xml_can_be() {
    let script = "import sys, xml.etree.ElementTree as tree
service = tree.parse(sys.argv[1]).getroot()
assert service.tag == 'service' and {part.tag for part in service} == {'short', 'description', 'port'}
print([(port.get('protocol'), port.get('port')) for port in service.findall('port')])";
    let service = path("examples/firewall/firewalld-wharf-ftpd.xml");
    if let Some(said) = python(script, &service.display().to_string()) {
        assert_eq!(said, "[('tcp', '21'), ('tcp', '30000-30999')]");
    }
}
