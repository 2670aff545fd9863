//! Waiting for a job that a helper has: with handlers kept, run, or taken as a reason to end it early.

use super::{AGAIN_NANOS, Helpers, Job, Signals};
use crate::carrier::Carrier;
use crate::thread::Reason;
use core::sync::atomic::Ordering;

/// A job that a helper has, or will have: whoever submitted it must not leave its frame before it is
/// done, not even by an unwind out of a signal handler.
pub(super) struct InFlight<'a> {
    pub(super) helpers: &'static Helpers,
    pub(super) carrier: &'a Carrier,
    pub(super) job: &'a Job,
}

impl InFlight<'_> {
    fn is_done(&self) -> bool {
        self.job.done.load(Ordering::SeqCst) != 0
    }

    /// Park until the job is done.
    pub(super) fn wait(self, signals: Signals) {
        match signals {
            // As every drop of it does.
            Signals::Kept => {}
            Signals::Handled => while !self.park() {},
            Signals::Ending { over, deaf } => {
                let _critical = self.carrier.enter();
                self.set_deaf(deaf);
                loop {
                    if over() {
                        self.helpers.cancel(self.job);
                        break;
                    }
                    if self.park() {
                        break;
                    }
                }
                // The end of the job before the end of the critical section, which runs handlers.
                drop(self);
            }
            Signals::Interrupting { over, deaf } => {
                let _critical = self.carrier.enter();
                self.set_deaf(deaf);
                loop {
                    let deadline = over().then(|| {
                        // What is due stays so: do not come back for it before the time.
                        self.set_deaf(true);
                        self.helpers.interrupt(self.job);
                        self.carrier.runtime().clock.now() + AGAIN_NANOS
                    });
                    if self.park_until(deadline) {
                        break;
                    }
                }
                drop(self);
            }
            Signals::HandledUntil(over) => loop {
                let _critical = self.carrier.enter();
                // Inside the critical section: a handler cannot come between this and the park.
                if over() {
                    self.helpers.cancel(self.job);
                    break;
                }
                if self.park() {
                    break;
                }
            },
        }
    }

    /// Are interruptions of no interest?
    fn set_deaf(&self, deaf: bool) {
        // SAFETY: the running thread's record.
        unsafe { (*self.job.thread).deaf.store(deaf, Ordering::Relaxed) };
    }

    /// Park until the job is done or a handler is due; answers whether it is done.
    fn park(&self) -> bool {
        self.park_until(None)
    }

    fn park_until(&self, deadline: Option<u64>) -> bool {
        let _critical = self.carrier.enter();
        self.carrier.prepare_park();
        if self.is_done() {
            // Its unpark may have come too early to count.
            self.carrier.cancel_park();
            return true;
        }
        self.carrier.park(Reason::Offload, deadline);
        self.is_done()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let _critical = self.carrier.enter();
        // Not done: an unwind, or a call that just cannot be interrupted.
        if self.job.cancellable && self.job.cancel.load(Ordering::Relaxed) == 0 {
            self.helpers.cancel(self.job);
        }
        self.set_deaf(true);
        while !self.park() {}
        self.set_deaf(false);
        // The helper sets `done` and unparks under the lock: it is through with us after it.
        drop(self.helpers.pool.lock());
        if self.job.lends_block {
            self.carrier.take_block_back();
        }
    }
}
