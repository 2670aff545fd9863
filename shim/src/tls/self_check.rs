//! Does a TLS block of ours work? Tried once, before the first green thread depends on it.

use super::{Layout, header};
use core::ffi::c_int;
use core::ptr;
use scheduler::context::fs_base;

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
