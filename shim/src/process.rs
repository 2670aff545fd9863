//! fork(2), vfork(2) and exec(3): what the child finds of the scheduler, and of the thread that made it.
//!
//! A `fork` child has the calling green thread alone, with a scheduler of its own; the parent's
//! epoll set is never touched from it. glibc's fork calls our handler wherever it is called from
//! (`daemon`, `forkpty`), and, registered first, before the program's own handlers.
//!
//! A `vfork` child borrows our memory: until it execs or exits, its kernel thread does not count
//! as the carrier, so its jackets call the real functions and leave the scheduler alone.

use crate::files::program;
use crate::pthread::green;
use crate::signal::mask;
use crate::{errno, export, helper, preempt, real, signal, start};
use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Register our fork handler; before the program registers its own.
pub fn watch_forks() {
    // SAFETY: the handlers fit and live as long as the library, which is never unloaded.
    unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
}

/// The last step before the fork. Until the child knows that it is one, its kernel thread is not the carrier: a handler
/// would run in it whatever its thread blocks, and beside a scheduler that still has all of the parent's threads.
unsafe extern "C" fn before() {
    if start::here().is_some() {
        mask::block_all();
    }
}

unsafe extern "C" fn in_child() {
    crate::io::descriptor::share_early();
    crate::pthread::once::after_fork();
    let Some(rt) = start::runtime() else { return };
    match rt.carrier_here() {
        Some(carrier) => start::after_fork(rt, carrier.current()),
        // A foreign kernel thread forked: the child has no carrier, so it is native.
        None => start::abandon(),
    }
}

unsafe extern "C" fn in_parent() {
    crate::io::descriptor::share_early();
    if let Some((rt, _)) = start::here() {
        rt.fds.share_all();
        mask::sync();
    }
}

/// Make a child that has a copy of our memory, past libc's fork handlers.
pub fn copied(make: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the steps of a fork.
    unsafe {
        before();
        let is_alone = start::here().is_none() || green::is_last();
        let child = make();
        if child == 0 {
            in_child();
            if !is_alone {
                helper::cannot_start();
            }
        } else {
            in_parent()
        };
        child
    }
}

/// Make a child that inherits our descriptors, so none is private any more, and the thread's own signal
/// mask.
pub fn with_child<R>(make: impl FnOnce() -> R) -> R {
    match start::here() {
        Some((rt, _)) => {
            rt.fds.share_all();
            lending(make)
        }
        None => {
            crate::io::descriptor::share_early();
            make()
        }
    }
}

/// Become another program, which inherits the thread's own signal mask, and what is pending for it alone.
fn exec(replace: impl FnOnce() -> c_int) -> c_int {
    let Some((rt, _)) = start::here().filter(|_| green::is_carrier_thread()) else { return replace() };
    let me = green::current(rt);
    lending(|| {
        let lent = signal::lend_pending(me);
        let result = replace();
        let error = errno::get();
        signal::take_pending_back(me, lent);
        errno::set(error);
        result
    })
}

/// Run `work` with what another program inherits where the kernel will look for it.
fn lending<R>(work: impl FnOnce() -> R) -> R {
    signal::lend_ignored(preempt::SIGNAL);
    mask::lend_to_kernel();
    let result = work();
    mask::sync();
    signal::take_back(preempt::SIGNAL);
    result
}

