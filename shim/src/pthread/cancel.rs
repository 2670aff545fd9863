//! pthread_cancel(3)
//!
//! A request is a bit in glibc's own descriptor, and so are the thread's cancel state and type, so
//! `pthread_setcancelstate`, `pthread_setcanceltype` and `pthread_testcancel` are right as they are, and
//! libc functions that switch cancellation off for a while are obeyed. Ours are the two things that the
//! kernel's signal does natively:
//!
//! * **At a cancellation point** ([`point`], which the macro `export!` puts at the head of such jackets,
//!   and again after an interrupted wait) a pending request is acted on: glibc's unwinder runs the
//!   cleanup handlers and destructors, through our own frames as well, up to the thread's first frame.
//! * **A parked thread** is woken, so that it gets to its point. Waits that are no cancellation points
//!   (a mutex) go on waiting.
//!
//! With the asynchronous type the thread acts as soon as it runs again: on one carrier it is in some
//! jacket of ours whenever another thread runs.

use super::green::ENDED;
use super::join::green_handle;
use crate::{export, real, signal, start};
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};
use libc::pthread_t;
use scheduler::context::fs_base;

/// `CANCELED_BITMASK` and `EXITING_BITMASK` of glibc's `cancelhandling`, the same since 2.3.
const CANCELED: i32 = 0x08;
const EXITING: i32 = 0x10;

/// `PTHREAD_CANCELED`
pub const CANCELED_RESULT: *mut core::ffi::c_void = ptr::without_provenance_mut(usize::MAX);

export! {
    /// pthread_cancel(3)
    fn pthread_cancel(thread: pthread_t) -> c_int {
        let Some((rt, green)) = green_handle(thread) else { return real::pthread_cancel(thread) };
        if green.life.load(Ordering::Acquire) & ENDED != 0 {
            return 0;
        }
        let before = handling(green.fs).fetch_or(CANCELED, Ordering::SeqCst);
        if before & (CANCELED | EXITING) != 0 || start::layout().cancel_disabled.is_set(green.fs) {
            return 0;
        }
        let me = rt.carrier_here().is_some_and(|c| c.current() == (&raw const green.thread).cast_mut());
        if me {
            act_if_asynchronous();
        } else {
            signal::nudge(rt, green);
        }
        0
    }
}

fn handling<'a>(fs: usize) -> &'a AtomicI32 {
    // SAFETY: a descriptor has this field; glibc changes it atomically, too.
    unsafe { AtomicI32::from_ptr(ptr::with_exposed_provenance_mut(fs + start::layout().cancel_handling)) }
}

/// A cancellation point: act on a pending request.
#[inline(always)]
pub fn point() {
    if start::here().is_some() && handling(fs_base()).load(Ordering::Relaxed) & CANCELED != 0 {
        act();
    }
}

/// Somebody wants the running thread to end, and it does not refuse.
pub fn is_pending() -> bool {
    handling(fs_base()).load(Ordering::Relaxed) & (CANCELED | EXITING) == CANCELED
        && !start::layout().cancel_disabled.is_set(fs_base())
}

/// Run `work`, which is no cancellation point for the program though it waits by jackets that are.
pub fn refused<R>(work: impl FnOnce() -> R) -> R {
    let disabled = &start::layout().cancel_disabled;
    let before = disabled.put(fs_base(), true);
    let result = work();
    disabled.put(fs_base(), before);
    result
}

#[cold]
fn act() {
    // SAFETY: it unwinds or returns.
    unsafe { real::pthread_testcancel() };
}

/// The running thread continues after a switch.
pub fn act_if_asynchronous() {
    if is_pending() && start::layout().cancel_asynchronous.is_set(fs_base()) {
        act();
    }
}
