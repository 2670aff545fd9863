//! Mutexes whose owner the kernel knows: robust ones, and process-shared priority-inheriting ones.
//!
//! glibc writes the owner's tid into the lock word and, for robust ones, links the mutex into a list
//! that the kernel walks when that kernel thread dies. Of green threads the kernel knows none, so they
//! take such a mutex in the name of the carrier, by glibc's own functions executed on the TLS block of
//! the kernel thread that the process began with. Another process sees an ordinary owner, and
//! gets `EOWNERDEAD` when we are killed. Which green thread it is stands beside it:
//!
//! ```text
//!   __lock    tid of the carrier | WAITERS | OWNER_DIED      what the kernel and other processes see
//!   __owner   tid of the green thread, or INCONSISTENT …     what pthread_mutex_consistent(3) sees
//!   __spins   tid of the green thread                        tells us apart; unused by glibc here
//! ```
//!
//! Whoever finds it taken waits with a futex system call on a helper, so an unlock by anybody, in this
//! process or another, wakes it. A green thread that ends is walked over here as a kernel thread is in
//! the kernel.

use super::green;
use super::mutex::Until;
use super::tid;
use crate::abi::{Mutex, kind};
use crate::{real, start};
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use libc::pthread_mutex_t;
use scheduler::helpers::Class;
use scheduler::sys::{self, Errno, Timespec};
use scheduler::{Carrier, Runtime};

const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;
const TID: u32 = 0x3fff_ffff;

/// In place of the green thread's tid: the owner of a priority-inheriting mutex died while others
/// waited. The kernel's unlock has no way to say so to the next owner.
const DIED: i32 = -1;

const FUTEX_WAIT: usize = 0;
const FUTEX_WAKE: usize = 1;
const FUTEX_LOCK_PI: usize = 6;
const FUTEX_UNLOCK_PI: usize = 7;

/// A mutex of this kind belongs here.
pub fn is_kernel_owned(kind: c_int) -> bool {
    const SHARED_INHERITING: c_int = kind::INHERIT | kind::SHARED;
    kind & kind::ROBUST != 0 || kind & SHARED_INHERITING == SHARED_INHERITING
}

impl Mutex {
    /// The green thread that holds it, if the carrier does. One that was locked before green threads
    /// existed says 0: the main thread.
    fn holder(&self) -> i32 {
        match self.holder.load(Ordering::Relaxed) {
            0 => green::kernel_tid(),
            tid => tid,
        }
    }

    fn is_held_by(&self, green: i32) -> bool {
        self.lock.load(Ordering::Relaxed) & TID == green::kernel_tid() as u32 && self.holder() == green
    }

    fn is_held_by_other_green(&self, green: i32) -> bool {
        self.lock.load(Ordering::Relaxed) & TID == green::kernel_tid() as u32 && self.holder() != green
    }
}

impl Mutex {
    /// Its owner has ended: the next one is to know.
    fn leave_dead(&self) {
        self.holder.store(0, Ordering::Relaxed);
        if self.kind & kind::INHERIT == 0 {
            let dead = |word| Some((word & WAITERS) | OWNER_DIED);
            let before = self.lock.fetch_update(Ordering::Release, Ordering::Relaxed, dead);
            if before.is_ok_and(|word| word & WAITERS != 0) {
                futex_wake(&self.lock, 1, 0);
            }
            return;
        }
        let held = green::kernel_tid() as u32;
        if self.lock.compare_exchange(held, OWNER_DIED, Ordering::Release, Ordering::Relaxed).is_err() {
            // Others wait, and the kernel hands it over.
            self.holder.store(DIED, Ordering::Relaxed);
            // SAFETY: a live mutex that the carrier holds.
            let _ = unsafe { scheduler::sys!(futex, self.lock.as_ptr(), FUTEX_UNLOCK_PI, 0, 0, 0, 0) };
        }
    }
}

/// Execute one of glibc's functions in the name of the kernel thread.
fn as_kernel_thread(carrier: &Carrier, m: &Mutex, me: i32, work: impl FnOnce() -> c_int) -> c_int {
    let kernel = green::kernel_tid();
    carrier.on_block(green::main_handle() as usize, || {
        let _ = m.owner.compare_exchange(me, kernel, Ordering::Relaxed, Ordering::Relaxed);
        work()
    })
}

