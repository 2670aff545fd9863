//! Everything on descriptors.
//!
//! A jacket of a call that may block is short: try the call in a form that cannot block; would it
//! block, park until the netpoller reports an edge; try again ([`repeat`]). No `O_NONBLOCK` is ever
//! set on a description that another process can see (design of each form: attempt.rs).

pub mod attempt;
pub mod connection;
pub mod descriptor;
pub mod kind;
pub mod message;
pub mod poll;
pub mod read_write;
pub mod readiness_set;
pub mod select;
pub mod terminal;
pub mod transfer;

use crate::offload::{self, Ends};
use crate::pthread::green;
use crate::signal::{self, Verdict};
use core::ptr;
use scheduler::fd_table::{FdSlot, Kind};
use scheduler::netpoll::{Direction, Seen, Waited};
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Runtime};

/// What the jackets of this directory work with: a green thread on its carrier, and a descriptor.
#[derive(Clone, Copy)]
pub struct Call {
    /// The runtime.
    pub rt: &'static Runtime,
    /// The carrier.
    pub carrier: &'static Carrier,
    /// The descriptor.
    pub fd: i32,
    /// What is known about it.
    pub slot: &'static FdSlot,
}

impl Call {
    /// `None`: not a green thread, or a number that cannot be open: the real function answers.
    #[inline(always)]
    pub fn on(fd: i32) -> Option<Call> {
        let (rt, carrier) = crate::start::here()?;
        if carrier.netpoll.owns(fd) {
            return None;
        }
        let slot = rt.fds.slot(fd).ok()?;
        Some(Call { rt, carrier, fd, slot })
    }

    /// Its kind, looked up if need be.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.slot.kind() {
            Kind::Unknown => kind::look(self.fd, self.slot),
            known => known,
        }
    }

    /// Is it ready right now? (`poll(2)` without waiting; errors and hang-ups count.)
    pub fn is_ready(&self, direction: Direction) -> bool {
        poll_now(self.fd, events_of(direction)) != 0
    }

    /// When a wait in this direction ends, by `SO_RCVTIMEO` or `SO_SNDTIMEO`; `Err(AGAIN)` if the
    /// program made the descriptor non-blocking.
    fn patience(&self, direction: Direction) -> Result<Option<u64>, Errno> {
        let mode = self.rt.fds.mode(self.fd, self.slot);
        if mode.nonblock {
            return Err(Errno::AGAIN);
        }
        let timeout = match direction {
            Direction::Read => mode.recv_timeout,
            Direction::Write => mode.send_timeout,
        };
        Ok(self.deadline_after(timeout))
    }

    /// What ends the call on a helper: with a time-out set, socket calls are never restarted (signal(7)).
    fn ends(&self, direction: Direction) -> Ends {
        let mode = self.rt.fds.mode(self.fd, self.slot);
        let timeout = match direction {
            Direction::Read => mode.recv_timeout,
            Direction::Write => mode.send_timeout,
        };
        if timeout != 0 { Ends::HANDLED } else { Ends::INTERRUPTED }
    }

    /// When a wait that may last `timeout` nanoseconds ends; 0: never.
    fn deadline_after(&self, timeout: u64) -> Option<u64> {
        (timeout != 0).then(|| self.rt.clock.now().saturating_add(timeout))
    }
}

/// What `poll(2)` calls ready in a direction.
fn events_of(direction: Direction) -> i16 {
    match direction {
        Direction::Read => libc::POLLIN | libc::POLLPRI | libc::POLLRDHUP,
        Direction::Write => libc::POLLOUT,
    }
}

/// `poll(2)` of one descriptor, without waiting: its events.
pub fn poll_now(fd: i32, events: i16) -> i16 {
    let mut one = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one pollfd of our own.
    match unsafe { scheduler::sys!(poll, &raw mut one, 1, 0) } {
        Ok(1) => one.revents,
        _ => 0,
    }
}

/// Repeat `attempt` until it says something else than `EAGAIN`, parking in between.
///
/// The errors are those of the call: `EAGAIN` for a non-blocking descriptor or an expired
/// `SO_*TIMEO`, `EINTR`, `EBADF` when the descriptor was closed meanwhile.
#[inline]
pub fn repeat(call: Call, direction: Direction, mut attempt: impl FnMut() -> sys::Result) -> sys::Result {
    let seen = call.carrier.netpoll.seen();
    match attempt() {
        Err(Errno::AGAIN) => wait_and_repeat(call, direction, seen, &mut attempt),
        other => other,
    }
}

