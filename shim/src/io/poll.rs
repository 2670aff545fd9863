//! poll(2), ppoll(2), and the wait that select(2) shares with them.

use crate::errno::{answer, fail};
use crate::offload::{self, Ends};
use crate::signal::{self, Verdict};
use crate::{export, real, start};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use libc::{nfds_t, pollfd, sigset_t, size_t, timespec};
use scheduler::fd_table::FdWaiter;
use scheduler::netpoll::{Direction, Waited};
use scheduler::sys::{self, Errno, Timespec};
use scheduler::{Carrier, Runtime};

export! {
    /// poll(2)
    @cancellation_point fn poll | __poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::poll(fds, count, timeout) };
        let patience = Patience::of_millis(rt, timeout);
        answer(wait_poll(rt, carrier, fds, count as usize, patience)) as c_int
    }

    /// ppoll(2)
    @cancellation_point fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::ppoll(fds, count, timeout, mask) };
        match Patience::of_timespec(rt, timeout.as_ref()) {
            Ok(patience) => {
                let now = || wait_poll(rt, carrier, fds, count as usize, Patience::Look);
                answer(with_mask(rt, mask, now, || {
                    wait_poll(rt, carrier, fds, count as usize, patience)
                })) as c_int
            }
            Err(error) => fail(error),
        }
    }

    /// poll(2) of programs built with `_FORTIFY_SOURCE`.
    fn __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int {
        if room / size_of::<pollfd>() < count as usize {
            return real::__poll_chk(fds, count, timeout, room);
        }
        poll(fds, count, timeout)
    }

    /// ppoll(2) of programs built with `_FORTIFY_SOURCE`.
    fn __ppoll_chk(
        fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t,
    ) -> c_int {
        if room / size_of::<pollfd>() < count as usize {
            return real::__ppoll_chk(fds, count, timeout, mask, room);
        }
        ppoll(fds, count, timeout, mask)
    }
}

/// How long a call for readiness waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// Not at all.
    Look,
    /// Until this time.
    Until(u64),
    /// For ever.
    Forever,
}

impl Patience {
    fn after(rt: &Runtime, nanos: u64) -> Self {
        if nanos == 0 { Patience::Look } else { Patience::Until(rt.clock.now().saturating_add(nanos)) }
    }

    /// Milliseconds; negative: for ever.
    pub fn of_millis(rt: &Runtime, millis: c_int) -> Self {
        match u64::try_from(millis) {
            Ok(millis) => Patience::after(rt, millis * 1_000_000),
            Err(_) => Patience::Forever,
        }
    }

    /// A timespec; none: for ever. `Err(EINVAL)` for what is no time.
    pub fn of_timespec(rt: &Runtime, time: Option<&timespec>) -> Result<Self, c_int> {
        match time {
            None => Ok(Patience::Forever),
            Some(t) if t.tv_sec < 0 || !(0..1_000_000_000).contains(&t.tv_nsec) => Err(libc::EINVAL),
            Some(t) => Ok(Patience::after(rt, Timespec { sec: t.tv_sec, nsec: t.tv_nsec }.as_nanos())),
        }
    }

    /// The deadline to park with.
    pub fn deadline(self) -> Option<u64> {
        match self {
            Patience::Until(at) => Some(at),
            _ => None,
        }
    }
}

/// Run `wait` under a signal mask, as ppoll, pselect and epoll_pwait do. A handler that the mask lets
/// in interrupts the call, unless `now` finds something at once.
pub fn with_mask(
    rt: &'static Runtime,
    mask: *const sigset_t,
    now: impl FnOnce() -> sys::Result,
    wait: impl FnOnce() -> sys::Result,
) -> sys::Result {
    if mask.is_null() {
        return wait();
    }
    let found = now();
    if found != Ok(0) {
        return found;
    }
    // SAFETY: the program's set.
    unsafe { signal::mask::during(rt, mask, wait) }.unwrap_or(Err(Errno::INTR))
}

fn wait_poll(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    fds: *mut pollfd,
    count: usize,
    patience: Patience,
) -> sys::Result {
    // SAFETY: the program's array; the kernel checks it and answers EFAULT or EINVAL.
    let look = || unsafe { scheduler::sys!(poll, fds, count, 0) };
    wait_for_any(rt, carrier, count, patience, look, |interest| {
        // SAFETY: the kernel has read and written the whole array in `look`.
        for one in unsafe { core::slice::from_raw_parts(fds, count) } {
            if one.fd < 0 {
                continue;
            }
            let writes = one.events & (libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND) != 0;
            let reads = one.events & !(libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND) != 0;
            if writes {
                interest(one.fd, Direction::Write);
            }
            // Errors and hang-ups wake both directions, so one of them must listen.
            if reads || !writes {
                interest(one.fd, Direction::Read);
            }
        }
    })
}

