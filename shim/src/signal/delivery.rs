//! How a signal gets to its thread; see signal.rs for the picture.

use super::dispositions::{HANDLERS, call, is_function};
use super::{Action, SIGNALS, bit, is_valid};
use crate::pthread::cancel;
use crate::pthread::green::{self, Green};
use crate::{errno, real, start};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use libc::siginfo_t;
use scheduler::{Carrier, Runtime};

const SI_TKILL: c_int = -6;

/// Signals of the process that wait for the main thread, as bits.
static KEPT: AtomicU64 = AtomicU64::new(0);
/// Signals kept for single threads (their own `kept_signals`), counted.
static KEPT_DIRECTED: AtomicU32 = AtomicU32::new(0);
static MAIN_GONE: AtomicBool = AtomicBool::new(false);

struct Infos(UnsafeCell<[MaybeUninit<siginfo_t>; SIGNALS]>);
// SAFETY: written and read on the carrier only, a signal's entry while its bit in KEPT says whose
// turn it is.
unsafe impl Sync for Infos {}
static INFOS: Infos = Infos(UnsafeCell::new([const { MaybeUninit::uninit() }; SIGNALS]));

/// The main thread left by pthread_exit: any thread takes the process's signals.
pub fn main_is_gone() {
    MAIN_GONE.store(true, Ordering::Relaxed);
}

/// In the child of `fork` nothing is pending.
pub fn after_fork() {
    KEPT.store(0, Ordering::Relaxed);
    KEPT_DIRECTED.store(0, Ordering::Relaxed);
    if let Some(rt) = start::runtime() {
        rt.carrier.signals_taken();
        let alone = rt.carrier.current();
        MAIN_GONE.store(alone != green::main_thread(), Ordering::Relaxed);
    }
}

fn is_fault(signal: c_int, code: c_int) -> bool {
    let fault = matches!(
        signal,
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS
    );
    fault && code > 0
}

/// What the kernel calls in place of the program's handlers.
///
/// # Safety
/// Called by the kernel.
pub unsafe extern "C-unwind" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo; the carrier's state is ours to read on its thread.
    unsafe {
        let code = (*info).si_code;
        let Some(rt) = start::runtime().filter(|rt| rt.carrier.is_here_on_any_block()) else {
            return call(signal, info, context);
        };
        let carrier = &rt.carrier;
        if is_fault(signal, code) {
            return call(signal, info, context);
        }
        // The kernel sends SIGPIPE to the thread that wrote.
        let directed = code == SI_TKILL || signal == libc::SIGPIPE;
        let to_main = !MAIN_GONE.load(Ordering::Relaxed) && !directed;
        let ours_to_take = !to_main || carrier.current() == green::main_thread();
        if ours_to_take && !carrier.is_critical() {
            call(signal, info, context);
            note_verdict(green::current(rt), signal);
            return;
        }
        (*INFOS.0.get())[signal as usize].write(*info);
        KEPT.fetch_or(bit(signal), Ordering::Relaxed);
        carrier.signal_kept();
        if !carrier.is_critical() {
            interrupt_targets();
        }
    }
}

/// Make parked targets of kept signals run.
pub fn interrupt_targets() {
    if let Some(rt) = start::runtime()
        && KEPT.load(Ordering::Relaxed) != 0
        && !MAIN_GONE.load(Ordering::Relaxed)
    {
        // SAFETY: the main thread's record lives for ever.
        unsafe { rt.carrier.interrupt(green::main_thread()) };
    }
}

/// The running thread has left the scheduler: call the handlers that are its own.
pub fn run_handlers() {
    crate::loader::catch_up_if_due();
    let Some((rt, carrier)) = start::here() else { return };
    let me = green::current(rt);
    let main_here = carrier.current() == green::main_thread() || MAIN_GONE.load(Ordering::Relaxed);
    // One at a time: a handler may leave by siglongjmp and must not take the others with it.
    loop {
        if main_here && let Some(signal) = take_first(&KEPT) {
            forget_if_none_kept(carrier);
            // SAFETY: filled in when the bit was set.
            let info = unsafe { (*INFOS.0.get())[signal as usize].assume_init() };
            run_one(me, signal, info);
        } else if let Some(signal) = take_first(&me.kept_signals) {
            KEPT_DIRECTED.fetch_sub(1, Ordering::Relaxed);
            forget_if_none_kept(carrier);
            run_one(me, signal, directed_info(signal));
        } else {
            break;
        }
    }
    if !main_here {
        interrupt_targets();
    }
    let nudged = me.nudged.replace(false);
    if nudged {
        KEPT_DIRECTED.fetch_sub(1, Ordering::Relaxed);
    }
    forget_if_none_kept(carrier);
    if nudged {
        cancel::act_if_asynchronous();
    }
}

