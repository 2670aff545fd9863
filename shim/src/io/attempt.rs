//! How a transfer is tried without blocking, by kind of file, and what follows when it would block.
//!
//! | kind | read | write |
//! |---|---|---|
//! | stream socket | `MSG_DONTWAIT` | `MSG_DONTWAIT`, until all is sent |
//! | other socket | `MSG_DONTWAIT` | `MSG_DONTWAIT`, one message |
//! | pipe, timerfd … | `RWF_NOWAIT` | `RWF_NOWAIT`, until all is written |
//! | eventfd | `RWF_NOWAIT` | after `poll` (a sum that nearly overflows waits all the same) |
//! | file on a disk | `RWF_NOWAIT` if cached, else a helper | at once, or a helper where writes were slow |
//! | file far away | likewise | a helper |
//! | file in memory | at once | at once |
//! | FIFO by path, device | after `poll` | after `poll`, on a helper |
//! | terminal | by its mode (terminal.rs) | likewise |
//!
//! A kind is a hint: a call that answers `ENOTSOCK` or `EOPNOTSUPP` corrects it and is tried again.

use super::{Call, receive, repeat, terminal};
use crate::offload::{self, Ends};
use crate::real;
use libc::{c_int, iovec, msghdr};
use scheduler::counters::counts;
use scheduler::fd_table::Kind;
use scheduler::helpers::Class;
use scheduler::netpoll::Direction;
use scheduler::sys::{self, Errno};

const RWF_NOWAIT: c_int = 8;
/// `preadv2`'s offset for "the current position".
const HERE: usize = usize::MAX;

const ENOTSOCK: Errno = Errno(libc::ENOTSOCK);
const EOPNOTSUPP: Errno = Errno(libc::EOPNOTSUPP);

/// The program's buffers.
#[derive(Clone, Copy)]
pub struct Buffers {
    /// First.
    pub iov: *const iovec,
    /// How many.
    pub count: usize,
}

/// A write that takes longer has waited for a disk.
const SLOW_NANOS: u64 = 300_000;

/// How many pieces of what is left one further call takes.
const PIECES: usize = 16;

impl Buffers {
    fn slice(&self) -> &[iovec] {
        // SAFETY: the program's array, valid for the call as libc demands.
        unsafe { core::slice::from_raw_parts(self.iov, self.count) }
    }

    /// Bytes altogether.
    pub fn total(&self) -> usize {
        self.slice().iter().fold(0usize, |sum, b| sum.saturating_add(b.iov_len))
    }

    /// The next pieces after the first `skip` bytes; the program's array stays as it is.
    pub fn after(&self, mut skip: usize) -> ([iovec; PIECES], usize) {
        let mut pieces = [iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }; PIECES];
        let mut n = 0;
        for b in self.slice() {
            if skip >= b.iov_len {
                skip -= b.iov_len;
                continue;
            }
            if n == PIECES {
                break;
            }
            pieces[n] = iovec { iov_base: b.iov_base.wrapping_byte_add(skip), iov_len: b.iov_len - skip };
            skip = 0;
            n += 1;
        }
        (pieces, n)
    }
}

/// A message header around buffers.
pub fn message(iov: *const iovec, count: usize) -> msghdr {
    // SAFETY: zero is a valid header.
    let mut msg: msghdr = unsafe { core::mem::zeroed() };
    msg.msg_iov = iov.cast_mut();
    msg.msg_iovlen = count;
    msg
}

/// `recvmsg` that does not block.
pub fn receive_now(fd: i32, msg: *mut msghdr, flags: c_int) -> sys::Result {
    // SAFETY: the program's buffers in a valid header.
    unsafe { scheduler::sys!(recvmsg, fd, msg, flags | libc::MSG_DONTWAIT) }
}

/// `sendmsg` that does not block.
pub fn send_now(fd: i32, msg: *const msghdr, flags: c_int) -> sys::Result {
    // SAFETY: the program's buffers in a valid header.
    unsafe { scheduler::sys!(sendmsg, fd, msg, flags | libc::MSG_DONTWAIT) }
}

/// read(2) and readv(2) of a socket that do not block. One piece needs no header, which the kernel takes long to check.
fn receive_pieces(fd: i32, b: Buffers) -> sys::Result {
    match b.slice() {
        // SAFETY: the program's buffer.
        [one] => unsafe {
            scheduler::sys!(recvfrom, fd, one.iov_base, one.iov_len, libc::MSG_DONTWAIT, 0, 0)
        },
        _ => {
            let mut msg = message(b.iov, b.count);
            receive_now(fd, &raw mut msg, 0)
        }
    }
}

/// The same for write(2) and writev(2).
fn send_pieces(fd: i32, b: Buffers, flags: c_int) -> sys::Result {
    match b.slice() {
        // SAFETY: the program's buffer.
        [one] => unsafe {
            scheduler::sys!(sendto, fd, one.iov_base, one.iov_len, flags | libc::MSG_DONTWAIT, 0, 0)
        },
        _ => send_now(fd, &message(b.iov, b.count), flags),
    }
}

