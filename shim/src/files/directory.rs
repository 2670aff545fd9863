//! Reading directories: opendir(3), readdir(3), scandir(3), glob(3), nftw(3), fts(3).
//!
//! libc reads many entries at a time; only where its buffer is used up readdir asks the file system. What walks
//! whole trees inside libc (nftw, fts) is executed by a helper in the caller's name, the program's own functions
//! included; glob is given our functions in place of libc's inner ones; scandir is small enough to be done here.

use super::place::{Last, Look, Way, look, making, unless_in_memory};
use super::status::{lstat, stat};
use super::systems::System;
use crate::io::Call;
use crate::{errno, export, offload, real, start};
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use libc::{size_t, ssize_t};
use scheduler::fd_table::Kind;
use scheduler::helpers::Class;

/// The beginning of libc's `DIR`, unchanged since 2.12.
#[repr(C)]
struct Directory {
    fd: c_int,
    lock: c_int,
    allocation: usize,
    /// Bytes of entries in the buffer.
    size: usize,
    /// Of those, how many have been answered.
    offset: usize,
}

/// How the next entry is read.
unsafe fn next(dir: *mut c_void) -> Way {
    // SAFETY: the program's open directory.
    let d = unsafe { &*dir.cast::<Directory>() };
    if d.offset < d.size { Way::AtOnce } else { unless_in_memory(d.fd) }
}

export! {
    /// opendir(3)
    fn opendir(path: *const c_char) -> *mut c_void {
        let Some((rt, carrier)) = start::here() else { return real::opendir(path) };
        match look(libc::AT_FDCWD, path, Last::Followed) {
            Look::Seen(seen) if seen.system != System::Far => real::opendir(path),
            Look::Refused => real::opendir(path),
            _ => making(rt, carrier, Class::Bounded, || real::opendir(path)),
        }
    }

    /// readdir(3)
    fn readdir | readdir64(dir: *mut c_void) -> *mut c_void {
        next(dir).call(|| real::readdir(dir))
    }

    /// readdir_r(3)
    fn readdir_r | readdir64_r(dir: *mut c_void, entry: *mut c_void, result: *mut *mut c_void) -> c_int {
        next(dir).call(|| real::readdir_r(dir, entry, result))
    }

    /// getdents64(2)
    fn getdents64(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
        unless_in_memory(fd).call(|| real::getdents64(fd, buf, len))
    }

    /// closedir(3)
    fn closedir(dir: *mut c_void) -> c_int {
        if dir.is_null() {
            return errno::fail(libc::EINVAL);
        }
        let fd = (*dir.cast::<Directory>()).fd;
        let far = Call::on(fd).is_some_and(|call| call.kind() == Kind::Far);
        crate::io::descriptor::going(fd);
        if far { Way::helper() } else { Way::AtOnce }.call(|| real::closedir(dir))
    }

    /// ftw(3)
    @cancellation_point fn ftw | ftw64(path: *const c_char, each: usize, descriptors: c_int) -> c_int {
        offload::unbounded(|| real::ftw(path, each, descriptors))
    }

    /// nftw(3)
    @cancellation_point fn nftw | nftw64(path: *const c_char, each: usize, descriptors: c_int, flags: c_int) -> c_int {
        offload::unbounded(|| real::nftw(path, each, descriptors, flags))
    }

    /// fts_open(3)
    fn fts_open | fts64_open(paths: *const *mut c_char, options: c_int, order: usize) -> *mut c_void {
        offload::unbounded(|| real::fts_open(paths, options, order))
    }

    /// fts_read(3)
    fn fts_read | fts64_read(walk: *mut c_void) -> *mut c_void {
        offload::unbounded(|| real::fts_read(walk))
    }

    /// fts_children(3)
    fn fts_children | fts64_children(walk: *mut c_void, options: c_int) -> *mut c_void {
        offload::unbounded(|| real::fts_children(walk, options))
    }

    /// fts_close(3)
    fn fts_close | fts64_close(walk: *mut c_void) -> c_int {
        offload::unbounded(|| real::fts_close(walk))
    }
}

// ---- scandir(3) ----------------------------------------------------------------------------------

/// Which entries are wanted.
pub type Filter = Option<unsafe extern "C-unwind" fn(*const c_void) -> c_int>;
/// In which order.
pub type Order = Option<unsafe extern "C-unwind" fn(*const c_void, *const c_void) -> c_int>;
/// A list of entries, each from malloc.
type Entries = *mut *mut c_void;

unsafe extern "C" {
    fn qsort(base: *mut c_void, count: size_t, size: size_t, order: Order);
}

