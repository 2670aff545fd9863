//! The M:1 scheduler under libgreen.
//!
//! ```text
//!      Runtime ── one per process, mapped memory, reached through one pointer
//!      ├── Carrier      the kernel thread that runs green threads
//!      │   ├── RunQueue   who may run        (policy.rs: fifo, or random by seed)
//!      │   ├── Wheel      who waits for time (timer.rs)
//!      │   ├── Netpoll    who waits for a descriptor (netpoll.rs, fd_table.rs)
//!      │   └── Inbox      threads unparked by other kernel threads (inbox.rs)
//!      ├── Lot          queues of waiters keyed by address (lot.rs)
//!      ├── Helpers      kernel threads that run offloaded calls (helpers.rs)
//!      └── StackPool    guarded stacks, recycled (stack.rs)
//! ```
//!
//! # The one idea
//!
//! A green thread stops in exactly one way, [`Carrier::park`], and continues in exactly one way,
//! [`Thread::unpark`]. Wake-ups may be spurious: whoever waits looks at its own condition again.
//!
//! # The contract with the host (the shim)
//!
//! The crate is `no_std`, allocates nothing on the heap and calls no libc function: it enters the
//! kernel through [`sys`] alone. What only the process can do is asked of [`Host`]: read the clock
//! (the vDSO's) and start a kernel thread.
//!
//! # Who may touch what
//!
//! Everything below `Carrier` belongs to the carrier's kernel thread, but for its inbox. `Lot`,
//! `Helpers`, `StackPool` and [`Thread::unpark`] are safe from any kernel thread.
#![no_std]
// Tests may use std; the runtime path may not.
#![cfg_attr(
    test,
    allow(clippy::disallowed_types, clippy::disallowed_methods, clippy::undocumented_unsafe_blocks)
)]

#[cfg(test)]
extern crate std;

pub mod carrier;
pub mod clock;
pub mod context;
pub mod counters;
pub mod fd_table;
pub mod helpers;
pub mod inbox;
pub mod list;
pub mod lot;
pub mod netpoll;
pub mod policy;
pub mod runtime;
pub mod spin;
pub mod stack;
pub mod sys;
pub mod thread;
pub mod timer;
pub mod trace;

pub use carrier::{Carrier, Wake};
pub use runtime::{Config, Host, Runtime};
pub use thread::{Reason, Thread};
