//! Files by name, and what a file system does beside reading and writing.
//!
//! A call on a file may wait for a disk, for a server at the other end of a network, or for the process
//! behind a FUSE mount. Such a call goes to a helper. One that the kernel can answer from memory is made at
//! once, for it is ten times faster there than the way to a helper and back. Which is which is seen without
//! waiting (place.rs):
//!
//! | what the kernel has in memory | a look (status.rs) | a change (changes.rs) |
//! |---|---|---|
//! | nothing: the name is cold | helper | helper |
//! | the file, on a disk | at once | helper |
//! | the file, on tmpfs, procfs … | at once | at once |
//! | the file, far away (FUSE, NFS …) | helper | helper |
//!
//! Opening (open.rs) is a look, unless it creates or truncates; a FIFO's waits for its peer.

pub mod changes;
pub mod directory;
pub mod locks;
pub mod open;
pub mod place;
pub mod program;
pub mod status;
pub mod systems;
