//! sem_wait(3), sem_post(3) and their relatives.
//!
//! The word is glibc's: the value in the low half, the number of waiters in the high half. A post
//! with nobody waiting is one atomic addition. Process-shared semaphores keep glibc's
//! implementation (a post from here still wakes waiters elsewhere, and the other way round).

use super::{cancel, deadline, is_lock_clock, shared};
use crate::abi::Semaphore;
use crate::chaos;
use crate::errno::fail;
use crate::offload::Ends;
use crate::signal::{self, Verdict};
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{clockid_t, sem_t, timespec};
use scheduler::lot::{Parked, Request};
use scheduler::{Reason, Runtime};

const WAITER: u64 = 1 << 32;
const VALUE: u64 = WAITER - 1;
const VALUE_MOST: u64 = i32::MAX as u64;

export! {
    /// sem_wait(3)
    @cancellation_point fn sem_wait(sem: *mut sem_t) -> c_int {
        match ours(sem) {
            Some((rt, s)) => wait(rt, s, || Ok(None)),
            None => not_ours(sem, Ends::INTERRUPTED, || real::sem_wait(sem)),
        }
    }

    /// sem_timedwait(3)
    @cancellation_point fn sem_timedwait(sem: *mut sem_t, at: *const timespec) -> c_int {
        match ours(sem) {
            // Like glibc, whether or not there is something to wait for.
            _ if !is_time(at) => fail(libc::EINVAL),
            Some((rt, s)) => wait(rt, s, || deadline(libc::CLOCK_REALTIME, at).map(Some)),
            None => not_ours(sem, Ends::HANDLED, || real::sem_timedwait(sem, at)),
        }
    }

    /// sem_clockwait(3): unlike the other two, glibc's acts on a cancellation only if it has to wait.
    fn sem_clockwait(sem: *mut sem_t, clock: clockid_t, at: *const timespec) -> c_int {
        match ours(sem) {
            _ if !is_lock_clock(clock) || !is_time(at) => fail(libc::EINVAL),
            Some((rt, s)) => wait(rt, s, || deadline(clock, at).map(Some)),
            None => not_ours(sem, Ends::HANDLED, || real::sem_clockwait(sem, clock, at)),
        }
    }

    /// sem_post(3); async-signal-safe.
    fn sem_post(sem: *mut sem_t) -> c_int {
        chaos::point();
        let Some((rt, s)) = ours(sem) else { return real::sem_post(sem) };
        let posted = s.data.fetch_update(Ordering::Release, Ordering::Relaxed, |d| {
            (d & VALUE < VALUE_MOST).then_some(d + 1)
        });
        match posted {
            Err(_) => fail(libc::EOVERFLOW),
            Ok(before) => {
                if before >= WAITER {
                    rt.lot.unpark_one(rt.carrier_here(), sem.addr(), |_| 0);
                }
                0
            }
        }
    }
}

/// A process-shared semaphore (a named one is): a helper waits where the value is not there already.
unsafe fn not_ours(sem: *mut sem_t, ends: Ends, wait: impl FnMut() -> c_int) -> c_int {
    // SAFETY: the program's semaphore.
    if start::here().is_some() && take(unsafe { &*sem.cast::<Semaphore>() }) {
        return 0;
    }
    shared::semaphore_wait(ends, wait)
}

fn is_time(at: *const timespec) -> bool {
    // SAFETY: the program passes a valid timespec, as it would to libc.
    (0..1_000_000_000).contains(&unsafe { (*at).tv_nsec })
}

#[inline(always)]
fn ours<'a>(sem: *mut sem_t) -> Option<(&'static Runtime, &'a Semaphore)> {
    let rt = start::runtime()?;
    // SAFETY: the program passes a semaphore, as it would to libc.
    let s = unsafe { &*sem.cast::<Semaphore>() };
    (s.shared == 0).then_some((rt, s))
}

#[inline(always)]
fn take(s: &Semaphore) -> bool {
    let down = |d: u64| (d & VALUE != 0).then(|| d - 1);
    s.data.fetch_update(Ordering::Acquire, Ordering::Relaxed, down).is_ok()
}

fn wait(rt: &'static Runtime, s: &Semaphore, limit: impl FnOnce() -> Result<Option<u64>, c_int>) -> c_int {
    if take(s) {
        return 0;
    }
    let limit = match limit() {
        Ok(limit) => limit,
        Err(error) => return fail(error),
    };
    let here = rt.carrier_here();
    let _ = signal::verdict(rt);
    let key = core::ptr::from_ref(s).addr();
    s.data.fetch_add(WAITER, Ordering::SeqCst);
    let mut again = false;
    let result = loop {
        let request = Request { key, reason: Reason::Semaphore(key), deadline: limit, again };
        let empty = || s.data.load(Ordering::SeqCst) & VALUE == 0;
        let park = || rt.lot.park(here, request, empty, || ());
        let parked = match here {
            Some(carrier) => signal::wait_unless_interrupted(rt, carrier, Parked::Interrupted, park),
            None => park(),
        };
        if take(s) {
            break 0;
        }
        match parked {
            Parked::TimedOut => break libc::ETIMEDOUT,
            Parked::Interrupted if cancel::is_pending() => break libc::EINTR,
            // With a time limit, no handler restarts it (signal(7)).
            Parked::Interrupted if limit.is_some() && signal::peek(rt) != Verdict::Nothing => {
                break libc::EINTR;
            }
            Parked::Interrupted if signal::verdict(rt) == Verdict::Interrupt => break libc::EINTR,
            Parked::Woken(_) => again = true,
            _ => {}
        }
    };
    s.data.fetch_sub(WAITER, Ordering::Relaxed);
    if result == libc::EINTR && here.is_some() {
        // Off the count of waiters before the thread may unwind.
        cancel::point();
    }
    if result == 0 { 0 } else { fail(result) }
}
