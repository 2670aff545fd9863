//! Guarded stacks, cut from big reserved slabs and recycled hot-first.
//!
//! ```text
//!   slab (MAP_NORESERVE, shifted by 1 MiB against 2 MiB boundaries)
//!   ├──────────────┬──────────────┬──────────────┬─ …
//!   │guard│ stack 0│guard│ stack 1│guard│ stack 2│
//!   └──────────────┴──────────────┴──────────────┴─ …
//!             hot ▲ ▲ guard of the neighbour
//! ```
//!
//! Address space costs nothing until it is touched; a page-table page (4 KiB) covers 2 MiB of it.
//! The guard of one stack lies directly above the hot top of its neighbour, and the shift keeps
//! both under the same page-table page.
//!
//! Guards are `MADV_GUARD_INSTALL` regions (Linux 6.13) where the kernel has them: they need no
//! mapping of their own, so `vm.max_map_count` is no limit. Elsewhere `mprotect`.
//!
//! A stack whose owner went deep gives what is below its hot top back to the kernel. Whether it did is a system call to
//! ask, so that is left for later, when the carrier has nothing to do: a stack that is taken again soon need not be asked
//! at all. Where many wait already, samples of those that come are asked at once, and all of them as long as owners do
//! go deep.
//!
//! ```text
//!   fresh ──take──► in use ──give_back──► unasked ──tidy──► free
//!                     ▲────────take──────────┴───────take────┘
//! ```

use crate::spin::Spin;
use crate::sys::{self, Errno};
use crate::thread::prefetch;
use core::sync::atomic::{AtomicBool, Ordering};
use depth::discard_depth;

mod depth;

/// Bytes of a page.
pub const PAGE: usize = 4096;
const SHIFT: usize = 1 << 20;
const HUGE: usize = 2 << 20;
/// The first slab holds this many stacks, if address space allows; the next ones as many as there are already, so that
/// the mappings stay few,
const SLAB_STACKS: usize = 64;
/// up to so many.
const SLAB_STACKS_MOST: usize = 1024;
/// Different stack sizes that are pooled; any further size is mapped and unmapped each time.
const CLASSES: usize = 16;

const MADV_NOHUGEPAGE: usize = 15;
const MADV_GUARD_INSTALL: usize = 102;

/// A stack: `len` bytes from `base`, the lowest `guard` of them inaccessible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stack {
    /// Lowest address.
    pub base: *mut u8,
    /// Bytes, guard included.
    pub len: usize,
    /// Bytes of guard at the low end.
    pub guard: usize,
    /// Given by the program: never recycled by us.
    pub foreign: bool,
    /// It is kept when it is given back.
    pub pooled: bool,
    /// Nobody has used it: its bytes are zero, and reading one costs a page fault that the first write costs again.
    pub fresh: bool,
}

impl Stack {
    /// The address above the highest byte.
    pub fn top(&self) -> *mut u8 {
        self.base.wrapping_add(self.len)
    }
}

/// What a free stack remembers, in its own top bytes (hot: they were just used).
#[repr(C)]
struct FreeStack {
    next: *mut FreeStack,
    /// Its owner may have gone below so many bytes from the top; 0: it did not.
    hot: usize,
}

/// While no more free stacks than this wait to be asked how deep their owners went, none is asked at once;
const UNASKED_MOST: usize = 64;
/// then one of so many is, and so many in a row after one that was deep.
const SAMPLE_OF: usize = 16;
/// So many are asked at a time when there is nothing else to do (about half a millisecond).
const ASKED_AT_ONCE: usize = 256;

#[repr(C)]
#[derive(Clone, Copy)]
struct SizeClass {
    len: usize,
    guard: usize,
    /// Given back since the last tidy, the last one first,
    unasked: *mut FreeStack,
    /// and how many of them there are.
    waiting: usize,
    /// Given back before.
    free: *mut FreeStack,
    /// So many will not be asked until the next sample.
    until_sample: usize,
    /// So many are to be asked, whatever else.
    suspects: usize,
    /// Part of the newest slab not cut yet.
    fresh: *mut u8,
    fresh_left: usize,
    /// Stacks in all slabs.
    cut: usize,
}

impl SizeClass {
    /// The one that was used last.
    fn pop(&mut self) -> Option<*mut FreeStack> {
        let list = if self.unasked.is_null() { &mut self.free } else { &mut self.unasked };
        let first = *list;
        // SAFETY: null, or a free stack's top, which is ours.
        let next = unsafe { first.as_ref()? }.next;
        *list = next;
        // Who takes many takes this one soon, and begins with what lies below its top.
        prefetch(next);
        prefetch(next.wrapping_byte_sub(PAGE));
        self.waiting = self.waiting.saturating_sub(1);
        Some(first)
    }

