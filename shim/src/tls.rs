//! A glibc TLS block for every green thread.
//!
//! `errno`, `__thread` variables, `pthread_self()`, malloc's cache, the locale: all of it lives
//! behind the FS register, so every green thread has a block of its own and the switch swaps FS.
//! The block sits at the top of the thread's stack, as in glibc's own threads:
//!
//! ```text
//!   stack top ─►┌──────────────────────┐
//!               │ our record           │  pthread/green.rs
//!     FS base ─►├──────────────────────┤
//!               │ struct pthread       │  glibc's descriptor: header, tid, specific data, rseq …
//!               ├──────────────────────┤◄─ FS base itself is the lower end of struct pthread
//!               │ static TLS           │  `__thread` of the program and its libraries
//!               ├──────────────────────┤
//!               │ frames ↓             │
//! ```
//!
//! ld.so fills a block (`_dl_allocate_tls`); the descriptor's header is ours to fill. A recycled
//! block keeps libc's own variables, because malloc's cache of free chunks is among them and must
//! neither leak nor be shared; everything else starts from its initial image again.

use crate::real::find;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use scheduler::context::fs_base;

type AllocateTls = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type AllocateTlsInit = unsafe extern "C" fn(*mut c_void, bool) -> *mut c_void;
type DeallocateTls = unsafe extern "C" fn(*mut c_void, bool);
type StaticInfo = unsafe extern "C" fn(*mut usize, *mut usize);
type Plain = unsafe extern "C" fn();

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

/// How this libc lays a block out; found once.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Bytes of `struct pthread`.
    pub descriptor: usize,
    /// Bytes of static TLS below it.
    pub below: usize,
    /// Alignment of the FS base.
    pub align: usize,
    /// Offset of the tid in the descriptor.
    pub tid: usize,
    /// Offset of the array of second-level blocks of thread-specific data, and its length.
    specific: usize,
    specific_len: usize,
    /// Offset of the robust list's head, and the lock offset it holds.
    robust: usize,
    robust_offset: usize,
    /// Offset of the links of glibc's list of threads, on which ours are not.
    list: usize,
    /// Offset of the rseq area from the FS base.
    rseq: isize,
    /// Offset below the FS base of the pointer to the resolver's state.
    resolver_below: usize,
    /// libc's own TLS: offset below the FS base, bytes.
    libc_below: usize,
    libc_len: usize,
    allocate: AllocateTls,
    initialise: AllocateTlsInit,
    deallocate: DeallocateTls,
    ctype_init: Plain,
    /// Runs the destructors of C++ `thread_local`s of the calling thread.
    pub call_tls_dtors: Plain,
}

unsafe fn function<F: Copy>(name: &core::ffi::CStr) -> Option<F> {
    let at = find(name)?;
    // SAFETY: the caller names a function pointer type; both are one word.
    Some(unsafe { core::mem::transmute_copy(&at) })
}

/// A field's offset from libc's description for debuggers: { bits, count, offset }.
fn described(name: &core::ffi::CStr) -> Option<[u32; 3]> {
    // SAFETY: these symbols are arrays of three words.
    Some(unsafe { *find(name)?.cast::<[u32; 3]>() })
}

impl Layout {
    /// Ask libc and ld.so. `None`: this libc is not one we know.
    pub fn discover() -> Option<Layout> {
        // SAFETY: the symbols have these types since glibc 2.34 at least.
        let (allocate, initialise, deallocate, info, ctype_init, call_tls_dtors) = unsafe {
            (
                function::<AllocateTls>(c"_dl_allocate_tls")?,
                function::<AllocateTlsInit>(c"_dl_allocate_tls_init")?,
                function::<DeallocateTls>(c"_dl_deallocate_tls")?,
                function::<StaticInfo>(c"_dl_get_tls_static_info")?,
                function::<Plain>(c"__ctype_init")?,
                function::<Plain>(c"__call_tls_dtors")?,
            )
        };
        // SAFETY: a 32-bit number.
        let descriptor = unsafe { *find(c"_thread_db_sizeof_pthread")?.cast::<u32>() } as usize;
        let tid = described(c"_thread_db_pthread_tid")?[2] as usize;
        let [_, specific_len, specific] = described(c"_thread_db_pthread_specific")?;
        let list = described(c"_thread_db_pthread_list")?[2] as usize;
        let (mut total, mut align) = (0, 0);
        // SAFETY: two words of our own.
        unsafe { info(&raw mut total, &raw mut align) };
        // SAFETY: a word.
        let rseq = find(c"__rseq_offset").map_or(0, |at| unsafe { *at.cast::<isize>() });
        let (libc_below, libc_len) = libc_tls()?;
        // A TLS symbol: dlsym answers the calling thread's own.
        let resolver_below = fs_base() - find(c"__resp")?.addr();
        let (robust, robust_offset) = robust_list()?;
        let sane = descriptor > 0x300
            && tid < descriptor
            && list < descriptor
            && robust < descriptor
            && total > descriptor
            && align.is_power_of_two()
            && libc_len <= LIBC_TLS_MOST;
        sane.then_some(Layout {
            descriptor,
            below: total - descriptor,
            align: align.max(64),
            tid,
            specific: specific as usize,
            specific_len: specific_len as usize,
            robust,
            robust_offset,
            list,
            rseq,
            resolver_below,
            libc_below,
            libc_len,
            allocate,
            initialise,
            deallocate,
            ctype_init,
            call_tls_dtors,
        })
    }

