//! Which function of which file an address is in: from `/proc/self/maps` and the symbol tables of the files
//! themselves. (dladdr(3) knows exported names only, and takes a lock of ld.so's.)

use core::cell::Cell;
use core::ffi::{CStr, c_int};
use core::fmt;
use elf::ElfBytes;
use elf::abi::{PT_LOAD, STT_FUNC, STT_GNU_IFUNC};
use elf::endian::NativeEndian;
use elf::string_table::StringTable;
use elf::symbol::{Symbol, SymbolTable};
use scheduler::sys;

const MODULES: usize = 128;
const PATH: usize = 240;

/// A mapping of a file from which code is executed.
struct Module {
    start: usize,
    end: usize,
    offset: usize,
    /// Ends in NUL.
    path: [u8; PATH],
    /// The whole file, once it was wanted; empty if it cannot be had.
    image: Cell<Option<&'static [u8]>>,
}

/// What is executable in this process. In zeroed memory.
pub struct Symbols {
    modules: [Module; MODULES],
    count: usize,
}

struct Nothing(Symbols);
// SAFETY: without modules there is nothing that could change.
unsafe impl Sync for Nothing {}
// SAFETY: zero bytes are valid.
static NOTHING: Nothing = Nothing(unsafe { core::mem::zeroed() });

/// An address, for people: `function+0x1f (/path/to/file+0x121f)`.
pub struct Place<'a> {
    symbols: &'a Symbols,
    address: usize,
    /// The address of an instruction that was called back to: the call itself is before it.
    is_return: bool,
}

/// The name of the function that begins at an address; where there is none, the file and where in it.
pub struct Function<'a>(Place<'a>);

impl Symbols {
    /// Look what is mapped, and execute `work` with that. What can't be had is left out: without memory nothing is known.
    pub fn with(work: impl FnOnce(&Symbols)) {
        let Ok(memory) = sys::map(size_of::<Symbols>()) else { return work(&NOTHING.0) };
        // SAFETY: fresh memory of ours; zero bytes are valid.
        unsafe {
            let symbols = &mut *memory.cast::<Symbols>();
            symbols.read();
            work(symbols);
            for module in symbols.known() {
                module.close();
            }
            sys::unmap(memory, size_of::<Symbols>());
        }
    }

    fn known(&self) -> &[Module] {
        &self.modules[..self.count]
    }

    /// Where a call returns to, or, for a frame that a signal interrupted, where it was.
    pub fn place(&self, address: usize, is_return: bool) -> Place<'_> {
        Place { symbols: self, address, is_return }
    }

    /// A function by its address.
    pub fn function(&self, address: usize) -> Function<'_> {
        Function(self.place(address, false))
    }

    /// The name of the function that an address is in, and where it begins in memory.
    pub fn function_around(&self, address: usize) -> Option<(&str, usize)> {
        let (_, linked, named) = self.place(address, false).look_up()?;
        named.map(|(name, begin)| (name, address - (linked - begin) as usize))
    }

    /// Are the two in the same file?
    pub fn are_together(&self, one: usize, other: usize) -> bool {
        match (self.module_of(one), self.module_of(other)) {
            (Some(a), Some(b)) => a.path == b.path,
            _ => false,
        }
    }

    fn module_of(&self, address: usize) -> Option<&Module> {
        self.known().iter().find(|m| (m.start..m.end).contains(&address))
    }

    fn read(&mut self) {
        const FLAGS: c_int = libc::O_RDONLY | libc::O_CLOEXEC;
        // SAFETY: a string of ours.
        let Ok(fd) = (unsafe { scheduler::sys!(openat, libc::AT_FDCWD, c"/proc/self/maps".as_ptr(), FLAGS) })
        else {
            return;
        };
        let mut text = [0; 4096];
        let mut held = 0;
        loop {
            // SAFETY: room in a buffer of ours.
            let got = unsafe { scheduler::sys!(read, fd, text.as_mut_ptr().add(held), text.len() - held) };
            let Ok(got @ 1..) = got else { break };
            held += got;
            let mut from = 0;
            while let Some(length) = memchr::memchr(b'\n', &text[from..held]) {
                self.note(&text[from..from + length]);
                from += length + 1;
            }
            // A line that does not fit is no path of ours.
            if from == 0 && held == text.len() {
                break;
            }
            text.copy_within(from..held, 0);
            held -= from;
        }
        sys::close(fd as i32);
    }

    /// `start-end perms offset device inode path`
    fn note(&mut self, line: &[u8]) {
        let Ok(line) = str::from_utf8(line) else { return };
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(allowed), Some(offset)) = (words.next(), words.next(), words.next()) else {
            return;
        };
        let Some(path) = line.find(['/', '[']).map(|at| &line[at..]) else { return };
        let number = |text| usize::from_str_radix(text, 16).ok();
        let Some((start, end)) = range.split_once('-') else { return };
        if let (Some(start), Some(end), Some(offset), b'x') =
            (number(start), number(end), number(offset), allowed.as_bytes().get(2).copied().unwrap_or(b'-'))
            && self.count < MODULES
            && path.len() < PATH
        {
            let module = &mut self.modules[self.count];
            (module.start, module.end, module.offset) = (start, end, offset);
            module.path[..path.len()].copy_from_slice(path.as_bytes());
            self.count += 1;
        }
    }
}

