//! The default JPEG decoder, in safe Rust: baseline, extended sequential and progressive frames
//! with Huffman codes. Its pixels equal those of libjpeg-turbo with its defaults (accurate integer
//! DCT, fancy upsampling, block smoothing) byte for byte. Data that ends early or holds an invalid
//! code is an error, where libjpeg warns and paints grey.

mod bits;
mod color;
mod damage;
mod huffman;
mod idct;
mod layout;
mod picture;
mod progressive;
mod scan;
mod smoothing;
mod standard;
mod tables;
mod upsample;

use super::{
    segments::{SOS, corrupt},
    stream::{Space, Stream},
};
use crate::preprocess::{error::ImageError, probe::Format};
use damage::Damage;
use huffman::Huffman;
use idct::inverse_dct;
use layout::{Layout, Plane};
use picture::Picture;
use progressive::Coefficients;
use scan::{Cursor, Scan, sequential_block};
use smoothing::Smoothing;
use tables::{Steps, Tables};

/// YCCK comes out as it is stored.
pub(super) const CONVERTS_YCCK: bool = false;

/// Rows of units whose samples are kept: the last, and one for the rows that wait for it.
const RING: usize = 2;

/// Decodes to three bytes a pixel (RGB), or four for CMYK and YCCK, as stored.
pub(super) fn decode(stream: &Stream<'_>, space: Space) -> Result<Vec<u8>, ImageError> {
    if let Some(kind) = stream.frame.uncommon() {
        return Err(ImageError::unsupported(Format::Jpeg, kind));
    }
    let layout = Layout::new(&stream.frame);
    let mut picture = Picture::new(&layout, space)?;
    if stream.frame.is_progressive() {
        progressive_frame(stream, &layout, &mut picture)?;
    } else {
        sequential_frame(stream, &layout, &mut picture)?;
    }
    Ok(picture.into_data())
}

/// Scans in which each block is complete. Where the first holds all components, rows of pixels
/// are made as it is read, and what follows it is ignored; else the samples of all are kept.
fn sequential_frame(
    stream: &Stream<'_>,
    layout: &Layout,
    picture: &mut Picture,
) -> Result<(), ImageError> {
    let mut tables = Tables::standard();
    let mut seen = vec![false; layout.components.len()];
    let mut planes = Vec::new();
    for segment in stream.segments() {
        if segment.marker != SOS {
            tables.read(segment)?;
            continue;
        }
        let scan = Scan::read(segment, layout)?;
        let in_one = scan.parts.len() == layout.components.len();
        if planes.is_empty() {
            planes = layout.planes(if in_one { RING } else { layout.units_high })?;
        }
        for part in &scan.parts {
            if std::mem::replace(&mut seen[part.component], true) {
                return Err(corrupt("a component is in two of its scans"));
            }
        }
        let coders = coders(&scan, &tables, layout)?;
        let mut cursor = scan.cursor(tables.restart_interval);
        for row in 0..scan.rows {
            sequential_row(&scan, row, &mut cursor, (layout, &coders), &mut planes)?;
            if in_one {
                picture.advance(&planes, scan.whole_units(row + 1));
            }
        }
        if in_one {
            return Ok(());
        }
    }
    if seen.contains(&false) {
        return Err(corrupt("a component is in none of its scans"));
    }
    picture.advance(&planes, layout.units_high);
    Ok(())
}

/// The tables of a part of a sequential scan.
struct Coder {
    dc: Huffman,
    ac: Huffman,
    steps: Steps,
}

fn coders(scan: &Scan<'_>, tables: &Tables<'_>, layout: &Layout) -> Result<Vec<Coder>, ImageError> {
    let parts = scan.parts.iter();
    let each = parts.map(|part| {
        Ok(Coder {
            dc: tables.dc(part.dc)?,
            ac: tables.ac(part.ac)?,
            steps: tables.steps(layout.components[part.component].steps)?,
        })
    });
    each.collect()
}

/// Decodes a row of units to samples. Blocks that only fill up the last units are not transformed.
fn sequential_row<'a>(
    scan: &Scan<'a>,
    row: usize,
    cursor: &mut Cursor<'a>,
    (layout, coders): (&Layout, &[Coder]),
    planes: &mut [Plane],
) -> Result<(), Damage> {
    scan.visit_row(row, cursor, |cursor, part, y, x| {
        let coder = &coders[part];
        let mut block = [0; 64];
        let prediction = &mut cursor.predictions[part];
        sequential_block(&mut cursor.bits, (&coder.dc, &coder.ac), prediction, &mut block)?;
        let component = scan.parts[part].component;
        if layout.components[component].shows(y, x) {
            planes[component].put(y, x, |out, stride| {
                inverse_dct(&block, &coder.steps, out, stride);
            });
        }
        Ok(())
    })
}

/// Scans that each add to the coefficients; the pixels are made behind the last.
fn progressive_frame(
    stream: &Stream<'_>,
    layout: &Layout,
    picture: &mut Picture,
) -> Result<(), ImageError> {
    let mut tables = Tables::default();
    let mut all = Coefficients::new(layout)?;
    for segment in stream.segments() {
        if segment.marker == SOS {
            let scan = Scan::read(segment, layout)?;
            progressive::read_scan(&scan, &tables, layout, &mut all)?;
        } else {
            tables.read(segment)?;
        }
    }
    if all.iter().any(|c| c.unknown[0].is_none()) {
        return Err(corrupt("a component is in none of its scans"));
    }
    let smoothing = Smoothing::needed(&all);
    let mut planes = layout.planes(RING)?;
    for row in 0..layout.units_high {
        for (index, coefficients) in all.iter().enumerate() {
            let smoothing = smoothing.as_ref();
            transform_row(row, (layout, index), coefficients, smoothing, &mut planes[index]);
        }
        picture.advance(&planes, row + 1);
    }
    Ok(())
}

/// Turns the coefficients of one component in a row of units to samples.
fn transform_row(
    row: usize,
    (layout, index): (&Layout, usize),
    coefficients: &Coefficients,
    smoothing: Option<&Smoothing>,
    plane: &mut Plane,
) {
    let component = &layout.components[index];
    for y in row * component.down..((row + 1) * component.down).min(component.blocks_high) {
        for x in 0..component.blocks_wide {
            let block = coefficients.block(y, x);
            let smooth = smoothing.map(|s| s.block(layout, component, coefficients, (y, x)));
            let block = smooth.as_ref().unwrap_or(block);
            plane.put(y, x, |out, stride| inverse_dct(block, &coefficients.steps, out, stride));
        }
    }
}
