//! Messages that libc writes out of our sight: syslog(3), herror(3), psiginfo(3), backtrace_symbols_fd(3),
//! malloc_stats(3). The socket of the log's daemon, or the pipe behind standard error, may be full, so a helper
//! writes. wordexp(3), which runs a shell and waits for it, is here for the same reason.

use crate::offload::{bounded, unbounded};
use crate::{export, real};
use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_void};

export! {
    /// vsyslog(3)
    @cancellation_point fn vsyslog(priority: c_int, format: *const c_char, arguments: *mut c_void) -> () {
        unbounded(|| real::vsyslog(priority, format, arguments))
    }

    /// vsyslog(3), fortified
    @cancellation_point fn __vsyslog_chk(priority: c_int, flag: c_int, format: *const c_char, arguments: *mut c_void) -> () {
        unbounded(|| real::__vsyslog_chk(priority, flag, format, arguments))
    }

    /// openlog(3)
    fn openlog(name: *const c_char, options: c_int, facility: c_int) -> () {
        bounded(|| real::openlog(name, options, facility))
    }

    /// closelog(3)
    @cancellation_point fn closelog() -> () {
        bounded(|| real::closelog())
    }

    /// herror(3)
    fn herror(text: *const c_char) -> () {
        unbounded(|| real::herror(text))
    }

    /// psiginfo(3)
    fn psiginfo(info: *const c_void, text: *const c_char) -> () {
        unbounded(|| real::psiginfo(info, text))
    }

    /// backtrace_symbols_fd(3)
    fn backtrace_symbols_fd | __backtrace_symbols_fd(addresses: *const *mut c_void, count: c_int, fd: c_int) -> () {
        unbounded(|| real::backtrace_symbols_fd(addresses, count, fd))
    }

    /// malloc_stats(3)
    fn malloc_stats() -> () {
        unbounded(|| real::malloc_stats())
    }

    /// malloc_info(3)
    fn malloc_info(options: c_int, stream: *mut c_void) -> c_int {
        unbounded(|| real::malloc_info(options, stream))
    }

    /// wordexp(3)
    fn wordexp(words: *const c_char, out: *mut c_void, flags: c_int) -> c_int {
        unbounded(|| real::wordexp(words, out, flags))
    }
}

/// A variadic function of general registers and floating-point numbers: its arguments become a `va_list`
/// (System V ABI, 3.5.7), which follows the `$named` ones in a call of `$with_list`.
macro_rules! variadic {
    ($(#[$meta:meta])* $name:ident, named in $named:literal registers, list in $list:literal => $with_list:path) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As for the libc function.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(_: usize, _: usize) {
            naked_asm!(
                ".cfi_startproc",
                // 24 bytes of va_list, 176 of saved registers, 8 to align.
                "sub rsp, 216", ".cfi_adjust_cfa_offset 216",
                "mov [rsp + 32], rdi",
                "mov [rsp + 40], rsi",
                "mov [rsp + 48], rdx",
                "mov [rsp + 56], rcx",
                "mov [rsp + 64], r8",
                "mov [rsp + 72], r9",
                "test al, al",
                "jz 2f",
                "movaps [rsp + 80], xmm0",
                "movaps [rsp + 96], xmm1",
                "movaps [rsp + 112], xmm2",
                "movaps [rsp + 128], xmm3",
                "movaps [rsp + 144], xmm4",
                "movaps [rsp + 160], xmm5",
                "movaps [rsp + 176], xmm6",
                "movaps [rsp + 192], xmm7",
                "2:",
                concat!("mov dword ptr [rsp], 8 * ", $named),
                "mov dword ptr [rsp + 4], 48",
                "lea rax, [rsp + 224]",
                "mov [rsp + 8], rax",
                "lea rax, [rsp + 32]",
                "mov [rsp + 16], rax",
                concat!("mov ", $list, ", rsp"),
                "call {with_list}",
                "add rsp, 216", ".cfi_adjust_cfa_offset -216",
                "ret",
                ".cfi_endproc",
                with_list = sym $with_list,
            )
        }
    };
}

variadic!(
    /// syslog(3)
    syslog, named in "2" registers, list in "rdx" => vsyslog
);
variadic!(
    /// syslog(3), fortified
    __syslog_chk, named in "3" registers, list in "rcx" => __vsyslog_chk
);
