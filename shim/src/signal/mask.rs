//! Signal masks: pthread_sigmask(3), sigprocmask(2), sigpending(2).
//!
//! Every green thread has a mask of its own. The kernel's, of the one kernel thread, is what all of them
//! block (only then must a signal stay with the kernel, or its default action be held up), and what we
//! keep at the moment, so that more of the same wait in the kernel's queue:
//!
//! ```text
//!   kernel's mask = (blocked by thread 1 & blocked by thread 2 & …) | kept
//! ```
//!
//! How many threads block each signal is counted, so that a thread that blocks nothing costs nothing.

use super::dispositions::taken;
use super::set::{self, bit, bits_of, kernel_mask, set_kernel_mask, signals_in};
use super::{SIGNALS, altstack, delivery, pending, timers, undisturbed};
use crate::errno::fail;
use crate::pthread::green::{self, Green};
use crate::{export, real, start, trap};
use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use libc::sigset_t;
use scheduler::Runtime;

/// What a thread has to do with signals.
pub struct ThreadSignals {
    /// Its mask.
    pub blocked: AtomicU64,
    /// Sent to it and not taken yet.
    pub pending: AtomicU64,
    /// It sits in sigwait(3) for these.
    pub awaited: AtomicU64,
    /// Some of the pending ones are not blocked; counted in [`pending::DUE`].
    pub due: AtomicBool,
}

impl ThreadSignals {
    /// Of a thread that nobody has sent anything.
    pub const fn new() -> Self {
        ThreadSignals {
            blocked: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            awaited: AtomicU64::new(0),
            due: AtomicBool::new(false),
        }
    }

    /// Its mask.
    pub fn blocked(&self) -> u64 {
        self.blocked.load(Ordering::SeqCst)
    }

    /// Does it block this signal?
    pub fn blocks(&self, signal: c_int) -> bool {
        self.blocked() & bit(signal) != 0
    }
}

/// What cannot be blocked, and glibc's own two.
pub const NEVER: u64 = bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(32) | bit(33);

/// How many threads block each signal.
static COUNTS: [AtomicU32; SIGNALS] = [const { AtomicU32::new(0) }; SIGNALS];
/// The signals whose count is not 0.
static SOMEBODY: AtomicU64 = AtomicU64::new(0);
/// The signals that all threads block.
static EVERYBODY: AtomicU64 = AtomicU64::new(0);
/// All threads. (Like the rest of these: written by the carrier, undisturbed, so no step need be atomic.)
static ALIVE: AtomicU32 = AtomicU32::new(0);
/// What the kernel blocks, as far as we know.
static KERNEL: AtomicU64 = AtomicU64::new(0);

fn count(bits: u64, more: bool) {
    for signal in signals_in(bits) {
        let of_signal = &COUNTS[signal as usize];
        let before = of_signal.load(Ordering::Relaxed);
        let somebody = SOMEBODY.load(Ordering::Relaxed);
        if more {
            of_signal.store(before + 1, Ordering::Relaxed);
            SOMEBODY.store(somebody | bit(signal), Ordering::Relaxed);
        } else {
            of_signal.store(before - 1, Ordering::Relaxed);
            if before == 1 {
                SOMEBODY.store(somebody & !bit(signal), Ordering::Relaxed);
            }
        }
    }
}

fn recount() {
    let alive = ALIVE.load(Ordering::Relaxed);
    let mut all = 0;
    for signal in signals_in(SOMEBODY.load(Ordering::Relaxed)) {
        if COUNTS[signal as usize].load(Ordering::Relaxed) == alive {
            all |= bit(signal);
        }
    }
    if EVERYBODY.load(Ordering::Relaxed) != all {
        EVERYBODY.store(all, Ordering::SeqCst);
    }
}

/// The signals that all threads block.
pub fn everybodys() -> u64 {
    EVERYBODY.load(Ordering::SeqCst)
}

/// Green threads start: the main thread has the kernel thread's mask.
pub fn adopt() {
    let mask = kernel_mask();
    KERNEL.store(mask, Ordering::SeqCst);
    start_over(mask);
    if let Some(rt) = start::runtime() {
        green::current(rt).signals.blocked.store(mask, Ordering::SeqCst);
    }
}

