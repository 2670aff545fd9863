//! What the program installed: sigaction(2), signal(2), sysv_signal(3), siginterrupt(3).
//!
//! Once green threads exist the kernel is given `on_signal` in place of every handler; the program's
//! own function, flags and mask are kept here and shown to it when it asks.

use super::altstack::on_signal_elsewhere;
use super::delivery::{self, on_signal};
use super::set::{self, bit};
use super::{Action, SIGNALS, is_valid};
use crate::process::may_be_vfork_child;
use crate::pthread::green;
use crate::{errno, export, preempt, real, start};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use libc::siginfo_t;
use scheduler::trace::{self, What};

/// What the program installed.
pub struct Handler {
    /// Its function; 0 where `on_signal` is not installed.
    pub function: AtomicUsize,
    pub flags: AtomicI32,
    pub mask: AtomicU64,
}

/// By signal number.
pub static HANDLERS: [Handler; SIGNALS] =
    [const { Handler { function: AtomicUsize::new(0), flags: AtomicI32::new(0), mask: AtomicU64::new(0) } };
        SIGNALS];

/// Signals whose handlers interrupt when installed by signal(2), as siginterrupt(3) said.
static INTERRUPTING: AtomicU64 = AtomicU64::new(0);

export! {
    /// sigaction(2)
    fn sigaction | __sigaction(signal: c_int, action: *const Action, old: *mut Action) -> c_int {
        if start::runtime().is_none() {
            return real::sigaction(signal, action, old);
        }
        let known = HANDLERS.get(signal as usize);
        let before = known.map(|h| {
            (h.function.load(Ordering::Relaxed), h.flags.load(Ordering::Relaxed), h.mask.load(Ordering::Relaxed))
        });
        let mut ours = MaybeUninit::<Action>::uninit();
        let mut passed = action;
        // A child of vfork shares our memory, but not its actions.
        let borrowed = may_be_vfork_child();
        if let (Some(wanted), Some(handler), false) = (action.as_ref(), known, borrowed) {
            if is_function(wanted.sa_sigaction) || is_watched(signal, wanted.sa_sigaction) {
                ours.write(wrapped(signal, wanted));
                passed = ours.as_ptr();
            }
            if is_taken(signal) {
                ours.write(taken_over());
                passed = ours.as_ptr();
            }
            // Before the kernel knows it: a signal may come at once.
            handler.remember(wanted);
        }
        let result = real::sigaction(signal, passed, old);
        if let (0, Some(wanted)) = (result, action.as_ref())
            && is_ignored(signal, wanted.sa_sigaction)
            && !borrowed
        {
            delivery::discard(signal);
        }
        if let (0, Some(old), Some((function, flags, mask))) = (result, old.as_mut(), before)
            && is_ours(old.sa_sigaction)
        {
            old.sa_sigaction = function;
            old.sa_flags = flags;
            set::store(mask, &raw mut old.sa_mask);
        }
        result
    }

    /// signal(2), with the BSD semantics glibc gives it.
    fn signal | bsd_signal | ssignal(number: c_int, handler: usize) -> usize {
        if start::runtime().is_none() {
            return real::signal(number, handler);
        }
        let mut action: Action = core::mem::zeroed();
        let mut old: Action = core::mem::zeroed();
        action.sa_sigaction = handler;
        let interrupts = is_valid(number) && number > 0 && INTERRUPTING.load(Ordering::Relaxed) & bit(number) != 0;
        action.sa_flags = if interrupts { 0 } else { libc::SA_RESTART };
        if handler == libc::SIG_ERR || sigaction(number, &raw const action, &raw mut old) != 0 {
            if handler == libc::SIG_ERR {
                errno::set(libc::EINVAL);
            }
            return libc::SIG_ERR;
        }
        old.sa_sigaction
    }
}

