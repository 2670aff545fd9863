//! The inbox: threads that another kernel thread (a helper, a foreign thread) made runnable.
//!
//! A lock-free stack that many push to and the carrier empties at once. The doorbell is an eventfd
//! in the carrier's epoll set, rung only while the carrier sleeps, so a burst of completions costs
//! one write.

use crate::thread::Thread;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

/// Threads on their way back to their carrier.
#[repr(C)]
pub struct Inbox {
    head: AtomicPtr<Thread>,
    /// The carrier is (about to be) blocked in the kernel: whoever clears this rings.
    asleep: AtomicBool,
    /// The eventfd, or -1.
    bell: AtomicI32,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// An empty inbox without a bell.
    pub const fn new() -> Self {
        Inbox {
            head: AtomicPtr::new(ptr::null_mut()),
            asleep: AtomicBool::new(false),
            bell: AtomicI32::new(-1),
        }
    }

    /// Use `fd`, an eventfd, as the doorbell.
    pub fn set_bell(&self, fd: i32) {
        self.bell.store(fd, Ordering::Release);
    }

    /// Deliver a thread. From any kernel thread.
    ///
    /// # Safety
    /// The caller has won the thread's unpark, so nobody else queues it.
    pub(crate) unsafe fn push(&self, thread: *mut Thread) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: winning the unpark made the thread ours until the carrier takes it.
            unsafe { (*thread).next.set(head) };
            match self.head.compare_exchange_weak(head, thread, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        self.ring_if_asleep();
    }

    /// Wake the carrier if it sleeps.
    pub fn ring_if_asleep(&self) {
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            let one: u64 = 1;
            // SAFETY: eight bytes of our own. The bell is level-free: the set watches it
            // edge-triggered, so nobody has to read it.
            let _ = unsafe { crate::sys!(write, self.bell.load(Ordering::Acquire), &raw const one, 8usize) };
        }
    }

    /// Nothing was delivered since the last `drain`.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// The carrier is (about to be) blocked in the kernel. From any kernel thread, of a moment.
    pub fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    /// The carrier goes to sleep: answers false if something arrived meanwhile and it must not.
    pub fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        if self.head.load(Ordering::SeqCst).is_null() {
            return true;
        }
        self.asleep.store(false, Ordering::Relaxed);
        false
    }

    /// The carrier is awake again.
    pub fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Take everything, oldest first.
    pub fn drain(&self, mut take: impl FnMut(*mut Thread)) {
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::SeqCst);
        let mut oldest: *mut Thread = ptr::null_mut();
        while !newest.is_null() {
            // SAFETY: delivered threads are alive and ours now.
            let next = unsafe { (*newest).next.replace(oldest) };
            oldest = newest;
            newest = next;
        }
        while !oldest.is_null() {
            // SAFETY: as above; `take` may relink it, so read the link first.
            let next = unsafe { (*oldest).next.get() };
            take(oldest);
            oldest = next;
        }
    }

    /// Forget everything (after `fork`).
    pub fn clear(&self) {
        self.head.store(ptr::null_mut(), Ordering::Relaxed);
        self.asleep.store(false, Ordering::Relaxed);
    }
}
