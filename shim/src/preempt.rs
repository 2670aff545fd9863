//! Preemption: a thread that computes does not starve the rest.
//!
//! A timer on the carrier's *CPU time* sends it a signal; an idle or waiting carrier uses no CPU time and gets none. The kernel looks
//! at such timers at its own ticks only, every few milliseconds: a slice ends at the last one that is not too late. For shorter
//! slices that timer starts another one, which is exact, and goes on until the carrier waits:
//!
//! ```text
//!   WAITING ── some CPU time was used ────────────────────────► COUNTING: a tick every quarter of a slice
//!      ▲                                                           │
//!      └────── less than half of the time since was CPU time ◄─────┘
//!
//!   tick ── would the thread have had more than its slice at the next one? ── no ──► nothing
//!     └─ yes: may it be interrupted here (place.rs)? ── no ───► try again in 50 µs, some times; and note
//!          └─ yes: yield, right here. The kernel keeps all         that the thread is to yield when it next calls
//!             its registers in the signal's frame.                 a jacket, or leaves the scheduler
//! ```
//!
//! Why only there, and why that suffices: docs/preemption.md. The signal is SIGURG, as Go's is: ignored
//! by default, seldom used, and still the program's (a tick is told by its sender).

mod caller;
pub mod place;

use crate::pthread::green;
use crate::reports::sample;
use crate::signal::mask;
use crate::{errno, options, start};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use libc::siginfo_t;
use scheduler::sys::Timespec;
use scheduler::{Carrier, Runtime};

/// The signal of a tick.
pub const SIGNAL: c_int = libc::SIGURG;

const DEFAULT_SLICE_MS: u64 = 10;

/// A thread in libc comes back to its own code soon, as a rule: look again after so long, so often.
const RETRY_NANOS: u64 = 50_000;
const RETRIES: u32 = 100;

/// What a tick brings as its value, so that it is told from a timer of the program's: where in here.
static MARKS: [u8; 4] = [0; 4];
const START: usize = 0;
const TICK: usize = 1;
const RETRY: usize = 2;
/// No tick at all: somebody asks where the carrier is (reports/sample.rs).
pub const SAMPLE: usize = 3;

/// The `si_code` of a timer's signal.
const SI_TIMER: c_int = -2;

/// The timers, by their marks; -1: there is none.
static TIMERS: [AtomicI32; SAMPLE] = [const { AtomicI32::new(-1) }; SAMPLE];

/// Nanoseconds between ticks.
static GRAIN: AtomicU64 = AtomicU64::new(0);
/// And of a slice.
static SLICE: AtomicU64 = AtomicU64::new(0);
/// Ticks come from a timer that is exact, while there are any.
static IS_EXACT: AtomicBool = AtomicBool::new(false);

/// How many tries there have been in this slice.
static TRIES: AtomicU32 = AtomicU32::new(0);
/// There is going to be another one.
static IS_TRYING: AtomicBool = AtomicBool::new(false);
/// How many switches there had been when the running thread was seen first, and the CPU time then.
static SEEN: AtomicU64 = AtomicU64::new(0);
static SEEN_AT: AtomicU64 = AtomicU64::new(0);
/// At the last tick: CPU time, and time.
static LAST: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

static ARMED: AtomicBool = AtomicBool::new(false);
/// The running thread should yield as soon as it may.
static DUE: AtomicBool = AtomicBool::new(false);

/// In the child of `fork` there is no timer.
pub fn after_fork() {
    ARMED.store(false, Ordering::Relaxed);
    DUE.store(false, Ordering::Relaxed);
    IS_TRYING.store(false, Ordering::Relaxed);
    // A new kernel thread's CPU time begins at 0.
    for time in [&SEEN_AT, &LAST[0], &LAST[1]] {
        time.store(0, Ordering::Relaxed);
    }
}

/// A second thread exists: let the ticks begin, if they have not.
#[inline]
pub fn arm(rt: &'static Runtime) {
    if !ARMED.load(Ordering::Relaxed) {
        arm_now(rt);
    }
}

