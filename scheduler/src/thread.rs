//! A green thread as the scheduler sees it.
//!
//! States, and who moves them:
//!
//! ```text
//!            prepare_park (itself)               unpark / timer / signal (whoever is first)
//!  RUNNING ───────────────────────► PARKED ──────────────────────────────► WOKEN_{READY,TIME,SIGNAL}
//!     ▲                                                                        │ on the run queue
//!     └───────────────────────── park returns (itself) ◄───────────────────────┘ or in the inbox
//! ```
//!
//! Exactly one waker wins the step out of PARKED and puts the thread on a queue, so a thread is
//! never queued twice. A late waker finds it not PARKED and does nothing; a waker that comes after
//! the *next* `prepare_park` wakes it for nothing, which every wait tolerates.

use crate::carrier::{Carrier, Wake};
use crate::helpers::Job;
use crate::timer::Timer;
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub(crate) const RUNNING: u32 = 0;
pub(crate) const PARKED: u32 = 1;
const WOKEN_READY: u32 = 2;
const WOKEN_TIME: u32 = 3;
const WOKEN_SIGNAL: u32 = 4;

/// Why a thread is parked: for dumps, reports and traces. (The layout is what debuggers know: reports/layout.rs.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Reason {
    /// It is not parked.
    None,
    /// It waits until a descriptor is readable.
    Readable(i32),
    /// It waits until a descriptor is writable.
    Writable(i32),
    /// It waits for several descriptors (how many).
    Poll(usize),
    /// It waits for a signal handler to run.
    Signal,
    /// It sleeps.
    Sleep,
    /// It waits for a mutex at this address.
    Mutex(usize),
    /// It waits for a condition variable at this address.
    Condition(usize),
    /// It waits for a semaphore at this address.
    Semaphore(usize),
    /// It waits for a read-write lock at this address.
    RwLock(usize),
    /// It waits for a barrier at this address.
    Barrier(usize),
    /// It waits for a `pthread_once` initialiser.
    Once(usize),
    /// It waits for a futex at this address.
    Futex(usize),
    /// It waits for a lock inside libc.
    LibcLock(usize),
    /// It waits for the end of a thread.
    Join(usize),
    /// A helper executes its call.
    Offload,
}

impl Reason {
    /// What each is called, in the order above; each ends in NUL, and an empty one follows.
    pub const NAMES: &str = "none\0readable\0writable\0poll\0signal\0sleep\0mutex\0condition\0semaphore\0\
        rwlock\0barrier\0once\0futex\0libc lock\0join\0offload\0\0";
    /// Where a descriptor is in it (32 bits).
    pub const DESCRIPTOR: usize = 4;
    /// Where an address is in it, and how many descriptors there are.
    pub const ADDRESS: usize = 8;

    /// What for: a descriptor, how many of them, an address; 0 for none.
    pub fn value(self) -> u64 {
        match self {
            Reason::None | Reason::Signal | Reason::Sleep | Reason::Offload => 0,
            Reason::Readable(fd) | Reason::Writable(fd) => fd as u64,
            Reason::Poll(many) => many as u64,
            Reason::Mutex(at)
            | Reason::Condition(at)
            | Reason::Semaphore(at)
            | Reason::RwLock(at)
            | Reason::Barrier(at)
            | Reason::Once(at)
            | Reason::Futex(at)
            | Reason::LibcLock(at)
            | Reason::Join(at) => at as u64,
        }
    }
}

const _: () = assert!(core::mem::offset_of!(Thread, since) == 64);

/// Have a cache line fetched. It may be anywhere.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    // SAFETY: a prefetch of an address that is none does nothing; SSE is part of x86-64.
    unsafe { core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(at.cast()) };
}

/// The scheduler's record of a green thread. The shim keeps it at the top of the thread's stack.
///
/// What a switch reads and writes comes first, in one cache line: among thousands of threads each line is a miss.
#[repr(C)]
pub struct Thread {
    /// Stack pointer while suspended.
    pub(crate) sp: Cell<*mut u8>,
    /// FS base: the thread's TLS block.
    pub(crate) fs: usize,
    /// The FS base by which the carrier is known while this thread runs: `fs`, unless the block is lent.
    pub(crate) shows: Cell<usize>,
    /// Next on the run queue or in the inbox.
    pub(crate) next: Cell<*mut Thread>,
    carrier: *const Carrier,
    pub(crate) state: AtomicU32,
    /// How often it has left the carrier.
    pub(crate) parks: Cell<u32>,
    pub(crate) reason: Cell<Reason>,
    /// When it parked last, by the carrier's coarse clock.
    pub(crate) since: Cell<u64>,
    pub(crate) timer: Timer,
    /// A small number, never reused while the process lives.
    pub id: u32,
    /// Nanoseconds it has computed, while there is an account.
    pub(crate) cpu: Cell<u64>,
    /// Its wait cannot be interrupted: a helper uses its stack.
    pub(crate) deaf: AtomicBool,
    /// Among random priorities; 0: none yet.
    pub(crate) priority: Cell<u64>,
    /// Its innermost call on a helper that is paused, while it runs handlers.
    pub(crate) paused: Cell<*const Job>,
}

