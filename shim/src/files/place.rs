//! What the kernel knows about a name without waiting.
//!
//! `openat2(O_PATH)` with `RESOLVE_CACHED` walks a path as far as the kernel's cache of names goes, and fails
//! with `EAGAIN` where it would have to ask a file system. It opens nothing: no device, no FIFO, no lease
//! notices. `statx` with `AT_STATX_DONT_SYNC` then tells the type and the device from memory.

use super::systems::{self, System};
use crate::io::Call;
use crate::{offload, start};
use core::ffi::{c_char, c_int};
use core::sync::atomic::{AtomicU32, Ordering};
use scheduler::fd_table::Kind;
use scheduler::helpers::Class;
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Runtime};

/// Is a link at the end of a path followed?
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// Yes.
    Followed,
    /// No, it is meant itself.
    Itself,
}

/// A file as the kernel has it in memory.
#[derive(Clone, Copy)]
pub struct Seen {
    /// `S_IFREG`, `S_IFIFO` …
    pub kind: u32,
    /// Major and minor number, if it is a device.
    pub device: (u32, u32),
    /// What it is on.
    pub system: System,
}

/// An answer from memory.
pub enum Look {
    /// There it is.
    Seen(Seen),
    /// The walk fails, and so will any call with this name: the name is wrong, or nothing is there.
    Refused,
    /// The walk failed with this on a helper, and a call would have failed so.
    Failed(Errno),
    /// The file system would have to be asked.
    Cold,
}

/// A descriptor or nothing: an `O_PATH` descriptor that is closed at the end.
struct Path(c_int);

impl Drop for Path {
    fn drop(&mut self) {
        sys::close(self.0);
    }
}

const O_PATH_ONLY: c_int = libc::O_PATH | libc::O_CLOEXEC;
const RESOLVE_CACHED: u64 = 0x20;

/// `struct open_how`
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Calls that will make a descriptor for the program and are on their way on a helper. Natively it would be the
/// lowest free one; ours of a moment must not be in its place.
static MAKING: AtomicU32 = AtomicU32::new(0);

/// Execute a call that makes a descriptor for the program, on a helper.
pub fn making<R>(rt: &'static Runtime, carrier: &Carrier, class: Class, work: impl FnOnce() -> R) -> R {
    MAKING.fetch_add(1, Ordering::Relaxed);
    let result = offload::call(rt, carrier, class, work);
    // (`none_is_made` may have come in between.)
    let _ = MAKING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    result
}

/// Nothing is on its way: in the child of `fork`; or nobody knows, after a jump out of such a call.
pub fn none_is_made() {
    MAKING.store(0, Ordering::Relaxed);
}

/// Look at a name without waiting.
///
/// # Safety
/// `path` is the program's.
pub unsafe fn look(dir: c_int, path: *const c_char, last: Last) -> Look {
    if MAKING.load(Ordering::Relaxed) != 0 {
        return Look::Cold;
    }
    let how = How { flags: flags(last) as u64, mode: 0, resolve: RESOLVE_CACHED };
    // SAFETY: the caller's path, an object of ours.
    match unsafe { scheduler::sys!(openat2, dir, path, &raw const how, size_of::<How>()) } {
        Ok(fd) => see(&Path(fd as c_int)),
        // No cached name; no such call, or none allowed; no descriptor: none of these says anything about the name.
        Err(Errno(
            libc::EAGAIN
            | libc::ENOSYS
            | libc::EINVAL
            | libc::EPERM
            | libc::EMFILE
            | libc::ENFILE
            | libc::ENOMEM
            | libc::E2BIG,
        )) => Look::Cold,
        Err(_) => Look::Refused,
    }
}

