//! read(2), write(2), readv(2), pread(2) … with their aliases.

use super::Call;
use super::attempt::{self, Buffers};
use crate::errno::answer;
use crate::{export, real};
use core::ffi::{c_int, c_void};
use libc::{iovec, off64_t, size_t, ssize_t};

/// `UIO_MAXIOV`: more pieces are an error, which the kernel answers.
const PIECES_MOST: c_int = 1024;

fn one(buf: *const c_void, len: size_t) -> iovec {
    iovec { iov_base: buf.cast_mut(), iov_len: len }
}

/// The call and its buffers, if it may block at all: an empty one does not.
fn plan(fd: c_int, iov: *const iovec, count: c_int) -> Option<(Call, Buffers)> {
    if !(1..=PIECES_MOST).contains(&count) || iov.is_null() {
        return None;
    }
    let b = Buffers { iov, count: count as usize };
    Some((Call::on(fd)?, b))
}

export! {
    /// read(2)
    @cancellation_point fn read | __read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
        let iov = one(buf, len);
        match plan(fd, &raw const iov, 1) {
            Some((call, b)) if len != 0 => answer(attempt::read(call, b)),
            _ => real::read(fd, buf, len),
        }
    }

    /// write(2)
    @cancellation_point fn write | __write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
        let iov = one(buf, len);
        match plan(fd, &raw const iov, 1) {
            Some((call, b)) if len != 0 => answer(attempt::write(call, b)),
            _ => real::write(fd, buf, len),
        }
    }

    /// readv(2)
    @cancellation_point fn readv(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
        match plan(fd, iov, count) {
            Some((call, b)) if is_readable(iov, count) && b.total() != 0 => answer(attempt::read(call, b)),
            _ => real::readv(fd, iov, count),
        }
    }

    /// writev(2)
    @cancellation_point fn writev(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
        match plan(fd, iov, count) {
            Some((call, b)) if is_readable(iov, count) && b.total() != 0 => answer(attempt::write(call, b)),
            _ => real::writev(fd, iov, count),
        }
    }

    /// pread(2)
    @cancellation_point fn pread64 | pread | __pread64(fd: c_int, buf: *mut c_void, len: size_t, at: off64_t) -> ssize_t {
        let iov = one(buf, len);
        match plan(fd, &raw const iov, 1) {
            Some((call, b)) if len != 0 && at >= 0 => answer(attempt::read_at(call, b, at)),
            _ => real::pread64(fd, buf, len, at),
        }
    }

    /// preadv(2)
    @cancellation_point fn preadv64 | preadv(fd: c_int, iov: *const iovec, count: c_int, at: off64_t) -> ssize_t {
        match plan(fd, iov, count) {
            Some((call, b)) if at >= 0 && is_readable(iov, count) && b.total() != 0 => {
                answer(attempt::read_at(call, b, at))
            }
            _ => real::preadv64(fd, iov, count, at),
        }
    }

    /// pwrite(2)
    @cancellation_point fn pwrite64 | pwrite | __pwrite64(fd: c_int, buf: *const c_void, len: size_t, at: off64_t) -> ssize_t {
        let iov = one(buf, len);
        match plan(fd, &raw const iov, 1) {
            Some((call, b)) if len != 0 && at >= 0 => answer(attempt::write_at(call, b, at)),
            _ => real::pwrite64(fd, buf, len, at),
        }
    }

    /// pwritev(2)
    @cancellation_point fn pwritev64 | pwritev(fd: c_int, iov: *const iovec, count: c_int, at: off64_t) -> ssize_t {
        match plan(fd, iov, count) {
            Some((call, b)) if at >= 0 && is_readable(iov, count) && b.total() != 0 => {
                answer(attempt::write_at(call, b, at))
            }
            _ => real::pwritev64(fd, iov, count, at),
        }
    }

    /// preadv2(2): with flags, the kernel does what they say.
    fn preadv64v2 | preadv2(fd: c_int, iov: *const iovec, count: c_int, at: off64_t, flags: c_int) -> ssize_t {
        match (flags, at) {
            (0, -1) => readv(fd, iov, count),
            (0, _) => preadv64(fd, iov, count, at),
            _ => real::preadv64v2(fd, iov, count, at, flags),
        }
    }

    /// pwritev2(2)
    fn pwritev64v2 | pwritev2(fd: c_int, iov: *const iovec, count: c_int, at: off64_t, flags: c_int) -> ssize_t {
        match (flags, at) {
            (0, -1) => writev(fd, iov, count),
            (0, _) => pwritev64(fd, iov, count, at),
            _ => real::pwritev64v2(fd, iov, count, at, flags),
        }
    }

    /// eventfd_read(3)
    @cancellation_point fn eventfd_read(fd: c_int, value: *mut u64) -> c_int {
        if read(fd, value.cast(), size_of::<u64>()) == size_of::<u64>() as ssize_t { 0 } else { -1 }
    }

    /// eventfd_write(3)
    fn eventfd_write(fd: c_int, value: u64) -> c_int {
        let written = write(fd, (&raw const value).cast(), size_of::<u64>());
        if written == size_of::<u64>() as ssize_t { 0 } else { -1 }
    }

    /// read(2) of programs built with `_FORTIFY_SOURCE`.
    fn __read_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t) -> ssize_t {
        // The real one reports the overflow and ends the program.
        if room < len { real::__read_chk(fd, buf, len, room) } else { read(fd, buf, len) }
    }

    /// pread(2) of programs built with `_FORTIFY_SOURCE`.
    fn __pread64_chk | __pread_chk(fd: c_int, buf: *mut c_void, len: size_t, at: off64_t, room: size_t) -> ssize_t {
        if room < len { real::__pread64_chk(fd, buf, len, at, room) } else { pread64(fd, buf, len, at) }
    }
}

/// The program's array of pieces may be anywhere, even nowhere; the kernel answers `EFAULT` where we
/// would crash. Asking it costs a call, so only suspicious addresses are asked about.
fn is_readable(iov: *const iovec, count: c_int) -> bool {
    const FIRST_PAGES: usize = 1 << 16;
    count > 0 && iov.addr() >= FIRST_PAGES && iov.addr() < 1 << 47
}
