//! Time, in nanoseconds of `CLOCK_MONOTONIC`, read through the vDSO (25 ns instead of a system call).

use crate::sys::Timespec;

/// `clock_gettime` as the vDSO exports it: 0, or a negative errno.
pub type ClockGettime = unsafe extern "C" fn(clock: i32, out: *mut Timespec) -> i32;

const CLOCK_MONOTONIC: i32 = 1;

/// `clock_gettime(2)` by system call, for processes without a vDSO.
///
/// # Safety
/// `out` must be writable.
pub unsafe extern "C" fn clock_gettime_syscall(clock: i32, out: *mut Timespec) -> i32 {
    // SAFETY: the caller vouches for `out`.
    match unsafe { crate::sys!(clock_gettime, clock, out) } {
        Ok(_) => 0,
        Err(e) => -e.0,
    }
}

/// The clock that all deadlines are measured against.
#[derive(Clone, Copy)]
pub struct Clock {
    read: ClockGettime,
}

impl Clock {
    /// A clock that reads through `read`.
    pub const fn new(read: ClockGettime) -> Self {
        Clock { read }
    }

    /// Nanoseconds of `CLOCK_MONOTONIC`.
    #[inline]
    pub fn now(&self) -> u64 {
        self.read(CLOCK_MONOTONIC).unwrap_or(0)
    }

    /// What `CLOCK_REALTIME` will show at the deadline `at`, as far as one can know.
    pub fn real_time_at(&self, at: u64) -> u64 {
        self.read(0).unwrap_or(0).saturating_add(at.saturating_sub(self.now()))
    }

    /// Nanoseconds of any clock that `clock_gettime(2)` knows; `None` for an unknown one.
    pub fn read(&self, clock: i32) -> Option<u64> {
        let mut now = Timespec::default();
        // SAFETY: `now` is ours.
        if unsafe { (self.read)(clock, &raw mut now) } != 0 {
            return None;
        }
        Some(now.sec as u64 * 1_000_000_000 + now.nsec as u64)
    }

    /// Translate a point of `clock` into a deadline of ours. A point in the past is a deadline in
    /// the past; one too far to express never comes.
    pub fn deadline(&self, clock: i32, at: Timespec) -> Option<u64> {
        let now_there = self.read(clock)? as i128;
        let ahead = at.sec as i128 * 1_000_000_000 + at.nsec as i128 - now_there;
        Some((self.now() as i128 + ahead).clamp(0, u64::MAX as i128) as u64)
    }
}
