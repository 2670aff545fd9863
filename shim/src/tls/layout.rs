//! How this libc lays a thread's block out: found once, from what libc tells debuggers, ld.so, and by
//! looking at what its own functions change.

use super::LIBC_TLS_MOST;
use crate::real::inner::{self, Inner};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU8, Ordering};
use scheduler::context::fs_base;

type AllocateTls = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type AllocateTlsInit = unsafe extern "C" fn(*mut c_void, bool) -> *mut c_void;
type DeallocateTls = unsafe extern "C" fn(*mut c_void, bool);
type StaticInfo = unsafe extern "C" fn(*mut usize, *mut usize);
type Plain = unsafe extern "C" fn();

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
    pub(super) specific: usize,
    pub(super) specific_len: usize,
    /// Offset of the word with the bits of cancellation.
    pub cancel_handling: usize,
    /// `PTHREAD_CANCEL_DISABLE`
    pub cancel_disabled: Flag,
    /// `PTHREAD_CANCEL_ASYNCHRONOUS`
    pub cancel_asynchronous: Flag,
    /// Offset of the robust list's head, and the lock offset it holds.
    pub(super) robust: usize,
    pub(super) robust_offset: usize,
    /// Offset of the links of glibc's list of threads, on which ours are not.
    pub(super) list: usize,
    /// Offset of the rseq area from the FS base.
    pub(super) rseq: isize,
    /// Offset below the FS base of the pointer to the resolver's state.
    pub(super) resolver_below: usize,
    /// libc's own TLS: offset below the FS base, bytes.
    pub(super) libc_below: usize,
    pub(super) libc_len: usize,
    pub(super) allocate: AllocateTls,
    pub(super) initialise: AllocateTlsInit,
    pub(super) deallocate: DeallocateTls,
    pub(super) ctype_init: Plain,
    /// Runs the destructors of C++ `thread_local`s of the calling thread.
    pub call_tls_dtors: Plain,
}

unsafe fn function<F: Copy>(symbol: &Inner) -> Option<F> {
    let at = symbol.find()?;
    // SAFETY: the caller names a function pointer type; both are one word.
    Some(unsafe { core::mem::transmute_copy(&at) })
}

/// A field's offset from libc's description for debuggers: { bits, count, offset }.
fn described(field: &Inner) -> Option<[u32; 3]> {
    // SAFETY: these symbols are arrays of three words.
    Some(unsafe { *field.find()?.cast::<[u32; 3]>() })
}

impl Layout {
    /// Ask libc and ld.so. `None`: this libc is not one we know.
    pub fn discover() -> Option<Layout> {
        // SAFETY: the symbols have these types since glibc 2.34 at least.
        let (allocate, initialise, deallocate, info, ctype_init, call_tls_dtors) = unsafe {
            (
                function::<AllocateTls>(&inner::ALLOCATE_TLS)?,
                function::<AllocateTlsInit>(&inner::ALLOCATE_TLS_INIT)?,
                function::<DeallocateTls>(&inner::DEALLOCATE_TLS)?,
                function::<StaticInfo>(&inner::TLS_STATIC_INFO)?,
                function::<Plain>(&inner::CTYPE_INIT)?,
                function::<Plain>(&inner::CALL_TLS_DTORS)?,
            )
        };
        // SAFETY: a 32-bit number.
        let descriptor = unsafe { *inner::SIZEOF_PTHREAD.find()?.cast::<u32>() } as usize;
        let tid = described(&inner::PTHREAD_TID)?[2] as usize;
        let [_, specific_len, specific] = described(&inner::PTHREAD_SPECIFIC)?;
        let list = described(&inner::PTHREAD_LIST)?[2] as usize;
        let (mut total, mut align) = (0, 0);
        // SAFETY: two words of our own.
        unsafe { info(&raw mut total, &raw mut align) };
        // SAFETY: a word.
        let rseq = inner::RSEQ_OFFSET.find().map_or(0, |at| unsafe { *at.cast::<isize>() });
        let (libc_below, libc_len) = libc_tls()?;
        // A TLS symbol: dlsym answered the calling thread's own, and this is the same thread.
        let resolver_below = fs_base() - inner::RESOLVER_STATE.find()?.addr();
        let (robust, robust_offset) = robust_list()?;
        let cancel_handling = described(&inner::PTHREAD_CANCELHANDLING)?[2] as usize;
        let cancel_disabled = flag_of(descriptor, pthread_setcancelstate)?;
        let cancel_asynchronous = flag_of(descriptor, pthread_setcanceltype)?;
        let sane = descriptor > 0x300
            && tid < descriptor
            && list < descriptor
            && cancel_handling < descriptor
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
            cancel_handling,
            cancel_disabled,
            cancel_asynchronous,
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
}

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn pthread_setcanceltype(kind: c_int, old: *mut c_int) -> c_int;
}

/// A flag in a descriptor: some bits of one byte.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    offset: usize,
    mask: u8,
}

impl Flag {
    /// Is it set in the descriptor at `fs`?
    pub fn is_set(&self, fs: usize) -> bool {
        // SAFETY: within the descriptor; glibc changes it atomically or in the thread itself.
        let byte = unsafe { AtomicU8::from_ptr(ptr::with_exposed_provenance_mut(fs + self.offset)) };
        byte.load(Ordering::Relaxed) & self.mask != 0
    }

    /// Set or clear it in the descriptor at `fs`; what it was.
    pub fn put(&self, fs: usize, value: bool) -> bool {
        // SAFETY: as above.
        let byte = unsafe { AtomicU8::from_ptr(ptr::with_exposed_provenance_mut(fs + self.offset)) };
        let before = match value {
            true => byte.fetch_or(self.mask, Ordering::SeqCst),
            false => byte.fetch_and(!self.mask, Ordering::SeqCst),
        };
        before & self.mask != 0
    }
}

/// Which flag of the running thread's descriptor a setter of libc's changes from 0 to 1. (glibc keeps
/// these properties in bits of the cancellation word, or in bytes of their own. Nobody has asked to
/// cancel the only thread, so nothing else happens.)
fn flag_of(descriptor: usize, set: unsafe extern "C" fn(c_int, *mut c_int) -> c_int) -> Option<Flag> {
    const MOST: usize = 4096;
    // The kernel writes into the descriptor, too, when the thread comes to another CPU: rseq(2).
    const RSEQ_LENGTH: usize = 32;
    // SAFETY: libc's constant.
    let rseq = inner::RSEQ_OFFSET.find().map_or(0, |at| unsafe { *at.cast::<isize>() }) as usize;
    if descriptor > MOST {
        return None;
    }
    let own: *const u8 = ptr::with_exposed_provenance(fs_base());
    let mut before = [0u8; MOST];
    let mut old = 0;
    // SAFETY: our own descriptor and objects.
    unsafe {
        set(0, &raw mut old);
        ptr::copy_nonoverlapping(own, before.as_mut_ptr(), descriptor);
        set(1, ptr::null_mut());
        let mut changed = (0..descriptor)
            .filter(|i| !(rseq..rseq + RSEQ_LENGTH).contains(i))
            .filter(|&i| own.add(i).read_volatile() != before[i]);
        let first = changed.next();
        let alone = changed.next().is_none();
        let flag =
            first.map(|offset| Flag { offset, mask: own.add(offset).read_volatile() ^ before[offset] });
        set(old, ptr::null_mut());
        flag.filter(|_| alone)
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
pub fn libc_tls() -> Option<(usize, usize)> {
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
    let mut search = Search { code: inner::CTYPE_INIT.find()?.addr(), found: None };
    // SAFETY: `look` fits, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}
