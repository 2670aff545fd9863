//! Programs' files, brought into memory before a child is made of them.
//!
//! While a child of posix_spawn(3) opens its program its parent waits in the kernel, and the parent is the carrier.
//! So a helper looks first: it finds the file, and its interpreter's, and reads the beginning of each. What the child
//! then does waits for nothing, usually.

use super::place::{Last, Look, look, making};
use super::systems::System;
use crate::pthread::green;
use crate::start;
use core::ffi::{CStr, c_char};
use scheduler::helpers::Class;
use scheduler::{Carrier, Runtime};

/// What the kernel reads of a program before it is one.
const BEGINNING: usize = 4096;

/// A script's interpreter may be a script, but not for ever.
const DEEPEST: u32 = 5;

/// (Not in a child that shares our memory: clone(2).)
fn here() -> Option<(&'static Runtime, &'static Carrier)> {
    start::here().filter(|_| green::is_carrier_thread())
}

/// Bring the file of this name into memory.
///
/// # Safety
/// `path` is the program's.
pub unsafe fn warm(path: *const c_char) {
    let Some((rt, carrier)) = here() else { return };
    // SAFETY: the caller's.
    match unsafe { look(libc::AT_FDCWD, path, Last::Followed) } {
        Look::Seen(seen) if seen.kind == libc::S_IFREG && seen.system == System::Memory => return,
        Look::Refused => return,
        _ => {}
    }
    // SAFETY: the caller's.
    making(rt, carrier, Class::Unbounded, || unsafe { read_beginning(path, DEEPEST) });
}

/// The same for a name that is looked for where `PATH` says, as execvp(3) does.
///
/// # Safety
/// `file` is the program's.
pub unsafe fn warm_by_name(file: *const c_char) {
    // SAFETY: the caller's; the environment is read as libc reads it.
    unsafe {
        if CStr::from_ptr(file).to_bytes().contains(&b'/') {
            return warm(file);
        }
        let Some((rt, carrier)) = here() else { return };
        let places = libc::getenv(c"PATH".as_ptr());
        let places = if places.is_null() { c"/bin:/usr/bin" } else { CStr::from_ptr(places) };
        making(rt, carrier, Class::Unbounded, || {
            for place in places.to_bytes().split(|c| *c == b':') {
                let mut path = [0u8; libc::PATH_MAX as usize];
                let file = CStr::from_ptr(file).to_bytes();
                let length = place.len() + 1 + file.len();
                if length >= path.len() {
                    continue;
                }
                path[..place.len()].copy_from_slice(place);
                path[place.len()] = b'/';
                path[place.len() + 1..length].copy_from_slice(file);
                // An empty place is the working directory.
                let from = usize::from(place.is_empty());
                if read_beginning(path[from..].as_ptr().cast(), DEEPEST) {
                    break;
                }
            }
        });
    }
}

/// On a helper. Answers whether there is such a file.
unsafe fn read_beginning(path: *const c_char, deepest: u32) -> bool {
    let mut beginning = [0u8; BEGINNING];
    // SAFETY: the caller's path, an object of ours.
    let length = unsafe {
        let Ok(name) = scheduler::sys!(openat, libc::AT_FDCWD, path, libc::O_PATH | libc::O_CLOEXEC, 0)
        else {
            return false;
        };
        let mut file: libc::stat = core::mem::zeroed();
        let known = scheduler::sys!(fstat, name, &raw mut file).is_ok();
        let _ = scheduler::sys!(close, name);
        // To open a device, or a FIFO, does something.
        if !known || file.st_mode & libc::S_IFMT != libc::S_IFREG {
            return false;
        }
        let Ok(file) = scheduler::sys!(openat, libc::AT_FDCWD, path, libc::O_RDONLY | libc::O_CLOEXEC, 0)
        else {
            return true;
        };
        let length = scheduler::sys!(pread64, file, beginning.as_mut_ptr(), BEGINNING, 0).unwrap_or(0);
        let _ = scheduler::sys!(close, file);
        length
    };
    if deepest > 0
        && let Some(interpreter) = interpreter(&mut beginning, length)
    {
        // SAFETY: a string of ours.
        unsafe { read_beginning(interpreter, deepest - 1) };
    }
    true
}

/// The name of the file that interprets a program: a script's, or ld.so.
fn interpreter(beginning: &mut [u8; BEGINNING], length: usize) -> Option<*const c_char> {
    let (from, to) = if beginning.starts_with(b"#!") {
        let line = beginning[..length].split(|c| *c == b'\n').next()?;
        let from = 2 + line[2..].iter().position(|c| !matches!(c, b' ' | b'\t'))?;
        let word = line[from..].iter().position(|c| matches!(c, b' ' | b'\t')).unwrap_or(line.len() - from);
        (from, from + word)
    } else {
        segment(&beginning[..length], libc::PT_INTERP)?
    };
    *beginning.get_mut(to)? = 0;
    Some(beginning.get(from)?).map(|first| core::ptr::from_ref(first).cast())
}

/// Where the first segment of a kind is in an ELF file's beginning: elf(5).
fn segment(file: &[u8], kind: u32) -> Option<(usize, usize)> {
    let number = |at: usize, size: usize| {
        let bytes = file.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0usize, |number, byte| number << 8 | usize::from(*byte)))
    };
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let [headers, size, count] = [number(32, 8)?, number(54, 2)?, number(56, 2)?];
    for i in 0..count {
        let header = headers.checked_add(i * size)?;
        if number(header, 4)? == kind as usize {
            let from = number(header + 8, 8)?;
            return Some((from, from.checked_add(number(header + 32, 8)?)?));
        }
    }
    None
}
