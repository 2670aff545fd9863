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

use crate::carrier::{Carrier, Wake};
use crate::list::{Links, List, Node};
use crate::runtime::Host;
use crate::spin::Spin;
use crate::sys::{self, Errno};
use crate::thread::{Reason, Thread};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

/// How long a call may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It ends by itself: disk, DNS.
    Bounded,
    /// Somebody else decides when it ends.
    Unbounded,
}

/// A helper without work ends after this long.
const IDLE_NANOS: u64 = 10_000_000_000;

#[repr(C)]
struct Job {
    links: Links<Job>,
    run: unsafe fn(*mut ()),
    data: *mut (),
    thread: *mut Thread,
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
    /// Most that may be alive.
    limit: u32,
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
        self.start_helper().inspect_err(|_| self.pool.lock().alive -= 1)
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

    /// Execute `work` on a helper while the running green thread is parked.
    ///
    /// It is not interruptible: `work` uses the thread's stack and arguments.
    pub fn offload<R>(&'static self, carrier: &Carrier, work: impl FnOnce() -> R) -> R {
        struct Shared<W, R> {
            work: Option<W>,
            result: Option<R>,
        }
        unsafe fn run<W: FnOnce() -> R, R>(data: *mut ()) {
            // SAFETY: `data` is the Shared below, and its owner is parked.
            let shared = unsafe { &mut *data.cast::<Shared<W, R>>() };
            if let Some(work) = shared.work.take() {
                shared.result = Some(work());
            }
        }
        fn runner<W: FnOnce() -> R, R>(_: &Shared<W, R>) -> unsafe fn(*mut ()) {
            run::<W, R>
        }
        let mut shared = Shared { work: Some(work), result: None };
        let run = runner(&shared);
        let data: *mut () = (&raw mut shared).cast();
        if !self.execute(carrier, run, data) {
            // SAFETY: no helper took it: run it here.
            unsafe { run(data) };
        }
        match shared.result {
            Some(result) => result,
            // `execute` answers true only after the job ran, and `run` stores a result.
            None => unreachable!(),
        }
    }

    /// Queue the job and park until it is done; false if nobody could take it.
    fn execute(&'static self, carrier: &Carrier, run: unsafe fn(*mut ()), data: *mut ()) -> bool {
        let _critical = carrier.enter();
        let thread = carrier.current();
        let job = Job { links: Links::new(), run, data, thread, done: AtomicU32::new(0) };
        let node = (&raw const job).cast_mut();
        let (wake, start) = {
            let mut pool = self.pool.lock();
            // SAFETY: the job outlives its stay on the queue: we wait for `done`.
            unsafe { pool.queue.push_back(node) };
            if pool.idle > 0 {
                pool.idle -= 1;
                pool.promised += 1;
                self.call.fetch_add(1, Ordering::Relaxed);
                (true, false)
            } else if pool.alive < pool.limit {
                pool.alive += 1;
                (false, true)
            } else {
                (false, false)
            }
        };
        if wake {
            sys::futex_wake(self.call.as_ptr(), 1);
        }
        // Not prepared to park yet: libc's pthread_create may itself park in malloc's lock.
        if start && self.start_helper().is_err() {
            let mut pool = self.pool.lock();
            pool.alive -= 1;
            // Others will get to it, unless there are none and it is still queued.
            if pool.alive == 0 && job.done.load(Ordering::SeqCst) == 0 {
                // SAFETY: no helper exists, so the job is still on the queue.
                unsafe { pool.queue.remove(node) };
                return false;
            }
        }
        // SAFETY: the running thread's record.
        let deaf = unsafe { &(*thread).deaf };
        deaf.store(true, Ordering::Relaxed);
        loop {
            carrier.prepare_park();
            // Done before we were prepared: its unpark came too early to count.
            if job.done.load(Ordering::SeqCst) != 0 {
                carrier.cancel_park();
                break;
            }
            carrier.park(Reason::Offload, None);
            if job.done.load(Ordering::SeqCst) != 0 {
                break;
            }
        }
        deaf.store(false, Ordering::Relaxed);
        // The helper sets `done` and unparks under the lock: it is through with us after it.
        drop(self.pool.lock());
        true
    }

    /// In the child of `fork` no helper exists.
    pub fn forget_all(&self) {
        self.pool.force_unlock();
        let mut pool = self.pool.lock();
        pool.queue.clear();
        pool.alive = 0;
        pool.idle = 0;
        pool.promised = 0;
    }

    fn work(&self) {
        let mut pool = self.pool.lock();
        loop {
            let job = pool.queue.pop_front();
            if !job.is_null() {
                drop(pool);
                // SAFETY: the job's owner is parked until `done`; unparking under the lock keeps
                // the owner alive until we are through with it.
                unsafe {
                    ((*job).run)((*job).data);
                    pool = self.pool.lock();
                    let thread = (*job).thread;
                    (*job).done.store(1, Ordering::SeqCst);
                    Thread::unpark(thread, Wake::Ready);
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
            if waited == Err(Errno::TIMEDOUT) && pool.queue.is_empty() {
                pool.alive -= 1;
                return;
            }
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
