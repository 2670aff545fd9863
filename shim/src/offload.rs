//! Calls on helpers as the jackets make them.
//!
//! | | for calls that | a handler | a cancellation | runs on |
//! |---|---|---|---|---|
//! | [`call`] | end by themselves | waits for the end | waits for the end | the thread's TLS block |
//! | [`interruptible`] | are a system call that may wait for ever | ends it, if [`Ends`] says so | likewise | the helper's own |
//! | [`waiting`] | are more than that | likewise | likewise | the helper's own |
//!
//! A helper executes a [`call`] in the name of the green thread, which is parked: on its TLS block, so that `errno`,
//! `h_errno`, the resolver's state, the locale, the owner of locks (a FILE's, the loader's) and
//! malloc's cache are its own.
//!
//! ```text
//!   green thread   call ──parked─────────────────────────────────────────────► result
//!   helper                own block │ all signals blocked, FS = the thread's, │ own block
//!                                   │ cancellation off, the call              │
//! ```

use crate::pthread::{cancel, green};
use crate::signal::set::under_kernel_mask;
use crate::signal::{self, Verdict};
use crate::start;
use crate::{credentials, errno};
use core::sync::atomic::Ordering;
use scheduler::context::fs_base;
use scheduler::helpers::Class;
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Runtime};

/// Execute a libc call on a helper.
pub fn call<R>(rt: &'static Runtime, carrier: &Carrier, class: Class, work: impl FnOnce() -> R) -> R {
    let caller = fs_base();
    rt.helpers(class).offload(carrier, || in_the_name_of(carrier, caller, work))
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

/// Run `work` on another thread's TLS block. That thread is parked, so nobody else uses it.
fn in_the_name_of<R>(carrier: &Carrier, fs: usize, work: impl FnOnce() -> R) -> R {
    let own = fs_base();
    if own == fs {
        // No helper could be had.
        return work();
    }
    let Some(green) = green::find(fs as libc::pthread_t) else { return work() };
    // A signal that cancels finds the running thread by its block; credentials.rs sees to the other one of glibc's.
    under_kernel_mask(!credentials::SIGNAL, || {
        // The thread's cancellation must not unwind a stack that is not its own.
        let disabled = &start::layout().cancel_disabled;
        let before = disabled.put(fs, true);
        green.executor.store(own, Ordering::Relaxed);
        // SAFETY: see above; and what runs until the next line uses no other TLS.
        unsafe { carrier.set_fs(fs) };
        let result = work();
        // SAFETY: the block we came with.
        unsafe { carrier.set_fs(own) };
        green.executor.store(0, Ordering::Relaxed);
        disabled.put(fs, before);
        result
    })
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
    let _ = signal::verdict(rt);
    let deaf = ends.handlers.is_none();
    let over = || ends.are_met(rt);
    loop {
        let work = || result_of(&mut work);
        match rt.helpers(Class::Unbounded).offload_interruptible(carrier, &over, deaf, work) {
            None | Some(Err(Errno::INTR)) => {}
            Some(result) => return result,
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
