//! What libc does inside itself, out of sight of the PLT, and how it comes to us all the same.
//!
//! * **Locks.** Every lock inside libc (stdio's per FILE, malloc's per arena, …) waits in
//!   `__lll_lock_wait_private` and wakes in `__lll_lock_wake_private`; where libc locks a mutex
//!   (the loader's, POSIX AIO's), in `__lll_lock_wait` and `__lll_lock_wake`. All four are longer than
//!   14 bytes: a jump to ours replaces them. A green thread then parks where it would have frozen the
//!   carrier. The latter two are hidden; we find them between the others, as what
//!   pthread_mutex_lock and pthread_mutex_unlock call there.
//! * **stdio.** `fgets` reads and `printf` writes through the slots of the FILE's jump table. We
//!   replace the slots, not the tables: glibc validates table addresses only. `popen`'s hidden table
//!   lies next to the exported ones and is found by its contents.
//!
//! Both happen once, before the first green thread exists, and are undone by nobody. If the kernel
//! refuses to make the pages writable, we say so and the program runs natively.

use crate::abi::{FILE_ERROR, FILE_NO_POINT, File};
use crate::pthread::cancel;
use crate::real::{self, inner};
use crate::signal::mask;
use crate::start;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};
use libc::{size_t, ssize_t};
use scheduler::Reason;
use scheduler::lot::Request;

const PAGE: usize = 4096;
const PROT_READ: usize = 1;
const PROT_READ_WRITE: usize = 3;
const PROT_READ_EXEC: usize = 5;

/// Make the patches.
pub fn apply() -> Result<(), &'static str> {
    let wait = inner::LOCK_WAIT_PRIVATE.find().ok_or("libc does not export its lock's wait")?;
    let wake = inner::LOCK_WAKE_PRIVATE.find().ok_or("libc does not export its lock's wake")?;
    replace_slots()?;
    let (wait, wake) = (wait.addr(), wake.addr());
    redirect(wait, green_lock_wait as *const () as usize)?;
    redirect(wake, green_lock_wake as *const () as usize)?;
    // Both or none: who waits in one must be woken by the other.
    let mutex_wait = hidden_callee(real::address::mutex_lock(), wait, wake);
    let mutex_wake = hidden_callee(real::address::mutex_unlock(), wake, wake + 128);
    if let (Some(wait), Some(wake)) = (mutex_wait, mutex_wake) {
        redirect(wait, green_mutex_wait as *const () as usize)?;
        redirect(wake, green_mutex_wake as *const () as usize)?;
    }
    Ok(())
}

/// The function that starts between `from` and `to` (exclusive) and that libc's `function`
/// calls, or the one that it jumps to at its beginning. It must look like one that does a futex
/// system call.
fn hidden_callee(function: usize, from: usize, to: usize) -> Option<usize> {
    const BODY: usize = 768;
    const CALL: u8 = 0xe8;
    const JUMP_NEAR: u8 = 0xe9;
    const FUTEX: [u8; 5] = [0xb8, 202, 0, 0, 0];
    // SAFETY: libc's text goes on for more than this after these functions; nobody writes it.
    let bytes = |at: usize, len| unsafe {
        core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(at), len)
    };
    let target = |at: usize| {
        let distance = bytes(at + 1, 4).try_into().map(i32::from_ne_bytes).unwrap_or(0);
        (at + 5).wrapping_add_signed(distance as isize)
    };
    let body = match (0..16).find(|&i| bytes(function + i, 1)[0] == JUMP_NEAR) {
        Some(i) => target(function + i),
        None => function,
    };
    (body..body + BODY)
        .filter(|&at| matches!(bytes(at, 1)[0], CALL | JUMP_NEAR))
        .map(target)
        .find(|&to_| to_ > from && to_ < to && to_.is_multiple_of(16))
        .filter(|&at| bytes(at, 48).windows(FUTEX.len()).any(|w| w == FUTEX))
}

fn protect(from: usize, to: usize, protection: usize) -> Result<(), &'static str> {
    let start = from & !(PAGE - 1);
    let len = to.next_multiple_of(PAGE) - start;
    // SAFETY: the pages are libc's and stay readable.
    let done = unsafe { scheduler::sys!(mprotect, start, len, protection) };
    done.map(|_| ()).map_err(|_| "libc's pages cannot be made writable")
}