/// `RWF_NOWAIT` is not for this file, or a filter refuses the call that has flags.
#[cold]
fn is_no_nowait(fd: i32, error: Errno) -> bool {
    match error {
        EOPNOTSUPP | Errno::NOSYS | Errno::PERM => true,
        // A filter says so of no bytes, too; the kernel, for which they may be too few, does not.
        // SAFETY: no buffers.
        Errno::INVAL => unsafe {
            scheduler::sys!(preadv2, fd, 0, 0, HERE, 0, RWF_NOWAIT) == Err(Errno::INVAL)
        },
        _ => false,
    }
}

fn readv_now(fd: i32, b: Buffers, at: usize) -> sys::Result {
    // SAFETY: the program's buffers.
    unsafe { scheduler::sys!(preadv2, fd, b.iov, b.count, at, 0, RWF_NOWAIT) }
}

/// The plain call, for what does not wait.
pub fn readv_plain(fd: i32, b: Buffers) -> sys::Result {
    // SAFETY: the program's buffers.
    unsafe { scheduler::sys!(readv, fd, b.iov, b.count) }
}

fn writev_now(fd: i32, iov: *const iovec, count: usize) -> sys::Result {
    // SAFETY: the program's buffers.
    unsafe { scheduler::sys!(pwritev2, fd, iov, count, HERE, 0, RWF_NOWAIT) }
}

fn writev_plain(fd: i32, b: Buffers) -> sys::Result {
    // SAFETY: the program's buffers.
    unsafe { scheduler::sys!(writev, fd, b.iov, b.count) }
}

/// read(2) and readv(2).
#[inline]
pub fn read(call: Call, b: Buffers) -> sys::Result {
    let fd = call.fd;
    loop {
        let result = match call.kind() {
            Kind::Stream | Kind::Datagram => receive(call, b.total(), || receive_pieces(fd, b)),
            Kind::Nowait | Kind::Counter => repeat(call, Direction::Read, || readv_now(fd, b, HERE)),
            Kind::Disk | Kind::Far => read_disk(call, b, None),
            Kind::Pollable => repeat(call, Direction::Read, || {
                if call.is_ready(Direction::Read) { readv_plain(fd, b) } else { Err(Errno::AGAIN) }
            }),
            Kind::Terminal => terminal::read(call, b),
            Kind::Memory | Kind::Unknown => readv_plain(fd, b),
        };
        match (result, call.slot.kind()) {
            (Err(ENOTSOCK), Kind::Stream | Kind::Datagram) => call.slot.set_kind(Kind::Unknown),
            (Err(error), Kind::Nowait | Kind::Counter) if is_no_nowait(fd, error) => {
                call.slot.set_kind(Kind::Pollable);
            }
            _ => return result,
        }
    }
}

/// pread(2), preadv(2): only files have positions, so only they can wait (for a disk).
pub fn read_at(call: Call, b: Buffers, at: i64) -> sys::Result {
    match call.kind() {
        Kind::Disk | Kind::Far => read_disk(call, b, Some(at)),
        // SAFETY: the program's buffers.
        _ => unsafe { scheduler::sys!(preadv, call.fd, b.iov, b.count, at, 0) },
    }
}

/// A file: what is cached at once, what is not on a helper. The kernel may answer "some pages are cached" with a
/// short count, more than once; a blocking read goes on to the end of the file.
fn read_disk(call: Call, b: Buffers, at: Option<i64>) -> sys::Result {
    let fd = call.fd;
    let wanted = b.total();
    let mut got = 0;
    let mut from_memory = true;
    while got < wanted {
        let pieces;
        let rest = if got == 0 {
            b
        } else {
            pieces = b.after(got);
            Buffers { iov: pieces.0.as_ptr(), count: pieces.1 }
        };
        let offset = at.map_or(HERE, |at| at as usize + got);
        let result = match readv_now(fd, rest, offset) {
            // A file system without RWF_NOWAIT waits like any cold one.
            Err(error) if error == Errno::AGAIN || is_no_nowait(fd, error) => {
                from_memory = false;
                offload::raw(call.rt, call.carrier, Class::Bounded, || {
                    // SAFETY: the program's buffers; the program's thread is parked.
                    unsafe {
                        match at {
                            None => real::readv(fd, rest.iov, rest.count as c_int),
                            Some(_) => real::preadv64(fd, rest.iov, rest.count as c_int, offset as i64),
                        }
                    }
                })
            }
            other => other,
        };
        match result {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(_) if got > 0 => break,
            Err(e) => return Err(e),
        }
    }
    let counts = counts();
    if from_memory { &counts.reads_from_memory } else { &counts.reads_from_disk }.add(1);
    Ok(got)
}

