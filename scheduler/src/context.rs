//! The context switch (x86-64, System V).
//!
//! Operations: [`switch_wrfsbase`] / [`switch_arch_prctl`] leave one green thread and continue
//! another; [`prepare`] lays out the stack of a thread that has not run yet; [`call_as_if_from`] shows a suspended one to
//! an unwinder.
//!
//! What a suspended thread's stack looks like, top down:
//!
//! ```text
//!      ...               frames of whoever called switch
//!      return address    of switch's caller (a new thread: `green_first_frame`)
//!      rbp
//!      rbx               (a new thread: the Rust function to enter)
//!      r12               (a new thread: its argument)
//!      r13 r14 r15
//!      mxcsr, x87 cw, sw 4 + 2 + 2 bytes: rounding modes and exception flags belong to a thread
//! sp ►
//! ```
//!
//! Everything else is caller-saved, so the compiler has already put it away. The FS base is the
//! thread's identity for glibc (`errno`, `pthread_self()`, `__thread`): it changes after the stack,
//! in the last instruction before the return.
//!
//! These words are compared before they are loaded: `ldmxcsr` and `fldcw` serialise, and almost
//! every thread of a program uses the same ones. The x87 status word can only be loaded with a whole
//! environment (`fldenv`, some 100 cycles); that happens when two threads' exception flags differ.

use core::arch::{global_asm, naked_asm};

/// Leaves the running thread and continues another.
///
/// `save` receives the stack pointer of the thread that stops, `load` is the one of the thread
/// that continues, `fs` its FS base (0: leave the register alone).
///
/// # Safety
/// `load` must come from an earlier switch or from [`prepare`], and nobody else may resume it.
pub type Switch = unsafe extern "C-unwind" fn(save: *mut *mut u8, load: *mut u8, fs: usize);

