//! A glibc TLS block for every green thread.
//!
//! `errno`, `__thread` variables, `pthread_self()`, malloc's cache, the locale: all of it lives
//! behind the FS register, so every green thread has a block of its own and the switch swaps FS.
//! The block sits at the top of the thread's stack, as in glibc's own threads:
//!
//! ```text
//!   stack top ─►┌──────────────────────┐
//!               │ our record           │  pthread/green.rs
//!               ├──────────────────────┤
//!               │ struct pthread       │  glibc's descriptor: header, tid, specific data, rseq …
//!     FS base ─►├──────────────────────┤  = pthread_self(); everything is found from here
//!               │ static TLS           │  `__thread` of the program and its libraries
//!               ├──────────────────────┤
//!               │ frames ↓             │
//! ```
//!
//! ld.so fills a block (`_dl_allocate_tls`); the descriptor's header is ours to fill. A recycled
//! block keeps libc's own variables, because malloc's cache of free chunks is among them and must
//! neither leak nor be shared; everything else starts from its initial image again.

mod layout;
mod self_check;

pub use layout::Layout;
pub use self_check::self_check;

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use scheduler::context::fs_base;

/// `LC_GLOBAL_LOCALE`, which the libc crate lacks.
const LC_GLOBAL_LOCALE: libc::locale_t = core::ptr::without_provenance_mut(usize::MAX);

/// Most bytes of libc's own TLS that a recycled block can keep.
const LIBC_TLS_MOST: usize = 1024;

/// Words of the descriptor's header (`tcbhead_t`, fixed by the x86-64 TLS ABI and GCC).
mod header {
    pub const TCB: usize = 0x00;
    pub const DTV: usize = 0x08;
    pub const SELF: usize = 0x10;
    pub const MULTIPLE_THREADS: usize = 0x18;
    pub const CANARY: usize = 0x28;
    pub const POINTER_GUARD: usize = 0x30;
}

impl Layout {
    /// Where in a descriptor the tid is.
    pub fn tid_offset(&self) -> usize {
        self.tid
    }

    /// The tid field of a descriptor.
    ///
    /// # Safety
    /// `fs` must be a descriptor's address.
    pub unsafe fn tid_of(&self, fs: usize) -> *mut i32 {
        ptr::with_exposed_provenance_mut(fs + self.tid)
    }

    /// The list of robust mutexes that a thread holds.
    pub fn robust_head(&self, fs: usize) -> usize {
        fs + self.robust
    }

    /// Make a block at `fs`, in zeroed memory of a fresh stack.
    ///
    /// # Safety
    /// The block's memory must be ours and zero.
    pub unsafe fn create(&self, fs: usize, tid: i32) -> bool {
        // SAFETY: the caller gives the memory.
        unsafe {
            if (self.allocate)(ptr::with_exposed_provenance_mut(fs)).is_null() {
                return false;
            }
            self.fill(fs, tid);
        }
        true
    }

    /// Make the block of a dead thread look new, keeping its dtv and libc's own variables.
    ///
    /// # Safety
    /// `fs` must be a block made by `create` whose thread is dead.
    pub unsafe fn recycle(&self, fs: usize, tid: i32) {
        let base: *mut u8 = ptr::with_exposed_provenance_mut(fs);
        let mut kept = [0u8; LIBC_TLS_MOST];
        // SAFETY: the caller vouches for the block; the dtv is glibc's: entry -1 counts the
        // entries, each is { value, to_free }.
        unsafe {
            let dtv = *base.add(header::DTV).cast::<*mut [usize; 2]>();
            let entries = (*dtv.sub(1))[0];
            let dtv_entries = core::slice::from_raw_parts_mut(dtv.add(1), entries);
            // (At once: hardly any thread has something there.)
            if dtv_entries.iter().fold(0, |any, entry| any | entry[1]) != 0 {
                for entry in dtv_entries.iter().filter(|entry| entry[1] != 0) {
                    libc::free(ptr::with_exposed_provenance_mut(entry[1]));
                }
            }
            ptr::write_bytes(dtv, 0, entries + 1);
            // By halves: from 2 KiB on, memset uses `rep stosb`, which takes long to begin.
            let half = self.descriptor / 2;
            base.write_bytes(0, half);
            base.add(half).write_bytes(0, self.descriptor - half);
            base.add(header::DTV).cast::<*mut [usize; 2]>().write(dtv);
            let libc_block = base.sub(self.libc_below);
            ptr::copy_nonoverlapping(libc_block, kept.as_mut_ptr(), self.libc_len);
            (self.initialise)(base.cast(), true);
            ptr::copy_nonoverlapping(kept.as_ptr(), libc_block, self.libc_len);
            self.fill(fs, tid);
        }
    }