/// glibc's trylock: 0 and `EOWNERDEAD` are success.
pub unsafe fn trylock(carrier: &Carrier, mutex: *mut pthread_mutex_t) -> c_int {
    let me = tid();
    // SAFETY: the caller's mutex.
    let m = unsafe { &*mutex.cast::<Mutex>() };
    if m.is_held_by_other_green(me) {
        return libc::EBUSY;
    }
    // SAFETY: the caller's mutex.
    let mut error = as_kernel_thread(carrier, m, me, || unsafe { real::pthread_mutex_trylock(mutex) });
    let kernel = green::kernel_tid();
    let _ = m.owner.compare_exchange(kernel, me, Ordering::Relaxed, Ordering::Relaxed);
    if matches!(error, 0 | libc::EOWNERDEAD) && m.holder.swap(me, Ordering::Relaxed) == DIED && error == 0 {
        m.owner.store(INCONSISTENT, Ordering::Relaxed);
        error = libc::EOWNERDEAD;
    }
    if error == libc::ENOTRECOVERABLE && m.lock.load(Ordering::Relaxed) & TID == kernel as u32 {
        // glibc's trylock leaves it locked, its lock does not; those who wait must be told, too.
        m.lock.store(0, Ordering::Release);
        futex_wake(&m.lock, 1, 0);
    }
    error
}

/// `PTHREAD_MUTEX_INCONSISTENT`
const INCONSISTENT: i32 = i32::MAX;

/// Lock, with the error numbers of glibc's function.
pub unsafe fn lock(
    rt: &'static Runtime,
    carrier: &Carrier,
    mutex: *mut pthread_mutex_t,
    until: Until,
) -> c_int {
    // SAFETY: the caller's mutex.
    let m = unsafe { &*mutex.cast::<Mutex>() };
    let mut limit = None;
    let mut waited = false;
    loop {
        // SAFETY: the caller's mutex.
        let error = unsafe { trylock(carrier, mutex) };
        if error != libc::EBUSY {
            if waited && m.kind & kind::INHERIT == 0 && matches!(error, 0 | libc::EOWNERDEAD) {
                // Others may have waited beside us: whoever unlocks must look.
                m.lock.fetch_or(WAITERS, Ordering::Relaxed);
            }
            return error;
        }
        if !waited {
            // Like glibc, look at the time only if there is something to wait for.
            match until.limit() {
                Ok(at) => limit = at,
                Err(error) => return error,
            }
            waited = true;
        }
        if wait(rt, carrier, m, limit) == Err(Errno::TIMEDOUT) {
            return libc::ETIMEDOUT;
        }
    }
}

/// Wait, on a helper, until it is worth trying again.
fn wait(rt: &'static Runtime, carrier: &Carrier, m: &Mutex, limit: Option<u64>) -> Result<(), Errno> {
    if m.kind & kind::INHERIT != 0 {
        let work = || await_inherited(rt, m, limit);
        return rt.helpers(Class::Unbounded).offload_handling(carrier, work);
    }
    let word = m.lock.load(Ordering::Relaxed);
    let waited_for = word | WAITERS;
    let free = word == 0 || word & OWNER_DIED != 0;
    if free || m.lock.compare_exchange(word, waited_for, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return Ok(());
    }
    // The kernel wakes waiters of robust mutexes as shared ones.
    futex_wait(rt, carrier, &m.lock, waited_for, 0, limit)
}

/// A futex wait, on a helper. Handlers run meanwhile.
pub fn futex_wait(
    rt: &'static Runtime,
    carrier: &Carrier,
    word: &AtomicU32,
    value: u32,
    flag: usize,
    limit: Option<u64>,
) -> Result<(), Errno> {
    rt.helpers(Class::Unbounded).offload_handling(carrier, || {
        let span = limit.map(|at| Timespec::from_nanos(at.saturating_sub(rt.clock.now())));
        let span = span.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: a mutex outlives its waiters; the span is ours.
        let woken =
            unsafe { scheduler::sys!(futex, word.as_ptr(), FUTEX_WAIT | flag, value as usize, span, 0, 0) };
        if woken == Err(Errno::TIMEDOUT) { Err(Errno::TIMEDOUT) } else { Ok(()) }
    })
}

/// Wake those who wait by futex system calls.
pub fn futex_wake(word: &AtomicU32, count: usize, flag: usize) {
    // SAFETY: no memory is touched; the mutex may be gone.
    let _ = unsafe { scheduler::sys!(futex, word.as_ptr(), FUTEX_WAKE | flag, count, 0, 0, 0) };
}

