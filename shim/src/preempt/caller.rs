//! Who called the function of libc that a signal has interrupted: by libc's own tables for unwinding, without a lock or heap,
//! which libgcc's unwinder needs.
//!
//! ```text
//!   .eh_frame_hdr ── search by address ──► FDE of the function ──► its instructions up to the address:
//!                                                                  where the return address is now
//! ```
//!
//! Follows the System V ABI (AMD64 supplement), DWARF 5, 6.4.

use core::sync::atomic::{AtomicUsize, Ordering};
use gimli::{
    BaseAddresses, CallFrameInstruction, CommonInformationEntry, EhFrame, EhFrameHdr, EndianSlice,
    FrameDescriptionEntry, NativeEndian, Pointer, Register, UnwindSection,
};

type Bytes = EndianSlice<'static, NativeEndian>;

/// `.eh_frame_hdr` of libc, and where the mapping ends in which its tables are.
static TABLE: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

/// A frame is not larger.
const FRAME_MOST: usize = 1 << 16;

/// What is known of the interrupted function.
pub struct Caller {
    /// Inside the instruction that called it.
    pub address: usize,
    /// It keeps nothing on the stack, so it has called nothing.
    pub is_leaf: bool,
}

/// The tables are at `[from, to)`, and libc ends at `end`.
pub fn learn([from, to]: [usize; 2], end: usize) {
    for (word, value) in TABLE.iter().zip([from, to, end]) {
        word.store(value, Ordering::Relaxed);
    }
}

fn bytes(from: usize, to: usize) -> Bytes {
    let start = core::ptr::with_exposed_provenance(from);
    // SAFETY: `learn` has these from ld.so: they are mapped as long as libc is.
    EndianSlice::new(unsafe { core::slice::from_raw_parts(start, to.saturating_sub(from)) }, NativeEndian)
}

/// Of the function in which a thread with these registers is.
///
/// # Safety
/// They must be those of a thread that runs, on its stack.
pub unsafe fn of(registers: &[i64; 23]) -> Option<Caller> {
    let code = registers[libc::REG_RIP as usize] as usize;
    let (canonical, is_leaf) = frame_of(code as u64)?;
    let (register, offset) = canonical;
    let base = match register {
        gimli::X86_64::RSP => registers[libc::REG_RSP as usize],
        gimli::X86_64::RBP => registers[libc::REG_RBP as usize],
        _ => return None,
    };
    let frame = (base as usize).wrapping_add_signed(offset as isize);
    let sp = registers[libc::REG_RSP as usize] as usize;
    if !frame.is_multiple_of(8) || !(sp + 8..sp + FRAME_MOST).contains(&frame) {
        return None;
    }
    // SAFETY: libc's tables say that the return address is there, in a frame that the thread has made.
    let address = unsafe { core::ptr::with_exposed_provenance::<usize>(frame - 8).read() };
    Some(Caller { address: address.wrapping_sub(1), is_leaf })
}

/// From which register the frame's address is counted at `code`, and how far; and whether that is so in all of the function.
fn frame_of(code: u64) -> Option<((Register, i64), bool)> {
    let [from, to, end] = [&TABLE[0], &TABLE[1], &TABLE[2]].map(|word| word.load(Ordering::Relaxed));
    if from == 0 {
        return None;
    }
    let bases = BaseAddresses::default().set_eh_frame_hdr(from as u64);
    let header = EhFrameHdr::from(bytes(from, to)).parse(&bases, 8).ok()?;
    let Pointer::Direct(frames) = header.eh_frame_ptr() else { return None };
    let bases = bases.set_eh_frame(frames);
    let section = EhFrame::from(bytes(frames as usize, end));
    let function = header.table()?.fde_for_address(&section, &bases, code, EhFrame::cie_from_offset).ok()?;
    if function.is_signal_trampoline() {
        return None;
    }
    let mut rules = Rules { at: function.initial_address(), frame: None, kept: [None; 4], depth: 0, many: 0 };
    rules.follow_common(function.cie(), &section, &bases)?;
    rules.many = 0;
    rules.follow(&function, &section, &bases, code)?;
    Some((rules.frame?, rules.many == 0))
}

type Frame = Option<(Register, i64)>;

/// The part of the unwinding rules that says where the frame is.
struct Rules {
    /// Up to here they have been followed.
    at: u64,
    frame: Frame,
    kept: [Frame; 4],
    depth: usize,
    /// Instructions that mean something.
    many: usize,
}

impl Rules {
    fn follow_common(
        &mut self,
        common: &CommonInformationEntry<Bytes>,
        section: &EhFrame<Bytes>,
        bases: &BaseAddresses,
    ) -> Option<()> {
        let mut instructions = common.instructions(section, bases);
        while let Some(instruction) = instructions.next().ok()? {
            self.take(instruction)?;
        }
        Some(())
    }

    fn follow(
        &mut self,
        function: &FrameDescriptionEntry<Bytes>,
        section: &EhFrame<Bytes>,
        bases: &BaseAddresses,
        code: u64,
    ) -> Option<()> {
        let mut instructions = function.instructions(section, bases);
        while let Some(instruction) = instructions.next().ok()? {
            if let CallFrameInstruction::AdvanceLoc { delta } = instruction {
                self.at += u64::from(delta) * function.cie().code_alignment_factor();
            }
            self.many += usize::from(instruction != CallFrameInstruction::Nop);
            if self.at > code {
                break;
            }
            self.take(instruction)?;
        }
        Some(())
    }

    fn take(&mut self, instruction: CallFrameInstruction<usize>) -> Option<()> {
        use CallFrameInstruction as I;
        match instruction {
            I::SetLoc { .. } | I::DefCfaExpression { .. } | I::DefCfaSf { .. } | I::DefCfaOffsetSf { .. } => {
                return None;
            }
            I::DefCfa { register, offset } => self.frame = Some((register, offset as i64)),
            I::DefCfaRegister { register } => self.frame = Some((register, self.frame?.1)),
            I::DefCfaOffset { offset } => self.frame = Some((self.frame?.0, offset as i64)),
            I::RememberState => {
                *self.kept.get_mut(self.depth)? = self.frame;
                self.depth += 1;
            }
            I::RestoreState => {
                self.depth = self.depth.checked_sub(1)?;
                self.frame = self.kept[self.depth];
            }
            _ => {}
        }
        Some(())
    }
}