export! {
    /// sysv_signal(3): one shot, and it interrupts. (What `signal` means under strict ISO C.)
    fn __sysv_signal | sysv_signal(number: c_int, handler: usize) -> usize {
        if start::runtime().is_none() {
            return real::__sysv_signal(number, handler);
        }
        let mut action: Action = core::mem::zeroed();
        let mut old: Action = core::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESETHAND | libc::SA_NODEFER;
        if sigaction(number, &raw const action, &raw mut old) != 0 {
            return libc::SIG_ERR;
        }
        old.sa_sigaction
    }

    /// siginterrupt(3)
    fn siginterrupt(number: c_int, interrupts: c_int) -> c_int {
        if is_valid(number) && number > 0 {
            if interrupts != 0 {
                INTERRUPTING.fetch_or(bit(number), Ordering::Relaxed);
            } else {
                INTERRUPTING.fetch_and(!bit(number), Ordering::Relaxed);
            }
        }
        if start::runtime().is_none() {
            return real::siginterrupt(number, interrupts);
        }
        let mut action: Action = core::mem::zeroed();
        if sigaction(number, core::ptr::null(), &raw mut action) != 0 {
            return -1;
        }
        if interrupts != 0 {
            action.sa_flags &= !libc::SA_RESTART;
        } else {
            action.sa_flags |= libc::SA_RESTART;
        }
        sigaction(number, &raw const action, core::ptr::null_mut())
    }
}

/// What the kernel is given in place of the program's handlers.
fn is_ours(action: usize) -> bool {
    action == on_signal as *const () as usize || action == on_signal_elsewhere as *const () as usize
}

/// Signals of instructions that go wrong.
pub fn is_fault_signal(signal: c_int) -> bool {
    matches!(
        signal,
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS
    )
}

/// The signal of a stack that is used up comes to us in any case; but what ignores it is inherited by programs.
fn is_watched(signal: c_int, action: usize) -> bool {
    signal == libc::SIGSEGV && action == libc::SIG_DFL
}

/// By this action a signal is dropped, also one that is pending already.
fn is_ignored(signal: c_int, action: usize) -> bool {
    let by_default = matches!(signal, libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH);
    action == libc::SIG_IGN || (action == libc::SIG_DFL && by_default)
}

/// Does the program handle any signal that may come at any time?
pub fn has_handlers() -> bool {
    let handles = |handler: &Handler| is_function(handler.function.load(Ordering::Relaxed));
    (1..).zip(&HANDLERS[1..]).any(|(signal, handler)| !is_fault_signal(signal) && handles(handler))
}

/// A handler of the program's, not `SIG_DFL` or `SIG_IGN`.
pub fn is_function(handler: usize) -> bool {
    Disposition::of(handler) == Disposition::Handled
}

/// The action we give the kernel in place of the program's. It blocks everything, so that no signal
/// interrupts our own steps; the handler then runs under the mask that the program asked for.
fn wrapped(signal: c_int, wanted: &Action) -> Action {
    let mut action = *wanted;
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags |= libc::SA_SIGINFO;
    // A fault may mean that there is no stack.
    if action.sa_flags & libc::SA_ONSTACK != 0 || is_fault_signal(signal) {
        action.sa_sigaction = on_signal_elsewhere as *const () as usize;
        action.sa_flags |= libc::SA_ONSTACK;
    }
    // SAFETY: a set of ours. SIGSYS is the safety net's (trap/).
    unsafe { set::store(!bit(libc::SIGSYS), &raw mut action.sa_mask) };
    action
}

/// The action of a signal that we use ourselves.
fn taken_over() -> Action {
    // SAFETY: zero is a valid action.
    let mut action = wrapped(preempt::SIGNAL, &unsafe { core::mem::zeroed() });
    action.sa_flags |= libc::SA_RESTART;
    action
}

/// Signals whose action is ours, for good, whatever the program wants of them.
static TAKEN: AtomicU64 = AtomicU64::new(0);

fn is_taken(signal: c_int) -> bool {
    taken() & bit(signal) != 0
}

/// The kernel must not block them, or what we want of them would not come.
pub fn taken() -> u64 {
    TAKEN.load(Ordering::Relaxed)
}

/// From now on the action of this signal is ours; what the program wants of it is kept.
pub fn take_over(signal: c_int) {
    TAKEN.fetch_or(bit(signal), Ordering::Relaxed);
    // SAFETY: objects of our own.
    unsafe {
        let mut action: Action = core::mem::zeroed();
        real::sigaction(signal, core::ptr::null(), &raw mut action);
        if !is_ours(action.sa_sigaction) {
            HANDLERS[signal as usize].remember(&action);
        }
        let ours = taken_over();
        real::sigaction(signal, &raw const ours, core::ptr::null_mut());
    }
}

/// [`lend_ignored`] has changed the kernel's action.
static LENT: AtomicBool = AtomicBool::new(false);

