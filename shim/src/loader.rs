//! Libraries that come and go while threads exist: dlopen(3), dlmopen(3), dlclose(3).
//!
//! A library with *static* TLS (`-ftls-model=initial-exec`) has its `__thread` variables at a fixed distance
//! below the FS base of every thread. ld.so fills them in for the threads it knows; ours are brought up
//! to date here, before their code can meet the library:
//!
//! ```text
//!   as a rule                           we call libc's dlopen and look afterwards
//!   a bare name, from a library with    libc must see its caller, so we jump there, and look when a
//!   a RUNPATH; a name with `$`          thread next leaves the scheduler
//! ```
//!
//! Only libraries that say so (`DF_STATIC_TLS`) are looked at, and each once.

use crate::pthread::green::{self, Green};
use crate::pthread::roster;
use crate::signal::undisturbed;
use crate::{export, real, start};
use core::arch::naked_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use scheduler::context::fs_base;
use scheduler::spin::Spin;
use scheduler::sys;

/// A library may have been loaded since we looked.
static DUE: AtomicBool = AtomicBool::new(false);
/// How many objects had been loaded when we looked.
static ADDED: AtomicU64 = AtomicU64::new(0);

/// Modules whose static TLS all threads have.
static KNOWN: Spin<Known> = Spin::new(Known { count: 0, modules: [Place::NONE; MOST_KNOWN] });

const MOST_KNOWN: usize = 128;

/// Where a module's static TLS is.
#[derive(Clone, Copy)]
struct Place {
    id: usize,
    image: usize,
    /// Distance below the FS base.
    below: usize,
    len: usize,
    /// What it begins as: mapped memory of ours.
    copy: usize,
}

impl Place {
    const NONE: Place = Place { id: 0, image: 0, below: 0, len: 0, copy: 0 };
}

struct Known {
    count: usize,
    modules: [Place; MOST_KNOWN],
}

impl Known {
    fn has(&self, module: &Module) -> bool {
        self.modules[..self.count].iter().any(|p| p.id == module.id && p.image == module.image.addr())
    }

    fn add(&mut self, place: Place) {
        if self.count < MOST_KNOWN {
            self.modules[self.count] = place;
            self.count += 1;
        }
    }
}

fn locked<R>(work: impl FnOnce(&mut Known) -> R) -> R {
    undisturbed(|| work(&mut KNOWN.lock()))
}

/// Static TLS of one module.
#[derive(Clone, Copy)]
struct Module {
    id: usize,
    image: *const u8,
    image_len: usize,
    len: usize,
}

/// Call `each` for every loaded module with static TLS.
fn each_static(each: &mut dyn FnMut(Module)) {
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: ld.so passes a valid object, `data` is the closure below.
        unsafe {
            let (info, each) = (&*info, &mut *data.cast::<&mut dyn FnMut(Module)>());
            ADDED.store(info.dlpi_adds, Ordering::Relaxed);
            let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
            let tls = headers.iter().find(|h| h.p_type == libc::PT_TLS);
            let dynamic = headers.iter().find(|h| h.p_type == libc::PT_DYNAMIC);
            if let (Some(tls), Some(dynamic), 1..) = (tls, dynamic, info.dlpi_tls_modid)
                && is_static(ptr::with_exposed_provenance((info.dlpi_addr + dynamic.p_vaddr) as usize))
            {
                each(Module {
                    id: info.dlpi_tls_modid,
                    image: ptr::with_exposed_provenance((info.dlpi_addr + tls.p_vaddr) as usize),
                    image_len: tls.p_filesz as usize,
                    len: tls.p_memsz as usize,
                });
            }
        }
        0
    }
    let mut each = each;
    // SAFETY: `look` fits, and the closure outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut each).cast()) };
}

/// The mapping of the object around an address, as [from, to).
pub fn object_around(address: usize) -> [usize; 2] {
    around(address, libc::PF_R)
}

/// Is there code of an object?
pub fn is_code(address: usize) -> bool {
    around(address, libc::PF_X) != [0, 0]
}

