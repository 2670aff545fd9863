//! epoll_wait(2) and its relatives, on the program's own sets: an epoll descriptor is itself
//! something that becomes readable, so a set is nested in the scheduler's.

use super::Call;
use super::poll::{Patience, with_mask};
use crate::errno::{answer, fail};
use crate::offload::Ends;
use crate::signal::{self, Verdict};
use crate::{export, real};
use core::ffi::c_int;
use libc::{epoll_event, sigset_t, timespec};
use scheduler::netpoll::{Direction, Waited};
use scheduler::sys::{self, Errno};

export! {
    /// epoll_wait(2)
    @cancellation_point fn epoll_wait(epoll: c_int, events: *mut epoll_event, max: c_int, timeout: c_int) -> c_int {
        match Call::on(epoll) {
            Some(call) => answer(wait_set(call, events, max, Patience::of_millis(call.rt, timeout))) as c_int,
            None => real::epoll_wait(epoll, events, max, timeout),
        }
    }

    /// epoll_pwait(2)
    @cancellation_point fn epoll_pwait(epoll: c_int, events: *mut epoll_event, max: c_int, timeout: c_int, mask: *const sigset_t) -> c_int {
        match Call::on(epoll) {
            Some(call) => {
                let patience = Patience::of_millis(call.rt, timeout);
                answer(wait_masked(call, events, max, patience, mask)) as c_int
            }
            None => real::epoll_pwait(epoll, events, max, timeout, mask),
        }
    }

    /// epoll_pwait2(2)
    @cancellation_point fn epoll_pwait2(
        epoll: c_int, events: *mut epoll_event, max: c_int, timeout: *const timespec, mask: *const sigset_t,
    ) -> c_int {
        match Call::on(epoll) {
            Some(call) => match Patience::of_timespec(call.rt, timeout.as_ref()) {
                Ok(patience) => answer(wait_masked(call, events, max, patience, mask)) as c_int,
                Err(error) => fail(error),
            },
            None => real::epoll_pwait2(epoll, events, max, timeout, mask),
        }
    }
}

fn wait_masked(
    call: Call,
    events: *mut epoll_event,
    max: c_int,
    patience: Patience,
    mask: *const sigset_t,
) -> sys::Result {
    // Unlike ppoll, it looks at no signal if it is not to wait.
    if patience == Patience::Look {
        return wait_set(call, events, max, patience);
    }
    let now = || wait_set(call, events, max, Patience::Look);
    with_mask(call.rt, mask, now, || wait_set(call, events, max, patience))
}

fn wait_set(call: Call, events: *mut epoll_event, max: c_int, patience: Patience) -> sys::Result {
    let look = || {
        // SAFETY: the program's array; the kernel checks it.
        unsafe { scheduler::sys!(epoll_wait, call.fd, events, max, 0) }
    };
    let mut seen = call.carrier.netpoll.seen();
    let mut result = look();
    if result != Ok(0) || patience == Patience::Look {
        return result;
    }
    let _ = signal::verdict(call.rt);
    let mut woken = false;
    while result == Ok(0) {
        let waited = signal::wait_unless_interrupted(call.rt, call.carrier, Waited::Interrupted, || {
            let deadline = patience.deadline();
            call.carrier.netpoll.wait(call.carrier, call.fd, call.slot, Direction::Read, seen, deadline)
        });
        match waited {
            Waited::Ready => woken = true,
            Waited::TimedOut => return look(),
            // Never restarted (signal(7)).
            Waited::Interrupted if signal::interrupted(call.rt) != Verdict::Nothing => {
                return Err(Errno::INTR);
            }
            Waited::Interrupted => {}
            Waited::Closed => return Err(Errno::BADF),
            // Our own set cannot take it in: it is nested too deep, or wakes too many others.
            Waited::Refused(_) => {
                match super::wait_on_helper(call, Direction::Read, patience.deadline(), Ends::HANDLED) {
                    Err(Errno::AGAIN) => return look(),
                    other => other?,
                }
            }
        }
        seen = call.carrier.netpoll.seen();
        result = look();
    }
    if woken {
        call.carrier.netpoll.pass_on(call.carrier, call.slot, Direction::Read);
    }
    result
}
