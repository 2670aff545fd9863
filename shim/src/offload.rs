//! Calls on helpers as the jackets make them.
//!
//! | | for calls that | a handler | a cancellation | runs on |
//! |---|---|---|---|---|
//! | [`call`] | are libc's | runs meanwhile; `EINTR` | waits for the end | the thread's TLS block |
//! | [`interruptible`] | are a system call that may wait for ever | ends it, if [`Ends`] says so | likewise | the helper's own |
//! | [`waiting`] | are more than that | likewise | likewise | the helper's own |
//!
//! What "the thread's TLS block" means, and what happens there to handlers, is in execution.rs.

use crate::errno;
use crate::execution::{handle_fault, in_the_name_of};
use crate::helper;
use crate::pthread::{cancel, green};
use crate::signal::{self, Verdict};
use crate::start;
use scheduler::context::fs_base;
use scheduler::counters;
use scheduler::helpers::{Class, NoHelper, Order};
use scheduler::sys::{self, Errno};
use scheduler::trace::{self, What};
use scheduler::{Carrier, Runtime};

/// Execute a libc call on a helper.
pub fn call<R>(rt: &'static Runtime, carrier: &Carrier, class: Class, work: impl FnOnce() -> R) -> R {
    let _measured = Measured::begin(rt, &work);
    let caller = fs_base();
    let _ = signal::verdict(rt);
    let order = || {
        handle_fault(green::current(rt));
        if signal::verdict(rt) == Verdict::Interrupt { Order::Interrupt } else { Order::Continue }
    };
    let due = || signal::is_due(rt);
    let work = |pause| in_the_name_of(carrier, caller, pause, work);
    let result = rt.helpers(class).offload(carrier, &due, &order, work);
    // SAFETY: a handler that abandoned the call has not come back here.
    unsafe { result.assume_init() }
}

/// Execute a call that ends by itself on a helper, if the caller is a green thread.
pub fn bounded<R>(work: impl FnOnce() -> R) -> R {
    match start::here() {
        Some((rt, carrier)) => call(rt, carrier, Class::Bounded, work),
        None => work(),
    }
}

/// The same for a call that may wait for ever and that nothing must end early.
pub fn unbounded<R>(work: impl FnOnce() -> R) -> R {
    match start::here() {
        Some((rt, carrier)) => call(rt, carrier, Class::Unbounded, work),
        None => work(),
    }
}

/// Execute a call that answers -1 and `errno` on a helper, as a raw result.
pub fn raw(
    rt: &'static Runtime,
    carrier: &Carrier,
    class: Class,
    work: impl FnOnce() -> isize,
) -> sys::Result {
    let before = errno::get();
    let result = call(rt, carrier, class, || result_of(work));
    errno::set(before);
    result
}

/// What ends a call that waits on a helper before its time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Handlers that mean at least this.
    handlers: Option<Verdict>,
    /// A cancellation: the call is a cancellation point.
    cancellation: bool,
}

impl Ends {
    /// A cancellation only. For calls that move data: how much they have moved must not be forgotten.
    pub const CANCELLED: Ends = Ends { handlers: None, cancellation: true };
    /// Also a handler that was installed without `SA_RESTART`.
    pub const INTERRUPTED: Ends = Ends { handlers: Some(Verdict::Interrupt), cancellation: true };
    /// Also any handler.
    pub const HANDLED: Ends = Ends { handlers: Some(Verdict::Restart), cancellation: true };

    /// The same for a call that is no cancellation point.
    pub const fn no_point(self) -> Ends {
        Ends { cancellation: false, ..self }
    }

    fn are_met(self, rt: &'static Runtime) -> bool {
        (self.cancellation && cancel::is_pending()) || (self.handlers.is_some() && signal::is_due(rt))
    }
}

/// Execute a call that may wait for ever on a helper. `EINTR` if a handler ended it. A helper is got out of the
/// call by a real pthread_cancel(3), because libc then leaves its objects as they should be: `work` is a cancellation point.
pub fn waiting<R>(
    rt: &'static Runtime,
    carrier: &Carrier,
    ends: Ends,
    mut work: impl FnMut() -> R,
) -> Result<R, Errno> {
    let _measured = Measured::begin(rt, &work);
    let _ = signal::verdict(rt);
    let deaf = ends.handlers.is_none();
    let over = || ends.are_met(rt);
    loop {
        let done = rt.helpers(Class::Unbounded).offload_unless(carrier, &over, deaf, with_errno(&mut work));
        if let Some((result, after)) = done {
            errno::set(after);
            return Ok(result);
        }
        if ends.cancellation {
            cancel::point();
        }
        // The handlers have run.
        if signal::verdict(rt) >= ends.handlers.unwrap_or(Verdict::Interrupt) {
            return Err(Errno::INTR);
        }
    }
}

/// The same for one system call, as a raw result. It is interrupted, not cancelled, so what it has done by then is not
/// lost: a lock, a message, a descriptor, a count.
pub fn interruptible(
    rt: &'static Runtime,
    carrier: &Carrier,
    ends: Ends,
    mut work: impl FnMut() -> isize,
) -> sys::Result {
    let _measured = Measured::begin(rt, &work);
    let _ = signal::verdict(rt);
    let deaf = ends.handlers.is_none();
    let over = || ends.are_met(rt);
    loop {
        let once = || result_of(&mut work);
        match rt.helpers(Class::Unbounded).offload_interruptible(carrier, &over, deaf, once) {
            Ok(None | Some(Err(Errno::INTR))) => {}
            Ok(Some(result)) => return result,
            Err(NoHelper) => match helper::in_turns(
                rt,
                carrier,
                &|| over() || signal::peek(rt) != Verdict::Nothing,
                || result_of(&mut work),
            ) {
                Err(Errno::INTR) => {}
                result => return result,
            },
        }
        if ends.cancellation {
            cancel::point();
        }
        // The handlers have run.
        if signal::verdict(rt) >= ends.handlers.unwrap_or(Verdict::Interrupt) {
            return Err(Errno::INTR);
        }
    }
}

/// A call that a helper executes is measured while this lives.
struct Measured {
    rt: &'static Runtime,
    name: &'static str,
    since: u64,
    /// The call in whose midst a handler made this one.
    before: Option<&'static str>,
}

impl Measured {
    fn begin<W>(rt: &'static Runtime, _work: &W) -> Measured {
        let name = jacket_of(core::any::type_name::<W>());
        if trace::ring().is_some() {
            trace::record(What::Call, 0, green::current(rt).thread.id, trace::number_of(name));
        }
        let before = green::current(rt).asked_for.replace(Some(name));
        Measured { rt, name, since: rt.clock.now(), before }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let green = green::current(self.rt);
        green.asked_for.set(self.before);
        trace::record(What::Returned, 0, green.thread.id, 0);
        counters::call_took(self.name, self.rt.clock.now() - self.since);
    }
}

/// Which function a closure of ours stands in, by the name of its type: `read_disk` of
/// `green::offload::raw<green::io::attempt::read_disk::{{closure}}>::{{closure}}`, the innermost; or `Place::open`.
fn jacket_of(closure: &'static str) -> &'static str {
    let innermost = closure.find("::{{closure}}").map_or(closure, |at| &closure[..at]);
    let (owner, name) = innermost.rsplit_once("::").unwrap_or(("", innermost));
    let owner = owner.rsplit([':', '<', ' ', '&', '(']).next().unwrap_or("");
    let is_type = owner.starts_with(|first: char| first.is_ascii_uppercase());
    if is_type { &innermost[innermost.len() - owner.len() - 2 - name.len()..] } else { name }
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
