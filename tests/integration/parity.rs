//! Every reference image becomes the crop and the embedding that Pillow, open_clip and PyTorch give,
//! whatever it is batched with, and candle's own CLIP agrees.

use std::{collections::HashMap, fs::File, io::BufReader};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::clip::vision_model::{ClipVisionConfig, ClipVisionTransformer};
use inference_service::{
    kernels::{Isa, Kernels, crew::Crew},
    model::{
        Model, ModelOptions, architecture::Activation, device::Precision, registry, weights::seeded,
    },
    preprocess::{Format, Pixels, probe},
};
use sha2::{Digest, Sha256};

use crate::support::{
    cosine, difference, embed, expected, image, norm, options, preprocess, reference, seeded_model,
};

/// What is promised for pixels that equal Pillow's.
const COSINE: f64 = 0.999_999;
const DIFFERENCE: f64 = 2e-5;

/// What is promised of the same numbers computed in another way.
const AGREEMENT: f64 = 1e-5;
const STABILITY: f64 = 1e-6;

fn expected_crop(name: &str) -> Vec<u8> {
    let path = reference().join("expected/pixels").join(format!("{name}.png"));
    let mut reader =
        png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    let mut crop = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut crop).unwrap();
    crop
}

#[test]
fn crops_equal_pillows_byte_for_byte() {
    for name in expected().embeddings["gelu"].keys() {
        let crop = preprocess().crop(&image(name)).unwrap();
        let worst = crop.iter().zip(expected_crop(name)).map(|(a, b)| a.abs_diff(b)).max();
        assert_eq!(worst, Some(0), "{name}");
    }
}

#[test]
fn embeddings_are_open_clips() {
    for (activation, name) in [(Activation::Gelu, "gelu"), (Activation::QuickGelu, "quick_gelu")] {
        let model = seeded_model(activation);
        println!("\n{name:35} {:>10} {:>10}  format", "1 - cosine", "difference");
        for (image_name, expected) in &expected().embeddings[name] {
            let bytes = image(image_name);
            let found = embed(model, &bytes);
            let (cosine, difference) = (cosine(&found, expected), difference(&found, expected));
            let format = probe(&bytes).unwrap().format;
            println!("{image_name:35} {:10.1e} {difference:10.1e}  {format}", 1.0 - cosine);
            assert!(cosine >= COSINE, "{image_name}: {cosine}");
            assert!(difference <= DIFFERENCE, "{image_name}: {difference}");
            assert!((norm(&found) - 1.0).abs() < STABILITY, "{image_name}: {}", norm(&found));
        }
    }
}

#[test]
fn each_instruction_set_gives_open_clips_embeddings() {
    let isas = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];
    for isa in isas.into_iter().filter(|isa| Kernels::of(*isa).is_some()) {
        let spec = registry::resolve("ViT-B-32", "random").unwrap();
        let options = ModelOptions { isa: Some(isa), ..options(Some(Activation::Gelu)) };
        let model = Model::load(spec, &options).unwrap();
        for (image_name, expected) in &expected().embeddings["gelu"] {
            let found = embed(&model, &image(image_name));
            let (cosine, difference) = (cosine(&found, expected), difference(&found, expected));
            assert!(cosine >= COSINE, "{isa:?} {image_name}: {cosine}");
            assert!(difference <= DIFFERENCE, "{isa:?} {image_name}: {difference}");
        }
    }
}

#[test]
fn lesser_precisions_on_a_cpu_stay_near_open_clips_embeddings() {
    for (precision, least) in [(Precision::Bf16, 0.9999), (Precision::Int8, 0.999)] {
        for isa in [Isa::Avx512, Isa::Portable] {
            if !Kernels::of(isa).is_some_and(|kernels| precision.has_kernels(&kernels)) {
                continue;
            }
            for (activation, name) in
                [(Activation::Gelu, "gelu"), (Activation::QuickGelu, "quick_gelu")]
            {
                let spec = registry::resolve("ViT-B-32", "random").unwrap();
                let isa = Some(isa);
                let options = ModelOptions { isa, precision, ..options(Some(activation)) };
                let model = Model::load(spec, &options).unwrap();
                assert_eq!(model.info().precision, precision.to_string());
                for (image_name, expected) in &expected().embeddings[name] {
                    let found = embed(&model, &image(image_name));
                    let cosine = cosine(&found, expected);
                    println!(
                        "{precision} {isa:?} {name} {image_name}: 1 - cosine {:.1e}",
                        1.0 - cosine
                    );
                    assert!(cosine >= least, "{precision} {isa:?} {name} {image_name}: {cosine}");
                }
            }
        }
    }
}

#[test]
fn sixteen_bit_grey_lands_beside_its_eight_bit_version() {
    let bytes = image("cat-grey-16bit.png");
    assert_eq!(probe(&bytes).unwrap().format, Format::Png);
    let found = embed(seeded_model(Activation::Gelu), &bytes);
    let cosine = cosine(&found, &expected().embeddings["gelu"]["cat-grey.jpg"]);
    assert!(cosine > 0.999, "{cosine}");
}

