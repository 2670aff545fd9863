//! Changing files: rename(2), unlink(2), chmod(2), truncate(2), fallocate(2), sync(2) and relatives. A change of
//! what is on a disk waits for the journal at times, so it is a helper's; in memory it is made at once.

use super::place::{Last, Look, Way, look, unless_in_memory};
use super::systems::System;
use crate::{export, real, start};
use core::ffi::{c_char, c_int, c_void};
use libc::{dev_t, gid_t, mode_t, off64_t, size_t, ssize_t, timespec, timeval, uid_t};

/// How to change a file by name.
unsafe fn at(dir: c_int, path: *const c_char) -> Way {
    if start::here().is_none() {
        return Way::AtOnce;
    }
    // SAFETY: the program's path.
    match unsafe { look(dir, path, Last::Itself) } {
        Look::Seen(seen) if seen.system == System::Memory => Way::AtOnce,
        _ => Way::helper(),
    }
}

/// How to change two files; the second need not be there.
unsafe fn at_both(names: [(c_int, *const c_char); 2]) -> Way {
    let [(dir, path), (second_dir, second)] = names;
    // SAFETY: the program's paths.
    unsafe {
        at(dir, path).or(|| match look(second_dir, second, Last::Itself) {
            Look::Seen(seen) if seen.system == System::Memory => Way::AtOnce,
            Look::Refused => Way::AtOnce,
            _ => Way::helper(),
        })
    }
}

/// How to change what may be anywhere.
fn anywhere() -> Way {
    Way::helper()
}