/// A child or a new program is about to be made, which inherits `SIG_IGN`, but not our action in its place:
/// the kernel ignores the signal until the running thread next leaves the scheduler.
pub fn lend_ignored(signal: c_int) {
    if is_taken(signal) && disposition_of_kept(signal) == Disposition::Ignored {
        LENT.store(true, Ordering::Relaxed);
        if let Some((_, carrier)) = start::here() {
            carrier.signal_kept();
        }
        // SAFETY: an object of ours.
        unsafe {
            let mut ignore: Action = core::mem::zeroed();
            ignore.sa_sigaction = libc::SIG_IGN;
            real::sigaction(signal, &raw const ignore, core::ptr::null_mut());
        }
    }
}

/// After [`lend_ignored`].
pub fn take_back(signal: c_int) {
    if LENT.swap(false, Ordering::Relaxed) {
        let ours = taken_over();
        // SAFETY: an object of ours.
        unsafe { real::sigaction(signal, &raw const ours, core::ptr::null_mut()) };
    }
}

/// What becomes of a signal that a thread takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// A handler of the program's.
    Handled,
    /// `SIG_IGN`
    Ignored,
    /// `SIG_DFL`
    Default,
}

impl Disposition {
    fn of(action: usize) -> Self {
        match action {
            libc::SIG_IGN => Disposition::Ignored,
            libc::SIG_DFL => Disposition::Default,
            _ => Disposition::Handled,
        }
    }
}

/// What was to be done with a signal that the kernel has handed over already. (It resets a one-shot
/// handler then; we do not.)
pub fn disposition_of_kept(signal: c_int) -> Disposition {
    Disposition::of(HANDLERS[signal as usize].function.load(Ordering::Acquire))
}

/// What the kernel would do now.
pub fn disposition(signal: c_int) -> Disposition {
    if is_taken(signal) {
        let ours = disposition_of_kept(signal);
        // By default it is ignored.
        return if ours == Disposition::Default { Disposition::Ignored } else { ours };
    }
    // SAFETY: an object of our own.
    let action = unsafe {
        let mut action: Action = core::mem::zeroed();
        real::sigaction(signal, core::ptr::null(), &raw mut action);
        action.sa_sigaction
    };
    if is_ours(action) { disposition_of_kept(signal) } else { Disposition::of(action) }
}

impl Handler {
    fn remember(&self, action: &Action) {
        self.flags.store(action.sa_flags, Ordering::Relaxed);
        // SAFETY: a valid set.
        self.mask.store(unsafe { set::bits_of(&raw const action.sa_mask) }, Ordering::Relaxed);
        self.function.store(action.sa_sigaction, Ordering::Release);
    }
}

/// Green threads start: route the handlers that exist already.
pub fn adopt_handlers() {
    for (signal, handler) in HANDLERS.iter().enumerate().skip(1) {
        // SAFETY: objects of our own.
        unsafe {
            let mut action: Action = core::mem::zeroed();
            if !is_valid(signal as c_int)
                || real::sigaction(signal as c_int, core::ptr::null(), &raw mut action) != 0
                || !(is_function(action.sa_sigaction) || is_watched(signal as c_int, action.sa_sigaction))
            {
                continue;
            }
            handler.remember(&action);
            let ours = wrapped(signal as c_int, &action);
            real::sigaction(signal as c_int, &raw const ours, core::ptr::null_mut());
        }
    }
}

/// Call the program's handler, if there is one.
///
/// # Safety
/// The arguments are those of a signal handler.
pub unsafe fn call(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let function = HANDLERS[signal as usize].function.load(Ordering::Acquire);
    if !is_function(function) {
        return;
    }
    let handler = &HANDLERS[signal as usize];
    if is_taken(signal) && handler.flags.load(Ordering::Relaxed) & libc::SA_RESETHAND != 0 {
        // As the kernel does for the others.
        handler.function.store(libc::SIG_DFL, Ordering::Relaxed);
    }
    // SAFETY: the program installed this function for this signal; with or without SA_SIGINFO the
    // first argument is the number, and a handler that wants less ignores the rest.
    unsafe {
        let function: unsafe extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void) =
            core::mem::transmute(function);
        let told = |what| {
            if trace::ring().is_some()
                && let Some((rt, _)) = start::here()
            {
                trace::record(what, 0, green::current(rt).thread.id, signal as u64);
            }
        };
        told(What::Handler);
        function(signal, info, context);
        told(What::HandlerEnds);
    }
}
