//! The timer wheel: who waits for time. Arming and cancelling cost O(1), because every timed wait
//! arms a timer and nearly every one is cancelled.
//!
//! Eight wheels of 64 slots; a tick is 2^14 ns (16 µs, a third of the kernel's own timer slack):
//!
//! ```text
//!   level 0   slots of 16 µs     everything within the next   1 ms
//!   level 1   slots of  1 ms     ...                          67 ms
//!   level 2   slots of 67 ms     ...                           4 s
//!   ...
//!   level 7   slots of 2.3 years
//! ```
//!
//! A timer sits on the level of the highest bit in which its tick differs from now; when time
//! reaches its slot it falls to a lower level or, on level 0, fires. Deadlines are rounded up to
//! the next tick: nobody wakes early.

use crate::carrier::glance::word as glance;
use crate::list::{Links, List, Node};
use core::cell::Cell;

const TICK_SHIFT: u32 = 14;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 8;
const MAX_TICK: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - 1;

/// A timer, embedded in the thread it wakes.
#[repr(C)]
pub struct Timer {
    links: Links<Timer>,
    /// Tick at which it fires.
    when: Cell<u64>,
    /// `level * 64 + slot` where it sits, `UNARMED` if nowhere.
    place: Cell<u16>,
}

const UNARMED: u16 = u16::MAX;

// SAFETY: always the same field.
unsafe impl Node for Timer {
    fn links(&self) -> &Links<Timer> {
        &self.links
    }
}

impl Default for Timer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer {
    /// A timer that is not armed.
    pub const fn new() -> Self {
        Timer { links: Links::new(), when: Cell::new(0), place: Cell::new(UNARMED) }
    }

    /// It is on a wheel.
    pub fn is_armed(&self) -> bool {
        self.place.get() != UNARMED
    }
}

/// All armed timers of one carrier.
#[repr(C)]
pub struct Wheel {
    /// The tick up to which everything has fired.
    elapsed: Cell<u64>,
    /// Which slots of a level hold timers.
    occupied: [Cell<u64>; LEVELS],
    slots: [[List<Timer>; SLOTS]; LEVELS],
    armed: Cell<usize>,
}

fn level_of(elapsed: u64, when: u64) -> usize {
    let differs = (elapsed ^ when) | (SLOTS as u64 - 1);
    ((63 - differs.leading_zeros()) / SLOT_BITS) as usize
}

fn slot_of(when: u64, level: usize) -> usize {
    (when >> (SLOT_BITS * level as u32)) as usize % SLOTS
}

impl Wheel {
    /// Start a wheel (in zeroed memory) at `now`.
    pub fn start(&self, now: u64) {
        self.elapsed.set(now >> TICK_SHIFT);
    }