/// Where the table is by which functions of an object are found for unwinding (`.eh_frame_hdr`), as [from, to).
pub fn unwind_table_of(address: usize) -> [usize; 2] {
    segments_around(address, libc::PT_GNU_EH_FRAME, 0)
}

/// The range of those segments of an object that have these permissions, if it is around `address`.
fn around(address: usize, permissions: u32) -> [usize; 2] {
    let found = segments_around(address, libc::PT_LOAD, permissions);
    if (found[0]..found[1]).contains(&address) { found } else { [0, 0] }
}

/// The range of the segments of this kind, with these permissions, of the object that is loaded around `address`.
fn segments_around(address: usize, kind: u32, permissions: u32) -> [usize; 2] {
    struct Search {
        address: usize,
        kind: u32,
        permissions: u32,
        found: [usize; 2],
    }
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: ld.so passes a valid object, `data` is the Search below.
        unsafe {
            let (info, search) = (&*info, &mut *data.cast::<Search>());
            let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
            let range = |kind: u32, permissions: u32| {
                let (mut from, mut to) = (usize::MAX, 0);
                let wanted =
                    |h: &&libc::Elf64_Phdr| h.p_type == kind && h.p_flags & permissions == permissions;
                for h in headers.iter().filter(wanted) {
                    let start = (info.dlpi_addr + h.p_vaddr) as usize;
                    from = from.min(start);
                    to = to.max(start + h.p_memsz as usize);
                }
                [from, to]
            };
            let [from, to] = range(libc::PT_LOAD, 0);
            if !(from..to).contains(&search.address) {
                return 0;
            }
            let found = range(search.kind, search.permissions);
            if found[0] < found[1] {
                search.found = found;
            }
        }
        1
    }
    let mut search = Search { address, kind, permissions, found: [0, 0] };
    // SAFETY: `look` fits, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

/// `DF_STATIC_TLS` among the flags of a dynamic section.
unsafe fn is_static(section: *const [usize; 2]) -> bool {
    const DT_FLAGS: usize = 30;
    const DF_STATIC_TLS: usize = 0x10;
    // SAFETY: the caller's section.
    unsafe { value_of(section, DT_FLAGS) }.is_some_and(|flags| flags & DF_STATIC_TLS != 0)
}

/// What a dynamic section says about `tag`.
unsafe fn value_of(mut entry: *const [usize; 2], tag: usize) -> Option<usize> {
    const DT_NULL: usize = 0;
    // SAFETY: a loaded object's section, which ends with DT_NULL.
    unsafe {
        while (*entry)[0] != DT_NULL {
            if (*entry)[0] == tag {
                return Some((*entry)[1]);
            }
            entry = entry.add(1);
        }
    }
    None
}

/// Every thread has the TLS of what is loaded now.
pub fn adopt() {
    each_static(&mut |module| {
        if let Some(place) = place_of(&module) {
            locked(|known| known.add(place));
        }
    });
}

unsafe extern "C" {
    fn __tls_get_addr(index: *const [usize; 2]) -> *mut u8;
}

fn place_of(module: &Module) -> Option<Place> {
    let index = [module.id, 0];
    // SAFETY: a loaded module's index. For a static one this is an address below the FS base.
    let below = fs_base().wrapping_sub(unsafe { __tls_get_addr(&raw const index) }.addr());
    let fits = below <= start::layout().below && below >= module.len;
    let copy = fits.then(|| sys::map(module.len).ok()).flatten()?;
    // SAFETY: the module's image, which fits into the fresh memory.
    unsafe { copy.copy_from_nonoverlapping(module.image, module.image_len) };
    let copy = copy.expose_provenance();
    Some(Place { id: module.id, image: module.image.addr(), below, len: module.len, copy })
}

