//! How a signal gets to its thread; see signal.rs for the picture.

use super::dispositions::{
    Disposition, HANDLERS, call, disposition, disposition_of_kept, is_fault_signal, take_back,
};
use super::mask::{self, everybodys};
use super::send::{self, SI_TKILL};
use super::set::{bit, set_kernel_mask, signals_in};
use super::{Action, SIGNALS, altstack, pending, timers, undisturbed};
use crate::pthread::cancel;
use crate::pthread::green::{self, Green};
use crate::pthread::roster;
use crate::reports::{overflow, requests};
use crate::{errno, execution, loader, preempt, real, start};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use libc::siginfo_t;
use scheduler::{Carrier, Runtime};

/// Signals of the process that wait for their thread, as bits. The kernel blocks them meanwhile, so that
/// more of the same wait in its queue.
static KEPT: AtomicU64 = AtomicU64::new(0);
/// Threads that are to look at their cancellation, counted.
static NUDGED: AtomicU32 = AtomicU32::new(0);
static MAIN_GONE: AtomicBool = AtomicBool::new(false);

struct Infos(UnsafeCell<[MaybeUninit<siginfo_t>; SIGNALS]>);
// SAFETY: written and read on the carrier only, a signal's entry while its bit in KEPT says whose
// turn it is.
unsafe impl Sync for Infos {}
static INFOS: Infos = Infos(UnsafeCell::new([const { MaybeUninit::uninit() }; SIGNALS]));

/// Signals of the process that wait for their thread.
pub fn kept() -> u64 {
    KEPT.load(Ordering::SeqCst)
}

/// The main thread left by pthread_exit: any thread takes the process's signals.
pub fn main_is_gone() {
    MAIN_GONE.store(true, Ordering::Relaxed);
}

/// In the child of `fork` nothing is pending, and the mask is that of the thread that forked.
pub fn after_fork() {
    KEPT.store(0, Ordering::SeqCst);
    NUDGED.store(0, Ordering::Relaxed);
    if let Some((rt, carrier)) = start::here() {
        let me = green::current(rt);
        pending::after_fork(me);
        timers::after_fork();
        me.nudged.set(false);
        carrier.signals_taken();
        MAIN_GONE.store(carrier.current() != green::main_thread(), Ordering::Relaxed);
        mask::start_over(me.signals.blocked());
        mask::sync();
    }
}

fn is_fault(signal: c_int, code: c_int) -> bool {
    is_fault_signal(signal) && code > 0
}

