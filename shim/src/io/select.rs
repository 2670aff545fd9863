//! select(2), pselect(2)

use super::poll::{Patience, wait_for_any, with_mask};
use crate::errno::{answer, fail};
use crate::offload::{self, Ends};
use crate::{export, real, start};
use core::ffi::c_int;
use libc::{fd_set, sigset_t, timespec, timeval};
use scheduler::netpoll::Direction;
use scheduler::sys;
use scheduler::{Carrier, Runtime};

/// Descriptors that our copies of the sets have room for; programs with larger sets (they exist)
/// get the real function on a helper.
const MOST: c_int = 4096;
const WORDS: usize = MOST as usize / 64;
type Set = [u64; WORDS];

export! {
    /// select(2): the time left comes back in `timeout`, as on Linux.
    @cancellation_point fn select | __select(
        count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval,
    ) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::select(count, read, write, except, timeout) };
        if !(0..=MOST).contains(&count) {
            return answer(offload::interruptible(rt, carrier, Ends::INTERRUPTED, || {
                real::select(count, read, write, except, timeout) as isize
            })) as c_int;
        }
        let Some(time) = timeout.as_mut() else {
            return answer(wait_select(rt, carrier, count, [read, write, except], Patience::Forever)) as c_int;
        };
        if time.tv_sec < 0 || time.tv_usec < 0 {
            return fail(libc::EINVAL);
        }
        let span = timespec { tv_sec: time.tv_sec + time.tv_usec / 1_000_000, tv_nsec: time.tv_usec % 1_000_000 * 1000 };
        let patience = match Patience::of_timespec(rt, Some(&span)) {
            Ok(patience) => patience,
            Err(error) => return fail(error),
        };
        let result = wait_select(rt, carrier, count, [read, write, except], patience);
        let left = patience.deadline().map_or(0, |at| at.saturating_sub(rt.clock.now()));
        time.tv_sec = (left / 1_000_000_000) as i64;
        time.tv_usec = (left % 1_000_000_000 / 1000) as i64;
        answer(result) as c_int
    }

    /// pselect(2)
    @cancellation_point fn pselect(
        count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec,
        mask: *const sigset_t,
    ) -> c_int {
        let Some((rt, carrier)) = start::here() else {
            return real::pselect(count, read, write, except, timeout, mask);
        };
        if !(0..=MOST).contains(&count) {
            return answer(offload::interruptible(rt, carrier, Ends::INTERRUPTED, || {
                real::pselect(count, read, write, except, timeout, mask) as isize
            })) as c_int;
        }
        match Patience::of_timespec(rt, timeout.as_ref()) {
            Ok(patience) => {
                let sets = [read, write, except];
                let now = || select_now(rt, carrier, count, sets);
                answer(with_mask(rt, mask, now, || wait_select(rt, carrier, count, sets, patience))) as c_int
            }
            Err(error) => fail(error),
        }
    }
}

/// Select without waiting; sets of which nothing is ready stay as they are.
fn select_now(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    count: c_int,
    sets: [*mut fd_set; 3],
) -> sys::Result {
    let bytes = (count as usize).div_ceil(64) * 8;
    let mut found = [[0u64; WORDS]; 3];
    let mut copies = [core::ptr::null_mut(); 3];
    for ((found, copy), set) in found.iter_mut().zip(&mut copies).zip(sets) {
        if !set.is_null() {
            *copy = found.as_mut_ptr().cast::<fd_set>();
            // SAFETY: the program's set has room for `count` bits, in whole words.
            unsafe { copy.cast::<u8>().copy_from_nonoverlapping(set.cast(), bytes) };
        }
    }
    let n = wait_select(rt, carrier, count, copies, Patience::Look)?;
    for (copy, set) in copies.iter().zip(sets) {
        if n != 0 && !set.is_null() {
            // SAFETY: as above.
            unsafe { set.cast::<u8>().copy_from_nonoverlapping(copy.cast(), bytes) };
        }
    }
    Ok(n)
}

fn wait_select(
    rt: &'static Runtime,
    carrier: &'static Carrier,
    count: c_int,
    sets: [*mut fd_set; 3],
    patience: Patience,
) -> sys::Result {
    let bytes = (count as usize).div_ceil(64) * 8;
    let mut wanted = [[0u64; WORDS]; 3];
    for (copy, set) in wanted.iter_mut().zip(sets) {
        if !set.is_null() {
            // SAFETY: the program's set has room for `count` bits, in whole words.
            unsafe { core::ptr::copy_nonoverlapping(set.cast::<u8>(), copy.as_mut_ptr().cast(), bytes) };
        }
    }
    let answer_sets = |found: &[Set; 3]| {
        for (set, answer) in sets.iter().zip(found) {
            if !set.is_null() {
                // SAFETY: as above.
                unsafe { core::ptr::copy_nonoverlapping(answer.as_ptr().cast(), set.cast::<u8>(), bytes) };
            }
        }
    };
    let look = || {
        // The kernel answers in copies, so that the wanted sets survive a look that finds nothing.
        let mut found = wanted;
        let at = |i: usize, found: &mut [Set; 3]| {
            if sets[i].is_null() { core::ptr::null_mut() } else { found[i].as_mut_ptr() }
        };
        let zero = timeval { tv_sec: 0, tv_usec: 0 };
        let (r, w, e) = (at(0, &mut found), at(1, &mut found), at(2, &mut found));
        // SAFETY: copies of our own, large enough for `count` bits.
        let n = unsafe { scheduler::sys!(select, count, r, w, e, &raw const zero) }?;
        if n != 0 {
            answer_sets(&found);
        }
        Ok(n)
    };
    let result = wait_for_any(rt, carrier, count as usize, patience, look, |interest| {
        for fd in 0..count {
            let has = |set: &Set| set[fd as usize / 64] >> (fd % 64) & 1 != 0;
            if has(&wanted[0]) || has(&wanted[2]) {
                interest(fd, Direction::Read);
            }
            if has(&wanted[1]) {
                interest(fd, Direction::Write);
            }
        }
    });
    // A call that fails leaves the sets as they were.
    if result == Ok(0) {
        answer_sets(&[[0; WORDS]; 3]);
    }
    result
}
