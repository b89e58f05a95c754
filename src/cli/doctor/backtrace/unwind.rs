//! Follows the frames of a copied stack (framehop), as far as the copy goes.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use framehop::{CacheNative, Module as Unwound, ModuleSectionInfo, UnwindRegsNative, Unwinder as _, UnwinderNative};

use super::chain::Frame;
use super::object::{Object, Objects, shown};
use crate::counters::{Module, Sample};

/// Deeper chains are cut: recursion.
const DEEPEST: usize = 128;

/// Where programs can be: the first page is nobody's, half of all addresses the kernel's.
const PROGRAMS: Range<u64> = 0x1000..1 << 48;

/// What a process had loaded.
pub struct Loaded {
    /// Addresses in memory, what is added to the file's, the file.
    objects: Vec<(Range<u64>, u64, PathBuf)>,
    /// Those whose files cannot be read: where they begin.
    unread: Vec<(u64, PathBuf)>,
    unwinder: UnwinderNative<Arc<[u8]>, framehop::MayAllocateDuringUnwind>,
    cache: CacheNative<framehop::MayAllocateDuringUnwind>,
}

impl Loaded {
    /// `modules` are those of the process and of its parent and siblings, which may have loaded others: its own come first.
    pub fn new(modules: &[Module], process: u64, objects: &mut Objects) -> Self {
        let (unwinder, cache) = (UnwinderNative::new(), CacheNative::new());
        let mut loaded = Self { objects: Vec::new(), unread: Vec::new(), unwinder, cache };
        let mut modules: Vec<&Module> = modules.iter().collect();
        modules.sort_by_key(|module| module.process != process);
        for module in modules {
            let Some(object) = objects.load(&module.path) else {
                loaded.unread.push((module.base, module.path.clone()));
                continue;
            };
            let range = module.base.wrapping_add(object.range.start)..module.base.wrapping_add(object.range.end);
            let overlaps =
                |(other, ..): &(Range<u64>, u64, PathBuf)| range.start < other.end && other.start < range.end;
            if range.is_empty() || loaded.objects.iter().any(overlaps) {
                continue;
            }
            let name = module.path.display().to_string();
            loaded.unwinder.add_module(Unwound::new(name, range.clone(), module.base, Sections(object)));
            loaded.objects.push((range, module.base, module.path.clone()));
        }
        loaded
    }

    /// The functions that led to a call, the one that called libc first. The first frames are the library's own.
    pub fn callers(&mut self, sample: &Sample, objects: &Objects) -> Vec<Frame> {
        let [pc, sp, ..] = sample.registers;
        let mut read = |address: u64| {
            let at = address.checked_sub(sp).and_then(|at| usize::try_from(at).ok()).ok_or(())?;
            let bytes = sample.stack.get(at..).and_then(|rest| rest.first_chunk()).ok_or(())?;
            Ok(u64::from_ne_bytes(*bytes))
        };
        let mut addresses = Vec::new();
        let mut frames = self.unwinder.iter_frames(pc, registers(sample), &mut self.cache, &mut read);
        while let Ok(Some(frame)) = frames.next() {
            let address = frame.address_for_lookup();
            // Without unwind tables a frame pointer is followed that may be none.
            if addresses.len() >= DEEPEST || !PROGRAMS.contains(&address) {
                break;
            }
            addresses.push(address);
        }
        let place = |address| self.objects.iter().find(|(range, ..)| range.contains(&address));
        let own = place(pc).map(|(range, ..)| range.clone()).unwrap_or(pc..pc.saturating_add(1));
        let callers = addresses.into_iter().skip_while(|address| own.contains(address));
        callers
            .flat_map(|address| match place(address).and_then(|(_, base, path)| Some((base, objects.get(path)?))) {
                Some((base, object)) => object.frames(address.wrapping_sub(*base)),
                None => vec![self.unnamed(address)],
            })
            .collect()
    }

    /// A frame in an object whose file cannot be read, if one begins there, and no other between.
    fn unnamed(&self, address: u64) -> Frame {
        let read = self.objects.iter().map(|(range, ..)| range.start).filter(|start| *start <= address).max();
        let begins = |base: u64| base != 0 && base <= address && read.is_none_or(|start| start < base);
        let object = self.unread.iter().filter(|(base, _)| begins(*base)).max_by_key(|(base, _)| *base);
        let (offset, object) = object.map_or((address, String::new()), |(base, path)| (address - base, shown(path)));
        Frame { object, offset, function: None, file: None, line: None }
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(sample: &Sample) -> UnwindRegsNative {
    let [pc, sp, fp, _] = sample.registers;
    UnwindRegsNative::new(pc, sp, fp)
}

#[cfg(target_arch = "aarch64")]
fn registers(sample: &Sample) -> UnwindRegsNative {
    let [_, sp, fp, link] = sample.registers;
    // Addresses of programs have 48 bits; above them is what signs a return address.
    UnwindRegsNative::new_with_ptr_auth_mask(framehop::aarch64::PtrAuthMask(0x0000_ffff_ffff_ffff), link, sp, fp)
}

/// What framehop asks of an object.
struct Sections<'o>(&'o Object);

impl ModuleSectionInfo<Arc<[u8]>> for Sections<'_> {
    fn base_svma(&self) -> u64 {
        0
    }

    fn section_svma_range(&mut self, name: &[u8]) -> Option<Range<u64>> {
        let (range, _) = self.0.sections.get(std::str::from_utf8(name).ok()?)?;
        Some(range.clone())
    }

    fn section_data(&mut self, name: &[u8]) -> Option<Arc<[u8]>> {
        let (_, data) = self.0.sections.get(std::str::from_utf8(name).ok()?)?;
        (!data.is_empty()).then(|| Arc::clone(data))
    }
}
