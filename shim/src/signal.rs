//! Signals, as far as blocking calls depend on them: sigaction(2), signal(2), and which call a
//! handler interrupts.
//!
//! The kernel sees one thread. Handlers of the program are entered through `on_signal`:
//!
//! ```text
//!   the kernel ──► on_signal ─┬─ a fault, or for the running thread, outside the scheduler:
//!                             │     call the handler here and now
//!                             └─ else keep it; its thread runs it when it next leaves the
//!                                scheduler, and if that thread is parked its wait ends with
//!                                Wake::Interrupted
//! ```
//!
//! A signal sent to the process is for a thread that does not block it, the main thread first, as on
//! Linux; one sent by pthread_kill(3) its target's. Every thread has its own mask (mask.rs) and its own
//! pending signals (pending.rs). After a wait was interrupted, [`verdict`] says what signal(7) says: fail with `EINTR`, or,
//! if every handler that ran was installed with `SA_RESTART`, wait on.
//!
//! Alternate stacks: altstack.rs.

mod altstack;
mod delivery;
mod dispositions;
mod jump;
pub mod mask;
mod pending;
pub mod send;
pub mod set;
mod timers;
pub mod wait;

pub use altstack::{NONE as NO_ALTERNATE, adopt as adopt_alternate, call_on};
pub use delivery::{
    after_fork, die_of_abort, handle, interrupt_targets, is_due, main_is_gone, mask_of, nudge, run_handlers,
};
pub use dispositions::{
    adopt_handlers, has_handlers, is_function, lend_ignored, sigaction, take_back, take_over,
};
pub use pending::{lend as lend_pending, take_back as take_pending_back};
use send::plain_info;
use set::{bit, under_kernel_mask};

use crate::pthread::cancel;
use crate::pthread::green;
use crate::start;
use core::ffi::c_int;
use libc::sigaction as Action;
use scheduler::{Carrier, Runtime};

const SIGNALS: usize = 65;

/// What an interrupted call does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// No handler ran: wait on.
    Nothing,
    /// Every handler had `SA_RESTART`: restartable calls wait on, the others fail with `EINTR`.
    Restart,
    /// Fail with `EINTR`.
    Interrupt,
}

/// The same as [`verdict`], without taking it.
pub fn peek(rt: &'static Runtime) -> Verdict {
    match green::current(rt).verdict.get() {
        0 => Verdict::Nothing,
        1 => Verdict::Restart,
        _ => Verdict::Interrupt,
    }
}

/// What the handlers that ran since the last question mean for the calling thread's call.
pub fn verdict(rt: &'static Runtime) -> Verdict {
    if rt.carrier_here().is_none() {
        return Verdict::Nothing;
    }
    let verdict = peek(rt);
    green::current(rt).verdict.set(0);
    verdict
}

/// A wait at a cancellation point was interrupted: by a cancellation (then this does not return), or
/// by handlers, of which the verdict tells.
pub fn interrupted(rt: &'static Runtime) -> Verdict {
    if rt.carrier_here().is_some() {
        cancel::point();
    }
    verdict(rt)
}

/// Wait, unless a handler has run since the verdict was last asked: one that came between a call's
/// first attempt and its wait interrupts it, as it does in the kernel. (Inside the critical section
/// signals are kept, and interrupt the wait itself.)
pub fn wait_unless_interrupted<T>(
    rt: &'static Runtime,
    carrier: &Carrier,
    interrupted: T,
    wait: impl FnOnce() -> T,
) -> T {
    let _critical = carrier.enter();
    let out = green::current(rt).verdict.get() != 0 || cancel::is_pending();
    if out { interrupted } else { wait() }
}

/// A number that programs may use.
pub fn is_valid(signal: c_int) -> bool {
    // 32 and 33 are glibc's own.
    (0..SIGNALS as c_int).contains(&signal) && signal != 32 && signal != 33
}

/// Run `work`, which takes spin locks, so that no handler comes in between: a handler that wanted one
/// of them on the same kernel thread would wait for ever.
pub fn undisturbed<R>(work: impl FnOnce() -> R) -> R {
    if let Some((_, carrier)) = start::here() {
        return carrier.quietly(work);
    }
    under_kernel_mask(u64::MAX, work)
}
