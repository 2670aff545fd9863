//! Calls on helpers as the jackets make them: `errno` travels with the call, and handlers and
//! cancellations do to it what they would do to a call of the program's own.
//!
//! | | for calls that | a handler | a cancellation |
//! |---|---|---|---|
//! | [`call`], [`raw`] | end by themselves | waits for the end | waits for the end |
//! | [`waiting`], [`waiting_raw`] | may wait for ever | ends it, if [`Ends`] says so | ends it |

use crate::errno;
use crate::pthread::cancel;
use crate::signal::{self, Verdict};
use scheduler::helpers::Class;
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Runtime};

/// Execute a libc call on a helper; its `errno` comes back with it.
pub fn call<R>(rt: &'static Runtime, carrier: &Carrier, class: Class, work: impl FnOnce() -> R) -> R {
    let (result, after) = rt.helpers(class).offload(carrier, with_errno(work));
    errno::set(after);
    result
}

/// Execute a call that answers -1 and `errno` on a helper, as a raw result.
pub fn raw(
    rt: &'static Runtime,
    carrier: &Carrier,
    class: Class,
    work: impl FnOnce() -> isize,
) -> sys::Result {
    rt.helpers(class).offload(carrier, || result_of(work))
}

/// What ends a call that waits on a helper before its time, beside a cancellation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nothing. For calls that move data: how much they have moved must not be forgotten.
    Cancelled,
    /// A handler that was installed without `SA_RESTART`.
    Interrupted,
    /// Any handler.
    Handled,
}

/// Execute a call that may wait for ever and that is a cancellation point on a helper. `EINTR` if a handler
/// ended it.
pub fn waiting<R>(
    rt: &'static Runtime,
    carrier: &Carrier,
    ends: Ends,
    mut work: impl FnMut() -> R,
) -> Result<R, Errno> {
    let _ = signal::verdict(rt);
    let deaf = ends == Ends::Cancelled;
    let least = if ends == Ends::Handled { Verdict::Restart } else { Verdict::Interrupt };
    let over = || cancel::is_pending() || (!deaf && signal::is_due(rt));
    loop {
        let done = rt.helpers(Class::Unbounded).offload_unless(carrier, &over, deaf, with_errno(&mut work));
        if let Some((result, after)) = done {
            errno::set(after);
            return Ok(result);
        }
        cancel::point();
        // The handlers have run.
        if signal::verdict(rt) >= least {
            return Err(Errno::INTR);
        }
    }
}

/// The same for a call that answers -1 and `errno`, as a raw result.
pub fn waiting_raw(
    rt: &'static Runtime,
    carrier: &Carrier,
    ends: Ends,
    mut work: impl FnMut() -> isize,
) -> sys::Result {
    let before = errno::get();
    let result = waiting(rt, carrier, ends, || result_of(&mut work));
    errno::set(before);
    result?
}

/// `work` as it is executed by a helper, which begins with the caller's `errno` and tells what it left.
fn with_errno<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> (R, i32) {
    let before = errno::get();
    move || {
        errno::set(before);
        let result = work();
        (result, errno::get())
    }
}

fn result_of(work: impl FnOnce() -> isize) -> sys::Result {
    let n = work();
    if n < 0 { Err(Errno(errno::get())) } else { Ok(n as usize) }
}
