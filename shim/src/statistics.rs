//! Statistics: what is counted (scheduler/src/counters.rs), for people.
//!
//! `GREEN_STATS=exit` says it at exit, [`say`](say_all) on request (reports/requests.rs). `GREEN_STATS=live` puts the pages of
//! the counters into `/dev/shm/green.PID`, which only its owner can read, by mapping the file in their place: whoever
//! looks (`green top`) runs no code here, stops nobody and need not be allowed to trace.

use crate::log::Line;
use crate::{options, say};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use scheduler::counters::{self, counts};
use scheduler::sys::{self, process};

const AT_EXIT: u64 = 1;
const LIVE: u64 = 2;

/// The counters lie in a file.
static IS_LIVE: AtomicBool = AtomicBool::new(false);

/// Green threads start.
pub fn start() {
    counts().threads.set(1);
    counts().threads_peak.set(1);
    let stats = options::STATS.get().unwrap_or(0);
    if stats == LIVE {
        publish();
    }
    if stats == AT_EXIT || stats == LIVE || options::VERBOSE.get() == Some(1) {
        // SAFETY: the function fits and is never unloaded.
        unsafe { libc::atexit(at_exit) };
    }
}

extern "C" fn at_exit() {
    if options::VERBOSE.get() == Some(1) {
        let counts = counts();
        let [memory, disk] = [&counts.reads_from_memory, &counts.reads_from_disk].map(|n| n.get());
        say!("file reads: {memory} from memory, {disk} from a disk by a helper");
    }
    if options::STATS.get() == Some(AT_EXIT) {
        say_all();
    }
    withdraw();
}

/// The process ends: so does its file. (One that is killed leaves it; `green top` clears up.)
pub fn withdraw() {
    if IS_LIVE.swap(false, Ordering::Relaxed) {
        let path = Path::of(process());
        // SAFETY: a string that ends in NUL.
        let _ = unsafe { scheduler::sys!(unlinkat, libc::AT_FDCWD, path.bytes.as_ptr(), 0) };
    }
}

/// In the child of `fork`: nothing has happened here, and the parent's file is not for us.
pub fn after_fork() {
    if IS_LIVE.load(Ordering::Relaxed) {
        if let Err(error) = take_pages(-1) {
            return say!("no memory for statistics of a child (errno {})", error.0);
        }
        counters::start_over();
        publish();
    } else {
        counters::start_over();
    }
}

/// Say every number that is not 0.
pub fn say_all() {
    if let Some(rt) = crate::start::runtime() {
        counts().switches.set(rt.carrier.switches());
    }
    say!("statistics of process {}", process());
    let mut line = Line::new();
    let said = |count: &&counters::Count| count.get() != 0 && count.name() != "looked_at";
    for count in counters::all().iter().filter(said) {
        let _ = write!(line, "{}{} {}", if line.is_empty() { "" } else { ", " }, count.name(), count.get());
        if line.is_long() {
            say!("  {}", line.take());
        }
    }
    if !line.is_empty() {
        say!("  {}", line.take());
    }
    for calls in counters::calls() {
        let [many, nanos, longest] = calls.totals();
        let [half, most] = [50, 99].map(|percent| Time(calls.percentile(percent)));
        let (mean, longest) = (Time(nanos / many), Time(longest));
        let name = calls.name();
        say!(
            "  on helpers: {name} {many}, mean {mean}, half below {half}, 99 % below {most}, longest {longest}"
        );
    }
}

/// Nanoseconds, for people.
struct Time(u64);

impl core::fmt::Display for Time {
    fn fmt(&self, out: &mut core::fmt::Formatter) -> core::fmt::Result {
        match self.0 {
            0..10_000_000 => write!(out, "{} us", self.0 / 1000),
            10_000_000..10_000_000_000 => write!(out, "{} ms", self.0 / 1_000_000),
            _ => write!(out, "{} s", self.0 / 1_000_000_000),
        }
    }
}

/// Since when this process exists: field 22 of `/proc/self/stat`, in clock ticks after boot; 0 without /proc.
fn since() -> u64 {
    let mut bytes = [0u8; 1024];
    // SAFETY: objects of ours.
    let length = unsafe {
        let Ok(fd) = scheduler::sys!(openat, libc::AT_FDCWD, c"/proc/self/stat".as_ptr(), libc::O_CLOEXEC, 0)
        else {
            return 0;
        };
        let length = scheduler::sys!(read, fd, bytes.as_mut_ptr(), bytes.len());
        sys::close(fd as i32);
        length.unwrap_or(0)
    };
    // The second field, a name in brackets, may hold anything.
    let text = &bytes[..length];
    let after_name = memchr::memrchr(b')', text).map_or(&[][..], |at| &text[at..]);
    let field = after_name.split(|byte| *byte == b' ').nth(20);
    field.and_then(|field| str::from_utf8(field).ok()?.parse().ok()).unwrap_or(0)
}

/// Where a process's counters are.
struct Path {
    bytes: [u8; 40],
}

impl Path {
    fn of(process: usize) -> Path {
        let mut line = Line::new();
        let _ = write!(line, "/dev/shm/green.{process}\0");
        let mut bytes = [0; 40];
        let text = line.take().as_bytes();
        bytes[..text.len()].copy_from_slice(text);
        Path { bytes }
    }
}

/// Put the counters into a file. Without one they stay where they are, and a line says so.
fn publish() {
    counters::belong_to(process() as u64, since());
    let path = Path::of(process());
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: strings that end in NUL. One of our name is of a process that is dead, or our own before an exec.
    let made = unsafe {
        let _ = scheduler::sys!(unlinkat, libc::AT_FDCWD, path.bytes.as_ptr(), 0);
        scheduler::sys!(openat, libc::AT_FDCWD, path.bytes.as_ptr(), flags, 0o600)
    };
    let mapped = made.and_then(|fd| {
        let (_, length) = counters::pages();
        // SAFETY: no pointers.
        let sized = unsafe { scheduler::sys!(ftruncate, fd, length) };
        let mapped = sized.and_then(|_| take_pages(fd as i32));
        sys::close(fd as i32);
        mapped
    });
    match mapped {
        Ok(()) => IS_LIVE.store(true, Ordering::Relaxed),
        Err(error) => {
            say!("no live statistics: /dev/shm/green.{} cannot be made (errno {})", process(), error.0)
        }
    }
}

/// Lay a file, or memory of our own (-1), in the place of the counters, with what they say now.
fn take_pages(fd: i32) -> Result<(), sys::Errno> {
    const MREMAP_MAYMOVE: usize = 1;
    const MREMAP_FIXED: usize = 2;
    let (pages, length) = counters::pages();
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let (flags, write) =
        (if fd < 0 { private } else { libc::MAP_SHARED }, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a fresh mapping that is filled before it goes where the same bytes were. The carrier alone counts, and
    // it is here.
    unsafe {
        let fresh = scheduler::sys!(mmap, 0, length, write, flags, fd as isize, 0)?;
        core::ptr::copy_nonoverlapping(pages, core::ptr::with_exposed_provenance_mut(fresh), length);
        scheduler::sys!(mremap, fresh, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, pages)?;
    }
    Ok(())
}
