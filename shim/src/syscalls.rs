//! System calls by number: syscall(2), and those that the safety net catches (trap/). Each number that may
//! block, or that asks who the caller is, has its jacket; the others pass through.
//!
//! A system call is no cancellation point, and its arguments are the kernel's: where glibc's differ (the size of a
//! signal set, the time that `select` leaves), the kernel's are meant.

use crate::errno;
use crate::files::{changes, directory, locks, open, status};
use crate::io::{connection, descriptor, message, poll, read_write, readiness_set, select, transfer};
use crate::pthread::{cancel, futex};
use crate::signal::{send, wait};
use crate::{children, durability, export, ipc, process, real, start, time};
use core::ffi::{c_int, c_long};

/// The arguments of a system call.
pub type Arguments = [usize; 6];

export! {
    /// syscall(2)
    fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
        let arguments = [a, b, c, d, e, f];
        match start::runtime() {
            // A foreign kernel thread wakes green ones, too.
            Some(rt) if number == libc::SYS_futex => {
                futex::futex(rt, a, b as c_int, c as u32, d, e, f as u32)
            }
            Some(_) => jacketed(number, arguments).map_or_else(|| by_libc(number, arguments), |n| n as c_long),
            None => by_libc(number, arguments),
        }
    }
}

unsafe fn by_libc(number: c_long, [a, b, c, d, e, f]: Arguments) -> c_long {
    // SAFETY: the program's own call.
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}

/// The caller's jacket for this number, as -1 and `errno`; `None` if there is none, or the caller is no green thread.
///
/// # Safety
/// As for the system call.
pub unsafe fn jacketed(number: c_long, arguments: Arguments) -> Option<isize> {
    let (rt, _) = start::here()?;
    if number == libc::SYS_futex {
        let [a, b, c, d, e, f] = arguments;
        // SAFETY: the caller's.
        return Some(unsafe { futex::futex(rt, a, b as c_int, c as u32, d, e, f as u32) } as isize);
    }
    // SAFETY: the caller's.
    cancel::refused(|| unsafe { on_descriptors(number, arguments).or_else(|| elsewhere(number, arguments)) })
}

/// A pointer of the program's.
fn at<T>(address: usize) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address)
}

unsafe fn on_descriptors(number: c_long, [a, b, c, d, e, f]: Arguments) -> Option<isize> {
    let fd = a as c_int;
    // SAFETY: the caller's.
    Some(unsafe {
        match number {
            libc::SYS_read => read_write::read(fd, at(b), c),
            libc::SYS_write => read_write::write(fd, at(b), c),
            libc::SYS_readv => read_write::readv(fd, at(b), c as c_int),
            libc::SYS_writev => read_write::writev(fd, at(b), c as c_int),
            libc::SYS_pread64 => read_write::pread64(fd, at(b), c, d as i64),
            libc::SYS_pwrite64 => read_write::pwrite64(fd, at(b), c, d as i64),
            libc::SYS_preadv => read_write::preadv64(fd, at(b), c as c_int, d as i64),
            libc::SYS_pwritev => read_write::pwritev64(fd, at(b), c as c_int, d as i64),
            libc::SYS_preadv2 => read_write::preadv64v2(fd, at(b), c as c_int, d as i64, f as c_int),
            libc::SYS_pwritev2 => read_write::pwritev64v2(fd, at(b), c as c_int, d as i64, f as c_int),
            libc::SYS_accept => connection::accept(fd, at(b), at(c)) as isize,
            libc::SYS_accept4 => connection::accept4(fd, at(b), at(c), d as c_int) as isize,
            libc::SYS_connect => connection::connect(fd, at(b), c as u32) as isize,
            libc::SYS_recvfrom => message::recvfrom(fd, at(b), c, d as c_int, at(e), at(f)),
            libc::SYS_recvmsg => message::recvmsg(fd, at(b), c as c_int),
            libc::SYS_recvmmsg => message::recvmmsg(fd, at(b), c as u32, d as c_int, at(e)) as isize,
            libc::SYS_sendto => message::sendto(fd, at(b), c, d as c_int, at(e), f as u32),
            libc::SYS_sendmsg => message::sendmsg(fd, at(b), c as c_int),
            libc::SYS_sendmmsg => message::sendmmsg(fd, at(b), c as u32, d as c_int) as isize,
            libc::SYS_poll => poll::poll(at(a), b as u64, c as c_int) as isize,
            libc::SYS_select => select::select(fd, at(b), at(c), at(d), at(e)) as isize,
            libc::SYS_epoll_wait => readiness_set::epoll_wait(fd, at(b), c as c_int, d as c_int) as isize,
            libc::SYS_epoll_pwait => {
                readiness_set::epoll_pwait(fd, at(b), c as c_int, d as c_int, at(e)) as isize
            }
            libc::SYS_epoll_pwait2 => {
                readiness_set::epoll_pwait2(fd, at(b), c as c_int, at(d), at(e)) as isize
            }
            libc::SYS_splice => transfer::splice(fd, at(b), c as c_int, at(d), e, f as u32),
            libc::SYS_tee => transfer::tee(fd, b as c_int, c, d as u32),
            libc::SYS_vmsplice => transfer::vmsplice(fd, at(b), c, d as u32),
            libc::SYS_sendfile => transfer::sendfile(fd, b as c_int, at(c), d),
            libc::SYS_close => descriptor::close(fd) as isize,
            libc::SYS_dup => descriptor::dup(fd) as isize,
            libc::SYS_dup2 => descriptor::dup2(fd, b as c_int) as isize,
            libc::SYS_dup3 => descriptor::dup3(fd, b as c_int, c as c_int) as isize,
            libc::SYS_close_range => descriptor::close_range(a as u32, b as u32, c as c_int) as isize,
            libc::SYS_fcntl => descriptor::fcntl(fd, b as c_int, c) as isize,
            libc::SYS_flock => locks::flock(fd, b as c_int) as isize,
            libc::SYS_fsync => durability::fsync(fd) as isize,
            libc::SYS_fdatasync => durability::fdatasync(fd) as isize,
            libc::SYS_sync_file_range => {
                durability::sync_file_range(fd, b as i64, c as i64, d as u32) as isize
            }
            libc::SYS_fstat => status::fstat(fd, at(b)) as isize,
            libc::SYS_getdents64 => directory::getdents64(fd, at(b), c),
            libc::SYS_ftruncate => changes::ftruncate(fd, b as i64) as isize,
            libc::SYS_fallocate => changes::fallocate(fd, b as c_int, c as i64, d as i64) as isize,
            libc::SYS_copy_file_range => changes::copy_file_range(fd, at(b), c as c_int, at(d), e, f as u32),
            libc::SYS_syncfs => changes::syncfs(fd) as isize,
            _ => return None,
        }
    })
}