export! {
    /// posix_spawn(3)
    fn posix_spawn(
        pid: *mut libc::pid_t, path: *const c_char, actions: usize, attr: usize, argv: usize, envp: usize,
    ) -> c_int {
        program::warm(path);
        with_child(|| real::posix_spawn(pid, path, actions, attr, argv, envp))
    }

    /// posix_spawnp(3)
    fn posix_spawnp(
        pid: *mut libc::pid_t, file: *const c_char, actions: usize, attr: usize, argv: usize, envp: usize,
    ) -> c_int {
        program::warm_by_name(file);
        with_child(|| real::posix_spawnp(pid, file, actions, attr, argv, envp))
    }

    /// fork(2) without handlers
    fn _Fork() -> c_int {
        copied(|| real::_Fork())
    }

    /// clone(2): a child that borrows our memory does so as one of vfork does; one with a copy begins as one of fork.
    fn clone | __clone(
        body: usize, stack: usize, flags: c_int, arg: usize, parent_tid: usize, tls: usize, child_tid: usize,
    ) -> c_int {
        const BORROWS: c_int = libc::CLONE_VM | libc::CLONE_VFORK;
        let here = start::here().filter(|_| body != 0 && stack != 0);
        match here {
            Some((rt, carrier)) if flags & BORROWS == BORROWS => {
                rt.fds.share_all();
                lending(|| {
                    let (word, value) = carrier.lend_to_vfork();
                    let child = real::clone(body, stack, flags, arg, parent_tid, tls, child_tid);
                    word.store(value, Ordering::Relaxed);
                    child
                })
            }
            Some(_) if flags & libc::CLONE_VM == 0 => {
                let child = Child { body, arg };
                before();
                let begin = begin_copied as *const () as usize;
                let copy = (&raw const child).expose_provenance();
                let child = real::clone(begin, stack, flags, copy, parent_tid, tls, child_tid);
                in_parent();
                child
            }
            _ => real::clone(body, stack, flags, arg, parent_tid, tls, child_tid),
        }
    }

    /// popen(3)
    fn popen(command: *const c_char, mode: *const c_char) -> *mut c_void {
        with_child(|| real::popen(command, mode))
    }

    /// execve(2)
    fn execve(path: *const c_char, argv: usize, envp: usize) -> c_int {
        program::warm(path);
        exec(|| real::execve(path, argv, envp))
    }

    /// execv(3)
    fn execv(path: *const c_char, argv: usize) -> c_int {
        program::warm(path);
        exec(|| real::execv(path, argv))
    }

    /// execvp(3)
    fn execvp(file: *const c_char, argv: usize) -> c_int {
        program::warm_by_name(file);
        exec(|| real::execvp(file, argv))
    }

    /// execvpe(3)
    fn execvpe(file: *const c_char, argv: usize, envp: usize) -> c_int {
        program::warm_by_name(file);
        exec(|| real::execvpe(file, argv, envp))
    }

    /// fexecve(3)
    fn fexecve(fd: c_int, argv: usize, envp: usize) -> c_int {
        exec(|| real::fexecve(fd, argv, envp))
    }

    /// execveat(2)
    fn execveat(fd: c_int, path: *const c_char, argv: usize, envp: usize, flags: c_int) -> c_int {
        exec(|| real::execveat(fd, path, argv, envp, flags))
    }
}

/// What a child of clone(2) with a copy of our memory is to do.
struct Child {
    body: usize,
    arg: usize,
}

unsafe extern "C-unwind" fn begin_copied(child: *const Child) -> c_int {
    // SAFETY: in the child's copy of its parent's stack; the program's function has this type.
    unsafe {
        in_child();
        let Child { body, arg } = child.read();
        let body: unsafe extern "C-unwind" fn(usize) -> c_int = core::mem::transmute(body);
        body(arg)
    }
}