/// write(2) and writev(2): a blocking write ends when all is written.
#[inline]
pub fn write(call: Call, b: Buffers) -> sys::Result {
    let fd = call.fd;
    loop {
        let result = match call.kind() {
            Kind::Stream => write_all(call, b, |iov, count, first| {
                // Only the first piece may raise SIGPIPE: after some success a blocking send
                // answers its count.
                send_pieces(fd, Buffers { iov, count }, if first { 0 } else { libc::MSG_NOSIGNAL })
            }),
            Kind::Nowait => write_all(call, b, |iov, count, _| writev_now(fd, iov, count)),
            Kind::Datagram => send_message(call, &message(b.iov, b.count), 0),
            Kind::Pollable => write_pollable(call, b),
            Kind::Terminal => terminal::write(call, b),
            Kind::Counter => repeat(call, Direction::Write, || {
                if call.is_ready(Direction::Write) { writev_plain(fd, b) } else { Err(Errno::AGAIN) }
            }),
            Kind::Disk | Kind::Far => write_disk(call, b, None),
            Kind::Memory | Kind::Unknown => writev_plain(fd, b),
        };
        match (result, call.slot.kind()) {
            (Err(ENOTSOCK), Kind::Stream | Kind::Datagram) => call.slot.set_kind(Kind::Unknown),
            (Err(error), Kind::Nowait) if is_no_nowait(fd, error) => call.slot.set_kind(Kind::Pollable),
            _ => return result,
        }
    }
}

/// A file: into the page cache at once, usually. While the file system commits its journal or has
/// too many dirty pages even that waits for the disk, and nothing tells beforehand (few file systems
/// know `RWF_NOWAIT` for writes): a write that turned out slow sends the next ones to a helper.
fn write_disk(call: Call, b: Buffers, at: Option<i64>) -> sys::Result {
    let fd = call.fd;
    // SAFETY: the program's buffers; on a helper its thread is parked.
    let plain = || unsafe {
        match at {
            None => real::writev(fd, b.iov, b.count as c_int),
            Some(at) => real::pwritev64(fd, b.iov, b.count as c_int, at),
        }
    };
    if call.slot.kind() == Kind::Far || call.slot.expects_slow_write() {
        return offload::raw(call.rt, call.carrier, Class::Bounded, plain);
    }
    let clock = &call.rt.clock;
    let start = clock.now();
    let result = match at {
        None => writev_plain(fd, b),
        // SAFETY: the program's buffers.
        Some(at) => unsafe { scheduler::sys!(pwritev, fd, b.iov, b.count, at, 0) },
    };
    if clock.now() - start > SLOW_NANOS {
        call.slot.write_was_slow();
    }
    result
}

/// pwrite(2), pwritev(2): only files have positions.
pub fn write_at(call: Call, b: Buffers, at: i64) -> sys::Result {
    match call.kind() {
        Kind::Disk | Kind::Far => write_disk(call, b, Some(at)),
        // SAFETY: the program's buffers.
        _ => unsafe { scheduler::sys!(pwritev, call.fd, b.iov, b.count, at, 0) },
    }
}

/// Repeat `put(iov, count, first)` until everything is out. After a part of it, an error (or the
/// program's O_NONBLOCK) ends the call with the count so far.
#[inline]
pub fn write_all(
    call: Call,
    b: Buffers,
    mut put: impl FnMut(*const iovec, usize, bool) -> sys::Result,
) -> sys::Result {
    let wanted = b.total();
    let mut done = repeat(call, Direction::Write, || put(b.iov, b.count, true))?;
    while done < wanted {
        if call.rt.fds.mode(call.fd, call.slot).nonblock {
            break;
        }
        let (pieces, count) = b.after(done);
        match repeat(call, Direction::Write, || put(pieces.as_ptr(), count, false)) {
            Ok(n) => done += n,
            Err(_) => break,
        }
    }
    Ok(done)
}

/// One message on a socket that keeps message boundaries.
pub fn send_message(call: Call, msg: &msghdr, flags: c_int) -> sys::Result {
    let attempt = send_now(call.fd, msg, flags);
    if attempt != Err(Errno::AGAIN) {
        return attempt;
    }
    if !call.rt.fds.mode(call.fd, call.slot).nonblock && call.is_ready(Direction::Write) {
        // Our own buffer has room: it is the receiver's that is full, of which no event tells
        // (an unconnected unix datagram socket).
        let (fd, msg) = (call.fd, core::ptr::from_ref(msg));
        // SAFETY: the program's message; its thread is parked.
        return offload::interruptible(call.rt, call.carrier, call.ends(Direction::Write), || unsafe {
            real::sendmsg(fd, msg, flags)
        });
    }
    repeat(call, Direction::Write, || send_now(call.fd, msg, flags))
}

/// A terminal or a FIFO opened by path: wait for room, then let a helper write, because only the
/// driver knows how much room there is.
pub fn write_pollable(call: Call, b: Buffers) -> sys::Result {
    let fd = call.fd;
    if call.rt.fds.mode(fd, call.slot).nonblock {
        return writev_plain(fd, b);
    }
    repeat(call, Direction::Write, || {
        if !call.is_ready(Direction::Write) {
            return Err(Errno::AGAIN);
        }
        // SAFETY: the program's buffers; its thread is parked.
        offload::interruptible(call.rt, call.carrier, Ends::INTERRUPTED, || unsafe {
            real::writev(fd, b.iov, b.count as c_int)
        })
    })
}
