//! What kind of file a descriptor stands for: one `fstat(2)` at its first use.

use scheduler::fd_table::{FdSlot, Kind};

/// File systems that never wait for a disk: procfs, sysfs, tmpfs, ramfs, cgroup2, debugfs, tracefs.
const MEMORY_FILE_SYSTEMS: [i64; 7] =
    [0x9fa0, 0x6265_6572, 0x0102_1994, 0x8584_58f6_u32 as i64, 0x6367_7270, 0x6462_6720, 0x7472_6163];

/// Major number of `/dev/null`, `/dev/zero`, `/dev/urandom` …
const MEMORY_DEVICES: u32 = 1;

/// Look, and remember it in the slot. `Unknown` if the descriptor is not open.
pub fn look(fd: i32, slot: &FdSlot) -> Kind {
    // SAFETY: the kernel fills an object of ours.
    let stat = unsafe {
        let mut stat: libc::stat = core::mem::zeroed();
        if scheduler::sys!(fstat, fd, &raw mut stat).is_err() {
            return Kind::Unknown;
        }
        stat
    };
    let kind = match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => socket_kind(fd),
        libc::S_IFREG | libc::S_IFBLK | libc::S_IFDIR => file_kind(fd),
        libc::S_IFCHR if libc::major(stat.st_rdev) == MEMORY_DEVICES => Kind::Memory,
        libc::S_IFCHR => Kind::Pollable,
        // Pipes, and what has no type: eventfds, timerfds, inotify … The first attempt tells FIFOs
        // opened by path and the few others that do not know RWF_NOWAIT.
        _ => Kind::Nowait,
    };
    slot.set_kind(kind);
    kind
}

fn socket_kind(fd: i32) -> Kind {
    let mut kind = 0i32;
    let mut len = size_of::<i32>() as u32;
    // SAFETY: an object of ours.
    let got = unsafe {
        scheduler::sys!(getsockopt, fd, libc::SOL_SOCKET, libc::SO_TYPE, &raw mut kind, &raw mut len)
    };
    if got.is_ok() && kind == libc::SOCK_STREAM { Kind::Stream } else { Kind::Datagram }
}

fn file_kind(fd: i32) -> Kind {
    // SAFETY: the kernel fills an object of ours.
    unsafe {
        let mut fs: libc::statfs = core::mem::zeroed();
        let got = scheduler::sys!(fstatfs, fd, &raw mut fs);
        if got.is_ok() && MEMORY_FILE_SYSTEMS.contains(&(fs.f_type as i64)) {
            Kind::Memory
        } else {
            Kind::Disk
        }
    }
}
