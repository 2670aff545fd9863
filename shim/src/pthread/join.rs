//! pthread_join(3) and its timed variants, pthread_detach(3). Joins are cancellation points only if they have to
//! wait, as glibc's.

use super::green::{self, BURIED, DETACHED, ENDED, Green, JOINED};
use super::{cancel, deadline, is_lock_clock};
use crate::offload::{self, Ends};
use crate::{export, real, start};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::Ordering;
use libc::{clockid_t, pthread_t, timespec};
use scheduler::lot::{Parked, Request};
use scheduler::{Reason, Runtime, Thread};

export! {
    /// pthread_join(3)
    fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int {
        match green_handle(thread) {
            Some((rt, green)) => join(rt, green, result, None),
            None => natively(|| real::pthread_join(thread, result)),
        }
    }

    /// pthread_tryjoin_np(3)
    fn pthread_tryjoin_np(thread: pthread_t, result: *mut *mut c_void) -> c_int {
        match green_handle(thread) {
            Some((_, green)) if green.life.load(Ordering::Acquire) & ENDED == 0 => libc::EBUSY,
            Some((rt, green)) => join(rt, green, result, None),
            None => real::pthread_tryjoin_np(thread, result),
        }
    }

    /// pthread_timedjoin_np(3)
    fn pthread_timedjoin_np(thread: pthread_t, result: *mut *mut c_void, at: *const timespec) -> c_int {
        match green_handle(thread) {
            Some((rt, green)) => timed(rt, green, result, libc::CLOCK_REALTIME, at),
            None => natively(|| real::pthread_timedjoin_np(thread, result, at)),
        }
    }

    /// pthread_clockjoin_np(3)
    fn pthread_clockjoin_np(thread: pthread_t, result: *mut *mut c_void, clock: clockid_t, at: *const timespec) -> c_int {
        match green_handle(thread) {
            Some(_) if !is_lock_clock(clock) => libc::EINVAL,
            Some((rt, green)) => timed(rt, green, result, clock, at),
            None => natively(|| real::pthread_clockjoin_np(thread, result, clock, at)),
        }
    }

    /// pthread_detach(3)
    fn pthread_detach(thread: pthread_t) -> c_int {
        let Some((_, green)) = green_handle(thread) else { return real::pthread_detach(thread) };
        if green.life.load(Ordering::Acquire) & DETACHED != 0 {
            return libc::EINVAL;
        }
        // Somebody joins it: glibc then changes nothing, and says so to nobody.
        if green.joiner.load(Ordering::Acquire).is_null()
            && green.life.fetch_or(DETACHED, Ordering::AcqRel) & BURIED != 0
        {
            green::recycle(green);
        }
        0
    }
}

/// Join a native thread (a foreign one's child): a helper waits for it.
fn natively(mut join: impl FnMut() -> c_int) -> c_int {
    let Some((rt, carrier)) = start::here() else { return join() };
    offload::waiting(rt, carrier, Ends::CANCELLED, join).unwrap_or_else(|error| error.0)
}

/// The record behind a handle, if green threads exist and it is one.
pub fn green_handle(thread: pthread_t) -> Option<(&'static Runtime, &'static Green)> {
    let rt = start::runtime()?;
    Some((rt, green::find(thread)?))
}

unsafe fn timed(
    rt: &'static Runtime,
    green: &'static Green,
    result: *mut *mut c_void,
    clock: clockid_t,
    at: *const timespec,
) -> c_int {
    // SAFETY: the program's pointers, as in the jackets.
    unsafe {
        if at.is_null() {
            return join(rt, green, result, None);
        }
        // A time that is none is no reason to fail for glibc: it waits on.
        join(rt, green, result, deadline(clock, at).ok())
    }
}

unsafe fn join(
    rt: &'static Runtime,
    green: &'static Green,
    result: *mut *mut c_void,
    deadline: Option<u64>,
) -> c_int {
    if green.life.load(Ordering::Acquire) & DETACHED != 0 {
        return libc::EINVAL;
    }
    let here = rt.carrier_here();
    // A foreign kernel thread has no record; any non-null mark does.
    let me: *mut Thread = here.map_or(ptr::dangling_mut(), |c| c.current());
    let other = (&raw const green.thread).cast_mut();
    if here.is_some() {
        // SAFETY: the running green thread's record.
        let joins_us = unsafe { (*me.cast::<Green>()).joiner.load(Ordering::Acquire) == other };
        if other == me || joins_us {
            return libc::EDEADLK;
        }
    }
    if green.joiner.compare_exchange(ptr::null_mut(), me, Ordering::SeqCst, Ordering::Relaxed).is_err() {
        return libc::EINVAL;
    }
    let alive = || green.life.load(Ordering::SeqCst) & ENDED == 0;
    let key = (&raw const green.life).addr();
    while alive() {
        if here.is_some() && cancel::is_pending() {
            // The thread stays joinable for others.
            green.joiner.store(ptr::null_mut(), Ordering::Release);
            cancel::point();
        }
        let request = Request { key, reason: Reason::Join(green.fs), deadline, again: false };
        if rt.lot.park(here, request, alive, || ()) == Parked::TimedOut {
            green.joiner.store(ptr::null_mut(), Ordering::Release);
            return libc::ETIMEDOUT;
        }
    }
    if !result.is_null() {
        // SAFETY: the program's pointer.
        unsafe { result.write(green.result.get()) };
    }
    if green.life.fetch_or(JOINED, Ordering::AcqRel) & BURIED != 0 {
        green::recycle(green);
    }
    0
}
