//! Whose TLS block a kernel thread runs on. The carrier is known by that of its running thread, with three
//! exceptions:
//!
//! ```text
//!   on_block       the carrier runs on another block for an instant        the alias says so to signal handlers
//!   lend_block     a helper runs on the thread's, which is parked          nobody on it is the carrier
//!   lend_to_vfork  a child shares our memory, until it execs or exits      nobody is the carrier
//! ```

use super::Carrier;
use crate::context;
use core::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

/// [`Carrier::current_fs`] while the running thread's block is lent: nobody's FS base.
const LENT: usize = 1;

impl Carrier {
    /// The calling kernel thread is this carrier, perhaps inside [`Carrier::on_block`]. For signal
    /// handlers.
    pub fn is_here_on_any_block(&self) -> bool {
        self.is_here() || self.alias_fs.load(Ordering::Relaxed) == context::fs_base()
    }

    /// Execute `work`, which does not park, on the TLS block `fs` instead of the running thread's own.
    pub fn on_block<R>(&self, fs: usize, work: impl FnOnce() -> R) -> R {
        let _critical = self.enter();
        let own = context::fs_base();
        let alias = self.alias_fs.swap(fs, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the caller's block is one of glibc's or ours, and the critical section keeps signal
        // handlers off it.
        unsafe { self.set_fs(fs) };
        let result = work();
        // SAFETY: the block we came with.
        unsafe { self.set_fs(own) };
        compiler_fence(Ordering::SeqCst);
        self.alias_fs.store(alias, Ordering::Relaxed);
        result
    }

    /// Another kernel thread is about to use the running thread's TLS block. The thread parks meanwhile, but it
    /// takes time until it does, and the idle loop may run on it: until [`Carrier::take_block_back`] nobody on
    /// that block counts as the carrier. In a critical section.
    pub fn lend_block(&self) {
        // For signal handlers, which only the carrier has on this block.
        self.alias_fs.store(context::fs_base(), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.show_as(LENT);
    }

    /// The block is used by nobody else any more.
    pub fn take_block_back(&self) {
        self.show_as(context::fs_base());
        compiler_fence(Ordering::SeqCst);
        self.alias_fs.store(0, Ordering::Relaxed);
    }

    fn show_as(&self, fs: usize) {
        // SAFETY: the running thread's record.
        unsafe { (*self.current.get()).shows.set(fs) };
        self.current_fs.store(fs, Ordering::Release);
    }

    /// Set the FS base of the calling kernel thread, whichever it is.
    ///
    /// # Safety
    /// `fs` must be a TLS block that nobody else runs on.
    pub unsafe fn set_fs(&self, fs: usize) {
        let by_user = self.switch.get() as usize == context::switch_wrfsbase as *const () as usize;
        // SAFETY: the caller's; `switch_wrfsbase` was chosen where user space may.
        unsafe { if by_user { context::set_fs_base(fs) } else { context::set_fs_base_by_kernel(fs) } }
    }

    /// The caller is about to `vfork`: until it writes the answered value back, its kernel thread
    /// does not count as the carrier, so the child, which shares our memory, leaves it alone.
    pub fn lend_to_vfork(&self) -> (&AtomicUsize, usize) {
        let fs = self.current_fs.swap(0, Ordering::Relaxed);
        self.vfork_fs.store(fs, Ordering::Relaxed);
        (&self.current_fs, fs)
    }

    /// The caller is a child of `vfork` in the carrier's clothes.
    pub fn is_vfork_child(&self) -> bool {
        self.current_fs.load(Ordering::Relaxed) == 0
            && self.vfork_fs.load(Ordering::Relaxed) == context::fs_base()
    }
}
