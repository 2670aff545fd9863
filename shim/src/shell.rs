//! system(3): libc's own waits out of our sight, and changes signal actions and the kernel thread's mask where
//! we would not see it. So it is made here, of jackets: posix_spawn, and a waitpid that parks.
//!
//! While commands run, SIGINT and SIGQUIT are ignored in the whole process, and SIGCHLD is blocked in each thread that
//! waits for one. A cancellation kills the command.

use crate::children::waitpid;
use crate::process::posix_spawn;
use crate::pthread::green;
use crate::signal::mask;
use crate::signal::set::bit;
use crate::signal::{is_function, sigaction, undisturbed};
use crate::{errno, export, real, start};
use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use core::ptr;
use libc::{SIGINT, SIGQUIT, pid_t};
use scheduler::spin::Spin;

/// What SIGINT and SIGQUIT did before the first of the commands that run now.
struct Before {
    commands: u32,
    actions: [MaybeUninit<libc::sigaction>; 2],
}

static BEFORE: Spin<Before> =
    Spin::new(Before { commands: 0, actions: [MaybeUninit::uninit(), MaybeUninit::uninit()] });

const KEYS: [c_int; 2] = [SIGINT, SIGQUIT];

/// While it lives a command runs.
struct Command {
    /// The thread's mask before.
    mask: u64,
    /// Those of [`KEYS`] that the command finds at their default action.
    defaults: u64,
    /// The child, until its end is known.
    child: pid_t,
}

impl Command {
    fn begin() -> Command {
        let mut defaults = 0;
        undisturbed(|| {
            let mut before = BEFORE.lock();
            let first = before.commands == 0;
            for (key, action) in KEYS.into_iter().zip(&mut before.actions) {
                // SAFETY: objects of ours.
                unsafe {
                    let mut ignore: libc::sigaction = core::mem::zeroed();
                    ignore.sa_sigaction = libc::SIG_IGN;
                    let mut found = MaybeUninit::zeroed();
                    sigaction(key, &raw const ignore, found.as_mut_ptr());
                    // The first finds the program's own, the others "ignored".
                    if first {
                        *action = found;
                    }
                    let was = action.assume_init_ref().sa_sigaction;
                    if was == libc::SIG_DFL || is_function(was) {
                        defaults |= bit(key);
                    }
                }
            }
            before.commands += 1;
        });
        let mut mask = 0;
        if let Some((rt, _)) = start::here() {
            let me = green::current(rt);
            mask = me.signals.blocked();
            mask::set(me, mask | bit(libc::SIGCHLD));
        }
        Command { mask, defaults, child: 0 }
    }
}

impl Drop for Command {
    /// Also if a cancellation unwinds.
    fn drop(&mut self) {
        let error = errno::get();
        if self.child != 0 {
            // SAFETY: our own child, which nobody has waited for.
            unsafe {
                libc::kill(self.child, libc::SIGKILL);
                while waitpid(self.child, ptr::null_mut(), 0) < 0 && errno::get() == libc::EINTR {}
            }
        }
        undisturbed(|| {
            let mut before = BEFORE.lock();
            before.commands -= 1;
            if before.commands == 0 {
                for (key, action) in KEYS.into_iter().zip(&before.actions) {
                    // SAFETY: filled in when the first command began.
                    unsafe { sigaction(key, action.as_ptr(), ptr::null_mut()) };
                }
            }
        });
        if let Some((rt, _)) = start::here() {
            mask::set_and_deliver(green::current(rt), self.mask);
        }
        errno::set(error);
    }
}

/// Run a command; its status, or -1 and `errno`.
unsafe fn run(line: *const c_char) -> c_int {
    const NOT_EXECUTED: c_int = 127 << 8;
    let mut command = Command::begin();
    // SAFETY: objects of ours; the program's command.
    unsafe {
        let mut attributes: libc::posix_spawnattr_t = core::mem::zeroed();
        let mut set: libc::sigset_t = core::mem::zeroed();
        libc::posix_spawnattr_init(&raw mut attributes);
        crate::signal::set::store(command.mask, &raw mut set);
        libc::posix_spawnattr_setsigmask(&raw mut attributes, &raw const set);
        crate::signal::set::store(command.defaults, &raw mut set);
        libc::posix_spawnattr_setsigdefault(&raw mut attributes, &raw const set);
        let flags = libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
        libc::posix_spawnattr_setflags(&raw mut attributes, flags as i16);
        let arguments = [c"sh".as_ptr(), c"-c".as_ptr(), line, ptr::null()];
        let error = posix_spawn(
            &raw mut command.child,
            c"/bin/sh".as_ptr(),
            0,
            (&raw const attributes).expose_provenance(),
            arguments.as_ptr().expose_provenance(),
            environ.expose_provenance(),
        );
        libc::posix_spawnattr_destroy(&raw mut attributes);
        if error != 0 {
            command.child = 0;
            // As if the shell had been there and had not found the command.
            errno::set(error);
            return NOT_EXECUTED;
        }
        let mut status = 0;
        let ended = loop {
            let ended = waitpid(command.child, &raw mut status, 0);
            if ended >= 0 || errno::get() != libc::EINTR {
                break ended;
            }
        };
        command.child = 0;
        if ended < 0 { -1 } else { status }
    }
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

export! {
    /// system(3)
    @cancellation_point fn system(command: *const c_char) -> c_int {
        match (start::here(), command.is_null()) {
            (None, _) => crate::process::with_child(|| real::system(command)),
            (Some(_), true) => c_int::from(run(c"exit 0".as_ptr()) == 0),
            (Some(_), false) => run(command),
        }
    }
}
