//! Messages and semaphores between processes: System V's (msgop(2), semop(2)) and POSIX's (mq_overview(7)).
//!
//! Each call is tried without waiting; then a helper waits in the kernel, where the other side sees a waiter: a
//! message goes to one that waits without a notification (mq_notify(3)), and `GETNCNT` counts it.

use crate::offload::{self, Ends};
use crate::{errno, export, real, start};
use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr;
use libc::{size_t, ssize_t, timespec};

/// A time that has passed, and no time at all.
static NO_TIME: timespec = timespec { tv_sec: 0, tv_nsec: 0 };

/// Make a call by `attempt`, which does not wait; if that fails with one of `waits`, on a helper by `wait`.
fn tried(ends: Ends, waits: &[c_int], attempt: impl FnOnce() -> isize, wait: impl Fn() -> isize) -> isize {
    let Some((rt, carrier)) = start::here() else { return wait() };
    let before = errno::get();
    let result = attempt();
    if result >= 0 || !waits.contains(&errno::get()) {
        return result;
    }
    errno::set(before);
    errno::answer(offload::interruptible(rt, carrier, ends, wait))
}

// System V's calls are never restarted (signal(7)): any handler ends them.
export! {
    /// msgsnd(2)
    @cancellation_point fn msgsnd(queue: c_int, message: *const c_void, len: size_t, flags: c_int) -> c_int {
        let send = |flags| real::msgsnd(queue, message, len, flags) as isize;
        if flags & libc::IPC_NOWAIT != 0 {
            return send(flags) as c_int;
        }
        tried(Ends::HANDLED, &[libc::EAGAIN], || send(flags | libc::IPC_NOWAIT), || send(flags)) as c_int
    }

    /// msgrcv(2)
    @cancellation_point fn msgrcv(queue: c_int, message: *mut c_void, len: size_t, kind: c_long, flags: c_int) -> ssize_t {
        let receive = |flags| real::msgrcv(queue, message, len, kind, flags);
        if flags & libc::IPC_NOWAIT != 0 {
            return receive(flags);
        }
        tried(Ends::HANDLED, &[libc::ENOMSG], || receive(flags | libc::IPC_NOWAIT), || receive(flags))
    }

    /// semop(2)
    fn semop(set: c_int, operations: *mut c_void, count: size_t) -> c_int {
        tried(
            Ends::HANDLED.no_point(),
            &[libc::EAGAIN],
            || real::semtimedop(set, operations, count, &raw const NO_TIME) as isize,
            || real::semop(set, operations, count) as isize,
        ) as c_int
    }

    /// semtimedop(2)
    fn semtimedop(set: c_int, operations: *mut c_void, count: size_t, timeout: *const timespec) -> c_int {
        if timeout.is_null() {
            return semop(set, operations, count);
        }
        let wait = || real::semtimedop(set, operations, count, timeout) as isize;
        // A time that is none is for the kernel to refuse.
        if (*timeout).tv_sec < 0 || !(0..1_000_000_000).contains(&(*timeout).tv_nsec) {
            return wait() as c_int;
        }
        let attempt = || real::semtimedop(set, operations, count, &raw const NO_TIME) as isize;
        tried(Ends::HANDLED.no_point(), &[libc::EAGAIN], attempt, wait) as c_int
    }

    /// mq_send(3)
    @cancellation_point fn mq_send(queue: c_int, message: *const c_char, len: size_t, priority: u32) -> c_int {
        mq_timedsend(queue, message, len, priority, ptr::null())
    }

    /// mq_timedsend(3)
    @cancellation_point fn mq_timedsend(queue: c_int, message: *const c_char, len: size_t, priority: u32, at: *const timespec) -> c_int {
        let send = |at| real::mq_timedsend(queue, message, len, priority, at) as isize;
        tried(Ends::INTERRUPTED, &[libc::ETIMEDOUT], || send(&raw const NO_TIME), || send(at)) as c_int
    }

    /// mq_receive(3)
    @cancellation_point fn mq_receive(queue: c_int, message: *mut c_char, len: size_t, priority: *mut u32) -> ssize_t {
        mq_timedreceive(queue, message, len, priority, ptr::null())
    }

    /// mq_timedreceive(3)
    @cancellation_point fn mq_timedreceive(queue: c_int, message: *mut c_char, len: size_t, priority: *mut u32, at: *const timespec) -> ssize_t {
        let receive = |at| real::mq_timedreceive(queue, message, len, priority, at);
        tried(Ends::INTERRUPTED, &[libc::ETIMEDOUT], || receive(&raw const NO_TIME), || receive(at))
    }
}
