//! Looking at files: stat(2), access(2), readlink(2), statfs(2) and relatives. The kernel answers from memory
//! what it has there; the rest is a helper's (mod.rs has the table).

use super::place::{Last, Look, Way, look};
use super::systems::System;
use crate::io::Call;
use crate::{export, real, start};
use core::ffi::{c_char, c_int, c_void};
use libc::{off64_t, size_t, ssize_t};
use scheduler::fd_table::Kind;

/// How to look at a file by name.
unsafe fn at(dir: c_int, path: *const c_char, last: Last) -> Way {
    if start::here().is_none() {
        return Way::AtOnce;
    }
    // SAFETY: the program's path.
    match unsafe { look(dir, path, last) } {
        Look::Seen(seen) if seen.system != System::Far => Way::AtOnce,
        Look::Refused => Way::AtOnce,
        _ => Way::helper(),
    }
}

/// How to look at an open file: whatever was opened on a disk is in memory.
fn of(fd: c_int) -> Way {
    match Call::on(fd) {
        Some(call) if call.kind() == Kind::Far => Way::helper(),
        _ => Way::AtOnce,
    }
}

/// How to look relative to a directory: with an empty path the descriptor itself may be meant.
unsafe fn beneath(dir: c_int, path: *const c_char, flags: c_int) -> Way {
    // SAFETY: the program's path; null is for the kernel to refuse (or, of late, to take for empty).
    unsafe {
        if flags & libc::AT_EMPTY_PATH != 0 && (path.is_null() || *path == 0) {
            return of(dir);
        }
        at(dir, path, if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::Itself } else { Last::Followed })
    }
}