#[cold]
fn arm_now(rt: &'static Runtime) {
    let default =
        if options::SEED.get().is_some() || options::CHAOS.get().is_some() { 0 } else { DEFAULT_SLICE_MS };
    let slice = options::SLICE_MS.get().unwrap_or(default);
    if rt.carrier_here().is_none() || ARMED.swap(true, Ordering::Relaxed) || slice == 0 {
        return;
    }
    let (slice, kernels) = (slice * 1_000_000, kernels_tick());
    let is_exact = slice < 2 * kernels;
    let grain = if is_exact { slice / 4 } else { kernels };
    SLICE.store(slice, Ordering::Relaxed);
    GRAIN.store(grain, Ordering::Relaxed);
    IS_EXACT.store(is_exact, Ordering::Relaxed);
    adopt_signal();
    // Without timers threads are cooperative, and the action does no harm.
    let clocks = [libc::CLOCK_THREAD_CPUTIME_ID, libc::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC];
    for (mark, clock) in clocks.into_iter().enumerate() {
        TIMERS[mark].store(timer(clock, mark).unwrap_or(-1), Ordering::Relaxed);
    }
    set_timer(START, grain, !is_exact);
}

/// How often the kernel looks at timers of CPU time, in nanoseconds.
fn kernels_tick() -> u64 {
    const CLOCK_MONOTONIC_COARSE: c_int = 6;
    const USUAL: u64 = 4_000_000;
    let mut tick = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: an object of ours.
    let known = unsafe { scheduler::sys!(clock_getres, CLOCK_MONOTONIC_COARSE, &raw mut tick) };
    if known.is_ok() && tick.tv_nsec > 0 { tick.tv_nsec as u64 } else { USUAL }
}

/// From now on the signal is ours.
pub fn adopt_signal() {
    place::look_up();
    crate::signal::take_over(SIGNAL);
    mask::sync();
}

/// Send the carrier its signal with this mark. From another kernel thread.
pub fn send_mark(mark: usize) {
    // SAFETY: objects of ours; to a thread of this process, which is the only one that reads the mark.
    unsafe {
        let mut info = [0usize; 16];
        let at = (&raw mut info).cast::<c_int>();
        at.write(SIGNAL);
        at.add(2).write(SI_TIMER);
        info[3] = (&raw const MARKS[mark]).expose_provenance();
        let (process, thread) = (scheduler::sys::process(), green::kernel_tid());
        let _ = scheduler::sys!(rt_tgsigqueueinfo, process, thread, SIGNAL, &raw const info);
    }
}

/// A timer that signals the carrier.
fn timer(clock: libc::clockid_t, mark: usize) -> Option<c_int> {
    let mut timer: c_int = 0;
    // SAFETY: objects of our own.
    let made = unsafe {
        let mut event: libc::sigevent = core::mem::zeroed();
        event.sigev_value.sival_ptr = (&raw const MARKS[mark]).cast_mut().cast();
        event.sigev_signo = SIGNAL;
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_notify_thread_id = scheduler::sys!(gettid).unwrap_or(0) as c_int;
        scheduler::sys!(timer_create, clock, &raw const event, &raw mut timer)
    };
    made.is_ok().then_some(timer)
}

/// Let it send after so many nanoseconds (0: not at all), once or again and again.
fn set_timer(mark: usize, nanos: u64, again: bool) {
    let timer = TIMERS[mark].load(Ordering::Relaxed);
    if timer < 0 {
        return;
    }
    let times = [if again { nanos } else { 0 }, nanos].map(Timespec::from_nanos);
    // SAFETY: an object of ours.
    let _ = unsafe { scheduler::sys!(timer_settime, timer, 0, &raw const times, 0) };
}

/// Is this signal a tick, or another try? Answers which.
///
/// # Safety
/// `info` is the kernel's.
pub unsafe fn is_tick(signal: c_int, info: *const siginfo_t) -> Option<usize> {
    // SAFETY: a timer's signal has a value.
    let value = unsafe {
        if signal != SIGNAL || (*info).si_code != SI_TIMER {
            return None;
        }
        (*info).si_value().sival_ptr.addr()
    };
    Some(value.wrapping_sub(MARKS.as_ptr().addr())).filter(|&which| which < MARKS.len())
}

