//! Layouts we share with glibc (x86-64). All of them are part of its public ABI (they are inside
//! objects that programs allocate), so they cannot change.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

/// `pthread_mutex_t` (bits/struct_mutex.h).
#[repr(C)]
pub struct Mutex {
    /// 0 free, 1 taken, 2 taken and somebody waits.
    pub lock: AtomicU32,
    /// Depth of a recursive mutex.
    pub count: u32,
    /// tid of the owner.
    pub owner: AtomicI32,
    /// Owners and, while they wait for a condition, former owners.
    pub users: u32,
    /// Type and flags.
    pub kind: c_int,
    /// glibc: spin counts of other kinds; ours: which green thread holds it (pthread/kernel_owned.rs).
    pub holder: AtomicI32,
}

/// Bits of [`Mutex::kind`].
pub mod kind {
    use core::ffi::c_int;
    /// Mask of the plain types.
    pub const TYPE: c_int = 3;
    /// `PTHREAD_MUTEX_RECURSIVE_NP`
    pub const RECURSIVE: c_int = 1;
    /// `PTHREAD_MUTEX_ERRORCHECK_NP`
    pub const ERRORCHECK: c_int = 2;
    /// `PTHREAD_MUTEX_ROBUST_NORMAL_NP`
    pub const ROBUST: c_int = 16;
    /// `PTHREAD_MUTEX_PRIO_INHERIT_NP`
    pub const INHERIT: c_int = 32;
    /// `PTHREAD_MUTEX_PRIO_PROTECT_NP`
    pub const PROTECT: c_int = 64;
    /// `PTHREAD_MUTEX_PSHARED_BIT`
    pub const SHARED: c_int = 128;
    /// These keep glibc's implementation. (Priority inheritance within the process does not: it has
    /// nothing to inherit on one carrier.)
    pub const KERNEL: c_int = ROBUST | PROTECT | SHARED;
}

/// `pthread_cond_t` (bits/thread-shared-types.h): of its 48 bytes we use glibc's count of waiters.
#[repr(C)]
pub struct Condition {
    _unused: [u32; 9],
    /// Waiters × 8; bit 0: process-shared, bit 1: `CLOCK_MONOTONIC`.
    pub waiters: AtomicU32,
    _signals: [u32; 2],
}

/// `pthread_rwlock_t` (bits/struct_rwlock.h). The bits of `readers` that we use mean what they mean
/// to glibc, so a lock taken before green threads existed is understood.
#[repr(C)]
pub struct RwLock {
    /// Readers × 8; bit 0: write phase, bit 1: a writer holds it.
    pub readers: AtomicU32,
    _writers: u32,
    /// 1 while a writer holds it (glibc's futex).
    pub phase: AtomicU32,
    /// 1 while a writer holds it (glibc's futex).
    pub writer: AtomicU32,
    /// glibc: padding; ours: how many wait.
    pub waiting: AtomicU32,
    /// glibc: padding; ours: of those, how many are writers.
    pub waiting_writers: AtomicU32,
    /// tid of the writer.
    pub owner: AtomicI32,
    /// Not 0: process-shared.
    pub shared: c_int,
    _elision: [u8; 8],
    _pad: u64,
    /// `PTHREAD_RWLOCK_PREFER_*`
    pub flags: u32,
}

/// `sem_t` (`struct new_sem`).
#[repr(C)]
pub struct Semaphore {
    /// Value in the low half, number of waiters in the high half.
    pub data: AtomicU64,
    /// 0: private; 128: process-shared.
    pub shared: c_int,
}

/// `pthread_barrier_t` (`struct pthread_barrier`).
#[repr(C)]
pub struct Barrier {
    /// How many have come in this round.
    pub arrived: AtomicU32,
    /// Counts the rounds.
    pub round: AtomicU32,
    /// How many it takes.
    pub count: u32,
    /// Not 0: process-shared.
    pub shared: c_int,
    _left: u32,
}

/// The beginning of `pthread_attr_t` (`struct pthread_attr`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Attributes {
    /// Priority.
    pub priority: c_int,
    /// Policy.
    pub policy: c_int,
    /// `DETACHED` | `STACK_GIVEN` | …
    pub flags: c_int,
    /// Bytes of guard.
    pub guard: usize,
    /// The *end* of a given stack.
    pub stack_end: *mut c_void,
    /// Bytes of stack, 0 for the default.
    pub stack_size: usize,
    /// Null, or what was added later.
    pub more: *const MoreAttributes,
}

/// `struct pthread_attr_extension`
#[repr(C)]
pub struct MoreAttributes {
    /// The CPUs, or null.
    pub cpus: *const libc::cpu_set_t,
    /// Bytes of it.
    pub cpus_size: usize,
    /// The signal mask.
    pub mask: libc::sigset_t,
    /// Whether it is given.
    pub has_mask: bool,
}

/// [`Attributes::flags`]: created detached.
pub const ATTR_DETACHED: c_int = 0x1;
/// [`Attributes::flags`]: policy and priority are not the creator's (`PTHREAD_EXPLICIT_SCHED`).
pub const ATTR_EXPLICIT: c_int = 0x2;
/// [`Attributes::flags`]: the priority was set.
pub const ATTR_PRIORITY_GIVEN: c_int = 0x20;
/// [`Attributes::flags`]: the policy was set.
pub const ATTR_POLICY_GIVEN: c_int = 0x40;
/// [`Attributes::flags`]: the program gives the stack.
pub const ATTR_STACK_GIVEN: c_int = 0x8;

/// The fields of `FILE` that its read and write functions use.
#[repr(C)]
pub struct File {
    /// `_IO_ERR_SEEN` and others.
    pub flags: c_int,
    _pointers: [usize; 13],
    /// The descriptor.
    pub fd: c_int,
    /// `_IO_FLAGS2_NOTCANCEL` and others.
    pub flags2: c_int,
    _old_offset: i64,
    _column: [u8; 8],
    _lock: usize,
    /// File position, or -1.
    pub offset: i64,
}

/// `_IO_FLAGS2_NOTCANCEL`: opened with "c", so no cancellation point.
pub const FILE_NO_POINT: c_int = 2;

/// `_IO_ERR_SEEN`
pub const FILE_ERROR: c_int = 0x20;

const _: () = {
    assert!(size_of::<Mutex>() <= size_of::<libc::pthread_mutex_t>());
    assert!(core::mem::offset_of!(Mutex, kind) == 16);
    assert!(size_of::<Condition>() == size_of::<libc::pthread_cond_t>());
    assert!(core::mem::offset_of!(Condition, waiters) == 36);
    assert!(size_of::<RwLock>() == size_of::<libc::pthread_rwlock_t>());
    assert!(core::mem::offset_of!(RwLock, flags) == 48);
    assert!(size_of::<Semaphore>() <= size_of::<libc::sem_t>());
    assert!(core::mem::offset_of!(File, fd) == 112);
    assert!(core::mem::offset_of!(File, offset) == 144);
    assert!(core::mem::offset_of!(Attributes, guard) == 16);
    assert!(core::mem::offset_of!(Attributes, more) == 40);
};