/// There is one thread, with this mask.
pub fn start_over(mask: u64) {
    for of_signal in &COUNTS {
        of_signal.store(0, Ordering::Relaxed);
    }
    SOMEBODY.store(0, Ordering::Relaxed);
    ALIVE.store(1, Ordering::Relaxed);
    count(mask, true);
    recount();
}

/// A thread begins to exist, with this mask.
pub fn add(green: &Green, mask: u64) {
    undisturbed(|| {
        green.signals.blocked.store(mask, Ordering::SeqCst);
        ALIVE.store(ALIVE.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        count(mask, true);
        recount();
    });
    sync();
}

/// A thread ends.
pub fn remove(green: &Green) {
    undisturbed(|| {
        ALIVE.store(ALIVE.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        count(green.signals.blocked(), false);
        recount();
        pending::forget(green);
        timers::forget(green);
    });
    sync();
}

/// A thread has another mask. What that lets through is not delivered here.
pub fn set(green: &Green, mask: u64) {
    set_unseen(green, mask);
    sync();
}

/// Like [`set`], and the kernel is to learn it later.
pub fn set_unseen(green: &Green, mask: u64) {
    let mask = mask & !NEVER;
    undisturbed(|| {
        let before = green.signals.blocked.swap(mask, Ordering::SeqCst);
        if before != mask {
            count(mask & !before, true);
            count(before & !mask, false);
            recount();
            pending::refresh(green);
        }
    });
}

/// What the kernel should block.
fn wanted() -> u64 {
    // The kernel sends SIGPIPE to its own thread: where only some threads block it, `broken_pipe` looks.
    let pipe = SOMEBODY.load(Ordering::SeqCst) & bit(libc::SIGPIPE);
    (everybodys() | delivery::kept() | pipe) & !taken() & !trap::never_blocked()
}

/// The kernel is to block what it should.
pub fn sync() {
    loop {
        let wanted = wanted();
        if KERNEL.load(Ordering::SeqCst) == wanted {
            break;
        }
        KERNEL.store(wanted, Ordering::SeqCst);
        set_kernel_mask(wanted);
    }
    delivery::look_if_somebody_may();
}

/// A call failed with `EPIPE`. If the kernel holds the SIGPIPE back because only some threads block it, it is
/// the running thread's.
#[cold]
pub fn broken_pipe() {
    let pipe = bit(libc::SIGPIPE);
    if SOMEBODY.load(Ordering::SeqCst) & !everybodys() & pipe == 0 {
        return;
    }
    let Some((rt, _)) = start::here() else { return };
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: objects of our own.
    let taken = unsafe { scheduler::sys!(rt_sigtimedwait, &raw const pipe, 0, &raw const now, 8usize) };
    if taken.is_ok() {
        super::send::to_self(rt, libc::SIGPIPE);
    }
}

/// The kernel blocks this now, by no doing of [`sync`]'s.
pub fn kernel_has(mask: u64) {
    KERNEL.store(mask, Ordering::SeqCst);
}

/// In a handler of our own, entered with all signals blocked: run `work`, which may let other threads run,
/// with the mask that is right for all.
///
/// # Safety
/// `context` is the kernel's.
pub unsafe fn in_handler(context: *mut libc::c_void, work: impl FnOnce()) {
    kernel_has(u64::MAX);
    sync();
    work();
    block_all();
    // SAFETY: the caller's.
    unsafe { resume_with_ours(context) };
}

/// A handler is about to return, with all signals blocked: the kernel is to restore the mask that is right
/// for all, not the one it found.
///
/// # Safety
/// `context` is the kernel's.
pub unsafe fn resume_with_ours(context: *mut libc::c_void) {
    let mask = wanted();
    // SAFETY: the caller's.
    unsafe {
        *delivery::mask_of(context) = mask;
        altstack::resume_with_ours(context);
    }
    kernel_has(mask);
}

/// Block everything, for the last steps of a handler, and for a fork.
pub fn block_all() {
    let all = !trap::never_blocked();
    set_kernel_mask(all);
    KERNEL.store(all, Ordering::SeqCst);
}

/// Until the running thread next leaves the scheduler the kernel has this thread's own mask, for what
/// reads it there: a new program, a child, sigsetjmp(3).
pub fn lend_to_kernel() {
    let Some((rt, carrier)) = start::here() else { return };
    let own = green::current(rt).signals.blocked() | delivery::kept();
    if KERNEL.swap(own, Ordering::SeqCst) != own {
        set_kernel_mask(own);
        carrier.signal_kept();
    }
}

/// libc has blocked signals for a moment, and the thread is about to wait inside: the others are to have
/// theirs. Answers what to give back to [`restore`].
pub fn suspend() -> Option<u64> {
    let mask = kernel_mask();
    if mask == KERNEL.load(Ordering::SeqCst) {
        return None;
    }
    KERNEL.store(mask, Ordering::SeqCst);
    sync();
    Some(mask)
}

/// After [`suspend`].
pub fn restore(mask: Option<u64>) {
    if let Some(mask) = mask {
        KERNEL.store(mask, Ordering::SeqCst);
        set_kernel_mask(mask);
    }
}

/// Store a mask where the program wants it.
unsafe fn show(mask: u64, to: *mut sigset_t) {
    if !to.is_null() {
        // SAFETY: the caller's set.
        unsafe { set::store(mask, to) };
    }
}

unsafe fn change(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> Option<c_int> {
    let (rt, _) = start::here()?;
    let me = green::current(rt);
    let before = me.signals.blocked();
    // SAFETY: the caller's sets.
    unsafe {
        let wanted = match how {
            _ if set.is_null() => None,
            libc::SIG_BLOCK => Some(before | bits_of(set)),
            libc::SIG_UNBLOCK => Some(before & !bits_of(set)),
            libc::SIG_SETMASK => Some(bits_of(set)),
            _ => return Some(libc::EINVAL),
        };
        // The new mask may lie where the old one goes.
        show(before, old);
        if let Some(wanted) = wanted {
            set_and_deliver(me, wanted);
        }
    }
    Some(0)
}

/// What a new mask lets through is handled before the call returns.
pub fn set_and_deliver(me: &Green, mask: u64) {
    set(me, mask);
    delivery::run_if_due();
}

export! {
    /// pthread_sigmask(3)
    fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
        change(how, set, old).unwrap_or_else(|| real::pthread_sigmask(how, set, old))
    }

    /// sigprocmask(2)
    fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
        match change(how, set, old) {
            None => real::sigprocmask(how, set, old),
            Some(0) => 0,
            Some(error) => fail(error),
        }
    }

    /// sigpending(2)
    fn sigpending(set: *mut sigset_t) -> c_int {
        let result = real::sigpending(set);
        if let (0, Some((rt, _))) = (result, start::here()) {
            let signals = &green::current(rt).signals;
            let here = bits_of(set) | signals.pending.load(Ordering::SeqCst) | delivery::kept();
            show(here & signals.blocked(), set);
        }
        result
    }
}

/// Run `wait` under another mask, as ppoll, pselect, epoll_pwait and sigsuspend do. Handlers that it lets
/// in run at once; answers `None` without waiting if there were any.
///
/// # Safety
/// `set` is the program's, not null.
pub unsafe fn during<T>(rt: &'static Runtime, set: *const sigset_t, wait: impl FnOnce() -> T) -> Option<T> {
    // SAFETY: the caller's.
    let mask = unsafe { bits_of(set) };
    let me = green::current(rt);
    let _ = super::verdict(rt);
    // Handlers are shown the mask that will be again, and may change it.
    let outer = me.mask_to_come.replace(Some(me.signals.blocked()));
    let result = with(me, mask, || {
        delivery::run_if_due();
        (super::peek(rt) == super::Verdict::Nothing).then(wait)
    });
    me.mask_to_come.set(outer);
    result
}

/// Run `work` under another mask. What the old one lets through again is handled before this returns.
pub fn with<T>(me: &'static Green, mask: u64, work: impl FnOnce() -> T) -> T {
    /// Also if a cancellation unwinds.
    struct Restore(&'static Green, u64);
    impl Drop for Restore {
        fn drop(&mut self) {
            set(self.0, self.0.mask_to_come.take().unwrap_or(self.1));
        }
    }
    let restore = Restore(me, me.signals.blocked());
    set(me, mask);
    let result = work();
    drop(restore);
    delivery::run_if_due();
    result
}