    /// Free what ld.so allocated for a block whose stack goes away.
    ///
    /// # Safety
    /// As for `recycle`; the block is not used again.
    pub unsafe fn destroy(&self, fs: usize) {
        // SAFETY: the memory itself is the stack's, so only the dtv is freed.
        unsafe { (self.deallocate)(ptr::with_exposed_provenance_mut(fs), false) };
    }

    unsafe fn fill(&self, fs: usize, tid: i32) {
        let own: *const u8 = ptr::with_exposed_provenance(fs_base());
        let base: *mut u8 = ptr::with_exposed_provenance_mut(fs);
        // SAFETY: the caller vouches for the block; `own` is the running thread's.
        unsafe {
            base.add(header::TCB).cast::<usize>().write(fs);
            base.add(header::SELF).cast::<usize>().write(fs);
            base.add(header::MULTIPLE_THREADS).cast::<c_int>().write(1);
            for word in [header::CANARY, header::POINTER_GUARD] {
                base.add(word).cast::<usize>().write(*own.add(word).cast::<usize>());
            }
            self.tid_of(fs).write(tid);
            self.link_to_itself(fs);
            // An empty list of robust mutexes points to itself, forwards and (just before it) back.
            let robust: *mut usize = ptr::with_exposed_provenance_mut(fs + self.robust);
            robust.sub(1).write(fs + self.robust);
            robust.write(fs + self.robust);
            robust.add(1).write(self.robust_offset);
            if self.rseq != 0 {
                // cpu_id: "not registered", or sched_getcpu() would answer 0 for ever.
                base.offset(self.rseq + 4).cast::<c_int>().write(-1);
            }
        }
    }

    /// A list of one: glibc's fork takes the calling thread off "its list" in the child.
    unsafe fn link_to_itself(&self, fs: usize) {
        let links: *mut usize = ptr::with_exposed_provenance_mut(fs + self.list);
        // SAFETY: the caller vouches for the block.
        unsafe { links.cast::<[usize; 2]>().write([fs + self.list; 2]) };
    }

    /// glibc's fork has put the child's only thread on its list: take it off again, for our blocks
    /// are recycled without glibc's knowledge.
    ///
    /// # Safety
    /// `fs` must be a block of ours that glibc's list holds.
    pub unsafe fn unlink(&self, fs: usize) {
        let links: *mut [*mut [usize; 2]; 2] = ptr::with_exposed_provenance_mut(fs + self.list);
        // SAFETY: { next, prev } of a well-formed list.
        unsafe {
            let [next, prev] = *links;
            (*next)[1] = prev.expose_provenance();
            (*prev)[0] = next.expose_provenance();
            self.link_to_itself(fs);
        }
    }

    /// What a thread must do itself, first of all, on its own block.
    ///
    /// # Safety
    /// The FS base must be a block of ours.
    pub unsafe fn begin(&self) {
        // SAFETY: these act on the calling thread's block.
        unsafe {
            (self.ctype_init)();
            libc::uselocale(LC_GLOBAL_LOCALE);
            *libc::__errno_location() = 0;
            *__h_errno_location() = 0;
            // Until told otherwise, every block's resolver state would be the main thread's.
            let resolver: *mut *mut c_void =
                ptr::with_exposed_provenance_mut(fs_base() - self.resolver_below);
            *resolver = ptr::with_exposed_provenance_mut(fs_base() + RESOLVER_STATE.load(Ordering::Relaxed));
        }
    }

    /// The running thread ends, and another may get its block with libc's own variables as they are:
    /// the resolver's state lets go of sockets and memory, an error of dlopen(3) that nobody asked for is
    /// forgotten, and so are the destructors of C++ objects that were made after all had been called
    /// (glibc never calls them either).
    pub fn end_libc_state(&self) {
        // SAFETY: the running thread's own state; `nscount` is the int at offset 16 of its public
        // structure; the list of destructors is a word in libc's part of the block.
        unsafe {
            let state = __res_state();
            if *state.byte_add(16).cast::<c_int>() != 0 {
                __res_nclose(state);
            }
            if !libc::dlerror().is_null() {
                libc::dlerror();
            }
            let below = DESTRUCTORS.load(Ordering::Relaxed);
            if below != 0 {
                ptr::with_exposed_provenance_mut::<usize>(fs_base() - below).write(0);
            }
        }
    }

