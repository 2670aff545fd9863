//! The only door to the kernel: raw system calls, never libc's wrappers.
//!
//! libc's functions may be interposed (by ourselves first of all), write `errno` and act on
//! cancellation; none of that may happen inside the scheduler. Every function returns the kernel's
//! value or a positive errno.

use core::ptr;
pub use syscalls::Sysno;

/// A positive `errno` value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

impl Errno {
    /// `EPERM`: epoll cannot watch this kind of file.
    pub const PERM: Errno = Errno(1);
    /// `EINTR`
    pub const INTR: Errno = Errno(4);
    /// `EBADF`
    pub const BADF: Errno = Errno(9);
    /// `EAGAIN`
    pub const AGAIN: Errno = Errno(11);
    /// `ENOMEM`
    pub const NOMEM: Errno = Errno(12);
    /// `EEXIST`
    pub const EXIST: Errno = Errno(17);
    /// `EINVAL`
    pub const INVAL: Errno = Errno(22);
    /// `ENOSYS`
    pub const NOSYS: Errno = Errno(38);
    /// No descriptor left.
    pub const MFILE: Errno = Errno(24);
    /// `ETIMEDOUT`
    pub const TIMEDOUT: Errno = Errno(110);
}

/// What a system call answers.
pub type Result = core::result::Result<usize, Errno>;

/// Issue system call `number` with up to six arguments.
///
/// # Safety
/// As for the call itself: pointers must be valid for what the kernel does with them.
#[inline(always)]
pub unsafe fn call(number: Sysno, args: [usize; 6]) -> Result {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller vouches for the arguments.
    let raw = unsafe { syscalls::raw::syscall6(number as usize, a, b, c, d, e, f) };
    if raw > -4096isize as usize { Err(Errno(-(raw as isize) as i32)) } else { Ok(raw) }
}

/// `sys!(name, a, b, …)`: a system call with its arguments cast to words.
#[macro_export]
macro_rules! sys {
    ($name:ident $(, $arg:expr)* $(,)?) => {{
        #[allow(unused_mut)]
        let mut args = [0usize; 6];
        let mut _i = 0;
        $(
            args[_i] = ($arg) as usize;
            #[allow(unused_assignments)]
            {
                _i += 1;
            }
        )*
        $crate::sys::call($crate::sys::Sysno::$name, args)
    }};
}

/// `struct timespec` of the kernel (64-bit).
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Timespec {
    /// seconds
    pub sec: i64,
    /// nanoseconds, 0..1e9
    pub nsec: i64,
}

impl Timespec {
    /// As a count of nanoseconds, for a span that is not negative; one too long to express never ends.
    pub const fn as_nanos(self) -> u64 {
        (self.sec as u64).saturating_mul(1_000_000_000).saturating_add(self.nsec as u64)
    }

    /// From a count of nanoseconds.
    pub const fn from_nanos(ns: u64) -> Self {
        Timespec { sec: (ns / 1_000_000_000) as i64, nsec: (ns % 1_000_000_000) as i64 }
    }
}

const PROT_READ_WRITE: usize = 3;
const MAP_PRIVATE: usize = 0x2;
const MAP_ANONYMOUS: usize = 0x20;
const MAP_NORESERVE: usize = 0x4000;

/// Reserve `len` bytes of zeroed memory that costs nothing until touched.
pub fn map(len: usize) -> core::result::Result<*mut u8, Errno> {
    // SAFETY: a fresh anonymous mapping touches nobody's memory.
    let at = unsafe {
        sys!(mmap, 0, len, PROT_READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, usize::MAX, 0)
    }?;
    Ok(ptr::with_exposed_provenance_mut(at))
}

/// Give a mapping back.
///
/// # Safety
/// Nobody may use the range any more.
pub unsafe fn unmap(at: *mut u8, len: usize) {
    // SAFETY: see above. It fails only for misaligned ranges.
    let _ = unsafe { sys!(munmap, at, len) };
}

/// `madvise(2)`.
///
/// # Safety
/// The advice must not destroy data somebody needs.
pub unsafe fn advise(at: *mut u8, len: usize, advice: usize) -> Result {
    // SAFETY: the caller vouches.
    unsafe { sys!(madvise, at, len, advice) }
}

const MADV_DONTNEED: usize = 4;

/// Give the pages of private anonymous memory back: they read as zero afterwards.
///
/// # Safety
/// Nobody needs what they hold.
pub unsafe fn discard(at: *mut u8, len: usize) {
    // SAFETY: see above. Where a filter refuses it they stay, at worst.
    let _ = unsafe { advise(at, len, MADV_DONTNEED) };
}

/// Make private anonymous memory read as zero.
///
/// # Safety
/// Nobody needs what it holds.
pub unsafe fn zero(at: *mut u8, len: usize) {
    // SAFETY: see above.
    unsafe {
        if advise(at, len, MADV_DONTNEED).is_err() {
            at.write_bytes(0, len);
        }
    }
}

const FUTEX_WAIT_PRIVATE: usize = 128;
const FUTEX_WAKE_PRIVATE: usize = 129;

/// Block this *kernel* thread while `*word == expected`, at most `timeout` nanoseconds.
pub fn futex_wait(word: &core::sync::atomic::AtomicU32, expected: u32, timeout: Option<u64>) -> Result {
    let limit = timeout.map(Timespec::from_nanos);
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `word` lives as long as the borrow, `limit` until the end of the call.
    unsafe { sys!(futex, word.as_ptr(), FUTEX_WAIT_PRIVATE, expected, limit) }
}

/// Wake up to `count` kernel threads blocked on `word`. A stale address wakes nobody.
pub fn futex_wake(word: *const u32, count: usize) {
    // SAFETY: the kernel only looks the address up.
    let _ = unsafe { sys!(futex, word, FUTEX_WAKE_PRIVATE, count) };
}

/// Let another kernel thread run (a contended spin lock's last resort).
pub fn yield_kernel() {
    // SAFETY: no arguments.
    let _ = unsafe { sys!(sched_yield) };
}

/// The number of this process (getpid(2)).
pub fn process() -> usize {
    // SAFETY: no pointers. The call does not fail.
    unsafe { sys!(getpid) }.unwrap_or(0)
}

/// Close a descriptor of the scheduler's own.
pub fn close(fd: i32) {
    // SAFETY: the caller owns `fd`.
    let _ = unsafe { sys!(close, fd) };
}