export! {
    /// stat(2)
    fn stat | stat64(path: *const c_char, buf: *mut c_void) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::stat(path, buf))
    }

    /// stat(2), of a link itself
    fn lstat | lstat64(path: *const c_char, buf: *mut c_void) -> c_int {
        at(libc::AT_FDCWD, path, Last::Itself).call(|| real::lstat(path, buf))
    }

    /// stat(2) relative to a directory
    fn fstatat | fstatat64(dir: c_int, path: *const c_char, buf: *mut c_void, flags: c_int) -> c_int {
        beneath(dir, path, flags).call(|| real::fstatat(dir, path, buf, flags))
    }

    /// stat(2) of a descriptor
    fn fstat | fstat64(fd: c_int, buf: *mut c_void) -> c_int {
        of(fd).call(|| real::fstat(fd, buf))
    }

    /// What programs built before glibc 2.33 call for stat(2)
    fn __xstat | __xstat64(version: c_int, path: *const c_char, buf: *mut c_void) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::__xstat(version, path, buf))
    }

    /// Likewise for lstat
    fn __lxstat | __lxstat64(version: c_int, path: *const c_char, buf: *mut c_void) -> c_int {
        at(libc::AT_FDCWD, path, Last::Itself).call(|| real::__lxstat(version, path, buf))
    }

    /// Likewise for fstat
    fn __fxstat | __fxstat64(version: c_int, fd: c_int, buf: *mut c_void) -> c_int {
        of(fd).call(|| real::__fxstat(version, fd, buf))
    }

    /// Likewise for fstatat
    fn __fxstatat | __fxstatat64(version: c_int, dir: c_int, path: *const c_char, buf: *mut c_void, flags: c_int) -> c_int {
        beneath(dir, path, flags).call(|| real::__fxstatat(version, dir, path, buf, flags))
    }

    /// statx(2)
    fn statx(dir: c_int, path: *const c_char, flags: c_int, mask: u32, buf: *mut c_void) -> c_int {
        beneath(dir, path, flags).call(|| real::statx(dir, path, flags, mask, buf))
    }

    /// access(2)
    fn access(path: *const c_char, mode: c_int) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::access(path, mode))
    }

    /// access(2) relative to a directory
    fn faccessat(dir: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int {
        beneath(dir, path, flags).call(|| real::faccessat(dir, path, mode, flags))
    }

    /// euidaccess(3)
    fn euidaccess | eaccess(path: *const c_char, mode: c_int) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::euidaccess(path, mode))
    }

    /// readlink(2)
    fn readlink(path: *const c_char, buf: *mut c_char, len: size_t) -> ssize_t {
        at(libc::AT_FDCWD, path, Last::Itself).call(|| real::readlink(path, buf, len))
    }

    /// readlink(2) relative to a directory
    fn readlinkat(dir: c_int, path: *const c_char, buf: *mut c_char, len: size_t) -> ssize_t {
        at(dir, path, Last::Itself).call(|| real::readlinkat(dir, path, buf, len))
    }

    /// readlink(2), fortified
    fn __readlink_chk(path: *const c_char, buf: *mut c_char, len: size_t, room: size_t) -> ssize_t {
        at(libc::AT_FDCWD, path, Last::Itself).call(|| real::__readlink_chk(path, buf, len, room))
    }

    /// readlinkat, fortified
    fn __readlinkat_chk(dir: c_int, path: *const c_char, buf: *mut c_char, len: size_t, room: size_t) -> ssize_t {
        at(dir, path, Last::Itself).call(|| real::__readlinkat_chk(dir, path, buf, len, room))
    }

    /// realpath(3)
    fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::realpath(path, resolved))
    }

    /// realpath(3), fortified
    fn __realpath_chk(path: *const c_char, resolved: *mut c_char, room: size_t) -> *mut c_char {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::__realpath_chk(path, resolved, room))
    }

    /// canonicalize_file_name(3)
    fn canonicalize_file_name(path: *const c_char) -> *mut c_char {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::canonicalize_file_name(path))
    }

    /// statfs(2)
    fn statfs | statfs64 | __statfs(path: *const c_char, buf: *mut c_void) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::statfs(path, buf))
    }

    /// statfs(2) of a descriptor
    fn fstatfs | fstatfs64(fd: c_int, buf: *mut c_void) -> c_int {
        of(fd).call(|| real::fstatfs(fd, buf))
    }

    /// statvfs(3)
    fn statvfs | statvfs64(path: *const c_char, buf: *mut c_void) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::statvfs(path, buf))
    }

    /// statvfs(3) of a descriptor
    fn fstatvfs | fstatvfs64(fd: c_int, buf: *mut c_void) -> c_int {
        of(fd).call(|| real::fstatvfs(fd, buf))
    }

    /// getxattr(2)
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::getxattr(path, name, value, len))
    }

    /// getxattr(2), of a link itself
    fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t {
        at(libc::AT_FDCWD, path, Last::Itself).call(|| real::lgetxattr(path, name, value, len))
    }

    /// getxattr(2) of a descriptor
    fn fgetxattr(fd: c_int, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t {
        of(fd).call(|| real::fgetxattr(fd, name, value, len))
    }

    /// listxattr(2)
    fn listxattr(path: *const c_char, list: *mut c_char, len: size_t) -> ssize_t {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::listxattr(path, list, len))
    }

    /// listxattr(2), of a link itself
    fn llistxattr(path: *const c_char, list: *mut c_char, len: size_t) -> ssize_t {
        at(libc::AT_FDCWD, path, Last::Itself).call(|| real::llistxattr(path, list, len))
    }

    /// listxattr(2) of a descriptor
    fn flistxattr(fd: c_int, list: *mut c_char, len: size_t) -> ssize_t {
        of(fd).call(|| real::flistxattr(fd, list, len))
    }

    /// pathconf(3)
    fn pathconf(path: *const c_char, name: c_int) -> libc::c_long {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::pathconf(path, name))
    }

    /// pathconf(3) of a descriptor
    fn fpathconf(fd: c_int, name: c_int) -> libc::c_long {
        of(fd).call(|| real::fpathconf(fd, name))
    }

    /// chdir(2)
    fn chdir(path: *const c_char) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::chdir(path))
    }

    /// fchdir(2)
    fn fchdir(fd: c_int) -> c_int {
        of(fd).call(|| real::fchdir(fd))
    }

    /// fdopendir(3) looks what the descriptor stands for.
    fn fdopendir(fd: c_int) -> *mut c_void {
        of(fd).call(|| real::fdopendir(fd))
    }

    /// inotify_add_watch(2)
    fn inotify_add_watch(inotify: c_int, path: *const c_char, mask: u32) -> c_int {
        at(libc::AT_FDCWD, path, Last::Followed).call(|| real::inotify_add_watch(inotify, path, mask))
    }

    /// lseek(2), which asks the file system for holes and, on some, for the end
    fn lseek | lseek64(fd: c_int, offset: off64_t, whence: c_int) -> off64_t {
        of(fd).call(|| real::lseek(fd, offset, whence))
    }
}
