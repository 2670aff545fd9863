//! Waiting for signals: sigwait(3), sigwaitinfo(2), sigtimedwait(2), pause(2), sigsuspend(2).
//!
//! A signal that is blocked and pending makes a signalfd readable, so a thread in sigwait parks on one
//! and takes the signal, when it is there, with the plain call, which does not wait then. pause and
//! sigsuspend park until a handler of their thread has run.

use super::delivery::take_kept;
use super::send::SI_TKILL;
use super::set::{bit, bits_of, store};
use super::{Verdict, interrupted, mask, pending, timers, verdict, wait_unless_interrupted};
use crate::errno::fail;
use crate::io::poll::{Patience, with_mask};
use crate::io::{Call, Own};
use crate::pthread::green::{self, Green};
use crate::{errno, export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{siginfo_t, sigset_t, timespec};
use scheduler::netpoll::{Direction, Seen, Waited};
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Reason, Runtime, Wake};

export! {
    /// sigwait(3): answers the error itself, and is not interrupted.
    @cancellation_point fn sigwait(set: *const sigset_t, signal: *mut c_int) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::sigwait(set, signal) };
        loop {
            match wait_for(rt, carrier, set, core::ptr::null_mut(), Patience::Forever) {
                Ok(number) => {
                    signal.write(number as c_int);
                    return 0;
                }
                Err(Errno::INTR) => {}
                Err(error) => return error.0,
            }
        }
    }

    /// sigwaitinfo(2)
    @cancellation_point fn sigwaitinfo(set: *const sigset_t, info: *mut siginfo_t) -> c_int {
        match start::here() {
            Some((rt, carrier)) => {
                errno::answer(wait_for(rt, carrier, set, info, Patience::Forever)) as c_int
            }
            None => real::sigwaitinfo(set, info),
        }
    }

    /// sigtimedwait(2)
    @cancellation_point fn sigtimedwait(set: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::sigtimedwait(set, info, timeout) };
        match Patience::of_timespec(rt, timeout.as_ref()) {
            Ok(patience) => errno::answer(wait_for(rt, carrier, set, info, patience)) as c_int,
            Err(error) => fail(error),
        }
    }

    /// pause(2)
    @cancellation_point fn pause() -> c_int {
        match start::here() {
            Some((rt, carrier)) => errno::answer(until_handler(rt, carrier)) as c_int,
            None => real::pause(),
        }
    }

    /// sigsuspend(2)
    @cancellation_point fn sigsuspend | __sigsuspend(mask: *const sigset_t) -> c_int {
        match start::here() {
            Some((rt, carrier)) => {
                errno::answer(with_mask(rt, mask, || Ok(0), || until_handler(rt, carrier))) as c_int
            }
            None => real::sigsuspend(mask),
        }
    }
}

export! {
    /// sigpause(3) of System V: without one signal.
    @cancellation_point fn __xpg_sigpause(signal: c_int) -> c_int {
        if !(1..super::SIGNALS as c_int).contains(&signal) {
            return fail(libc::EINVAL);
        }
        let mut mask: sigset_t = core::mem::zeroed();
        mask::sigprocmask(libc::SIG_BLOCK, core::ptr::null(), &raw mut mask);
        store(bits_of(&raw const mask) & !bit(signal), &raw mut mask);
        sigsuspend(&raw const mask)
    }

    /// sigpause(3) of BSD: with this mask.
    @cancellation_point fn sigpause(blocked: c_int) -> c_int {
        let mut mask: sigset_t = core::mem::zeroed();
        store(u64::from(blocked as u32), &raw mut mask);
        sigsuspend(&raw const mask)
    }
}

/// Take a pending signal of the set without waiting, the thread's own before the process's; `EAGAIN` if
/// there is none.
fn take_now(me: &'static Green, set: *const sigset_t, info: *mut siginfo_t) -> sys::Result {
    let taken = take_any(me, set, info)?;
    // SAFETY: the program's, just filled in.
    unsafe {
        // As libc does.
        if !info.is_null() && (*info).si_code == SI_TKILL {
            (*info).si_code = libc::SI_USER;
        }
    }
    Ok(taken)
}

fn take_any(me: &'static Green, set: *const sigset_t, info: *mut siginfo_t) -> sys::Result {
    // SAFETY: the program's set.
    let bits = unsafe { bits_of(set) };
    if let Some(taken) = pending::take(me, bits).or_else(|| take_kept(bits)) {
        if !info.is_null() {
            // SAFETY: the program's.
            unsafe { info.write(taken) };
        }
        return Ok(taken.si_signo as usize);
    }
    let now = timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        // SAFETY: the program's set, its info or null, an object of ours.
        let taken = unsafe {
            let mut found: siginfo_t = core::mem::zeroed();
            let number = scheduler::sys!(rt_sigtimedwait, set, &raw mut found, &raw const now, 8usize)?;
            if let Some(other) = timers::owner(&found).filter(|owner| !core::ptr::eq(*owner, me)) {
                // Another thread's timer, whose signal the kernel held back for all.
                if let (Some(other), Some((_, carrier))) = (other.as_ref(), start::here()) {
                    pending::note(other, &found);
                    carrier.signal_kept();
                    carrier.interrupt((&raw const other.thread).cast_mut());
                }
                continue;
            }
            if !info.is_null() {
                info.write(found);
            }
            number
        };
        return Ok(taken);
    }
}

