//! Who runs next. No other code decides it.
//!
//! `fifo` is first come, first served. `random(seed)` picks any runnable thread by a seeded
//! generator: the same seed gives the same order of decisions, another seed another schedule.

use crate::sys::{self, Errno};
use crate::thread::Thread;
use core::cell::Cell;
use core::ptr;

/// The order in which runnable threads run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// First come, first served.
    Fifo,
    /// Uniformly random, by this seed.
    Random(u64),
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
}

impl RunQueue {
    /// Choose the policy of an empty queue in zeroed memory.
    pub fn start(&self, policy: Policy) -> Result<(), Errno> {
        if let Policy::Random(seed) = policy {
            let room = sys::map(RANDOM_CAPACITY * size_of::<*mut Thread>())?;
            self.array.set(room.cast());
            // Neighbouring seeds must differ in many bits, and zero is xorshift's fixed point.
            self.random.set(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1));
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
                array.add(len).write(thread);
                return;
            }
            (*thread).next.set(ptr::null_mut());
            let tail = self.tail.replace(thread);
            if len == 0 { self.head.set(thread) } else { (*tail).next.set(thread) }
        }
    }

    /// Take the thread that runs next, or null.
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
                let pick = array.add(self.next_random() as usize % len);
                let thread = *pick;
                // The rest keeps its order: a pick moves the last one into the hole.
                *pick = *array.add(len - 1);
                return thread;
            }
            let thread = self.head.get();
            self.head.set((*thread).next.get());
            thread
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
