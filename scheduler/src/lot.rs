//! The parking lot: queues of waiters keyed by address.
//!
//! A mutex, a condition variable, a semaphore has room for a few words, not for a queue; the queue
//! lives here while somebody waits. Green threads park in it; helpers and foreign kernel threads
//! block in it on a futex; whoever wakes an address wakes either kind, in the order they came.
//!
//! ```text
//!   hash(address) ─► Bucket { spin lock, list of Node }      65,536 buckets, mapped, touched lazily
//!                                         └ on the waiter's stack
//! ```
//!
//! Life of a node (all moves under the bucket's lock):
//!
//! ```text
//!   enqueued ──unpark_*──► woken (off the list)         the waiter returns Parked::Woken
//!      └──time-out, signal──► removed by the waiter     the waiter returns TimedOut / Interrupted
//! ```

use crate::carrier::{Carrier, Wake};
use crate::list::{Links, List, Node as ListNode};
use crate::spin::Spin;
use crate::sys::{self, Errno};
use crate::thread::{Reason, Thread};
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

const BUCKETS: usize = 1 << 16;

/// Bytes of mapped memory a lot needs.
pub const LOT_BYTES: usize = BUCKETS * size_of::<Bucket>();

type Bucket = Spin<List<Waiter>>;

/// What one waiter says about itself and what its waker tells it.
#[repr(C)]
struct Waiter {
    links: Links<Waiter>,
    key: usize,
    /// The green thread, or null for a kernel thread, which blocks on `woken`.
    thread: *mut Thread,
    /// 0 while queued, then 1: also the futex of a kernel thread.
    woken: AtomicU32,
    token: Cell<usize>,
    /// This waiter was woken before and lost the race for what it waits for.
    again: bool,
}

// SAFETY: always the same field.
unsafe impl ListNode for Waiter {
    fn links(&self) -> &Links<Waiter> {
        &self.links
    }
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parked {
    /// Somebody woke us, with this token.
    Woken(usize),
    /// `validate` said there is nothing to wait for.
    Invalid,
    /// The deadline passed.
    TimedOut,
    /// A signal handler ran.
    Interrupted,
}

/// What an unlocker learns about the waiter it is about to wake.
#[derive(Clone, Copy)]
pub struct Next {
    /// This waiter has been woken before and found the lock taken: hand it over.
    pub again: bool,
    /// Others wait behind it.
    pub more: bool,
}

/// The request to wait.
pub struct Request {
    /// The address waited on.
    pub key: usize,
    /// For dumps.
    pub reason: Reason,
    /// When to give up.
    pub deadline: Option<u64>,
    /// Queue in front: this waiter was woken before and came back empty-handed.
    pub again: bool,
}

/// The lot, over mapped memory.
#[derive(Clone, Copy)]
pub struct Lot {
    buckets: *const Bucket,
}

// SAFETY: buckets are locked.
unsafe impl Send for Lot {}
// SAFETY: buckets are locked.
unsafe impl Sync for Lot {}

impl Lot {
    /// Map an empty lot.
    pub fn new() -> Result<Self, Errno> {
        Ok(Lot { buckets: sys::map(LOT_BYTES)?.cast() })
    }

    #[inline]
    fn bucket(&self, key: usize) -> &Bucket {
        // Fibonacci hashing: the high bits of the product depend on every bit of the address.
        let hash = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        // SAFETY: `hash` has 16 bits; the mapping has 65,536 buckets and lives for ever.
        unsafe { &*self.buckets.add(hash as usize) }
    }

    /// Wait on an address.
    ///
    /// `validate` runs under the bucket's lock: does the caller still have to wait? `queued` runs
    /// after that lock is released and before the thread sleeps (a condition variable unlocks its
    /// mutex there). `carrier` is the caller's carrier, `None` for any other kernel thread.
    #[inline]
    pub fn park(
        &self,
        carrier: Option<&Carrier>,
        request: Request,
        validate: impl FnOnce() -> bool,
        queued: impl FnOnce(),
    ) -> Parked {
        self.park_then(carrier, request, validate, || {
            queued();
            true
        })
    }

    /// As [`Lot::park`], but `queued` may call the sleep off: then the answer is `Invalid`, unless a
    /// waker was faster.
    #[inline]
    pub fn park_then(
        &self,
        carrier: Option<&Carrier>,
        request: Request,
        validate: impl FnOnce() -> bool,
        queued: impl FnOnce() -> bool,
    ) -> Parked {
        let thread = carrier.map_or(ptr::null_mut(), |c| c.current());
        let waiter = Waiter {
            links: Links::new(),
            key: request.key,
            thread,
            woken: AtomicU32::new(0),
            token: Cell::new(0),
            again: request.again,
        };
        let node = (&raw const waiter).cast_mut();
        let _critical = carrier.map(Carrier::enter);
        {
            let bucket = self.bucket(request.key).lock();
            if !validate() {
                return Parked::Invalid;
            }
            if let Some(c) = carrier {
                c.prepare_park();
            }
            // SAFETY: the waiter stays on our stack until it is off the list again, which every
            // path below makes sure of.
            unsafe { if request.again { bucket.push_front(node) } else { bucket.push_back(node) } }
        }
        if !queued() {
            return self.call_off(carrier, &waiter);
        }
        match carrier {
            Some(c) => self.sleep_green(c, &waiter, &request),
            None => self.sleep_kernel(&waiter, request.deadline),
        }
    }

    #[cold]
    fn call_off(&self, carrier: Option<&Carrier>, waiter: &Waiter) -> Parked {
        let woken = {
            let bucket = self.bucket(waiter.key).lock();
            let woken = waiter.woken.load(Ordering::Relaxed) != 0;
            if !woken {
                // SAFETY: not woken, so still on the list.
                unsafe { bucket.remove((&raw const *waiter).cast_mut()) };
            }
            woken
        };
        if let Some(c) = carrier {
            c.cancel_park();
        }
        if woken { Parked::Woken(waiter.token.get()) } else { Parked::Invalid }
    }