/// The thread that takes a signal of the process: the main thread unless it blocks it, as on Linux. One whose call
/// is on a helper could take it only afterwards, so others come first.
fn target_of(rt: &'static Runtime, signal: c_int) -> Option<&'static Green> {
    // SAFETY: the main thread's record lives for ever.
    let main = unsafe { &*green::main_thread().cast::<Green>() };
    let main = (!MAIN_GONE.load(Ordering::Relaxed)).then_some(main);
    let me = green::current(rt);
    let takes = |green: &Green| !green.signals.blocks(signal);
    let at_once = |green: &&'static Green| takes(green) && !green.thread.is_away();
    main.filter(at_once)
        .or(Some(me).filter(at_once))
        .or_else(|| roster::find(|green| takes(green) && !green.thread.is_away()))
        .or_else(|| main.filter(|green| takes(green)))
        .or_else(|| roster::find(takes))
}

/// What the kernel calls in place of the program's handlers, with all signals blocked.
///
/// # Safety
/// Called by the kernel.
pub unsafe extern "C-unwind" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo and context; the carrier's state is ours to read on its
    // thread.
    unsafe {
        if let Some(which) = preempt::is_tick(signal, info) {
            return preempt::tick(which, context);
        }
        if requests::is_one(signal) {
            return requests::note(signal);
        }
        let Some(rt) = start::runtime().filter(|_| green::is_carrier_thread()) else {
            return run_natively(signal, info, context);
        };
        mask::kernel_has(u64::MAX);
        let carrier = &rt.carrier;
        let me = green::current(rt);
        let code = (*info).si_code;
        if disposition_of_kept(signal) != Disposition::Handled && is_fault_signal(signal) {
            overflow::report_if_used_up(me, &*info);
            die_of(signal, &*info);
        } else if is_fault(signal, code) {
            if altstack::is_ours(context) {
                // It could not be moved.
                overflow::report(me);
                die_of(signal, &*info);
            } else if me.signals.blocks(signal) {
                die_of(signal, &*info);
            } else {
                run_here(me, signal, info, context);
            }
        } else if timers::owner(&*info).is_some_and(|owner| owner.is_null()) {
            // Its thread has ended.
        } else if let Some(to) = directed_to(me, signal, &*info) {
            if ptr::eq(to, me) && !carrier.is_critical() && !me.signals.blocks(signal) {
                run_here(me, signal, info, context);
            } else {
                pending::note(to, &*info);
                carrier.signal_kept();
                // (In the middle of a change to the run queue that is left to `interrupt_targets`.)
                if !carrier.is_critical() {
                    carrier.interrupt((&raw const to.thread).cast_mut());
                }
            }
        } else if !carrier.is_critical() && target_of(rt, signal).is_some_and(|to| ptr::eq(to, me)) {
            // (A signal whose action we have taken over may be one that the program ignores.)
            if disposition_of_kept(signal) == Disposition::Handled {
                run_here(me, signal, info, context);
            }
        } else {
            (*INFOS.0.get())[signal as usize].write(*info);
            KEPT.fetch_or(bit(signal), Ordering::SeqCst);
            carrier.signal_kept();
            if !carrier.is_critical() {
                interrupt_targets();
            }
        }
        mask::resume_with_ours(context);
    }
}

/// A fault whose signal the thread blocks, perhaps because it is in the handler: the kernel makes an end of it. (It
/// looks at its own mask, which is not the thread's.)
unsafe fn die_of(signal: c_int, info: &siginfo_t) {
    crate::chaos::report();
    // SAFETY: an object of ours.
    unsafe {
        let default: Action = core::mem::zeroed();
        real::sigaction(signal, &raw const default, ptr::null_mut());
    }
    // Not every faulting instruction is executed again.
    // SAFETY: an object of ours.
    unsafe {
        let (process, thread) = (scheduler::sys!(getpid).unwrap_or(0), scheduler::sys!(gettid).unwrap_or(0));
        let _ = scheduler::sys!(rt_tgsigqueueinfo, process, thread, signal, core::ptr::from_ref(info));
    }
}

/// abort(3), from where none of libc's locks can be had.
pub fn die_of_abort() {
    set_kernel_mask(!bit(libc::SIGABRT));
    // SAFETY: zero bytes are a valid info.
    let mut info: siginfo_t = unsafe { core::mem::zeroed() };
    info.si_signo = libc::SIGABRT;
    info.si_code = SI_TKILL;
    // SAFETY: an object of ours.
    unsafe { die_of(libc::SIGABRT, &info) };
}

/// The mask that the kernel restores when a handler returns.
pub unsafe fn mask_of(context: *mut c_void) -> *mut u64 {
    // SAFETY: the kernel's (or our own) ucontext; the first word of a sigset_t holds signals 1 to 64.
    unsafe { (&raw mut (*context.cast::<libc::ucontext_t>()).uc_sigmask).cast() }
}

/// The running thread's handler, for a fault of a helper's in its name.
///
/// # Safety
/// The arguments are a signal handler's.
pub unsafe fn handle(me: &'static Green, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the caller's.
    mask::set(me, unsafe { run_masked(me, signal, info, context) });
}