type Entry = (c_int, Direction, FdWaiter);

/// Waiters that fit on the stack; more take a mapping of their own.
const ON_STACK: usize = 32;

/// Repeat `look` (which must not block) until it finds something, parking between on every
/// descriptor that `list` names. `count` bounds how many descriptors there are.
pub fn wait_for_any(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    count: usize,
    patience: Patience,
    mut look: impl FnMut() -> sys::Result,
    list: impl Fn(&mut dyn FnMut(c_int, Direction)),
) -> sys::Result {
    // A signal, be it a tick, makes the kernel fail though it does not wait. What a handler means for a call that
    // waits is decided below.
    let mut look = || loop {
        match look() {
            Err(Errno::INTR) => {}
            other => break other,
        }
    };
    let mut seen = carrier.netpoll.seen();
    match look() {
        Ok(0) if patience != Patience::Look => {}
        other => return other,
    }
    let _ = signal::verdict(rt);
    // Each descriptor can be waited for in both directions.
    let most = count.saturating_mul(2);
    let mut stack = [const { MaybeUninit::<Entry>::uninit() }; ON_STACK];
    let mut mapping = None;
    let room: *mut MaybeUninit<Entry> = if most <= ON_STACK {
        stack.as_mut_ptr()
    } else {
        let map = Mapping::new(most * size_of::<Entry>())?;
        let at = map.at.cast();
        mapping = Some(map);
        at
    };
    let result = loop {
        let mut n = 0;
        list(&mut |fd, direction| {
            if n < most {
                let waiter = FdWaiter::new(carrier.current(), false);
                // SAFETY: `room` has `most` places.
                unsafe { room.add(n).write(MaybeUninit::new((fd, direction, waiter))) };
                n += 1;
            }
        });
        // SAFETY: the first `n` entries were just written.
        let waiters = unsafe { core::slice::from_raw_parts(room.cast::<Entry>(), n) };
        let waited = signal::wait_unless_interrupted(rt, carrier, Waited::Interrupted, || {
            carrier.netpoll.wait_many(carrier, &rt.fds, waiters, seen, patience.deadline())
        });
        match waited {
            Waited::Ready => {}
            Waited::TimedOut => break look(),
            Waited::Interrupted => {
                // These calls are never restarted (signal(7)).
                if signal::interrupted(rt) != Verdict::Nothing {
                    break Err(Errno::INTR);
                }
            }
            Waited::Closed => {}
            // No descriptor left for a set (in the child of a fork), or our set cannot take one of them in.
            Waited::Refused(_) => match poll_on_helper(rt, carrier, waiters, patience) {
                Ok(0) => break look(),
                Ok(_) => {}
                Err(error) => break Err(error),
            },
        }
        seen = carrier.netpoll.seen();
        match look() {
            Ok(0) => {}
            other => break other,
        }
    };
    drop(mapping);
    result
}

/// A helper polls what our own set cannot watch. `Ok(0)`: time is up.
#[cold]
fn poll_on_helper(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    waiters: &[Entry],
    patience: Patience,
) -> sys::Result {
    let map = Mapping::new(waiters.len().max(1) * size_of::<pollfd>())?;
    let all: *mut pollfd = map.at.cast();
    for (i, (fd, direction, _)) in waiters.iter().enumerate() {
        let one = pollfd { fd: *fd, events: super::events_of(*direction), revents: 0 };
        // SAFETY: the mapping has room for all.
        unsafe { all.add(i).write(one) };
    }
    offload::interruptible(rt, carrier, Ends::HANDLED, || {
        let left = patience.deadline().map(|at| at.saturating_sub(rt.clock.now()));
        let timeout = left.map(|nanos| timespec {
            tv_sec: (nanos / 1_000_000_000) as i64,
            tv_nsec: (nanos % 1_000_000_000) as i64,
        });
        let timeout = timeout.as_ref().map_or(core::ptr::null(), |t| &raw const *t);
        // SAFETY: the mapping; its owner is parked.
        unsafe { real::ppoll(all, waiters.len() as nfds_t, timeout, core::ptr::null()) as isize }
    })
}

/// Zeroed memory for the time of a call.
pub struct Mapping {
    /// Where it is.
    pub at: *mut u8,
    len: usize,
}

impl Mapping {
    /// So many bytes.
    pub fn new(len: usize) -> Result<Self, Errno> {
        Ok(Mapping { at: sys::map(len)?, len })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { sys::unmap(self.at, self.len) };
    }
}