/// Look at a name, on a helper where that has to wait.
///
/// # Safety
/// `path` is the program's.
pub unsafe fn look_waiting(
    rt: &'static Runtime,
    carrier: &Carrier,
    dir: c_int,
    path: *const c_char,
    last: Last,
) -> Look {
    // SAFETY: the caller's.
    match unsafe { look(dir, path, last) } {
        Look::Cold => {}
        answer => return answer,
    }
    let opened = making(rt, carrier, Class::Bounded, || {
        // SAFETY: the caller's path.
        unsafe { scheduler::sys!(openat, dir, path, flags(last), 0) }
    });
    match opened {
        Ok(fd) => see(&Path(fd as c_int)),
        Err(Errno(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => Look::Cold,
        Err(error) => Look::Failed(error),
    }
}

fn flags(last: Last) -> c_int {
    O_PATH_ONLY | if last == Last::Itself { libc::O_NOFOLLOW } else { 0 }
}

fn see(path: &Path) -> Look {
    match about(path.0) {
        Ok(seen) => Look::Seen(seen),
        Err(_) => Look::Cold,
    }
}

/// What the kernel has in memory about an open file.
pub fn about(fd: c_int) -> Result<Seen, Errno> {
    const AT_STATX_DONT_SYNC: c_int = 0x4000;
    // SAFETY: the kernel fills an object of ours; the path is empty.
    let about = unsafe {
        let mut about: libc::statx = core::mem::zeroed();
        let flags = libc::AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
        match scheduler::sys!(statx, fd, c"".as_ptr(), flags, libc::STATX_TYPE, &raw mut about) {
            Ok(_) => about,
            Err(Errno::BADF) => return Err(Errno::BADF),
            // Refused by a filter, or unknown.
            Err(_) => about_by_fstat(fd)?,
        }
    };
    let kind = u32::from(about.stx_mode) & libc::S_IFMT;
    let system = match kind {
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK | libc::S_IFLNK => {
            systems::of(fd, about.stx_dev_major, about.stx_dev_minor)
        }
        // Pipes, devices, sockets: the file system holds the name only.
        _ => System::Memory,
    };
    Ok(Seen { kind, device: (about.stx_rdev_major, about.stx_rdev_minor), system })
}

/// The same by the older call, which asks a file's server.
#[cold]
fn about_by_fstat(fd: c_int) -> Result<libc::statx, Errno> {
    // SAFETY: the kernel fills an object of ours.
    unsafe {
        let mut old: libc::stat = core::mem::zeroed();
        scheduler::sys!(fstat, fd, &raw mut old)?;
        let mut about: libc::statx = core::mem::zeroed();
        about.stx_mode = old.st_mode as u16;
        (about.stx_dev_major, about.stx_dev_minor) = (libc::major(old.st_dev), libc::minor(old.st_dev));
        (about.stx_rdev_major, about.stx_rdev_minor) = (libc::major(old.st_rdev), libc::minor(old.st_rdev));
        Ok(about)
    }
}

/// How a call is made.
pub enum Way {
    /// By the caller itself.
    AtOnce,
    /// By a helper.
    Helper(&'static Runtime, &'static Carrier),
}

impl Way {
    /// By a helper, if the caller is a green thread.
    pub fn helper() -> Way {
        start::here().map_or(Way::AtOnce, |(rt, carrier)| Way::Helper(rt, carrier))
    }

    /// This way, or the other if that is a helper's.
    pub fn or(self, other: impl FnOnce() -> Way) -> Way {
        match self {
            Way::AtOnce => other(),
            helper => helper,
        }
    }

    /// Make the call.
    pub fn call<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            Way::AtOnce => work(),
            Way::Helper(rt, carrier) => offload::call(rt, carrier, Class::Bounded, work),
        }
    }
}

/// How to do with an open file what may have to ask a disk: by a helper, unless all of its file system is in memory.
pub fn unless_in_memory(fd: c_int) -> Way {
    match Call::on(fd).map(|call| call.kind()) {
        Some(Kind::Disk | Kind::Far) => Way::helper(),
        _ => Way::AtOnce,
    }
}

/// How to do with an open file what waits for nothing, unless the file is far away.
pub fn unless_far(fd: c_int) -> Way {
    match Call::on(fd).map(|call| call.kind()) {
        Some(Kind::Far) => Way::helper(),
        _ => Way::AtOnce,
    }
}
