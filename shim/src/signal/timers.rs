//! Timers that signal one thread: timer_create(2) with `SIGEV_THREAD_ID`.
//!
//! The kernel knows the carrier alone, so it gets the signal; whose it is says a table by the kernel's number of the
//! timer, which comes with each signal:
//!
//! ```text
//!   timer_create ──► kernel's number ──► table: number → thread ──► on_signal: to that thread, as by pthread_kill
//! ```
//!
//! A thread that ends takes its timers' signals with it, as natively: they go on, and come to nobody.

use crate::errno::fail;
use crate::pthread::green::{self, Green};
use crate::pthread::roster;
use crate::{export, real, start};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use libc::{clockid_t, siginfo_t};

/// Most timers for one thread each, of all threads.
const MOST: usize = 256;

/// A timer with an owner.
struct Timer {
    /// The kernel's number + 1; 0: a free place.
    number: AtomicI32,
    /// Null: the thread has ended.
    owner: AtomicPtr<Green>,
}

static TIMERS: [Timer; MOST] =
    [const { Timer { number: AtomicI32::new(0), owner: AtomicPtr::new(ptr::null_mut()) } }; MOST];
/// Places from here on have never been used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// What the kernel says of a timer's signal, after the three words that all begin with.
#[repr(C)]
struct Expired {
    _signal: [c_int; 4],
    number: c_int,
}

fn used() -> &'static [Timer] {
    &TIMERS[..USED.load(Ordering::Acquire)]
}

fn find(number: c_int) -> Option<&'static Timer> {
    used().iter().find(|timer| timer.number.load(Ordering::Acquire) == number.wrapping_add(1))
}

/// Whose timer's signal is this? `None`: it is no such signal; null: its thread has ended.
pub fn owner(info: &siginfo_t) -> Option<*const Green> {
    if info.si_code != libc::SI_TIMER {
        return None;
    }
    // SAFETY: so the kernel fills in what comes from a timer.
    let number = unsafe { (*ptr::from_ref(info).cast::<Expired>()).number };
    find(number).map(|timer| timer.owner.load(Ordering::Acquire).cast_const())
}

/// A thread ends.
pub fn forget(green: &Green) {
    for timer in used() {
        if ptr::eq(timer.owner.load(Ordering::Relaxed), green) {
            timer.owner.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }
}

/// The child of a fork has no timers.
pub fn after_fork() {
    USED.store(0, Ordering::Relaxed);
}

/// Remember whose it is; false if there is no room.
fn adopt(number: c_int, owner: &'static Green) -> bool {
    // Only the carrier comes here.
    let next = USED.load(Ordering::Relaxed);
    let free = used().iter().position(|timer| timer.number.load(Ordering::Relaxed) == 0).unwrap_or(next);
    let Some(timer) = TIMERS.get(free) else { return false };
    timer.owner.store(ptr::from_ref(owner).cast_mut(), Ordering::Release);
    timer.number.store(number.wrapping_add(1), Ordering::Release);
    USED.store(next.max(free + 1), Ordering::Release);
    true
}

export! {
    /// timer_create(2)
    fn timer_create(clock: clockid_t, event: *mut libc::sigevent, timer: *mut *mut c_void) -> c_int {
        let here = start::here().filter(|_| !event.is_null() && (*event).sigev_notify == libc::SIGEV_THREAD_ID);
        let owner = here.and_then(|_| roster::by_tid((*event).sigev_notify_thread_id));
        let Some(owner) = owner else { return real::timer_create(clock, event, timer) };
        let mut passed = *event;
        passed.sigev_notify_thread_id = green::kernel_tid();
        let result = real::timer_create(clock, &raw mut passed, timer);
        // (For these glibc's handle is the kernel's number.)
        if result == 0 && !adopt((*timer).addr() as c_int, owner) {
            real::timer_delete(*timer);
            return fail(libc::EAGAIN);
        }
        result
    }

    /// timer_delete(2)
    fn timer_delete(timer: *mut c_void) -> c_int {
        let known = start::here().and_then(|_| find(timer.addr() as c_int));
        let result = real::timer_delete(timer);
        if let (0, Some(known)) = (result, known) {
            known.number.store(0, Ordering::Release);
        }
        result
    }
}