/// The kernel sends SIGPIPE, and SIGXFSZ, to the thread that wrote. What this process sends to its kernel thread, past
/// our jackets, is abort(3)'s; what another sends is the main thread's.
fn directed_to(me: &'static Green, signal: c_int, info: &siginfo_t) -> Option<&'static Green> {
    if signal == libc::SIGPIPE {
        return Some(me);
    }
    if let Some(owner) = timers::owner(info) {
        // SAFETY: a thread that ends is forgotten.
        return unsafe { owner.as_ref() };
    }
    if info.si_code != SI_TKILL && signal != libc::SIGXFSZ {
        return None;
    }
    // SAFETY: the sender's pid is there for this code; getpid has no pointers.
    let ours = unsafe { scheduler::sys!(getpid) == Ok(info.si_pid() as usize) };
    if signal == libc::SIGXFSZ && !ours {
        return None;
    }
    // SAFETY: the main thread's record lives for ever.
    Some(if ours { me } else { unsafe { &*green::main_thread().cast::<Green>() } })
}

/// On a kernel thread that is no carrier: with the mask that the program's action asks for.
unsafe fn run_natively(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the caller's arguments.
    unsafe {
        if is_fault_signal(signal) && disposition_of_kept(signal) != Disposition::Handled {
            return die_of(signal, &*info);
        }
        if is_fault(signal, (*info).si_code) && execution::leave_fault_to_thread(signal, info, context) {
            return;
        }
        set_kernel_mask(*mask_of(context) | mask_during(signal));
        call(signal, info, context);
    }
}

/// What a signal's action adds to the mask while its handler runs.
fn mask_during(signal: c_int) -> u64 {
    let handler = &HANDLERS[signal as usize];
    let itself = handler.flags.load(Ordering::Relaxed) & libc::SA_NODEFER == 0;
    handler.mask.load(Ordering::Relaxed) | if itself { bit(signal) } else { 0 }
}

/// The running thread's handler, here and now, in the context that the kernel interrupted. Comes back
/// with all signals blocked.
unsafe fn run_here(me: &'static Green, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the caller's arguments.
    let after = unsafe { run_masked(me, signal, info, context) };
    // The kernel's mask opens when it takes this frame away: under a flood of one signal the frames of its handlers
    // would heap up otherwise.
    mask::block_all();
    mask::set_unseen(me, after);
    // What was held up by the handler's mask comes before the interrupted code goes on.
    if let Some((rt, _)) = start::here().filter(|(_, carrier)| !carrier.is_critical()) {
        while let Some((info, what)) = take_one(rt, me) {
            deliver(me, info, what, Afterwards::Blocked);
        }
    }
}

/// What the kernel blocks when a handler has run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    /// What is right for all threads.
    Open,
    /// Everything: this is inside a frame of the kernel's, whose end opens it.
    Blocked,
}

/// Call a handler under its mask; the context shows the thread's own and may be changed there. Answers the mask that the
/// thread is to have now.
unsafe fn run_masked(me: &'static Green, signal: c_int, info: *mut siginfo_t, context: *mut c_void) -> u64 {
    // SAFETY: the caller's arguments.
    unsafe {
        altstack::show(me, context);
        let own = mask_of(context);
        let now = me.signals.blocked();
        // In sigsuspend and its like the context shows the mask that comes after the call.
        let to_come = me.mask_to_come.take();
        *own = to_come.unwrap_or(now);
        mask::set(me, now | mask_during(signal));
        // Of several that are due the kernel prepares all, the lowest first, so that the last one that is not
        // held up by the others' masks runs first.
        if !is_fault(signal, (*info).si_code) {
            run_if_due();
        }
        // (The handler may install another action.)
        let flags = HANDLERS[signal as usize].flags.load(Ordering::Relaxed);
        call(signal, info, context);
        altstack::take_back(me, context);
        note_verdict(me, flags);
        if to_come.is_some() {
            me.mask_to_come.set(Some(*own & !mask::NEVER));
            now
        } else {
            *own
        }
    }
}

