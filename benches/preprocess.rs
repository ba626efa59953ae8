//! From the bytes of a photo to pixels: decoding alone, and the whole way to the model's numbers.

use std::{fs, path::Path};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use inference_service::{
    embedder::preprocess_for,
    kernels::Kernels,
    model::registry,
    preprocess::{DecodeOptions, ExifOrientation, decode},
};

/// A small, a middling and a 12-megapixel photo, and formats beside JPEG.
const IMAGES: [&str; 5] =
    ["cat-thumbnail.jpg", "astronaut-420.jpg", "coffee-12mp.jpg", "cat.png", "rocket.webp"];

const OPTIONS: DecodeOptions =
    DecodeOptions { max_pixels: 178_956_970, exif_orientation: ExifOrientation::Ignore };

fn preprocess(criterion: &mut Criterion) {
    let spec = registry::resolve("ViT-B-32", "random").expect("it is in models/");
    let served = spec.with_config(None).expect("its architecture is known");
    let way = preprocess_for(&served.architecture, Kernels::best(), OPTIONS);
    let mut group = criterion.benchmark_group("preprocess");
    group.sample_size(20);
    for name in IMAGES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/images");
        let bytes = fs::read(folder.join(name)).expect("a reference image");
        group.bench_function(BenchmarkId::new("decode", name), |bencher| {
            bencher.iter(|| decode(&bytes, &OPTIONS).expect("it can be decoded"));
        });
        group.bench_function(BenchmarkId::new("image_crate_decode", name), |bencher| {
            bencher.iter(|| image::load_from_memory(&bytes).expect("it can be decoded").to_rgb8());
        });
        group.bench_function(BenchmarkId::new("whole", name), |bencher| {
            bencher.iter(|| way.pixels(&bytes).expect("it can be decoded"));
        });
    }
    group.finish();
}

criterion_group!(benches, preprocess);
criterion_main!(benches);
