//! What the carrier tells the trace (trace.rs).

use super::Carrier;
use crate::thread::{Reason, Thread};
use crate::trace::{self, What};

/// While this lives, threads are unparked from outside.
pub(super) struct Outside<'a>(&'a Carrier, bool);

impl Drop for Outside<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.outside.set(self.1);
    }
}

impl Carrier {
    #[inline]
    pub(super) fn begin_outside(&self) -> Outside<'_> {
        Outside(self, self.outside.replace(true))
    }

    /// The running thread does something.
    #[inline(always)]
    pub(super) fn trace_running(&self, what: What) {
        // SAFETY: the running thread's record.
        trace::record(what, 0, unsafe { (*self.current.get()).id }, 0);
    }

    /// The running thread is about to wait.
    #[inline(always)]
    pub(super) fn trace_park(&self, reason: Reason) {
        if trace::ring().is_some() {
            // SAFETY: the running thread's record.
            let id = unsafe { (*self.current.get()).id };
            trace::record(What::Park, reason.word() as u32, id, reason.value());
        }
    }

    /// A thread is woken, by the running one or from outside.
    #[inline(always)]
    pub(crate) fn trace_unpark(&self, thread: *mut Thread, woken: u32) {
        if trace::ring().is_some() {
            // SAFETY: both are alive.
            let (id, waker) = unsafe { ((*thread).id, (*self.current.get()).id) };
            let waker = if self.outside.get() { 0 } else { waker };
            trace::record(What::Unpark, woken, id, waker.into());
        }
    }

    /// A helper has woken a thread.
    #[inline(always)]
    pub(super) fn trace_unpark_from_outside(&self, thread: *mut Thread) {
        // SAFETY: it waits, so it is alive.
        trace::record(What::Unpark, 0, unsafe { (*thread).id }, 0);
    }
}
