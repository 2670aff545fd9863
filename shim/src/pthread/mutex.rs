//! pthread_mutex_lock(3) and its relatives.
//!
//! The lock word is glibc's:
//!
//! ```text
//!   0 ──lock──► 1 ──another waits──► 2        unlock: 1 → 0
//!   ▲                                │        unlock: 2 → 0 and wake the first waiter,
//!   └────────────unlock──────────────┘                2 → 2 and hand the lock to it if it was woken
//!                                                      before in vain
//! ```
//!
//! Barging is fast (the running thread goes on) but can starve: on one carrier a thread that always
//! parks inside its critical section would be found holding the lock at every switch. So a waiter
//! that was woken once and lost gets the lock handed over the next time.
//!
//! Robust, priority-protected and process-shared mutexes keep glibc's implementation (shared.rs,
//! kernel_owned.rs).

use super::{deadline, is_lock_clock, protect, shared, tid};
use crate::abi::{Mutex, kind};
use crate::chaos;
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{clockid_t, pthread_mutex_t, timespec};
use scheduler::lot::{Parked, Request};
use scheduler::{Reason, Runtime};

/// The waiter's token: it owns the lock now.
const HANDED_OVER: usize = 1;

/// When to give up waiting.
#[derive(Clone, Copy)]
pub enum Until {
    /// Never.
    Never,
    /// At a point of a clock.
    At(clockid_t, *const timespec),
}

impl Until {
    /// As a deadline; `Err(EINVAL)` for a bad time. Like glibc, look at the time only if there is
    /// something to wait for.
    pub fn limit(self) -> Result<Option<u64>, c_int> {
        match self {
            Until::Never => Ok(None),
            Until::At(clock, at) => deadline(clock, at).map(Some),
        }
    }
}

export! {
    /// pthread_mutex_lock(3)
    fn pthread_mutex_lock | __pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int {
        match plain(mutex) {
            Some(m) => lock_plain(m),
            None => lock_any(mutex),
        }
    }

    /// pthread_mutex_trylock(3)
    fn pthread_mutex_trylock | __pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int {
        chaos::point();
        match ours(mutex) {
            Some((_, m)) => trylock(m),
            None => shared::trylock(mutex),
        }
    }

    /// pthread_mutex_timedlock(3)
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, at: *const timespec) -> c_int {
        chaos::point();
        match ours(mutex) {
            Some((rt, m)) => lock(rt, m, Until::At(libc::CLOCK_REALTIME, at)),
            None => {
                let until = Until::At(libc::CLOCK_REALTIME, at);
                shared::lock(mutex, until, || real::pthread_mutex_timedlock(mutex, at))
            }
        }
    }

    /// pthread_mutex_clocklock(3)
    fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, at: *const timespec) -> c_int {
        chaos::point();
        match ours(mutex) {
            _ if !is_lock_clock(clock) => libc::EINVAL,
            Some((rt, m)) => lock(rt, m, Until::At(clock, at)),
            None => {
                let until = Until::At(clock, at);
                shared::lock(mutex, until, || real::pthread_mutex_clocklock(mutex, clock, at))
            }
        }
    }

    /// pthread_mutex_unlock(3)
    fn pthread_mutex_unlock | __pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int {
        match plain(mutex) {
            Some(m) => release(m, Users::Leave),
            None => unlock_any(mutex),
        }
    }

    /// pthread_mutex_setprioceiling(3)
    fn pthread_mutex_setprioceiling(mutex: *mut pthread_mutex_t, ceiling: c_int, old: *mut c_int) -> c_int {
        let change = || real::pthread_mutex_setprioceiling(mutex, ceiling, old);
        match start::here() {
            Some((rt, carrier)) => protect::set_ceiling(rt, carrier, mutex, ceiling, change),
            None => change(),
        }
    }
}

/// The mutex, if green threads exist and it is of a type we implement.
#[inline(always)]
fn ours<'a>(mutex: *mut pthread_mutex_t) -> Option<(&'static Runtime, &'a mut Mutex)> {
    let rt = start::runtime()?;
    // SAFETY: the program passes a mutex, as it would to libc. Only its owner touches the fields
    // that are not atomic.
    let m = unsafe { &mut *mutex.cast::<Mutex>() };
    (m.kind & kind::KERNEL == 0).then_some((rt, m))
}

/// The mutex, if it is of the default kind, as nearly all are, and nothing else is to be thought of.
#[inline(always)]
fn plain<'a>(mutex: *mut pthread_mutex_t) -> Option<&'a mut Mutex> {
    // SAFETY: as in `ours`.
    let m = unsafe { &mut *mutex.cast::<Mutex>() };
    (start::is_plain() && m.kind == 0).then_some(m)
}

#[inline(always)]
fn lock_plain(m: &mut Mutex) -> c_int {
    if m.lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return lock_any((&raw mut *m).cast());
    }
    own(m, tid(), Users::Leave);
    0
}

#[inline(never)]
fn lock_any(mutex: *mut pthread_mutex_t) -> c_int {
    chaos::point();
    match ours(mutex) {
        Some((rt, m)) => lock(rt, m, Until::Never),
        // SAFETY: the caller's mutex.
        None => unsafe { shared::lock(mutex, Until::Never, || real::pthread_mutex_lock(mutex)) },
    }
}

#[inline(never)]
fn unlock_any(mutex: *mut pthread_mutex_t) -> c_int {
    chaos::point();
    match ours(mutex) {
        Some((_, m)) => unlock(m, Users::Leave),
        // SAFETY: the caller's mutex.
        None => unsafe { shared::unlock(mutex) },
    }
}