fn wait_for(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    set: *const sigset_t,
    info: *mut siginfo_t,
    patience: Patience,
) -> sys::Result {
    let me = green::current(rt);
    let first = take_now(me, set, info);
    if first != Err(Errno::AGAIN) || patience == Patience::Look {
        return first;
    }
    // SAFETY: the program's set.
    let bits = unsafe { bits_of(set) };
    // While it waits it takes them here, blocked or not, and not in a handler.
    let blocked = me.signals.blocked() | bits;
    mask::with(me, blocked, || {
        let _awaits = Awaits::new(me, bits);
        wait_awaiting(rt, carrier, set, info, patience)
    })
}

/// While it lives, a signal of the set that is sent to the thread interrupts its wait.
struct Awaits(&'static Green);

impl Awaits {
    fn new(me: &'static Green, set: u64) -> Self {
        me.signals.awaited.store(set, Ordering::SeqCst);
        Awaits(me)
    }
}

impl Drop for Awaits {
    fn drop(&mut self) {
        self.0.signals.awaited.store(0, Ordering::SeqCst);
    }
}

fn wait_awaiting(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    set: *const sigset_t,
    info: *mut siginfo_t,
    patience: Patience,
) -> sys::Result {
    let me = green::current(rt);
    let _ = verdict(rt);
    match bell(set) {
        Ok(fd) => Own::with(rt, fd, |bell| {
            let Some(call) = Call::on(bell.fd) else { return Err(Errno::BADF) };
            until_taken(
                rt,
                carrier,
                || take_now(me, set, info),
                |seen| {
                    let deadline = patience.deadline();
                    match carrier.netpoll.wait(carrier, bell.fd, call.slot, Direction::Read, seen, deadline) {
                        Waited::Refused(_) => look_again_soon(rt, carrier, patience),
                        waited => waited,
                    }
                },
            )
        }),
        Err(_) => {
            until_taken(rt, carrier, || take_now(me, set, info), |_| look_again_soon(rt, carrier, patience))
        }
    }
}

fn until_taken(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    take: impl Fn() -> sys::Result,
    wait: impl Fn(Seen) -> Waited,
) -> sys::Result {
    let mut seen = carrier.netpoll.seen();
    loop {
        let waited = wait_unless_interrupted(rt, carrier, Waited::Interrupted, || wait(seen));
        seen = carrier.netpoll.seen();
        match (take(), waited) {
            (Err(Errno::AGAIN), Waited::TimedOut) => return Err(Errno::AGAIN),
            (Err(Errno::AGAIN), Waited::Interrupted) => {
                if interrupted(rt) != Verdict::Nothing {
                    return Err(Errno::INTR);
                }
            }
            (Err(Errno::AGAIN), _) => {}
            (taken, _) => return taken,
        }
    }
}

/// Without a bell: there is no descriptor left, or no signalfd is allowed.
#[cold]
fn look_again_soon(rt: &'static Runtime, carrier: &'static Carrier, patience: Patience) -> Waited {
    const SOON_NANOS: u64 = 2_000_000;
    let soon = rt.clock.now() + SOON_NANOS;
    let end = patience.deadline().unwrap_or(u64::MAX);
    carrier.prepare_park();
    match carrier.park(Reason::Signal, Some(soon.min(end))) {
        Wake::Interrupted => Waited::Interrupted,
        Wake::TimedOut if end <= soon => Waited::TimedOut,
        _ => Waited::Ready,
    }
}

/// A signalfd: readable while a signal of the set is pending.
fn bell(set: *const sigset_t) -> Result<c_int, Errno> {
    // SAFETY: the program's set.
    let fd =
        unsafe { scheduler::sys!(signalfd4, -1i32, set, 8usize, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) }?;
    Ok(fd as c_int)
}

/// Park until a handler has run in this thread: always `EINTR`.
fn until_handler(rt: &'static Runtime, carrier: &'static Carrier) -> sys::Result {
    let _ = verdict(rt);
    loop {
        wait_unless_interrupted(rt, carrier, Wake::Interrupted, || {
            carrier.prepare_park();
            carrier.park(Reason::Signal, None)
        });
        if interrupted(rt) != Verdict::Nothing {
            return Err(Errno::INTR);
        }
    }
}