    /// One is given back while many wait: is it to be asked at once?
    fn samples(&mut self) -> bool {
        if self.suspects > 0 {
            self.suspects -= 1;
            return true;
        }
        let next = self.until_sample.checked_sub(1);
        self.until_sample = next.unwrap_or(SAMPLE_OF - 1);
        next.is_none()
    }
}

#[repr(C)]
struct Pool {
    classes: [SizeClass; CLASSES],
    no_guard_regions: bool,
    /// Map what is needed, and no more.
    no_reserve: bool,
    watcher: Option<Watcher>,
}

/// Who wants to know of stacks: from above the guard up to the top.
#[derive(Clone, Copy)]
pub struct Watcher {
    /// There is one more.
    pub is_cut: fn(*mut u8, *mut u8),
    /// One is taken (`true`) or given back. Where somebody asks that he reads it, too, so guards are mappings of their
    /// own, which he can see.
    pub is_used: Option<fn(*mut u8, *mut u8, bool)>,
}

// SAFETY: the pointers are to mapped memory owned by the pool, behind its lock.
unsafe impl Send for Pool {}

/// The stacks of a process. All-zero bytes are an empty pool.
#[repr(C)]
pub struct StackPool {
    pool: Spin<Pool>,
    /// Stacks were given back since the last [`StackPool::tidy`].
    untidy: AtomicBool,
    /// [`Watcher::is_used`] is wanted.
    tells: AtomicBool,
}

impl StackPool {
    /// A stack of at least `len` bytes (rounded up to pages) with `guard` inaccessible bytes below.
    pub fn take(&self, len: usize, guard: usize) -> Result<Stack, Errno> {
        let stack = self.take_any(len, guard)?;
        self.tell(&stack, true);
        Ok(stack)
    }

    fn tell(&self, stack: &Stack, used: bool) {
        if self.tells.load(Ordering::Relaxed)
            && let Some(Watcher { is_used: Some(tell), .. }) = self.pool.lock().watcher
        {
            tell(stack.base.wrapping_add(stack.guard), stack.top(), used);
        }
    }

    fn take_any(&self, len: usize, guard: usize) -> Result<Stack, Errno> {
        let guard = guard.checked_next_multiple_of(PAGE).ok_or(Errno::NOMEM)?;
        let len = len.checked_next_multiple_of(PAGE).ok_or(Errno::NOMEM)?;
        let len = len.max(guard.checked_add(PAGE).ok_or(Errno::NOMEM)?);
        let mut pool = self.pool.lock();
        let Some(i) = pool.class(len, guard) else { return pool.map_single(len, guard) };
        if let Some(free) = pool.classes[i].pop() {
            return Ok(stack_of(free, len, guard));
        }
        if pool.classes[i].fresh_left == 0 {
            pool.map_slab(i)?;
        }
        let base = pool.classes[i].fresh;
        pool.guard(base, guard)?;
        if let Some(watcher) = pool.watcher {
            (watcher.is_cut)(base.wrapping_add(guard), base.wrapping_add(len));
        }
        let class = &mut pool.classes[i];
        class.fresh = base.wrapping_add(len);
        class.fresh_left -= 1;
        Ok(Stack { base, len, guard, foreign: false, pooled: true, fresh: true })
    }

    /// Take a stack back. It stays dirty: its pages are hot for the next thread. If its owner went deeper than `hot`
    /// bytes from the top, the rest goes back to the kernel, at once or at the next [`StackPool::tidy`]. (Whole pages.)
    ///
    /// # Safety
    /// Nobody may use the stack any more.
    pub unsafe fn give_back(&self, stack: Stack, hot: usize) {
        if stack.foreign {
            return;
        }
        self.tell(&stack, false);
        let mut pool = self.pool.lock();
        let Some(i) = pool.known(&stack) else {
            // SAFETY: the caller gives it up.
            unsafe { sys::unmap(stack.base, stack.len) };
            return;
        };
        let class = &mut pool.classes[i];
        let ask = hot != 0 && class.waiting >= UNASKED_MOST && class.samples();
        // SAFETY: the caller gives it up.
        if ask && unsafe { discard_depth(&stack, hot) } {
            class.suspects = SAMPLE_OF;
        }
        let free = stack.top().wrapping_sub(size_of::<FreeStack>()).cast::<FreeStack>();
        // SAFETY: the top bytes are ours again.
        unsafe { free.write(FreeStack { next: class.unasked, hot: if ask { 0 } else { hot } }) };
        class.unasked = free;
        class.waiting += 1;
        self.untidy.store(true, Ordering::Relaxed);
    }

