//! Helpers: kernel threads that execute what the carrier must not wait for.
//!
//! ```text
//!   green thread ── offload(class, closure) ──► queue of its class ──► a helper runs the closure
//!        │ parks                                                            │
//!        └──────────────── inbox, doorbell ◄────────── done, unpark ◄───────┘
//! ```
//!
//! A job is a record on the parked thread's stack; nothing is allocated. Calls that end by
//! themselves (disk, DNS) share a bounded pool; calls that can wait for ever (a connect, a lock
//! held elsewhere) have another, so that they never occupy the last helper. A helper with nothing
//! to do ends after a while; the next job starts a new one. If no helper can be started at all,
//! the call runs on the carrier: late, but right.
//!
//! A call that can wait for ever can be cancelled, by the cancellation (pthread_cancel) of its helper:
//! libc's own functions know how to leave such a wait without losing a wake-up or a lock. That helper
//! ends with it.

mod flight;
mod pause;

pub use pause::{Order, Pause, pause};

use crate::carrier::{Carrier, Wake};
use crate::context::fs_base;
use crate::counters::counts;
use crate::list::{Links, List, Node};
use crate::runtime::Host;
use crate::spin::{Spin, SpinGuard};
use crate::sys::{self, Errno};
use crate::thread::Thread;
use core::cell::{Cell, UnsafeCell};
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use flight::InFlight;

/// How long a call may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It ends by itself: disk, DNS.
    Bounded,
    /// Somebody else decides when it ends.
    Unbounded,
}