/// Bring all threads up to date.
fn catch_up() {
    let before = ADDED.load(Ordering::Relaxed);
    // Until it is over: leaving a critical section asks whether it is due.
    let due = DUE.swap(false, Ordering::Relaxed);
    let mut loaded = 0u128;
    each_static(&mut |module| {
        let known = locked(|known| known.has(&module));
        if !known && let Some(place) = place_of(&module) {
            locked(|known| known.add(place));
            fill_in(&module, place);
        }
        locked(|known| {
            let at = (0..known.count)
                .find(|&i| known.modules[i].id == module.id && known.modules[i].image == module.image.addr());
            loaded |= at.map_or(0, |i| 1 << i);
        });
    });
    // Nothing new: what was announced is still to come.
    if due && ADDED.load(Ordering::Relaxed) == before {
        DUE.store(true, Ordering::Relaxed);
    }
    forget_closed(loaded);
}

/// Forget the modules that are not loaded any more; bit i of `loaded` stands for the i-th known one. Their
/// place is left as it began, for the one that most probably gets it next is the same library, and its
/// constructors run before we can look.
fn forget_closed(loaded: u128) {
    locked(|known| {
        let mut kept = 0;
        for i in 0..known.count {
            let place = known.modules[i];
            if loaded & 1 << i != 0 {
                known.modules[kept] = place;
                kept += 1;
                continue;
            }
            each_thread(|green| {
                let copy: *const u8 = ptr::with_exposed_provenance(place.copy);
                // SAFETY: the place in a live thread's block; no library has it now.
                unsafe { at(green, place).copy_from_nonoverlapping(copy, place.len) };
            });
            // SAFETY: mapped in `place_of`, used by nobody else.
            unsafe { sys::unmap(ptr::with_exposed_provenance_mut(place.copy), place.len) };
        }
        known.count = kept;
    });
}

fn at(green: &Green, place: Place) -> *mut u8 {
    ptr::with_exposed_provenance_mut(green.fs - place.below)
}

/// Every thread but the main one, which ld.so takes care of.
fn each_thread(mut work: impl FnMut(&Green)) {
    let main = green::main_handle() as usize;
    roster::each(|green| {
        if green.fs != main {
            work(green);
        }
    });
}

/// The thread that is inside dlopen(3), if it is known: another one may run meanwhile, and look. And the last one that
/// went past us into libc's, of which nobody knows when it comes back.
static OPENER: AtomicUsize = AtomicUsize::new(0);
static PASSED: AtomicUsize = AtomicUsize::new(0);

fn fill_in(module: &Module, place: Place) {
    let opener = match OPENER.load(Ordering::Relaxed) {
        0 => fs_base(),
        opener => opener,
    };
    let passed = PASSED.load(Ordering::Relaxed);
    each_thread(|green| {
        let at = at(green, place);
        // SAFETY: the module's place in a live thread's block, and its image.
        unsafe {
            if green.fs != opener && green.fs != passed {
                at.copy_from_nonoverlapping(module.image, module.image_len);
                at.add(module.image_len).write_bytes(0, module.len - module.image_len);
                return;
            }
            // The library's constructors have run in this thread, or are still at it, and found zeroes, or the image if it was loaded
            // before. What they wrote stays.
            for i in 0..module.image_len {
                if at.add(i).read() == 0 {
                    at.add(i).write(module.image.add(i).read());
                }
            }
        }
    });
}

/// Look, if a library may have been loaded since.
pub fn catch_up_if_due() {
    if DUE.load(Ordering::Relaxed) && start::here().is_some() {
        catch_up();
    }
}

/// Something may be loaded now, behind our back.
fn note() {
    if let Some((_, carrier)) = start::here() {
        PASSED.store(fs_base(), Ordering::Relaxed);
        DUE.store(true, Ordering::Relaxed);
        // Whoever leaves the scheduler next looks.
        carrier.signal_kept();
    }
}

/// Does it matter who calls libc's dlopen? A name without a slash is searched for along the RUNPATH of
/// the caller, and `$ORIGIN` is the caller's.
unsafe extern "C" fn depends_on_caller(file: *const c_char, caller: *const c_void) -> bool {
    if start::here().is_none() {
        return true;
    }
    if file.is_null() {
        return false;
    }
    // SAFETY: the program's string.
    let file = unsafe { CStr::from_ptr(file) }.to_bytes();
    // SAFETY: an address of code.
    let depends = file.contains(&b'$') || (!file.contains(&b'/') && unsafe { has_own_path(caller) });
    if depends {
        note();
    }
    depends
}