#[test]
fn the_two_activations_give_different_vectors() {
    let bytes = image("cat.png");
    let [gelu, quick] =
        [Activation::Gelu, Activation::QuickGelu].map(|a| embed(seeded_model(a), &bytes));
    assert!(difference(&gelu, &quick) > 1e-4);
}

/// `n` photos, all different.
fn photos(n: usize) -> Vec<Pixels> {
    let names: Vec<_> = expected().embeddings["gelu"].keys().cycle().take(n).collect();
    let preprocess = preprocess();
    names.iter().map(|name| preprocess.pixels(&image(name)).unwrap()).collect()
}

#[test]
fn an_embedding_depends_neither_on_its_batch_nor_on_threads() {
    let model = seeded_model(Activation::QuickGelu);
    let photos = photos(32);
    let batch: Vec<&[f32]> = photos.iter().map(Pixels::as_slice).collect();
    let crew = Crew::new();
    let together = std::thread::scope(|scope| {
        scope.spawn(|| crew.help(|| false));
        crew.lead(|| model.embed_on(&mut model.worker().unwrap(), &crew, &batch).unwrap())
    });
    for (photo, together) in batch.iter().zip(&together) {
        let alone = model.embed(&[photo]).unwrap();
        let difference = difference(&alone[0], together);
        assert!(difference <= STABILITY, "{difference}");
    }
}

#[test]
fn seeded_weights_are_those_of_the_python_definition() {
    for (name, expected) in &expected().tensors {
        let mut sum = Sha256::new();
        for number in seeded::tensor(name, &expected.shape, seeded::SEED) {
            sum.update(number.to_le_bytes());
        }
        let found: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected.sha256, "{name}");
    }
}

#[test]
fn candles_own_clip_agrees() {
    let weights = VarBuilder::from_tensors(hugging_face_weights(), DType::F32, &Device::Cpu);
    let config = ClipVisionConfig::vit_base_patch32();
    let theirs = ClipVisionTransformer::new(weights.pp("vision_model"), &config).unwrap();
    let projection = weights.get((512, 768), "visual_projection.weight").unwrap();
    let photos = photos(4);
    let numbers: Vec<f32> = photos.iter().flat_map(Pixels::as_slice).copied().collect();
    let pixels = Tensor::from_vec(numbers, (4, 3, 224, 224), &Device::Cpu).unwrap();
    let projected = pixels.apply(&theirs).unwrap().matmul(&projection.t().unwrap()).unwrap();
    let batch: Vec<&[f32]> = photos.iter().map(Pixels::as_slice).collect();
    let ours = seeded_model(Activation::QuickGelu).embed(&batch).unwrap();
    for (ours, theirs) in ours.iter().zip(projected.to_vec2::<f32>().unwrap()) {
        let length = norm(&theirs);
        let theirs: Vec<f64> = theirs.iter().map(|&x| f64::from(x) / length).collect();
        let difference = difference(ours, &theirs);
        assert!(difference <= AGREEMENT, "{difference}");
    }
}

/// The seeded weights under the names that candle-transformers asks for.
fn hugging_face_weights() -> HashMap<String, Tensor> {
    let mut weights = HashMap::new();
    let visual = expected().tensors.iter().filter(|(name, _)| name.starts_with("visual."));
    for (name, tensor) in visual {
        let numbers = seeded::tensor(name, &tensor.shape, seeded::SEED);
        let tensor = Tensor::from_vec(numbers, tensor.shape.as_slice(), &Device::Cpu).unwrap();
        match hugging_face_name(name) {
            Name::Same(name) => drop(weights.insert(name, tensor)),
            Name::Transposed(name) => {
                weights.insert(name, tensor.t().unwrap().contiguous().unwrap());
            }
            Name::Stacked(prefix, suffix) => {
                for (letter, part) in ["q", "k", "v"].iter().zip(tensor.chunk(3, 0).unwrap()) {
                    weights.insert(format!("{prefix}.{letter}_proj.{suffix}"), part);
                }
            }
        }
    }
    weights
}

enum Name {
    Same(String),
    Transposed(String),
    Stacked(String, String),
}

fn hugging_face_name(name: &str) -> Name {
    let tower = name.strip_prefix("visual.").unwrap();
    if tower == "proj" {
        return Name::Transposed("visual_projection.weight".to_owned());
    }
    let renamed = [
        ("transformer.resblocks", "encoder.layers"),
        ("attn.out_proj", "self_attn.out_proj"),
        ("ln_1", "layer_norm1"),
        ("ln_2", "layer_norm2"),
        ("mlp.c_fc", "mlp.fc1"),
        ("mlp.c_proj", "mlp.fc2"),
        ("ln_pre", "pre_layrnorm"),
        ("ln_post", "post_layernorm"),
        ("conv1.weight", "embeddings.patch_embedding.weight"),
        ("positional_embedding", "embeddings.position_embedding.weight"),
        ("class_embedding", "embeddings.class_embedding"),
    ]
    .iter()
    .fold(format!("vision_model.{tower}"), |name, (ours, theirs)| name.replace(ours, theirs));
    match renamed.split_once(".attn.in_proj_") {
        Some((prefix, kind)) => Name::Stacked(format!("{prefix}.self_attn"), kind.to_owned()),
        None => Name::Same(renamed),
    }
}