    /// No timer is armed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.armed.get() == 0
    }

    /// Arm `timer` for `deadline` (nanoseconds).
    ///
    /// # Safety
    /// `timer` must be unarmed and stay where it is until it fires or is cancelled.
    pub unsafe fn arm(&self, timer: *mut Timer, deadline: u64) {
        let tick = deadline.div_ceil(1 << TICK_SHIFT);
        let when = tick.clamp(self.elapsed.get() + 1, MAX_TICK);
        // SAFETY: the caller vouches for `timer`.
        unsafe {
            (*timer).when.set(when);
            self.put(timer);
        }
        self.armed.set(self.armed.get() + 1);
    }

    /// Disarm `timer` if it is armed.
    ///
    /// # Safety
    /// `timer` must be on this wheel or unarmed.
    #[inline]
    pub unsafe fn cancel(&self, timer: *mut Timer) {
        // SAFETY: the caller vouches for `timer`.
        unsafe {
            if (*timer).is_armed() {
                self.take(timer);
                self.armed.set(self.armed.get() - 1);
            }
        }
    }

    unsafe fn put(&self, timer: *mut Timer) {
        // SAFETY: `timer` is alive and on no list.
        unsafe {
            let when = (*timer).when.get();
            let level = level_of(self.elapsed.get(), when).min(LEVELS - 1);
            let slot = slot_of(when, level);
            (*timer).place.set((level * SLOTS + slot) as u16);
            self.slots[level][slot].push_back(timer);
            self.occupied[level].set(self.occupied[level].get() | 1 << slot);
        }
    }

    unsafe fn take(&self, timer: *mut Timer) {
        // SAFETY: `timer` is alive and sits where `place` says.
        unsafe {
            let place = (*timer).place.replace(UNARMED) as usize;
            let (level, slot) = (place / SLOTS, place % SLOTS);
            let list = &self.slots[level][slot];
            list.remove(timer);
            if list.is_empty() {
                self.occupied[level].set(self.occupied[level].get() & !(1 << slot));
            }
        }
    }

    /// The next slot that holds timers: its first tick, level and index.
    fn next_slot(&self) -> Option<(u64, usize, usize)> {
        self.next_slot_at(self.elapsed.get(), |level| self.occupied[level].get())
    }

    fn next_slot_at(&self, elapsed: u64, occupied: impl Fn(usize) -> u64) -> Option<(u64, usize, usize)> {
        for level in 0..LEVELS {
            let occupied = occupied(level);
            if occupied == 0 {
                continue;
            }
            let shift = SLOT_BITS * level as u32;
            let here = slot_of(elapsed, level) as u32;
            let slot = (occupied.rotate_right(here).trailing_zeros() + here) as usize % SLOTS;
            let turn = 1u64 << (shift + SLOT_BITS);
            let mut start = (elapsed & !(turn - 1)) + ((slot as u64) << shift);
            if start <= elapsed {
                start += turn;
            }
            return Some((start, level, slot));
        }
        None
    }

    /// When to look again: a time (nanoseconds) not after the first deadline.
    pub fn next_look(&self) -> Option<u64> {
        self.next_slot().map(|(tick, _, _)| tick << TICK_SHIFT)
    }

    /// From another kernel thread, of a moment: the first timer was due at this time, or before.
    pub fn first_due(&self) -> Option<u64> {
        let elapsed = glance(&self.elapsed);
        let (start, level, _) = self.next_slot_at(elapsed, |level| glance(&self.occupied[level]))?;
        Some((start + (1 << (SLOT_BITS * level as u32))) << TICK_SHIFT)
    }

    /// Fire every timer that is due at `now`.
    pub fn advance(&self, now: u64, mut fire: impl FnMut(*mut Timer)) {
        let now = now >> TICK_SHIFT;
        while let Some((start, level, slot)) = self.next_slot() {
            if start > now {
                break;
            }
            self.elapsed.set(start);
            let list = &self.slots[level][slot];
            // Timers of a higher level fall to a lower one, never back into the slot being emptied.
            loop {
                let timer = list.first();
                if timer.is_null() {
                    break;
                }
                // SAFETY: armed timers are alive and sit where they say.
                unsafe {
                    self.take(timer);
                    if (*timer).when.get() <= start {
                        self.armed.set(self.armed.get() - 1);
                        fire(timer);
                    } else {
                        self.put(timer);
                    }
                }
            }
        }
        if now > self.elapsed.get() {
            self.elapsed.set(now);
        }
    }

    /// Forget every timer (after `fork`).
    pub fn clear(&self) {
        for level in 0..LEVELS {
            self.occupied[level].set(0);
            self.slots[level].iter().for_each(List::clear);
        }
        self.armed.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    fn wheel() -> Box<Wheel> {
        // SAFETY: all-zero bytes are an empty wheel.
        unsafe { Box::new_zeroed().assume_init() }
    }

    fn random(seed: &mut u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    }

    #[test]
    fn fires_all_in_time_and_none_early() {
        let mut seed = 42;
        let start = 123_456_789_012;
        let wheel = wheel();
        wheel.start(start);
        let timers: Vec<Box<Timer>> = (0..2000).map(|_| Box::new(Timer::new())).collect();
        let mut deadlines = Vec::new();
        for t in &timers {
            let span = 1u64 << (random(&mut seed) % 40);
            let deadline = start + random(&mut seed) % span;
            deadlines.push((&raw const **t as usize, deadline));
            // SAFETY: boxed timers stay put.
            unsafe { wheel.arm((&raw const **t).cast_mut(), deadline) };
        }
        let mut now = start;
        let mut fired = 0;
        while let Some(look) = wheel.next_look() {
            now = now.max(look);
            wheel.advance(now, |t| {
                let (_, deadline) = deadlines.iter().find(|d| d.0 == t as usize).unwrap();
                assert!(*deadline <= now, "early by {}", deadline - now);
                assert!(now - *deadline <= 2 << TICK_SHIFT, "late by {}", now - deadline);
                fired += 1;
            });
        }
        assert_eq!(fired, 2000);
        assert!(wheel.is_empty());
    }

    #[test]
    fn cancelled_timers_never_fire() {
        let wheel = wheel();
        wheel.start(0);
        let timers: Vec<Box<Timer>> = (0..100).map(|_| Box::new(Timer::new())).collect();
        for (i, t) in timers.iter().enumerate() {
            // SAFETY: boxed timers stay put.
            unsafe { wheel.arm((&raw const **t).cast_mut(), (i as u64) << 20) };
        }
        for t in timers.iter().step_by(2) {
            // SAFETY: it is on this wheel.
            unsafe { wheel.cancel((&raw const **t).cast_mut()) };
        }
        let mut fired = 0;
        wheel.advance(1 << 40, |_| fired += 1);
        assert_eq!(fired, 50);
    }

    #[test]
    fn a_deadline_in_the_past_fires_at_the_next_tick() {
        let wheel = wheel();
        wheel.start(1 << 30);
        let timer = Box::new(Timer::new());
        // SAFETY: the boxed timer stays put.
        unsafe { wheel.arm((&raw const *timer).cast_mut(), 5) };
        let mut fired = 0;
        wheel.advance((1 << 30) + (1 << TICK_SHIFT), |_| fired += 1);
        assert_eq!(fired, 1);
    }
}
