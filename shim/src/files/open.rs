//! Opening files: open(2), fopen(3), mkstemp(3) and relatives.
//!
//! ```text
//!   what the name is                      how it is opened
//!   ────────────────                      ────────────────
//!   cold, or far away                     look again on a helper, then
//!     a FIFO                              wait for its peer on a helper of the kind that may
//!     another device than a terminal      likewise
//!     created or truncated on a disk      a helper
//!     anything else                       at once; should somebody hold a lease on it, a helper
//! ```

use super::place::{Last, Look, Seen, Way, look_waiting, making};
use super::systems::System;
use crate::io::descriptor::{created, going};
use crate::offload::{self, Ends};
use crate::{errno, export, real, start};
use core::ffi::{CStr, c_char, c_int, c_void};
use libc::{O_CREAT, O_NONBLOCK, O_TRUNC, mode_t};
use scheduler::fd_table::Kind;
use scheduler::helpers::Class;
use scheduler::sys::Errno;
use scheduler::{Carrier, Runtime};

/// `__O_TMPFILE`
const O_NAMELESS: c_int = 0o20_000_000;

/// What has to be known of a name to open it.
enum Plan {
    /// Nothing waits.
    AtOnce(Kind),
    /// A disk, or a server.
    Helper(Kind),
    /// Somebody else.
    Peer,
    /// It has failed.
    Failed(Errno),
}

fn plan(look: Look, flags: c_int) -> Plan {
    let creates = flags & (O_CREAT | O_NAMELESS) != 0;
    match look {
        Look::Seen(seen) if flags & libc::O_PATH != 0 && seen.system != System::Far => {
            Plan::AtOnce(Kind::Unknown)
        }
        Look::Seen(seen) if waits_for_peer(seen, flags) => Plan::Peer,
        Look::Seen(seen) => {
            let kind = kind_of(seen);
            let changes = flags & (O_TRUNC | O_NAMELESS) != 0;
            if kind == Kind::Far || (kind == Kind::Disk && changes) {
                Plan::Helper(kind)
            } else {
                Plan::AtOnce(kind)
            }
        }
        Look::Failed(Errno(libc::ENOENT)) if creates => Plan::Helper(Kind::Unknown),
        Look::Failed(error) => Plan::Failed(error),
        Look::Refused if !creates => Plan::AtOnce(Kind::Unknown),
        Look::Refused | Look::Cold => Plan::Helper(Kind::Unknown),
    }
}

/// A FIFO that is opened for one direction waits for the other. A device may wait for whatever its
/// driver likes, but terminals and memory do not.
fn waits_for_peer(seen: Seen, flags: c_int) -> bool {
    const MEMORY: u32 = 1;
    const TERMINALS: [core::ops::RangeInclusive<u32>; 2] = [4..=5, 136..=143];
    let one_way = flags & libc::O_ACCMODE != libc::O_RDWR;
    match seen.kind {
        _ if flags & O_NONBLOCK != 0 => false,
        libc::S_IFIFO => one_way,
        libc::S_IFCHR => {
            let major = seen.device.0;
            major != MEMORY && !TERMINALS.iter().any(|majors| majors.contains(&major))
        }
        _ => false,
    }
}

/// The kind of descriptor that opening such a file makes, as far as it is certain.
fn kind_of(seen: Seen) -> Kind {
    match (seen.kind, seen.system) {
        (libc::S_IFREG | libc::S_IFDIR, System::Memory) => Kind::Memory,
        (libc::S_IFREG | libc::S_IFDIR, System::Disk) => Kind::Disk,
        (libc::S_IFREG | libc::S_IFDIR, System::Far) => Kind::Far,
        _ => Kind::Unknown,
    }
}

/// Open by `open`, to be called with flags.
unsafe fn opened(dir: c_int, path: *const c_char, flags: c_int, open: impl Fn(c_int) -> c_int) -> c_int {
    let Some((rt, carrier)) = start::here() else { return created(open(flags), Kind::Unknown) };
    let last = if flags & libc::O_NOFOLLOW != 0 { Last::Itself } else { Last::Followed };
    // SAFETY: the program's path.
    let (fd, kind) = match plan(unsafe { look_waiting(rt, carrier, dir, path, last) }, flags) {
        Plan::AtOnce(kind) => (at_once(rt, carrier, flags, kind, open), kind),
        Plan::Helper(kind) => (making(rt, carrier, Class::Bounded, || open(flags)), kind),
        Plan::Peer => {
            let waited = offload::interruptible(rt, carrier, Ends::INTERRUPTED, || open(flags) as isize);
            (errno::answer(waited) as c_int, Kind::Unknown)
        }
        Plan::Failed(error) => return errno::fail(error.0),
    };
    created(fd, kind)
}

/// Open what is in memory. A lease (`F_SETLEASE`) would hold the call up until its owner gives way; `O_NONBLOCK`,
/// which means nothing else to a file, tells.
fn at_once(
    rt: &'static Runtime,
    carrier: &Carrier,
    flags: c_int,
    kind: Kind,
    open: impl Fn(c_int) -> c_int,
) -> c_int {
    if flags & O_NONBLOCK != 0 || !matches!(kind, Kind::Disk | Kind::Memory) {
        return open(flags);
    }
    let before = errno::get();
    let fd = open(flags | O_NONBLOCK);
    if fd >= 0 {
        // SAFETY: no pointers. (Only some flags can be changed, O_NONBLOCK among them.)
        let _ = unsafe { scheduler::sys!(fcntl, fd, libc::F_SETFL, flags) };
    } else if errno::get() == libc::EWOULDBLOCK {
        errno::set(before);
        return making(rt, carrier, Class::Unbounded, || open(flags));
    }
    fd
}