/// `jmp [rip]; address`
const JUMP: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
const JUMP_BYTES: usize = JUMP.len() + 8;

fn redirect(function: usize, target: usize) -> Result<(), &'static str> {
    // The page stays executable throughout: a foreign kernel thread may be running in it.
    const PROT_ALL: usize = 7;
    protect(function, function + JUMP_BYTES, PROT_ALL)?;
    let at: *mut u8 = core::ptr::with_exposed_provenance_mut(function);
    // SAFETY: the function is longer than the jump (seen in 2.31, 2.36 and 2.41), its pages are
    // writable now, and no green thread exists that could be inside it.
    unsafe {
        core::ptr::copy_nonoverlapping(target.to_ne_bytes().as_ptr(), at.add(JUMP.len()), 8);
        core::ptr::copy_nonoverlapping(JUMP.as_ptr(), at, JUMP.len());
    }
    protect(function, function + JUMP_BYTES, PROT_READ_EXEC)
}

/// `__lll_lock_wait_private`: take a lock that is taken. 2 says that somebody waits.
unsafe extern "C-unwind" fn green_lock_wait(word: *mut c_int) {
    // SAFETY: libc passes one of its lock words.
    let lock = unsafe { AtomicU32::from_ptr(word.cast()) };
    let Some(rt) = start::runtime() else {
        // A child without a carrier: as libc itself would.
        while lock.swap(2, Ordering::Acquire) != 0 {
            let _ = scheduler::sys::futex_wait(lock, 2, None);
        }
        return;
    };
    let key = word.addr();
    let here = rt.carrier_here();
    let mut again = false;
    // libc blocks all signals around some of its own steps (pthread_create, posix_spawn); if it waits there,
    // the other threads are to have theirs.
    let mask = here.and_then(|_| mask::suspend());
    while lock.swap(2, Ordering::Acquire) != 0 {
        let request = Request { key, reason: Reason::LibcLock(key), deadline: None, again };
        let _ = rt.lot.park(here, request, || lock.load(Ordering::Relaxed) == 2, || ());
        again = true;
    }
    mask::restore(mask);
}

/// `__lll_lock_wake_private`: the lock was released and somebody may wait.
unsafe extern "C-unwind" fn green_lock_wake(word: *mut c_int) {
    match start::runtime() {
        Some(rt) => {
            rt.lot.unpark_one(rt.carrier_here(), word.addr(), |_| 0);
        }
        None => scheduler::sys::futex_wake(word.cast(), 1),
    }
}

/// `__lll_lock_wait`: `flag` is 0 for a private lock, 128 for one that other processes may share.
unsafe extern "C-unwind" fn green_mutex_wait(word: *mut c_int, flag: c_int) {
    if flag == 0 {
        // SAFETY: the same contract.
        return unsafe { green_lock_wait(word) };
    }
    // SAFETY: libc passes one of its lock words.
    let lock = unsafe { AtomicU32::from_ptr(word.cast()) };
    while lock.swap(2, Ordering::Acquire) != 0 {
        // SAFETY: the lock's word.
        let _ = unsafe { scheduler::sys!(futex, word, libc::FUTEX_WAIT, 2, 0, 0, 0) };
    }
}

/// `__lll_lock_wake`
unsafe extern "C-unwind" fn green_mutex_wake(word: *mut c_int, flag: c_int) {
    let woken = match start::runtime().filter(|_| flag == 0) {
        Some(rt) => rt.lot.unpark_one(rt.carrier_here(), word.addr(), |_| 0),
        None => false,
    };
    if !woken {
        // Kernel threads that wait with a time limit do so by system calls of their own.
        let private = if flag == 0 { libc::FUTEX_PRIVATE_FLAG } else { 0 };
        // SAFETY: no memory is touched; the word may be gone, as it may for libc.
        let _ = unsafe { scheduler::sys!(futex, word, libc::FUTEX_WAKE | private, 1, 0, 0, 0) };
    }
}

