//! A spin lock for the few words shared with other kernel threads.
//!
//! Critical sections are a handful of instructions and never park, so a green thread never holds
//! one across a switch. A holder that the kernel preempted is waited for with `sched_yield(2)`.

use crate::sys;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

/// A value behind a spin lock. All-zero bytes are a valid unlocked lock.
#[repr(C)]
pub struct Spin<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out the value to one kernel thread at a time.
unsafe impl<T: Send> Sync for Spin<T> {}

const SPINS_BEFORE_YIELD: u32 = 100;

impl<T> Spin<T> {
    /// Where the value is: for debuggers.
    pub const VALUE: usize = core::mem::offset_of!(Spin<T>, value);

    /// An unlocked value.
    pub const fn new(value: T) -> Self {
        Spin { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Take the lock.
    #[inline]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        let mut spins = 0;
        while self.held.swap(true, Ordering::Acquire) {
            while self.held.load(Ordering::Relaxed) {
                spins += 1;
                if spins % SPINS_BEFORE_YIELD == 0 { sys::yield_kernel() } else { core::hint::spin_loop() }
            }
        }
        SpinGuard { lock: self }
    }

    /// Open the lock whoever holds it: the holder did not survive `fork`.
    pub fn force_unlock(&self) {
        self.held.store(false, Ordering::Release);
    }
}

/// The lock is held while this lives.
pub struct SpinGuard<'a, T> {
    lock: &'a Spin<T>,
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this kernel thread holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists, so this kernel thread holds the lock.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.held.store(false, Ordering::Release);
    }
}
