//! POSIX AIO: aio_suspend(3) and lio_listio(3) with `LIO_WAIT`. The operations themselves are libc's:
//! kernel threads of its own execute them and its locks know green threads (patch.rs).

use crate::errno::{self, fail};
use crate::offload::{self, Ends};
use crate::{export, real, start};
use core::ffi::{c_int, c_void};
use libc::timespec;
use scheduler::helpers::Class;

const LIO_WAIT: c_int = 0;

export! {
    /// aio_suspend(3): a cancellation point if it has to wait.
    fn aio_suspend | aio_suspend64(list: *const usize, count: c_int, timeout: *const timespec) -> c_int {
        let plain = || real::aio_suspend(list, count, timeout);
        match start::here() {
            Some((rt, carrier)) => {
                let now = timespec { tv_sec: 0, tv_nsec: 0 };
                let before = errno::get();
                if real::aio_suspend(list, count, &raw const now) == 0 {
                    return 0;
                }
                errno::set(before);
                offload::waiting(rt, carrier, Ends::INTERRUPTED, plain).unwrap_or_else(|error| fail(error.0))
            }
            None => plain(),
        }
    }

    /// lio_listio(3)
    fn lio_listio | lio_listio64(mode: c_int, list: *const usize, count: c_int, event: *mut c_void) -> c_int {
        let plain = || real::lio_listio(mode, list, count, event);
        match start::here() {
            Some((rt, carrier)) if mode == LIO_WAIT => offload::call(rt, carrier, Class::Unbounded, plain),
            _ => plain(),
        }
    }
}
