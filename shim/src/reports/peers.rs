//! Whom a descriptor connects, for people: `127.0.0.1:8080 from 127.0.0.1:40022`, as getsockname(2) and getpeername(2) say.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use libc::sockaddr_storage;
use scheduler::sys::Sysno;

/// Nothing, or the two ends of an internet socket, in brackets.
pub struct Peers(pub i32);

impl fmt::Display for Peers {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match (address(Sysno::getsockname, self.0), address(Sysno::getpeername, self.0)) {
            (Some(own), Some(peer)) => write!(out, " ({own} from {peer})"),
            (Some(own), None) => write!(out, " ({own})"),
            _ => Ok(()),
        }
    }
}

fn address(which: Sysno, fd: i32) -> Option<SocketAddr> {
    // SAFETY: zero bytes are valid; room for any address.
    let (address, family) = unsafe {
        let mut address: sockaddr_storage = core::mem::zeroed();
        let mut length = size_of::<sockaddr_storage>() as u32;
        let arguments = [fd as usize, (&raw mut address).addr(), (&raw mut length).addr(), 0, 0, 0];
        scheduler::sys::call(which, arguments).ok()?;
        (address, i32::from(address.ss_family))
    };
    // SAFETY: as its family says.
    unsafe {
        match family {
            libc::AF_INET => {
                let address = &*(&raw const address).cast::<libc::sockaddr_in>();
                let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
                Some(SocketAddr::new(ip.into(), u16::from_be(address.sin_port)))
            }
            libc::AF_INET6 => {
                let address = &*(&raw const address).cast::<libc::sockaddr_in6>();
                let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
                Some(SocketAddr::new(ip.into(), u16::from_be(address.sin6_port)))
            }
            _ => None,
        }
    }
}
