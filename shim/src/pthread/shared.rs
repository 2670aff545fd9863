//! Process-shared objects: they belong to other processes as well, so the waits are glibc's own,
//! executed by a helper.
//!
//! glibc notes who owns a lock by the tid of the thread that took it; a lock that a helper took for a
//! green thread is rewritten to that thread's at once, by the helper itself, before it takes another
//! job and could take itself for the owner. Mutexes that the kernel knows the owner of are another
//! matter (kernel_owned.rs).
//!
//! A condition is waited for with a mutex of our own in place of the program's, so that the latter may
//! be of any kind:
//!
//! ```text
//!   green thread                          helper
//!     stand-in is locked from the start     wait(condition, stand-in): counts as waiting,
//!     lock the stand-in ◄───────────────────  unlocks the stand-in, sleeps
//!     unlock it, unlock the program's         …
//!     … parked …            ◄─────────────── woken (or cancelled)
//!     lock the program's again
//! ```

use super::kernel_owned::{self, is_kernel_owned};
use super::mutex::{Until, pthread_mutex_lock, pthread_mutex_unlock};
use super::protect::{self, is_protected};
use super::{cancel, tid};
use crate::abi::{Mutex, RwLock, kind};
use crate::offload::{self, Ends};
use crate::{errno, real, start, time};
use core::cell::{Cell, UnsafeCell};
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};
use libc::{pthread_mutex_t, pthread_rwlock_t};
use scheduler::helpers::Class;

/// Execute a wait on a helper, if the caller is a green thread. Its signal handlers run meanwhile; the
/// wait goes on.
pub fn elsewhere<R>(wait: impl FnOnce() -> R) -> R {
    match start::here() {
        Some((rt, carrier)) => rt.helpers(Class::Unbounded).offload_handling(carrier, wait),
        None => wait(),
    }
}

/// Let a helper take a lock, and hand it over to the caller.
fn take_elsewhere(owner: &AtomicI32, wait: impl FnOnce() -> c_int) -> c_int {
    let me = tid();
    elsewhere(|| {
        let error = wait();
        if error == 0 {
            owner.store(me, Ordering::Relaxed);
        }
        error
    })
}

/// Lock a mutex that is not ours, by `wait`, the real function, or in the carrier's name.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn lock(mutex: *mut pthread_mutex_t, until: Until, wait: impl FnOnce() -> c_int) -> c_int {
    let Some((rt, carrier)) = start::here() else { return wait() };
    // SAFETY: the caller's.
    let m = unsafe { &*mutex.cast::<Mutex>() };
    if is_kernel_owned(m.kind) {
        // SAFETY: the caller's.
        return unsafe { kernel_owned::lock(rt, carrier, mutex, until) };
    }
    if is_protected(m.kind) {
        // SAFETY: the caller's.
        return unsafe { protect::lock(rt, carrier, mutex, until) };
    }
    let mine = m.owner.load(Ordering::Relaxed) == tid();
    if mine && m.kind & kind::TYPE != 0 {
        // Deeper, or EDEADLK: no wait.
        return wait();
    }
    // SAFETY: the caller's.
    match unsafe { real::pthread_mutex_trylock(mutex) } {
        libc::EBUSY => {}
        other => return other,
    }
    take_elsewhere(&m.owner, wait)
}

/// Try to lock a mutex that is not ours.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn trylock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        match (start::here(), (*mutex.cast::<Mutex>()).kind) {
            (Some((_, carrier)), kind) if is_kernel_owned(kind) => kernel_owned::trylock(carrier, mutex),
            (Some(_), kind) if is_protected(kind) => protect::trylock(mutex),
            _ => real::pthread_mutex_trylock(mutex),
        }
    }
}

