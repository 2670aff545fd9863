//! `all threads are asleep - deadlock`: nobody can run, and nothing from outside can wake anybody.
//!
//! The carrier asks when it has nothing to do and no timer is armed, first whether that may be so at all, which costs
//! nothing while one thread, the *witness*, is known to wait for something from outside:
//!
//! ```text
//!   idle, no timer ──► may_be_stuck? ──no: the witness still waits──► sleep
//!                            │ yes
//!                      20 ms without anything ──► look_if_stuck: all wait for locks, conditions, threads …?
//!                                                      │ no: a new witness
//!                                                      ▼ yes
//!                      foreign kernel threads? ──yes──► look again later: they may do anything
//!                      handlers that could post? ──yes──► only if some wait for each other in a circle
//!                                                      ▼ no
//!                                                 report, once; with GREEN_DEADLOCK=abort: SIGABRT
//! ```
//!
//! Process-shared objects, and robust mutexes, are waited for on helpers: another process may release them, so they
//! count as outside.

use super::listing::{self, Owner, owner};
use crate::pthread::green::Green;
use crate::pthread::roster;
use crate::{options, signal, start};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use scheduler::helpers::Class;
use scheduler::{Reason, Runtime};

/// Values of `GREEN_DEADLOCK`.
const OFF: u64 = 0;
const ABORT: u64 = 2;

static WITNESS: AtomicPtr<Green> = AtomicPtr::new(ptr::null_mut());
static TOLD: AtomicBool = AtomicBool::new(false);

/// Only the thread's own wait, or another thread's doing, ends such a wait: nothing from outside.
fn is_inner(reason: Reason) -> bool {
    match reason {
        Reason::Mutex(_)
        | Reason::Condition(_)
        | Reason::Semaphore(_)
        | Reason::RwLock(_)
        | Reason::Barrier(_)
        | Reason::Once(_)
        | Reason::Futex(_)
        | Reason::LibcLock(_)
        | Reason::Join(_) => true,
        Reason::None
        | Reason::Readable(_)
        | Reason::Writable(_)
        | Reason::Poll(_)
        | Reason::Signal
        | Reason::Sleep
        | Reason::Offload => false,
    }
}

/// See [`Host::may_be_stuck`](scheduler::runtime::Host).
pub fn may_be_stuck() -> bool {
    let witness = WITNESS.load(Ordering::Relaxed);
    // SAFETY: a thread that ends is forgotten.
    let waits = unsafe { witness.as_ref() }.is_some_and(|green| !is_inner(green.thread.reason()));
    !waits && !TOLD.load(Ordering::Relaxed) && options::DEADLOCK.get() != Some(OFF)
}

/// A thread ends.
pub fn forget(green: &Green) {
    if ptr::eq(WITNESS.load(Ordering::Relaxed), green) {
        WITNESS.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

/// The child of a fork has one thread, and has told nothing.
pub fn after_fork() {
    WITNESS.store(ptr::null_mut(), Ordering::Relaxed);
    TOLD.store(false, Ordering::Relaxed);
}

/// See [`Host::look_if_stuck`](scheduler::runtime::Host).
pub fn look_if_stuck() -> bool {
    let Some(rt) = start::runtime() else { return false };
    if let Some(green) = roster::find(|green| !is_inner(green.thread.reason())) {
        WITNESS.store(ptr::from_ref(green).cast_mut(), Ordering::Relaxed);
        return false;
    }
    match kernel_threads() {
        // Without /proc nobody knows.
        None => return false,
        // A helper on its last way counts as well.
        Some(all) if all > 1 + own_helpers(rt) => return true,
        Some(_) => {}
    }
    // POSIX lets a handler post a semaphore, and programs do more than POSIX lets them.
    if signal::has_handlers() && !has_circle() {
        return false;
    }
    TOLD.store(true, Ordering::Relaxed);
    listing::say_all("all threads are asleep - deadlock");
    crate::chaos::report();
    if options::DEADLOCK.get() == Some(ABORT) {
        signal::die_of_abort();
    }
    false
}

fn own_helpers(rt: &'static Runtime) -> usize {
    [Class::Bounded, Class::Unbounded].iter().map(|class| rt.helpers(*class).alive() as usize).sum()
}

/// How many the process has: the directory has a link for each, and two of its own.
fn kernel_threads() -> Option<usize> {
    // SAFETY: objects of ours.
    unsafe {
        let mut about: libc::stat = core::mem::zeroed();
        scheduler::sys!(newfstatat, libc::AT_FDCWD, c"/proc/self/task".as_ptr(), &raw mut about, 0).ok()?;
        Some((about.st_nlink as usize).saturating_sub(2))
    }
}

/// Do some wait for each other, so that nobody else could help?
fn has_circle() -> bool {
    /// Longer ones are not looked for.
    const LONGEST: usize = 1000;
    let mut found = false;
    // (Not under the roster's lock: `owner` takes it.)
    let mut at = roster::first();
    while let (Some(from), false) = (at, found) {
        let mut next = from;
        for _ in 0..LONGEST {
            let Some(Owner::Thread(whom)) = owner(next) else { break };
            next = whom;
            if ptr::eq(next, from) {
                found = true;
                break;
            }
        }
        at = roster::after(from);
    }
    found
}