/// Make parked targets of kept signals run.
pub fn interrupt_targets() {
    let Some((rt, carrier)) = start::here() else { return };
    requests::answer();
    // A foreign thread's signal that came while the running thread was about to park.
    let me = &green::current(rt).signals;
    let awaited = me.pending.load(Ordering::SeqCst) & me.awaited.load(Ordering::SeqCst);
    if me.due.load(Ordering::SeqCst) || awaited != 0 {
        // SAFETY: the running thread's record.
        unsafe { carrier.interrupt(carrier.current()) };
    }
    // What has come for one thread in the midst of a change to the run queue: another process sent it to the main
    // thread's tid, or it is a timer's.
    if pending::DUE.load(Ordering::SeqCst) != 0 {
        roster::each(|green| {
            if green.signals.due.load(Ordering::SeqCst) {
                // SAFETY: a live thread's record.
                unsafe { carrier.interrupt((&raw const green.thread).cast_mut()) };
            }
        });
    }
    interrupt_waiters();
    for signal in signals_in(kept() & !everybodys()) {
        // The idle loop runs on the stack of a parked thread: the current one may be meant, too.
        if let Some(to) = target_of(rt, signal) {
            // SAFETY: a live thread's record.
            unsafe { carrier.interrupt((&raw const to.thread).cast_mut()) };
        }
    }
}

/// A kept signal that everybody blocks is for whoever waits for it.
fn interrupt_waiters() {
    let waited_for = kept() & everybodys();
    if waited_for == 0 {
        return;
    }
    let waits = |green: &Green| green.signals.awaited.load(Ordering::SeqCst) & waited_for != 0;
    if let (Some(rt), Some(to)) = (start::runtime(), roster::find(waits)) {
        // SAFETY: a live thread's record.
        unsafe { rt.carrier.interrupt((&raw const to.thread).cast_mut()) };
    }
}

/// Masks have changed: if a kept signal has a thread now, it is looked for.
pub fn look_if_somebody_may() {
    if kept() & !everybodys() != 0
        && let Some((_, carrier)) = start::here()
    {
        carrier.signal_kept();
    }
}

/// Is a signal due that the running thread takes?
pub fn is_due(rt: &'static Runtime) -> bool {
    let me = green::current(rt);
    me.signals.due.load(Ordering::SeqCst) || kept_for(rt, me).is_some()
}

/// The lowest of the process's kept signals that this thread is to take.
fn kept_for(rt: &'static Runtime, me: &'static Green) -> Option<c_int> {
    signals_in(kept() & !me.signals.blocked())
        .find(|&signal| target_of(rt, signal).is_some_and(|to| ptr::eq(to, me)))
}

/// Call the running thread's handlers that are due, if there are any and this is no critical section.
pub fn run_if_due() {
    let Some((rt, carrier)) = start::here() else { return };
    let signals = &green::current(rt).signals;
    let any = signals.due.load(Ordering::SeqCst) || kept() & !signals.blocked() != 0;
    if any && !carrier.is_critical() {
        run_handlers();
    }
}

/// The running thread has left the scheduler: call the handlers that are its own.
pub fn run_handlers() {
    loader::catch_up_if_due();
    let Some((rt, carrier)) = start::here() else { return };
    let me = green::current(rt);
    // One at a time: a handler may leave by siglongjmp and must not take the others with it.
    while let Some((info, what)) = take_one(rt, me) {
        deliver(me, info, what, Afterwards::Open);
    }
    mask::sync();
    take_back(preempt::SIGNAL);
    interrupt_targets();
    let nudged = me.nudged.replace(false);
    if nudged {
        NUDGED.fetch_sub(1, Ordering::Relaxed);
    }
    forget_if_none_kept(carrier);
    if nudged {
        cancel::act_if_asynchronous();
    }
    preempt::yield_if_due();
}

