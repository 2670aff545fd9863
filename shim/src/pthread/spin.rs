//! pthread_spin_lock(3): on one carrier the holder runs only if the waiter steps aside, so a green
//! thread yields instead of spinning.

use crate::chaos;
use crate::{export, real, start};
use core::ffi::c_int;
use libc::pthread_spinlock_t;

export! {
    /// pthread_spin_lock(3)
    fn pthread_spin_lock(lock: *mut pthread_spinlock_t) -> c_int {
        chaos::point();
        let Some((_, carrier)) = start::here() else { return real::pthread_spin_lock(lock) };
        while real::pthread_spin_trylock(lock) != 0 {
            carrier.yield_now();
        }
        0
    }
}
