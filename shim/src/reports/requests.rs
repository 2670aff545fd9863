//! Signals by which a person asks the library: `GREEN_DUMP=quit` for all threads, `GREEN_STATS_SIGNAL` for the statistics.
//!
//! ```text
//!   signal ──► note ── the scheduler's data may be half changed ──► answered when the carrier leaves it, or looks around
//!                └──── it is not ──► answered right here, in the handler
//! ```
//!
//! The program never gets such a signal, whatever it wanted of it. Answers take no lock and no heap.

use super::listing;
use crate::pthread::green;
use crate::signal::set::bit;
use crate::{options, signal, start, statistics};
use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering};

/// The signals that are requests.
static REQUESTS: AtomicU64 = AtomicU64::new(0);
/// Those that have come and are not answered.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Can this signal be one? Not those that cannot be caught, that mean a fault or an end of a child, and libc's and our own.
pub fn may_be(signal: u64) -> bool {
    const NOT_THESE: [c_int; 12] = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGCHLD,
        libc::SIGURG,
        32,
        33,
    ];
    !NOT_THESE.contains(&(signal as c_int))
}

/// Green threads start.
pub fn adopt() {
    let dump = (options::DUMP.get() == Some(1)).then_some(libc::SIGQUIT);
    let stats = options::STATS_SIGNAL.get().map(|signal| signal as c_int);
    for signal in [dump, stats].into_iter().flatten() {
        REQUESTS.fetch_or(bit(signal), Ordering::Relaxed);
        signal::take_over(signal);
    }
    signal::mask::sync();
}

/// Is it one?
pub fn is_one(signal: c_int) -> bool {
    REQUESTS.load(Ordering::Relaxed) & bit(signal) != 0
}

/// It has come. From a signal handler, with all signals blocked.
pub fn note(signal: c_int) {
    ASKED.fetch_or(bit(signal), Ordering::SeqCst);
    let Some(rt) = start::runtime() else { return };
    rt.carrier.signal_kept();
    if green::is_carrier_thread() && !rt.carrier.is_critical() {
        answer();
    }
}

/// Answer what has been asked. On the carrier.
#[inline]
pub fn answer() {
    if ASKED.load(Ordering::Relaxed) != 0 {
        answer_now();
    }
}

#[cold]
fn answer_now() {
    let asked = ASKED.swap(0, Ordering::SeqCst);
    if options::DUMP.get() == Some(1) && asked & bit(libc::SIGQUIT) != 0 {
        listing::say_all("all threads");
    }
    if options::STATS_SIGNAL.get().is_some_and(|signal| asked & bit(signal as c_int) != 0) {
        statistics::say_all();
    }
}
