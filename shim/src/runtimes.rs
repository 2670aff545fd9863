//! Runtimes whose threads cannot be green: they wait past libc, or follow every thread's stack themselves.

use crate::weak;
use core::ffi::{c_int, c_void};
use core::ptr;

/// Why this process must not run green, if it must not.
pub fn objection() -> Option<&'static str> {
    if has_go() {
        return Some("Go's runtime is in this process, which waits past libc");
    }
    (weak!("__tsan_init") != 0).then_some("ThreadSanitizer follows kernel threads alone")
}

/// Go's linker leaves a note in what it makes, a program or a library.
fn has_go() -> bool {
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
        // SAFETY: ld.so passes a valid object, whose notes are in memory.
        unsafe {
            let info = &*info;
            let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
            let is_note = |h: &&libc::Elf64_Phdr| h.p_type == libc::PT_NOTE && h.p_memsz != 0;
            c_int::from(headers.iter().filter(is_note).any(|h| {
                let at: *const u8 = ptr::with_exposed_provenance((info.dlpi_addr + h.p_vaddr) as usize);
                is_go(core::slice::from_raw_parts(at, h.p_memsz as usize))
            }))
        }
    }
    // SAFETY: `look` fits, and asks for no data.
    unsafe { libc::dl_iterate_phdr(Some(look), ptr::null_mut()) != 0 }
}

/// One after the other, each filled up to 4 bytes: length of the owner's name, length of the rest, type; name; rest.
fn is_go(mut notes: &[u8]) -> bool {
    const BUILD_ID: u32 = 4;
    while let Some((head, rest)) = notes.split_at_checked(12) {
        let word = |i: usize| u32::from_ne_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        let [name, length] = [word(0), word(4)].map(|n| (n as usize).next_multiple_of(4));
        let Some((name, rest)) = rest.split_at_checked(name) else { return false };
        if name == b"Go\0\0" && word(8) == BUILD_ID {
            return true;
        }
        let Some(rest) = rest.get(length..) else { return false };
        notes = rest;
    }
    false
}
