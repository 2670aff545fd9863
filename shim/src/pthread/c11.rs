//! C11 threads: thrd_create(3), mtx_lock(3), cnd_wait(3) … In glibc they are the pthread objects under
//! other names and other error numbers; inside libc they do not cross the PLT, so they are jacketed by
//! themselves. What does not wait (`mtx_init`, `tss_get`, `thrd_current` …) is right as it is.

use super::{condition, create, exit, join, mutex, once};
use crate::real::{Initialiser, Start};
use crate::{errno, export, time};
use core::ffi::{c_int, c_void};
use core::ptr;
use libc::{pthread_cond_t, pthread_mutex_t, pthread_t, timespec};

/// What a C11 thread executes.
pub type C11Start = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;

const SUCCESS: c_int = 0;
const BUSY: c_int = 1;
const ERROR: c_int = 2;
const NO_MEMORY: c_int = 3;
const TIMED_OUT: c_int = 4;

/// glibc's translation of error numbers.
fn translated(error: c_int) -> c_int {
    match error {
        0 => SUCCESS,
        libc::ENOMEM => NO_MEMORY,
        libc::ETIMEDOUT => TIMED_OUT,
        libc::EBUSY => BUSY,
        _ => ERROR,
    }
}

export! {
    /// thrd_create(3). An `int` is the low half of the pointer that a pthread returns.
    fn thrd_create(out: *mut pthread_t, start: C11Start, arg: *mut c_void) -> c_int {
        let start = core::mem::transmute::<C11Start, Start>(start);
        translated(create::pthread_create(out, ptr::null(), start, arg))
    }

    /// thrd_join(3)
    fn thrd_join(thread: pthread_t, result: *mut c_int) -> c_int {
        let mut value = ptr::null_mut();
        let error = join::pthread_join(thread, &raw mut value);
        if error == 0 && !result.is_null() {
            result.write(value.addr() as c_int);
        }
        translated(error)
    }

    /// thrd_detach(3)
    fn thrd_detach(thread: pthread_t) -> c_int {
        translated(join::pthread_detach(thread))
    }

    /// thrd_exit(3)
    fn thrd_exit(result: c_int) -> ! {
        exit::pthread_exit(ptr::without_provenance_mut(result as usize))
    }

    /// thrd_yield(3)
    fn thrd_yield() -> () {
        time::sched_yield();
    }

    /// thrd_sleep(3): -1 if a handler ran, another negative number for other errors.
    fn thrd_sleep(span: *const timespec, left: *mut timespec) -> c_int {
        let before = errno::get();
        let result = time::clock_nanosleep(libc::CLOCK_REALTIME, 0, span, left);
        errno::set(before);
        match result {
            0 => 0,
            libc::EINTR => -1,
            _ => -2,
        }
    }

    /// mtx_lock(3)
    fn mtx_lock(mutex: *mut pthread_mutex_t) -> c_int {
        translated(mutex::pthread_mutex_lock(mutex))
    }

    /// mtx_trylock(3)
    fn mtx_trylock(mutex: *mut pthread_mutex_t) -> c_int {
        translated(mutex::pthread_mutex_trylock(mutex))
    }

    /// mtx_timedlock(3)
    fn mtx_timedlock(mutex: *mut pthread_mutex_t, at: *const timespec) -> c_int {
        translated(mutex::pthread_mutex_timedlock(mutex, at))
    }

    /// mtx_unlock(3)
    fn mtx_unlock(mutex: *mut pthread_mutex_t) -> c_int {
        translated(mutex::pthread_mutex_unlock(mutex))
    }

    /// cnd_wait(3)
    fn cnd_wait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int {
        translated(condition::pthread_cond_wait(cond, mutex))
    }

    /// cnd_timedwait(3)
    fn cnd_timedwait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, at: *const timespec) -> c_int {
        translated(condition::pthread_cond_timedwait(cond, mutex, at))
    }

    /// cnd_signal(3)
    fn cnd_signal(cond: *mut pthread_cond_t) -> c_int {
        translated(condition::pthread_cond_signal(cond))
    }

    /// cnd_broadcast(3)
    fn cnd_broadcast(cond: *mut pthread_cond_t) -> c_int {
        translated(condition::pthread_cond_broadcast(cond))
    }

    /// cnd_destroy(3)
    fn cnd_destroy(cond: *mut pthread_cond_t) -> () {
        condition::pthread_cond_destroy(cond);
    }

    /// call_once(3)
    fn call_once(control: *mut c_int, initialise: Initialiser) -> () {
        once::pthread_once(control, initialise);
    }
}
