//! The one value all state hangs off, in mapped memory that lives as long as the process.

use crate::carrier::Carrier;
use crate::clock::{Clock, ClockGettime};
use crate::fd_table::FdTable;
use crate::helpers::{Class, Helpers, Work};
use crate::lot::Lot;
use crate::policy::Policy;
use crate::stack::StackPool;
use crate::sys::{self, Errno};
use crate::thread::Thread;
use core::ffi::c_void;
use core::sync::atomic::AtomicU32;

/// What a kernel thread of ours executes.
pub type KernelMain = extern "C" fn(*mut c_void) -> *mut c_void;

/// What the scheduler asks of the process it lives in.
#[derive(Clone, Copy)]
pub struct Host {
    /// `clock_gettime` of the vDSO.
    pub clock_gettime: ClockGettime,
    /// Start a detached kernel thread with all signals blocked.
    pub start_kernel_thread: fn(KernelMain, *mut c_void) -> Result<(), Errno>,
    /// Called by a kernel thread of ours, first of all.
    pub kernel_thread_begins: fn(),
    /// Run a function of a helper so that [`Host::cancel_kernel_thread`] can end it early.
    pub run_cancellable: fn(Work, *mut ()),
    /// pthread_cancel(3) of the kernel thread with this FS base, which is inside
    /// [`Host::run_cancellable`] or just leaving it.
    pub cancel_kernel_thread: fn(usize),
    /// Send the kernel thread with this FS base a signal: without a word, the system call that it is in, if any, fails
    /// with `EINTR`; with one, it is to [`pause`](crate::helpers::pause).
    pub interrupt_kernel_thread: fn(usize, *const AtomicU32),
    /// A thread that exited has left its stack: recycle it.
    pub bury: fn(*mut Thread),
    /// Signals are kept and the running thread has left the scheduler: call the handlers that are
    /// its own and interrupt the others' waits. It calls [`Carrier::signals_taken`] when none is left.
    pub run_handlers: fn(),
    /// Signals are kept and the scheduler is about to choose a thread: interrupt the waits of those
    /// they are for.
    pub interrupt_targets: fn(),
    /// Nobody can run, and no timer is armed. Is it possible that nothing from outside wakes anybody, as far as one can
    /// tell at once?
    pub may_be_stuck: fn() -> bool,
    /// It has been so for a while: look properly. Answers whether to ask again.
    pub look_if_stuck: fn() -> bool,
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The order of runnable threads.
    pub policy: Policy,
    /// Most helpers for calls that end by themselves.
    pub helpers: u32,
    /// Most helpers for calls that may wait for ever.
    pub waiting_helpers: u32,
    /// User space may write the FS base.
    pub fsgsbase: bool,
}

/// Everything. All-zero bytes are a runtime that has not started.
#[repr(C)]
pub struct Runtime {
    /// The kernel thread that runs green threads.
    pub carrier: Carrier,
    /// What is known about descriptors.
    pub fds: FdTable,
    /// Waiters by address.
    pub lot: Lot,
    /// Stacks.
    pub stacks: StackPool,
    /// Time.
    pub clock: Clock,
    bounded: Helpers,
    unbounded: Helpers,
}

// SAFETY: the parts say themselves who may touch them (see lib.rs).
unsafe impl Sync for Runtime {}

impl Runtime {
    /// Map and start a runtime whose carrier is the calling kernel thread, running as `main`.
    ///
    /// # Safety
    /// `main` must live for ever at its address; its `carrier` is filled in here.
    pub unsafe fn start(config: Config, host: Host, main: *mut Thread) -> Result<&'static Runtime, Errno> {
        let lot = Lot::new()?;
        let at: *mut Runtime = sys::map(size_of::<Runtime>())?.cast();
        // SAFETY: fresh zeroed memory, zero is a valid start for every part but the two written
        // here, and nobody else has the address.
        unsafe {
            (&raw mut (*at).lot).write(lot);
            (&raw mut (*at).clock).write(Clock::new(host.clock_gettime));
            let runtime = &*at;
            runtime.fds.start();
            runtime.bounded.start(host, config.helpers);
            runtime.unbounded.start(host, config.waiting_helpers);
            main.write(Thread::new(
                &raw const runtime.carrier,
                1,
                crate::context::fs_base(),
                core::ptr::null_mut(),
            ));
            Carrier::start(&raw mut (*at).carrier, at, config, host, main)?;
            Ok(runtime)
        }
    }

    /// The helpers for calls of this class.
    pub fn helpers(&'static self, class: Class) -> &'static Helpers {
        match class {
            Class::Bounded => &self.bounded,
            Class::Unbounded => &self.unbounded,
        }
    }

    /// The carrier, if the calling kernel thread is it.
    #[inline(always)]
    pub fn carrier_here(&'static self) -> Option<&'static Carrier> {
        self.carrier.is_here().then_some(&self.carrier)
    }

    /// In the child of `fork`: the calling thread is alone; every other thread, helper, waiter and
    /// the epoll set belong to the parent.
    pub fn after_fork(&self) {
        self.carrier.after_fork();
        self.fds.start_all_over();
        self.fds.share_all();
        self.lot.clear();
        self.stacks.after_fork();
        self.bounded.forget_all();
        self.unbounded.forget_all();
    }
}