    fn sleep_green(&self, carrier: &Carrier, waiter: &Waiter, request: &Request) -> Parked {
        loop {
            let wake = carrier.park(request.reason, request.deadline);
            if wake == Wake::Ready && waiter.woken.load(Ordering::Acquire) != 0 {
                return Parked::Woken(waiter.token.get());
            }
            // Woken by somebody else than our waker: the lock tells who was first.
            let bucket = self.bucket(request.key).lock();
            if waiter.woken.load(Ordering::Relaxed) != 0 {
                return Parked::Woken(waiter.token.get());
            }
            if wake == Wake::Ready {
                // Spurious: stay queued.
                carrier.prepare_park();
                continue;
            }
            // SAFETY: not woken, so still on the list.
            unsafe { bucket.remove((&raw const *waiter).cast_mut()) };
            return if wake == Wake::TimedOut { Parked::TimedOut } else { Parked::Interrupted };
        }
    }

    fn sleep_kernel(&self, waiter: &Waiter, deadline: Option<u64>) -> Parked {
        loop {
            if waiter.woken.load(Ordering::Acquire) != 0 {
                // Our waker may still be inside the bucket: let it finish with our node.
                drop(self.bucket(waiter.key).lock());
                return Parked::Woken(waiter.token.get());
            }
            let left = match deadline {
                None => None,
                Some(at) => {
                    let now = crate::clock::Clock::new(crate::clock::clock_gettime_syscall).now();
                    if now >= at {
                        let bucket = self.bucket(waiter.key).lock();
                        if waiter.woken.load(Ordering::Relaxed) != 0 {
                            return Parked::Woken(waiter.token.get());
                        }
                        // SAFETY: not woken, so still on the list.
                        unsafe { bucket.remove((&raw const *waiter).cast_mut()) };
                        return Parked::TimedOut;
                    }
                    Some(at - now)
                }
            };
            let _ = sys::futex_wait(&waiter.woken, 0, left);
        }
    }

    /// Wake the first waiter on `key`, if any.
    ///
    /// `decide` runs under the bucket's lock with what is known about the waiter (`None`: nobody
    /// waits); it updates the lock word and answers the token for the waiter.
    #[inline]
    pub fn unpark_one(
        &self,
        carrier: Option<&Carrier>,
        key: usize,
        decide: impl FnOnce(Option<Next>) -> usize,
    ) -> bool {
        let _critical = carrier.map(Carrier::enter);
        let bucket = self.bucket(key).lock();
        let mut found: *mut Waiter = ptr::null_mut();
        let mut more = false;
        let mut node = bucket.first();
        // SAFETY: queued waiters are alive while we hold the lock.
        unsafe {
            while !node.is_null() {
                if (*node).key == key {
                    if !found.is_null() {
                        more = true;
                        break;
                    }
                    found = node;
                }
                node = bucket.after(node);
            }
            if found.is_null() {
                decide(None);
                return false;
            }
            bucket.remove(found);
            (*found).token.set(decide(Some(Next { again: (*found).again, more })));
            Self::wake(found);
        }
        true
    }

    /// Wake up to `max` waiters on `key`; answers how many.
    pub fn unpark_many(&self, carrier: Option<&Carrier>, key: usize, max: usize, token: usize) -> usize {
        let mut left = max;
        self.unpark_while(carrier, key, token, || {
            let more = left > 0;
            left -= usize::from(more);
            more
        })
    }

    /// Wake every waiter on `key`, calling `each` for each under the bucket's lock before it can run.
    pub fn unpark_all(&self, carrier: Option<&Carrier>, key: usize, mut each: impl FnMut()) -> usize {
        self.unpark_while(carrier, key, 0, || {
            each();
            true
        })
    }

    fn unpark_while(
        &self,
        carrier: Option<&Carrier>,
        key: usize,
        token: usize,
        mut another: impl FnMut() -> bool,
    ) -> usize {
        let _critical = carrier.map(Carrier::enter);
        let bucket = self.bucket(key).lock();
        let mut woken = 0;
        let mut node = bucket.first();
        // SAFETY: queued waiters are alive while we hold the lock.
        unsafe {
            while !node.is_null() {
                let next = bucket.after(node);
                if (*node).key == key {
                    if !another() {
                        break;
                    }
                    bucket.remove(node);
                    (*node).token.set(token);
                    Self::wake(node);
                    woken += 1;
                }
                node = next;
            }
        }
        woken
    }

    /// # Safety
    /// The caller holds the bucket's lock and has taken `waiter` off the list.
    #[inline]
    unsafe fn wake(waiter: *mut Waiter) {
        // SAFETY: the waiter cannot leave before it sees `woken`; a green one then still needs the
        // unpark below or the lock we hold; a kernel one takes the lock before it leaves.
        unsafe {
            let thread = (*waiter).thread;
            (*waiter).woken.store(1, Ordering::Release);
            if thread.is_null() {
                sys::futex_wake((*waiter).woken.as_ptr(), 1);
            } else {
                Thread::unpark(thread, Wake::Ready);
            }
        }
    }

    /// Forget every waiter (in the child of `fork`: none of them exists there). Zero pages are empty,
    /// unlocked buckets.
    pub fn clear(&self) {
        // SAFETY: private memory of the lot; nobody else runs.
        let _ = unsafe { sys::advise(self.buckets.cast_mut().cast(), LOT_BYTES, MADV_DONTNEED) };
    }
}

const MADV_DONTNEED: usize = 4;