/// As [`repeat`], for a receive of `wanted` bytes without flags: where it is known that it would find nothing, it is not
/// tried.
#[inline]
pub fn receive(call: Call, wanted: usize, mut attempt: impl FnMut() -> sys::Result) -> sys::Result {
    let mut attempt = || {
        let result = attempt();
        if let Ok(got) = result {
            call.slot.received(wanted, got);
        }
        result
    };
    if call.slot.is_drained() && !connection::is_layered() {
        let seen = call.carrier.netpoll.seen();
        if !call.rt.fds.mode(call.fd, call.slot).nonblock {
            return wait_and_repeat(call, Direction::Read, seen, &mut attempt);
        }
    }
    repeat(call, Direction::Read, attempt)
}

fn wait_and_repeat(
    call: Call,
    direction: Direction,
    mut seen: Seen,
    attempt: &mut dyn FnMut() -> sys::Result,
) -> sys::Result {
    let deadline = call.patience(direction)?;
    let _ = signal::verdict(call.rt);
    let mut woken = false;
    let result = loop {
        match wait(call, direction, seen, deadline) {
            Ok(()) => {}
            // Time is up. What came before that, while others ran, is there.
            Err(Errno::AGAIN) => break attempt(),
            Err(error) => break Err(error),
        }
        woken = true;
        seen = call.carrier.netpoll.seen();
        match attempt() {
            Err(Errno::AGAIN) => {}
            other => break other,
        }
    };
    // One edge may stand for more than we took.
    if woken && result != Err(Errno::BADF) {
        call.carrier.netpoll.pass_on(call.carrier, call.slot, direction);
    }
    result
}

/// Park until the descriptor may be ready, of which nothing was `seen` yet.
pub fn wait(call: Call, direction: Direction, seen: Seen, deadline: Option<u64>) -> Result<(), Errno> {
    let waited = signal::wait_unless_interrupted(call.rt, call.carrier, Waited::Interrupted, || {
        call.carrier.netpoll.wait(call.carrier, call.fd, call.slot, direction, seen, deadline)
    });
    match waited {
        Waited::Ready => Ok(()),
        Waited::TimedOut => Err(Errno::AGAIN),
        Waited::Closed => Err(Errno::BADF),
        // A file, which is always ready.
        Waited::Refused(Errno::PERM) if call.is_ready(direction) => Ok(()),
        // No room in the set, or no set: a helper waits.
        Waited::Refused(_) => wait_on_helper(call, direction, deadline, Ends::INTERRUPTED),
        // With a time-out set, socket calls are never restarted (signal(7)).
        Waited::Interrupted => match signal::interrupted(call.rt) {
            Verdict::Interrupt => Err(Errno::INTR),
            Verdict::Restart if deadline.is_some() => Err(Errno::INTR),
            // (Also for nothing: others ran, and what they collected may have been for us.)
            Verdict::Restart | Verdict::Nothing => Ok(()),
        },
    }
}

/// The netpoller cannot watch one descriptor more (`ENOSPC`, `EMFILE` in a child): a helper polls it.
#[cold]
fn wait_on_helper(call: Call, direction: Direction, deadline: Option<u64>, ends: Ends) -> Result<(), Errno> {
    let millis = match deadline {
        Some(at) => at.saturating_sub(call.rt.clock.now()).div_ceil(1_000_000).min(i32::MAX as u64) as i32,
        None => -1,
    };
    let n = offload::interruptible(call.rt, call.carrier, ends, || {
        let mut one = libc::pollfd { fd: call.fd, events: events_of(direction), revents: 0 };
        // SAFETY: one pollfd of the helper's own.
        unsafe { crate::real::poll(&raw mut one, 1, millis) as isize }
    })?;
    if n == 0 { Err(Errno::AGAIN) } else { Ok(()) }
}

/// A descriptor of our own for the time of one call, on a list of the thread's: it is gone when the call is
/// over, however it ends.
pub struct Own {
    /// The descriptor.
    pub fd: i32,
    outer: *const Own,
}

impl Own {
    /// Execute `work` with a descriptor that is closed afterwards. It moves to a high number: the program
    /// expects the low ones.
    pub fn with<R>(rt: &'static Runtime, fd: i32, work: impl FnOnce(&Own) -> R) -> R {
        let head = &green::current(rt).own_descriptors;
        let own = Own { fd: scheduler::netpoll::move_high(fd), outer: head.get() };
        head.set(&raw const own);
        // Dropped after `work`, or if it unwinds.
        work(&own)
    }

    /// The running thread is about to jump (siglongjmp) to a frame at `stack`: nothing below it is dropped.
    pub fn close_below(rt: &'static Runtime, stack: usize) {
        let head = &green::current(rt).own_descriptors;
        // SAFETY: records on the list are in frames that have not been left.
        while let Some(own) = unsafe { head.get().as_ref() }.filter(|own| ptr::from_ref(*own).addr() < stack)
        {
            own.close();
        }
    }

    fn close(&self) {
        if let Some((rt, carrier)) = crate::start::here() {
            carrier.netpoll.forget(carrier, &rt.fds, self.fd);
            green::current(rt).own_descriptors.set(self.outer);
        }
        sys::close(self.fd);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.close();
    }
}