/// On a helper: take a priority-inheriting lock and let go of it at once, which is to wait until it is
/// free.
fn await_inherited(rt: &Runtime, m: &Mutex, limit: Option<u64>) -> Result<(), Errno> {
    // The kernel wants a time of CLOCK_REALTIME.
    let at = limit.map(|at| Timespec::from_nanos(rt.clock.real_time_at(at)));
    let at = at.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the mutex outlives its waiters; the time is ours.
    unsafe {
        match scheduler::sys!(futex, m.lock.as_ptr(), FUTEX_LOCK_PI, 0, at, 0, 0) {
            Ok(_) => {}
            Err(Errno::TIMEDOUT) => return Err(Errno::TIMEDOUT),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            // Its owner died and it is not robust: glibc waits for ever, too.
            Err(_) => return sleep_until(rt, limit),
        }
        if m.lock.load(Ordering::Relaxed) & OWNER_DIED != 0 {
            m.holder.store(DIED, Ordering::Relaxed);
        }
        let _ = scheduler::sys!(futex, m.lock.as_ptr(), FUTEX_UNLOCK_PI, 0, 0, 0, 0);
    }
    Ok(())
}

fn sleep_until(rt: &Runtime, limit: Option<u64>) -> Result<(), Errno> {
    let never = AtomicU32::new(0);
    loop {
        let span = limit.map(|at| at.saturating_sub(rt.clock.now()));
        if sys::futex_wait(&never, 0, span) == Err(Errno::TIMEDOUT) {
            return Err(Errno::TIMEDOUT);
        }
    }
}

/// Unlock, with the error numbers of glibc's function.
pub unsafe fn unlock(carrier: &Carrier, mutex: *mut pthread_mutex_t) -> c_int {
    let me = tid();
    // SAFETY: the caller's mutex.
    let m = unsafe { &*mutex.cast::<Mutex>() };
    if !m.is_held_by(me) {
        return libc::EPERM;
    }
    let stays = m.kind & kind::TYPE == kind::RECURSIVE && m.count > 1;
    if !stays {
        m.holder.store(0, Ordering::Relaxed);
    }
    // SAFETY: the caller's mutex.
    let error = as_kernel_thread(carrier, m, me, || unsafe { real::pthread_mutex_unlock(mutex) });
    // Unlocked, it may be another's or gone.
    if stays {
        let _ = m.owner.compare_exchange(green::kernel_tid(), me, Ordering::Relaxed, Ordering::Relaxed);
    }
    error
}

/// The list that the kernel walks: a node is the address of a mutex's forward link, with bit 0 set for
/// priority-inheriting ones; the backward link lies just before it.
mod list {
    use super::ptr;

    /// From a mutex to its node.
    pub const NODE: usize = 32;

    pub unsafe fn next(node: usize) -> usize {
        // SAFETY: the caller's well-formed list.
        unsafe { *ptr::with_exposed_provenance::<usize>(node) }
    }

    pub unsafe fn remove(node: usize) {
        // SAFETY: the caller's well-formed list.
        unsafe {
            let (next, previous) = (next(node), *ptr::with_exposed_provenance::<usize>(node - 8));
            *ptr::with_exposed_provenance_mut::<usize>((next & !1) - 8) = previous;
            *ptr::with_exposed_provenance_mut::<usize>(previous & !1) = next;
        }
    }
}

/// The running thread ends: what it still holds goes to the next with `EOWNERDEAD`, as the kernel does
/// for its own.
pub fn release_dead() {
    let me = tid();
    let head = start::layout().robust_head(green::main_handle() as usize);
    // SAFETY: glibc's list of the kernel thread, changed on the carrier only: well-formed.
    unsafe {
        let mut node = list::next(head);
        while node & !1 != head {
            let at = node & !1;
            node = list::next(at);
            let m = &*ptr::with_exposed_provenance::<Mutex>(at - list::NODE);
            if m.holder() != me {
                continue;
            }
            // If we are killed from here on, the kernel still finds it: the third word of the head.
            let pending = ptr::with_exposed_provenance_mut::<usize>(head + 16);
            pending.write_volatile(at | usize::from(m.kind & kind::INHERIT != 0));
            list::remove(at);
            m.leave_dead();
            pending.write_volatile(0);
        }
    }
}

/// In the child of `fork` the kernel thread holds nothing, and its list is where we look for it (glibc
/// registered the list of the thread that forked).
pub fn after_fork() {
    let head = start::layout().robust_head(green::main_handle() as usize);
    // SAFETY: the list head in the main thread's descriptor, which lives for ever.
    unsafe {
        ptr::with_exposed_provenance_mut::<usize>(head).write(head);
        ptr::with_exposed_provenance_mut::<usize>(head - 8).write(head);
        let _ = scheduler::sys!(set_robust_list, head, 24usize);
    }
}
