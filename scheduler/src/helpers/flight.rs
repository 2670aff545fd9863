//! Waiting for a job that a helper has: with handlers kept, run, or taken as a reason to end it early.

use super::{AGAIN_NANOS, Job, Order, Signals};
use crate::carrier::{Carrier, Critical};
use crate::thread::Reason;
use core::sync::atomic::Ordering;

/// A job that a helper has, or will have: whoever submitted it must not leave its frame before it is
/// done, not even by an unwind out of a signal handler.
pub(super) struct InFlight<'a> {
    pub(super) carrier: &'a Carrier,
    pub(super) job: &'a Job,
}

impl InFlight<'_> {
    /// Park until the job is done.
    pub(super) fn wait(self, signals: Signals) {
        match signals {
            // As every drop of it does.
            Signals::Between { .. } => {}
            Signals::Handled => while !self.park() {},
            Signals::Ending { over, deaf } => {
                let _critical = self.carrier.enter();
                self.set_deaf(deaf);
                loop {
                    if over() {
                        self.job.helpers.cancel(self.job);
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
                        self.job.helpers.interrupt(self.job);
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
                    self.job.helpers.cancel(self.job);
                    break;
                }
                if self.park() {
                    break;
                }
            },
        }
    }

    /// Park until the job is done; the helper pauses for signal handlers, which run outside the critical section.
    pub(super) fn wait_between<'c>(
        self,
        critical: &mut Option<Critical<'c>>,
        due: &dyn Fn() -> bool,
        order: &dyn Fn() -> Order,
    ) where
        Self: 'c,
    {
        let mut deadline = None;
        // A handler has run that interrupts the call, but the helper was in no system call.
        let mut owed = false;
        while !self.park_until(deadline) {
            owed &= !self.job.has_failed();
            if self.job.is_paused() {
                self.set_deaf(false);
                let order = self.job.run_handlers(self.carrier, owed, || {
                    drop(critical.take());
                    let order = order();
                    *critical = Some(self.carrier.enter());
                    order
                });
                owed = order == Order::Interrupt;
            } else if owed || due() {
                // What is due stays so: do not come back for it before the time.
                self.set_deaf(true);
                self.job.helpers.ask_to_pause(self.job);
            } else {
                self.set_deaf(false);
                deadline = None;
                continue;
            }
            deadline = Some(self.carrier.runtime().clock.now() + AGAIN_NANOS);
        }
    }

    /// An unwind out of a handler, while the helper pauses: it is to end its call.
    #[cold]
    fn leave_call(&self) {
        self.job.leave_pause();
        loop {
            if self.job.is_paused() {
                self.job.go_on(Order::Interrupt);
            } else if !self.job.has_failed() {
                self.job.helpers.ask_to_pause(self.job);
            }
            if self.park_until(Some(self.carrier.runtime().clock.now() + AGAIN_NANOS)) {
                return;
            }
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
        self.job.park(self.carrier, deadline)
    }
}

impl Job {
    fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst) != 0
    }

    /// Park until the job is done or paused, or there is something else to look at; answers whether it is done.
    pub(super) fn park(&self, carrier: &Carrier, deadline: Option<u64>) -> bool {
        let _critical = carrier.enter();
        carrier.prepare_park();
        if self.is_done() || self.is_paused() {
            // Its unpark may have come too early to count.
            carrier.cancel_park();
        } else {
            carrier.park(Reason::Offload, deadline);
        }
        self.is_done()
    }

    /// Park until the helper is through with the job, and with the frame that holds it.
    pub(super) fn await_end(&self, carrier: &Carrier) {
        while !self.park(carrier, None) {}
        // The helper sets `done` and unparks under the lock.
        drop(self.helpers.pool.lock());
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let _critical = self.carrier.enter();
        // Not done: an unwind, or a call that just cannot be interrupted.
        if self.job.cancellable && self.job.cancel.load(Ordering::Relaxed) == 0 {
            self.job.helpers.cancel(self.job);
        }
        self.set_deaf(true);
        if self.job.is_paused() {
            self.carrier.lend_block();
            self.leave_call();
        }
        self.job.await_end(self.carrier);
        self.set_deaf(false);
        if self.job.lends_block {
            self.carrier.take_block_back();
        }
    }
}
