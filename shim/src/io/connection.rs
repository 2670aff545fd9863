//! accept(2), connect(2), socket(2), socketpair(2), setsockopt(2)
//!
//! Neither accept nor connect has a non-blocking form of its own. If nobody else can see the
//! socket, `poll` tells whether accept would wait, and a connect may borrow `O_NONBLOCK` for an
//! instant. If another process can (an inherited listener), it may be faster between our poll and
//! our accept: then a helper makes the call.

use super::{Call, repeat, wait};
use crate::errno::{answer, fail};
use crate::io::descriptor::{created, note_linger};
use crate::offload;
use crate::{export, real};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering};
use libc::{sockaddr, socklen_t};
use scheduler::fd_table::{Kind, Mode};
use scheduler::netpoll::{Direction, Seen};
use scheduler::sys::{self, Errno};

export! {
    /// accept(2)
    @cancellation_point fn accept(fd: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t) -> c_int {
        match Call::on(fd) {
            Some(call) => taken(call, accept_one(call, addr, addr_len, 0), 0),
            None => created(real::accept(fd, addr, addr_len), Kind::Unknown),
        }
    }

    /// accept4(2)
    @cancellation_point fn accept4(fd: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t, flags: c_int) -> c_int {
        match Call::on(fd) {
            Some(call) => taken(call, accept_one(call, addr, addr_len, flags), flags),
            None => created(real::accept4(fd, addr, addr_len, flags), Kind::Unknown),
        }
    }

    /// connect(2)
    @cancellation_point fn connect | __connect(fd: c_int, addr: *const sockaddr, addr_len: socklen_t) -> c_int {
        match Call::on(fd) {
            Some(call) => answer(connect_one(call, addr, addr_len)) as c_int,
            None => real::connect(fd, addr, addr_len),
        }
    }

    /// socket(2)
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
        made_socket(real::socket(domain, kind, protocol), domain, kind, protocol)
    }

    /// socketpair(2)
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int {
        let result = real::socketpair(domain, kind, protocol, pair);
        if result == 0 {
            made_socket(*pair, domain, kind, protocol);
            made_socket(*pair.add(1), domain, kind, protocol);
        }
        result
    }

    /// setsockopt(2): time-outs are cached.
    fn setsockopt(fd: c_int, level: c_int, option: c_int, value: *const c_void, len: socklen_t) -> c_int {
        let result = real::setsockopt(fd, level, option, value, len);
        if level == libc::SOL_SOCKET && option == libc::SO_LINGER {
            note_linger();
        }
        if level == libc::IPPROTO_TCP && option == libc::TCP_ULP {
            LAYERED.store(true, Ordering::Relaxed);
        }
        // SO_RCVTIMEO, SO_SNDTIMEO and their 64-bit twins on other ABIs.
        if level == libc::SOL_SOCKET && matches!(option, 20 | 21 | 66 | 67)
            && let Some((rt, _)) = crate::start::here()
        {
            rt.fds.doubt_modes();
        }
        result
    }
}

/// What `SOCK_*` flags a type may have.
const TYPE: c_int = 0xf;

/// The program knows what it has made, so nobody need be asked.
fn made_socket(fd: c_int, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let is_stream = kind & TYPE == libc::SOCK_STREAM;
    created(fd, if is_stream { Kind::Stream } else { Kind::Datagram });
    if let (0.., Some(call)) = (fd, Call::on(fd)) {
        if is_stream
            && matches!(domain, libc::AF_INET | libc::AF_INET6)
            && matches!(protocol, 0 | libc::IPPROTO_TCP)
        {
            call.slot.set_tcp();
        }
        call.rt.fds.set_mode(call.slot, Mode::new(kind & libc::SOCK_NONBLOCK != 0));
    }
    fd
}

/// Some TCP socket was given a protocol on top (TLS in the kernel), which receives by records; its duplicates have it, too.
static LAYERED: AtomicBool = AtomicBool::new(false);

/// A short receive of a TCP socket says nothing.
#[inline]
pub fn is_layered() -> bool {
    LAYERED.load(Ordering::Relaxed)
}

/// The accepted socket is of its listener's kind. One of TCP begins with the time-outs that its listener had when the
/// connection came.
fn taken(listener: Call, result: sys::Result, flags: c_int) -> c_int {
    let fd = match result {
        Ok(fd) => created(fd as c_int, listener.slot.kind()),
        Err(e) => return fail(e.0),
    };
    if let (true, Some(call)) = (listener.slot.is_tcp(), Call::on(fd)) {
        call.slot.set_tcp();
        if listener.slot.never_timed() {
            call.rt.fds.set_mode(call.slot, Mode::new(flags & libc::SOCK_NONBLOCK != 0));
        }
    }
    fd
}