/// A function of the execl(3) family: its arguments, some in registers and the rest on the stack, become one
/// array, and it goes on in `$with_array`.
macro_rules! execl {
    ($(#[$meta:meta])* $name:ident => $with_array:path) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As for the libc function.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(_: *const c_char, _: *const c_char) -> c_int {
            naked_asm!(
                ".cfi_startproc",
                // The return address makes room: what was passed in registers goes below the rest.
                "pop rax", ".cfi_adjust_cfa_offset -8", ".cfi_register rip, rax",
                "push r9", ".cfi_adjust_cfa_offset 8",
                "push r8", ".cfi_adjust_cfa_offset 8",
                "push rcx", ".cfi_adjust_cfa_offset 8",
                "push rdx", ".cfi_adjust_cfa_offset 8",
                "push rsi", ".cfi_adjust_cfa_offset 8",
                "mov rsi, rsp",
                "push rax", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rip, 0",
                "call {with_array}",
                "pop rcx", ".cfi_adjust_cfa_offset -8", ".cfi_register rip, rcx",
                "add rsp, 40", ".cfi_adjust_cfa_offset -40",
                "jmp rcx",
                ".cfi_endproc",
                with_array = sym $with_array,
            )
        }
    };
}

execl!(
    /// execl(3)
    execl => execl_array
);
execl!(
    /// execlp(3)
    execlp => execlp_array
);
execl!(
    /// execle(3)
    execle => execle_array
);

unsafe extern "C-unwind" fn execl_array(path: *const c_char, argv: *const usize) -> c_int {
    // SAFETY: the program's arguments.
    unsafe { execv(path, argv.expose_provenance()) }
}

unsafe extern "C-unwind" fn execlp_array(file: *const c_char, argv: *const usize) -> c_int {
    // SAFETY: the program's arguments.
    unsafe { execvp(file, argv.expose_provenance()) }
}

unsafe extern "C-unwind" fn execle_array(path: *const c_char, argv: *const usize) -> c_int {
    // SAFETY: the program's arguments: strings, a null pointer, and the environment.
    unsafe {
        let mut end = argv;
        while *end != 0 {
            end = end.add(1);
        }
        execve(path, argv.expose_provenance(), *end.add(1))
    }
}

/// vfork(2). The return address leaves the stack before the call, because the child, which runs on
/// it first, would overwrite it.
///
/// # Safety
/// As for the libc function.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn vfork() -> c_int {
    naked_asm!(
        ".cfi_startproc",
        "sub rsp, 8", ".cfi_adjust_cfa_offset 8",
        "call {lend}",
        "add rsp, 8", ".cfi_adjust_cfa_offset -8",
        // The kernel keeps every register but rax, rcx and r11: r8 is the word to restore, r9 what
        // belongs into it.
        "mov r8, rax",
        "mov r9, rdx",
        "pop rdi", ".cfi_adjust_cfa_offset -8", ".cfi_register rip, rdi",
        "mov eax, 58",
        "syscall",
        "push rdi", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rip, 0",
        "test eax, eax",
        "jz 2f",
        "mov [r8], r9",
        "js 3f",
        "2:",
        "ret",
        "3:",
        "mov edi, eax",
        "jmp {fail}",
        ".cfi_endproc",
        lend = sym lend,
        fail = sym vfork_failed,
    )
}

/// Two words, returned in rax and rdx.
#[repr(C)]
struct Lent {
    word: *const AtomicUsize,
    value: usize,
}

/// 1 while a child of a `vfork` from a thread that is on no carrier may run.
static BORROWED: AtomicUsize = AtomicUsize::new(0);

/// The caller may be a child of `vfork` that borrows our memory: leave no traces in it.
pub fn may_be_vfork_child() -> bool {
    BORROWED.load(Ordering::Relaxed) != 0 || start::runtime().is_some_and(|rt| rt.carrier.is_vfork_child())
}

unsafe extern "C" fn lend() -> Lent {
    match start::here() {
        Some((rt, carrier)) => {
            rt.fds.share_all();
            signal::lend_ignored(preempt::SIGNAL);
            mask::lend_to_kernel();
            let (word, value) = carrier.lend_to_vfork();
            Lent { word, value }
        }
        None => {
            BORROWED.store(1, Ordering::Relaxed);
            Lent { word: &raw const BORROWED, value: 0 }
        }
    }
}

unsafe extern "C-unwind" fn vfork_failed(error: c_int) -> c_int {
    errno::fail(-error)
}
