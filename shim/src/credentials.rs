//! setuid(2), setgroups(2) and relatives. The kernel keeps these per kernel thread, POSIX per process, so libc sends a
//! signal to every kernel thread of its own but the caller, and its handler makes the call there and says so in the
//! thread's descriptor. Caller and handler take their descriptor from the FS base, which is often another's here:
//!
//! ```text
//!   kernel thread   runs on             is made to run on, for the change
//!   the carrier     a green thread's    the main thread's        by_main, on_change
//!   a helper        its caller's        its own                  on_change
//! ```

use crate::helper::KernelAction;
use crate::pthread::green;
use crate::signal::set::bit;
use crate::{errno, execution, export, real, start, trap};
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::{gid_t, siginfo_t, size_t, uid_t};
use scheduler::context::fs_base;

/// glibc's signal for this, in a mask: whoever blocks it holds up a change.
pub const SIGNAL: u64 = bit(SIGSETXID);
const SIGSETXID: c_int = 33;

type Handler = unsafe extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void);

/// glibc's handler.
static CHANGE: AtomicUsize = AtomicUsize::new(0);

/// Put ours before glibc's handler, which is there since the first kernel thread was created.
pub fn adopt() {
    let mut action = KernelAction { handler: 0, flags: 0, restorer: 0, mask: 0 };
    // SAFETY: objects of ours.
    unsafe {
        let asked = scheduler::sys!(rt_sigaction, SIGSETXID, 0, &raw mut action, 8usize);
        if asked.is_err() || action.handler <= libc::SIG_IGN {
            return;
        }
        CHANGE.store(action.handler, Ordering::Relaxed);
        action.handler = on_change as *const () as usize;
        // No handler of the program's may run on a block that is not the running thread's.
        action.mask = !bit(libc::SIGSYS);
        let _ = scheduler::sys!(rt_sigaction, SIGSETXID, &raw const action, 0, 8usize);
    }
}

unsafe extern "C-unwind" fn on_change(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(rt) = start::runtime() else { return };
    let here = fs_base();
    // (The FS base does not tell: the carrier idles on a block that a helper has.)
    let own = if green::is_carrier_thread() {
        green::main_handle() as usize
    } else {
        execution::own_block().unwrap_or(here)
    };
    // SAFETY: glibc's handler has this type. It uses nothing of the block but the descriptor, by atomic instructions.
    unsafe {
        let change: Handler = core::mem::transmute(CHANGE.load(Ordering::Relaxed));
        rt.carrier.set_fs(own);
        change(signal, info, context);
        rt.carrier.set_fs(here);
    }
}

fn by_main(change: impl FnOnce() -> c_int) -> c_int {
    let Some((_, carrier)) = start::here() else { return change() };
    // (On that block nobody sees that this is the carrier.)
    let change = || carrier.on_block(green::main_handle() as usize, || (change(), errno::get()));
    let (result, error) = trap::trusting(change);
    if result < 0 {
        errno::set(error);
    }
    result
}

export! {
    /// setuid(2)
    fn setuid(user: uid_t) -> c_int {
        by_main(|| real::setuid(user))
    }

    /// setgid(2)
    fn setgid(group: gid_t) -> c_int {
        by_main(|| real::setgid(group))
    }

    /// seteuid(2)
    fn seteuid(user: uid_t) -> c_int {
        by_main(|| real::seteuid(user))
    }

    /// setegid(2)
    fn setegid(group: gid_t) -> c_int {
        by_main(|| real::setegid(group))
    }

    /// setreuid(2)
    fn setreuid(user: uid_t, effective: uid_t) -> c_int {
        by_main(|| real::setreuid(user, effective))
    }

    /// setregid(2)
    fn setregid(group: gid_t, effective: gid_t) -> c_int {
        by_main(|| real::setregid(group, effective))
    }

    /// setresuid(2)
    fn setresuid(user: uid_t, effective: uid_t, saved: uid_t) -> c_int {
        by_main(|| real::setresuid(user, effective, saved))
    }

    /// setresgid(2)
    fn setresgid(group: gid_t, effective: gid_t, saved: gid_t) -> c_int {
        by_main(|| real::setresgid(group, effective, saved))
    }

    /// setgroups(2)
    fn setgroups(count: size_t, groups: *const gid_t) -> c_int {
        by_main(|| real::setgroups(count, groups))
    }

    /// initgroups(3): the look-up is a helper's.
    fn initgroups(user: *const c_char, group: gid_t) -> c_int {
        const MOST: usize = 65536;
        if start::here().is_none() {
            return real::initgroups(user, group);
        }
        let Ok(map) = crate::io::poll::Mapping::new(MOST * size_of::<gid_t>()) else {
            return errno::fail(libc::ENOMEM);
        };
        let mut count = MOST as c_int;
        if crate::databases::getgrouplist(user, group, map.at.cast(), &raw mut count) < 0 {
            return -1;
        }
        // The kernel may take fewer.
        while setgroups(count as size_t, map.at.cast()) != 0 {
            if errno::get() != libc::EINVAL || count <= 1 {
                return -1;
            }
            count -= 1;
        }
        0
    }
}