/// Whether the caller counts as a user of the mutex (one who waits for a condition still does).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Users {
    /// An ordinary lock or unlock.
    Leave,
    /// Around a condition wait.
    Keep,
}

fn trylock(m: &mut Mutex) -> c_int {
    let me = tid();
    if m.kind & kind::TYPE == kind::RECURSIVE && m.owner.load(Ordering::Relaxed) == me {
        return relock(m);
    }
    if m.lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        let mine = m.owner.load(Ordering::Relaxed) == me;
        let strict = m.kind & kind::INHERIT != 0 && m.kind & kind::TYPE == kind::ERRORCHECK;
        return if mine && strict { libc::EDEADLK } else { libc::EBUSY };
    }
    own(m, me, Users::Leave);
    0
}

#[inline(always)]
fn own(m: &mut Mutex, me: i32, users: Users) {
    m.owner.store(me, Ordering::Relaxed);
    m.count = 1;
    if users == Users::Leave {
        m.users = m.users.wrapping_add(1);
    }
}

/// One level deeper into a recursive mutex.
pub fn relock(m: &mut Mutex) -> c_int {
    match m.count.checked_add(1) {
        None => libc::EAGAIN,
        Some(deeper) => {
            m.count = deeper;
            0
        }
    }
}

#[inline(always)]
fn lock(rt: &'static Runtime, m: &mut Mutex, until: Until) -> c_int {
    let me = tid();
    match m.kind & kind::TYPE {
        kind::RECURSIVE if m.owner.load(Ordering::Relaxed) == me => return relock(m),
        kind::ERRORCHECK if m.owner.load(Ordering::Relaxed) == me => return libc::EDEADLK,
        _ => {}
    }
    if m.lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        let limit = match until.limit() {
            Ok(limit) => limit,
            Err(error) => return error,
        };
        let error = wait(rt, m, limit);
        if error != 0 {
            return error;
        }
    }
    own(m, me, Users::Leave);
    0
}

/// Unlock for a condition wait.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn unlock_to_wait(mutex: *mut pthread_mutex_t) -> c_int {
    match ours(mutex) {
        Some((_, m)) => unlock(m, Users::Keep),
        // SAFETY: the caller's mutex.
        None => unsafe { shared::unlock(mutex) },
    }
}

/// Lock again after a condition wait. Fails for robust mutexes only.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn lock_after_wait(mutex: *mut pthread_mutex_t) -> c_int {
    match ours(mutex) {
        Some((rt, m)) => {
            lock_again(rt, m);
            0
        }
        // SAFETY: the caller's mutex.
        None => unsafe { shared::lock(mutex, Until::Never, || real::pthread_mutex_lock(mutex)) },
    }
}

/// Take the lock back after a condition wait: no time limit, never fails.
fn lock_again(rt: &'static Runtime, m: &mut Mutex) {
    let me = tid();
    // Locked twice before the wait, it was not given up.
    if m.kind & kind::TYPE == kind::RECURSIVE && m.owner.load(Ordering::Relaxed) == me {
        relock(m);
        return;
    }
    if m.lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        wait(rt, m, None);
    }
    own(m, me, Users::Keep);
}

#[cold]
#[inline(never)]
fn wait(rt: &'static Runtime, m: &mut Mutex, limit: Option<u64>) -> c_int {
    let key = m.lock.as_ptr().addr();
    let word = &m.lock;
    let mut again = false;
    // 2, because others may wait behind us.
    while word.swap(2, Ordering::Acquire) != 0 {
        let request = Request { key, reason: Reason::Mutex(key), deadline: limit, again };
        match rt.lot.park(rt.carrier_here(), request, || word.load(Ordering::Relaxed) == 2, || ()) {
            Parked::Woken(HANDED_OVER) => return 0,
            Parked::Woken(_) => again = true,
            Parked::TimedOut => return libc::ETIMEDOUT,
            // Handlers have run; a lock is never interrupted.
            Parked::Invalid | Parked::Interrupted => {}
        }
    }
    0
}

/// Unlock; errors as glibc's for the mutex's type.
#[inline(always)]
fn unlock(m: &mut Mutex, users: Users) -> c_int {
    match m.kind & (kind::TYPE | kind::INHERIT) {
        0 => {}
        k if k & kind::TYPE == kind::RECURSIVE => {
            if m.owner.load(Ordering::Relaxed) != tid() {
                return libc::EPERM;
            }
            m.count -= 1;
            if m.count != 0 {
                return 0;
            }
        }
        // A priority-inheriting one checks whatever its type.
        k if (k & kind::TYPE == kind::ERRORCHECK || k & kind::INHERIT != 0)
            && (m.owner.load(Ordering::Relaxed) != tid() || m.lock.load(Ordering::Relaxed) == 0) =>
        {
            return libc::EPERM;
        }
        _ => {}
    }
    release(m, users)
}

/// The owner gives it up: 0.
#[inline(always)]
fn release(m: &mut Mutex, users: Users) -> c_int {
    m.owner.store(0, Ordering::Relaxed);
    if users == Users::Leave {
        m.users = m.users.wrapping_sub(1);
    }
    if m.lock.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed).is_err() {
        wake(m);
    }
    0
}

#[cold]
#[inline(never)]
fn wake(m: &mut Mutex) {
    // (Who waits has come through one.)
    let Some(rt) = start::runtime() else { return };
    let word = &m.lock;
    rt.lot.unpark_one(rt.carrier_here(), word.as_ptr().addr(), |next| match next {
        Some(next) if next.again => HANDED_OVER,
        _ => {
            word.store(0, Ordering::Release);
            0
        }
    });
}
