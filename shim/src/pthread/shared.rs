//! Process-shared objects: they belong to the kernel and to other processes, so the waits are glibc's
//! own, executed by a helper.
//!
//! glibc notes who owns a lock by the tid of the thread that took it; a lock that a helper took for a
//! green thread is rewritten to that thread's at once, by the helper itself, before it takes another
//! job and could take itself for the owner. Robust and priority mutexes are owned in the kernel's eyes and cannot be taken for
//! another thread: they stay with the calling kernel thread (docs/limits.md).

use super::tid;
use crate::abi::{Mutex, RwLock, kind};
use crate::{io, real, start};
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};
use libc::{pthread_mutex_t, pthread_rwlock_t};
use scheduler::helpers::Class;

/// Execute a wait on a helper, if the caller is a green thread.
pub fn elsewhere<R>(wait: impl FnOnce() -> R) -> R {
    match start::here() {
        Some((rt, carrier)) => io::offload(rt, carrier, Class::Unbounded, wait),
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

/// A mutex that a helper can take for a green thread.
fn is_transferable(m: &Mutex) -> bool {
    m.kind & (kind::KERNEL & !kind::SHARED) == 0
}

/// Lock a mutex that is not ours by `wait`, a real function that may block.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn lock(mutex: *mut pthread_mutex_t, wait: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the caller's.
    let m = unsafe { &*mutex.cast::<Mutex>() };
    if start::here().is_none() || !is_transferable(m) {
        return wait();
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

/// Wait for a condition, by `wait`; it, or its mutex, is process-shared.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn condition_wait(mutex: *mut pthread_mutex_t, wait: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the caller's.
    let m = unsafe { &*mutex.cast::<Mutex>() };
    if start::here().is_none() || !is_transferable(m) || m.kind & kind::SHARED == 0 {
        return wait();
    }
    let me = tid();
    let owned = m.owner.load(Ordering::Relaxed) == me;
    elsewhere(|| {
        if owned {
            m.owner.store(tid(), Ordering::Relaxed);
        }
        let error = wait();
        // Whether it waited or failed, the mutex is locked for the caller if it was before.
        if owned {
            m.owner.store(me, Ordering::Relaxed);
        }
        error
    })
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
