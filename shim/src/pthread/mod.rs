//! Threads and what they synchronise with, one file per section of the manual.
//!
//! Objects keep glibc's own words and their meaning, so one that was used before green threads
//! existed is understood, and process-shared ones work with a process that has no shim. Only the
//! queues of waiters are ours: they live in the scheduler's parking lot.

pub mod attributes;
pub mod barrier;
pub mod c11;
pub mod cancel;
pub mod condition;
pub mod cpu_clock;
pub mod create;
pub mod exit;
pub mod futex;
pub mod green;
pub mod join;
pub mod kernel_owned;
pub mod key;
pub mod mutex;
pub mod once;
pub mod protect;
pub mod roster;
pub mod rwlock;
pub mod schedule;
pub mod semaphore;
pub mod shared;
pub mod spin;

use crate::start;
use libc::{clockid_t, timespec};
use scheduler::sys::Timespec;

/// The calling thread's tid, as glibc's own locks see it.
#[inline]
pub fn tid() -> i32 {
    start::tid_at(scheduler::context::fs_base())
}

/// The deadline for "until `at` of `clock`". `Err(EINVAL)` for a bad clock or time.
pub fn deadline(clock: clockid_t, at: *const timespec) -> Result<u64, i32> {
    // SAFETY: the program passes a valid timespec, as it would to libc.
    let at = unsafe { &*at };
    if !(0..1_000_000_000).contains(&at.tv_nsec) {
        return Err(libc::EINVAL);
    }
    let rt = start::runtime().ok_or(libc::EINVAL)?;
    let at = Timespec { sec: at.tv_sec, nsec: at.tv_nsec };
    rt.clock.deadline(clock, at).ok_or(libc::EINVAL)
}

/// The clocks that timed locks accept.
pub fn is_lock_clock(clock: clockid_t) -> bool {
    clock == libc::CLOCK_REALTIME || clock == libc::CLOCK_MONOTONIC
}
