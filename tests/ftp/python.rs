//! Python's ftplib: the client in many scripts; both types, both ways, and ABOR.

use crate::fixture::{SIZES, Served, Way, fill};
use crate::programs::{program, run};

/// Logs in; `ftp`, `passive` and `home` are there for the rest of the script.
const BEGIN: &str = "\
import ftplib, os, sys
host, port, passive, home = sys.argv[1], int(sys.argv[2]), sys.argv[3] == 'passive', sys.argv[4]
ftp = ftplib.FTP(timeout=10, encoding='utf-8')
ftp.connect(host, port)
ftp.login()
ftp.set_pasv(passive)
os.chdir(home)
";

fn python(served: &Served, way: Way, script: &str) -> Option<String> {
    let mut command = program("python3")?;
    let passive = if way.is_active() { "active" } else { "passive" };
    let script = format!("{BEGIN}{script}\nftp.quit()\n");
    command.args(["-", &served.host(), &served.port(), passive]);
    command.arg(served.home());
    Some(run(&mut command, served.home(), &script))
}

#[test]
fn downloads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        let script = "\
for size in (0, 1, 65536):
    with open('got%d' % size, 'wb') as out:
        ftp.retrbinary('RETR pub/%d.bin' % size, out.write)";
        if python(&served, way, script).is_some() {
            for size in SIZES {
                served.same(&format!("got{size}"), &format!("pub/{size}.bin"));
            }
        }
    }
}

#[test]
fn uploads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            served.make_mine(&format!("mine{size}"), size);
        }
        let script = "\
for size in (0, 1, 65536):
    with open('mine%d' % size, 'rb') as file:
        ftp.storbinary('STOR incoming/mine%d' % size, file)";
        if python(&served, way, script).is_some() {
            for size in SIZES {
                served.same(&format!("mine{size}"), &format!("incoming/mine{size}"));
            }
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    let script = "\
with open('got', 'wb') as out:
    ftp.retrbinary('RETR pub/65536.bin', lambda block: out.write(block[:1]) and None, blocksize=1, rest=65535)
    assert out.tell() == 1
with open('got', 'wb') as out:
    ftp.retrbinary('RETR pub/65536.bin', out.write, rest=40000)
    assert out.tell() == 25536";
    python(&served, Way::Passive, script);
}

#[test]
fn reads_and_writes_text() {
    let served = Served::start(Way::Passive, &[]);
    std::fs::write(served.served("pub/text"), "one\ntwo\n").expect("a text");
    std::fs::write(served.mine("mine"), "three\nfour\n").expect("a text");
    let script = "\
lines = []
ftp.retrlines('RETR pub/text', lines.append)
assert lines == ['one', 'two'], lines
with open('mine', 'rb') as file:
    ftp.storlines('STOR incoming/mine', file)";
    if python(&served, Way::Passive, script).is_some() {
        served.same("mine", "incoming/mine");
    }
}

#[test]
fn lists_odd_names_and_fetches_them() {
    let served = Served::start(Way::Passive, &[]);
    let names = Served::plant_odd_names(&served.served("pub"), true);
    let script = "\
os.mkdir('copy')
def fetch(folder, to):
    for name, facts in list(ftp.mlsd(folder)):
        if facts['type'] == 'dir':
            os.mkdir(to + '/' + name)
            fetch(folder + '/' + name, to + '/' + name)
        elif facts['type'] == 'file':
            assert int(facts['size']) == ftp.size(folder + '/' + name)
            with open(to + '/' + name, 'wb') as out:
                ftp.retrbinary('RETR ' + folder + '/' + name, out.write)
fetch('/pub', 'copy')
listed = ftp.nlst('/pub')
assert '/pub/two  blanks.txt' in listed, listed";
    if python(&served, Way::Passive, script).is_some() {
        for name in names {
            served.same(&format!("copy/{name}"), &format!("pub/{name}"));
        }
    }
}

#[test]
fn aborts_a_download_and_goes_on() {
    let served = Served::start(Way::Passive, &[]);
    fill(&served.served("pub/large"), 64 << 20);
    let script = "\
ftp.voidcmd('TYPE I')
data = ftp.transfercmd('RETR pub/large')
assert len(data.recv(1000)) > 0
ftp.putcmd('ABOR')
data.close()
first = ftp.getmultiline()
assert first[:3] in ('426', '226'), first
if first[:3] == '426':
    second = ftp.getmultiline()
    assert second[:3] == '226', second
assert ftp.pwd() == '/'
with open('got', 'wb') as out:
    ftp.retrbinary('RETR pub/65536.bin', out.write)";
    if python(&served, Way::Passive, script).is_some() {
        served.same("got", "pub/65536.bin");
    }
}
