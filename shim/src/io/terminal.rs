//! Terminals: when a read of one waits, and for what. Follows termios(3) and the kernel's `n_tty`.
//!
//! | mode | a read |
//! |---|---|
//! | canonical | parks until `poll` reports a line |
//! | `VMIN` > 0, `VTIME` 0 | parks until `poll` reports `VMIN` bytes; a helper, if fewer are wanted |
//! | `VMIN` 0, `VTIME` 0 | at once |
//! | `VMIN` 0, `VTIME` > 0 | parks until there is a byte, or the time is over |
//! | both > 0 | parks until there is a byte; a helper waits for the rest |
//!
//! Before any of that, a process in the background is stopped by SIGTTIN, or SIGTTOU, or gets an error (setpgid(2)).
//! The kernel decides that for the carrier, with a read or a write of nothing; a helper it would not stop, for
//! helpers block all signals.

use super::attempt::{Buffers, readv_plain};
use super::{Call, poll_now, repeat};
use crate::errno::answer;
use crate::files::place;
use crate::offload::{self, Ends};
use crate::pthread::green;
use crate::signal::{self, Verdict};
use crate::{export, real};
use core::ffi::c_int;
use libc::{pid_t, termios};
use scheduler::netpoll::{Direction, Waited};
use scheduler::sys::{self, Errno};

/// The mode of a terminal; `None` if that is none.
pub fn mode(fd: c_int) -> Option<termios> {
    /// `struct termios` as the kernel has it: shorter than libc's, which begins alike.
    const TCGETS: c_int = 0x5401;
    // SAFETY: zero is a valid mode, and the kernel fills the beginning of it.
    unsafe {
        let mut mode: termios = core::mem::zeroed();
        scheduler::sys!(ioctl, fd, TCGETS, &raw mut mode).ok().map(|_| mode)
    }
}

/// Is the process in the background of its controlling terminal, which this is?
fn is_background(fd: c_int) -> bool {
    let mut foreground: pid_t = 0;
    // SAFETY: an object of ours.
    unsafe {
        scheduler::sys!(ioctl, fd, libc::TIOCGPGRP, &raw mut foreground).is_ok()
            && scheduler::sys!(getpgid, 0) != Ok(foreground as usize)
    }
}

/// Would the kernel stop the process, or make the call fail, for being in the background?
fn may_stop(call: Call, signal: c_int) -> bool {
    is_background(call.fd) && !green::current(call.rt).signals.blocks(signal)
}

/// Let the kernel decide whether the process may read.
fn check_reader(call: Call) -> Result<(), Errno> {
    if !is_background(call.fd) {
        return Ok(());
    }
    if green::current(call.rt).signals.blocks(libc::SIGTTIN) {
        return Err(Errno(libc::EIO));
    }
    // SAFETY: no buffer.
    unsafe { scheduler::sys!(read, call.fd, 0, 0) }.map(|_| ())
}

/// Let the kernel decide whether the process may write.
fn check_writer(call: Call) -> Result<(), Errno> {
    let Some(mode) = mode(call.fd) else { return Ok(()) };
    if mode.c_lflag & libc::TOSTOP == 0 || !may_stop(call, libc::SIGTTOU) {
        return Ok(());
    }
    // SAFETY: no buffer.
    unsafe { scheduler::sys!(write, call.fd, 0, 0) }.map(|_| ())
}

/// read(2), readv(2)
pub fn read(call: Call, b: Buffers) -> sys::Result {
    let fd = call.fd;
    if call.rt.fds.mode(fd, call.slot).nonblock {
        return readv_plain(fd, b);
    }
    check_reader(call)?;
    let Some(mode) = mode(fd) else { return readv_plain(fd, b) };
    let [least, tenths] = [libc::VMIN, libc::VTIME].map(|at| mode.c_cc[at]);
    match (least, tenths) {
        _ if mode.c_lflag & libc::ICANON != 0 => read_ready(call, b),
        (0, 0) => readv_plain(fd, b),
        (0, _) => read_within(call, b, u64::from(tenths) * 100_000_000),
        (1, 0) => read_ready(call, b),
        (_, 0) if b.total() >= least.into() => read_ready(call, b),
        _ => {
            if tenths > 0 {
                repeat(call, Direction::Read, || {
                    if call.is_ready(Direction::Read) { Ok(0) } else { Err(Errno::AGAIN) }
                })?;
            }
            // SAFETY: the program's buffers; its thread is parked.
            offload::interruptible(call.rt, call.carrier, Ends::INTERRUPTED, || unsafe {
                real::readv(fd, b.iov, b.count as c_int)
            })
        }
    }
}

