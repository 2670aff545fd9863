//! pthread_barrier_wait(3)
//!
//! The count of arrivals lives where glibc keeps it and changes under the parking lot's lock; the
//! last to arrive wakes the others and is the serial thread. Process-shared barriers keep glibc's
//! implementation.

use crate::abi::Barrier;
use crate::chaos;
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
        chaos::point();
        let b = &*barrier.cast::<Barrier>();
        let Some(rt) = start::runtime().filter(|_| b.shared == 0) else {
            return super::shared::elsewhere(|| real::pthread_barrier_wait(barrier));
        };
        let here = rt.carrier_here();
        let key = barrier.addr();
        let round = Cell::new(None);
        loop {
            let again = round.get().is_some();
            let request = Request { key, reason: Reason::Barrier(key), deadline: None, again };
            let waits = || {
                let now = b.round.load(Ordering::Relaxed);
                match round.get() {
                    // Back from a handler: has the barrier opened meanwhile?
                    Some(ours) => ours == now,
                    None => {
                        round.set(Some(now));
                        let n = b.arrived.load(Ordering::Relaxed) + 1;
                        let opens = n >= b.count;
                        b.arrived.store(if opens { 0 } else { n }, Ordering::Relaxed);
                        b.round.store(now.wrapping_add(u32::from(opens)), Ordering::Relaxed);
                        !opens
                    }
                }
            };
            match rt.lot.park(here, request, waits, || ()) {
                Parked::Woken(_) => return 0,
                Parked::Invalid if again => return 0,
                Parked::Invalid => {
                    rt.lot.unpark_many(here, key, usize::MAX, 0);
                    return libc::PTHREAD_BARRIER_SERIAL_THREAD;
                }
                _ => {}
            }
        }
    }
}
