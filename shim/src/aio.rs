//! POSIX AIO: aio_suspend(3) and lio_listio(3) with `LIO_WAIT`. The operations themselves are libc's:
//! kernel threads of its own execute them and its locks know green threads (patch.rs).

use crate::errno::answer;
use crate::io::{Ends, offload_waiting};
use crate::{export, real, start};
use core::ffi::{c_int, c_void};
use libc::timespec;

const LIO_WAIT: c_int = 0;

export! {
    /// aio_suspend(3)
    @cancellation_point fn aio_suspend | aio_suspend64(list: *const usize, count: c_int, timeout: *const timespec) -> c_int {
        let plain = || real::aio_suspend(list, count, timeout);
        match start::here() {
            Some((rt, carrier)) => {
                answer(offload_waiting(rt, carrier, Ends::Interrupted, || plain() as isize)) as c_int
            }
            None => plain(),
        }
    }

    /// lio_listio(3)
    fn lio_listio | lio_listio64(mode: c_int, list: *const usize, count: c_int, event: *mut c_void) -> c_int {
        let plain = || real::lio_listio(mode, list, count, event);
        match start::here() {
            // What is submitted stays submitted: no interruption can take it back.
            Some((rt, carrier)) if mode == LIO_WAIT => {
                answer(offload_waiting(rt, carrier, Ends::Cancelled, || plain() as isize)) as c_int
            }
            _ => plain(),
        }
    }
}
