//! Waiting for children: wait(2), waitpid(2), wait3(2), wait4(2), waitid(2), pclose(3).
//!
//! Each is tried with `WNOHANG`. If there is nothing yet, a single child that is to end is watched by its
//! pidfd; "any child", and stops and continuations, have no descriptor, so a helper waits for them
//! without taking anything (`WNOWAIT`), and the call is tried again.

use crate::io::{self, Call, Own};
use crate::offload::{self, Ends};
use crate::{errno, export, real, signal, start};
use core::ffi::{c_int, c_void};
use libc::{id_t, idtype_t, pid_t, siginfo_t};
use scheduler::helpers::Class;
use scheduler::netpoll::Direction;
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Runtime};

export! {
    /// wait(2)
    @cancellation_point fn wait | __wait(status: *mut c_int) -> pid_t {
        wait4(-1, status, 0, core::ptr::null_mut())
    }

    /// waitpid(2)
    @cancellation_point fn waitpid | __waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
        wait4(pid, status, options, core::ptr::null_mut())
    }

    /// wait3(2)
    @cancellation_point fn wait3(status: *mut c_int, options: c_int, usage: *mut c_void) -> pid_t {
        wait4(-1, status, options, usage)
    }

    /// wait4(2)
    @cancellation_point fn wait4(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut c_void) -> pid_t {
        let Some((rt, carrier)) = start::here().filter(|_| options & libc::WNOHANG == 0) else {
            return real::wait4(pid, status, options, usage);
        };
        let (kind, id) = match pid {
            -1 => (libc::P_ALL, 0),
            0 => (libc::P_PGID, 0),
            1.. => (libc::P_PID, pid as id_t),
            _ => (libc::P_PGID, pid.unsigned_abs()),
        };
        let wanted = libc::WEXITED | options;
        errno::answer(until(rt, carrier, kind, id, wanted, || {
            scheduler::sys!(wait4, pid, status, options | libc::WNOHANG, usage)
        })) as pid_t
    }

    /// waitid(2)
    @cancellation_point fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int {
        let Some((rt, carrier)) = start::here().filter(|_| options & libc::WNOHANG == 0) else {
            return real::waitid(kind, id, info, options);
        };
        errno::answer(until(rt, carrier, kind, id, options, || {
            // The kernel tells by the pid whether there was one.
            let mut found: siginfo_t = core::mem::zeroed();
            scheduler::sys!(waitid, kind, id, &raw mut found, options | libc::WNOHANG, 0)?;
            if found.si_pid() != 0 && !info.is_null() {
                info.write(found);
            }
            Ok(found.si_pid() as usize)
        }).map(|_| 0)) as c_int
    }

    /// pclose(3): what is left to write, and the child's end, are a helper's. No cancellation leaves it, or the
    /// child's end would be lost.
    fn pclose(stream: *mut c_void) -> c_int {
        match start::here() {
            Some((rt, carrier)) => {
                // The helper closes the descriptor, and knows nothing of who waits for it.
                carrier.netpoll.forget(carrier, &rt.fds, fileno(stream));
                offload::call(rt, carrier, Class::Unbounded, || real::pclose(stream))
            }
            None => real::pclose(stream),
        }
    }
}

unsafe extern "C" {
    fn fileno(stream: *mut c_void) -> c_int;
}

/// Repeat `look` until it finds a child (a pid) or fails, waiting in between.
fn until(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    kind: idtype_t,
    id: id_t,
    options: c_int,
    look: impl Fn() -> sys::Result,
) -> sys::Result {
    loop {
        match look() {
            Ok(0) => {}
            other => return other,
        }
        if kind == libc::P_PID && options & (libc::WUNTRACED | libc::WCONTINUED) == 0 {
            match await_end(rt, id as pid_t) {
                Err(error @ (Errno::INTR | Errno::BADF)) => return Err(error),
                // Without a pidfd (no descriptor left, or none allowed) the helper's way is open.
                Err(error) if error != Errno(libc::ESRCH) => {
                    await_by_helper(rt, carrier, kind, id, options)?;
                }
                _ => {}
            }
        } else {
            await_by_helper(rt, carrier, kind, id, options)?;
        }
    }
}

/// A helper waits, and takes nothing. Errors other than `EINTR` are left for the next look.
fn await_by_helper(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    kind: idtype_t,
    id: id_t,
    options: c_int,
) -> sys::Result {
    let flags = (options & (libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED)) | libc::WNOWAIT;
    let waited = offload::interruptible(rt, carrier, Ends::INTERRUPTED, || {
        // SAFETY: an object of ours; what it says is not wanted.
        unsafe {
            let mut found: siginfo_t = core::mem::zeroed();
            real::waitid(kind, id, &raw mut found, flags) as isize
        }
    });
    if waited == Err(Errno::INTR) { waited } else { Ok(0) }
}

/// Park until one child has ended.
fn await_end(rt: &'static Runtime, pid: pid_t) -> Result<(), Errno> {
    // SAFETY: no pointers.
    let fd = unsafe { scheduler::sys!(pidfd_open, pid, 0) }? as c_int;
    Own::with(rt, fd, |pidfd| {
        let Some(call) = Call::on(pidfd.fd) else { return Err(Errno::BADF) };
        let seen = call.carrier.netpoll.seen();
        let _ = signal::verdict(rt);
        io::wait(call, Direction::Read, seen, None)
    })
}
