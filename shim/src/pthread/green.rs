//! The record of a green thread: what pthreads know about it beyond what the scheduler knows.
//!
//! It sits above glibc's descriptor at the top of the thread's stack (see tls.rs), so a `pthread_t`
//! (the descriptor's address) leads to it by a constant offset. The main thread's is a static.
//!
//! Life, a set of bits that only grow; whoever adds the bit that completes "off its stack, and
//! nobody wants the result" recycles the thread:
//!
//! ```text
//!   ENDED     by the thread itself: its result is there, program code no longer runs
//!   BURIED    by the carrier, on the next thread's stack: its own stack is free
//!   DETACHED  by pthread_detach or the attribute     JOINED   by the joiner
//!                 recycle when BURIED and (DETACHED or JOINED)
//! ```

use super::roster;
use super::schedule::Schedule;
use crate::execution::Execution;
use crate::io::Own;
use crate::real::Start;
use crate::reports::deadlock;
use crate::signal;
use crate::signal::mask::{self, ThreadSignals};
use crate::start;
use crate::tls::Layout;
use core::cell::{Cell, UnsafeCell};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use libc::pthread_t;
use scheduler::context::fs_base;
use scheduler::counters::counts;
use scheduler::list::Links;
use scheduler::stack::{PAGE, Stack};
use scheduler::{Runtime, Thread};

/// [`Green::life`]: the result is there.
pub const ENDED: u32 = 1;
/// [`Green::life`]: off its stack.
pub const BURIED: u32 = 2;
/// [`Green::life`]: nobody will join it.
pub const DETACHED: u32 = 4;
/// [`Green::life`]: somebody has its result.
pub const JOINED: u32 = 8;

/// tids of green threads: above every pid the kernel gives out, below the futex flag bits.
const FIRST_TID: i32 = 0x1000_0000;
/// They repeat after this many threads.
const TIDS: u32 = 0x2000_0000;

/// Where this process's tids begin: process-shared locks note their owner by tid, so two green
/// processes should not use the same ones. A window of 8192 for each pid; a process with more
/// threads runs into the next.
static TID_WINDOW: AtomicU32 = AtomicU32::new(0);

fn choose_tid_window() {
    TID_WINDOW.store((scheduler::sys::process() as u32).wrapping_mul(8192), Ordering::Relaxed);
}

fn tid_of_id(id: u32) -> i32 {
    FIRST_TID + (TID_WINDOW.load(Ordering::Relaxed).wrapping_add(id) % TIDS) as i32
}

/// A block with this mark was made by us and can be recycled.
const READY: u64 = 0x6772_6565_6e54_4c53;

/// A green thread.
#[repr(C)]
pub struct Green {
    /// The scheduler's part; first, so that the pointers convert.
    pub thread: Thread,
    /// Its pthread_t.
    pub fs: usize,
    /// What it executes.
    pub start: Start,
    /// With this argument.
    pub arg: *mut c_void,
    /// What it returned or passed to pthread_exit.
    pub result: Cell<*mut c_void>,
    /// See above.
    pub life: AtomicU32,
    /// Who joins it; any non-null value.
    pub joiner: AtomicPtr<Thread>,
    /// Where it runs.
    pub stack: Stack,
    /// The stack size its attributes asked for.
    pub asked_size: usize,
    /// Its name, if it was given one.
    pub name: UnsafeCell<[u8; 16]>,
    /// Its own policy and priority, if not the carrier's (schedule.rs).
    pub schedule: Cell<Option<Schedule>>,
    /// Which CPUs it was given, 0 for the carrier's (schedule.rs).
    pub cpus: Cell<u16>,
    /// Among all threads.
    pub roster: Links<Green>,
    /// In a call with a mask of its own (sigsuspend): the thread's mask when that is over.
    pub mask_to_come: Cell<Option<u64>>,
    /// Descriptors that the library uses in its present calls; the innermost first.
    pub own_descriptors: Cell<*const Own>,
    /// What the helper does that is on this thread's TLS block, or null.
    pub executor: AtomicPtr<Execution>,
    /// What it has asked a helper for.
    pub asked_for: Cell<Option<&'static str>>,
    /// Its alternate signal stack.
    pub alternate: Cell<libc::stack_t>,
    /// Its mask, and signals on their way to it.
    pub signals: ThreadSignals,
    /// What the handlers that ran lately mean for an interrupted call (signal.rs).
    pub verdict: Cell<u8>,
    /// It is to look at its cancellation when it runs next.
    pub nudged: Cell<bool>,
    /// [`READY`] if the TLS block below can be recycled.
    ready: u64,
    /// The stack pool's links lie over the last bytes of a free stack.
    _pool_links: [usize; 2],
}

