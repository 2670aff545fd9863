//! fsync(2), fdatasync(2), sync_file_range(2): a disk's time, on a helper.

use crate::errno::fail;
use crate::io::Call;
use crate::io::descriptor::is_own;
use crate::{export, offload, real};
use core::ffi::c_int;
use libc::off64_t;
use scheduler::helpers::Class;

/// Flush on a helper if `fd` may stand for something on a disk.
fn flush(fd: c_int, work: impl Fn() -> c_int) -> c_int {
    match Call::on(fd) {
        Some(call) => {
            // Whoever flushes meets the journal at the next write, too.
            call.slot.write_was_slow();
            offload::call(call.rt, call.carrier, Class::Bounded, work)
        }
        None if is_own(fd) => fail(libc::EBADF),
        None => work(),
    }
}

export! {
    /// fsync(2)
    @cancellation_point fn fsync(fd: c_int) -> c_int {
        flush(fd, || real::fsync(fd))
    }

    /// fdatasync(2)
    @cancellation_point fn fdatasync(fd: c_int) -> c_int {
        flush(fd, || real::fdatasync(fd))
    }

    /// sync_file_range(2)
    @cancellation_point fn sync_file_range(fd: c_int, from: off64_t, len: off64_t, flags: u32) -> c_int {
        flush(fd, || real::sync_file_range(fd, from, len, flags))
    }
}
