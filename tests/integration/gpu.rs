//! The model on an NVIDIA GPU. Run where there is one:
//! `cargo test --release --features cuda --test integration gpu:: -- --ignored`

use inference_service::model::{
    Model, ModelOptions,
    architecture::Activation,
    device::{DeviceChoice, Precision},
    gpus::Gpus,
    registry,
};

use crate::support::{cosine, embed, expected, image, norm};

fn on_gpu(device: DeviceChoice, precision: Precision, activation: Activation) -> Model {
    let options = ModelOptions { device, precision, isa: None, activation: Some(activation) };
    Model::load(registry::resolve("ViT-B-32", "random").unwrap(), &options).unwrap()
}

#[test]
#[ignore = "needs a GPU"]
fn embeddings_on_a_gpu_are_open_clips() {
    for (precision, least) in
        [(Precision::F32, 0.999_999), (Precision::F16, 0.999_9), (Precision::Bf16, 0.999)]
    {
        for (activation, name) in
            [(Activation::Gelu, "gelu"), (Activation::QuickGelu, "quick_gelu")]
        {
            let model = on_gpu(DeviceChoice::Cuda, precision, activation);
            for (image_name, expected) in &expected().embeddings[name] {
                let found = embed(&model, &image(image_name));
                let cosine = cosine(&found, expected);
                println!("{precision} {name} {image_name}: 1 - cosine {:.1e}", 1.0 - cosine);
                assert!(cosine >= least, "{precision} {name} {image_name}: {cosine}");
                assert!((norm(&found) - 1.0).abs() < 1e-5, "{precision} {name} {image_name}");
            }
        }
    }
}

#[test]
#[ignore = "needs a GPU"]
fn auto_picks_the_gpu_and_lists_it() {
    let model = on_gpu(DeviceChoice::Auto, Precision::F32, Activation::Gelu);
    assert!(model.device().is_cuda());
    assert_eq!(model.info().device, "cuda");
    let gpus = Gpus::find(model.device());
    assert!(gpus.cuda_version.is_some());
    let first = &gpus.devices[0];
    assert!(first.current_device && first.total_memory_gb > 1.0 && !first.name.is_empty());
}
