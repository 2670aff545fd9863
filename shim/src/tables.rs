//! Tables in /etc that libc reads by itself: mail aliases, file systems (fstab(5)), shells (shells(5)), terminals
//! (ttys), the host's number. Old calls, made rarely, and each may open its file: the whole call is a helper's.

use crate::offload::{bounded, unbounded};
use crate::{export, real};
use core::ffi::{c_char, c_int, c_long, c_void};
use libc::size_t;

export! {
    /// getaliasent(3)
    fn getaliasent() -> *mut c_void {
        unbounded(|| real::getaliasent())
    }

    /// getaliasent(3), reentrant
    fn getaliasent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getaliasent_r(out, buf, len, result))
    }

    /// getaliasent(3), from the beginning
    fn setaliasent() -> () {
        unbounded(|| real::setaliasent())
    }

    /// setmntent(3)
    fn setmntent | __setmntent(path: *const c_char, mode: *const c_char) -> *mut c_void {
        bounded(|| real::setmntent(path, mode))
    }

    /// getfsent(3)
    fn getfsent() -> *mut c_void {
        bounded(|| real::getfsent())
    }

    /// getfsent(3), by device
    fn getfsspec(device: *const c_char) -> *mut c_void {
        bounded(|| real::getfsspec(device))
    }

    /// getfsent(3), by directory
    fn getfsfile(directory: *const c_char) -> *mut c_void {
        bounded(|| real::getfsfile(directory))
    }

    /// getfsent(3), from the beginning
    fn setfsent() -> c_int {
        bounded(|| real::setfsent())
    }

    /// getusershell(3)
    fn getusershell() -> *mut c_char {
        bounded(|| real::getusershell())
    }

    /// getusershell(3), from the beginning
    fn setusershell() -> () {
        bounded(|| real::setusershell())
    }

    /// getttyent(3)
    fn getttyent() -> *mut c_void {
        bounded(|| real::getttyent())
    }

    /// getttyent(3), by name
    fn getttynam(name: *const c_char) -> *mut c_void {
        bounded(|| real::getttynam(name))
    }

    /// getttyent(3), from the beginning
    fn setttyent() -> c_int {
        bounded(|| real::setttyent())
    }

    /// gethostid(3): without /etc/hostid, the host's own address is looked up.
    fn gethostid() -> c_long {
        unbounded(|| real::gethostid())
    }
}