macro_rules! switch {
    ($(#[$doc:meta])* $name:ident, $($set_fs:literal),+) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// See [`Switch`].
        #[unsafe(naked)]
        pub unsafe extern "C-unwind" fn $name(save: *mut *mut u8, load: *mut u8, fs: usize) {
            naked_asm!(
                ".cfi_startproc",
                "push rbp", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbp, 0",
                "push rbx", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbx, 0",
                "push r12", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r12, 0",
                "push r13", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r13, 0",
                "push r14", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r14, 0",
                "push r15", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r15, 0",
                "sub rsp, 8", ".cfi_adjust_cfa_offset 8",
                "stmxcsr [rsp]",
                "fnstcw [rsp + 4]",
                "fnstsw [rsp + 6]",
                "mov eax, [rsp]",
                "movzx ecx, word ptr [rsp + 4]",
                "movzx r8d, word ptr [rsp + 6]",
                "mov [rdi], rsp",
                // From here on we stand on the other thread's stack. Every suspended stack has the
                // same layout, so the unwind rules above hold there too.
                "mov rsp, rsi",
                "cmp eax, [rsp]",
                "je 2f",
                "ldmxcsr [rsp]",
                "2:",
                "cmp cx, [rsp + 4]",
                "je 3f",
                "fldcw [rsp + 4]",
                "3:",
                "xor r8w, [rsp + 6]",
                "test r8b, 0x3f",
                "jz 5f",
                // Below the stack pointer is free: a call clobbers the red zone.
                "fnstenv [rsp - 32]",
                "mov cx, [rsp + 6]",
                "mov [rsp - 28], cx",
                "fldenv [rsp - 32]",
                "5:",
                "add rsp, 8", ".cfi_adjust_cfa_offset -8",
                "pop r15", ".cfi_adjust_cfa_offset -8", ".cfi_restore r15",
                "pop r14", ".cfi_adjust_cfa_offset -8", ".cfi_restore r14",
                "pop r13", ".cfi_adjust_cfa_offset -8", ".cfi_restore r13",
                "pop r12", ".cfi_adjust_cfa_offset -8", ".cfi_restore r12",
                "pop rbx", ".cfi_adjust_cfa_offset -8", ".cfi_restore rbx",
                "pop rbp", ".cfi_adjust_cfa_offset -8", ".cfi_restore rbp",
                "test rdx, rdx",
                "jz 4f",
                $($set_fs,)+
                "4:",
                // A plain `ret`: all switches come from one call site, so the return predictor's
                // guess (our own caller) is right.
                "ret",
                ".cfi_endproc",
            )
        }
    };
}

switch!(
    /// The switch where user space may write the FS base (`AT_HWCAP2` bit 1).
    switch_wrfsbase, "wrfsbase rdx"
);

switch!(
    /// The switch for kernels without FSGSBASE: a system call sets the FS base.
    switch_arch_prctl, "mov edi, 0x1002", "mov rsi, rdx", "mov eax, 158", "syscall"
);

// The frame every green thread starts in, and where unwinders and debuggers stop: the return
// address is declared undefined. It is entered by switch's `ret`, with rbx and r12 as `prepare`
// laid them out.
global_asm!(
    ".pushsection .text.green_first_frame, \"ax\", @progbits",
    ".balign 16",
    ".hidden green_first_frame",
    ".globl green_first_frame",
    ".type green_first_frame, @function",
    "green_first_frame:",
    ".cfi_startproc",
    ".cfi_undefined rip",
    "mov rdi, r12",
    "call rbx",
    "ud2",
    ".cfi_endproc",
    ".size green_first_frame, . - green_first_frame",
    ".popsection",
);

unsafe extern "C" {
    fn green_first_frame();
}

/// Call `work(data)` here, in a frame whose caller is, for unwinders, a suspended thread: the one that was left with
/// this stack pointer. Its stack is only read.
///
/// # Safety
/// `sp` must come from a switch (or [`prepare`]), and nobody may resume that thread meanwhile. `work` must not unwind.
#[unsafe(naked)]
pub unsafe extern "C" fn call_as_if_from(
    sp: *const u8,
    work: unsafe extern "C" fn(*mut core::ffi::c_void),
    data: *mut core::ffi::c_void,
) {
    naked_asm!(
        ".cfi_startproc",
        "push rbx",
        "mov rbx, rdi",
        // What a suspended stack looks like (see above), found through rbx.
        ".cfi_def_cfa rbx, 64",
        ".cfi_offset rip, -8",
        ".cfi_offset rbp, -16",
        ".cfi_offset rbx, -24",
        ".cfi_offset r12, -32",
        ".cfi_offset r13, -40",
        ".cfi_offset r14, -48",
        ".cfi_offset r15, -56",
        "mov rdi, rdx",
        "call rsi",
        "pop rbx",
        "ret",
        ".cfi_endproc",
    )
}

/// What a new thread enters; it never returns.
pub type Entry = unsafe extern "C-unwind" fn(*mut u8) -> !;

/// Lay out a stack ending below `top` so that the first switch to it calls `entry(arg)`.
///
/// Returns the stack pointer to switch to. The new thread inherits the creator's rounding modes,
/// as POSIX asks.
///
/// # Safety
/// At least 128 bytes below `top` must be writable and unused.
pub unsafe fn prepare(top: *mut u8, entry: Entry, arg: *mut u8) -> *mut u8 {
    let mut control: u64 = 0;
    // SAFETY: the instructions store into our own eight bytes.
    unsafe {
        core::arch::asm!(
            "stmxcsr [{c}]", "fnstcw [{c} + 4]", "fnstsw [{c} + 6]", c = in(reg) &raw mut control, options(nostack)
        );
    }
    let words: [u64; 8] = [
        control,
        0,                                     // r15
        0,                                     // r14
        0,                                     // r13
        arg.expose_provenance() as u64,        // r12
        entry as *const () as u64,             // rbx
        0,                                     // rbp: the end of a frame-pointer chain
        green_first_frame as *const () as u64, // return address
    ];
    // At `call rbx` the stack pointer is `top`, a multiple of 16, as the ABI wants.
    let top = top.map_addr(|a| a & !15);
    // SAFETY: the caller gave us the room.
    unsafe {
        let sp = top.sub(size_of_val(&words));
        sp.cast::<[u64; 8]>().write(words);
        sp
    }
}

/// The running kernel or green thread's identity: word 0 of its TLS header points to itself.
#[inline(always)]
pub fn fs_base() -> usize {
    let at: usize;
    // SAFETY: glibc keeps the thread pointer's own address at fs:0 (the x86-64 TLS ABI asks it).
    unsafe {
        core::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) at, options(nostack, readonly, preserves_flags));
    }
    at
}

/// Set the FS base where user space may.
///
/// # Safety
/// `fs` must be a TLS block; FSGSBASE must be usable.
pub unsafe fn set_fs_base(fs: usize) {
    // SAFETY: the caller vouches.
    unsafe { core::arch::asm!("wrfsbase {}", in(reg) fs, options(nostack, preserves_flags)) };
}

/// Set the FS base by a system call.
///
/// # Safety
/// `fs` must be a TLS block.
pub unsafe fn set_fs_base_by_kernel(fs: usize) {
    const ARCH_SET_FS: usize = 0x1002;
    // SAFETY: the caller vouches.
    let _ = unsafe { crate::sys!(arch_prctl, ARCH_SET_FS, fs) };
}
