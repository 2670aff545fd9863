//! pthread_cond_wait(3), pthread_cond_signal(3) and their relatives.
//!
//! Waiters queue in the parking lot under the condition's address; `waiters` counts them where glibc
//! counts them, so a signal without a waiter is one load. The waiter queues *before* it unlocks the
//! mutex, so no signal is lost; whoever takes it off the queue has also taken it off the count, so
//! the object may be destroyed the moment a broadcast returns.
//!
//! Process-shared conditions keep glibc's implementation (shared.rs). The mutex may be of any kind.

use super::{deadline, is_lock_clock, mutex, shared};
use crate::abi::Condition;
use crate::chaos;
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{clockid_t, pthread_cond_t, pthread_mutex_t, timespec};
use scheduler::lot::{Parked, Request};
use scheduler::{Reason, Runtime};

const SHARED: u32 = 1;
const MONOTONIC: u32 = 2;
const WAITER: u32 = 8;

export! {
    /// pthread_cond_wait(3)
    @cancellation_point fn pthread_cond_wait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int {
        match ours(cond) {
            Some((rt, c)) => wait(rt, c, mutex, None),
            None => shared::condition_wait(mutex, |m| real::pthread_cond_wait(cond, m)),
        }
    }

    /// pthread_cond_timedwait(3)
    @cancellation_point fn pthread_cond_timedwait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, at: *const timespec) -> c_int {
        match ours(cond) {
            Some((rt, c)) => {
                let monotonic = c.waiters.load(Ordering::Relaxed) & MONOTONIC != 0;
                let clock = if monotonic { libc::CLOCK_MONOTONIC } else { libc::CLOCK_REALTIME };
                match deadline(clock, at) {
                    Ok(limit) => wait(rt, c, mutex, Some(limit)),
                    Err(error) => error,
                }
            }
            None => shared::condition_wait(mutex, |m| real::pthread_cond_timedwait(cond, m, at)),
        }
    }

    /// pthread_cond_clockwait(3)
    @cancellation_point fn pthread_cond_clockwait(
        cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, clock: clockid_t, at: *const timespec,
    ) -> c_int {
        match ours(cond) {
            Some((rt, c)) => {
                if !is_lock_clock(clock) {
                    return libc::EINVAL;
                }
                match deadline(clock, at) {
                    Ok(limit) => wait(rt, c, mutex, Some(limit)),
                    Err(error) => error,
                }
            }
            None => shared::condition_wait(mutex, |m| real::pthread_cond_clockwait(cond, m, clock, at)),
        }
    }

    /// pthread_cond_signal(3)
    fn pthread_cond_signal(cond: *mut pthread_cond_t) -> c_int {
        chaos::point();
        let Some((rt, c)) = ours(cond) else { return real::pthread_cond_signal(cond) };
        if c.waiters.load(Ordering::SeqCst) >= WAITER {
            let waiters = &c.waiters;
            rt.lot.unpark_one(rt.carrier_here(), c.key(), |next| {
                if next.is_some() {
                    waiters.fetch_sub(WAITER, Ordering::Relaxed);
                }
                0
            });
        }
        0
    }

    /// pthread_cond_broadcast(3)
    fn pthread_cond_broadcast(cond: *mut pthread_cond_t) -> c_int {
        chaos::point();
        let Some((rt, c)) = ours(cond) else { return real::pthread_cond_broadcast(cond) };
        if c.waiters.load(Ordering::SeqCst) >= WAITER {
            let waiters = &c.waiters;
            rt.lot.unpark_all(rt.carrier_here(), c.key(), || {
                waiters.fetch_sub(WAITER, Ordering::Relaxed);
            });
        }
        0
    }

    /// pthread_cond_destroy(3): a waiter that was woken needs the object no more, so there is
    /// nothing to wait for.
    fn pthread_cond_destroy(cond: *mut pthread_cond_t) -> c_int {
        match ours(cond) {
            Some(_) => 0,
            None => real::pthread_cond_destroy(cond),
        }
    }
}

impl Condition {
    fn key(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }
}

#[inline(always)]
fn ours<'a>(cond: *mut pthread_cond_t) -> Option<(&'static Runtime, &'a Condition)> {
    let rt = start::runtime()?;
    // SAFETY: the program passes a condition, as it would to libc.
    let c = unsafe { &*cond.cast::<Condition>() };
    (c.waiters.load(Ordering::Relaxed) & SHARED == 0).then_some((rt, c))
}

unsafe fn wait(
    rt: &'static Runtime,
    c: &Condition,
    mutex: *mut pthread_mutex_t,
    limit: Option<u64>,
) -> c_int {
    let here = rt.carrier_here();
    let key = c.key();
    let request = Request { key, reason: Reason::Condition(key), deadline: limit, again: false };
    let queued = || {
        c.waiters.fetch_add(WAITER, Ordering::SeqCst);
        true
    };
    let mut error = 0;
    let parked = rt.lot.park_then(here, request, queued, || {
        // SAFETY: the caller's mutex.
        error = unsafe { mutex::unlock_to_wait(mutex) };
        // An error: do not sleep at all.
        error == 0
    });
    if !matches!(parked, Parked::Woken(_)) {
        // We took ourselves off the queue, so off the count as well.
        c.waiters.fetch_sub(WAITER, Ordering::Relaxed);
    }
    if error != 0 {
        return error;
    }
    // SAFETY: the caller's mutex.
    let locked = unsafe { mutex::lock_after_wait(mutex) };
    if parked == Parked::Interrupted && here.is_some() {
        // With the mutex held, as POSIX wants.
        super::cancel::point();
    }
    if locked != 0 {
        return locked;
    }
    // After a signal handler the answer is 0, a spurious wake-up: the handler may have parked while we
    // were off the queue, and a wake-up may have passed us by.
    if parked == Parked::TimedOut { libc::ETIMEDOUT } else { 0 }
}
