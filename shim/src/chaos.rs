//! Other schedules, to find faults by: `GREEN_SEED` and `GREEN_CHAOS`.
//!
//! With a seed the next thread is chosen at random, and at each call that threads meet in ([`point`]) the running one
//! may have to give way, though it could go on. Everything follows from the seed, so the same seed makes the same
//! choices again. A process that fails says which it was.

use crate::options;
use crate::{export, real, say, start};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use scheduler::policy::Policy;

static ON: AtomicBool = AtomicBool::new(false);
static SEED: AtomicU64 = AtomicU64::new(0);

/// The order of runnable threads that the user asked for.
pub fn policy() -> Policy {
    match (options::SEED.get(), options::CHAOS.get()) {
        (None, None) => Policy::Fifo,
        (Some(seed), None) => Policy::Random(seed),
        (seed, Some(depth)) => {
            let seed = seed.unwrap_or_else(any_seed);
            SEED.store(seed, Ordering::Relaxed);
            Policy::Priorities { seed, depth: depth as u32 }
        }
    }
}

/// One that the user may type.
fn any_seed() -> u64 {
    let mut seed = 0u64;
    // SAFETY: an object of ours.
    let _ = unsafe { scheduler::sys!(getrandom, &raw mut seed, 4usize, libc::GRND_NONBLOCK) };
    seed
}

/// Green threads start. Answers whether chance takes part.
pub fn begin() -> bool {
    if options::SEED.get().is_none() && options::CHAOS.get().is_none() {
        return false;
    }
    if let Some(seed) = options::SEED.get() {
        SEED.store(seed, Ordering::Relaxed);
    }
    ON.store(true, Ordering::Relaxed);
    unsafe extern "C" {
        fn on_exit(function: unsafe extern "C" fn(c_int, *mut c_void), data: *mut c_void) -> c_int;
    }
    unsafe extern "C" fn at_exit(status: c_int, _: *mut c_void) {
        report_if_failed(status);
    }
    // SAFETY: the function fits.
    unsafe { on_exit(at_exit, core::ptr::null_mut()) };
    true
}

/// The running thread may have to give way here.
#[inline(always)]
pub fn point() {
    if ON.load(Ordering::Relaxed) {
        give_way();
    }
}

#[cold]
fn give_way() {
    if let Some((_, carrier)) = start::here()
        && !carrier.is_critical()
    {
        carrier.yield_by_chance();
    }
}

/// The running thread has nothing to do at the moment, and says so.
pub fn demote() {
    if ON.load(Ordering::Relaxed)
        && let Some((_, carrier)) = start::here()
    {
        carrier.demote();
    }
}

/// The process ends with this status.
fn report_if_failed(status: c_int) {
    if status != 0 {
        report();
    }
}

/// The process fails: say by which seed, once.
pub fn report() {
    if ON.swap(false, Ordering::Relaxed) {
        let seed = SEED.load(Ordering::Relaxed);
        match options::CHAOS.get() {
            Some(depth) => say!("this was GREEN_SEED={seed} GREEN_CHAOS={depth}"),
            None => say!("this was GREEN_SEED={seed}"),
        }
    }
}

export! {
    /// _exit(2)
    fn _exit | _Exit(status: c_int) -> ! {
        // (A child of vfork has its parent's memory.)
        if !crate::process::may_be_vfork_child() {
            report_if_failed(status);
            crate::statistics::withdraw();
        }
        real::_exit(status)
    }
}