    /// Tell `watcher` of stacks.
    pub fn watch(&self, watcher: Watcher) {
        let mut pool = self.pool.lock();
        pool.watcher = Some(watcher);
        pool.no_guard_regions |= watcher.is_used.is_some();
        self.tells.store(watcher.is_used.is_some(), Ordering::Relaxed);
    }

    /// What is mapped becomes resident (mlockall(2)): give back what is not cut yet, and with `from_now_on` map stacks
    /// one by one.
    pub fn keep_no_reserve(&self, from_now_on: bool) {
        let mut pool = self.pool.lock();
        pool.no_reserve = from_now_on;
        for class in &mut pool.classes {
            let left = core::mem::replace(&mut class.fresh_left, 0);
            if left > 0 {
                // SAFETY: the end of a slab that nobody has seen.
                unsafe { sys::unmap(class.fresh, left * class.len) };
            }
        }
    }

    /// Some stacks may wait to be asked.
    pub fn is_untidy(&self) -> bool {
        self.untidy.load(Ordering::Relaxed)
    }

    /// The carrier has nothing to do: ask stacks that wait, some at a time.
    pub fn tidy(&self) {
        let mut pool = self.pool.lock();
        let mut left = ASKED_AT_ONCE;
        for class in &mut pool.classes {
            while left > 0 && !class.unasked.is_null() {
                let free = class.unasked;
                // SAFETY: free stacks are ours, nobody uses them, and their links lie in their top bytes.
                unsafe {
                    let FreeStack { next, hot } = free.read();
                    if hot != 0 {
                        discard_depth(&stack_of(free, class.len, class.guard), hot);
                    }
                    free.write(FreeStack { next: class.free, hot: 0 });
                    class.unasked = next;
                }
                class.free = free;
                class.waiting -= 1;
                left -= 1;
            }
        }
        self.untidy.store(left == 0, Ordering::Relaxed);
    }

    /// The lock's holder did not survive `fork`.
    pub fn after_fork(&self) {
        self.pool.force_unlock();
    }
}

/// The stack whose links these are.
fn stack_of(free: *mut FreeStack, len: usize, guard: usize) -> Stack {
    let top = free.wrapping_add(1).cast::<u8>();
    Stack { base: top.wrapping_sub(len), len, guard, foreign: false, pooled: true, fresh: false }
}

impl Pool {
    fn known(&self, stack: &Stack) -> Option<usize> {
        self.classes.iter().position(|c| c.len == stack.len && c.guard == stack.guard)
    }

    /// The class for this size, made if there is room.
    fn class(&mut self, len: usize, guard: usize) -> Option<usize> {
        let found = self.classes.iter().position(|c| c.len == len && c.guard == guard);
        found.or_else(|| {
            let i = self.classes.iter().position(|c| c.len == 0)?;
            self.classes[i].len = len;
            self.classes[i].guard = guard;
            Some(i)
        })
    }

    fn map_slab(&mut self, i: usize) -> Result<(), Errno> {
        let len = self.classes[i].len;
        if self.no_reserve {
            self.classes[i].fresh = sys::map(len)?;
            self.classes[i].fresh_left = 1;
            return Ok(());
        }
        let mut stacks = self.classes[i].cut.clamp(SLAB_STACKS, SLAB_STACKS_MOST);
        loop {
            let bytes = stacks.checked_mul(len).ok_or(Errno::NOMEM)?;
            let room = bytes.checked_add(HUGE + SHIFT).ok_or(Errno::NOMEM)?;
            match sys::map(room) {
                Ok(at) => {
                    let slab = at.map_addr(|a| a.next_multiple_of(HUGE) + SHIFT);
                    // SAFETY: advice on our own fresh mapping; huge pages would make every stack
                    // cost 2 MiB.
                    let _ = unsafe { sys::advise(slab, bytes, MADV_NOHUGEPAGE) };
                    self.classes[i].fresh = slab;
                    self.classes[i].fresh_left = stacks;
                    self.classes[i].cut += stacks;
                    return Ok(());
                }
                // Address space is short (RLIMIT_AS): try less.
                Err(_) if stacks > 1 => stacks /= 4,
                Err(e) => return Err(e),
            }
        }
    }

