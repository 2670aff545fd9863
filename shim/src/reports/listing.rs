//! Every thread, what it does, and where: for the report of a deadlock, and on request.

use super::backtrace;
use super::peers::Peers;
use super::symbols::Symbols;
use super::title::Title;
use crate::abi::{Mutex, RwLock};
use crate::pthread::green::{self, Green};
use crate::pthread::roster;
use crate::{say, signal, start};
use core::ffi::c_void;
use core::fmt;
use core::ptr;
use core::sync::atomic::Ordering;
use scheduler::Reason;
use scheduler::sys;

/// Room for an unwinder and a line, beside whichever stack the carrier is on.
const STACK: usize = 256 << 10;

/// Whom a parked thread waits for, if that is known.
pub fn owner(green: &Green) -> Option<Owner> {
    match green.thread.reason() {
        Reason::Mutex(at) => {
            // SAFETY: a thread is queued for it, so it exists.
            let owner = unsafe { &(*ptr::with_exposed_provenance::<Mutex>(at)).owner };
            Owner::of_tid(owner.load(Ordering::Relaxed))
        }
        Reason::RwLock(at) => {
            // SAFETY: likewise.
            let owner = unsafe { &(*ptr::with_exposed_provenance::<RwLock>(at)).owner };
            Owner::of_tid(owner.load(Ordering::Relaxed))
        }
        Reason::Join(fs) => green::find(fs as libc::pthread_t).map(Owner::Thread),
        _ => None,
    }
}

/// Somebody who is waited for.
#[derive(Clone, Copy)]
pub enum Owner {
    /// This one.
    Thread(&'static Green),
    /// It has ended.
    Gone(i32),
}

impl Owner {
    fn of_tid(tid: i32) -> Option<Owner> {
        (tid != 0).then(|| roster::by_tid(tid).map_or(Owner::Gone(tid), Owner::Thread))
    }
}

/// What a thread does, for people.
struct Doing<'a>(&'a Green);

impl fmt::Display for Doing<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let reason = self.0.thread.reason();
        if reason != Reason::None {
            out.write_str("waits for ")?;
        }
        match reason {
            Reason::None if is_running(self.0) => out.write_str("runs")?,
            Reason::None => out.write_str("can run")?,
            Reason::Readable(fd) => write!(out, "descriptor {fd} to be readable")?,
            Reason::Writable(fd) => write!(out, "descriptor {fd} to be writable")?,
            Reason::Poll(many) => write!(out, "any of {many} descriptors")?,
            Reason::Signal => out.write_str("a signal")?,
            Reason::Sleep => out.write_str("time to pass")?,
            Reason::Offload => {
                write!(out, "a helper to execute {}", self.0.asked_for.get().unwrap_or("its call"))?
            }
            Reason::Mutex(at) => write!(out, "mutex {at:#x}")?,
            Reason::Condition(at) => write!(out, "condition variable {at:#x}")?,
            Reason::Semaphore(at) => write!(out, "semaphore {at:#x}")?,
            Reason::RwLock(at) => write!(out, "read-write lock {at:#x}")?,
            Reason::Barrier(at) => write!(out, "barrier {at:#x}")?,
            Reason::Once(at) => write!(out, "pthread_once {at:#x}")?,
            Reason::Futex(at) => write!(out, "futex {at:#x}")?,
            Reason::LibcLock(at) => write!(out, "a lock in libc, {at:#x}")?,
            Reason::Join(_) => out.write_str("the end of")?,
        }
        match (owner(self.0), reason) {
            (Some(Owner::Thread(whom)), Reason::Join(_)) => write!(out, " {}", Title(whom)),
            (Some(Owner::Thread(whom)), _) if ptr::eq(whom, self.0) => out.write_str(", owned by itself"),
            (Some(Owner::Thread(whom)), _) => write!(out, ", owned by {}", Title(whom)),
            (Some(Owner::Gone(tid)), _) => write!(out, ", owned by a thread that has ended (tid {tid})"),
            (None, Reason::Join(_)) => out.write_str(" a thread"),
            (None, _) => Ok(()),
        }
    }
}

/// More of it, for who has asked: the ends of a socket, how long it waits, and where it began.
struct More<'a>(&'a Green, &'a Symbols);

impl fmt::Display for More<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let More(green, symbols) = self;
        let reason = green.thread.reason();
        if let Reason::Readable(fd) | Reason::Writable(fd) = reason {
            Peers(fd).fmt(out)?;
        }
        if let Some(rt) = start::runtime()
            && reason != Reason::None
        {
            let tenths = rt.clock.now().saturating_sub(green.thread.parked_since()) / 100_000_000;
            write!(out, ", for {}.{} s", tenths / 10, tenths % 10)?;
        }
        if ptr::eq(&raw const green.thread, green::main_thread()) {
            return Ok(());
        }
        write!(out, ", begun in {}", symbols.function(green.start as *const () as usize))
    }
}

fn is_running(green: &Green) -> bool {
    start::runtime().is_some_and(|rt| ptr::eq(&raw const green.thread, rt.carrier.current()))
}

/// Say it of all threads, below a heading. On the carrier.
pub fn say_all(heading: &str) {
    unsafe extern "C-unwind" fn on_stack(_: *mut c_void) {
        Symbols::with(say_each);
    }
    say!("{heading}");
    let Ok(stack) = sys::map(STACK) else { return };
    let top = stack.addr() + STACK;
    // SAFETY: a fresh stack, and nothing unwinds through the call.
    unsafe {
        signal::call_on(on_stack, ptr::null_mut(), top);
        sys::unmap(stack, STACK);
    }
}

fn say_each(symbols: &Symbols) {
    let mut at = roster::first();
    while let Some(green) = at {
        say!("{} {}{}", Title(green), Doing(green), More(green, symbols));
        if is_running(green) {
            // (Perhaps in the midst of parking: the carrier idles on its stack.)
            backtrace::say_running(symbols);
        } else {
            // SAFETY: it is suspended, and this is the carrier.
            unsafe { backtrace::say_suspended(symbols, green.thread.suspended_at()) };
        }
        at = roster::after(green);
    }
}
