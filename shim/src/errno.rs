//! The program's `errno` (of whichever thread runs).

use crate::signal::mask;
use core::ffi::c_int;
use scheduler::sys::Errno;

/// Read it.
#[inline]
pub fn get() -> c_int {
    // SAFETY: libc answers a valid pointer for every thread.
    unsafe { *libc::__errno_location() }
}

/// Set it.
#[inline]
pub fn set(value: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = value }
}

/// Fail the way system calls do: set `errno`, answer -1.
#[inline]
pub fn fail<T: From<i8>>(error: c_int) -> T {
    if error == libc::EPIPE {
        mask::broken_pipe();
    }
    set(error);
    T::from(-1)
}

/// Turn a raw result into libc's convention.
#[inline]
pub fn answer(result: Result<usize, Errno>) -> isize {
    match result {
        Ok(n) => n as isize,
        Err(Errno(e)) => fail(e),
    }
}
