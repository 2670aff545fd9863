//! The table of real functions, in the order of the manual's sections.

use super::{Destructor, Real, Start};
use crate::files::directory::{Filter, Order};
use core::ffi::{CStr, c_char, c_int, c_void};
use libc::{
    addrinfo, clockid_t, cpu_set_t, dev_t, epoll_event, fd_set, gid_t, hostent, iovec, mmsghdr, mode_t,
    msghdr, nfds_t, off64_t, pid_t, pollfd, pthread_attr_t, pthread_barrier_t, pthread_cond_t, pthread_key_t,
    pthread_mutex_t, pthread_rwlock_t, pthread_spinlock_t, pthread_t, sched_param, sem_t, sigset_t, size_t,
    sockaddr, socklen_t, ssize_t, timespec, timeval, uid_t,
};
use once_cell::race::OnceNonZeroUsize;

macro_rules! real {
    ($( fn $name:ident $(@ $version:literal)? ( $($arg:ident : $ty:ty),* $(,)? ) $(-> $ret:ty)?; )*) => {
        #[allow(non_upper_case_globals)]
        mod entry {
            use super::{CStr, OnceNonZeroUsize, Real};
            $(
                pub(super) static $name: Real = Real {
                    name: concat!(stringify!($name), "\0"),
                    version: {
                        #[allow(unused_mut, unused_assignments)]
                        let mut version: Option<&CStr> = None;
                        $( version = Some($version); )?
                        version
                    },
                    at: OnceNonZeroUsize::new(),
                };
            )*
        }

        pub(super) static ALL: &[&Real] = &[ $( &entry::$name ),* ];

        $(
            #[doc = concat!("The real `", stringify!($name), "`.")]
            ///
            /// # Safety
            /// As for the libc function.
            #[inline]
            #[allow(clippy::too_many_arguments, non_snake_case)]
            pub unsafe fn $name($($arg: $ty),*) $(-> $ret)? {
                let at = entry::$name.address();
                // SAFETY: libc's function of this name has this type.
                unsafe {
                    let f: unsafe extern "C-unwind" fn($($ty),*) $(-> $ret)? = core::mem::transmute(at);
                    crate::trap::trusting(|| f($($arg),*))
                }
            }
        )*
    };
}

