//! pthread_barrier_wait(3)
//!
//! The count of arrivals lives where glibc keeps it and changes under the parking lot's lock; the
//! last to arrive wakes the others and is the serial thread. Process-shared barriers keep glibc's
//! implementation.

use crate::abi::Barrier;
use crate::{export, real, start};
use core::cell::Cell;
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::pthread_barrier_t;
use scheduler::Reason;
use scheduler::lot::{Parked, Request};

export! {
    /// pthread_barrier_wait(3)
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int {
        let b = &*barrier.cast::<Barrier>();
        let Some(rt) = start::runtime().filter(|_| b.shared == 0) else {
            return real::pthread_barrier_wait(barrier);
        };
        let here = rt.carrier_here();
        let key = barrier.addr();
        let arrived = Cell::new(false);
        loop {
            let request = Request { key, reason: Reason::Barrier(key), deadline: None, again: arrived.get() };
            let last = || {
                // Interrupted by a handler and back: we have arrived already.
                if arrived.replace(true) {
                    return true;
                }
                let n = b.arrived.load(Ordering::Relaxed) + 1;
                b.arrived.store(if n == b.count { 0 } else { n }, Ordering::Relaxed);
                n != b.count
            };
            match rt.lot.park(here, request, last, || ()) {
                Parked::Woken(_) => return 0,
                Parked::Invalid => {
                    rt.lot.unpark_many(here, key, usize::MAX, 0);
                    return libc::PTHREAD_BARRIER_SERIAL_THREAD;
                }
                _ => {}
            }
        }
    }
}
