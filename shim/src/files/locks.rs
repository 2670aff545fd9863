//! Locks on files: flock(2), lockf(3), and `F_SETLKW`, `F_OFD_SETLKW` of fcntl(2).
//!
//! The lock is tried first. If somebody has it, a helper waits in the kernel, where other processes and the
//! kernel's search for deadlocks see the waiter; the owner is the open file or the process, never the
//! thread. Far away even the try may take its time.

use crate::files::place::unless_far;
use crate::io::Call;
use crate::offload::{self, Ends};
use crate::pthread::cancel;
use crate::{errno, export, real};
use core::ffi::c_int;
use libc::off64_t;
use scheduler::fd_table::Kind;

/// Take a lock by `take`, if need be on a helper; by `attempt` without waiting.
fn locked(fd: c_int, ends: Ends, attempt: impl FnOnce() -> c_int, take: impl Fn() -> c_int) -> c_int {
    let Some(call) = Call::on(fd) else { return take() };
    if call.kind() != Kind::Far {
        let before = errno::get();
        let tried = attempt();
        if tried == 0 || !matches!(errno::get(), libc::EAGAIN | libc::EACCES) {
            return tried;
        }
        errno::set(before);
    }
    let waited = offload::interruptible(call.rt, call.carrier, ends, || take() as isize);
    errno::answer(waited) as c_int
}

/// fcntl(2) with a lock that is waited for.
///
/// # Safety
/// `lock` is the program's.
pub unsafe fn set_lock(fd: c_int, command: c_int, lock: usize) -> c_int {
    let attempt = if command == libc::F_OFD_SETLKW { libc::F_OFD_SETLK } else { libc::F_SETLK };
    cancel::point();
    // SAFETY: the program's lock.
    unsafe {
        locked(
            fd,
            Ends::INTERRUPTED,
            || real::fcntl64(fd, attempt, lock),
            || real::fcntl64(fd, command, lock),
        )
    }
}

export! {
    /// flock(2)
    fn flock(fd: c_int, operation: c_int) -> c_int {
        if operation & (libc::LOCK_NB | libc::LOCK_UN) != 0 {
            return unless_far(fd).call(|| real::flock(fd, operation));
        }
        locked(fd, Ends::INTERRUPTED.no_point(), || real::flock(fd, operation | libc::LOCK_NB), || real::flock(fd, operation))
    }

    /// lockf(3)
    @cancellation_point fn lockf | lockf64(fd: c_int, command: c_int, len: off64_t) -> c_int {
        if command != libc::F_LOCK {
            return unless_far(fd).call(|| real::lockf(fd, command, len));
        }
        locked(fd, Ends::INTERRUPTED, || real::lockf(fd, libc::F_TLOCK, len), || real::lockf(fd, command, len))
    }
}
