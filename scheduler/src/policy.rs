//! Who runs next. No other code decides it.
//!
//! `fifo` is first come, first served. `random(seed)` picks any runnable thread by a seeded
//! generator: the same seed gives the same order of decisions, another seed another schedule.
//! `priorities` gives each thread a random priority, always runs the highest, and lowers the running one's at some
//! random steps: a fault that needs d decisions in a certain order is found with a known probability (Burckhardt and
//! others, "A randomized scheduler with probabilistic guarantees of finding bugs", 2010).

use crate::carrier::glance;
use crate::sys::{self, Errno};
use crate::thread::{Thread, prefetch};
use core::cell::Cell;
use core::ptr;

/// The order in which runnable threads run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// First come, first served.
    Fifo,
    /// Uniformly random, by this seed.
    Random(u64),
    /// By random priorities, of which `depth` - 1 change.
    Priorities {
        /// Of all that is random.
        seed: u64,
        /// How many decisions the fault needs.
        depth: u32,
    },
}

/// Threads the random policy can hold at once: address space, not memory.
const RANDOM_CAPACITY: usize = 1 << 24;

/// The runnable threads of one carrier.
#[repr(C)]
pub struct RunQueue {
    head: Cell<*mut Thread>,
    tail: Cell<*mut Thread>,
    len: Cell<usize>,
    /// Random policy: an array of `len` threads; null under fifo.
    array: Cell<*mut *mut Thread>,
    random: Cell<u64>,
    /// By priorities, not at random.
    ranked: Cell<bool>,
    /// Points that threads have passed.
    steps: Cell<u64>,
    /// At these the running thread's priority becomes the lowest yet; 0: no more.
    changes: [Cell<u64>; CHANGES],
}

const CHANGES: usize = 15;
/// Priorities of threads that have done nothing to lose them are above this.
const HIGH: u64 = 1 << 32;

impl RunQueue {
    /// Choose the policy of an empty queue in zeroed memory.
    pub fn start(&self, policy: Policy) -> Result<(), Errno> {
        let seed = match policy {
            Policy::Fifo => None,
            Policy::Random(seed) | Policy::Priorities { seed, .. } => Some(seed),
        };
        if let Some(seed) = seed {
            let room = sys::map(RANDOM_CAPACITY * size_of::<*mut Thread>())?;
            self.array.set(room.cast());
            // Neighbouring seeds must differ in many bits, and zero is xorshift's fixed point.
            self.random.set(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1));
        }
        if let Policy::Priorities { depth, .. } = policy {
            self.ranked.set(true);
            for change in self.changes.iter().take(depth.saturating_sub(1) as usize) {
                // Nobody knows how many steps there will be: early ones are as likely as late ones.
                let magnitude = 3 + self.next_random() % 12;
                change.set(1 + self.next_random() % (1 << magnitude));
            }
        }
        Ok(())
    }

    /// How many threads could run.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Nobody could run.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    /// Somebody could run. From another kernel thread, of a moment.
    pub fn seems_filled(&self) -> bool {
        glance::count(&self.len) != 0
    }

    /// `thread` could run.
    ///
    /// # Safety
    /// It must be alive and on no queue.
    #[inline]
    pub unsafe fn push(&self, thread: *mut Thread) {
        let len = self.len.get();
        self.len.set(len + 1);
        let array = self.array.get();
        // SAFETY: the caller vouches for `thread`; the array has room for more threads than
        // address space has stacks.
        unsafe {
            if !array.is_null() {
                if self.ranked.get() && (*thread).priority.get() == 0 {
                    (*thread).priority.set(HIGH + self.next_random() % HIGH);
                }
                array.add(len).write(thread);
                return;
            }
            (*thread).next.set(ptr::null_mut());
            let tail = self.tail.replace(thread);
            if len == 0 { self.head.set(thread) } else { (*tail).next.set(thread) }
        }
    }

    /// Take the thread that runs next, or null. While it runs, the stack of the one after it is fetched, and the record
    /// of the one after that: each turn finds in the cache what the two before it asked for.
    #[inline]
    pub fn pop(&self) -> *mut Thread {
        let len = self.len.get();
        if len == 0 {
            return ptr::null_mut();
        }
        self.len.set(len - 1);
        let array = self.array.get();
        // SAFETY: queued threads are alive; the first `len` entries of the array are queued ones.
        unsafe {
            if !array.is_null() {
                let pick = array.add(if self.ranked.get() {
                    let priority = |i: &usize| (**array.add(*i)).priority.get();
                    (0..len).max_by_key(priority).unwrap_or(0)
                } else {
                    self.next_random() as usize % len
                });
                let thread = *pick;
                // The rest keeps its order: a pick moves the last one into the hole.
                *pick = *array.add(len - 1);
                return thread;
            }
            let thread = self.head.get();
            let next = (*thread).next.get();
            self.head.set(next);
            if len > 1 {
                (*next).prefetch();
            }
            if len > 2 {
                prefetch((*next).next.get());
            }
            thread
        }
    }

    /// At a point where threads meet: may another one run, though `running` could go on?
    pub fn is_left(&self, running: &Thread) -> bool {
        const ONE_IN: u64 = 4;
        if !self.ranked.get() {
            return self.next_random().is_multiple_of(ONE_IN);
        }
        let step = self.steps.get() + 1;
        self.steps.set(step);
        for (i, change) in self.changes.iter().enumerate() {
            if change.get() == step {
                running.priority.set((CHANGES - i) as u64);
            }
        }
        true
    }

    /// A thread that has nothing to do lets all others run first, or it would run for ever.
    pub fn demote(&self, running: &Thread) {
        if self.ranked.get() {
            running.priority.set(CHANGES as u64 + 1 + self.next_random() % HIGH / 2);
        }
    }

    fn next_random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x >> 16
    }

    /// Forget every thread (after `fork`).
    pub fn clear(&self) {
        self.len.set(0);
        self.head.set(ptr::null_mut());
        self.tail.set(ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    fn order(policy: Policy) -> Vec<u32> {
        // SAFETY: all-zero bytes are an empty queue.
        let queue: Box<RunQueue> = unsafe { Box::new_zeroed().assume_init() };
        queue.start(policy).unwrap();
        let threads: Vec<Box<Thread>> =
            (0..20).map(|i| Box::new(Thread::new(ptr::null(), i, 0, ptr::null_mut()))).collect();
        for t in &threads {
            // SAFETY: boxed threads stay put and are pushed once.
            unsafe { queue.push((&raw const **t).cast_mut()) };
        }
        let mut out = Vec::new();
        while !queue.is_empty() {
            // SAFETY: popped threads are alive.
            out.push(unsafe { (*queue.pop()).id });
        }
        out
    }

    #[test]
    fn fifo_keeps_order() {
        assert_eq!(order(Policy::Fifo), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        assert_eq!(order(Policy::Random(7)), order(Policy::Random(7)));
        assert_ne!(order(Policy::Random(7)), order(Policy::Random(8)));
        let mut all = order(Policy::Random(0));
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    }
}