impl Thread {
    /// Where these are: for debuggers.
    pub const SP: usize = core::mem::offset_of!(Thread, sp);
    /// See [`Thread::SP`].
    pub const STATE: usize = core::mem::offset_of!(Thread, state);
    /// See [`Thread::SP`].
    pub const PARKS: usize = core::mem::offset_of!(Thread, parks);
    /// See [`Thread::SP`].
    pub const SINCE: usize = core::mem::offset_of!(Thread, since);
    /// See [`Thread::SP`].
    pub const REASON: usize = core::mem::offset_of!(Thread, reason);

    /// It runs soon: have what its next turn touches first fetched into the cache, its own record being there already.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        let sp = self.sp.get();
        prefetch(sp);
        prefetch(sp.wrapping_add(64));
        prefetch(sp.wrapping_add(128));
        prefetch(ptr::with_exposed_provenance::<u8>(self.fs));
    }

    /// A thread that will run on `carrier` with TLS block `fs`, suspended at `sp` (null: it is the
    /// one that runs right now).
    pub const fn new(carrier: *const Carrier, id: u32, fs: usize, sp: *mut u8) -> Self {
        Thread {
            sp: Cell::new(sp),
            fs,
            shows: Cell::new(fs),
            state: AtomicU32::new(RUNNING),
            id,
            next: Cell::new(ptr::null_mut()),
            carrier,
            timer: Timer::new(),
            reason: Cell::new(Reason::None),
            parks: Cell::new(0),
            since: Cell::new(0),
            cpu: Cell::new(0),
            deaf: AtomicBool::new(false),
            priority: Cell::new(0),
            paused: Cell::new(ptr::null()),
        }
    }

    /// A helper uses its TLS block: no signal handler can run in it.
    pub fn is_away(&self) -> bool {
        self.shows.get() != self.fs
    }

    /// Its stack pointer, if it is suspended: see [`call_as_if_from`](crate::context::call_as_if_from).
    pub fn suspended_at(&self) -> *const u8 {
        self.sp.get()
    }

    /// Since when, in nanoseconds; as the carrier knew the time then.
    pub fn parked_since(&self) -> u64 {
        self.since.get()
    }

    /// Why it is parked.
    pub fn reason(&self) -> Reason {
        self.reason.get()
    }

    /// Continue a parked thread. From any kernel thread.
    ///
    /// Answers whether this call did it: `false` means it was not parked or another waker came
    /// first.
    ///
    /// # Safety
    /// `thread` must be alive. A waker on another kernel thread makes sure of that by calling under
    /// the lock that the thread takes before it can leave its wait.
    #[inline]
    pub unsafe fn unpark(thread: *mut Thread, wake: Wake) -> bool {
        let woken = match wake {
            Wake::Ready => WOKEN_READY,
            Wake::TimedOut => WOKEN_TIME,
            Wake::Interrupted => WOKEN_SIGNAL,
        };
        // SAFETY: the caller vouches that the thread is alive; carriers live for ever.
        unsafe {
            let won = (*thread).state.compare_exchange(PARKED, woken, Ordering::AcqRel, Ordering::Relaxed);
            if won.is_err() {
                return false;
            }
            let carrier = &*(*thread).carrier;
            if carrier.is_here() {
                carrier.trace_unpark(thread, woken);
                carrier.enqueue(thread);
            } else {
                carrier.inbox.push(thread);
            }
        }
        true
    }

    /// Leave the woken state; what woke us?
    #[inline]
    pub(crate) fn take_wake(&self) -> Wake {
        self.reason.set(Reason::None);
        match self.state.swap(RUNNING, Ordering::Acquire) {
            WOKEN_TIME => Wake::TimedOut,
            WOKEN_SIGNAL => Wake::Interrupted,
            _ => Wake::Ready,
        }
    }
}
