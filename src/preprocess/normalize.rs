//! From 8-bit RGB to the numbers that a model reads: torchvision's `ToTensor` and `Normalize`.
//!
//! Promises the exact `f32` values that PyTorch gives on a CPU. There are only 256 of them for
//! each channel, so they are computed once.

/// The mean and standard deviation of a model's training images, ready to apply.
#[derive(Clone, Debug)]
pub struct Normalization {
    /// The normalised value of each level, for red, green and blue.
    levels: [[f32; 256]; 3],
    mean: [f32; 3],
    std: [f32; 3],
}

impl Normalization {
    /// `mean` and `std` are those of levels divided by 255, for red, green and blue; no `std` is 0.
    pub fn new(mean: [f32; 3], std: [f32; 3]) -> Self {
        let level = |channel: usize, level: usize| {
            // One rounding after another, as torch's `div(255)`, `sub_(mean)` and `div_(std)`.
            (level as f32 / 255.0 - mean[channel]) / std[channel]
        };
        let levels =
            std::array::from_fn(|channel| std::array::from_fn(|value| level(channel, value)));
        Self { levels, mean, std }
    }

    /// Normalises `planes`, `[3, height, width]` numbers from 0 to 1, in place.
    pub fn apply_to_planes(&self, planes: &mut [f32]) {
        let plane = (planes.len() / 3).max(1);
        for (numbers, (mean, std)) in planes.chunks_mut(plane).zip(self.mean.iter().zip(&self.std))
        {
            numbers.iter_mut().for_each(|number| *number = (*number - mean) / std);
        }
    }

    /// Writes `crop`, rows of red, green and blue bytes, to `out` channel by channel:
    /// `[height, width, 3]` becomes `[3, height, width]`.
    ///
    /// # Panics
    /// When `crop` is no whole number of pixels or `out` has another length.
    pub fn apply(&self, crop: &[u8], out: &mut [f32]) {
        let (pixels, rest) = crop.as_chunks::<3>();
        assert!(rest.is_empty(), "a crop is three bytes for each pixel, not {}", crop.len());
        assert_eq!(crop.len(), out.len(), "each byte becomes one number");
        let (red, others) = out.split_at_mut(pixels.len());
        let (green, blue) = others.split_at_mut(pixels.len());
        let [reds, greens, blues] = &self.levels;
        for (((&[r, g, b], red), green), blue) in pixels.iter().zip(red).zip(green).zip(blue) {
            *red = reds[usize::from(r)];
            *green = greens[usize::from(g)];
            *blue = blues[usize::from(b)];
        }
    }
}
