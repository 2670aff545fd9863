//! Which system calls may wait for something other than the processor.

use crate::files::systems::System;
use core::ffi::{c_int, c_long};
use scheduler::sys::Errno;

/// May this one? By its number and arguments; and files of which nothing is on a disk never do.
pub fn may_block(number: c_long, arguments: &[usize; 6]) -> bool {
    const WAITS: [i32; 2] = [0, 9];
    match number {
        libc::SYS_futex => WAITS.contains(&(arguments[1] as i32 & 127)),
        libc::SYS_poll => arguments[2] as i32 != 0,
        libc::SYS_fcntl => matches!(arguments[1] as i32, libc::F_SETLKW | libc::F_OFD_SETLKW),
        libc::SYS_wait4 => arguments[2] as i32 & libc::WNOHANG == 0,
        libc::SYS_recvfrom | libc::SYS_sendto => arguments[3] as i32 & libc::MSG_DONTWAIT == 0,
        libc::SYS_recvmsg | libc::SYS_sendmsg => arguments[2] as i32 & libc::MSG_DONTWAIT == 0,
        libc::SYS_futex_waitv | libc::SYS_io_uring_enter | libc::SYS_io_getevents => true,
        libc::SYS_getrandom => !is_random_ready(),
        libc::SYS_close => !is_idle_socket(arguments[0] as c_int) && !is_in_memory(arguments[0] as c_int),
        libc::SYS_read | libc::SYS_write | libc::SYS_fstat | libc::SYS_getdents64 => {
            !is_in_memory(arguments[0] as c_int)
        }
        libc::SYS_newfstatat if arguments[3] as i32 & libc::AT_EMPTY_PATH != 0 => {
            !is_in_memory(arguments[0] as c_int)
        }
        _ if !BLOCKING.contains(&number) => false,
        _ => !names(number).is_some_and(|at| at.iter().all(|at| is_device_or_memory(arguments[*at]))),
    }
}

/// Which arguments of a call are names of files, where there are any.
fn names(number: c_long) -> Option<&'static [usize]> {
    Some(match number {
        libc::SYS_open
        | libc::SYS_creat
        | libc::SYS_stat
        | libc::SYS_lstat
        | libc::SYS_access
        | libc::SYS_readlink
        | libc::SYS_unlink
        | libc::SYS_statfs
        | libc::SYS_mkdir
        | libc::SYS_rmdir => &[0],
        libc::SYS_openat
        | libc::SYS_newfstatat
        | libc::SYS_statx
        | libc::SYS_faccessat
        | libc::SYS_faccessat2
        | libc::SYS_readlinkat
        | libc::SYS_unlinkat => &[1],
        libc::SYS_link | libc::SYS_rename => &[0, 1],
        _ => return None,
    })
}

/// A name below one of the directories that are in memory wherever there is Linux, and whose devices do not wait to be
/// opened.
fn is_device_or_memory(path: usize) -> bool {
    const PLACES: [&[u8]; 6] = [b"/dev/shm/", b"/dev/pts/", b"/dev/ptmx", b"/dev/tty", b"/proc/", b"/sys/"];
    let mut start = [0u8; 9];
    let Ok(length) = peek(path, &mut start) else { return true };
    PLACES.iter().any(|place| start[..length].starts_with(place))
}

/// Copy what is at `from`, as far as there is anything.
fn peek(from: usize, to: &mut [u8]) -> scheduler::sys::Result {
    let [here, there] = [[to.as_mut_ptr().addr(), to.len()], [from, to.len()]];
    // SAFETY: the kernel reads our memory for us, and writes into `to`.
    unsafe {
        let process = scheduler::sys!(getpid)?;
        scheduler::sys!(process_vm_readv, process, here.as_ptr(), 1usize, there.as_ptr(), 1usize, 0usize)
    }
}

fn is_random_ready() -> bool {
    let mut byte = 0u8;
    // SAFETY: an object of ours.
    unsafe { scheduler::sys!(getrandom, &raw mut byte, 1usize, libc::GRND_NONBLOCK) }.is_ok()
}

/// A file, not a pipe or a device, on a file system in memory; or no open descriptor.
fn is_in_memory(fd: c_int) -> bool {
    // SAFETY: the kernel fills objects of ours.
    unsafe {
        let mut file: libc::stat = core::mem::zeroed();
        let mut system: libc::statfs = core::mem::zeroed();
        match scheduler::sys!(fstat, fd, &raw mut file) {
            Err(Errno::BADF) => return true,
            Ok(_) if matches!(file.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR) => {}
            _ => return false,
        }
        scheduler::sys!(fstatfs, fd, &raw mut system).is_ok()
            && System::of_magic(system.f_type as i64) == System::Memory
    }
}

/// A socket whose close waits for nobody (socket(7), `SO_LINGER`).
fn is_idle_socket(fd: c_int) -> bool {
    let mut linger = libc::linger { l_onoff: 0, l_linger: 0 };
    let mut length = size_of::<libc::linger>() as u32;
    // SAFETY: objects of ours.
    let asked = unsafe {
        scheduler::sys!(getsockopt, fd, libc::SOL_SOCKET, libc::SO_LINGER, &raw mut linger, &raw mut length)
    };
    asked.is_ok() && linger.l_onoff == 0
}

const BLOCKING: [c_long; 72] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_creat,
    libc::SYS_close,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_msync,
    libc::SYS_flock,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_pause,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_waitid,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_msgrcv,
    libc::SYS_msgsnd,
    libc::SYS_semop,
    libc::SYS_semtimedop,
];
