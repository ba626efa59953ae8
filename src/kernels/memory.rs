//! Memory for numbers that are there for long: weights and the scratch of a worker. It begins at a
//! cache line, and on Linux lies in huge pages where the system gives them, since a pass over
//! hundreds of megabytes in small pages waits for their addresses. Pixels, which come and go, ask
//! for such pages too.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

/// Bytes of a huge page on x86-64, and on 64-bit Arm with pages of 4 KiB.
const HUGE_PAGE: usize = 2 << 20;

/// Bytes of a cache line, or half of one, and of the widest register; a power of two.
const LINE: usize = 64;

/// Calls `count` numbers from `from` on into the second-level cache. They may be no numbers at all:
/// that is only in vain.
#[inline(always)]
pub(super) fn prefetch<T>(from: *const T, count: usize) {
    for offset in (0..count * size_of::<T>()).step_by(LINE) {
        let line = from.wrapping_byte_add(offset);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has this instruction, which reads nothing a program could
        // see and does not fail, whatever the address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(line.cast());
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: likewise for 64-bit Arm.
        unsafe {
            std::arch::asm!("prfm pldl2keep, [{0}]", in(reg) line, options(nostack, readonly, preserves_flags));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = line;
    }
}

/// Asks the system for huge pages under `memory`, which is about to be touched for the first time, where
/// it spans some. Changes no contents; a system that has none gives small ones as ever.
///
/// Small pages are taken one by one, each by an interrupt: for the pixels of a photo of 12
/// megapixels that is a third of the time of its decoding.
pub fn prefer_huge_pages<T>(memory: &mut [T]) {
    if size_of_val(memory) >= 2 * HUGE_PAGE {
        pages::prefer_huge(memory.as_mut_ptr_range());
    }
}

/// Zeros, to be filled.
pub struct Memory<T: Zero = f32> {
    first: NonNull<T>,
    len: usize,
    pages: pages::Pages,
    _owns: PhantomData<T>,
}

/// A type whose bytes may all be zero, and needs no alignment beyond a cache line's.
///
/// # Safety
/// It must be so.
pub unsafe trait Zero: Copy + Send + Sync {}

// SAFETY: zero.
unsafe impl Zero for f32 {}
// SAFETY: it is a transparent 16-bit integer.
unsafe impl Zero for super::Bf16 {}
// SAFETY: it is a transparent 8-bit integer.
unsafe impl Zero for super::Int8 {}

// SAFETY: it owns its numbers, as a `Vec` does.
unsafe impl<T: Zero> Send for Memory<T> {}
// SAFETY: likewise.
unsafe impl<T: Zero> Sync for Memory<T> {}

impl<T: Zero> Memory<T> {
    /// `len` zeros.
    ///
    /// # Errors
    /// When the system has not so much.
    pub fn zeros(len: usize) -> std::io::Result<Self> {
        let bytes = len.max(1).checked_mul(size_of::<T>());
        let pages =
            bytes.ok_or(std::io::ErrorKind::OutOfMemory.into()).and_then(pages::Pages::new)?;
        Ok(Self { first: pages.first().cast(), len, pages, _owns: PhantomData })
    }
}

impl<T: Zero> Deref for Memory<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the pages hold `len` numbers, which were zeros at first, and live as long as this.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T: Zero> DerefMut for Memory<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl<T: Zero> std::fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("len", &self.len).field("pages", &self.pages).finish()
    }
}

#[cfg(target_os = "linux")]
mod pages {
    use std::{io, ops, ptr, ptr::NonNull};

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    use super::HUGE_PAGE;

    /// Advises huge pages for those that lie wholly in `range`.
    pub(super) fn prefer_huge<T>(range: ops::Range<*mut T>) {
        let (start, end) = (range.start.cast::<u8>(), range.end.cast::<u8>());
        let (first, last) =
            (start.addr().next_multiple_of(HUGE_PAGE), end.addr() & !(HUGE_PAGE - 1));
        if first < last {
            // SAFETY: the pages lie in memory that the caller has for itself, and the advice changes no
            // contents.
            let _ = unsafe {
                madvise(start.with_addr(first).cast(), last - first, Advice::LinuxHugepage)
            };
        }
    }

    /// Pages of the system, given back when dropped.
    #[derive(Debug)]
    pub(super) struct Pages {
        map: NonNull<u8>,
        bytes: usize,
    }

    impl Pages {
        /// `bytes` zero bytes from [`Self::first`] on, at least 1.
        pub fn new(bytes: usize) -> io::Result<Self> {
            // A huge page must begin at a multiple of its size.
            let slack = if bytes < HUGE_PAGE { 0 } else { HUGE_PAGE };
            let bytes = bytes.checked_add(slack).ok_or(io::ErrorKind::OutOfMemory)?;
            let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
            // SAFETY: a new mapping, of memory that nobody has.
            let map = unsafe { mmap_anonymous(ptr::null_mut(), bytes, protection, flags) }?;
            if slack > 0 {
                // SAFETY: the mapping is ours; the advice changes no contents. Without huge pages
                // everything works, but slower.
                let _ = unsafe { madvise(map, bytes, Advice::LinuxHugepage) };
            }
            let map = NonNull::new(map.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
            Ok(Self { map, bytes })
        }

        pub fn first(&self) -> NonNull<u8> {
            let offset = if self.bytes < HUGE_PAGE { 0 } else { self.map.align_offset(HUGE_PAGE) };
            // SAFETY: there is a huge page more than was asked for, and the offset is below it.
            unsafe { self.map.add(offset) }
        }
    }

    impl Drop for Pages {
        fn drop(&mut self) {
            // SAFETY: the mapping is ours, and whoever borrowed from it is gone.
            let unmapped = unsafe { munmap(self.map.as_ptr().cast(), self.bytes) };
            debug_assert!(unmapped.is_ok(), "a whole mapping can be unmapped");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod pages {
    use std::{
        alloc::{Layout, alloc_zeroed, dealloc},
        io,
        ptr::NonNull,
    };

    use super::LINE;

    /// Nothing: these systems choose the size of pages themselves.
    pub(super) fn prefer_huge<T>(_: std::ops::Range<*mut T>) {}

    /// Memory of the allocator, given back when dropped.
    #[derive(Debug)]
    pub(super) struct Pages {
        first: NonNull<u8>,
        layout: Layout,
    }

    impl Pages {
        /// `bytes` zero bytes from [`Self::first`] on, at least 1.
        pub fn new(bytes: usize) -> io::Result<Self> {
            let layout = Layout::from_size_align(bytes, LINE);
            let layout = layout.map_err(|_| io::ErrorKind::OutOfMemory)?;
            // SAFETY: the layout has bytes.
            let first = unsafe { alloc_zeroed(layout) };
            Ok(Self { first: NonNull::new(first).ok_or(io::ErrorKind::OutOfMemory)?, layout })
        }

        pub fn first(&self) -> NonNull<u8> {
            self.first
        }
    }

    impl Drop for Pages {
        fn drop(&mut self) {
            // SAFETY: it was allocated with this layout.
            unsafe { dealloc(self.first.as_ptr(), self.layout) }
        }
    }
}