/// Read what `poll` has reported.
fn read_ready(call: Call, b: Buffers) -> sys::Result {
    let mut waited = false;
    let result = repeat(call, Direction::Read, || {
        if !call.is_ready(Direction::Read) {
            waited = true;
            return Err(Errno::AGAIN);
        }
        readv_plain(call.fd, b)
    });
    // A read that waits when the other side of a pseudo-terminal goes fails; a later one finds the end.
    if waited && result == Ok(0) && poll_now(call.fd, libc::POLLIN) & libc::POLLHUP != 0 && is_pseudo(call.fd)
    {
        return Err(Errno(libc::EIO));
    }
    result
}

fn is_pseudo(fd: c_int) -> bool {
    const MAJORS: core::ops::RangeInclusive<u32> = 136..=143;
    place::about(fd).is_ok_and(|seen| MAJORS.contains(&seen.device.0))
}

/// Read the first that comes within so many nanoseconds: nothing, if nothing does.
fn read_within(call: Call, b: Buffers, nanos: u64) -> sys::Result {
    let start_over = || call.rt.clock.now().saturating_add(nanos);
    let mut deadline = start_over();
    let _ = signal::verdict(call.rt);
    loop {
        let seen = call.carrier.netpoll.seen();
        if call.is_ready(Direction::Read) {
            return readv_plain(call.fd, b);
        }
        let waited = signal::wait_unless_interrupted(call.rt, call.carrier, Waited::Interrupted, || {
            call.carrier.netpoll.wait(call.carrier, call.fd, call.slot, Direction::Read, seen, Some(deadline))
        });
        match waited {
            Waited::Ready => {}
            Waited::TimedOut => return Ok(0),
            Waited::Closed => return Err(Errno::BADF),
            // The kernel waits as long.
            Waited::Refused(_) => {
                // SAFETY: the program's buffers; its thread is parked.
                return offload::interruptible(call.rt, call.carrier, Ends::INTERRUPTED, || unsafe {
                    real::readv(call.fd, b.iov, b.count as c_int)
                });
            }
            Waited::Interrupted => match signal::interrupted(call.rt) {
                Verdict::Interrupt => return Err(Errno::INTR),
                Verdict::Restart => deadline = start_over(),
                Verdict::Nothing => {}
            },
        }
    }
}

/// write(2), writev(2): on a helper, because only the driver knows how much room there is.
pub fn write(call: Call, b: Buffers) -> sys::Result {
    if !call.rt.fds.mode(call.fd, call.slot).nonblock {
        check_writer(call)?;
    }
    super::attempt::write_pollable(call, b)
}

/// A call that waits until the output has gone. On the carrier where the kernel may stop the process.
unsafe fn until_sent(fd: c_int, ends: Ends, work: impl Fn() -> c_int) -> c_int {
    match Call::on(fd) {
        Some(call) if !may_stop(call, libc::SIGTTOU) => {
            answer(offload::interruptible(call.rt, call.carrier, ends, || work() as isize)) as c_int
        }
        _ => work(),
    }
}

export! {
    /// tcdrain(3)
    @cancellation_point fn tcdrain(fd: c_int) -> c_int {
        until_sent(fd, Ends::INTERRUPTED, || real::tcdrain(fd))
    }

    /// tcsetattr(3): all but TCSANOW wait until the terminal has sent its output.
    fn tcsetattr(fd: c_int, when: c_int, mode: *const termios) -> c_int {
        let mut unsent: c_int = 0;
        if !matches!(when, libc::TCSADRAIN | libc::TCSAFLUSH)
            || scheduler::sys!(ioctl, fd, libc::TIOCOUTQ, &raw mut unsent).is_err()
            || unsent == 0
        {
            return real::tcsetattr(fd, when, mode);
        }
        until_sent(fd, Ends::INTERRUPTED.no_point(), || real::tcsetattr(fd, when, mode))
    }
}
