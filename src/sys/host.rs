//! What the machine says about itself: sysinfo(2), which unlike /proc is there inside a chroot.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

/// The parts of one in the kernel's load figures (`SI_LOAD_SHIFT` in linux/sysinfo.h).
const LOAD_UNIT: f64 = 65536.0;

/// The mean number of processes running or waiting, over the last 1, 5 and 15 minutes, of the whole machine.
pub fn load_average() -> [f64; 3] {
    // The kernel's fixed-point numbers are far below 2^52, so nothing is lost.
    rustix::system::sysinfo()
        .loads
        .map(|load| load as f64 / LOAD_UNIT)
}

/// The addresses of this machine's network interfaces that are up (getifaddrs(3)), in the kernel's order, each once.
///
/// # Errors
/// What getifaddrs(3) gives.
pub fn own_addresses() -> std::io::Result<Vec<IpAddr>> {
    let mut first = std::ptr::null_mut();
    // SAFETY: `first` is a valid place for the list's address.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: `next` is an entry of the list, which lives until freeifaddrs below.
        let entry = unsafe { &*next };
        let is_up = entry.ifa_flags & (libc::IFF_UP as libc::c_uint) != 0;
        if is_up && !entry.ifa_addr.is_null() {
            // SAFETY: the address is as large as its family says; only those of two families are looked at further.
            let address = unsafe { address_at(entry.ifa_addr) };
            if let Some(address) = address.filter(|address| !found.contains(address)) {
                found.push(address);
            }
        }
        next = entry.ifa_next;
    }
    // SAFETY: the list was made by getifaddrs, is freed once, and nothing refers to it any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

/// # Safety
/// `address` points to an address as large as its family says.
unsafe fn address_at(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: every address begins with its family.
    match i32::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: the family says so; the read asks for no alignment.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(IpAddr::from(v4.sin_addr.s_addr.to_ne_bytes()))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(IpAddr::from(v6.sin6_addr.s6_addr))
        }
        _ => None,
    }
}

/// The name of an address; none if it has none, or if the name does not lead back to the address: whoever owns an
/// address may let it have any name. Asks name servers and may take long.
pub fn name_of(address: IpAddr) -> Option<String> {
    let name = claimed_name(address)?;
    let leads_back = addresses_of(&name).any(|found| found == address.to_canonical());
    leads_back.then_some(name)
}

/// An IPv4 address of a name (getaddrinfo(3)). As [`name_of`] may take long.
pub fn ipv4_of(name: &str) -> Option<Ipv4Addr> {
    addresses_of(name).find_map(|address| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

fn addresses_of(name: &str) -> impl Iterator<Item = IpAddr> {
    let found = (name, 0).to_socket_addrs().ok();
    found
        .into_iter()
        .flatten()
        .map(|address| address.ip().to_canonical())
}

/// What the owner of an address calls it (getnameinfo(3) with NI_NAMEREQD).
fn claimed_name(address: IpAddr) -> Option<String> {
    let socket = socket2::SockAddr::from(std::net::SocketAddr::new(address, 0));
    let mut name = [0_u8; 256];
    // SAFETY: the address is live and of the length given; the buffer is writable for its length; no service is asked for.
    let result = unsafe {
        libc::getnameinfo(
            socket.as_ptr().cast(),
            socket.len(),
            name.as_mut_ptr().cast(),
            name.len() as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if result != 0 {
        return None;
    }
    let name = std::ffi::CStr::from_bytes_until_nul(&name).ok()?;
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let text = name.to_str().ok()?;
    text.bytes()
        .all(|byte| good(&byte))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_one_proc_shows() {
        let shown = |text: &str| -> Vec<f64> {
            let numbers = text.split_whitespace().take(3);
            numbers.map(|number| number.parse().unwrap()).collect()
        };
        let file = || std::fs::read_to_string("/proc/loadavg").unwrap();
        // The figures change every five seconds; read around the call until they did not.
        loop {
            let (before, load, after) = (file(), load_average(), file());
            if shown(&before) != shown(&after) {
                continue;
            }
            for (ours, theirs) in load.iter().zip(shown(&before)) {
                assert!((ours - theirs).abs() < 0.011, "{load:?} {before}");
            }
            return;
        }
    }
}
