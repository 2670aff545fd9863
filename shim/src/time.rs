//! sleep(3), usleep(3), nanosleep(2), clock_nanosleep(2), sched_yield(2)

use crate::chaos;
use crate::errno::fail;
use crate::signal::{self, Verdict};
use crate::{export, offload, real, start};
use core::ffi::{c_int, c_long};
use libc::{clockid_t, timespec};
use scheduler::helpers::Class;
use scheduler::sys::Timespec;
use scheduler::{Carrier, Runtime, Wake};

export! {
    /// sleep(3): the seconds left if a handler ran.
    @cancellation_point fn sleep(seconds: u32) -> u32 {
        let Some((rt, carrier)) = start::here() else { return real::sleep(seconds) };
        let until = rt.clock.now().saturating_add(u64::from(seconds) * 1_000_000_000);
        match sleep_until(rt, carrier, until) {
            Ok(()) => 0,
            Err(left) => left.div_ceil(1_000_000_000) as u32,
        }
    }

    /// usleep(3)
    @cancellation_point fn usleep(micros: u32) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::usleep(micros) };
        let until = rt.clock.now().saturating_add(u64::from(micros) * 1000);
        match sleep_until(rt, carrier, until) {
            Ok(()) => 0,
            Err(_) => fail(libc::EINTR),
        }
    }

    /// nanosleep(2)
    @cancellation_point fn nanosleep | __nanosleep(request: *const timespec, left: *mut timespec) -> c_int {
        if start::here().is_none() {
            return real::nanosleep(request, left);
        }
        match clock_nanosleep(libc::CLOCK_MONOTONIC, 0, request, left) {
            0 => 0,
            error => fail(error),
        }
    }

    /// clock_nanosleep(2): answers the error itself.
    @cancellation_point fn clock_nanosleep(
        clock: clockid_t, flags: c_int, request: *const timespec, left: *mut timespec,
    ) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::clock_nanosleep(clock, flags, request, left) };
        let Some(time) = request.as_ref() else { return libc::EFAULT };
        if time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
            return libc::EINVAL;
        }
        if !is_wall(clock) {
            // CPU-time clocks: the kernel's business, on a helper (or its error).
            return offload::call(rt, carrier, Class::Unbounded, || real::clock_nanosleep(clock, flags, request, left));
        }
        let time = Timespec { sec: time.tv_sec, nsec: time.tv_nsec };
        let absolute = flags & libc::TIMER_ABSTIME != 0;
        let until = if absolute {
            rt.clock.deadline(clock, time)
        } else {
            Some(rt.clock.now().saturating_add(time.as_nanos()))
        };
        let Some(until) = until else { return libc::EINVAL };
        match sleep_until(rt, carrier, until) {
            Ok(()) => 0,
            Err(nanos) => {
                if !absolute && !left.is_null() {
                    let rest = Timespec::from_nanos(nanos);
                    left.write(timespec { tv_sec: rest.sec, tv_nsec: rest.nsec as c_long });
                }
                libc::EINTR
            }
        }
    }
}

fn is_wall(clock: clockid_t) -> bool {
    matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC | libc::CLOCK_BOOTTIME | libc::CLOCK_TAI)
}

/// Sleep; `Err(nanoseconds left)` if a handler ran. Sleeps are never restarted (signal(7)).
fn sleep_until(rt: &'static Runtime, carrier: &Carrier, until: u64) -> Result<(), u64> {
    let _ = signal::verdict(rt);
    if rt.clock.now() >= until {
        carrier.yield_now();
        return Ok(());
    }
    loop {
        let wake =
            signal::wait_unless_interrupted(rt, carrier, Wake::Interrupted, || carrier.sleep_until(until));
        if wake == Wake::TimedOut {
            return Ok(());
        }
        if signal::interrupted(rt) != Verdict::Nothing {
            return Err(until.saturating_sub(rt.clock.now()));
        }
    }
}

export! {
    /// sched_yield(2)
    fn sched_yield | __sched_yield | pthread_yield() -> c_int {
        match start::here() {
            Some((_, carrier)) => {
                chaos::demote();
                carrier.yield_now();
                0
            }
            None => real::sched_yield(),
        }
    }
}
