//! futex(2) by syscall(2), as hand-written locks, C++20's `atomic::wait` and latches use it; gettid(2).
//!
//! A private futex is an address in the parking lot, like our own locks; kernel threads that wait on it
//! by direct system calls are woken as well. One that is not private may be woken by another process, so
//! a helper waits for it. Priority-inheriting operations are the kernel's.

use crate::errno::{self, fail};
use crate::offload::Ends;
use crate::signal::{self, Verdict};
use crate::{export, offload, real, start};
use core::ffi::{c_int, c_long};
use core::sync::atomic::{AtomicU32, Ordering};
use libc::timespec;
use scheduler::lot::{Filter, Parked, Request};
use scheduler::sys::{self, Errno, Timespec};
use scheduler::{Reason, Runtime};

const WAIT: c_int = 0;
const WAKE: c_int = 1;
const REQUEUE: c_int = 3;
const CMP_REQUEUE: c_int = 4;
const WAIT_BITSET: c_int = 9;
const WAKE_BITSET: c_int = 10;
const PRIVATE: c_int = 128;
const CLOCK_REALTIME: c_int = 256;

export! {
    /// gettid(2): distinct for every thread, as natively; the kernel knows only the main thread's.
    fn gettid() -> c_int {
        match start::here() {
            Some(_) => super::tid(),
            None => real::gettid(),
        }
    }
}

/// futex(2), as -1 and `errno`.
///
/// # Safety
/// As for the system call.
pub unsafe fn futex(
    rt: &'static Runtime,
    at: usize,
    op: c_int,
    value: u32,
    fourth: usize,
    other: usize,
    last: u32,
) -> c_long {
    let plain = || {
        // SAFETY: the program's own call.
        unsafe {
            real::syscall(libc::SYS_futex, at, op as usize, value as usize, fourth, other, last as usize)
        }
    };
    let command = op & 127;
    let (Some(carrier), true) = (rt.carrier_here(), at.is_multiple_of(4) && at != 0) else {
        return match command {
            // A foreign thread wakes green ones, too.
            WAKE | WAKE_BITSET if op & PRIVATE != 0 => {
                wake(rt, at, value, if command == WAKE { !0 } else { last }, plain)
            }
            _ => plain(),
        };
    };
    match command {
        WAIT | WAIT_BITSET if op & PRIVATE == 0 => {
            // With a time limit it is never restarted.
            let ends = if fourth == 0 { Ends::INTERRUPTED } else { Ends::HANDLED };
            let wait = || plain() as isize;
            errno::answer(offload::interruptible(rt, carrier, ends.no_point(), wait)) as c_long
        }
        WAIT | WAIT_BITSET => {
            let bits = if command == WAIT { !0 } else { last };
            // SAFETY: the program's addresses, which the kernel looks at.
            if let Err(error) = unsafe { probe(at, op, fourth) } {
                return fail(error.0);
            }
            // SAFETY: the program's timeout, or null.
            match unsafe { limit(rt, op, fourth as *const timespec) } {
                Ok(limit) if bits != 0 => wait(rt, at, value, bits, limit),
                Ok(_) => fail(libc::EINVAL),
                Err(error) => fail(error),
            }
        }
        WAKE | WAKE_BITSET if op & PRIVATE != 0 => {
            wake(rt, at, value, if command == WAKE { !0 } else { last }, plain)
        }
        REQUEUE | CMP_REQUEUE if op & PRIVATE != 0 => {
            if (value as c_int) < 0 || (fourth as c_int) < 0 {
                return fail(libc::EINVAL);
            }
            // SAFETY: the program's words. To move nobody is to look at addresses and value only.
            if let Err(error) = unsafe { scheduler::sys!(futex, at, op, 0, 0, other, last as usize) } {
                return fail(error.0);
            }
            // SAFETY: the program's words.
            let word = unsafe { AtomicU32::from_ptr(at as *mut u32) };
            let unchanged = || command == REQUEUE || word.load(Ordering::SeqCst) == last;
            match rt.lot.requeue(Some(carrier), [at, other], [value as usize, fourth], unchanged) {
                Some((woken, moved)) => (woken + moved) as c_long,
                None => fail(libc::EAGAIN),
            }
        }
        _ => plain(),
    }
}