/// What happens to signal handlers of a thread whose call a helper executes.
enum Signals<'a> {
    /// The helper uses the thread's TLS block: it pauses for them, and then goes on as `order` says (pause.rs).
    Between { due: &'a dyn Fn() -> bool, order: &'a dyn Fn() -> Order },
    /// They run, and the call goes on.
    Handled,
    /// They wait, and the call is cancelled when this says so. It is asked when a handler is due, too,
    /// unless that is of no interest (`deaf`).
    Ending { over: &'a dyn Fn() -> bool, deaf: bool },
    /// They wait, and while this says so the helper's system call is interrupted. Asked like that of `Ending`.
    Interrupting { over: &'a dyn Fn() -> bool, deaf: bool },
    /// They run, and the call goes on until this says so.
    HandledUntil(&'a dyn Fn() -> bool),
}

/// There is no helper for a call, and none can be started.
#[derive(Clone, Copy, Debug)]
pub struct NoHelper;

/// A helper without work ends after this long. To start another takes less than a thousandth of it; but while there is
/// one, the kernel counts references to every descriptor that the carrier names in a call (`fdget`): 5 to 10 % of a `recv`.
pub(crate) const IDLE_NANOS: u64 = 100_000_000;

/// [`Job::cancel`]: somebody is about to cancel the helper that runs it.
const CANCELLING: u32 = 1;
/// [`Job::cancel`]: the helper has been cancelled, and ends when it is through with the job.
const CANCELLED: u32 = 2;
/// [`Job::cancel`]: the helper's system call has been interrupted.
const INTERRUPTED: u32 = 3;

/// A helper that was interrupted before its system call, or after it, is interrupted again this soon.
const AGAIN_NANOS: u64 = 1_000_000;

/// What a helper executes.
pub type Work = unsafe extern "C-unwind" fn(*mut ());

#[repr(C)]
pub(crate) struct Job {
    links: Links<Job>,
    run: Work,
    data: *mut (),
    thread: *mut Thread,
    /// It may be cancelled while it runs.
    cancellable: bool,
    /// The helper may use the TLS block of the parked thread.
    lends_block: bool,
    /// FS base of the helper that runs it.
    runner: AtomicUsize,
    helpers: &'static Helpers,
    /// See pause.rs.
    pause: AtomicU32,
    /// The job in whose pause this one was begun, while this one is paused.
    outer: Cell<*const Job>,
    cancel: AtomicU32,
    done: AtomicU32,
}

// SAFETY: always the same field.
unsafe impl Node for Job {
    fn links(&self) -> &Links<Job> {
        &self.links
    }
}

/// The state of one pool. All-zero bytes are a pool without helpers.
#[repr(C)]
struct Pool {
    queue: List<Job>,
    /// Helpers alive (or being started).
    alive: u32,
    /// Of those, asleep and not yet promised to a job.
    idle: u32,
    /// Woken for a job and not yet up.
    promised: u32,
    /// Jobs that are about to be queued: no helper ends before.
    coming: u32,
    /// Most that may be alive.
    limit: u32,
}

impl Pool {
    /// A helper may end: nobody counts on it.
    fn is_done(&self) -> bool {
        self.queue.is_empty() && self.coming == 0
    }
}

/// One class of helpers.
#[repr(C)]
pub struct Helpers {
    pool: Spin<Pool>,
    /// The futex that idle helpers sleep on.
    call: AtomicU32,
    host: UnsafeCell<Host>,
}

// SAFETY: the pool is locked; `host` is written once, before any helper exists.
unsafe impl Sync for Helpers {}

impl Helpers {
    /// Configure in zeroed memory: at most `limit` helpers.
    pub fn start(&self, host: Host, limit: u32) {
        // SAFETY: nobody shares us yet.
        unsafe { *self.host.get() = host };
        self.pool.lock().limit = limit.max(1);
    }

    /// Start one helper now. glibc takes its locks (stdio's too) only once it has seen a second
    /// kernel thread, so the first must exist before the first green thread runs.
    pub fn start_first(&'static self) -> Result<(), Errno> {
        self.pool.lock().alive += 1;
        self.start_helper().inspect_err(|_| self.pool.lock().alive -= 1)?;
        counts().helpers_started.add(1);
        Ok(())
    }

    fn start_helper(&'static self) -> Result<(), Errno> {
        // SAFETY: written once at start.
        let host = unsafe { &*self.host.get() };
        (host.start_kernel_thread)(helper_main, (&raw const *self).cast_mut().cast())
    }

    /// How many helpers are alive.
    pub fn alive(&self) -> u32 {
        self.pool.lock().alive
    }

    /// Execute `work` on a helper while the running green thread is parked. `work` may use the thread's TLS block
    /// ([`Carrier::set_fs`]): when `due` says so, the helper pauses, signal handlers run, and it goes on by `order`.
    pub fn offload<R>(
        &'static self,
        carrier: &Carrier,
        due: &dyn Fn() -> bool,
        order: &dyn Fn() -> Order,
        work: impl FnOnce(Option<Pause>) -> R,
    ) -> R {
        self.late_but_right(carrier, Signals::Between { due, order }, work)
    }

    /// The same, but handlers of the parked thread run meanwhile.
    pub fn offload_handling<R>(&'static self, carrier: &Carrier, work: impl FnOnce() -> R) -> R {
        self.late_but_right(carrier, Signals::Handled, |_| work())
    }

    /// The same, but the call is cancelled (`None`) once `over` says so, which is asked whenever a
    /// cancellation or, unless `deaf`, a handler is due. Handlers run when it has ended, and may jump
    /// out: nothing of it is left then. `work` must be a cancellation point that may be unwound; the
    /// helper that executes it ends then.
    pub fn offload_unless<R>(
        &'static self,
        carrier: &Carrier,
        over: &dyn Fn() -> bool,
        deaf: bool,
        work: impl FnOnce() -> R,
    ) -> Option<R> {
        let signals = Signals::Ending { over, deaf };
        self.start_and_wait(carrier, signals, |_| work(), || ()).unwrap_or_else(|work| Some(work(None)))
    }

    /// The same for a `work` that is one system call: it is interrupted, and answers so (`EINTR`), or with what it has
    /// done by then; nothing is lost. `None`: it has not begun. `Err`: there is no helper for it.
    pub fn offload_interruptible<R>(
        &'static self,
        carrier: &Carrier,
        over: &dyn Fn() -> bool,
        deaf: bool,
        work: impl FnOnce() -> R,
    ) -> Result<Option<R>, NoHelper> {
        let signals = Signals::Interrupting { over, deaf };
        self.start_and_wait(carrier, signals, |_| work(), || ()).map_err(|_| NoHelper)
    }

    /// The same, but handlers run meanwhile, and with something to do once the call is on its way:
    /// `meanwhile` may wait for what `work` does. `None` if no helper can be had, or the call was cancelled.
    pub fn offload_beside<R>(
        &'static self,
        carrier: &Carrier,
        over: &dyn Fn() -> bool,
        work: impl FnOnce() -> R,
        meanwhile: impl FnOnce(),
    ) -> Option<R> {
        self.start_and_wait(carrier, Signals::HandledUntil(over), |_| work(), meanwhile).unwrap_or(None)
    }

    /// Where no helper can be had the caller executes `work` itself.
    fn late_but_right<R>(
        &'static self,
        carrier: &Carrier,
        signals: Signals,
        work: impl FnOnce(Option<Pause>) -> R,
    ) -> R {
        match self.start_and_wait(carrier, signals, work, || ()) {
            Ok(Some(result)) => result,
            // Only a call that may be cancelled has no result.
            Ok(None) => unreachable!(),
            Err(work) => work(None),
        }
    }

    /// Gives `work` back if no helper can be had. `Ok(None)`: cancelled.
    fn start_and_wait<R, W: FnOnce(Option<Pause>) -> R>(
        &'static self,
        carrier: &Carrier,
        signals: Signals,
        work: W,
        meanwhile: impl FnOnce(),
    ) -> Result<Option<R>, W> {
        struct Shared<W, R> {
            work: Option<W>,
            pause: Option<Pause>,
            result: Option<R>,
        }
        unsafe extern "C-unwind" fn run<W: FnOnce(Option<Pause>) -> R, R>(data: *mut ()) {
            // SAFETY: `data` is the Shared below, and its owner waits.
            let shared = unsafe { &mut *data.cast::<Shared<W, R>>() };
            if let Some(work) = shared.work.take() {
                shared.result = Some(work(shared.pause));
            }
        }
        let mut shared = Shared { work: Some(work), pause: None, result: None };
        let job = Job {
            links: Links::new(),
            run: run::<W, R>,
            data: (&raw mut shared).cast(),
            thread: carrier.current(),
            cancellable: matches!(signals, Signals::Ending { .. } | Signals::HandledUntil(_)),
            lends_block: matches!(signals, Signals::Between { .. }),
            runner: AtomicUsize::new(0),
            helpers: self,
            pause: AtomicU32::new(pause::RUNNING),
            outer: Cell::new(ptr::null()),
            cancel: AtomicU32::new(0),
            done: AtomicU32::new(0),
        };
        // Where handlers cannot run anyway they do not in a pause.
        let may_pause = job.lends_block && !carrier.is_critical();
        if may_pause {
            shared.pause = Some(Pause::of(&job));
        }
        let may_queue = !matches!(signals, Signals::Interrupting { .. });
        // No handler runs on the block while it is lent.
        let mut critical = job.lends_block.then(|| carrier.enter());
        if self.submit(carrier, &job, may_queue) {
            let flight = InFlight { carrier, job: &job };
            meanwhile();
            match signals {
                Signals::Between { due, order } if may_pause => {
                    flight.wait_between(&mut critical, due, order)
                }
                _ => flight.wait(signals),
            }
        } else if let Some(work) = shared.work.take() {
            return Err(work);
        }
        Ok(shared.result)
    }

    /// Queue the job; false if nobody will take it, or none is free and none can be had, and it may not wait for one.
    fn submit(&'static self, carrier: &Carrier, job: &Job, may_queue: bool) -> bool {
        let _critical = carrier.enter();
        let start = {
            let mut pool = self.pool.lock();
            let start = pool.idle == 0 && pool.alive < pool.limit;
            pool.alive += u32::from(start);
            pool.coming += 1;
            start
        };
        // Before the job is queued, for whoever takes it may use our TLS block; and not prepared to park: libc's
        // pthread_create may itself park in malloc's lock.
        let started = start && self.start_helper().is_ok();
        counts().helpers_started.add(u64::from(started));
        if start && !started {
            let mut pool = self.pool.lock();
            pool.alive -= 1;
            // Others will get to it, unless there are none.
            if pool.alive == 0 || !may_queue {
                pool.coming -= 1;
                return false;
            }
        }
        if job.lends_block {
            carrier.lend_block();
        }
        let wake = {
            let mut pool = self.pool.lock();
            pool.coming -= 1;
            // SAFETY: the job outlives its stay on the queue: its owner waits for `done`.
            unsafe { pool.queue.push_back(ptr::from_ref(job).cast_mut()) };
            let wake = pool.idle > 0;
            if wake {
                pool.idle -= 1;
                pool.promised += 1;
                self.call.fetch_add(1, Ordering::Relaxed);
            }
            wake
        };
        if wake {
            sys::futex_wake(self.call.as_ptr(), 1);
        }
        true
    }

    /// Cancel a job: off the queue, or by the cancellation of its helper.
    fn cancel(&self, job: &Job) {
        let pool = self.pool.lock();
        if job.done.load(Ordering::SeqCst) != 0 {
            return;
        }
        let runner = job.runner.load(Ordering::Relaxed);
        if runner == 0 {
            return Self::withdraw(pool, job);
        }
        job.cancel.store(CANCELLING, Ordering::Relaxed);
        // Not under the lock: it may load a library. The helper does not leave the job meanwhile.
        drop(pool);
        // SAFETY: written once at start.
        unsafe { ((*self.host.get()).cancel_kernel_thread)(runner) };
        let _pool = self.pool.lock();
        job.cancel.store(CANCELLED, Ordering::Relaxed);
    }

    /// Take a job off the queue.
    fn withdraw(pool: SpinGuard<'_, Pool>, job: &Job) {
        // SAFETY: not done and not running: queued.
        unsafe { pool.queue.remove(ptr::from_ref(job).cast_mut()) };
        job.done.store(1, Ordering::SeqCst);
    }

    /// Interrupt the system call of a job, or take it off the queue.
    fn interrupt(&self, job: &Job) {
        let pool = self.pool.lock();
        if job.done.load(Ordering::SeqCst) != 0 {
            return;
        }
        let runner = job.runner.load(Ordering::Relaxed);
        if runner == 0 {
            return Self::withdraw(pool, job);
        }
        job.cancel.store(INTERRUPTED, Ordering::Relaxed);
        // Under the lock, so that it is this job that is interrupted.
        // SAFETY: written once at start.
        unsafe { ((*self.host.get()).interrupt_kernel_thread)(runner, ptr::null()) };
    }

    /// In the child of `fork` no helper exists.
    pub fn forget_all(&self) {
        self.pool.force_unlock();
        let mut pool = self.pool.lock();
        pool.queue.clear();
        pool.alive = 0;
        pool.idle = 0;
        pool.promised = 0;
        pool.coming = 0;
    }

    fn work(&'static self) {
        let mut pool = self.pool.lock();
        loop {
            let job = pool.queue.pop_front();
            if !job.is_null() {
                // SAFETY: the job's owner waits until `done`; it unparks under the lock, which keeps
                // the owner alive until we are through with it.
                unsafe {
                    (*job).runner.store(fs_base(), Ordering::Relaxed);
                    drop(pool);
                    if (*job).cancellable {
                        ((*self.host.get()).run_cancellable)((*job).run, (*job).data);
                    } else {
                        ((*job).run)((*job).data);
                    }
                    pool = self.pool.lock();
                    while (*job).was_asked() {
                        drop(pool);
                        sys::yield_kernel();
                        pool = self.pool.lock();
                    }
                    while (*job).cancel.load(Ordering::Relaxed) == CANCELLING {
                        drop(pool);
                        sys::yield_kernel();
                        pool = self.pool.lock();
                    }
                    let cancelled = (*job).cancel.load(Ordering::Relaxed) == CANCELLED;
                    let interrupted = (*job).cancel.load(Ordering::Relaxed) == INTERRUPTED;
                    let thread = (*job).thread;
                    (*job).done.store(1, Ordering::SeqCst);
                    Thread::unpark(thread, Wake::Ready);
                    if cancelled {
                        drop(pool);
                        return self.replace_helper();
                    }
                    if interrupted {
                        // What has been sent arrives here, at the latest, and not in the next job.
                        drop(pool);
                        sys::yield_kernel();
                        pool = self.pool.lock();
                    }
                }
                continue;
            }
            pool.idle += 1;
            let seen = self.call.load(Ordering::Relaxed);
            drop(pool);
            let waited = sys::futex_wait(&self.call, seen, Some(IDLE_NANOS));
            pool = self.pool.lock();
            if pool.promised > 0 {
                pool.promised -= 1;
                continue;
            }
            pool.idle -= 1;
            if waited == Err(Errno::TIMEDOUT) && pool.is_done() {
                pool.alive -= 1;
                return;
            }
        }
    }

    /// The calling helper ends; who gets to the jobs that are queued?
    fn replace_helper(&'static self) {
        let mut pool = self.pool.lock();
        if pool.is_done() {
            pool.alive -= 1;
            return;
        }
        drop(pool);
        if self.start_helper().is_err() {
            self.pool.lock().alive -= 1;
        }
    }
}

extern "C" fn helper_main(helpers: *mut core::ffi::c_void) -> *mut core::ffi::c_void {
    // SAFETY: `start_helper` passes a Helpers that lives for ever.
    let helpers = unsafe { &*helpers.cast::<Helpers>() };
    // SAFETY: written once at start.
    unsafe { ((*helpers.host.get()).kernel_thread_begins)() };
    helpers.work();
    core::ptr::null_mut()
}