/// The next signal for the running thread: its own before the process's, the lowest first.
fn take_one(rt: &'static Runtime, me: &'static Green) -> Option<(siginfo_t, Disposition)> {
    if let Some(info) = pending::take(me, !me.signals.blocked()) {
        return Some((info, disposition(info.si_signo)));
    }
    let signal = kept_for(rt, me)?;
    // The next of its kind stays in the kernel's queue until the handler has its mask.
    unqueue(bit(signal)).map(|info| (info, disposition_of_kept(signal)))
}

/// Take the lowest kept signal of a set.
pub fn take_kept(set: u64) -> Option<siginfo_t> {
    let info = unqueue(set);
    // The next of its kind may come out of the kernel's queue.
    if info.is_some() {
        mask::sync();
    }
    info
}

fn unqueue(set: u64) -> Option<siginfo_t> {
    undisturbed(|| {
        let signal = signals_in(kept() & set).next()?;
        KEPT.fetch_and(!bit(signal), Ordering::SeqCst);
        // SAFETY: filled in when the bit was set.
        Some(unsafe { (*INFOS.0.get())[signal as usize].assume_init() })
    })
}

/// A signal is ignored from now on: what is pending of it is gone.
pub fn discard(signal: c_int) {
    KEPT.fetch_and(!bit(signal), Ordering::SeqCst);
    pending::discard(signal);
    if start::here().is_some() {
        mask::sync();
    }
}

/// Tell the carrier if nothing is kept any more. First forget, then look: a signal that is kept in
/// between says so again.
fn forget_if_none_kept(carrier: &Carrier) {
    let any = || {
        kept() & !everybodys() != 0
            || pending::DUE.load(Ordering::SeqCst) != 0
            || NUDGED.load(Ordering::SeqCst) != 0
            || preempt::is_due()
    };
    if !any() {
        carrier.signals_taken();
        if any() {
            carrier.signal_kept();
        }
    }
}

/// A signal has come to its thread, late: do what is to be done with it, with `errno` as the program
/// left it.
fn deliver(me: &'static Green, mut info: siginfo_t, what: Disposition, afterwards: Afterwards) {
    let signal = info.si_signo;
    match what {
        Disposition::Ignored => return,
        Disposition::Default => {
            send::to_kernel(&info);
            return;
        }
        Disposition::Handled => {}
    }
    if HANDLERS[signal as usize].flags.load(Ordering::Relaxed) & libc::SA_RESETHAND != 0 {
        // SAFETY: an object of ours.
        unsafe {
            let default: Action = core::mem::zeroed();
            real::sigaction(signal, &raw const default, ptr::null_mut());
        }
    }
    let saved = errno::get();
    // SAFETY: objects of our own. A handler that runs late sees the context it runs in.
    altstack::on_alternate(me, signal, &mut || unsafe {
        let mut context: libc::ucontext_t = core::mem::zeroed();
        libc::getcontext(&raw mut context);
        let after = run_masked(me, signal, &raw mut info, (&raw mut context).cast());
        if afterwards == Afterwards::Blocked {
            mask::block_all();
            mask::set_unseen(me, after);
        } else {
            mask::set(me, after);
        }
    });
    errno::set(saved);
}

/// A handler ran in this thread: what does that mean for the call it interrupted?
fn note_verdict(me: &Green, flags: c_int) {
    let restarts = flags & libc::SA_RESTART != 0;
    me.verdict.set(me.verdict.get().max(if restarts { 1 } else { 2 }));
}

/// Wake a thread for its cancellation: its wait is interrupted, and it looks when it runs.
pub fn nudge(rt: &'static Runtime, to: &'static Green) {
    if !to.nudged.replace(true) {
        NUDGED.fetch_add(1, Ordering::Relaxed);
    }
    rt.carrier.signal_kept();
    // SAFETY: a live thread's record.
    unsafe { rt.carrier.wake_to_look((&raw const to.thread).cast_mut()) };
}