/// Has the object around an address a RUNPATH or RPATH of its own? (`true` also if that is unknown.)
unsafe fn has_own_path(code: *const c_void) -> bool {
    const RTLD_DL_LINKMAP: c_int = 2;
    const DT_RPATH: usize = 15;
    const DT_RUNPATH: usize = 29;
    // SAFETY: objects of our own. The third word of a link map (link.h) is its dynamic section.
    unsafe {
        let mut info: libc::Dl_info = core::mem::zeroed();
        let mut map: *const [usize; 3] = ptr::null();
        if dladdr1(code, &raw mut info, &raw mut map, RTLD_DL_LINKMAP) == 0 || map.is_null() {
            return true;
        }
        let section = ptr::with_exposed_provenance((*map)[2]);
        value_of(section, DT_RUNPATH).is_some() || value_of(section, DT_RPATH).is_some()
    }
}

unsafe extern "C" {
    fn dladdr1(
        at: *const c_void,
        info: *mut libc::Dl_info,
        more: *mut *const [usize; 3],
        kind: c_int,
    ) -> c_int;
}

/// Look before, to forget what was closed: a library that takes its place must not count as known.
fn looking<R>(load: impl FnOnce() -> R) -> R {
    catch_up();
    let _ = PASSED.compare_exchange(fs_base(), 0, Ordering::Relaxed, Ordering::Relaxed);
    let first = OPENER.compare_exchange(0, fs_base(), Ordering::Relaxed, Ordering::Relaxed).is_ok();
    let result = load();
    catch_up();
    if first {
        OPENER.store(0, Ordering::Relaxed);
    }
    result
}

unsafe extern "C-unwind" fn open(file: *const c_char, mode: c_int) -> *mut c_void {
    // SAFETY: the program's arguments.
    looking(|| unsafe { real::dlopen(file, mode) })
}

unsafe extern "C-unwind" fn open_in(space: usize, file: *const c_char, mode: c_int) -> *mut c_void {
    // SAFETY: the program's arguments.
    looking(|| unsafe { real::dlmopen(space, file, mode) })
}

export! {
    /// dlclose(3)
    fn dlclose(handle: *mut c_void) -> c_int {
        let result = real::dlclose(handle);
        if start::here().is_some() {
            catch_up();
        }
        result
    }
}

/// A jacket that goes on in `ours`, or jumps to libc's function so that it sees the caller.
macro_rules! loads {
    ($(#[$meta:meta])* $name:ident, file in $file:literal, $ours:path, $real:path) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As for the libc function.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(_: usize, _: usize, _: usize) -> *mut c_void {
            naked_asm!(
                ".cfi_startproc",
                "mov rax, [rsp]",
                "push rdi", ".cfi_adjust_cfa_offset 8",
                "push rsi", ".cfi_adjust_cfa_offset 8",
                "push rdx", ".cfi_adjust_cfa_offset 8",
                concat!("mov rdi, ", $file),
                "mov rsi, rax",
                "call {depends}",
                "test al, al",
                "jz 2f",
                "call {real}",
                "pop rdx", ".cfi_adjust_cfa_offset -8",
                "pop rsi", ".cfi_adjust_cfa_offset -8",
                "pop rdi", ".cfi_adjust_cfa_offset -8",
                "jmp rax",
                "2:",
                ".cfi_adjust_cfa_offset 24",
                "pop rdx", ".cfi_adjust_cfa_offset -8",
                "pop rsi", ".cfi_adjust_cfa_offset -8",
                "pop rdi", ".cfi_adjust_cfa_offset -8",
                "jmp {ours}",
                ".cfi_endproc",
                depends = sym depends_on_caller,
                real = sym $real,
                ours = sym $ours,
            )
        }
    };
}

loads!(
    /// dlopen(3)
    dlopen, file in "rdi", open, real::address::dlopen
);
loads!(
    /// dlmopen(3)
    dlmopen, file in "rsi", open_in, real::address::dlmopen
);
