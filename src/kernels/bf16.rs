//! Sixteen bits of an f32: its sign, its exponent and seven bits of its fraction.

/// A number in 16 bits. [`Default`] is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(u16);

impl From<f32> for Bf16 {
    /// The nearest, of two as near the even one. What is no number stays none.
    fn from(number: f32) -> Self {
        let bits = number.to_bits();
        if number.is_nan() {
            // A payload in the lower half alone would become an infinity.
            return Self((bits >> 16) as u16 | 0x40);
        }
        let round = 0x7FFF + (bits >> 16 & 1);
        Self((bits.wrapping_add(round) >> 16) as u16)
    }
}

impl From<Bf16> for f32 {
    fn from(number: Bf16) -> Self {
        Self::from_bits(u32::from(number.0) << 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_the_crate_half_does() {
        let special =
            [0., -0., f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45];
        let many = (0..1 << 16).map(|i| f32::from_bits(i * 65_537));
        for number in special.into_iter().chain(many).filter(|number| !number.is_nan()) {
            let found = Bf16::from(number);
            assert_eq!(found.0, half::bf16::from_f32(number).to_bits(), "{number}");
            assert_eq!(f32::from(found), half::bf16::from_f32(number).to_f32(), "{number}");
        }
        assert!(f32::from(Bf16::from(f32::NAN)).is_nan());
        assert!(f32::from(Bf16::from(f32::from_bits(0x7F80_0001))).is_nan());
    }
}
