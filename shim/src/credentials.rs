//! setuid(2), setgroups(2) and relatives. The kernel keeps these per kernel thread, POSIX per process, so libc has every
//! kernel thread make the call, all but the one that `pthread_self` names. That must be the carrier: the call is
//! made on the main thread's TLS block.

use crate::errno;
use crate::pthread::green;
use crate::{export, real, start};
use core::ffi::{c_char, c_int};
use libc::{gid_t, size_t, uid_t};

fn by_main(change: impl FnOnce() -> c_int) -> c_int {
    let Some((_, carrier)) = start::here() else { return change() };
    let (result, error) = carrier.on_block(green::main_handle() as usize, || (change(), errno::get()));
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