struct MainRecord(UnsafeCell<MaybeUninit<Green>>);
// SAFETY: written at the start, by the only thread there is.
unsafe impl Sync for MainRecord {}

static MAIN: MainRecord = MainRecord(UnsafeCell::new(MaybeUninit::zeroed()));
static MAIN_FS: AtomicUsize = AtomicUsize::new(0);
/// In the child of a `fork` by another thread than main: that one's. It has the process's number for a tid.
static SURVIVOR_FS: AtomicUsize = AtomicUsize::new(0);
static KERNEL_TID: AtomicI32 = AtomicI32::new(0);
static NEXT_ID: AtomicU32 = AtomicU32::new(2);
/// Green threads that have not ended, the main thread included. Written by the carrier alone.
static ALIVE: AtomicUsize = AtomicUsize::new(1);

/// The main thread's record.
pub fn main_thread() -> *mut Thread {
    MAIN.0.get().cast()
}

/// The main thread's handle.
pub fn main_handle() -> pthread_t {
    MAIN_FS.load(Ordering::Relaxed) as pthread_t
}

/// The tid of the kernel thread that runs green threads: the main thread's.
#[inline]
pub fn kernel_tid() -> i32 {
    KERNEL_TID.load(Ordering::Relaxed)
}

/// Is the calling kernel thread the carrier, on whatever block, in whatever step of a switch? For signal handlers.
pub fn is_carrier_thread() -> bool {
    // SAFETY: no pointers.
    unsafe { scheduler::sys!(gettid) == Ok(kernel_tid() as usize) }
}

fn learn_kernel_tid() {
    // SAFETY: no pointers.
    KERNEL_TID.store(unsafe { scheduler::sys!(gettid) }.unwrap_or(0) as i32, Ordering::Relaxed);
}

/// Complete the main thread's record; the scheduler has written its own part.
pub fn adopt_main() {
    choose_tid_window();
    let fs = fs_base();
    MAIN_FS.store(fs, Ordering::Relaxed);
    learn_kernel_tid();
    let main: *mut Green = MAIN.0.get().cast();
    // SAFETY: zero is a valid value of every other field but `start`, which nobody reads.
    unsafe {
        (*main).fs = fs;
        (*main).result = Cell::new(super::cancel::CANCELED_RESULT);
        (*main).schedule = Cell::new(None);
        (*main).mask_to_come = Cell::new(None);
        roster::add(&*main);
    }
}

impl Green {
    /// Is this address below what its stack has? (Of the main thread's nobody knows, nor of one without a guard.)
    pub fn has_used_up(&self, address: usize) -> bool {
        // A function with large variables may go past the guard.
        const FAR: usize = 1 << 20;
        let low = self.stack.base.addr();
        self.stack.guard != 0 && (low.saturating_sub(FAR)..low + self.stack.guard).contains(&address)
    }
}

/// Where the record of a block is.
fn record_at(layout: &Layout, fs: usize) -> *mut Green {
    ptr::with_exposed_provenance_mut(fs + layout.descriptor.next_multiple_of(64))
}

/// Where the block goes on a stack. Its top is coloured: the same offset in every stack would have them all fight for
/// the same sets of the cache.
fn block_at(layout: &Layout, stack: &Stack) -> usize {
    // Neighbours in a slab differ by one.
    let colour = if stack.foreign { 0 } else { stack.base.addr() / stack.len % COLOURS };
    let above = layout.descriptor.next_multiple_of(64) + size_of::<Green>() + colour * 64;
    (stack.top().expose_provenance() - above) & !(layout.align - 1)
}