real! {
    // libraries
    fn dlopen @ c"GLIBC_2.34" (file: *const c_char, mode: c_int) -> *mut c_void;
    fn dlmopen @ c"GLIBC_2.34" (space: usize, file: *const c_char, mode: c_int) -> *mut c_void;
    fn dlclose(handle: *mut c_void) -> c_int;
    // threads
    fn pthread_create(out: *mut pthread_t, attr: *const pthread_attr_t, start: Start, arg: *mut c_void) -> c_int;
    fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int;
    fn pthread_tryjoin_np(thread: pthread_t, result: *mut *mut c_void) -> c_int;
    fn pthread_timedjoin_np(thread: pthread_t, result: *mut *mut c_void, at: *const timespec) -> c_int;
    fn pthread_clockjoin_np(thread: pthread_t, result: *mut *mut c_void, clock: clockid_t, at: *const timespec) -> c_int;
    fn pthread_cancel(thread: pthread_t) -> c_int;
    fn pthread_testcancel();
    fn pthread_detach(thread: pthread_t) -> c_int;
    fn pthread_exit(result: *mut c_void) -> !;
    fn __libc_start_main @ c"GLIBC_2.34" (main: usize, argc: c_int, argv: *mut *mut c_char, init: usize, fini: usize, rtld_fini: usize, stack_end: *mut c_void) -> c_int;
    fn pthread_kill @ c"GLIBC_2.34" (thread: pthread_t, signal: c_int) -> c_int;
    fn pthread_getschedparam(thread: pthread_t, policy: *mut c_int, param: *mut sched_param) -> c_int;
    fn pthread_setschedparam(thread: pthread_t, policy: c_int, param: *const sched_param) -> c_int;
    fn pthread_setschedprio(thread: pthread_t, priority: c_int) -> c_int;
    fn pthread_getaffinity_np @ c"GLIBC_2.32" (thread: pthread_t, size: size_t, set: *mut cpu_set_t) -> c_int;
    fn pthread_setaffinity_np @ c"GLIBC_2.34" (thread: pthread_t, size: size_t, set: *const cpu_set_t) -> c_int;
    fn pthread_getcpuclockid(thread: pthread_t, clock: *mut clockid_t) -> c_int;
    fn pthread_getattr_np(thread: pthread_t, attr: *mut pthread_attr_t) -> c_int;
    fn pthread_setname_np(thread: pthread_t, name: *const c_char) -> c_int;
    fn pthread_getname_np(thread: pthread_t, name: *mut c_char, len: size_t) -> c_int;
    fn pthread_key_create(key: *mut pthread_key_t, destructor: Destructor) -> c_int;
    fn pthread_key_delete(key: pthread_key_t) -> c_int;
    fn tss_create(key: *mut pthread_key_t, destructor: Destructor) -> c_int;
    fn tss_delete(key: pthread_key_t);
    // locks
    fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int;
    fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int;
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, at: *const timespec) -> c_int;
    fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, at: *const timespec) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int;
    fn pthread_mutex_setprioceiling(mutex: *mut pthread_mutex_t, ceiling: c_int, old: *mut c_int) -> c_int;
    fn pthread_cond_wait @ c"GLIBC_2.3.2" (cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int;
    fn pthread_cond_timedwait @ c"GLIBC_2.3.2" (cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, at: *const timespec) -> c_int;
    fn pthread_cond_clockwait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, clock: clockid_t, at: *const timespec) -> c_int;
    fn pthread_cond_signal @ c"GLIBC_2.3.2" (cond: *mut pthread_cond_t) -> c_int;
    fn pthread_cond_broadcast @ c"GLIBC_2.3.2" (cond: *mut pthread_cond_t) -> c_int;
    fn pthread_cond_destroy @ c"GLIBC_2.3.2" (cond: *mut pthread_cond_t) -> c_int;
    fn pthread_rwlock_rdlock(lock: *mut pthread_rwlock_t) -> c_int;
    fn pthread_rwlock_wrlock(lock: *mut pthread_rwlock_t) -> c_int;
    fn pthread_rwlock_tryrdlock(lock: *mut pthread_rwlock_t) -> c_int;
    fn pthread_rwlock_trywrlock(lock: *mut pthread_rwlock_t) -> c_int;
    fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, at: *const timespec) -> c_int;
    fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, at: *const timespec) -> c_int;
    fn pthread_rwlock_clockrdlock(lock: *mut pthread_rwlock_t, clock: clockid_t, at: *const timespec) -> c_int;
    fn pthread_rwlock_clockwrlock(lock: *mut pthread_rwlock_t, clock: clockid_t, at: *const timespec) -> c_int;
    fn pthread_rwlock_unlock(lock: *mut pthread_rwlock_t) -> c_int;
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int;
    fn pthread_spin_trylock(lock: *mut pthread_spinlock_t) -> c_int;
    fn pthread_spin_lock(lock: *mut pthread_spinlock_t) -> c_int;
    fn sem_wait(sem: *mut sem_t) -> c_int;
    fn sem_timedwait(sem: *mut sem_t, at: *const timespec) -> c_int;
    fn sem_clockwait(sem: *mut sem_t, clock: clockid_t, at: *const timespec) -> c_int;
    fn sem_post(sem: *mut sem_t) -> c_int;
    // bytes
    fn read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t;
    fn write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t;
    fn readv(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t;
    fn writev(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t;
    fn pread64(fd: c_int, buf: *mut c_void, len: size_t, at: off64_t) -> ssize_t;
    fn pwrite64(fd: c_int, buf: *const c_void, len: size_t, at: off64_t) -> ssize_t;
    fn pwritev64(fd: c_int, iov: *const iovec, count: c_int, at: off64_t) -> ssize_t;
    fn preadv64(fd: c_int, iov: *const iovec, count: c_int, at: off64_t) -> ssize_t;
    fn preadv64v2(fd: c_int, iov: *const iovec, count: c_int, at: off64_t, flags: c_int) -> ssize_t;
    fn pwritev64v2(fd: c_int, iov: *const iovec, count: c_int, at: off64_t, flags: c_int) -> ssize_t;
    fn __read_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t) -> ssize_t;
    fn __pread64_chk(fd: c_int, buf: *mut c_void, len: size_t, at: off64_t, room: size_t) -> ssize_t;
    // messages
    fn recvfrom(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t) -> ssize_t;
    fn recvmsg(fd: c_int, msg: *mut msghdr, flags: c_int) -> ssize_t;
    fn recvmmsg(fd: c_int, msgs: *mut mmsghdr, count: u32, flags: c_int, timeout: *mut timespec) -> c_int;
    fn sendto(fd: c_int, buf: *const c_void, len: size_t, flags: c_int, addr: *const sockaddr, addr_len: socklen_t) -> ssize_t;
    fn sendmsg(fd: c_int, msg: *const msghdr, flags: c_int) -> ssize_t;
    fn sendmmsg(fd: c_int, msgs: *mut mmsghdr, count: u32, flags: c_int) -> c_int;
    fn __recv_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int) -> ssize_t;
    fn __recvfrom_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t) -> ssize_t;
    // connections and descriptors
    fn accept(fd: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t) -> c_int;
    fn accept4(fd: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t, flags: c_int) -> c_int;
    fn connect(fd: c_int, addr: *const sockaddr, addr_len: socklen_t) -> c_int;
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int;
    fn setsockopt(fd: c_int, level: c_int, option: c_int, value: *const c_void, len: socklen_t) -> c_int;
    fn pipe(pair: *mut c_int) -> c_int;
    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn closefrom(low: c_int);
    fn close_range(first: u32, last: u32, flags: c_int) -> c_int;
    fn dup(fd: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn dup3(from: c_int, to: c_int, flags: c_int) -> c_int;
    fn fcntl64(fd: c_int, command: c_int, arg: usize) -> c_int;
    fn ioctl(fd: c_int, request: usize, arg: usize) -> c_int;
    // readiness
    fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int;
    fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int;
    fn select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval) -> c_int;
    fn pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec, mask: *const sigset_t) -> c_int;
    fn epoll_wait(epoll: c_int, events: *mut epoll_event, max: c_int, timeout: c_int) -> c_int;
    fn epoll_pwait(epoll: c_int, events: *mut epoll_event, max: c_int, timeout: c_int, mask: *const sigset_t) -> c_int;
    fn epoll_pwait2 @ c"GLIBC_2.35" (epoll: c_int, events: *mut epoll_event, max: c_int, timeout: *const timespec, mask: *const sigset_t) -> c_int;
    fn __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int;
    fn __ppoll_chk(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t) -> c_int;
    // scheduling and time
    fn sched_getscheduler(tid: pid_t) -> c_int;
    fn sched_setscheduler(tid: pid_t, policy: c_int, param: *const sched_param) -> c_int;
    fn sched_getparam(tid: pid_t, param: *mut sched_param) -> c_int;
    fn sched_setparam(tid: pid_t, param: *const sched_param) -> c_int;
    fn sched_getaffinity @ c"GLIBC_2.3.4" (tid: pid_t, size: size_t, set: *mut cpu_set_t) -> c_int;
    fn sched_setaffinity @ c"GLIBC_2.3.4" (tid: pid_t, size: size_t, set: *const cpu_set_t) -> c_int;
    fn clock_gettime @ c"GLIBC_2.17" (clock: clockid_t, time: *mut timespec) -> c_int;
    fn clock_getres @ c"GLIBC_2.17" (clock: clockid_t, time: *mut timespec) -> c_int;
    fn sleep(seconds: u32) -> u32;
    fn usleep(micros: u32) -> c_int;
    fn nanosleep(request: *const timespec, left: *mut timespec) -> c_int;
    fn clock_nanosleep(clock: clockid_t, flags: c_int, request: *const timespec, left: *mut timespec) -> c_int;
    fn sched_yield() -> c_int;
    // opening files
    fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn openat(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn __open_2(path: *const c_char, flags: c_int) -> c_int;
    fn __openat_2(dir: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut c_void;
    fn freopen(path: *const c_char, mode: *const c_char, stream: *mut c_void) -> *mut c_void;
    fn fdopendir(fd: c_int) -> *mut c_void;
    fn fchdir(fd: c_int) -> c_int;
    fn opendir(path: *const c_char) -> *mut c_void;
    fn readdir(dir: *mut c_void) -> *mut c_void;
    fn readdir_r(dir: *mut c_void, entry: *mut c_void, result: *mut *mut c_void) -> c_int;
    fn getdents64(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t;
    fn closedir(dir: *mut c_void) -> c_int;
    fn scandirat(at: c_int, path: *const c_char, list: *mut *mut *mut c_void, filter: Filter, order: Order) -> c_int;
    fn glob @ c"GLIBC_2.27" (pattern: *const c_char, flags: c_int, error: usize, out: *mut c_void) -> c_int;
    fn ftw(path: *const c_char, each: usize, descriptors: c_int) -> c_int;
    fn nftw @ c"GLIBC_2.3.3" (path: *const c_char, each: usize, descriptors: c_int, flags: c_int) -> c_int;
    fn fts_open(paths: *const *mut c_char, options: c_int, order: usize) -> *mut c_void;
    fn fts_read(walk: *mut c_void) -> *mut c_void;
    fn fts_children(walk: *mut c_void, options: c_int) -> *mut c_void;
    fn fts_close(walk: *mut c_void) -> c_int;
    // what files are
    fn stat(path: *const c_char, buf: *mut c_void) -> c_int;
    fn lstat(path: *const c_char, buf: *mut c_void) -> c_int;
    fn fstatat(dir: c_int, path: *const c_char, buf: *mut c_void, flags: c_int) -> c_int;
    fn fstat(fd: c_int, buf: *mut c_void) -> c_int;
    fn __xstat(version: c_int, path: *const c_char, buf: *mut c_void) -> c_int;
    fn __lxstat(version: c_int, path: *const c_char, buf: *mut c_void) -> c_int;
    fn __fxstat(version: c_int, fd: c_int, buf: *mut c_void) -> c_int;
    fn __fxstatat(version: c_int, dir: c_int, path: *const c_char, buf: *mut c_void, flags: c_int) -> c_int;
    fn statx(dir: c_int, path: *const c_char, flags: c_int, mask: u32, buf: *mut c_void) -> c_int;
    fn access(path: *const c_char, mode: c_int) -> c_int;
    fn faccessat(dir: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int;
    fn euidaccess(path: *const c_char, mode: c_int) -> c_int;
    fn readlink(path: *const c_char, buf: *mut c_char, len: size_t) -> ssize_t;
    fn readlinkat(dir: c_int, path: *const c_char, buf: *mut c_char, len: size_t) -> ssize_t;
    fn __readlink_chk(path: *const c_char, buf: *mut c_char, len: size_t, room: size_t) -> ssize_t;
    fn __readlinkat_chk(dir: c_int, path: *const c_char, buf: *mut c_char, len: size_t, room: size_t) -> ssize_t;
    fn realpath @ c"GLIBC_2.3"(path: *const c_char, resolved: *mut c_char) -> *mut c_char;
    fn __realpath_chk(path: *const c_char, resolved: *mut c_char, room: size_t) -> *mut c_char;
    fn canonicalize_file_name(path: *const c_char) -> *mut c_char;
    fn statfs(path: *const c_char, buf: *mut c_void) -> c_int;
    fn fstatfs(fd: c_int, buf: *mut c_void) -> c_int;
    fn statvfs(path: *const c_char, buf: *mut c_void) -> c_int;
    fn fstatvfs(fd: c_int, buf: *mut c_void) -> c_int;
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t;
    fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t;
    fn fgetxattr(fd: c_int, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t;
    fn listxattr(path: *const c_char, list: *mut c_char, len: size_t) -> ssize_t;
    fn llistxattr(path: *const c_char, list: *mut c_char, len: size_t) -> ssize_t;
    fn flistxattr(fd: c_int, list: *mut c_char, len: size_t) -> ssize_t;
    fn pathconf(path: *const c_char, name: c_int) -> libc::c_long;
    fn fpathconf(fd: c_int, name: c_int) -> libc::c_long;
    fn chdir(path: *const c_char) -> c_int;
    fn inotify_add_watch(inotify: c_int, path: *const c_char, mask: u32) -> c_int;
    fn lseek(fd: c_int, offset: off64_t, whence: c_int) -> off64_t;
    // how files change
    fn rename(from: *const c_char, to: *const c_char) -> c_int;
    fn renameat(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char) -> c_int;
    fn renameat2(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char, flags: u32) -> c_int;
    fn unlink(path: *const c_char) -> c_int;
    fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn remove(path: *const c_char) -> c_int;
    fn rmdir(path: *const c_char) -> c_int;
    fn link(from: *const c_char, to: *const c_char) -> c_int;
    fn linkat(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char, flags: c_int) -> c_int;
    fn symlink(target: *const c_char, path: *const c_char) -> c_int;
    fn symlinkat(target: *const c_char, dir: c_int, path: *const c_char) -> c_int;
    fn mkdir(path: *const c_char, mode: mode_t) -> c_int;
    fn mkdirat(dir: c_int, path: *const c_char, mode: mode_t) -> c_int;
    fn mkfifo(path: *const c_char, mode: mode_t) -> c_int;
    fn mkfifoat(dir: c_int, path: *const c_char, mode: mode_t) -> c_int;
    fn mknod(path: *const c_char, mode: mode_t, device: dev_t) -> c_int;
    fn mknodat(dir: c_int, path: *const c_char, mode: mode_t, device: dev_t) -> c_int;
    fn chmod(path: *const c_char, mode: mode_t) -> c_int;
    fn fchmod(fd: c_int, mode: mode_t) -> c_int;
    fn fchmodat(dir: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int;
    fn lchmod(path: *const c_char, mode: mode_t) -> c_int;
    fn chown(path: *const c_char, owner: uid_t, group: gid_t) -> c_int;
    fn lchown(path: *const c_char, owner: uid_t, group: gid_t) -> c_int;
    fn fchown(fd: c_int, owner: uid_t, group: gid_t) -> c_int;
    fn fchownat(dir: c_int, path: *const c_char, owner: uid_t, group: gid_t, flags: c_int) -> c_int;
    fn utime(path: *const c_char, times: *const c_void) -> c_int;
    fn utimes(path: *const c_char, times: *const timeval) -> c_int;
    fn lutimes(path: *const c_char, times: *const timeval) -> c_int;
    fn futimes(fd: c_int, times: *const timeval) -> c_int;
    fn futimesat(dir: c_int, path: *const c_char, times: *const timeval) -> c_int;
    fn utimensat(dir: c_int, path: *const c_char, times: *const timespec, flags: c_int) -> c_int;
    fn futimens(fd: c_int, times: *const timespec) -> c_int;
    fn setxattr(path: *const c_char, name: *const c_char, value: *const c_void, len: size_t, flags: c_int) -> c_int;
    fn lsetxattr(path: *const c_char, name: *const c_char, value: *const c_void, len: size_t, flags: c_int) -> c_int;
    fn fsetxattr(fd: c_int, name: *const c_char, value: *const c_void, len: size_t, flags: c_int) -> c_int;
    fn removexattr(path: *const c_char, name: *const c_char) -> c_int;
    fn lremovexattr(path: *const c_char, name: *const c_char) -> c_int;
    fn fremovexattr(fd: c_int, name: *const c_char) -> c_int;
    fn truncate(path: *const c_char, len: off64_t) -> c_int;
    fn ftruncate(fd: c_int, len: off64_t) -> c_int;
    fn fallocate(fd: c_int, mode: c_int, from: off64_t, len: off64_t) -> c_int;
    fn posix_fallocate(fd: c_int, from: off64_t, len: off64_t) -> c_int;
    fn posix_fadvise(fd: c_int, from: off64_t, len: off64_t, advice: c_int) -> c_int;
    fn readahead(fd: c_int, from: off64_t, len: size_t) -> ssize_t;
    fn copy_file_range(from: c_int, from_at: *mut c_void, to: c_int, to_at: *mut c_void, len: size_t, flags: u32) -> ssize_t;
    fn mount(source: *const c_char, target: *const c_char, kind: *const c_char, flags: libc::c_ulong, data: *const c_void) -> c_int;
    fn umount(target: *const c_char) -> c_int;
    fn umount2(target: *const c_char, flags: c_int) -> c_int;
    fn sync();
    fn syncfs(fd: c_int) -> c_int;
    fn msync(at: *mut c_void, len: size_t, flags: c_int) -> c_int;
    fn mkstemp(template: *mut c_char) -> c_int;
    fn mkostemp(template: *mut c_char, flags: c_int) -> c_int;
    fn mkstemps(template: *mut c_char, suffix: c_int) -> c_int;
    fn mkostemps(template: *mut c_char, suffix: c_int, flags: c_int) -> c_int;
    fn mkdtemp(template: *mut c_char) -> *mut c_char;
    fn tmpfile() -> *mut c_void;
    // locks on files
    fn flock(fd: c_int, operation: c_int) -> c_int;
    fn lockf(fd: c_int, command: c_int, len: off64_t) -> c_int;
    // moving data between descriptors
    fn sendfile(to: c_int, from: c_int, at: *mut off64_t, len: size_t) -> ssize_t;
    fn splice(from: c_int, from_at: *mut off64_t, to: c_int, to_at: *mut off64_t, len: size_t, flags: u32) -> ssize_t;
    fn tee(from: c_int, to: c_int, len: size_t, flags: u32) -> ssize_t;
    fn vmsplice(fd: c_int, iov: *const iovec, count: size_t, flags: u32) -> ssize_t;
    fn eventfd(value: u32, flags: c_int) -> c_int;
    fn tcdrain(fd: c_int) -> c_int;
    fn tcsetattr(fd: c_int, when: c_int, mode: *const libc::termios) -> c_int;
    // IPC
    fn msgsnd(queue: c_int, message: *const c_void, len: size_t, flags: c_int) -> c_int;
    fn msgrcv(queue: c_int, message: *mut c_void, len: size_t, kind: libc::c_long, flags: c_int) -> ssize_t;
    fn semop(set: c_int, operations: *mut c_void, count: size_t) -> c_int;
    fn semtimedop(set: c_int, operations: *mut c_void, count: size_t, timeout: *const timespec) -> c_int;
    fn mq_timedsend(queue: c_int, message: *const c_char, len: size_t, priority: u32, at: *const timespec) -> c_int;
    fn mq_timedreceive(queue: c_int, message: *mut c_char, len: size_t, priority: *mut u32, at: *const timespec) -> ssize_t;
    // durability
    fn fsync(fd: c_int) -> c_int;
    fn fdatasync(fd: c_int) -> c_int;
    fn sync_file_range(fd: c_int, from: off64_t, len: off64_t, flags: u32) -> c_int;
    fn aio_suspend @ c"GLIBC_2.34" (list: *const usize, count: c_int, timeout: *const timespec) -> c_int;
    fn lio_listio @ c"GLIBC_2.34" (mode: c_int, list: *const usize, count: c_int, event: *mut c_void) -> c_int;
    // names
    fn getaddrinfo(node: *const c_char, service: *const c_char, hints: *const addrinfo, out: *mut *mut addrinfo) -> c_int;
    fn getnameinfo(addr: *const sockaddr, addr_len: socklen_t, host: *mut c_char, host_len: socklen_t, service: *mut c_char, service_len: socklen_t, flags: c_int) -> c_int;
    fn gethostbyname(name: *const c_char) -> *mut hostent;
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent;
    fn gethostbyaddr(addr: *const c_void, len: socklen_t, family: c_int) -> *mut hostent;
    fn gethostbyname_r(name: *const c_char, out: *mut hostent, buf: *mut c_char, len: size_t, result: *mut *mut hostent, error: *mut c_int) -> c_int;
    fn gethostbyname2_r(name: *const c_char, family: c_int, out: *mut hostent, buf: *mut c_char, len: size_t, result: *mut *mut hostent, error: *mut c_int) -> c_int;
    fn gethostbyaddr_r(addr: *const c_void, addr_len: socklen_t, family: c_int, out: *mut hostent, buf: *mut c_char, len: size_t, result: *mut *mut hostent, error: *mut c_int) -> c_int;
    fn res_query(name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_search(name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_querydomain(name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_send(query: *const u8, len: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_nquery(state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_nsearch(state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_nquerydomain(state: *mut c_void, name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn res_nsend(state: *mut c_void, query: *const u8, len: c_int, answer: *mut u8, room: c_int) -> c_int;
    fn __res_init() -> c_int;
    fn __res_ninit(state: *mut c_void) -> c_int;
    fn gethostid() -> libc::c_long;
    // tables in /etc
    fn getaliasent() -> *mut c_void;
    fn getaliasent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setaliasent();
    fn setmntent(path: *const c_char, mode: *const c_char) -> *mut c_void;
    fn getfsent() -> *mut c_void;
    fn getfsspec(device: *const c_char) -> *mut c_void;
    fn getfsfile(directory: *const c_char) -> *mut c_void;
    fn setfsent() -> c_int;
    fn getusershell() -> *mut c_char;
    fn setusershell();
    fn getttyent() -> *mut c_void;
    fn getttynam(name: *const c_char) -> *mut c_void;
    fn setttyent() -> c_int;
    // users and groups
    fn setuid(user: uid_t) -> c_int;
    fn setgid(group: gid_t) -> c_int;
    fn seteuid(user: uid_t) -> c_int;
    fn setegid(group: gid_t) -> c_int;
    fn setreuid(user: uid_t, effective: uid_t) -> c_int;
    fn setregid(group: gid_t, effective: gid_t) -> c_int;
    fn setresuid(user: uid_t, effective: uid_t, saved: uid_t) -> c_int;
    fn setresgid(group: gid_t, effective: gid_t, saved: gid_t) -> c_int;
    fn setgroups(count: size_t, groups: *const gid_t) -> c_int;
    // databases
    fn getpwnam(name: *const c_char) -> *mut c_void;
    fn getpwuid(user: uid_t) -> *mut c_void;
    fn getpwnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getpwuid_r(user: uid_t, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getgrnam(name: *const c_char) -> *mut c_void;
    fn getgrgid(group: gid_t) -> *mut c_void;
    fn getgrnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getgrgid_r(group: gid_t, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getpw(user: uid_t, buf: *mut c_char) -> c_int;
    fn getgrouplist(user: *const c_char, group: gid_t, groups: *mut gid_t, count: *mut c_int) -> c_int;
    fn initgroups(user: *const c_char, group: gid_t) -> c_int;
    fn getspnam(name: *const c_char) -> *mut c_void;
    fn getspnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getsgnam(name: *const c_char) -> *mut c_void;
    fn getsgnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getlogin() -> *mut c_char;
    fn getlogin_r(buf: *mut c_char, len: size_t) -> c_int;
    fn getpwent() -> *mut c_void;
    fn getpwent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setpwent();
    fn endpwent();
    fn getgrent() -> *mut c_void;
    fn getgrent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setgrent();
    fn endgrent();
    fn getspent() -> *mut c_void;
    fn getspent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setspent();
    fn endspent();
    fn getsgent() -> *mut c_void;
    fn getsgent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setsgent();
    fn endsgent();
    fn getservbyname(name: *const c_char, protocol: *const c_char) -> *mut c_void;
    fn getservbyport(port: c_int, protocol: *const c_char) -> *mut c_void;
    fn getservbyname_r(name: *const c_char, protocol: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getservbyport_r(port: c_int, protocol: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getprotobyname(name: *const c_char) -> *mut c_void;
    fn getprotobynumber(number: c_int) -> *mut c_void;
    fn getprotobyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getprotobynumber_r(number: c_int, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getrpcbyname(name: *const c_char) -> *mut c_void;
    fn getrpcbynumber(number: c_int) -> *mut c_void;
    fn getrpcbyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getrpcbynumber_r(number: c_int, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn getnetbyname(name: *const c_char) -> *mut c_void;
    fn getnetbyaddr(net: u32, kind: c_int) -> *mut c_void;
    fn getnetbyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int;
    fn getnetbyaddr_r(net: u32, kind: c_int, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int;
    fn getservent() -> *mut c_void;
    fn getservent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setservent(stay: c_int);
    fn endservent();
    fn getprotoent() -> *mut c_void;
    fn getprotoent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setprotoent(stay: c_int);
    fn endprotoent();
    fn getrpcent() -> *mut c_void;
    fn getrpcent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn setrpcent(stay: c_int);
    fn endrpcent();
    fn getnetent() -> *mut c_void;
    fn getnetent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int;
    fn setnetent(stay: c_int);
    fn endnetent();
    fn gethostent() -> *mut c_void;
    fn gethostent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int;
    fn sethostent(stay: c_int);
    fn endhostent();
    fn getaliasbyname(name: *const c_char) -> *mut c_void;
    fn getaliasbyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int;
    fn ether_hostton(name: *const c_char, address: *mut c_void) -> c_int;
    fn ether_ntohost(name: *mut c_char, address: *const c_void) -> c_int;
    fn innetgr(group: *const c_char, host: *const c_char, user: *const c_char, domain: *const c_char) -> c_int;
    fn setnetgrent(group: *const c_char) -> c_int;
    fn getnetgrent(host: *mut *mut c_void, user: *mut *mut c_void, domain: *mut *mut c_void) -> c_int;
    fn getnetgrent_r(host: *mut *mut c_void, user: *mut *mut c_void, domain: *mut *mut c_void, buf: *mut c_char, len: size_t) -> c_int;
    fn endnetgrent();
    fn getifaddrs(list: *mut *mut c_void) -> c_int;
    fn if_nameindex() -> *mut c_void;
    fn getaddrinfo_a(mode: c_int, list: *mut *mut c_void, count: c_int, event: *mut c_void) -> c_int;
    fn gai_suspend(list: *const *const c_void, count: c_int, timeout: *const timespec) -> c_int;
    fn vsyslog(priority: c_int, format: *const c_char, arguments: *mut c_void);
    fn __vsyslog_chk(priority: c_int, flag: c_int, format: *const c_char, arguments: *mut c_void);
    fn openlog(name: *const c_char, options: c_int, facility: c_int);
    fn closelog();
    fn wordexp(words: *const c_char, out: *mut c_void, flags: c_int) -> c_int;
    fn herror(text: *const c_char);
    fn psiginfo(info: *const c_void, text: *const c_char);
    fn backtrace_symbols_fd(addresses: *const *mut c_void, count: c_int, fd: c_int);
    fn malloc_stats();
    fn malloc_info(options: c_int, stream: *mut c_void) -> c_int;
    // processes and signals
    fn syscall(number: libc::c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> libc::c_long;
    fn gettid() -> c_int;
    fn sigaction(signal: c_int, action: *const libc::sigaction, old: *mut libc::sigaction) -> c_int;
    fn signal(signal: c_int, handler: usize) -> usize;
    fn __sysv_signal(signal: c_int, handler: usize) -> usize;
    fn wait4(pid: libc::pid_t, status: *mut c_int, options: c_int, usage: *mut c_void) -> libc::pid_t;
    fn waitid(kind: libc::idtype_t, id: libc::id_t, info: *mut libc::siginfo_t, options: c_int) -> c_int;
    fn pclose(stream: *mut c_void) -> c_int;
    fn pthread_sigmask @ c"GLIBC_2.32" (how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int;
    fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int;
    fn sigpending(set: *mut sigset_t) -> c_int;
    fn pthread_sigqueue(thread: pthread_t, signal: c_int, value: libc::sigval) -> c_int;
    fn raise(signal: c_int) -> c_int;
    fn tgkill(process: pid_t, tid: pid_t, signal: c_int) -> c_int;
    fn sigwait(set: *const sigset_t, signal: *mut c_int) -> c_int;
    fn sigwaitinfo(set: *const sigset_t, info: *mut libc::siginfo_t) -> c_int;
    fn sigtimedwait(set: *const sigset_t, info: *mut libc::siginfo_t, timeout: *const timespec) -> c_int;
    fn pause() -> c_int;
    fn sigsuspend(mask: *const sigset_t) -> c_int;
    fn siginterrupt(signal: c_int, interrupts: c_int) -> c_int;
    fn posix_spawn @ c"GLIBC_2.15" (pid: *mut libc::pid_t, path: *const c_char, actions: usize, attr: usize, argv: usize, envp: usize) -> c_int;
    fn posix_spawnp @ c"GLIBC_2.15" (pid: *mut libc::pid_t, file: *const c_char, actions: usize, attr: usize, argv: usize, envp: usize) -> c_int;
    fn _Fork() -> c_int;
    fn clone(body: usize, stack: usize, flags: c_int, arg: usize, parent_tid: usize, tls: usize, child_tid: usize) -> c_int;
    fn pthread_getattr_default_np(attr: *mut libc::pthread_attr_t) -> c_int;
    fn pthread_setattr_default_np(attr: *const libc::pthread_attr_t) -> c_int;
    fn mlockall(flags: c_int) -> c_int;
    fn munlockall() -> c_int;
    fn timer_create(clock: clockid_t, event: *mut libc::sigevent, timer: *mut *mut c_void) -> c_int;
    fn timer_delete(timer: *mut c_void) -> c_int;
    fn abort() -> !;
    fn _exit(status: c_int) -> !;
    fn sigaltstack(stack: *const libc::stack_t, old: *mut libc::stack_t) -> c_int;
    fn execve(path: *const c_char, argv: usize, envp: usize) -> c_int;
    fn execv(path: *const c_char, argv: usize) -> c_int;
    fn execvp(file: *const c_char, argv: usize) -> c_int;
    fn execvpe(file: *const c_char, argv: usize, envp: usize) -> c_int;
    fn fexecve(fd: c_int, argv: usize, envp: usize) -> c_int;
    fn execveat @ c"GLIBC_2.34" (fd: c_int, path: *const c_char, argv: usize, envp: usize, flags: c_int) -> c_int;
    fn system(command: *const c_char) -> c_int;
    fn popen(command: *const c_char, mode: *const c_char) -> *mut c_void;
}
