//! What is said on stderr about threads: who, where, why. No heap, no lock of libc's or ld.so's: the program may be in
//! any state, and hold any of them.
//!
//! ```text
//!   deadlock.rs    all threads wait for each other        backtrace.rs  the frames of a thread, parked or running
//!   overflow.rs    a stack is used up                     symbols.rs    which function of which file an address is in
//!   listing.rs     all threads, one by one        title.rs      what a thread is called
//!                                                 peers.rs      whom a descriptor connects
//!   requests.rs    signals that ask for something      pinned.rs    what holds the carrier while others could run
//!                                                      sample.rs    where the carrier is now
//!   layout.rs      where debuggers find the threads
//! ```

pub mod backtrace;
pub mod deadlock;
pub mod layout;
pub mod listing;
pub mod overflow;
pub mod peers;
pub mod pinned;
pub mod requests;
pub mod sample;
pub mod symbols;
pub mod title;
