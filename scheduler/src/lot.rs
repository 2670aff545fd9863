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
use crate::spin::{Spin, SpinGuard};
use crate::sys::{self, Errno};
use crate::thread::{Reason, Thread, prefetch};
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

const BUCKETS: usize = 1 << 16;

/// Bytes of mapped memory a lot needs.
pub const LOT_BYTES: usize = BUCKETS * size_of::<Bucket>();

type Bucket = Spin<List<Waiter>>;

/// What one waiter says about itself and what its waker tells it.
#[repr(C)]
struct Waiter {
    links: Links<Waiter>,
    /// Changes when the waiter is requeued, under both buckets' locks.
    key: AtomicUsize,
    /// Wakers with another set of bits pass it by.
    bits: u32,
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

/// Wake only waiters that share a bit with this.
#[derive(Clone, Copy)]
pub struct Filter(pub u32);

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
        self.park_as(carrier, request, !0, validate, queued)
    }

    /// As [`Lot::park`], for wakers that share a bit of `bits`.
    pub fn park_filtered(
        &self,
        carrier: Option<&Carrier>,
        request: Request,
        bits: u32,
        validate: impl FnOnce() -> bool,
    ) -> Parked {
        self.park_as(carrier, request, bits, validate, || true)
    }

    #[inline]
    fn park_as(
        &self,
        carrier: Option<&Carrier>,
        request: Request,
        bits: u32,
        validate: impl FnOnce() -> bool,
        queued: impl FnOnce() -> bool,
    ) -> Parked {
        let thread = carrier.map_or(ptr::null_mut(), |c| c.current());
        let waiter = Waiter {
            links: Links::new(),
            key: AtomicUsize::new(request.key),
            bits,
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
            let bucket = self.bucket_of(waiter);
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
            let bucket = self.bucket_of(waiter);
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
                drop(self.bucket_of(waiter));
                return Parked::Woken(waiter.token.get());
            }
            let left = match deadline {
                None => None,
                Some(at) => {
                    let now = crate::clock::Clock::new(crate::clock::clock_gettime_syscall).now();
                    if now >= at {
                        let bucket = self.bucket_of(waiter);
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
        let mut chosen: *mut Waiter = ptr::null_mut();
        let mut fallback: *mut Waiter = ptr::null_mut();
        let mut count = 0;
        let mut node = bucket.first();
        // SAFETY: queued waiters are alive while we hold the lock.
        unsafe {
            while !node.is_null() && (chosen.is_null() || count < 2) {
                if (*node).key.load(Ordering::Relaxed) == key {
                    count += 1;
                    if chosen.is_null() && Self::rouse(node) {
                        chosen = node;
                    } else if fallback.is_null() {
                        // Its time is up or it is cancelled, it just has not run yet: it must not
                        // swallow a wake-up that another can use.
                        fallback = node;
                    }
                }
                node = bucket.after(node);
            }
            let waiter = if chosen.is_null() { fallback } else { chosen };
            if waiter.is_null() {
                decide(None);
                return false;
            }
            // Who wakes one often wakes the next one soon, and then looks at the one after that.
            if let Some(other) = fallback.as_ref() {
                prefetch(other.thread);
                prefetch(node);
            }
            bucket.remove(waiter);
            let token = decide(Some(Next { again: (*waiter).again, more: count > 1 }));
            Self::wake(waiter, token);
        }
        true
    }

    /// Wake up to `max` waiters on `key`; answers how many.
    pub fn unpark_many(&self, carrier: Option<&Carrier>, key: usize, max: usize, token: usize) -> usize {
        let mut left = max;
        self.unpark_while(carrier, key, token, !0, || {
            let more = left > 0;
            left -= usize::from(more);
            more
        })
    }

    /// Wake every waiter on `key`, calling `each` for each under the bucket's lock before it can run.
    pub fn unpark_all(&self, carrier: Option<&Carrier>, key: usize, mut each: impl FnMut()) -> usize {
        self.unpark_while(carrier, key, 0, !0, || {
            each();
            true
        })
    }

    /// Wake up to `max` waiters on `key` that pass the filter; answers how many.
    pub fn unpark_filtered(
        &self,
        carrier: Option<&Carrier>,
        key: usize,
        max: usize,
        filter: Filter,
    ) -> usize {
        let mut left = max;
        self.unpark_while(carrier, key, 0, filter.0, || {
            let more = left > 0;
            left -= usize::from(more);
            more
        })
    }

    /// Wake up to `counts[0]` waiters on `keys[0]` and move up to `counts[1]` more to `keys[1]`, if
    /// `unchanged` says so under both buckets' locks. Answers how many were woken and moved.
    pub fn requeue(
        &self,
        carrier: Option<&Carrier>,
        keys: [usize; 2],
        counts: [usize; 2],
        unchanged: impl FnOnce() -> bool,
    ) -> Option<(usize, usize)> {
        let _critical = carrier.map(Carrier::enter);
        let (from, to) = (self.bucket(keys[0]), self.bucket(keys[1]));
        let same = core::ptr::eq(from, to);
        // Two locks are always taken in the order of their addresses.
        let (first, second) =
            if core::ptr::from_ref(from) < core::ptr::from_ref(to) { (from, to) } else { (to, from) };
        let first = first.lock();
        let second = (!same).then(|| second.lock());
        let second = second.as_deref().unwrap_or(&first);
        let (source, target): (&List<Waiter>, &List<Waiter>) =
            if core::ptr::from_ref(from) < core::ptr::from_ref(to) {
                (&first, second)
            } else {
                (second, &first)
            };
        if !unchanged() {
            return None;
        }
        let (mut woken, mut moved) = (0, 0);
        let mut node = source.first();
        // SAFETY: queued waiters are alive while we hold the locks.
        unsafe {
            while !node.is_null() && woken + moved < counts[0].saturating_add(counts[1]) {
                let next = source.after(node);
                if (*node).key.load(Ordering::Relaxed) == keys[0] {
                    if woken < counts[0] {
                        source.remove(node);
                        Self::rouse(node);
                        Self::wake(node, 0);
                        woken += 1;
                    } else if keys[0] == keys[1] {
                        // To where it is: counted, as in the kernel.
                        moved += 1;
                    } else {
                        source.remove(node);
                        (*node).key.store(keys[1], Ordering::Release);
                        target.push_back(node);
                        moved += 1;
                    }
                }
                node = next;
            }
        }
        Some((woken, moved))
    }

    /// The locked bucket that a waiter is in (or was in when it was woken).
    fn bucket_of(&self, waiter: &Waiter) -> SpinGuard<'_, List<Waiter>> {
        loop {
            let key = waiter.key.load(Ordering::Acquire);
            let bucket = self.bucket(key).lock();
            // Requeued between the two looks: it is in another bucket now.
            if waiter.key.load(Ordering::Acquire) == key {
                return bucket;
            }
        }
    }

    fn unpark_while(
        &self,
        carrier: Option<&Carrier>,
        key: usize,
        token: usize,
        bits: u32,
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
                if let Some(ahead) = next.as_ref() {
                    prefetch(ahead.thread);
                    prefetch(bucket.after(next));
                }
                if (*node).key.load(Ordering::Relaxed) == key && (*node).bits & bits != 0 {
                    if !another() {
                        break;
                    }
                    bucket.remove(node);
                    Self::rouse(node);
                    Self::wake(node, token);
                    woken += 1;
                }
                node = next;
            }
        }
        woken
    }

    /// Make a waiting green thread runnable; false if somebody else did. (A kernel thread can always be
    /// woken.) It cannot leave its wait before we release the bucket's lock.
    ///
    /// # Safety
    /// The caller holds the lock of the bucket that `waiter` is in.
    unsafe fn rouse(waiter: *mut Waiter) -> bool {
        // SAFETY: queued, so alive.
        unsafe { (*waiter).thread.is_null() || Thread::unpark((*waiter).thread, Wake::Ready) }
    }

    /// Tell a waiter that it was woken. A green one sees it when it runs, by `rouse` or for a reason of
    /// its own.
    ///
    /// # Safety
    /// The caller holds the bucket's lock and has taken `waiter` off the list.
    unsafe fn wake(waiter: *mut Waiter, token: usize) {
        // SAFETY: the waiter takes the lock we hold before it leaves, unless it sees `woken`, which is
        // the last we touch of a green one; the futex of a kernel one is looked up by address only.
        unsafe {
            let kernel = (*waiter).thread.is_null();
            let word = (*waiter).woken.as_ptr();
            (*waiter).token.set(token);
            (*waiter).woken.store(1, Ordering::Release);
            if kernel {
                sys::futex_wake(word, 1);
            }
        }
    }

    /// Forget every waiter (in the child of `fork`: none of them exists there). Zero pages are empty,
    /// unlocked buckets.
    pub fn clear(&self) {
        // SAFETY: private memory of the lot; nobody else runs.
        unsafe { sys::zero(self.buckets.cast_mut().cast(), LOT_BYTES) };
    }
}