/// A tick, with all signals blocked.
///
/// # Safety
/// `context` is the kernel's.
pub unsafe fn tick(which: usize, context: *mut c_void) {
    let Some((rt, carrier)) = start::here() else {
        // Its block is lent, to the child of a vfork.
        if which == START && IS_EXACT.load(Ordering::Relaxed) {
            set_timer(START, GRAIN.load(Ordering::Relaxed), false);
        }
        return;
    };
    let error = errno::get();
    // The kernel keeps one signal of a kind: a tick may have come in the place of the question.
    if sample::is_asked() {
        // SAFETY: the caller's.
        unsafe { sample::take(context) };
    }
    if which != SAMPLE && is_over(rt, carrier, which) {
        // SAFETY: the kernel's context.
        unsafe { end_slice(carrier, context) };
    }
    errno::set(error);
}

/// Is the slice of the running thread used up?
fn is_over(rt: &Runtime, carrier: &Carrier, which: usize) -> bool {
    if which == RETRY {
        IS_TRYING.store(false, Ordering::Relaxed);
    } else {
        return has_used_slice(rt, carrier, which) && !carrier.is_asleep();
    }
    let has_switched = SEEN.load(Ordering::Relaxed) != carrier.switches();
    if has_switched || carrier.is_asleep() {
        DUE.store(false, Ordering::Relaxed);
        return false;
    }
    true
}

/// Let others run, now or as soon as may be.
///
/// # Safety
/// As for [`tick`].
unsafe fn end_slice(carrier: &Carrier, context: *mut c_void) {
    // SAFETY: the kernel's context.
    if carrier.is_critical() || unsafe { !place::may_be_interrupted(context) } {
        DUE.store(true, Ordering::Relaxed);
        carrier.signal_kept();
        if TRIES.fetch_add(1, Ordering::Relaxed) < RETRIES {
            IS_TRYING.store(true, Ordering::Relaxed);
            set_timer(RETRY, RETRY_NANOS, false);
        }
        return;
    }
    // Whoever is next begins now.
    SEEN.store(carrier.switches() + 1, Ordering::Relaxed);
    SEEN_AT.store(carrier.cpu_time(), Ordering::Relaxed);
    TRIES.store(0, Ordering::Relaxed);
    DUE.store(false, Ordering::Relaxed);
    // SAFETY: the kernel's context.
    unsafe { mask::in_handler(context, || carrier.yield_for_slice()) };
}

/// At a tick: keep the timers going. Would the running thread have had more than a slice of CPU time at the next one?
fn has_used_slice(rt: &Runtime, carrier: &Carrier, which: usize) -> bool {
    // However few switches there were, it is time to look at descriptors and timers again.
    carrier.look_soon();
    let cpu = carrier.cpu_time();
    let grain = GRAIN.load(Ordering::Relaxed);
    if IS_EXACT.load(Ordering::Relaxed) {
        let now = rt.clock.now();
        let [cpu_before, before] = [&LAST[0], &LAST[1]].map(|last| last.load(Ordering::Relaxed));
        LAST[0].store(cpu, Ordering::Relaxed);
        LAST[1].store(now, Ordering::Relaxed);
        if which == START {
            set_timer(TICK, grain, true);
        } else if (cpu - cpu_before) * 2 < now - before {
            set_timer(TICK, 0, false);
            set_timer(START, grain, false);
        }
    }
    let switches = carrier.switches();
    if SEEN.swap(switches, Ordering::Relaxed) != switches {
        SEEN_AT.store(cpu, Ordering::Relaxed);
        TRIES.store(0, Ordering::Relaxed);
        return false;
    }
    // It may have begun one tick before it was seen; and ticks are not quite regular.
    cpu - SEEN_AT.load(Ordering::Relaxed) + 2 * grain > SLICE.load(Ordering::Relaxed) + grain / 8
}

/// Yield, if a tick came where it was not allowed to.
#[inline]
pub fn yield_if_due() {
    if DUE.load(Ordering::Relaxed) {
        yield_now();
    }
}

#[cold]
fn yield_now() {
    if let Some((_, carrier)) = start::here()
        && !carrier.is_critical()
    {
        DUE.store(false, Ordering::Relaxed);
        // Or it would cut short what somebody else does in the kernel.
        if IS_TRYING.swap(false, Ordering::Relaxed) {
            set_timer(RETRY, 0, false);
        }
        carrier.yield_for_slice();
    }
}

/// Something is noted for the next thread that leaves the scheduler.
pub fn is_due() -> bool {
    DUE.load(Ordering::Relaxed)
}