    /// Free the second-level blocks of a dying thread's specific data, as glibc does.
    ///
    /// # Safety
    /// `fs` must be the block of a thread that runs no program code any more.
    pub unsafe fn free_specific(&self, fs: usize) {
        let first: *mut *mut c_void = ptr::with_exposed_provenance_mut(fs + self.specific);
        // The first entry points into the descriptor itself, if anywhere.
        for i in 1..self.specific_len {
            // SAFETY: `specific` is an array of that many pointers, null or from calloc.
            unsafe {
                let block = first.add(i).replace(ptr::null_mut());
                if !block.is_null() {
                    libc::free(block);
                }
            }
        }
    }
}

unsafe extern "C" {
    fn __h_errno_location() -> *mut c_int;
    fn __res_state() -> *mut c_void;
    fn __res_nclose(state: *mut c_void);
    fn __cxa_thread_atexit_impl(
        destructor: unsafe extern "C" fn(*mut c_void),
        object: *mut c_void,
        library: *mut c_void,
    ) -> c_int;
}

/// Offset of the resolver's state in a descriptor: 0 until a thread of glibc's own has told.
static RESOLVER_STATE: AtomicUsize = AtomicUsize::new(0);

/// Distance below the FS base of the list of C++ destructors (`tls_dtor_list`): 0 if it was not found.
static DESTRUCTORS: AtomicUsize = AtomicUsize::new(0);

/// The calling thread was made by glibc: where in its descriptor is the resolver's state, and where in its
/// block the list of destructors?
pub fn learn_from_native_thread() {
    // SAFETY: answers the calling thread's own.
    let at = unsafe { __res_state() }.addr();
    // The first such thread tells for all.
    if RESOLVER_STATE.load(Ordering::Relaxed) == 0
        && let Some((below, len)) = layout::libc_tls()
    {
        DESTRUCTORS.store(find_destructors(below, len).unwrap_or(0), Ordering::Relaxed);
    }
    RESOLVER_STATE.store(at.wrapping_sub(fs_base()), Ordering::Release);
}

/// Register a destructor that does nothing, and look which word has begun to lead to it:
/// { function, object, library, next }.
fn find_destructors(below: usize, len: usize) -> Option<usize> {
    static OBJECT: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn nothing(_: *mut c_void) {}
    let object = (&raw const OBJECT).cast_mut().cast::<c_void>();
    let library = (&raw const crate::GREEN_VERSION).cast_mut().cast::<c_void>();
    let words = len.min(LIBC_TLS_MOST) / 8;
    let block: *const usize = ptr::with_exposed_provenance(fs_base() - below);
    let mut before = [0usize; LIBC_TLS_MOST / 8];
    // SAFETY: libc's part of the calling thread's block; libc's function, which allocates.
    unsafe {
        ptr::copy_nonoverlapping(block, before.as_mut_ptr(), words);
        if __cxa_thread_atexit_impl(nothing, object, library) != 0 {
            return None;
        }
        let found = (0..words).find(|&i| {
            let word = *block.add(i);
            // A word that was null and is a pointer now, to memory of libc's or ld.so's.
            before[i] == 0
                && word > 0x10000
                && word.is_multiple_of(8)
                && *ptr::with_exposed_provenance::<usize>(word + 8) == object.addr()
        });
        // Nobody is to find it, and valgrind nothing lost.
        found.map(|i| {
            let word = block.cast_mut().add(i);
            libc::free(ptr::with_exposed_provenance_mut(word.replace(0)));
            below - i * 8
        })
    }
}

/// Wait (an instant) until the first helper has told.
pub fn await_resolver_state(layout: &Layout) -> Result<(), &'static str> {
    loop {
        match RESOLVER_STATE.load(Ordering::Acquire) {
            0 => scheduler::sys::yield_kernel(),
            offset if offset < layout.descriptor => return Ok(()),
            _ => return Err("the resolver's state is not where it is expected"),
        }
    }
}
