//! pthread_rwlock_rdlock(3), pthread_rwlock_wrlock(3) and their relatives.
//!
//! `readers` keeps glibc's meaning of the bits we use, so a lock that was taken before green
//! threads existed is understood:
//!
//! ```text
//!   readers = n × 8 | WRITER | PHASE       free: n = 0, no WRITER
//! ```
//!
//! Waiters queue under the lock's address. An unlock that frees the lock wakes all of them; each
//! tries again, in the order they came. With a writer-preferring kind, readers stand back while a
//! writer waits. Process-shared locks keep glibc's
//! implementation (shared.rs).

use super::{deadline, is_lock_clock, shared, tid};
use crate::abi::RwLock;
use crate::chaos;
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{clockid_t, pthread_rwlock_t, timespec};
use scheduler::lot::{Parked, Request};
use scheduler::{Reason, Runtime};

const PHASE: u32 = 1;
const WRITER: u32 = 2;
const READER: u32 = 8;
/// `PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`: the only kind in which writers go first.
const PREFER_WRITER: u32 = 2;

type Until = Option<(clockid_t, *const timespec)>;

export! {
    /// pthread_rwlock_rdlock(3)
    fn pthread_rwlock_rdlock | __pthread_rwlock_rdlock(lock: *mut pthread_rwlock_t) -> c_int {
        chaos::point();
        match ours(lock) {
            Some((rt, l)) => acquire(rt, l, try_read, false, None),
            None => shared::read_lock(lock, || real::pthread_rwlock_rdlock(lock)),
        }
    }

    /// pthread_rwlock_timedrdlock(3)
    fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, at: *const timespec) -> c_int {
        match ours(lock) {
            Some((rt, l)) => acquire(rt, l, try_read, false, Some((libc::CLOCK_REALTIME, at))),
            None => shared::read_lock(lock, || real::pthread_rwlock_timedrdlock(lock, at)),
        }
    }

    /// pthread_rwlock_clockrdlock(3)
    fn pthread_rwlock_clockrdlock(lock: *mut pthread_rwlock_t, clock: clockid_t, at: *const timespec) -> c_int {
        match ours(lock) {
            Some((rt, l)) => acquire(rt, l, try_read, false, Some((clock, at))),
            None => shared::read_lock(lock, || real::pthread_rwlock_clockrdlock(lock, clock, at)),
        }
    }

    /// pthread_rwlock_tryrdlock(3)
    fn pthread_rwlock_tryrdlock | __pthread_rwlock_tryrdlock(lock: *mut pthread_rwlock_t) -> c_int {
        chaos::point();
        match ours(lock) {
            Some((_, l)) => if try_read(l) { 0 } else { libc::EBUSY },
            None => real::pthread_rwlock_tryrdlock(lock),
        }
    }

    /// pthread_rwlock_wrlock(3)
    fn pthread_rwlock_wrlock | __pthread_rwlock_wrlock(lock: *mut pthread_rwlock_t) -> c_int {
        chaos::point();
        match ours(lock) {
            Some((rt, l)) => acquire(rt, l, try_write, true, None),
            None => shared::write_lock(lock, || real::pthread_rwlock_wrlock(lock)),
        }
    }

    /// pthread_rwlock_timedwrlock(3)
    fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, at: *const timespec) -> c_int {
        match ours(lock) {
            Some((rt, l)) => acquire(rt, l, try_write, true, Some((libc::CLOCK_REALTIME, at))),
            None => shared::write_lock(lock, || real::pthread_rwlock_timedwrlock(lock, at)),
        }
    }

    /// pthread_rwlock_clockwrlock(3)
    fn pthread_rwlock_clockwrlock(lock: *mut pthread_rwlock_t, clock: clockid_t, at: *const timespec) -> c_int {
        match ours(lock) {
            Some((rt, l)) => acquire(rt, l, try_write, true, Some((clock, at))),
            None => shared::write_lock(lock, || real::pthread_rwlock_clockwrlock(lock, clock, at)),
        }
    }

    /// pthread_rwlock_trywrlock(3)
    fn pthread_rwlock_trywrlock | __pthread_rwlock_trywrlock(lock: *mut pthread_rwlock_t) -> c_int {
        chaos::point();
        match ours(lock) {
            Some((_, l)) => if try_write(l) { 0 } else { libc::EBUSY },
            None => real::pthread_rwlock_trywrlock(lock),
        }
    }

    /// pthread_rwlock_unlock(3)
    fn pthread_rwlock_unlock | __pthread_rwlock_unlock(lock: *mut pthread_rwlock_t) -> c_int {
        chaos::point();
        let Some((rt, l)) = ours(lock) else { return real::pthread_rwlock_unlock(lock) };
        let free = if l.owner.load(Ordering::Relaxed) == tid() {
            l.owner.store(0, Ordering::Relaxed);
            l.writer.store(0, Ordering::Relaxed);
            l.readers.fetch_and(!WRITER, Ordering::SeqCst);
            true
        } else {
            l.readers.fetch_sub(READER, Ordering::SeqCst) < 2 * READER
        };
        if free && l.waiting.load(Ordering::SeqCst) != 0 {
            rt.lot.unpark_many(rt.carrier_here(), lock.addr(), usize::MAX, 0);
        }
        0
    }
}

