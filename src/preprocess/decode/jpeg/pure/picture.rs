//! The pixels, made row by row from the planes of the components as soon as these are complete:
//! upsampled, converted to RGB (`jdcolor.c`), or put side by side where there are four.

use super::{
    color::ycbcr_row_to_rgb,
    layout::{Layout, Plane},
    upsample::Upsampler,
};
use crate::preprocess::{
    decode::{jpeg::stream::Space, memory},
    error::ImageError,
};

/// The image so far.
pub(super) struct Picture {
    space: Space,
    upsamplers: Vec<Upsampler>,
    height: usize,
    row_bytes: usize,
    /// Pixel rows that a row of samples of the most subsampled component stands for.
    group: usize,
    /// The rows that are done.
    done: usize,
    data: Vec<u8>,
}

impl Picture {
    /// Room for the pixels: three bytes each, or four where `space` has four components.
    pub(super) fn new(layout: &Layout, space: Space) -> Result<Self, ImageError> {
        let components = layout.components.iter();
        let upsamplers: Vec<_> = components.map(|c| Upsampler::new(c, layout)).collect();
        let row_bytes = layout.width * upsamplers.len().max(3);
        Ok(Self {
            space,
            upsamplers,
            height: layout.height,
            row_bytes,
            group: layout.down,
            done: 0,
            data: memory::room([row_bytes, layout.height, 1])?,
        })
    }

    /// Makes the rows for which `units` rows of units in `planes` suffice. The last row of
    /// samples waits for the one below it, except at the bottom of the image.
    pub(super) fn advance(&mut self, planes: &[Plane], units: usize) {
        let complete = units * 8 * self.group;
        let ready =
            if complete < self.height { complete.saturating_sub(self.group) } else { self.height };
        self.data.resize(ready * self.row_bytes, 0);
        for y in self.done..ready {
            self.make_row(planes, y);
        }
        self.done = ready;
    }

    fn make_row(&mut self, planes: &[Plane], y: usize) {
        let samples = self.upsamplers.iter_mut().zip(planes);
        let rows: Vec<&[u8]> = samples.map(|(upsampler, plane)| upsampler.row(plane, y)).collect();
        let out = &mut self.data[y * self.row_bytes..][..self.row_bytes];
        match (self.space, &rows[..]) {
            (Space::YCbCr, &[luma, blue, red]) => ycbcr_row_to_rgb([luma, blue, red], out),
            (_, &[a, b, c, d]) => interleave([a, b, c, d], out),
            (_, &[a, b, c]) => interleave([a, b, c], out),
            (_, &[grey, ..]) => interleave([grey; 3], out),
            (_, []) => {}
        }
    }

    /// The pixels, by rows.
    pub(super) fn into_data(self) -> Vec<u8> {
        self.data
    }
}

/// Pixels of one sample from each row.
fn interleave<const N: usize>(rows: [&[u8]; N], out: &mut [u8]) {
    let pixels = out.as_chunks_mut::<N>().0;
    let rows = rows.map(|row| &row[..pixels.len()]);
    for (x, pixel) in pixels.iter_mut().enumerate() {
        *pixel = std::array::from_fn(|i| rows[i][x]);
    }
}
