//! CPU time of single threads: pthread_getcpuclockid(3), and clock_gettime(2) of such a clock or of
//! `CLOCK_THREAD_CPUTIME_ID`.
//!
//! The kernel counts for the carrier as a whole. The first question switches on an account per green
//! thread, kept at every switch (one system call each, so not before somebody asks); what ran before
//! that is the main thread's.
//!
//! A thread's clock is a negative number that the kernel would refuse, made from its id.

use super::green::{self, ENDED, Green};
use super::join::green_handle;
use super::roster;
use crate::errno::fail;
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{clockid_t, pthread_t, timespec};
use scheduler::sys::Timespec;
use scheduler::{Carrier, Runtime};

/// The low bits of our clocks. To the kernel they would mean "of a thread" and "a descriptor" at once.
const OURS: clockid_t = 7;

fn clock_of(green: &Green) -> clockid_t {
    (!(green.thread.id as clockid_t) << 3) | OURS
}

/// The thread that a clock is of, if it is one of the clocks that this file answers for.
fn owner(clock: clockid_t) -> Option<Option<&'static Green>> {
    if clock == libc::CLOCK_THREAD_CPUTIME_ID {
        return start::here().map(|(rt, _)| Some(green::current(rt)));
    }
    if clock >= 0 || clock & 7 != OURS || start::runtime().is_none() {
        return None;
    }
    let id = !(clock >> 3) as u32;
    Some(roster::find(|green| green.thread.id == id))
}

fn spent(rt: &'static Runtime, green: &Green) -> u64 {
    let carrier: &Carrier = &rt.carrier;
    let _critical = rt.carrier_here().map(|carrier| carrier.enter());
    // SAFETY: the main thread's record lives for ever.
    carrier.cpu_time_of(&green.thread, unsafe { &*green::main_thread() })
}

export! {
    /// pthread_getcpuclockid(3)
    fn pthread_getcpuclockid(thread: pthread_t, clock: *mut clockid_t) -> c_int {
        match green_handle(thread) {
            Some((_, green)) if green.life.load(Ordering::Acquire) & ENDED != 0 => libc::ESRCH,
            Some((rt, green)) => {
                clock.write(clock_of(green));
                // From now on there is an account.
                spent(rt, green);
                0
            }
            None => real::pthread_getcpuclockid(thread, clock),
        }
    }

    /// clock_gettime(2)
    fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
        match owner(clock) {
            None => real::clock_gettime(clock, time),
            Some(None) => fail(libc::EINVAL),
            Some(Some(green)) => {
                let Some(rt) = start::runtime() else { return fail(libc::EINVAL) };
                let at = Timespec::from_nanos(spent(rt, green));
                time.write(timespec { tv_sec: at.sec, tv_nsec: at.nsec });
                0
            }
        }
    }

    /// clock_getres(2)
    fn clock_getres(clock: clockid_t, time: *mut timespec) -> c_int {
        match owner(clock) {
            None => real::clock_getres(clock, time),
            Some(None) => fail(libc::EINVAL),
            Some(Some(_)) => real::clock_getres(libc::CLOCK_THREAD_CPUTIME_ID, time),
        }
    }
}
