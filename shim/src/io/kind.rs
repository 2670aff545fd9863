//! What kind of file a descriptor stands for: one `statx(2)` at its first use, which waits for nothing.

use crate::files::place;
use crate::files::systems::System;
use crate::io::terminal;
use scheduler::fd_table::{FdSlot, Kind};
use scheduler::sys::Errno;

/// Major number of `/dev/null`, `/dev/zero`, `/dev/urandom` …
const MEMORY_DEVICES: u32 = 1;

/// Look, and remember it in the slot. `Unknown` if the descriptor is not open.
pub fn look(fd: i32, slot: &FdSlot) -> Kind {
    let seen = match place::about(fd) {
        Ok(seen) => seen,
        Err(Errno::BADF) => return Kind::Unknown,
        // Whatever it is, `poll` tells.
        Err(_) => return Kind::Pollable,
    };
    let kind = match seen.kind {
        libc::S_IFSOCK => socket_kind(fd, slot),
        libc::S_IFREG | libc::S_IFBLK | libc::S_IFDIR => match seen.system {
            System::Memory => Kind::Memory,
            System::Disk => Kind::Disk,
            System::Far => Kind::Far,
        },
        libc::S_IFCHR if seen.device.0 == MEMORY_DEVICES => Kind::Memory,
        libc::S_IFCHR if terminal::mode(fd).is_some() => Kind::Terminal,
        libc::S_IFCHR => Kind::Pollable,
        // Pipes, and what has no type: eventfds, timerfds, inotify … The first attempt tells FIFOs
        // opened by path and the few others that do not know RWF_NOWAIT.
        _ => Kind::Nowait,
    };
    slot.set_kind(kind);
    kind
}

fn socket_kind(fd: i32, slot: &FdSlot) -> Kind {
    let mut kind = 0i32;
    let mut len = size_of::<i32>() as u32;
    // SAFETY: an object of ours.
    let got = unsafe {
        scheduler::sys!(getsockopt, fd, libc::SOL_SOCKET, libc::SO_TYPE, &raw mut kind, &raw mut len)
    };
    if got.is_err() || kind != libc::SOCK_STREAM {
        return Kind::Datagram;
    }
    if is_plain_tcp(fd) {
        slot.set_tcp();
    }
    Kind::Stream
}

/// It is a TCP socket with nothing on top (TLS in the kernel, multipath): only TCP knows this option, and its name is
/// empty then.
fn is_plain_tcp(fd: i32) -> bool {
    let mut name = [0u8; 16];
    let mut len = size_of_val(&name) as u32;
    // SAFETY: objects of ours.
    let got = unsafe {
        scheduler::sys!(getsockopt, fd, libc::IPPROTO_TCP, libc::TCP_ULP, &raw mut name, &raw mut len)
    };
    got.is_ok() && len == 0
}