    fn map_single(&mut self, len: usize, guard: usize) -> Result<Stack, Errno> {
        let base = sys::map(len)?;
        if let Err(e) = self.guard(base, guard) {
            // SAFETY: nobody has seen it.
            unsafe { sys::unmap(base, len) };
            return Err(e);
        }
        Ok(Stack { base, len, guard, foreign: false, pooled: false, fresh: true })
    }

    fn guard(&mut self, base: *mut u8, guard: usize) -> Result<(), Errno> {
        if guard == 0 {
            return Ok(());
        }
        if !self.no_guard_regions {
            // SAFETY: the range is fresh.
            if unsafe { sys::advise(base, guard, MADV_GUARD_INSTALL) }.is_ok() {
                return Ok(());
            }
            self.no_guard_regions = true;
        }
        // SAFETY: the range is fresh. Where mappings have run out the creation fails, as
        // pthread_create's does natively.
        unsafe { crate::sys!(mprotect, base, guard, 0) }.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::depth::went_deep;
    use super::*;
    use std::boxed::Box;

    fn pool() -> Box<StackPool> {
        // SAFETY: all-zero bytes are an empty pool.
        unsafe { Box::new_zeroed().assume_init() }
    }

    #[test]
    fn stacks_are_distinct_writable_and_recycled() {
        let pool = pool();
        let a = pool.take(64 << 10, PAGE).unwrap();
        let b = pool.take(64 << 10, PAGE).unwrap();
        assert_ne!(a.base, b.base);
        for s in [a, b] {
            // SAFETY: the bytes above the guard are ours.
            unsafe {
                s.base.add(s.guard).write(1);
                s.top().sub(1).write(2);
            }
        }
        // SAFETY: nobody uses `a` any more.
        unsafe { pool.give_back(a, 0) };
        assert_eq!(pool.take(64 << 10, PAGE).unwrap(), Stack { fresh: false, ..a });
    }

    #[test]
    fn a_deep_excursion_gives_its_pages_back() {
        let pool = pool();
        let s = pool.take(256 << 10, PAGE).unwrap();
        let hot = 8 * PAGE;
        assert!(!went_deep(&s, hot));
        // SAFETY: the bytes above the guard are ours until given back.
        unsafe {
            s.base.add(s.guard).write_bytes(1, s.len - s.guard);
            assert!(went_deep(&s, hot));
            pool.give_back(s, hot);
        }
        assert!(went_deep(&s, hot));
        pool.tidy();
        assert!(!went_deep(&s, hot));
    }

    #[test]
    fn few_deep_stacks_wait() {
        let pool = pool();
        let hot = 8 * PAGE;
        let all: std::vec::Vec<_> = (0..100).map(|_| pool.take(256 << 10, PAGE).unwrap()).collect();
        for s in &all {
            // SAFETY: the bytes above the guard are ours until given back.
            unsafe {
                s.base.add(s.guard).write_bytes(1, s.len - s.guard);
                pool.give_back(*s, hot);
            }
        }
        let deep = all.iter().filter(|s| went_deep(s, hot)).count();
        assert!((UNASKED_MOST..UNASKED_MOST + SAMPLE_OF).contains(&deep), "{deep} of 100 were not asked");
        // What is taken again is not asked.
        let again = pool.take(256 << 10, PAGE).unwrap();
        pool.tidy();
        assert_eq!(all.iter().filter(|s| went_deep(s, hot)).count(), usize::from(went_deep(&again, hot)));
    }

    #[test]
    fn a_guard_is_inaccessible() {
        let pool = pool();
        let s = pool.take(64 << 10, PAGE).unwrap();
        let mut pair = [0i32; 2];
        // SAFETY: a pipe of our own; write(2) reads the guard page on our behalf and fails.
        unsafe {
            crate::sys!(pipe2, pair.as_mut_ptr(), 0).unwrap();
            assert_eq!(crate::sys!(write, pair[1], s.base, 1usize), Err(Errno(14)));
            assert_eq!(crate::sys!(write, pair[1], s.base.add(PAGE), 1usize), Ok(1));
        }
        pair.into_iter().for_each(sys::close);
    }

    #[test]
    fn absurd_sizes_fail_cleanly() {
        let pool = pool();
        assert!(pool.take(usize::MAX, PAGE).is_err());
        assert!(pool.take(PAGE, usize::MAX - PAGE).is_err());
        assert!(pool.take(1 << 60, PAGE).is_err());
    }
}