impl Module {
    fn path(&self) -> &str {
        CStr::from_bytes_until_nul(&self.path).ok().and_then(|path| path.to_str().ok()).unwrap_or("?")
    }

    /// The file's bytes.
    fn image(&self) -> &'static [u8] {
        if let Some(image) = self.image.get() {
            return image;
        }
        let image = if self.path[0] == b'/' { map_file(&self.path) } else { None }.unwrap_or(&[]);
        self.image.set(Some(image));
        image
    }

    fn close(&self) {
        if let Some(image @ [_, ..]) = self.image.take() {
            // SAFETY: mapped by `image`, and nobody looks at it any more.
            unsafe { sys::unmap(image.as_ptr().cast_mut(), image.len()) };
        }
    }

    /// The address as the file's own symbols and addr2line(1) count.
    fn linked(&self, file: Option<&ElfBytes<'static, NativeEndian>>, address: usize) -> u64 {
        let at = (address - self.start + self.offset) as u64;
        file.and_then(|file| file.segments())
            .and_then(|all| {
                all.iter()
                    .find(|s| s.p_type == PT_LOAD && (s.p_offset..s.p_offset + s.p_filesz).contains(&at))
            })
            .map_or(at, |segment| at - segment.p_offset + segment.p_vaddr)
    }
}

fn map_file(path: &[u8]) -> Option<&'static [u8]> {
    const FLAGS: c_int = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: a path that ends in NUL; an object of ours; a mapping that nobody writes to.
    unsafe {
        let fd = scheduler::sys!(openat, libc::AT_FDCWD, path.as_ptr(), FLAGS).ok()? as c_int;
        let length = scheduler::sys!(lseek, fd, 0, libc::SEEK_END).unwrap_or(0);
        let at = scheduler::sys!(mmap, 0, length, libc::PROT_READ, libc::MAP_PRIVATE, fd, 0);
        sys::close(fd);
        Some(core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at.ok()?), length))
    }
}

type Table = (SymbolTable<'static, NativeEndian>, StringTable<'static>);

/// A function's name, and where it begins.
type Named = (&'static str, u64);

/// The function that an address is in.
fn find(file: &ElfBytes<'static, NativeEndian>, address: u64) -> Option<Named> {
    let contains = |symbol: &Symbol| {
        let is_code = matches!(symbol.st_symtype(), STT_FUNC | STT_GNU_IFUNC);
        is_code && symbol.st_value <= address && address - symbol.st_value < symbol.st_size.max(1)
    };
    let search = |(symbols, names): Table| {
        let symbol = symbols.iter().find(contains)?;
        Some((names.get(symbol.st_name as usize).ok()?, symbol.st_value))
    };
    let all = file.symbol_table().ok().flatten().and_then(search);
    all.or_else(|| file.dynamic_symbol_table().ok().flatten().and_then(search))
}

impl<'a> Place<'a> {
    /// Its file, where in it the address is, and the function there.
    fn look_up(&self) -> Option<(&'a Module, u64, Option<Named>)> {
        let module = self.symbols.module_of(self.address)?;
        let file = ElfBytes::minimal_parse(module.image()).ok();
        let linked = module.linked(file.as_ref(), self.address);
        Some((module, linked, file.and_then(|file| find(&file, linked - u64::from(self.is_return)))))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Some((module, linked, function)) = self.look_up() else {
            return write!(out, "{:#x}", self.address);
        };
        if let Some((name, begin)) = function {
            write!(out, "{name}+{:#x} ", linked - begin)?;
        }
        write!(out, "({}+{linked:#x})", module.path())
    }
}

impl fmt::Display for Function<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self.0.look_up() {
            None => write!(out, "{:#x}", self.0.address),
            Some((_, linked, Some((name, begin)))) if begin == linked => out.write_str(name),
            Some((module, linked, _)) => write!(out, "{}+{linked:#x}", module.path()),
        }
    }
}
