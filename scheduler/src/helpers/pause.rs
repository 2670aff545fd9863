//! Signal handlers of a thread whose call a helper executes on the thread's TLS block. Only one of them may use the
//! block at a time, so the helper pauses, inside a signal handler of ours, while the thread runs the program's:
//!
//! ```text
//!   thread (parked)   WANTED ──host's signal──┐                 ┌─ handlers ─┐   CONTINUE, INTERRUPT or ABANDON
//!   helper            … the call …            └─► PAUSED, unpark               └─► RUNNING: on with the call, or not
//! ```
//!
//! A signal that finds the helper before its call, or behind it, or where it must not stop, is not answered: the thread
//! asks again a little later. `ABANDON` is for a handler that leaves the call by siglongjmp(3). `INTERRUPT` is repeated
//! until a system call has failed by it: the thread has been in the call since before the helper began with it.

use super::{Helpers, Job};
use crate::carrier::{Carrier, Wake};
use crate::sys;
use crate::thread::Thread;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

/// The call goes on.
pub(super) const RUNNING: u32 = 0;
/// The thread wants to run handlers.
const WANTED: u32 = 1;
/// The helper uses nothing of the thread's until it is told how to go on.
const PAUSED: u32 = 2;
const CONTINUE: u32 = 3;
const INTERRUPT: u32 = 4;
const ABANDON: u32 = 5;
/// A system call has failed by `INTERRUPT`, which the thread does not know yet.
const FAILED: u32 = 6;

/// How a helper goes on after a pause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Order {
    /// As if nothing had been.
    Continue,
    /// The system call that was interrupted fails with `EINTR`.
    Interrupt,
    /// The call is left where it is.
    Abandon,
}

/// In the helper's signal handler: pause, if `thread` still wants that, until it says how to go on. `fail` makes the
/// interrupted system call fail, if there is one.
///
/// # Safety
/// `word` is what [`Host::interrupt_kernel_thread`](crate::runtime::Host) was given for the job that the helper
/// executes for `thread`.
pub unsafe fn pause(
    word: *const AtomicU32,
    thread: *mut Thread,
    fail: impl FnOnce() -> bool,
) -> Option<Order> {
    // SAFETY: the job lives until the helper is through with it.
    let word = unsafe { &*word };
    word.compare_exchange(WANTED, PAUSED, Ordering::AcqRel, Ordering::Relaxed).ok()?;
    // SAFETY: its owner waits for us.
    unsafe { Thread::unpark(thread, Wake::Ready) };
    Some(await_order(word, fail))
}

/// A call that is being executed, so that it can be paused by the helper itself.
#[derive(Clone, Copy)]
pub struct Pause {
    word: *const AtomicU32,
    thread: *mut Thread,
}

impl Pause {
    pub(super) fn of(job: &Job) -> Self {
        Pause { word: &raw const job.pause, thread: job.thread }
    }

    /// In the helper, in a signal handler of ours: something is left to the thread, which sees to it and says how to go on.
    ///
    /// # Safety
    /// The call must be under way.
    pub unsafe fn now(&self) -> Order {
        // SAFETY: the job lives until the helper is through with it.
        let word = unsafe { &*self.word };
        word.store(PAUSED, Ordering::Release);
        // SAFETY: its owner waits for us.
        unsafe { Thread::unpark(self.thread, Wake::Ready) };
        await_order(word, || false)
    }
}

fn await_order(word: &AtomicU32, fail: impl FnOnce() -> bool) -> Order {
    let order = loop {
        match word.load(Ordering::Acquire) {
            CONTINUE => break Order::Continue,
            INTERRUPT => break Order::Interrupt,
            ABANDON => break Order::Abandon,
            _ => {
                let _ = sys::futex_wait(word, PAUSED, None);
            }
        }
    };
    let failed = order == Order::Interrupt && fail();
    word.store(if failed { FAILED } else { RUNNING }, Ordering::Release);
    order
}

impl Job {
    pub(super) fn is_paused(&self) -> bool {
        self.pause.load(Ordering::Acquire) == PAUSED
    }

    /// Let the paused helper go on.
    pub(super) fn go_on(&self, order: Order) {
        let order = match order {
            Order::Continue => CONTINUE,
            Order::Interrupt => INTERRUPT,
            Order::Abandon => ABANDON,
        };
        self.pause.store(order, Ordering::Release);
        sys::futex_wake(self.pause.as_ptr(), 1);
    }

    /// In the critical section that the wait for the job runs in: let handlers run, while the helper is paused.
    /// They run in `outside`, which leaves the section for them; and on goes the helper as that says, or in any case
    /// so that it fails (`owed`).
    pub(super) fn run_handlers(
        &self,
        carrier: &Carrier,
        owed: bool,
        outside: impl FnOnce() -> Order,
    ) -> Order {
        carrier.take_block_back();
        // SAFETY: the running thread's record.
        let paused = unsafe { &(*self.thread).paused };
        self.outer.set(paused.replace(ptr::from_ref(self)));
        let order = if owed { outside().max(Order::Interrupt) } else { outside() };
        self.leave_pause();
        carrier.lend_block();
        self.go_on(order);
        order
    }

    /// The handlers have run, or are being left by an unwind.
    pub(super) fn leave_pause(&self) {
        // SAFETY: the running thread's record.
        unsafe { (*self.thread).paused.set(self.outer.get()) };
    }

    /// Has a system call failed by [`Order::Interrupt`]?
    pub(super) fn has_failed(&self) -> bool {
        self.pause.compare_exchange(FAILED, RUNNING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The helper is through with the call, and about to say so: was it asked to pause? Then the signal must arrive
    /// first, because it leads to the job.
    pub(super) fn was_asked(&self) -> bool {
        self.pause.swap(RUNNING, Ordering::AcqRel) != RUNNING
    }
}

impl Helpers {
    /// Ask the helper that has the job, if one has, to pause. It unparks the thread when it does.
    pub(super) fn ask_to_pause(&self, job: &Job) {
        let _pool = self.pool.lock();
        let runner = job.runner.load(Ordering::Relaxed);
        if job.done.load(Ordering::SeqCst) != 0 || runner == 0 {
            return;
        }
        // (Not if it has just failed, which is not known yet.)
        let _ = job.pause.compare_exchange(RUNNING, WANTED, Ordering::AcqRel, Ordering::Relaxed);
        // Under the lock, so that it is this job that is meant.
        // SAFETY: written once at start.
        unsafe { ((*self.host.get()).interrupt_kernel_thread)(runner, &raw const job.pause) };
    }
}

impl Carrier {
    /// The running thread leaves all frames below `sp`, by siglongjmp(3) out of a handler: calls of them that helpers
    /// have are abandoned. Answers whether there were any.
    pub fn abandon_calls_below(&self, sp: usize) -> bool {
        let mut any = false;
        // SAFETY: the running thread's record, and jobs in frames of its own.
        unsafe {
            let thread = &*self.current();
            loop {
                let job = thread.paused.get();
                if job.is_null() || job.addr() >= sp {
                    return any;
                }
                any = true;
                let job = &*job;
                thread.paused.set(job.outer.get());
                let _critical = self.enter();
                job.go_on(Order::Abandon);
                job.await_end(self);
            }
        }
    }
}