/// Tell the carrier if nothing is kept any more. First forget, then look: a signal that is kept in
/// between says so again.
fn forget_if_none_kept(carrier: &Carrier) {
    let any = || KEPT.load(Ordering::SeqCst) != 0 || KEPT_DIRECTED.load(Ordering::SeqCst) != 0;
    if !any() {
        carrier.signals_taken();
        if any() {
            carrier.signal_kept();
        }
    }
}

/// Take the lowest signal out of a set.
fn take_first(set: &AtomicU64) -> Option<c_int> {
    let bits = set.load(Ordering::Relaxed);
    if bits == 0 {
        return None;
    }
    let signal = bits.trailing_zeros() as c_int + 1;
    set.fetch_and(!bit(signal), Ordering::Relaxed);
    Some(signal)
}

fn directed_info(signal: c_int) -> siginfo_t {
    // SAFETY: zero is a valid siginfo.
    let mut info: siginfo_t = unsafe { core::mem::zeroed() };
    info.si_signo = signal;
    info.si_code = SI_TKILL;
    info
}

/// Call one handler as the kernel would: with its mask, and with `errno` as the program left it.
fn run_one(me: &Green, signal: c_int, mut info: siginfo_t) {
    let handler = &HANDLERS[signal as usize];
    let flags = handler.flags.load(Ordering::Relaxed);
    let mut block = handler.mask.load(Ordering::Relaxed);
    if flags & libc::SA_NODEFER == 0 {
        block |= bit(signal);
    }
    if flags & libc::SA_RESETHAND != 0 {
        // SAFETY: an object of ours.
        unsafe {
            let default: Action = core::mem::zeroed();
            real::sigaction(signal, &raw const default, core::ptr::null_mut());
        }
    }
    let saved = errno::get();
    let mut before = 0u64;
    // SAFETY: objects of our own. A handler that runs late sees the context it runs in.
    unsafe {
        let mut context: libc::ucontext_t = core::mem::zeroed();
        libc::getcontext(&raw mut context);
        let _ = scheduler::sys!(rt_sigprocmask, libc::SIG_BLOCK, &raw const block, &raw mut before, 8usize);
        call(signal, &raw mut info, (&raw mut context).cast());
        let _ = scheduler::sys!(rt_sigprocmask, libc::SIG_SETMASK, &raw const before, 0, 8usize);
    }
    errno::set(saved);
    note_verdict(me, signal);
}

/// A handler ran in this thread: what does that mean for the call it interrupted?
fn note_verdict(me: &Green, signal: c_int) {
    let restarts = HANDLERS[signal as usize].flags.load(Ordering::Relaxed) & libc::SA_RESTART != 0;
    me.verdict.set(me.verdict.get().max(if restarts { 1 } else { 2 }));
}

/// Wake a thread for its cancellation: its wait is interrupted, and it looks when it runs.
pub fn nudge(rt: &'static Runtime, to: &'static Green) {
    if !to.nudged.replace(true) {
        KEPT_DIRECTED.fetch_add(1, Ordering::Relaxed);
    }
    rt.carrier.signal_kept();
    // SAFETY: a live thread's record.
    unsafe { rt.carrier.interrupt((&raw const to.thread).cast_mut()) };
}

/// pthread_kill(3) on a live green thread.
pub fn send(rt: &'static Runtime, to: &'static Green, signal: c_int) -> c_int {
    if !is_valid(signal) {
        return libc::EINVAL;
    }
    if signal == 0 {
        return 0;
    }
    let carrier = rt.carrier_here();
    let to_self = carrier.is_some_and(|c| core::ptr::eq(c.current(), &raw const to.thread));
    let function = HANDLERS[signal as usize].function.load(Ordering::Acquire);
    // SAFETY: objects of our own.
    let handled = unsafe {
        let mut action: Action = core::mem::zeroed();
        real::sigaction(signal, core::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == on_signal as *const () as usize
            && is_function(function)
    };
    if to_self || !handled {
        // The kernel's business: a default action, an ignored signal, the thread that runs.
        // SAFETY: no pointers.
        let sent = unsafe {
            let pid = scheduler::sys!(getpid).unwrap_or(0);
            scheduler::sys!(tgkill, pid, pid, signal)
        };
        return sent.map_or_else(|e| e.0, |_| 0);
    }
    if to.kept_signals.fetch_or(bit(signal), Ordering::Relaxed) & bit(signal) == 0 {
        KEPT_DIRECTED.fetch_add(1, Ordering::Relaxed);
    }
    rt.carrier.signal_kept();
    // SAFETY: a live thread's record.
    unsafe { rt.carrier.interrupt((&raw const to.thread).cast_mut()) };
    0
}