export! {
    /// scandir(3)
    @cancellation_point fn scandir | scandir64(path: *const c_char, list: *mut Entries, filter: Filter, order: Order) -> c_int {
        scandirat(libc::AT_FDCWD, path, list, filter, order)
    }

    /// scandirat(3)
    @cancellation_point fn scandirat | scandirat64(at: c_int, path: *const c_char, list: *mut Entries, filter: Filter, order: Order) -> c_int {
        if start::here().is_none() {
            return real::scandirat(at, path, list, filter, order);
        }
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_CLOEXEC;
        let fd = super::open::openat(at, path, flags, 0);
        if fd < 0 {
            return -1;
        }
        let dir = libc::fdopendir(fd);
        if dir.is_null() {
            let error = errno::get();
            crate::io::descriptor::close(fd);
            return errno::fail(error);
        }
        let before = errno::get();
        let mut scan = Scan { dir: dir.cast(), entries: ptr::null_mut(), count: 0, room: 0 };
        if let Err(error) = scan.read(filter) {
            return errno::fail(error);
        }
        if order.is_some() && scan.count > 1 {
            qsort(scan.entries.cast(), scan.count, size_of::<*mut c_void>(), order);
        }
        let count = scan.count;
        list.write(scan.take());
        errno::set(before);
        count as c_int
    }
}

/// A directory that is being read; what it holds is freed if a cancellation unwinds.
struct Scan {
    dir: *mut c_void,
    entries: Entries,
    count: usize,
    room: usize,
}

impl Scan {
    unsafe fn read(&mut self, filter: Filter) -> Result<(), c_int> {
        loop {
            // SAFETY: the open directory; errno tells the end from an error.
            unsafe {
                errno::set(0);
                let entry = readdir(self.dir);
                if entry.is_null() {
                    return if errno::get() == 0 { Ok(()) } else { Err(errno::get()) };
                }
                if filter.is_some_and(|wanted| wanted(entry) == 0) {
                    continue;
                }
                let len = usize::from((*entry.cast::<libc::dirent64>()).d_reclen);
                let copy = libc::malloc(len);
                if copy.is_null() || !self.make_room() {
                    libc::free(copy);
                    return Err(libc::ENOMEM);
                }
                copy.cast::<u8>().copy_from_nonoverlapping(entry.cast(), len);
                self.entries.add(self.count).write(copy);
                self.count += 1;
            }
        }
    }

    fn make_room(&mut self) -> bool {
        if self.count == self.room {
            let room = (self.room * 2).max(16);
            // SAFETY: the list is from malloc, or null.
            let larger = unsafe { libc::realloc(self.entries.cast(), room * size_of::<*mut c_void>()) };
            if larger.is_null() {
                return false;
            }
            self.entries = larger.cast();
            self.room = room;
        }
        true
    }

    /// The list becomes the program's. An empty one is a list, too.
    fn take(&mut self) -> Entries {
        if self.entries.is_null() {
            self.make_room();
        }
        self.count = 0;
        core::mem::replace(&mut self.entries, ptr::null_mut())
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        // SAFETY: entries and list are from malloc; the directory is open.
        unsafe {
            for i in 0..self.count {
                libc::free(*self.entries.add(i));
            }
            libc::free(self.entries.cast());
            let error = errno::get();
            closedir(self.dir);
            errno::set(error);
        }
    }
}

// ---- glob(3) -------------------------------------------------------------------------------------

/// glob.h's `glob_t`.
#[repr(C)]
struct Glob {
    count: size_t,
    paths: *mut *mut c_char,
    offset: size_t,
    flags: c_int,
    close_dir: usize,
    read_dir: usize,
    open_dir: usize,
    lstat: usize,
    stat: usize,
}

const GLOB_ALTDIRFUNC: c_int = 1 << 9;

export! {
    /// glob(3)
    fn glob | glob64(pattern: *const c_char, flags: c_int, error: usize, out: *mut c_void) -> c_int {
        let wanted = out.cast::<Glob>();
        if start::here().is_none() || flags & GLOB_ALTDIRFUNC != 0 || wanted.is_null() {
            return real::glob(pattern, flags, error, out);
        }
        (*wanted).close_dir = closedir as *const () as usize;
        (*wanted).read_dir = readdir as *const () as usize;
        (*wanted).open_dir = opendir as *const () as usize;
        (*wanted).lstat = lstat as *const () as usize;
        (*wanted).stat = stat as *const () as usize;
        let result = real::glob(pattern, flags | GLOB_ALTDIRFUNC, error, out);
        (*wanted).flags &= !GLOB_ALTDIRFUNC;
        result
    }
}
