//! Pillow's bicubic as its definition reads: the whole image, one pixel after another, sums in
//! 64 bits. Slow, and written apart from the code it checks.

/// Rows of RGB pixels.
pub type Image = Vec<Vec<[u8; 3]>>;

/// One line of pixels, resampled to `length`; only the pixels from `first` on, `count` of them.
pub fn line(pixels: &[[u8; 3]], length: u64, first: u64, count: u64) -> Vec<[u8; 3]> {
    if pixels.len() as u64 == length {
        return pixels[first as usize..][..count as usize].to_vec();
    }
    let scale = pixels.len() as f64 / length as f64;
    (first..first + count).map(|index| pixel(pixels, (index as f64 + 0.5) * scale, scale)).collect()
}

fn pixel(pixels: &[[u8; 3]], centre: f64, scale: f64) -> [u8; 3] {
    let stretch = if scale < 1.0 { 1.0 } else { scale };
    let first = (centre - 2.0 * stretch + 0.5) as i64;
    let after = (centre + 2.0 * stretch + 0.5) as i64;
    let (first, after) = (first.max(0), after.min(pixels.len() as i64));
    let weight = |x: i64| cubic((x as f64 - centre + 0.5) * (1.0 / stretch));
    let sum: f64 = (first..after).map(weight).sum();
    std::array::from_fn(|channel| {
        let parts = (first..after).map(|x| {
            let fixed = (weight(x) / sum * 4_194_304.0).round() as i64;
            fixed * i64::from(pixels[x as usize][channel])
        });
        ((parts.sum::<i64>() + 2_097_152) >> 22).clamp(0, 255) as u8
    })
}

fn cubic(x: f64) -> f64 {
    match x.abs() {
        x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
        _ => 0.0,
    }
}

/// The whole image resized: each row, then each column.
pub fn resize(image: &Image, width: u64, height: u64) -> Image {
    let rows: Image = image.iter().map(|row| line(row, width, 0, width)).collect();
    let columns: Image =
        transposed(&rows).iter().map(|column| line(column, height, 0, height)).collect();
    transposed(&columns)
}

fn transposed(image: &Image) -> Image {
    (0..image[0].len()).map(|x| image.iter().map(|row| row[x]).collect()).collect()
}