/// Different offsets, a cache line apart.
const COLOURS: usize = 8;

/// Bytes at the top of a stack that are not for frames.
pub fn overhead(layout: &Layout) -> usize {
    layout.below + layout.descriptor + size_of::<Green>() + layout.align + COLOURS * 64
}

/// The record of the running green thread.
#[inline]
pub fn current(rt: &Runtime) -> &'static Green {
    // SAFETY: every thread of our carrier is the first field of a Green; the running one is alive.
    unsafe { &*rt.carrier.current().cast::<Green>() }
}

/// The record behind a handle; `None` if it is not a green thread's (a native thread's, a dead one's).
pub fn find(thread: pthread_t) -> Option<&'static Green> {
    let fs = thread as usize;
    if fs == MAIN_FS.load(Ordering::Relaxed) {
        // SAFETY: the main record is complete once MAIN_FS is set.
        return Some(unsafe { &*MAIN.0.get().cast::<Green>() });
    }
    let layout = start::layout();
    // SAFETY: a pthread_t points to a descriptor; natively libc reads the tid just so.
    unsafe {
        let is_green = *layout.tid_of(fs) >= FIRST_TID || fs == SURVIVOR_FS.load(Ordering::Relaxed);
        is_green.then(|| &*record_at(layout, fs))
    }
}

/// What `pthread_create` decided.
pub struct Plan {
    /// Where it runs.
    pub stack: Stack,
    /// What its attributes asked for.
    pub asked_size: usize,
    /// What it executes.
    pub start: Start,
    /// With this argument.
    pub arg: *mut c_void,
    /// Its life so far: 0 or DETACHED.
    pub life: u32,
    /// See [`Green::schedule`].
    pub schedule: Option<Schedule>,
    /// See [`Green::cpus`].
    pub cpus: u16,
    /// Its signal mask.
    pub mask: u64,
    /// The assembly frame it begins in.
    pub entry: scheduler::context::Entry,
}

