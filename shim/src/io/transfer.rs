//! Moving data from one descriptor to another: splice(2), tee(2), vmsplice(2), sendfile(2).
//!
//! A thread parks until the source has something and the target has room, as far as they can be watched. What
//! moves then may still wait, for a disk or because the room does not suffice, so it moves on a helper, and nothing
//! ends it there: how much has moved must not be forgotten. Between two pipes `SPLICE_F_NONBLOCK` says all.

use super::{Call, wait};
use crate::errno::{self, answer};
use crate::offload;
use crate::pthread::cancel;
use crate::{export, real};
use core::ffi::c_int;
use libc::{iovec, off64_t, size_t, ssize_t};
use scheduler::fd_table::Kind;
use scheduler::helpers::Class;
use scheduler::netpoll::Direction;
use scheduler::sys::{self, Errno};

const NONBLOCK: u32 = libc::SPLICE_F_NONBLOCK;

/// Park until a call that moves data in this direction need not wait for that descriptor to begin.
fn until_ready(call: Call, direction: Direction) -> Result<(), Errno> {
    if !matches!(
        call.kind(),
        Kind::Stream | Kind::Datagram | Kind::Nowait | Kind::Counter | Kind::Pollable | Kind::Terminal
    ) {
        return Ok(());
    }
    let nonblock = call.rt.fds.mode(call.fd, call.slot).nonblock;
    loop {
        let seen = call.carrier.netpoll.seen();
        if nonblock || call.is_ready(direction) {
            return Ok(());
        }
        wait(call, direction, seen, None)?;
    }
}

/// Move by `move_on`, from `from` to `to`, once both are ready.
fn moved(from: Call, to: Call, mut move_on: impl FnMut() -> ssize_t) -> sys::Result {
    loop {
        until_ready(from, Direction::Read)?;
        until_ready(to, Direction::Write)?;
        // The first may have been emptied by others while we waited for the second.
        let nonblock = from.rt.fds.mode(from.fd, from.slot).nonblock;
        if nonblock || from.is_ready(Direction::Read) || from.kind() == Kind::Unknown {
            return offload::raw(from.rt, from.carrier, Class::Unbounded, &mut move_on);
        }
    }
}

/// The same for a call that knows `NONBLOCK`. From an empty source it then answers at once: with `EAGAIN`, or what is
/// wrong with its arguments.
fn spliced(from: Call, to: Call, flags: u32, move_on: impl Fn(u32) -> ssize_t) -> ssize_t {
    if !from.is_ready(Direction::Read) {
        let before = errno::get();
        let tried = move_on(flags | NONBLOCK);
        if tried >= 0 || errno::get() != libc::EAGAIN {
            return tried;
        }
        errno::set(before);
    }
    answer(moved(from, to, || move_on(flags)))
}

export! {
    /// splice(2)
    @cancellation_point fn splice(
        from: c_int, from_at: *mut off64_t, to: c_int, to_at: *mut off64_t, len: size_t, flags: u32,
    ) -> ssize_t {
        match (Call::on(from), Call::on(to)) {
            (Some(source), Some(target)) if flags & NONBLOCK == 0 && len != 0 => {
                spliced(source, target, flags, |flags| real::splice(from, from_at, to, to_at, len, flags))
            }
            _ => real::splice(from, from_at, to, to_at, len, flags),
        }
    }

    /// sendfile(2)
    fn sendfile | sendfile64(to: c_int, from: c_int, at: *mut off64_t, len: size_t) -> ssize_t {
        match (Call::on(from), Call::on(to)) {
            (Some(source), Some(target)) if len != 0 => {
                answer(cancel::refused(|| moved(source, target, || real::sendfile(to, from, at, len))))
            }
            _ => real::sendfile(to, from, at, len),
        }
    }

    /// tee(2)
    @cancellation_point fn tee(from: c_int, to: c_int, len: size_t, flags: u32) -> ssize_t {
        match (Call::on(from), Call::on(to)) {
            (Some(source), Some(target)) if flags & NONBLOCK == 0 && len != 0 => {
                spliced(source, target, flags, |flags| real::tee(from, to, len, flags))
            }
            _ => real::tee(from, to, len, flags),
        }
    }

    /// vmsplice(2): the direction is the descriptor's.
    @cancellation_point fn vmsplice(fd: c_int, iov: *const iovec, count: size_t, flags: u32) -> ssize_t {
        let Some(call) = Call::on(fd).filter(|_| flags & NONBLOCK == 0) else {
            return real::vmsplice(fd, iov, count, flags);
        };
        let reads = scheduler::fd_table::flags(fd) as c_int & libc::O_ACCMODE == libc::O_RDONLY;
        let direction = if reads { Direction::Read } else { Direction::Write };
        if let Err(error) = until_ready(call, direction) {
            return answer(Err(error));
        }
        answer(offload::raw(call.rt, call.carrier, Class::Unbounded, || real::vmsplice(fd, iov, count, flags)))
    }
}