/// fopen(3)'s mode as flags of open(2); `None` if it is wrong, or asks for a character set.
fn flags_of(mode: &CStr) -> Option<c_int> {
    let (first, more) = mode.to_bytes().split_first()?;
    let mut flags = match first {
        b'r' => libc::O_RDONLY,
        b'w' => libc::O_WRONLY | O_CREAT | O_TRUNC,
        b'a' => libc::O_WRONLY | O_CREAT | libc::O_APPEND,
        _ => return None,
    };
    // glibc looks at so many.
    for c in more.iter().take(6) {
        match c {
            b'+' => flags = flags & !libc::O_ACCMODE | libc::O_RDWR,
            b'x' => flags |= libc::O_EXCL,
            b'e' => flags |= libc::O_CLOEXEC,
            b',' => return None,
            _ => {}
        }
    }
    (!more.contains(&b',')).then_some(flags)
}

export! {
    /// open(2)
    @cancellation_point fn open | open64 | __open | __open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        opened(libc::AT_FDCWD, path, flags, |flags| real::open(path, flags, mode))
    }

    /// openat(2)
    @cancellation_point fn openat | openat64(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        opened(dir, path, flags, |flags| real::openat(dir, path, flags, mode))
    }

    /// creat(2)
    @cancellation_point fn creat | creat64(path: *const c_char, mode: mode_t) -> c_int {
        let flags = libc::O_WRONLY | O_CREAT | O_TRUNC;
        opened(libc::AT_FDCWD, path, flags, |flags| real::open(path, flags, mode))
    }

    /// open(2), fortified: libc ends the program if there should be a mode.
    @cancellation_point fn __open_2 | __open64_2(path: *const c_char, flags: c_int) -> c_int {
        if flags & (O_CREAT | O_NAMELESS) != 0 {
            return real::__open_2(path, flags);
        }
        open(path, flags, 0)
    }

    /// openat(2), fortified
    @cancellation_point fn __openat_2 | __openat64_2(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
        if flags & (O_CREAT | O_NAMELESS) != 0 {
            return real::__openat_2(dir, path, flags);
        }
        openat(dir, path, flags, 0)
    }

    /// fopen(3)
    fn fopen | fopen64(path: *const c_char, mode: *const c_char) -> *mut c_void {
        let Some((rt, carrier)) = start::here() else { return real::fopen(path, mode) };
        let Some(flags) = flags_of(CStr::from_ptr(mode)) else {
            return making(rt, carrier, Class::Unbounded, || real::fopen(path, mode));
        };
        const ALL: mode_t = 0o666;
        let fd = opened(libc::AT_FDCWD, path, flags, |flags| real::open(path, flags, ALL));
        if fd < 0 {
            return core::ptr::null_mut();
        }
        let stream = libc::fdopen(fd, mode);
        if stream.is_null() {
            let error = errno::get();
            crate::io::descriptor::close(fd);
            errno::set(error);
        }
        stream.cast()
    }

    /// freopen(3)
    fn freopen | freopen64(path: *const c_char, mode: *const c_char, stream: *mut c_void) -> *mut c_void {
        let Some((rt, carrier)) = start::here() else { return real::freopen(path, mode, stream) };
        going(libc::fileno(stream.cast()));
        making(rt, carrier, Class::Unbounded, || real::freopen(path, mode, stream))
    }

    /// mkstemp(3)
    @cancellation_point fn mkstemp | mkstemp64(template: *mut c_char) -> c_int {
        created(made(|| real::mkstemp(template)), Kind::Unknown)
    }

    /// mkostemp(3)
    @cancellation_point fn mkostemp | mkostemp64(template: *mut c_char, flags: c_int) -> c_int {
        created(made(|| real::mkostemp(template, flags)), Kind::Unknown)
    }

    /// mkstemps(3)
    @cancellation_point fn mkstemps | mkstemps64(template: *mut c_char, suffix: c_int) -> c_int {
        created(made(|| real::mkstemps(template, suffix)), Kind::Unknown)
    }

    /// mkostemps(3)
    @cancellation_point fn mkostemps | mkostemps64(template: *mut c_char, suffix: c_int, flags: c_int) -> c_int {
        created(made(|| real::mkostemps(template, suffix, flags)), Kind::Unknown)
    }

    /// mkdtemp(3)
    fn mkdtemp(template: *mut c_char) -> *mut c_char {
        Way::helper().call(|| real::mkdtemp(template))
    }

    /// tmpfile(3)
    fn tmpfile | tmpfile64() -> *mut c_void {
        made(|| real::tmpfile())
    }
}

/// What is created for its own sake: always a matter for the disk.
fn made<R>(create: impl FnOnce() -> R) -> R {
    match start::here() {
        Some((rt, carrier)) => making(rt, carrier, Class::Bounded, create),
        None => create(),
    }
}