#[inline(always)]
fn ours<'a>(lock: *mut pthread_rwlock_t) -> Option<(&'static Runtime, &'a RwLock)> {
    let rt = start::runtime()?;
    // SAFETY: the program passes a lock, as it would to libc.
    let l = unsafe { &*lock.cast::<RwLock>() };
    (l.shared == 0).then_some((rt, l))
}

fn try_read(l: &RwLock) -> bool {
    let shut = l.flags == PREFER_WRITER && l.waiting_writers.load(Ordering::Relaxed) != 0;
    let enter = |r: u32| (r & WRITER == 0 && !shut).then(|| (r & !PHASE) + READER);
    match l.readers.fetch_update(Ordering::SeqCst, Ordering::Relaxed, enter) {
        Ok(before) => {
            if before & PHASE != 0 {
                l.phase.store(0, Ordering::Relaxed);
            }
            true
        }
        Err(_) => false,
    }
}

fn try_write(l: &RwLock) -> bool {
    let enter = |r: u32| (r & !PHASE == 0).then_some(WRITER | PHASE);
    if l.readers.fetch_update(Ordering::SeqCst, Ordering::Relaxed, enter).is_err() {
        return false;
    }
    l.phase.store(1, Ordering::Relaxed);
    l.writer.store(1, Ordering::Relaxed);
    l.owner.store(tid(), Ordering::Relaxed);
    true
}

fn acquire(
    rt: &'static Runtime,
    l: &RwLock,
    attempt: fn(&RwLock) -> bool,
    writes: bool,
    until: Until,
) -> c_int {
    // glibc checks clock and time first, whether or not it has to wait.
    let limit = match until {
        None => None,
        Some((clock, _)) if !is_lock_clock(clock) => return libc::EINVAL,
        Some((clock, at)) => match deadline(clock, at) {
            Ok(limit) => Some(limit),
            Err(error) => return error,
        },
    };
    if attempt(l) {
        return 0;
    }
    if l.owner.load(Ordering::Relaxed) == tid() {
        return libc::EDEADLK;
    }
    let key = core::ptr::from_ref(l).addr();
    l.waiting.fetch_add(1, Ordering::SeqCst);
    l.waiting_writers.fetch_add(u32::from(writes), Ordering::SeqCst);
    let result = loop {
        // Readers stand back for waiting *writers*; a writer must not stand back for itself.
        if attempt(l) {
            break 0;
        }
        let held = || {
            let r = l.readers.load(Ordering::SeqCst);
            r & WRITER != 0
                || (writes && r >= READER)
                || (!writes && l.waiting_writers.load(Ordering::SeqCst) != 0)
        };
        let request = Request { key, reason: Reason::RwLock(key), deadline: limit, again: false };
        if rt.lot.park(rt.carrier_here(), request, held, || ()) == Parked::TimedOut {
            break libc::ETIMEDOUT;
        }
    };
    l.waiting.fetch_sub(1, Ordering::SeqCst);
    if l.waiting_writers.fetch_sub(u32::from(writes), Ordering::SeqCst) == 1 && writes && result != 0 {
        // The last writer gave up: readers that stood back for it may go.
        rt.lot.unpark_many(rt.carrier_here(), key, usize::MAX, 0);
    }
    result
}
