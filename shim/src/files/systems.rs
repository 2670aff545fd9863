//! File systems: which of them make a call wait, remembered by device number.

use crate::{offload, start};
use core::sync::atomic::{AtomicU64, Ordering};
use scheduler::helpers::Class;

/// What a file system does to the patience of a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// Nothing waits: tmpfs, procfs …
    Memory,
    /// What is not cached waits for a disk, and so does every change.
    Disk,
    /// Everything may wait for somebody else: FUSE, NFS, and whatever is not known.
    Far,
}

/// procfs, sysfs, tmpfs, ramfs, cgroup2, cgroup, debugfs, tracefs, devpts, mqueue, securityfs, bpf,
/// hugetlbfs, binfmt_misc, nsfs, anonymous inodes, sockets, pipes.
const MEMORY: [u32; 18] = [
    0x9fa0,
    0x6265_6572,
    0x0102_1994,
    0x8584_58f6,
    0x6367_7270,
    0x0027_e0eb,
    0x6462_6720,
    0x7472_6163,
    0x1cd1,
    0x1980_0202,
    0x7363_6673,
    0xcafe_4a11,
    0x9584_58f6,
    0x4249_4e4d,
    0x6e73_6673,
    0x0904_1934,
    0x534f_434b,
    0x5049_5045,
];

/// ext2 to ext4, xfs, btrfs, f2fs, overlayfs, squashfs, erofs, FAT, exFAT, NTFS, ISO 9660, ZFS, bcachefs, JFS,
/// ReiserFS, UDF, nilfs2, minix.
const DISK: [u32; 18] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x794c_7630,
    0x7371_7368,
    0xe0f5_e1e2,
    0x4d44,
    0x2011_bab0,
    0x5346_544e,
    0x9660,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0x3153_464a,
    0x5265_4973,
    0x1501_3346,
    0x3434,
    0x138f,
];

impl System {
    /// By `f_type` of statfs(2).
    pub fn of_magic(magic: i64) -> System {
        let magic = magic as u32;
        if MEMORY.contains(&magic) {
            System::Memory
        } else if DISK.contains(&magic) {
            System::Disk
        } else {
            System::Far
        }
    }
}

/// One word a device: its number (32 bits), the second we learnt it in (30), what it is (2).
static KNOWN: [AtomicU64; 64] = [const { AtomicU64::new(u64::MAX) }; 64];

/// The numbers of file systems without a device are given again after an unmount: believe for so many seconds.
const BELIEVED: u64 = 10;

fn slot(device: u32) -> &'static AtomicU64 {
    &KNOWN[(device ^ device >> 20) as usize % KNOWN.len()]
}

/// The file system of an open file that is on `device`. The first time, and now and then, it is asked, on a
/// helper.
pub fn of(fd: i32, major: u32, minor: u32) -> System {
    let Some((rt, carrier)) = start::here() else { return System::Far };
    let device = major << 20 | (minor & 0xf_ffff);
    let now = (rt.clock.now() / 1_000_000_000) & 0x3fff_ffff;
    let word = slot(device).load(Ordering::Relaxed);
    let (known, since) = (word >> 32, word >> 2 & 0x3fff_ffff);
    if known == u64::from(device) && now.wrapping_sub(since) < BELIEVED {
        return match word & 3 {
            0 => System::Memory,
            1 => System::Disk,
            _ => System::Far,
        };
    }
    // SAFETY: the kernel fills an object of ours.
    let mut about: libc::statfs = unsafe { core::mem::zeroed() };
    let asked = offload::raw(rt, carrier, Class::Bounded, || {
        // SAFETY: likewise; the caller is parked.
        unsafe { scheduler::sys!(fstatfs, fd, &raw mut about) }.map_or(-1, |_| 0)
    });
    if asked.is_err() {
        return System::Far;
    }
    let system = System::of_magic(about.f_type as i64);
    slot(device).store(u64::from(device) << 32 | now << 2 | system as u64, Ordering::Relaxed);
    system
}
