//! Preemption: a thread that computes does not starve the rest.
//!
//! A timer on the carrier's *CPU time* sends it a signal every slice; an idle or waiting carrier uses no CPU
//! time and gets none. The handler runs on the stack of the green thread that it interrupted:
//!
//! ```text
//!   tick ── has the carrier switched since the last one? ── yes ──► nothing
//!     └─ no: is the interrupted code the program's own? ── no ───► try again in 50 µs, some times; and note
//!          └─ yes: yield, right here. The kernel keeps all its           that the thread is to yield when it next
//!             registers in the signal's frame.                           leaves the scheduler
//! ```
//!
//! Why only there, and why that suffices: docs/preemption.md. The signal is SIGURG, as Go's is: ignored
//! by default, seldom used, and still the program's (a tick is told by its sender).

use crate::real::inner;
use crate::signal::mask;
use crate::{errno, options, start};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use libc::siginfo_t;
use scheduler::Runtime;

/// The signal of a tick.
pub const SIGNAL: c_int = libc::SIGURG;

const DEFAULT_SLICE_MS: u64 = 10;

/// A thread in libc comes back to its own code soon, as a rule: look again after so long, so often.
const RETRY_NANOS: i64 = 50_000;
const RETRIES: u32 = 100;

/// What a tick brings as its value, so that it is told from a timer of the program's: where in here.
static MARKS: [u8; 2] = [0; 2];
const TICK: usize = 0;
const RETRY: usize = 1;

/// The timer of another try.
static RETRY_TIMER: AtomicI32 = AtomicI32::new(-1);
/// How many there have been for this slice, and how many switches there had been then.
static TRIES: AtomicU32 = AtomicU32::new(0);
static TRIED_AT: AtomicU64 = AtomicU64::new(0);

static ARMED: AtomicBool = AtomicBool::new(false);
/// The running thread should yield as soon as it may.
static DUE: AtomicBool = AtomicBool::new(false);

/// Code that must not be interrupted by another thread's: libc, ld.so, the vDSO and ourselves, as
/// [from, to).
static NOT_HERE: [[AtomicUsize; 2]; 4] = [const { [const { AtomicUsize::new(0) }; 2] }; 4];

/// In the child of `fork` there is no timer.
pub fn after_fork() {
    ARMED.store(false, Ordering::Relaxed);
    DUE.store(false, Ordering::Relaxed);
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
    note_ranges();
    crate::signal::take_over(SIGNAL);
    mask::sync();
    // Without a timer threads are cooperative, and the action does no harm.
    if let Some(timer) = timer(libc::CLOCK_THREAD_CPUTIME_ID, TICK) {
        let span =
            libc::timespec { tv_sec: (slice / 1000) as i64, tv_nsec: (slice % 1000 * 1_000_000) as i64 };
        start_timer(timer, span, span);
    }
    RETRY_TIMER.store(timer(libc::CLOCK_MONOTONIC, RETRY).unwrap_or(-1), Ordering::Relaxed);
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

fn start_timer(timer: c_int, first: libc::timespec, then: libc::timespec) {
    let times = libc::itimerspec { it_interval: then, it_value: first };
    // SAFETY: an object of ours.
    let _ = unsafe { scheduler::sys!(timer_settime, timer, 0, &raw const times, 0) };
}

fn note_ranges() {
    let inside = [
        inner::CTYPE_INIT.find().map_or(0, |at| at.addr()),
        inner::ALLOCATE_TLS.find().map_or(0, |at| at.addr()),
        arm_now as *const () as usize,
        // SAFETY: no pointers.
        unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) as usize },
    ];
    for (range, address) in NOT_HERE.iter().zip(inside) {
        let [from, to] = crate::loader::object_around(address);
        range[0].store(from, Ordering::Relaxed);
        range[1].store(to, Ordering::Relaxed);
    }
}

fn is_programs_own(code: usize) -> bool {
    !NOT_HERE
        .iter()
        .any(|[from, to]| (from.load(Ordering::Relaxed)..to.load(Ordering::Relaxed)).contains(&code))
}

/// Is this signal a tick, or another try? Answers which.
///
/// # Safety
/// `info` is the kernel's.
pub unsafe fn is_tick(signal: c_int, info: *const siginfo_t) -> Option<usize> {
    const SI_TIMER: c_int = -2;
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
    let Some((_, carrier)) = start::here() else { return };
    if which == TICK {
        if !carrier.has_used_slice() {
            return;
        }
        TRIES.store(0, Ordering::Relaxed);
        TRIED_AT.store(carrier.switches(), Ordering::Relaxed);
    } else if TRIED_AT.load(Ordering::Relaxed) != carrier.switches() {
        // It has switched by itself.
        DUE.store(false, Ordering::Relaxed);
        return;
    }
    // SAFETY: the kernel's context.
    let code = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] };
    if carrier.is_critical() || !is_programs_own(code as usize) {
        DUE.store(true, Ordering::Relaxed);
        carrier.signal_kept();
        let retry = RETRY_TIMER.load(Ordering::Relaxed);
        if retry >= 0 && TRIES.fetch_add(1, Ordering::Relaxed) < RETRIES {
            let span = libc::timespec { tv_sec: 0, tv_nsec: RETRY_NANOS };
            start_timer(retry, span, libc::timespec { tv_sec: 0, tv_nsec: 0 });
        }
        return;
    }
    DUE.store(false, Ordering::Relaxed);
    let error = errno::get();
    // SAFETY: the kernel's context.
    unsafe { mask::in_handler(context, || carrier.yield_for_slice()) };
    errno::set(error);
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
        carrier.yield_for_slice();
    }
}

/// Something is noted for the next thread that leaves the scheduler.
pub fn is_due() -> bool {
    DUE.load(Ordering::Relaxed)
}
