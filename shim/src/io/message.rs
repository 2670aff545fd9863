//! recv(2), send(2) and their relatives.

use super::attempt::{self, Buffers, message, receive_now, send_message, send_now, write_all};
use super::{Call, poll_now, receive, repeat, wait};
use crate::errno::{answer, fail};
use crate::io::descriptor::note_passed;
use crate::{export, real};
use core::ffi::{c_int, c_void};
use core::ptr;
use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};
use scheduler::fd_table::Kind;
use scheduler::netpoll::Direction;
use scheduler::sys::{self, Errno};

/// Calls with these flags never wait.
const NEVER_WAIT: c_int = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE | libc::MSG_OOB;

const MSG_WAITFORONE: c_int = 0x10000;

export! {
    /// recv(2)
    fn recv | __recv(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
        recvfrom(fd, buf, len, flags, ptr::null_mut(), ptr::null_mut())
    }

    /// recvfrom(2)
    @cancellation_point fn recvfrom(
        fd: c_int, buf: *mut c_void, len: size_t, flags: c_int, addr: *mut sockaddr, addr_len: *mut socklen_t,
    ) -> ssize_t {
        let call = match Call::on(fd) {
            Some(call) if flags & NEVER_WAIT == 0 => call,
            _ => return real::recvfrom(fd, buf, len, flags, addr, addr_len),
        };
        if flags & libc::MSG_WAITALL != 0 && call.kind() == Kind::Stream {
            let iov = iovec { iov_base: buf, iov_len: len };
            let mut msg = message(&raw const iov, 1);
            return answer(receive_all(call, &mut msg, flags));
        }
        let attempt = || scheduler::sys!(recvfrom, fd, buf, len, flags | libc::MSG_DONTWAIT, addr, addr_len);
        answer(if flags == 0 { receive(call, len, attempt) } else { repeat(call, Direction::Read, attempt) })
    }

    /// recvmsg(2)
    @cancellation_point fn recvmsg(fd: c_int, msg: *mut msghdr, flags: c_int) -> ssize_t {
        match Call::on(fd) {
            Some(call) if flags & NEVER_WAIT == 0 => {
                if flags & libc::MSG_WAITALL != 0 && !msg.is_null() && call.kind() == Kind::Stream {
                    return answer(receive_all(call, &mut *msg, flags));
                }
                answer(repeat(call, Direction::Read, || receive_now(fd, msg, flags)))
            }
            _ => real::recvmsg(fd, msg, flags),
        }
    }

    /// recvmmsg(2): waits for every message; the time-out is looked at after each (as in Linux).
    @cancellation_point fn recvmmsg(fd: c_int, msgs: *mut mmsghdr, count: u32, flags: c_int, timeout: *mut timespec) -> c_int {
        match Call::on(fd) {
            Some(call) if flags & NEVER_WAIT == 0 && count > 0 => {
                receive_many(call, msgs, count, flags, timeout.as_mut())
            }
            _ => real::recvmmsg(fd, msgs, count, flags, timeout),
        }
    }

    /// send(2)
    fn send | __send(fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t {
        sendto(fd, buf, len, flags, ptr::null(), 0)
    }

    /// sendto(2)
    @cancellation_point fn sendto(
        fd: c_int, buf: *const c_void, len: size_t, flags: c_int, addr: *const sockaddr, addr_len: socklen_t,
    ) -> ssize_t {
        match Call::on(fd) {
            Some(call) if flags & libc::MSG_DONTWAIT == 0 => {
                let attempt = scheduler::sys!(sendto, fd, buf, len, flags | libc::MSG_DONTWAIT, addr, addr_len);
                match attempt {
                    Ok(n) if n == len => n as ssize_t,
                    Err(e) if e != Errno::AGAIN => answer(Err(e)),
                    // The slow way, from where the first attempt stopped.
                    _ => {
                        let done = attempt.unwrap_or(0);
                        let iov = iovec { iov_base: buf.cast_mut().wrapping_byte_add(done), iov_len: len - done };
                        let mut msg = message(&raw const iov, 1);
                        msg.msg_name = addr.cast_mut().cast();
                        msg.msg_namelen = addr_len;
                        answer(continued(call, done, &msg, flags))
                    }
                }
            }
            _ => real::sendto(fd, buf, len, flags, addr, addr_len),
        }
    }

    /// sendmsg(2)
    @cancellation_point fn sendmsg(fd: c_int, msg: *const msghdr, flags: c_int) -> ssize_t {
        match Call::on(fd) {
            Some(call) if flags & libc::MSG_DONTWAIT == 0 && !msg.is_null() => {
                note_passed((&*msg).msg_controllen);
                answer(send_all(call, &*msg, flags))
            }
            Some(_) if !msg.is_null() => {
                note_passed((&*msg).msg_controllen);
                real::sendmsg(fd, msg, flags)
            }
            _ => real::sendmsg(fd, msg, flags),
        }
    }

    /// sendmmsg(2)
    @cancellation_point fn sendmmsg(fd: c_int, msgs: *mut mmsghdr, count: u32, flags: c_int) -> c_int {
        match Call::on(fd) {
            Some(call) if flags & libc::MSG_DONTWAIT == 0 => {
                for i in 0..count as usize {
                    let one = &mut *msgs.add(i);
                    note_passed(one.msg_hdr.msg_controllen);
                    match send_all(call, &one.msg_hdr, flags) {
                        Ok(n) => one.msg_len = n as u32,
                        Err(e) if i == 0 => return fail(e.0),
                        Err(_) => return i as c_int,
                    }
                }
                count as c_int
            }
            _ => real::sendmmsg(fd, msgs, count, flags),
        }
    }

    /// recv(2) of programs built with `_FORTIFY_SOURCE`.
    fn __recv_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int) -> ssize_t {
        if room < len { real::__recv_chk(fd, buf, len, room, flags) } else { recv(fd, buf, len, flags) }
    }

    /// recvfrom(2) of programs built with `_FORTIFY_SOURCE`.
    fn __recvfrom_chk(
        fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int, addr: *mut sockaddr,
        addr_len: *mut socklen_t,
    ) -> ssize_t {
        if room < len {
            return real::__recvfrom_chk(fd, buf, len, room, flags, addr, addr_len);
        }
        recvfrom(fd, buf, len, flags, addr, addr_len)
    }
}

