//! The resize to a model's square with each instruction set that this processor has, beside the
//! `image` crate's nearest filter in the same run.
//!
//! `image` resizes the whole picture, ours only the square, as each is used; so the ratio is that
//! of a request, not of one pixel.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use image::{
    RgbImage,
    imageops::{FilterType, resize},
};
use inference_service::{
    kernels::{Isa, Kernels},
    preprocess::{
        crop::shortest_side,
        resize::{RgbView, resize_crop},
    },
};

const SIZE: u32 = 224;

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let level = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519);
        image::Rgb([(level >> 24) as u8, (level >> 16) as u8, (x + y) as u8])
    })
}

fn to_square(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resize");
    group.sample_size(20);
    for (width, height) in [(1024, 768), (4000, 3000)] {
        let photo = photo(width, height);
        let sides = format!("{width}x{height}");
        let view = RgbView::new(width, height, photo.as_raw()).expect("an RgbImage is whole");
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable] {
            let Some(kernels) = Kernels::of(isa) else { continue };
            group.bench_function(BenchmarkId::new(format!("{isa:?}"), &sides), |bencher| {
                bencher.iter(|| resize_crop(&kernels, view, SIZE));
            });
        }
        let whole = shortest_side(width, height, SIZE);
        let (new_width, new_height) = (whole.resized_width as u32, whole.resized_height as u32);
        group.bench_function(BenchmarkId::new("image_catmull_rom", &sides), |bencher| {
            bencher.iter(|| resize(&photo, new_width, new_height, FilterType::CatmullRom));
        });
    }
    group.finish();
}

criterion_group!(benches, to_square);
criterion_main!(benches);
