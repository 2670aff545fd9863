//! What another kernel thread can see of the carrier, as of a moment and without its help: for a watchdog.
//!
//! The carrier writes its words by plain stores, so each is seen whole; two of them need not be of the same moment.

use super::Carrier;
use crate::counters::counts;
use core::cell::Cell;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A word of the carrier's.
pub(crate) fn word(cell: &Cell<u64>) -> u64 {
    // SAFETY: an aligned word that lives as long as the reference; nobody but the carrier writes it.
    unsafe { AtomicU64::from_ptr(cell.as_ptr()) }.load(Ordering::Relaxed)
}

/// The same, of a count.
pub(crate) fn count(cell: &Cell<usize>) -> usize {
    // SAFETY: as above.
    unsafe { AtomicUsize::from_ptr(cell.as_ptr()) }.load(Ordering::Relaxed)
}

impl Carrier {
    /// A number that is another one as soon as the carrier has switched, or waited in the kernel.
    pub fn steps(&self) -> u64 {
        word(&self.switches).wrapping_add(counts().idle_waits.get())
    }

    /// It waits in the kernel because nobody can run.
    pub fn is_asleep(&self) -> bool {
        self.inbox.is_asleep()
    }

    /// Somebody could run, if the carrier looked: at its run queue, its inbox, the time, or its descriptors.
    pub fn is_wanted(&self) -> bool {
        self.run.seems_filled()
            || !self.inbox.is_empty()
            || self.wheel.first_due().is_some_and(|at| at <= self.runtime().clock.now())
            || self.netpoll.has_news()
    }
}