export! {
    /// rename(2)
    fn rename(from: *const c_char, to: *const c_char) -> c_int {
        at_both([(libc::AT_FDCWD, from), (libc::AT_FDCWD, to)]).call(|| real::rename(from, to))
    }

    /// renameat(2)
    fn renameat(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char) -> c_int {
        at_both([(from_dir, from), (to_dir, to)]).call(|| real::renameat(from_dir, from, to_dir, to))
    }

    /// renameat2(2)
    fn renameat2(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char, flags: u32) -> c_int {
        at_both([(from_dir, from), (to_dir, to)]).call(|| real::renameat2(from_dir, from, to_dir, to, flags))
    }

    /// unlink(2)
    fn unlink(path: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::unlink(path))
    }

    /// unlinkat(2)
    fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
        at(dir, path).call(|| real::unlinkat(dir, path, flags))
    }

    /// remove(3)
    fn remove(path: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::remove(path))
    }

    /// rmdir(2)
    fn rmdir(path: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::rmdir(path))
    }

    /// link(2)
    fn link(from: *const c_char, to: *const c_char) -> c_int {
        at_both([(libc::AT_FDCWD, from), (libc::AT_FDCWD, to)]).call(|| real::link(from, to))
    }

    /// linkat(2)
    fn linkat(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char, flags: c_int) -> c_int {
        at_both([(from_dir, from), (to_dir, to)]).call(|| real::linkat(from_dir, from, to_dir, to, flags))
    }

    /// symlink(2)
    fn symlink(target: *const c_char, path: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::symlink(target, path))
    }

    /// symlinkat(2)
    fn symlinkat(target: *const c_char, dir: c_int, path: *const c_char) -> c_int {
        at(dir, path).call(|| real::symlinkat(target, dir, path))
    }

    /// mkdir(2)
    fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::mkdir(path, mode))
    }

    /// mkdirat(2)
    fn mkdirat(dir: c_int, path: *const c_char, mode: mode_t) -> c_int {
        at(dir, path).call(|| real::mkdirat(dir, path, mode))
    }

    /// mkfifo(3)
    fn mkfifo(path: *const c_char, mode: mode_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::mkfifo(path, mode))
    }

    /// mkfifoat(3)
    fn mkfifoat(dir: c_int, path: *const c_char, mode: mode_t) -> c_int {
        at(dir, path).call(|| real::mkfifoat(dir, path, mode))
    }

    /// mknod(2)
    fn mknod(path: *const c_char, mode: mode_t, device: dev_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::mknod(path, mode, device))
    }

    /// mknodat(2)
    fn mknodat(dir: c_int, path: *const c_char, mode: mode_t, device: dev_t) -> c_int {
        at(dir, path).call(|| real::mknodat(dir, path, mode, device))
    }

    /// chmod(2)
    fn chmod(path: *const c_char, mode: mode_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::chmod(path, mode))
    }

    /// fchmod(2)
    fn fchmod(fd: c_int, mode: mode_t) -> c_int {
        unless_in_memory(fd).call(|| real::fchmod(fd, mode))
    }

    /// fchmodat(2)
    fn fchmodat(dir: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int {
        at(dir, path).call(|| real::fchmodat(dir, path, mode, flags))
    }

    /// lchmod(3)
    fn lchmod(path: *const c_char, mode: mode_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::lchmod(path, mode))
    }

    /// chown(2)
    fn chown(path: *const c_char, owner: uid_t, group: gid_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::chown(path, owner, group))
    }

    /// lchown(2)
    fn lchown(path: *const c_char, owner: uid_t, group: gid_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::lchown(path, owner, group))
    }

    /// fchown(2)
    fn fchown(fd: c_int, owner: uid_t, group: gid_t) -> c_int {
        unless_in_memory(fd).call(|| real::fchown(fd, owner, group))
    }

    /// fchownat(2)
    fn fchownat(dir: c_int, path: *const c_char, owner: uid_t, group: gid_t, flags: c_int) -> c_int {
        at(dir, path).call(|| real::fchownat(dir, path, owner, group, flags))
    }

    /// utime(2)
    fn utime(path: *const c_char, times: *const c_void) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::utime(path, times))
    }

    /// utimes(2)
    fn utimes(path: *const c_char, times: *const timeval) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::utimes(path, times))
    }

    /// lutimes(3)
    fn lutimes(path: *const c_char, times: *const timeval) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::lutimes(path, times))
    }

    /// futimes(3)
    fn futimes(fd: c_int, times: *const timeval) -> c_int {
        unless_in_memory(fd).call(|| real::futimes(fd, times))
    }

    /// futimesat(2)
    fn futimesat(dir: c_int, path: *const c_char, times: *const timeval) -> c_int {
        at(dir, path).call(|| real::futimesat(dir, path, times))
    }

    /// utimensat(2)
    fn utimensat(dir: c_int, path: *const c_char, times: *const timespec, flags: c_int) -> c_int {
        at(dir, path).call(|| real::utimensat(dir, path, times, flags))
    }

    /// futimens(3)
    fn futimens(fd: c_int, times: *const timespec) -> c_int {
        unless_in_memory(fd).call(|| real::futimens(fd, times))
    }

    /// setxattr(2)
    fn setxattr(path: *const c_char, name: *const c_char, value: *const c_void, len: size_t, flags: c_int) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::setxattr(path, name, value, len, flags))
    }

    /// setxattr(2), of a link itself
    fn lsetxattr(path: *const c_char, name: *const c_char, value: *const c_void, len: size_t, flags: c_int) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::lsetxattr(path, name, value, len, flags))
    }

    /// setxattr(2) of a descriptor
    fn fsetxattr(fd: c_int, name: *const c_char, value: *const c_void, len: size_t, flags: c_int) -> c_int {
        unless_in_memory(fd).call(|| real::fsetxattr(fd, name, value, len, flags))
    }

    /// removexattr(2)
    fn removexattr(path: *const c_char, name: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::removexattr(path, name))
    }

    /// removexattr(2), of a link itself
    fn lremovexattr(path: *const c_char, name: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::lremovexattr(path, name))
    }

    /// removexattr(2) of a descriptor
    fn fremovexattr(fd: c_int, name: *const c_char) -> c_int {
        unless_in_memory(fd).call(|| real::fremovexattr(fd, name))
    }

    /// truncate(2)
    fn truncate | truncate64(path: *const c_char, len: off64_t) -> c_int {
        at(libc::AT_FDCWD, path).call(|| real::truncate(path, len))
    }

    /// ftruncate(2)
    fn ftruncate | ftruncate64(fd: c_int, len: off64_t) -> c_int {
        unless_in_memory(fd).call(|| real::ftruncate(fd, len))
    }

    /// fallocate(2)
    @cancellation_point fn fallocate | fallocate64(fd: c_int, mode: c_int, from: off64_t, len: off64_t) -> c_int {
        unless_in_memory(fd).call(|| real::fallocate(fd, mode, from, len))
    }

    /// posix_fallocate(3): answers the error itself
    fn posix_fallocate | posix_fallocate64(fd: c_int, from: off64_t, len: off64_t) -> c_int {
        unless_in_memory(fd).call(|| real::posix_fallocate(fd, from, len))
    }

    /// posix_fadvise(2): answers the error itself
    fn posix_fadvise | posix_fadvise64(fd: c_int, from: off64_t, len: off64_t, advice: c_int) -> c_int {
        unless_in_memory(fd).call(|| real::posix_fadvise(fd, from, len, advice))
    }

    /// readahead(2)
    fn readahead(fd: c_int, from: off64_t, len: size_t) -> ssize_t {
        unless_in_memory(fd).call(|| real::readahead(fd, from, len))
    }

    /// copy_file_range(2)
    @cancellation_point fn copy_file_range(from: c_int, from_at: *mut c_void, to: c_int, to_at: *mut c_void, len: size_t, flags: u32) -> ssize_t {
        unless_in_memory(to).or(|| unless_in_memory(from)).call(|| real::copy_file_range(from, from_at, to, to_at, len, flags))
    }

    /// mount(2)
    fn mount(source: *const c_char, target: *const c_char, kind: *const c_char, flags: libc::c_ulong, data: *const c_void) -> c_int {
        anywhere().call(|| real::mount(source, target, kind, flags, data))
    }

    /// umount(2)
    fn umount(target: *const c_char) -> c_int {
        anywhere().call(|| real::umount(target))
    }

    /// umount2(2)
    fn umount2(target: *const c_char, flags: c_int) -> c_int {
        anywhere().call(|| real::umount2(target, flags))
    }

    /// sync(2)
    fn sync() -> () {
        anywhere().call(|| real::sync())
    }

    /// syncfs(2)
    fn syncfs(fd: c_int) -> c_int {
        anywhere().call(|| real::syncfs(fd))
    }

    /// msync(2)
    @cancellation_point fn msync(at: *mut c_void, len: size_t, flags: c_int) -> c_int {
        anywhere().call(|| real::msync(at, len, flags))
    }
}
