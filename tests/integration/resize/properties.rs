//! What holds for every image: the geometry is Python's float arithmetic, and the square is cut
//! from the resized whole; also where the whole would not fit in memory.

use inference_service::preprocess::{
    crop::shortest_side,
    resize::{RgbView, resize_crop},
};
use proptest::prelude::*;

use super::{Pattern, all_kernels, naive, pixels};

/// `int(size * side / short)` and `int(round((side - size) / 2.0))`, as Python reads them.
fn pythons(side: u32, short: u32, size: u32) -> (u64, u64) {
    let resized = if short == size {
        side.into()
    } else {
        (f64::from(size) * f64::from(side) / f64::from(short)) as u64
    };
    (resized, ((resized - u64::from(size)) as f64 / 2.0).round_ties_even() as u64)
}

/// The square of an image, by way of the whole.
fn naive_square(data: &[u8], width: u32, height: u32, size: u32) -> Vec<u8> {
    let pixels = data.as_chunks().0;
    let image: naive::Image = pixels.chunks(width as usize).map(<[_]>::to_vec).collect();
    let short = width.min(height);
    let (new_width, left) = pythons(width, short, size);
    let (new_height, top) = pythons(height, short, size);
    let whole = naive::resize(&image, new_width, new_height);
    let rows = &whole[top as usize..][..size as usize];
    rows.iter()
        .flat_map(|row| row[left as usize..][..size as usize].as_flattened())
        .copied()
        .collect()
}

fn image() -> impl Strategy<Value = (u32, u32, Vec<u8>)> {
    (1..48_u32, 1..48_u32).prop_flat_map(|(width, height)| {
        let extremes = prop_oneof![Just(0_u8), Just(255), any::<u8>()];
        let data = prop::collection::vec(extremes, (width * height * 3) as usize);
        (Just(width), Just(height), data)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn geometry_is_pythons(width in 1..=u32::MAX, height in 1..=u32::MAX, size in 1..2048_u32) {
        let found = shortest_side(width, height, size);
        let short = width.min(height);
        prop_assert_eq!((found.resized_width, found.left), pythons(width, short, size));
        prop_assert_eq!((found.resized_height, found.top), pythons(height, short, size));
    }

    #[test]
    fn geometry_is_pythons_for_photos(
        width in 1..9000_u32, height in 1..9000_u32, size in 1..512_u32
    ) {
        let found = shortest_side(width, height, size);
        let short = width.min(height);
        prop_assert_eq!((found.resized_width, found.left), pythons(width, short, size));
        prop_assert_eq!((found.resized_height, found.top), pythons(height, short, size));
    }

    #[test]
    fn the_square_is_cut_from_the_whole((width, height, data) in image(), size in 1..40_u32) {
        let view = RgbView::new(width, height, &data).expect("the strategy fills the image");
        let square = naive_square(&data, width, height, size);
        for kernels in all_kernels() {
            let found = resize_crop(&kernels, view, size);
            prop_assert_eq!(&found, &square, "{:?}", kernels.isa());
        }
    }
}

/// 13,440,000 pixels long when resized: 9 GB as a whole.
#[test]
fn the_square_of_a_line_costs_no_more_than_a_square() {
    let data = pixels(Pattern::Noise, [1, 60_000]);
    let first = (13_440_000 - 224) / 2;
    let line = naive::line(data.as_chunks().0, 13_440_000, first, 224);

    let rows: Vec<u8> = line.iter().flat_map(|&pixel| [pixel; 224]).flatten().collect();
    let columns = line.as_flattened().repeat(224);
    let tall = RgbView::new(1, 60_000, &data).expect("one column");
    let wide = RgbView::new(60_000, 1, &data).expect("one row");
    for kernels in all_kernels() {
        assert_eq!(resize_crop(&kernels, tall, 224), rows, "{:?}", kernels.isa());
        assert_eq!(resize_crop(&kernels, wide, 224), columns, "{:?}", kernels.isa());
    }
}
