//! pthread_once(3)
//!
//! The word, with glibc's values:
//!
//! ```text
//!   0 ──(first caller)──► 1 | forks << 2 ──(initialiser returned)──► 2
//!   ▲                        │
//!   └──(initialiser threw, was cancelled; or the fork's child has no such thread)──┘
//! ```

use crate::real::Initialiser;
use crate::{export, start};
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};
use scheduler::Reason;
use scheduler::lot::Request;

const BUSY: u32 = 1;
const DONE: u32 = 2;

/// Counts the forks on the way to this process: an initialiser of the parent's will not end here.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// In the child of `fork`.
pub fn after_fork() {
    FORKS.fetch_add(4, Ordering::Relaxed);
}

/// The initialiser runs; if it unwinds, the next caller tries again.
struct Attempt<'a>(&'a AtomicU32);

impl Attempt<'_> {
    fn end(&self, value: u32) {
        self.0.store(value, Ordering::Release);
        if let Some(rt) = start::runtime() {
            rt.lot.unpark_many(rt.carrier_here(), self.0.as_ptr().addr(), usize::MAX, 0);
        } else {
            scheduler::sys::futex_wake(self.0.as_ptr(), i32::MAX as usize);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.end(0);
    }
}

export! {
    /// pthread_once(3)
    fn pthread_once | __pthread_once(control: *mut c_int, initialise: Initialiser) -> c_int {
        let word = AtomicU32::from_ptr(control.cast());
        loop {
            let value = word.load(Ordering::Acquire);
            if value & DONE != 0 {
                return 0;
            }
            let busy = BUSY | FORKS.load(Ordering::Relaxed);
            if value != busy {
                if word.compare_exchange(value, busy, Ordering::Acquire, Ordering::Relaxed).is_err() {
                    continue;
                }
                let attempt = Attempt(word);
                initialise();
                attempt.end(DONE);
                core::mem::forget(attempt);
                return 0;
            }
            let key = control.addr();
            let waits = || word.load(Ordering::Relaxed) == busy;
            match start::runtime() {
                Some(rt) => {
                    let request = Request { key, reason: Reason::Once(key), deadline: None, again: false };
                    let _ = rt.lot.park(rt.carrier_here(), request, waits, || ());
                }
                None => {
                    let _ = scheduler::sys::futex_wait(word, busy, None);
                }
            }
        }
    }
}