/// What the kernel says of a wait's addresses and time, without waiting: memory that cannot be read is an
/// error, not a signal.
unsafe fn probe(at: usize, op: c_int, time: usize) -> sys::Result {
    const CHANGED: sys::Result = Err(Errno::AGAIN);
    const OVER: sys::Result = Err(Errno::TIMEDOUT);
    let past = timespec { tv_sec: 1, tv_nsec: 0 };
    // SAFETY: the kernel checks the address; the time is ours.
    let look = |value: u32, time: usize, op: c_int| unsafe {
        match scheduler::sys!(futex, at, op, value as usize, time, 0, usize::MAX >> 32) {
            CHANGED | OVER => Ok(0),
            other => other,
        }
    };
    look(0, (&raw const past).addr(), WAIT_BITSET | PRIVATE)?;
    if time == 0 {
        return Ok(0);
    }
    // SAFETY: the word can be read, as we know now.
    let word = unsafe { AtomicU32::from_ptr(at as *mut u32) }.load(Ordering::Relaxed);
    // A value that the word has not: the kernel looks at the time before it looks at the value.
    look(word ^ 0x5a5a_5a5a, time, op)
}

/// `FUTEX_WAIT` takes a span, `FUTEX_WAIT_BITSET` a point in time.
unsafe fn limit(rt: &Runtime, op: c_int, time: *const timespec) -> Result<Option<u64>, c_int> {
    // SAFETY: the caller vouches.
    let Some(time) = (unsafe { time.as_ref() }) else { return Ok(None) };
    if time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
        return Err(libc::EINVAL);
    }
    let at = Timespec { sec: time.tv_sec, nsec: time.tv_nsec };
    if op & 127 == WAIT {
        return Ok(Some(rt.clock.now().saturating_add(at.as_nanos())));
    }
    let clock = if op & CLOCK_REALTIME != 0 { libc::CLOCK_REALTIME } else { libc::CLOCK_MONOTONIC };
    Ok(rt.clock.deadline(clock, at))
}

fn wait(rt: &'static Runtime, at: usize, value: u32, bits: u32, limit: Option<u64>) -> c_long {
    // SAFETY: the program's word, aligned.
    let word = unsafe { AtomicU32::from_ptr(at as *mut u32) };
    let _ = signal::verdict(rt);
    loop {
        let request = Request { key: at, reason: Reason::Futex(at), deadline: limit, again: false };
        let same = || word.load(Ordering::SeqCst) == value;
        return match rt.lot.park_filtered(rt.carrier_here(), request, bits, same) {
            Parked::Woken(_) => 0,
            Parked::Invalid => fail(libc::EAGAIN),
            Parked::TimedOut => fail(libc::ETIMEDOUT),
            Parked::Interrupted => match signal::verdict(rt) {
                Verdict::Interrupt => fail(libc::EINTR),
                // With a time limit, no handler restarts it (signal(7)).
                Verdict::Restart if limit.is_some() => fail(libc::EINTR),
                _ => continue,
            },
        };
    }
}

fn wake(rt: &'static Runtime, at: usize, count: u32, bits: u32, plain: impl FnOnce() -> c_long) -> c_long {
    if bits == 0 {
        return fail(libc::EINVAL);
    }
    // The kernel wakes one even when asked for none.
    let most = (count as c_int).max(1) as usize;
    let woken = rt.lot.unpark_filtered(rt.carrier_here(), at, most, Filter(bits)) as c_long;
    if woken == 0 {
        return plain();
    }
    if woken < most as c_long {
        // Kernel threads that wait by system calls of their own.
        return woken + plain().max(0);
    }
    woken
}
