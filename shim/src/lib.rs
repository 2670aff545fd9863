//! `libgreen.so`: runs an unmodified pthread program on green threads.
//!
//! # The house: where is what
//!
//! ```text
//!   export.rs   how a jacket is declared          real.rs     the functions behind the jackets
//!   start.rs    from first pthread_create to M:1  options.rs  the GREEN_* table
//!   tls.rs      a glibc TLS block per thread      patch.rs    libc's inner locks and stdio slots
//!   abi.rs      layouts we share with glibc       log.rs      lines on stderr
//!   statistics.rs  what is counted                reports/    what is said about threads
//!   helper.rs   kernel threads of our own         offload.rs  calls that they execute
//!   execution.rs  a call in a thread's name       chaos.rs    other schedules, to find faults by
//!   preempt.rs  threads that compute              loader.rs   libraries that come later
//!   pthread/    threads, locks, conditions …      io/         everything on descriptors
//!   files/      files by name, directories        signal/     masks, handlers, waiting
//!   time.rs  durability.rs  aio.rs  ipc.rs  names.rs  databases.rs  messages.rs  process.rs  children.rs  shell.rs  credentials.rs  tables.rs  memory.rs
//!   syscalls.rs  calls by number                  trap/       the safety net
//!   runtimes.rs  whose threads cannot be green    tools.rs    valgrind, LeakSanitizer
//! ```
//!
//! # The rules of code that runs inside somebody else's process
//!
//! 1. **No std I/O, no std locks, no std threads.** std calls libc through the PLT, that is: us. A
//!    `println!` in a `write` jacket recurses until the stack ends. The crate is `no_std`, so std
//!    cannot be named by accident; clippy.toml lists what must not come back.
//! 2. **No heap in a jacket.** The program may have replaced malloc by one that locks through our
//!    jackets. Records live on the waiter's stack or in mapped slabs.
//! 3. **Nothing before it is needed.** Hooks run before our constructor; until the program creates
//!    its first thread no jacket makes a system call of its own, whatever seccomp filter it has.
//! 4. **Jackets are `extern "C-unwind"`.** Cancellation, `pthread_exit` and C++ exceptions unwind
//!    through them; nothing here catches an unwind.
//! 5. **Errno is the program's.** A jacket that succeeds leaves it alone.
//! 6. **A kernel thread that is not the carrier gets the real function** (helpers, SIGEV_THREAD
//!    callbacks, a vfork child). Locks and conditions work between both worlds.
//! 7. **Async-signal safety.** While the scheduler is inside a critical section a handler is kept
//!    and runs when it ends, so what POSIX lets a handler call it can call here.
//! 8. **Never abort the host.** No `unwrap`, no panic on what the program or the kernel may do. What
//!    cannot be done green is done natively, with one line on stderr if the user should know.
#![no_std]

// redhook needs std; we link it and use nothing of it (rule 1).
extern crate std;

mod abi;
mod aio;
mod chaos;
mod children;
mod credentials;
mod databases;
mod durability;
mod errno;
mod execution;
mod export;
mod files;
mod helper;
mod io;
mod ipc;
mod loader;
mod log;
mod memory;
mod messages;
mod names;
mod offload;
mod options;
mod patch;
mod preempt;
mod process;
mod pthread;
mod real;
mod reports;
mod runtimes;
mod shell;
mod signal;
mod start;
mod statistics;
mod syscalls;
mod tables;
mod time;
mod tls;
mod tools;
mod tracing;
mod trap;

/// `strings libgreen.so` and `green --version` find the version here.
#[unsafe(no_mangle)]
pub static GREEN_VERSION: [u8; VERSION.len()] = {
    let mut bytes = [0; VERSION.len()];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = VERSION.as_bytes()[i];
        i += 1;
    }
    bytes
};

const VERSION: &str = concat!("libgreen ", env!("CARGO_PKG_VERSION"), "\0");

/// Runs when the library is loaded: look the real functions up, before the program's first error of
/// `dlopen`, and look at the options, so that a mistake in them is reported at once. It makes no system
/// call unless there is a mistake.
#[ctor::ctor(unsafe)]
fn loaded() {
    real::look_up_all();
    options::read();
    process::watch_forks();
}
