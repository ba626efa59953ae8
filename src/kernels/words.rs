//! Eight 16-bit numbers, which a JPEG's inverse DCT is written over: as SSE2 has them, which every
//! x86-64 processor has, so that there is nothing to choose when the process starts; and as arrays,
//! which compilers make vectors of elsewhere.

/// Eight numbers of 16 bits.
pub trait Words: Copy {
    /// Eight numbers of 32 bits.
    type Wide: Copy;

    fn load(numbers: &[i16; 8]) -> Self;
    fn to_array(self) -> [i16; 8];
    /// `self + other`, modulo 2^16.
    fn add(self, other: Self) -> Self;
    /// `self - other`, modulo 2^16.
    fn subtract(self, other: Self) -> Self;
    /// The low half of `self * other`.
    fn multiply(self, other: Self) -> Self;
    /// `self * by[0] + other * by[1]`, modulo 2^32.
    fn products(self, other: Self, by: [i16; 2]) -> Self::Wide;
    /// `a + b`, modulo 2^32.
    fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// `a - b`, modulo 2^32.
    fn subtract_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// `wide / (1 << SHIFT)`, rounded to the nearest (halves up) and saturated.
    fn narrow<const SHIFT: i32>(wide: Self::Wide) -> Self;
    /// The first four of both in turns, and the last four.
    fn interleave(self, other: Self) -> [Self; 2];
    /// Saturated to -128 to 127, plus 128.
    fn to_samples(self) -> [u8; 8];
}

/// The widest words that this target has.
#[cfg(target_arch = "x86_64")]
pub type Best = std::arch::x86_64::__m128i;
#[cfg(not(target_arch = "x86_64"))]
pub type Best = [i16; 8];

#[cfg(any(test, not(target_arch = "x86_64")))]
impl Words for [i16; 8] {
    type Wide = [i32; 8];

    #[inline(always)]
    fn load(numbers: &[i16; 8]) -> Self {
        *numbers
    }

    #[inline(always)]
    fn to_array(self) -> [i16; 8] {
        self
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].wrapping_add(other[i]))
    }

    #[inline(always)]
    fn subtract(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].wrapping_sub(other[i]))
    }

    #[inline(always)]
    fn multiply(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].wrapping_mul(other[i]))
    }

    #[inline(always)]
    fn products(self, other: Self, by: [i16; 2]) -> Self::Wide {
        let [a, b] = by.map(i32::from);
        // The one sum beyond 32 bits, of four times -32768, wraps.
        std::array::from_fn(|i| (i32::from(self[i]) * a).wrapping_add(i32::from(other[i]) * b))
    }

    #[inline(always)]
    fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }

    #[inline(always)]
    fn subtract_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }

    #[inline(always)]
    fn narrow<const SHIFT: i32>(wide: Self::Wide) -> Self {
        wide.map(|v| {
            let v = v.wrapping_add(1 << (SHIFT - 1)) >> SHIFT;
            v.clamp(i16::MIN.into(), i16::MAX.into()) as i16
        })
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        let (a, b) = (self, other);
        [
            [a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]],
            [a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]],
        ]
    }

    #[inline(always)]
    fn to_samples(self) -> [u8; 8] {
        self.map(|v| (v.clamp(-128, 127) + 128) as u8)
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    use super::Words;

    macro_rules! sse2 {
        ($what:expr) => {
            // SAFETY: the instructions work on registers alone, and every x86-64 processor has them.
            unsafe { $what }
        };
    }

    impl Words for __m128i {
        /// The first four, and the last four.
        type Wide = [__m128i; 2];

        #[inline(always)]
        fn load(numbers: &[i16; 8]) -> Self {
            bytemuck::cast(*numbers)
        }

        #[inline(always)]
        fn to_array(self) -> [i16; 8] {
            bytemuck::cast(self)
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            sse2!(_mm_add_epi16(self, other))
        }

        #[inline(always)]
        fn subtract(self, other: Self) -> Self {
            sse2!(_mm_sub_epi16(self, other))
        }

        #[inline(always)]
        fn multiply(self, other: Self) -> Self {
            sse2!(_mm_mullo_epi16(self, other))
        }

        #[inline(always)]
        fn products(self, other: Self, [a, b]: [i16; 2]) -> Self::Wide {
            let by: __m128i = bytemuck::cast([a, b, a, b, a, b, a, b]);
            self.interleave(other).map(|pairs| sse2!(_mm_madd_epi16(pairs, by)))
        }

        #[inline(always)]
        fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
            sse2!([_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])])
        }

        #[inline(always)]
        fn subtract_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
            sse2!([_mm_sub_epi32(a[0], b[0]), _mm_sub_epi32(a[1], b[1])])
        }

        #[inline(always)]
        fn narrow<const SHIFT: i32>(wide: Self::Wide) -> Self {
            let half = bytemuck::cast([1i32 << (SHIFT - 1); 4]);
            let [a, b] = wide.map(|v| sse2!(_mm_srai_epi32::<SHIFT>(_mm_add_epi32(v, half))));
            sse2!(_mm_packs_epi32(a, b))
        }

        #[inline(always)]
        fn interleave(self, other: Self) -> [Self; 2] {
            sse2!([_mm_unpacklo_epi16(self, other), _mm_unpackhi_epi16(self, other)])
        }

        #[inline(always)]
        fn to_samples(self) -> [u8; 8] {
            let middle = bytemuck::cast([0x80u8; 16]);
            let samples = sse2!(_mm_xor_si128(_mm_packs_epi16(self, self), middle));
            bytemuck::cast::<_, [[u8; 8]; 2]>(samples)[0]
        }
    }
}