/// Unlock a mutex that is not ours.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        match (start::here(), (*mutex.cast::<Mutex>()).kind) {
            (Some((_, carrier)), kind) if is_kernel_owned(kind) => kernel_owned::unlock(carrier, mutex),
            (Some(_), kind) if is_protected(kind) => protect::unlock(mutex),
            _ => real::pthread_mutex_unlock(mutex),
        }
    }
}

/// Wait for a process-shared condition, by `wait`, the real function, to be called with the mutex it is
/// given. A cancellation point.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn condition_wait(
    mutex: *mut pthread_mutex_t,
    wait: impl FnOnce(*mut pthread_mutex_t) -> c_int,
) -> c_int {
    let Some((rt, carrier)) = start::here() else { return wait(mutex) };
    let stand_in = UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER);
    let stand_in = stand_in.get();
    // SAFETY: an object of our own that nobody else has yet.
    unsafe { real::pthread_mutex_lock(stand_in) };
    let unlocked = Cell::new(None);
    let over = || cancel::is_pending() || unlocked.get().is_some_and(|error| error != 0);
    let waited = rt.helpers(Class::Unbounded).offload_beside(
        carrier,
        &over,
        || {
            let error = wait(stand_in);
            // SAFETY: locked by the wait, or never unlocked if that failed.
            unsafe { real::pthread_mutex_unlock(stand_in) };
            error
        },
        || {
            offload::call(rt, carrier, Class::Bounded, || {
                // SAFETY: the stand-in lives until the wait is over.
                unsafe { real::pthread_mutex_lock(stand_in) }
            });
            // SAFETY: as above, and the caller's mutex.
            unsafe {
                real::pthread_mutex_unlock(stand_in);
                unlocked.set(Some(pthread_mutex_unlock(mutex)));
            }
        },
    );
    let error = match unlocked.get() {
        // No helper can be had: a spurious wake-up, so that the program looks again.
        // SAFETY: the caller's mutex.
        None => unsafe {
            let error = pthread_mutex_unlock(mutex);
            time::sched_yield();
            error
        },
        Some(error) => error,
    };
    if error != 0 {
        return error;
    }
    // SAFETY: the caller's mutex.
    let locked = unsafe { pthread_mutex_lock(mutex) };
    if waited.is_none() {
        // With the mutex held, as POSIX wants.
        cancel::point();
    }
    if locked != 0 { locked } else { waited.unwrap_or(0) }
}

/// Wait for a process-shared semaphore by `wait`, which a cancellation ends, and handlers as `ends` says.
pub fn semaphore_wait(ends: Ends, mut wait: impl FnMut() -> c_int) -> c_int {
    let Some((rt, carrier)) = start::here() else { return wait() };
    offload::waiting(rt, carrier, ends, wait).unwrap_or_else(|error| errno::fail(error.0))
}

/// Lock a process-shared read-write lock for writing by `wait`.
///
/// # Safety
/// `lock` is the program's.
pub unsafe fn write_lock(lock: *mut pthread_rwlock_t, wait: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the caller's.
    let l = unsafe { &*lock.cast::<RwLock>() };
    if start::here().is_none() || l.owner.load(Ordering::Relaxed) == tid() {
        return wait();
    }
    // SAFETY: the caller's.
    match unsafe { real::pthread_rwlock_trywrlock(lock) } {
        libc::EBUSY => {}
        other => return other,
    }
    take_elsewhere(&l.owner, wait)
}

/// Lock a process-shared read-write lock for reading by `wait`: readers own nothing.
///
/// # Safety
/// `lock` is the program's.
pub unsafe fn read_lock(lock: *mut pthread_rwlock_t, wait: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the caller's.
    let l = unsafe { &*lock.cast::<RwLock>() };
    if start::here().is_none() || l.owner.load(Ordering::Relaxed) == tid() {
        return wait();
    }
    // SAFETY: the caller's.
    match unsafe { real::pthread_rwlock_tryrdlock(lock) } {
        libc::EBUSY => elsewhere(wait),
        other => other,
    }
}