/// Make a thread on its stack, ready to run. `None`: no memory for its TLS.
pub fn make(rt: &'static Runtime, plan: Plan) -> Option<&'static Green> {
    let layout = start::layout();
    let fs = block_at(layout, &plan.stack);
    let record = record_at(layout, fs);
    // Only the carrier makes threads.
    let id = NEXT_ID.load(Ordering::Relaxed);
    NEXT_ID.store(id.wrapping_add(1), Ordering::Relaxed);
    // SAFETY: the stack is ours: fresh (zero), recycled (its record says so), or given by the
    // program, whose contents mean nothing.
    unsafe {
        if plan.stack.foreign {
            let low: *mut u8 = ptr::with_exposed_provenance_mut(fs - layout.below);
            low.write_bytes(0, layout.below + layout.descriptor.next_multiple_of(64));
            (*record).ready = 0;
        }
        // (What is not there is not read: see `Stack::fresh`.)
        if !plan.stack.fresh && (*record).ready == READY {
            layout.recycle(fs, tid_of_id(id));
        } else if !layout.create(fs, tid_of_id(id)) {
            return None;
        }
        let top: *mut u8 = ptr::with_exposed_provenance_mut((fs - layout.below) & !15);
        let sp = scheduler::context::prepare(top, plan.entry, record.cast());
        record.write(Green {
            thread: Thread::new(&raw const rt.carrier, id, fs, sp),
            fs,
            start: plan.start,
            arg: plan.arg,
            // What a thread yields that neither returned nor called pthread_exit.
            result: Cell::new(super::cancel::CANCELED_RESULT),
            life: AtomicU32::new(plan.life),
            joiner: AtomicPtr::new(ptr::null_mut()),
            stack: plan.stack,
            asked_size: plan.asked_size,
            name: UnsafeCell::new([0; 16]),
            schedule: Cell::new(plan.schedule),
            cpus: Cell::new(plan.cpus),
            roster: Links::new(),
            mask_to_come: Cell::new(None),
            own_descriptors: Cell::new(ptr::null()),
            alternate: Cell::new(signal::NO_ALTERNATE),
            executor: AtomicPtr::new(ptr::null_mut()),
            asked_for: Cell::new(None),
            signals: ThreadSignals::new(),
            verdict: Cell::new(0),
            nudged: Cell::new(false),
            ready: READY,
            _pool_links: [0; 2],
        });
        alive_are(ALIVE.load(Ordering::Relaxed) + 1);
        counts().threads_created.add(1);
        roster::add(&*record);
        mask::add(&*record, plan.mask);
        Some(&*record)
    }
}

/// A block to try the machinery on; the stack, one like most, goes to the pool for the first thread.
pub fn trial_block(rt: &'static Runtime, layout: &Layout) -> Option<usize> {
    let (length, guard) = super::create::default_length()?;
    let stack = rt.stacks.take(length, guard).ok()?;
    let fs = block_at(layout, &stack);
    let record = record_at(layout, fs);
    // SAFETY: a fresh stack.
    unsafe {
        if !layout.create(fs, FIRST_TID) {
            return None;
        }
        (*record).ready = READY;
        rt.stacks.give_back(stack, 0);
    }
    Some(fs)
}

/// The thread has left its stack; called by the carrier on another one.
pub fn bury(thread: *mut Thread) {
    // SAFETY: every thread of our carrier is a Green.
    let green = unsafe { &*thread.cast::<Green>() };
    let life = green.life.fetch_or(BURIED, Ordering::AcqRel);
    if life & (DETACHED | JOINED) != 0 {
        recycle(green);
    }
}

/// Nobody needs the thread any more: its handle becomes invalid, its stack and block wait for
/// another.
pub fn recycle(green: &'static Green) {
    if ptr::from_ref(green).cast_mut().cast() == main_thread() {
        return;
    }
    let Some(rt) = start::runtime() else { return };
    let layout = start::layout();
    let (stack, fs) = (green.stack, green.fs);
    // What a recycled stack keeps: the block, the record and the first frames.
    let hot = (overhead(layout) + (16 << 10)).next_multiple_of(PAGE);
    if SURVIVOR_FS.load(Ordering::Relaxed) == fs {
        SURVIVOR_FS.store(0, Ordering::Relaxed);
    }
    // SAFETY: the thread is dead, off its stack, and its handle is not used any more.
    signal::undisturbed(|| unsafe {
        *layout.tid_of(fs) = -1;
        if !stack.pooled {
            layout.destroy(fs);
        }
        rt.stacks.give_back(stack, hot);
    });
}

/// Is there one thread left that has not ended?
pub fn is_last() -> bool {
    ALIVE.load(Ordering::Acquire) == 1
}

fn alive_are(many: usize) {
    ALIVE.store(many, Ordering::Release);
    counts().threads.set(many as u64);
    counts().threads_peak.raise(many as u64);
}

/// One thread less runs; answers whether it was the last.
pub fn one_less(green: &Green) -> bool {
    roster::remove(green);
    deadlock::forget(green);
    mask::remove(green);
    let left = ALIVE.load(Ordering::Relaxed) - 1;
    alive_are(left);
    left == 0
}

/// In the child of `fork`, `thread` is the only one.
pub fn after_fork(thread: *mut Thread) {
    alive_are(1);
    choose_tid_window();
    // SAFETY: the running thread's own record and descriptor.
    unsafe {
        let green = &*thread.cast::<Green>();
        learn_kernel_tid();
        // (By _Fork or a system call libc has not.)
        *start::layout().tid_of(green.fs) = kernel_tid();
        // What is done in the kernel thread's name is done on this block.
        *start::layout().tid_of(MAIN_FS.load(Ordering::Relaxed)) = kernel_tid();
        if thread != main_thread() {
            SURVIVOR_FS.store(green.fs, Ordering::Relaxed);
            start::layout().unlink(green.fs);
        }
        roster::after_fork(green);
    }
    super::kernel_owned::after_fork();
}