/// Replace the read, write, close, seek and stat slots of every FILE jump table.
fn replace_slots() -> Result<(), &'static str> {
    let tables = inner::FILE_JUMPS.find().ok_or("libc does not export its stdio tables")?.addr();
    let wide = inner::WIDE_FILE_JUMPS.find().ok_or("libc does not export its stdio tables")?.addr();
    let slots = [
        (inner::FILE_READ.find(), file_read as *const () as usize),
        (inner::FILE_WRITE.find(), file_write as *const () as usize),
        (inner::FILE_CLOSE.find(), file_close as *const () as usize),
        (inner::FILE_SEEK.find(), file_seek as *const () as usize),
        (inner::FILE_STAT.find(), file_stat as *const () as usize),
    ];
    if slots.iter().any(|(real, _)| real.is_none()) {
        return Err("libc does not export its stdio functions");
    }
    // The hidden tables lie within a page of the exported ones; a page's neighbours in the same
    // mapping are readable.
    let from = (tables.min(wide) - PAGE) & !(PAGE - 1);
    let to = (tables.max(wide) + 2 * PAGE) & !(PAGE - 1);
    let (from, to) = clip_to_relro(from, to);
    protect(from, to, PROT_READ_WRITE)?;
    for at in (from..to).step_by(8) {
        let slot: *mut usize = core::ptr::with_exposed_provenance_mut(at);
        // SAFETY: the range is mapped and writable now; a word that equals one of these functions'
        // addresses can only be a slot.
        unsafe {
            for (real, ours) in slots {
                if real.is_some_and(|r| r.addr() == slot.read()) {
                    slot.write(ours);
                }
            }
        }
    }
    protect(from, to, PROT_READ)
}

/// libc's read-only-after-relocation pages, which hold the tables: never look outside of them.
fn clip_to_relro(from: usize, to: usize) -> (usize, usize) {
    struct Search {
        inside: usize,
        relro: (usize, usize),
    }
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: ld.so passes a valid object, `data` is the Search below.
        unsafe {
            let (info, search) = (&*info, &mut *data.cast::<Search>());
            for h in core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) {
                let start = info.dlpi_addr as usize + h.p_vaddr as usize;
                let end = start + h.p_memsz as usize;
                if h.p_type == libc::PT_GNU_RELRO && (start..end).contains(&search.inside) {
                    search.relro = (start & !(PAGE - 1), end & !(PAGE - 1));
                    return 1;
                }
            }
        }
        0
    }
    let mut search = Search { inside: from + PAGE, relro: (from, to) };
    // SAFETY: `look` fits, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    (from.max(search.relro.0), to.min(search.relro.1))
}

// ---- the slots: what glibc's own do, with our jackets underneath ---------------------------------

/// Make a call as the cancellation point that it is, unless the FILE says otherwise: fopen(3), the mode "c".
unsafe fn as_point<R>(file: *mut File, work: impl FnOnce() -> R) -> R {
    // SAFETY: stdio passes a FILE of its own.
    if unsafe { (*file).flags2 } & FILE_NO_POINT != 0 { cancel::refused(work) } else { work() }
}

unsafe extern "C-unwind" fn file_read(file: *mut File, buf: *mut c_void, len: ssize_t) -> ssize_t {
    // SAFETY: stdio passes a FILE of its own and a buffer of `len` bytes.
    unsafe { as_point(file, || crate::io::read_write::read((*file).fd, buf, len as size_t)) }
}

unsafe extern "C-unwind" fn file_write(file: *mut File, buf: *const c_void, len: ssize_t) -> ssize_t {
    let mut done = 0;
    // SAFETY: stdio passes a FILE of its own and a buffer of `len` bytes.
    unsafe {
        while done < len {
            let rest = buf.byte_add(done as usize);
            let n = as_point(file, || crate::io::read_write::write((*file).fd, rest, (len - done) as size_t));
            if n < 0 {
                (*file).flags |= FILE_ERROR;
                break;
            }
            done += n;
        }
        if (*file).offset >= 0 {
            (*file).offset += done as i64;
        }
    }
    done
}

unsafe extern "C-unwind" fn file_close(file: *mut File) -> c_int {
    // SAFETY: stdio passes a FILE of its own.
    unsafe { as_point(file, || crate::io::descriptor::close((*file).fd)) }
}

unsafe extern "C-unwind" fn file_seek(file: *mut File, offset: i64, whence: c_int) -> i64 {
    // SAFETY: stdio passes a FILE of its own.
    unsafe { crate::files::status::lseek((*file).fd, offset, whence) }
}

unsafe extern "C-unwind" fn file_stat(file: *mut File, stat: *mut c_void) -> c_int {
    // SAFETY: stdio passes a FILE of its own.
    unsafe { crate::files::status::fstat((*file).fd, stat) }
}