/// Send a whole message: on a stream until every byte is out.
fn send_all(call: Call, msg: &msghdr, flags: c_int) -> sys::Result {
    if call.kind() != Kind::Stream {
        return send_message(call, msg, flags);
    }
    let b = Buffers { iov: msg.msg_iov, count: msg.msg_iovlen };
    if b.count == 0 {
        return repeat(call, Direction::Write, || send_now(call.fd, msg, flags));
    }
    write_all(call, b, |iov, count, first| {
        if first {
            return send_now(call.fd, msg, flags);
        }
        // Control data went with the first part.
        send_now(call.fd, &message(iov, count), flags | libc::MSG_NOSIGNAL)
    })
}

/// Go on after `done` bytes of a stream are out.
fn continued(call: Call, done: usize, msg: &msghdr, flags: c_int) -> sys::Result {
    if done == 0 {
        return send_all(call, msg, flags);
    }
    if call.rt.fds.mode(call.fd, call.slot).nonblock {
        return Ok(done);
    }
    Ok(done + send_all(call, msg, flags | libc::MSG_NOSIGNAL).unwrap_or(0))
}

/// `MSG_WAITALL` on a stream: until the buffers are full, the stream ends, or an error.
fn receive_all(call: Call, msg: &mut msghdr, flags: c_int) -> sys::Result {
    let b = Buffers { iov: msg.msg_iov, count: msg.msg_iovlen };
    if flags & libc::MSG_PEEK != 0 {
        return peek_all(call, b, msg, flags);
    }
    let wanted = b.total();
    let mut done = repeat(call, Direction::Read, || receive_now(call.fd, msg, flags))?;
    while done != 0 && done < wanted {
        if call.rt.fds.mode(call.fd, call.slot).nonblock {
            break;
        }
        let (pieces, count) = b.after(done);
        let mut rest = attempt::message(pieces.as_ptr(), count);
        match repeat(call, Direction::Read, || receive_now(call.fd, &raw mut rest, flags)) {
            Ok(0) | Err(_) => break,
            Ok(n) => done += n,
        }
    }
    Ok(done)
}

/// Peeking leaves the bytes where they are, so each look starts from the beginning.
fn peek_all(call: Call, b: Buffers, msg: &mut msghdr, flags: c_int) -> sys::Result {
    let wanted = b.total();
    loop {
        let seen = call.carrier.netpoll.seen();
        let n = repeat(call, Direction::Read, || receive_now(call.fd, msg, flags))?;
        let ended = poll_now(call.fd, libc::POLLRDHUP) != 0;
        if n == wanted || n == 0 || ended || call.rt.fds.mode(call.fd, call.slot).nonblock {
            return Ok(n);
        }
        let timeout = call.rt.fds.mode(call.fd, call.slot).recv_timeout;
        let deadline = call.deadline_after(timeout);
        if wait(call, Direction::Read, seen, deadline).is_err() {
            return Ok(n);
        }
    }
}

unsafe fn receive_many(
    call: Call,
    msgs: *mut mmsghdr,
    count: u32,
    flags: c_int,
    timeout: Option<&mut timespec>,
) -> c_int {
    let clock = &call.rt.clock;
    let deadline = match &timeout {
        Some(t) if !(0..1_000_000_000).contains(&t.tv_nsec) || t.tv_sec < 0 => return fail(libc::EINVAL),
        Some(t) => Some(clock.now().saturating_add(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)),
        None => None,
    };
    let mut done = 0u32;
    let mut late = false;
    while done < count && !late {
        // One at a time where the time-out is looked at after each.
        let batch = if deadline.is_some() { 1 } else { count - done };
        let flags_now = (flags & !MSG_WAITFORONE) | libc::MSG_DONTWAIT;
        let attempt = || {
            // SAFETY: the program's array of `count` headers.
            unsafe { scheduler::sys!(recvmmsg, call.fd, msgs.add(done as usize), batch, flags_now, 0) }
        };
        let got = if done > 0 && flags & MSG_WAITFORONE != 0 {
            attempt()
        } else {
            repeat(call, Direction::Read, attempt)
        };
        match got {
            Ok(n) => done += n as u32,
            Err(e) if done == 0 => return fail(e.0),
            Err(_) => break,
        }
        late = deadline.is_some_and(|at| clock.now() >= at);
    }
    if let (Some(t), Some(at)) = (timeout, deadline) {
        let left = at.saturating_sub(clock.now());
        t.tv_sec = (left / 1_000_000_000) as i64;
        t.tv_nsec = (left % 1_000_000_000) as i64;
    }
    done as c_int
}