    /// The tid field of a descriptor.
    ///
    /// # Safety
    /// `fs` must be a descriptor's address.
    pub unsafe fn tid_of(&self, fs: usize) -> *mut i32 {
        ptr::with_exposed_provenance_mut(fs + self.tid)
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
            for i in 1..=entries {
                let to_free = (*dtv.add(i))[1];
                if to_free != 0 {
                    libc::free(ptr::with_exposed_provenance_mut(to_free));
                }
            }
            ptr::write_bytes(dtv, 0, entries + 1);
            base.write_bytes(0, self.descriptor);
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

    /// The running thread ends: its resolver state lets go of sockets and memory.
    pub fn end_resolver(&self) {
        // SAFETY: the running thread's own state; `nscount` is the int at offset 16 of its public
        // structure.
        unsafe {
            let state = __res_state();
            if *state.byte_add(16).cast::<c_int>() != 0 {
                __res_nclose(state);
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
}

/// Offset of the resolver's state in a descriptor: 0 until a thread of glibc's own has told.
static RESOLVER_STATE: AtomicUsize = AtomicUsize::new(0);

/// The calling thread was made by glibc: where in its descriptor is the resolver's state?
pub fn learn_resolver_state() {
    // SAFETY: answers the calling thread's own.
    let at = unsafe { __res_state() }.addr();
    RESOLVER_STATE.store(at.wrapping_sub(fs_base()), Ordering::Release);
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

/// Where the descriptor keeps the head of the robust list (the kernel knows the running thread's),
/// and the offset from a list entry to its lock word.
fn robust_list() -> Option<(usize, usize)> {
    let (mut head, mut len) = (0usize, 0usize);
    // SAFETY: two words of our own; the head is { first, offset, pending } in our own descriptor.
    unsafe {
        scheduler::sys!(get_robust_list, 0, &raw mut head, &raw mut len).ok()?;
        if head < fs_base() {
            return None;
        }
        Some((head - fs_base(), *ptr::with_exposed_provenance::<usize>(head + 8)))
    }
}

/// Where libc's own TLS is: bytes below the FS base, and its length.
fn libc_tls() -> Option<(usize, usize)> {
    struct Search {
        code: usize,
        found: Option<(usize, usize)>,
    }
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: ld.so passes a valid object, `data` is the Search below.
        unsafe {
            let (info, search) = (&*info, &mut *data.cast::<Search>());
            let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
            let holds = headers.iter().any(|h| {
                let start = info.dlpi_addr as usize + h.p_vaddr as usize;
                h.p_type == libc::PT_LOAD && (start..start + h.p_memsz as usize).contains(&search.code)
            });
            if !holds {
                return 0;
            }
            let tls = headers.iter().find(|h| h.p_type == libc::PT_TLS);
            if let (Some(tls), false) = (tls, info.dlpi_tls_data.is_null()) {
                search.found = Some((fs_base() - info.dlpi_tls_data.addr(), tls.p_memsz as usize));
            }
        }
        1
    }
    let mut search = Search { code: find(c"__ctype_init")?.addr(), found: None };
    // SAFETY: `look` fits, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

// A `__thread` variable of our own with an initial value, for the self-check: does a block start
// from the images?
core::arch::global_asm!(
    ".section .tdata, \"awT\", @progbits",
    ".balign 8",
    ".hidden green_tls_probe",
    ".type green_tls_probe, @object",
    "green_tls_probe: .quad 0x677265656e746c73",
    ".size green_tls_probe, 8",
    ".text",
);

fn read_probe() -> u64 {
    let value: u64;
    // SAFETY: initial-exec access to our own variable; a preloaded library's TLS is static.
    unsafe {
        core::arch::asm!(
            "mov {0}, qword ptr [rip + green_tls_probe@gottpoff]",
            "mov {0}, qword ptr fs:[{0}]",
            out(reg) value, options(nostack, readonly, preserves_flags)
        );
    }
    value
}

/// Set the FS base by system call (the switch's fast instruction may not exist).
unsafe fn set_fs(fs: usize) -> bool {
    const ARCH_SET_FS: usize = 0x1002;
    // SAFETY: the caller vouches for the block.
    unsafe { scheduler::sys!(arch_prctl, ARCH_SET_FS, fs) }.is_ok()
}

/// Does a block of ours work? Runs on it for a moment, before the first green thread does.
///
/// # Safety
/// `fs` must be a fresh block, and no signal handler may run meanwhile.
pub unsafe fn self_check(layout: &Layout, fs: usize) -> Result<(), &'static str> {
    let own = fs_base();
    // SAFETY: `fs` is a complete block; we come back before anybody else looks.
    unsafe {
        let main_errno = libc::__errno_location();
        let canary = *ptr::with_exposed_provenance::<usize>(own + header::CANARY);
        if !set_fs(fs) {
            return Err("the kernel refuses to set the FS base");
        }
        layout.begin();
        let me = libc::pthread_self() as usize;
        let errno_at = libc::__errno_location();
        let errno = *errno_at;
        let probe = read_probe();
        let alpha = libc::isalpha(c_int::from(b'x'));
        let same_canary = *ptr::with_exposed_provenance::<usize>(fs + header::CANARY) == canary;
        set_fs(own);
        if me != fs {
            return Err("pthread_self() is not the new thread");
        }
        if errno_at == main_errno || errno != 0 {
            return Err("errno is not the new thread's own");
        }
        if probe != 0x6772_6565_6e74_6c73 {
            return Err("__thread variables do not start from their initial values");
        }
        if alpha == 0 {
            return Err("ctype tables are missing");
        }
        if !same_canary {
            return Err("the stack canary differs");
        }
    }
    Ok(())
}
