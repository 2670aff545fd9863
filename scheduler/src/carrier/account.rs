//! CPU time of single green threads, for whoever asks.
//!
//! ```text
//!   closed ── first question ──► open: every switch charges the thread that is left
//! ```

use super::Carrier;
use crate::thread::Thread;
use core::cell::Cell;

/// `CLOCK_THREAD_CPUTIME_ID`: of the kernel thread.
const KERNEL_THREAD_TIME: i32 = 3;

/// The books. All-zero bytes are closed ones.
#[repr(C)]
pub(super) struct Account {
    open: Cell<bool>,
    /// The carrier's CPU time when somebody was charged last.
    charged_at: Cell<u64>,
}

impl Account {
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.open.get()
    }

    /// In the child of `fork`: a new kernel thread begins at 0.
    pub(super) fn close(&self) {
        self.open.set(false);
    }
}

impl Carrier {
    /// Nanoseconds that a thread has computed. The first question opens the books and puts what was
    /// before on `first`'s account. From another kernel thread: as of the last switch.
    pub fn cpu_time_of(&self, thread: &Thread, first: &Thread) -> u64 {
        if self.is_here() {
            if !self.accounts.is_open() {
                let now = self.cpu_time();
                first.cpu.set(now);
                self.accounts.charged_at.set(now);
                self.accounts.open.set(true);
            }
            self.charge();
        }
        thread.cpu.get()
    }

    /// Charge the running thread for what has been spent since somebody was charged.
    #[cold]
    pub(super) fn charge(&self) {
        let now = self.cpu_time();
        // SAFETY: the running thread is alive (or dead and not yet buried).
        let cpu = unsafe { &(*self.current.get()).cpu };
        cpu.set(cpu.get() + now.saturating_sub(self.accounts.charged_at.replace(now)));
    }

    /// Nanoseconds of the kernel thread.
    pub fn cpu_time(&self) -> u64 {
        self.runtime().clock.read(KERNEL_THREAD_TIME).unwrap_or(0)
    }
}
