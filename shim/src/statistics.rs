//! What is counted, and said at exit with `GREEN_VERBOSE=1`.

use crate::say;
use core::sync::atomic::{AtomicU64, Ordering};

/// Reads of files that the kernel had in memory, made at once.
pub static READS_FROM_MEMORY: AtomicU64 = AtomicU64::new(0);
/// Reads of files that a helper made, wholly or in part, because the disk had to be asked.
pub static READS_FROM_DISK: AtomicU64 = AtomicU64::new(0);

/// One more.
#[inline]
pub fn counted(what: &AtomicU64) {
    // Only the carrier counts, so no atomic addition is needed.
    what.store(what.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Say it at the end of the process.
pub fn say_at_exit() {
    extern "C" fn at_exit() {
        let [memory, disk] = [&READS_FROM_MEMORY, &READS_FROM_DISK].map(|n| n.load(Ordering::Relaxed));
        say!("file reads: {memory} from memory, {disk} from a disk by a helper");
    }
    // SAFETY: the function fits and is never unloaded.
    unsafe { libc::atexit(at_exit) };
}