fn accept_one(call: Call, addr: *mut sockaddr, addr_len: *mut socklen_t, flags: c_int) -> sys::Result {
    let fd = call.fd;
    let plain = || {
        // SAFETY: the program's pointers.
        unsafe { scheduler::sys!(accept4, fd, addr, addr_len, flags) }
    };
    // What is no socket, or a non-blocking one, does not wait.
    if !matches!(call.kind(), Kind::Stream | Kind::Datagram) || call.rt.fds.mode(fd, call.slot).nonblock {
        return plain();
    }
    repeat(call, Direction::Read, || {
        if !call.is_ready(Direction::Read) {
            // Nor one that does not listen.
            if !is_listening(fd) {
                return plain();
            }
            // Without a number for the connection the kernel does not wait for one.
            return Err(is_number_left(fd).err().unwrap_or(Errno::AGAIN));
        }
        if call.rt.fds.is_private(call.slot) {
            return plain();
        }
        // SAFETY: the program's pointers; its thread is parked.
        offload::interruptible(call.rt, call.carrier, call.ends(Direction::Read), || unsafe {
            real::accept4(fd, addr, addr_len, flags) as isize
        })
    })
}

/// Is there a descriptor number left?
fn is_number_left(fd: c_int) -> Result<(), Errno> {
    // SAFETY: no pointers; a number that nobody knows.
    unsafe {
        let copy = scheduler::sys!(fcntl, fd, libc::F_DUPFD_CLOEXEC, 0)?;
        let _ = scheduler::sys!(close, copy);
    }
    Ok(())
}

fn is_listening(fd: c_int) -> bool {
    let mut listening = 0i32;
    let mut len = size_of::<i32>() as u32;
    // SAFETY: an object of ours.
    let got = unsafe {
        scheduler::sys!(
            getsockopt,
            fd,
            libc::SOL_SOCKET,
            libc::SO_ACCEPTCONN,
            &raw mut listening,
            &raw mut len
        )
    };
    got.is_ok() && listening != 0
}

fn connect_one(call: Call, addr: *const sockaddr, addr_len: socklen_t) -> sys::Result {
    const EINPROGRESS: Errno = Errno(libc::EINPROGRESS);
    let fd = call.fd;
    let plain = || {
        // SAFETY: the program's pointers.
        unsafe { scheduler::sys!(connect, fd, addr, addr_len) }
    };
    let on_helper = || {
        // SAFETY: the program's pointers; its thread is parked.
        offload::interruptible(call.rt, call.carrier, call.ends(Direction::Write), || unsafe {
            real::connect(fd, addr, addr_len) as isize
        })
    };
    // A datagram socket's connect only notes the address.
    if call.kind() != Kind::Stream || call.rt.fds.mode(fd, call.slot).nonblock {
        return plain();
    }
    if !call.rt.fds.is_private(call.slot) {
        return on_helper();
    }
    let attempt = || {
        let flags = scheduler::fd_table::flags(fd);
        set_flags(fd, flags | scheduler::fd_table::O_NONBLOCK);
        let result = plain();
        set_flags(fd, flags);
        result
    };
    let seen = call.carrier.netpoll.seen();
    match attempt() {
        // Also one that an earlier call has left under way.
        Err(under_way @ (EINPROGRESS | EALREADY)) => finish_connect(call, under_way, seen, attempt),
        // A unix socket whose listener's queue is full: no event tells when it has room.
        Err(Errno::AGAIN) => on_helper(),
        other => other,
    }
}

const EALREADY: Errno = Errno(libc::EALREADY);

fn set_flags(fd: c_int, flags: usize) {
    // SAFETY: no pointers.
    let _ = unsafe { scheduler::sys!(fcntl, fd, libc::F_SETFL, flags) };
}

/// The connection is under way: wait until the socket is writable; calling again then tells how it
/// went (and tells the socket that somebody knows).
fn finish_connect(
    call: Call,
    under_way: Errno,
    mut seen: Seen,
    attempt: impl Fn() -> sys::Result,
) -> sys::Result {
    let timeout = call.rt.fds.mode(call.fd, call.slot).send_timeout;
    let deadline = call.deadline_after(timeout);
    loop {
        match wait(call, Direction::Write, seen, deadline) {
            Ok(()) => {}
            // connect(2): a time-out leaves the connection under way.
            Err(Errno::AGAIN) if !call.is_ready(Direction::Write) => return Err(under_way),
            Err(Errno::AGAIN) => {}
            Err(e) => return Err(e),
        }
        seen = call.carrier.netpoll.seen();
        if call.is_ready(Direction::Write) {
            match attempt() {
                Err(EALREADY) => {}
                other => return other,
            }
        }
    }
}
