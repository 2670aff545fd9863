//! Where a debugger finds the threads of a process, live or as a core file: `scripts/gdb/green.py` and the scripts that
//! read `/proc/PID/mem` know nothing of our layouts but this table.
//!
//! ```text
//!   green_debug_layout: { name, value }, …, { "", 0 }
//!
//!     roster ─► first thread's record ── links.next ─► …      every thread that has not ended, as it was created
//!     runtime ─► (0: no green threads) + runtime.current ─► the record of the one that runs
//! ```
//!
//! Names are those of the fields; a value is an address (`roster`, `runtime`, `waits`) or an offset in a record. A
//! suspended thread's registers are at its `sp`, as `scheduler/src/context.rs` draws it.

use crate::pthread::green::Green;
use crate::pthread::roster;
use crate::start;
use core::mem::offset_of;
use core::ptr;
use scheduler::Runtime;
use scheduler::list::Links;
use scheduler::thread::{Reason, Thread};

/// One line of the table.
#[repr(C)]
pub struct Entry {
    name: [u8; 24],
    value: *const (),
}

// SAFETY: never written.
unsafe impl Sync for Entry {}

const fn named(name: &str, value: *const ()) -> Entry {
    let mut bytes = [0; 24];
    let mut i = 0;
    while i < name.len() {
        bytes[i] = name.as_bytes()[i];
        i += 1;
    }
    Entry { name: bytes, value }
}

const fn offset(name: &str, value: usize) -> Entry {
    named(name, ptr::without_provenance(value))
}

/// Changes whenever the meaning of a name does.
const VERSION: usize = 1;

/// See above.
#[unsafe(no_mangle)]
pub static green_debug_layout: [Entry; 21] = [
    offset("version", VERSION),
    named("roster", roster::FIRST),
    named("runtime", start::RUNTIME_AT),
    // What a thread waits for, by the first word of its reason: names that end in NUL, and an empty one.
    named("waits", Reason::NAMES.as_ptr().cast()),
    offset("runtime.current", offset_of!(Runtime, carrier) + scheduler::Carrier::CURRENT),
    offset("runtime.switches", offset_of!(Runtime, carrier) + scheduler::Carrier::SWITCHES),
    offset("links.next", offset_of!(Green, roster) + Links::<Green>::NEXT),
    offset("sp", Thread::SP),
    offset("state", Thread::STATE),
    // How often it has left the carrier (32 bits): two readings with the same number are of the same wait.
    offset("parks", Thread::PARKS),
    // When it began to wait: nanoseconds of CLOCK_MONOTONIC, a little early.
    offset("since", Thread::SINCE),
    offset("id", offset_of!(Thread, id)),
    // Which wait (a word of 32 bits), and what for: a descriptor (32 bits) or an address (64 bits).
    offset("reason", Thread::REASON),
    offset("reason.fd", Thread::REASON + Reason::DESCRIPTOR),
    offset("reason.address", Thread::REASON + Reason::ADDRESS),
    offset("fs", offset_of!(Green, fs)),
    offset("start", offset_of!(Green, start)),
    offset("name", offset_of!(Green, name)),
    offset("stack.base", offset_of!(Green, stack) + offset_of!(scheduler::stack::Stack, base)),
    offset("stack.length", offset_of!(Green, stack) + offset_of!(scheduler::stack::Stack, len)),
    named("", ptr::null()),
];
