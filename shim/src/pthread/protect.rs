//! Priority-protected mutexes (`PTHREAD_PRIO_PROTECT`).
//!
//! The word is glibc's: the ceiling in the upper bits, below it 0 free, 1 taken, 2 taken and somebody
//! waits. Only threads with a real-time policy and a priority not above the ceiling may lock one.
//! glibc raises the priority of the holder; among green threads of one carrier there is nothing to
//! raise. Waits are futex system calls on a helper, so other processes and kernel threads, which use
//! glibc's functions, are woken and wake.

use super::mutex::{Until, relock};
use super::schedule::Schedule;
use super::{kernel_owned, tid};
use crate::abi::{Mutex, kind};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::pthread_mutex_t;
use scheduler::sys::Errno;
use scheduler::{Carrier, Runtime};

const CEILING: u32 = 0xfff8_0000;
const CEILING_SHIFT: u32 = 19;

/// A mutex of this kind belongs here.
pub fn is_protected(kind: c_int) -> bool {
    kind & kind::PROTECT != 0
}

impl Mutex {
    fn ceiling(&self) -> c_int {
        (self.lock.load(Ordering::Relaxed) >> CEILING_SHIFT) as c_int
    }

    fn futex_flag(&self) -> usize {
        if self.kind & kind::SHARED != 0 { 0 } else { libc::FUTEX_PRIVATE_FLAG as usize }
    }

    /// From free to `taken` (1 or 2).
    fn take(&self, taken: u32) -> bool {
        let word = self.lock.load(Ordering::Relaxed) & CEILING;
        self.lock.compare_exchange(word, word | taken, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

fn attempt(m: &mut Mutex, taken: u32) -> c_int {
    let me = tid();
    if m.owner.load(Ordering::Relaxed) == me {
        match m.kind & kind::TYPE {
            kind::ERRORCHECK => return libc::EDEADLK,
            kind::RECURSIVE => return relock(m),
            _ => {}
        }
    }
    let schedule = Schedule::own();
    if !schedule.is_real_time() || schedule.priority > m.ceiling() {
        return libc::EINVAL;
    }
    if !m.take(taken) {
        return libc::EBUSY;
    }
    m.owner.store(me, Ordering::Relaxed);
    m.count = 1;
    m.users = m.users.wrapping_add(1);
    0
}

/// pthread_mutex_trylock(3)
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn trylock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's; only the owner touches the fields that are not atomic.
    attempt(unsafe { &mut *mutex.cast::<Mutex>() }, 1)
}

/// pthread_mutex_lock(3)
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn lock(
    rt: &'static Runtime,
    carrier: &Carrier,
    mutex: *mut pthread_mutex_t,
    until: Until,
) -> c_int {
    // SAFETY: the caller's.
    let m = unsafe { &mut *mutex.cast::<Mutex>() };
    let mut error = attempt(m, 1);
    if error != libc::EBUSY {
        return error;
    }
    let limit = match until.limit() {
        Ok(limit) => limit,
        Err(error) => return error,
    };
    // 2, because others may wait beside us.
    while error == libc::EBUSY {
        if wait(rt, carrier, m, limit) == Err(Errno::TIMEDOUT) {
            return libc::ETIMEDOUT;
        }
        error = attempt(m, 2);
    }
    error
}

/// Wait until the mutex may be free.
fn wait(rt: &'static Runtime, carrier: &Carrier, m: &Mutex, limit: Option<u64>) -> Result<(), Errno> {
    let word = m.lock.load(Ordering::Relaxed);
    let waited_for = (word & CEILING) | 2;
    let free = word & !CEILING == 0;
    if free || m.lock.compare_exchange(word, waited_for, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return Ok(());
    }
    kernel_owned::futex_wait(rt, carrier, &m.lock, waited_for, m.futex_flag(), limit)
}

/// pthread_mutex_unlock(3)
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's.
    let m = unsafe { &mut *mutex.cast::<Mutex>() };
    let mine = m.owner.load(Ordering::Relaxed) == tid();
    match m.kind & kind::TYPE {
        kind::RECURSIVE if !mine => return libc::EPERM,
        kind::RECURSIVE => {
            m.count -= 1;
            if m.count != 0 {
                return 0;
            }
        }
        kind::ERRORCHECK if !mine || m.lock.load(Ordering::Relaxed) & !CEILING == 0 => return libc::EPERM,
        _ => {}
    }
    m.owner.store(0, Ordering::Relaxed);
    m.users = m.users.wrapping_sub(1);
    let flag = m.futex_flag();
    let before = m.lock.fetch_and(CEILING, Ordering::Release);
    if before & !CEILING > 1 {
        kernel_owned::futex_wake(&m.lock, 1, flag);
    }
    0
}

/// pthread_mutex_setprioceiling(3): `change`, glibc's function, locks it for the moment.
///
/// # Safety
/// `mutex` is the program's.
pub unsafe fn set_ceiling(
    rt: &'static Runtime,
    carrier: &Carrier,
    mutex: *mut pthread_mutex_t,
    ceiling: c_int,
    change: impl Fn() -> c_int,
) -> c_int {
    // SAFETY: the caller's.
    let m = unsafe { &mut *mutex.cast::<Mutex>() };
    let mine = is_protected(m.kind) && m.owner.load(Ordering::Relaxed) == tid();
    if mine && m.kind & kind::TYPE == kind::RECURSIVE && (1..=99).contains(&ceiling) {
        let word = m.lock.load(Ordering::Relaxed) & !CEILING;
        m.lock.store(word | (ceiling as u32) << CEILING_SHIFT, Ordering::Release);
        futex_wake_all(m);
        return 0;
    }
    // Another process may come in between: then libc's own wait stops the carrier for a moment.
    while is_protected(m.kind) && !mine && m.lock.load(Ordering::Relaxed) & !CEILING != 0 {
        let _ = wait(rt, carrier, m, None);
    }
    change()
}

fn futex_wake_all(m: &Mutex) {
    kernel_owned::futex_wake(&m.lock, i32::MAX as usize, m.futex_flag());
}
