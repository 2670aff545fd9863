//! `GREEN_TRACE=file`: where the events of the scheduler go (scheduler/src/trace.rs draws them).
//!
//! The file is made when green threads start, and mapped. A `%p` in its name stands for the process's number, so that
//! the child of a `fork` can have one of its own; without it the child is not traced. A file that another process is
//! writing is left alone: this one's gets the number behind its name.
//!
//! A copy of `/proc/self/maps` follows the events, made at the start and again at exit: by it addresses get names.

use crate::log::Line;
use crate::pthread::green::{self, Green};
use crate::pthread::roster;
use crate::{options, say};
use core::fmt::Write;
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_int;
use scheduler::sys::{self, Errno, process};
use scheduler::thread::Reason;
use scheduler::trace::{self, EVENT, HEAD, Ring, What};

/// Room for the copy of the maps.
const MAPS: usize = 256 << 10;
const DEFAULT_MB: u64 = 16;

/// How many bytes are mapped.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Green threads start.
pub fn start() {
    if options::TRACE.get().is_none() {
        return;
    }
    begin();
    extern "C" fn at_exit() {
        let (Some(ring), Some(rt)) = (trace::ring(), crate::start::runtime()) else { return };
        if ring.written.load(Ordering::Relaxed) > ring.capacity {
            // Their beginnings are gone: say once more who they are.
            roster::each(tell_who);
        }
        trace::set_clock(rt.clock.now());
        copy_maps(ring);
    }
    // SAFETY: the function fits and is never unloaded.
    unsafe { libc::atexit(at_exit) };
}

/// In the child of `fork`: the parent's events are not ours.
pub fn after_fork() {
    let Some(ring) = trace::ring() else { return };
    // SAFETY: nobody but us records here, and we stop before it goes.
    unsafe {
        trace::direct_to(core::ptr::null_mut());
        sys::unmap(core::ptr::from_ref(ring).cast_mut().cast(), MAPPED.load(Ordering::Relaxed));
    }
    if options::TRACE.get().is_some_and(|path| path.to_bytes().windows(2).any(|two| two == b"%p")) {
        begin();
    }
}

fn tell_who(green: &Green) {
    let is_main = core::ptr::eq(&raw const green.thread, green::main_thread());
    let function = if is_main { 0 } else { green.start as *const () as u64 };
    trace::record(What::Create, 0, green.thread.id, function);
    // SAFETY: names are changed on the carrier, and we are on it.
    let name = unsafe { &*green.name.get() };
    if name[0] != 0 {
        named(green.thread.id, name);
    }
}

/// A thread has this name now.
pub fn named(thread: u32, name: &[u8; 16]) {
    for (i, eight) in name.chunks_exact(8).enumerate() {
        let mut value = [0; 8];
        value.copy_from_slice(eight);
        trace::record(What::Name, i as u32, thread, u64::from_le_bytes(value));
    }
}

fn begin() {
    match make() {
        Ok(ring) => {
            // SAFETY: mapped until `after_fork`, with room for what its head says.
            unsafe { trace::direct_to(ring) };
            if let Some(ring) = trace::ring() {
                copy_maps(ring);
            }
            if let Some(rt) = crate::start::runtime() {
                let me = green::current(rt);
                tell_who(me);
                trace::record(What::Run, 0, me.thread.id, 0);
            }
        }
        Err(error) => say!("no trace: the file cannot be made (errno {})", error.0),
    }
}

/// The name of the file, which ends in NUL.
fn path(with_number: bool) -> Line {
    let mut line = Line::new();
    let name = options::TRACE.get().and_then(|name| name.to_str().ok()).unwrap_or("");
    for (i, part) in name.split("%p").enumerate() {
        let _ = if i == 0 { line.write_str(part) } else { write!(line, "{}{part}", process()) };
    }
    let _ = if with_number { write!(line, ".{}\0", process()) } else { line.write_str("\0") };
    line
}

fn open(path: &mut Line) -> Result<c_int, Errno> {
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC;
    // SAFETY: a string that ends in NUL.
    let fd = unsafe { scheduler::sys!(openat, libc::AT_FDCWD, path.take().as_ptr(), flags, 0o600) };
    fd.map(|fd| fd as c_int)
}

/// Is the file one that another process is writing?
fn is_taken(fd: c_int) -> bool {
    let mut head = [0u64; 2];
    // SAFETY: an object of ours; no signal is sent.
    unsafe {
        let got = scheduler::sys!(pread64, fd, head.as_mut_ptr(), size_of_val(&head), 0);
        got == Ok(size_of_val(&head))
            && head[0].to_le_bytes() == MAGIC
            && head[1] != process() as u64
            && scheduler::sys!(kill, head[1] as usize, 0).is_ok()
    }
}

const MAGIC: [u8; 8] = *b"greentr1";

fn make() -> Result<*mut Ring, Errno> {
    let mut fd = open(&mut path(false))?;
    if is_taken(fd) {
        sys::close(fd);
        fd = open(&mut path(true))?;
    }
    let ring = fill(fd);
    sys::close(fd);
    ring
}

fn fill(fd: c_int) -> Result<*mut Ring, Errno> {
    let capacity = (options::TRACE_MB.get().unwrap_or(DEFAULT_MB) << 20) / EVENT as u64;
    let events = (capacity as usize * EVENT).next_multiple_of(HEAD);
    let length = HEAD + events + MAPS;
    let write = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh mapping of our own file, filled before anybody knows it. (Its pages are made now, not one by one
    // under the events.)
    unsafe {
        scheduler::sys!(ftruncate, fd, 0)?;
        scheduler::sys!(ftruncate, fd, length)?;
        let at = scheduler::sys!(mmap, 0, length, write, libc::MAP_SHARED | libc::MAP_POPULATE, fd, 0)?;
        MAPPED.store(length, Ordering::Relaxed);
        let ring: *mut Ring = core::ptr::with_exposed_provenance_mut(at);
        (*ring).process = process() as u64;
        (*ring).capacity = capacity;
        let reasons = Reason::NAMES.as_bytes();
        (&raw mut (*ring).reasons).cast::<u8>().copy_from_nonoverlapping(reasons.as_ptr(), reasons.len());
        let now = crate::start::runtime().map_or(0, |rt| rt.clock.now());
        for [counter, clock] in &(*ring).clocks {
            counter.store(trace::counter(), Ordering::Relaxed);
            clock.store(now, Ordering::Relaxed);
        }
        (*ring).maps[0].store((HEAD + events) as u64, Ordering::Relaxed);
        (*ring).magic = MAGIC;
        Ok(ring)
    }
}

fn copy_maps(ring: &Ring) {
    let from = ring.maps[0].load(Ordering::Relaxed) as usize;
    let room = core::ptr::from_ref(ring).cast::<u8>().cast_mut().wrapping_add(from);
    let mut length = 0;
    // SAFETY: the room behind the events.
    unsafe {
        let Ok(fd) = scheduler::sys!(openat, libc::AT_FDCWD, c"/proc/self/maps".as_ptr(), libc::O_CLOEXEC, 0)
        else {
            return;
        };
        while let Ok(more @ 1..) = scheduler::sys!(read, fd, room.wrapping_add(length), MAPS - length) {
            length += more;
        }
        sys::close(fd as c_int);
    }
    ring.maps[1].store(length as u64, Ordering::Relaxed);
}

const _: () = assert!(Reason::NAMES.len() <= 256);
