//! The geometry of a frame (ITU T.81, A.1 and A.2): what each component measures in samples and
//! in blocks of 8 x 8, and how many blocks of it a unit (MCU) of an interleaved scan holds.

use crate::preprocess::{
    decode::{jpeg::stream::Frame, memory},
    error::ImageError,
};

/// One component of the image.
pub(super) struct Component {
    pub(super) id: u8,
    /// The quantisation table.
    pub(super) steps: u8,
    /// Blocks of a unit, across and down: the sampling factors.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Samples that are inside the image.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks that hold them.
    pub(super) blocks_wide: usize,
    pub(super) blocks_high: usize,
    /// Blocks with those that fill up the last units.
    pub(super) stored_wide: usize,
    pub(super) stored_high: usize,
}

/// The geometry of a frame.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The largest sampling factors.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Units of an interleaved scan.
    pub(super) units_wide: usize,
    pub(super) units_high: usize,
    pub(super) components: Vec<Component>,
}

impl Layout {
    /// The geometry of `frame`, whose sampling factors were checked.
    pub(super) fn new(frame: &Frame) -> Self {
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let factors = |c: &[u8; 3]| (usize::from(c[1] >> 4), usize::from(c[1] & 15));
        let all = || frame.components.iter().map(factors);
        let across = all().map(|f| f.0).max().unwrap_or(1);
        let down = all().map(|f| f.1).max().unwrap_or(1);
        let mut layout = Self {
            width,
            height,
            across,
            down,
            units_wide: width.div_ceil(8 * across),
            units_high: height.div_ceil(8 * down),
            components: Vec::new(),
        };
        for (c, factors) in frame.components.iter().zip(all()) {
            let component = layout.component(c, factors);
            layout.components.push(component);
        }
        layout
    }

    /// A plane for each component, of `units` rows of units.
    pub(super) fn planes(&self, units: usize) -> Result<Vec<Plane>, ImageError> {
        let components = self.components.iter();
        components.map(|c| Plane::new(c, units)).collect()
    }

    fn component(&self, &[id, _, steps]: &[u8; 3], (across, down): (usize, usize)) -> Component {
        let width = (self.width * across).div_ceil(self.across);
        let height = (self.height * down).div_ceil(self.down);
        Component {
            id,
            steps,
            across,
            down,
            width,
            height,
            blocks_wide: width.div_ceil(8),
            blocks_high: height.div_ceil(8),
            stored_wide: self.units_wide * across,
            stored_high: self.units_high * down,
        }
    }
}

impl Component {
    /// Whether a block has samples that are inside the image.
    pub(super) fn shows(&self, row: usize, column: usize) -> bool {
        row < self.blocks_high && column < self.blocks_wide
    }
}

/// The samples of a component: all rows, or only the last few, in a ring.
pub(super) struct Plane {
    stride: usize,
    rows: usize,
    data: Vec<u8>,
}

impl Plane {
    fn new(component: &Component, units: usize) -> Result<Self, ImageError> {
        let (stride, rows) = (component.stored_wide * 8, units * component.down * 8);
        Ok(Self { stride, rows, data: memory::zeros([stride, rows, 1])? })
    }

    /// Has `write` set the samples of a block; it gets those from the top left on, and how far
    /// apart rows are.
    #[inline(always)]
    pub(super) fn put(&mut self, row: usize, column: usize, write: impl FnOnce(&mut [u8], usize)) {
        let start = row * 8 % self.rows * self.stride + column * 8;
        write(&mut self.data[start..], self.stride);
    }

    /// The samples of a row.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.data[row % self.rows * self.stride..][..self.stride]
    }
}