/// A child's number, as -1 and `errno`.
fn forked(result: scheduler::sys::Result) -> c_int {
    errno::answer(result) as c_int
}

unsafe fn elsewhere(number: c_long, [a, b, c, d, e, _]: Arguments) -> Option<isize> {
    let first = a as c_int;
    // SAFETY: the caller's.
    Some(unsafe {
        match number {
            // (A child on a stack of its own comes back from here on none of ours.)
            libc::SYS_fork => process::copied(|| forked(scheduler::sys!(fork))) as isize,
            libc::SYS_clone if a as c_int & libc::CLONE_VM == 0 && b == 0 => {
                process::copied(|| forked(scheduler::sys!(clone, a, b, c, d, e))) as isize
            }
            libc::SYS_gettid => futex::gettid() as isize,
            libc::SYS_tgkill => send::tgkill(first, b as c_int, c as c_int) as isize,
            libc::SYS_tkill => return send::to_tid(first, b as c_int).map(|n| n as isize),
            libc::SYS_sched_yield => time::sched_yield() as isize,
            libc::SYS_nanosleep => time::nanosleep(at(a), at(b)) as isize,
            libc::SYS_clock_nanosleep => match time::clock_nanosleep(first, b as c_int, at(c), at(d)) {
                0 => 0,
                error => errno::fail(error),
            },
            libc::SYS_pause => wait::pause() as isize,
            libc::SYS_rt_sigsuspend => wait::sigsuspend(at(a)) as isize,
            libc::SYS_rt_sigtimedwait => wait::sigtimedwait(at(a), at(b), at(c)) as isize,
            libc::SYS_wait4 => children::wait4(first, at(b), c as c_int, at(d)) as isize,
            libc::SYS_waitid if e == 0 => children::waitid(a as u32, b as u32, at(c), d as c_int) as isize,
            libc::SYS_open => open::open(at(a), b as c_int, c as u32) as isize,
            libc::SYS_openat => open::openat(first, at(b), c as c_int, d as u32) as isize,
            libc::SYS_creat => open::creat(at(a), b as u32) as isize,
            libc::SYS_stat => status::stat(at(a), at(b)) as isize,
            libc::SYS_lstat => status::lstat(at(a), at(b)) as isize,
            libc::SYS_newfstatat => status::fstatat(first, at(b), at(c), d as c_int) as isize,
            libc::SYS_statx => status::statx(first, at(b), c as c_int, d as u32, at(e)) as isize,
            libc::SYS_access => status::access(at(a), b as c_int) as isize,
            libc::SYS_readlink => status::readlink(at(a), at(b), c),
            libc::SYS_readlinkat => status::readlinkat(first, at(b), at(c), d),
            libc::SYS_statfs => status::statfs(at(a), at(b)) as isize,
            libc::SYS_rename => changes::rename(at(a), at(b)) as isize,
            libc::SYS_unlink => changes::unlink(at(a)) as isize,
            libc::SYS_unlinkat => changes::unlinkat(first, at(b), c as c_int) as isize,
            libc::SYS_mkdir => changes::mkdir(at(a), b as u32) as isize,
            libc::SYS_rmdir => changes::rmdir(at(a)) as isize,
            libc::SYS_truncate => changes::truncate(at(a), b as i64) as isize,
            libc::SYS_msync => changes::msync(at(a), b, c as c_int) as isize,
            libc::SYS_msgsnd => ipc::msgsnd(first, at(b), c, d as c_int) as isize,
            libc::SYS_msgrcv => ipc::msgrcv(first, at(b), c, d as c_long, e as c_int),
            libc::SYS_semop => ipc::semop(first, at(b), c) as isize,
            libc::SYS_semtimedop => ipc::semtimedop(first, at(b), c, at(d)) as isize,
            libc::SYS_mq_timedsend => ipc::mq_timedsend(first, at(b), c, d as u32, at(e)) as isize,
            libc::SYS_mq_timedreceive => ipc::mq_timedreceive(first, at(b), c, at(d), at(e)),
            _ => return None,
        }
    })
}
