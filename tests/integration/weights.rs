//! A checkpoint of any of the known kinds gives the same model; one that does not fit is an error
//! that names file, tensor, what was expected and what was found.

use std::{collections::HashMap, fs, path::Path};

use candle_core::{DType, Device, Tensor};
use half::f16;
use inference_service::{
    embedder::preprocess_for,
    kernels::Kernels,
    model::{Embedding, Model, ModelError, registry, weights::seeded},
};
use tempfile::TempDir;

use crate::support::{DECODE, difference, image, options, reference};

/// The config of the model that `tests/reference/make_tiny_checkpoint.py` writes.
pub const OPEN_CLIP_CONFIG: &str = r#"{"model_cfg": {"embed_dim": 8, "vision_cfg": {"image_size": 16,
    "patch_size": 8, "width": 16, "layers": 2, "head_width": 8, "mlp_ratio": 2.0}}}"#;

/// The same as Hugging Face states it.
const HUGGING_FACE_CONFIG: &str = r#"{"model_type": "clip", "projection_dim": 8, "vision_config": {
    "image_size": 16, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 32, "hidden_act": "gelu", "projection_dim": 8}}"#;

type Tensors = HashMap<String, Tensor>;

fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        ("class_embedding".to_owned(), vec![16]),
        ("positional_embedding".to_owned(), vec![5, 16]),
        ("proj".to_owned(), vec![16, 8]),
        ("conv1.weight".to_owned(), vec![16, 3, 8, 8]),
    ];
    let mut layer = |name: String, weight: &[usize]| {
        shapes.push((format!("{name}.weight"), weight.to_vec()));
        shapes.push((format!("{name}.bias"), weight[..1].to_vec()));
    };
    layer("ln_pre".to_owned(), &[16]);
    layer("ln_post".to_owned(), &[16]);
    for block in 0..2 {
        let block = format!("transformer.resblocks.{block}");
        layer(format!("{block}.ln_1"), &[16]);
        layer(format!("{block}.ln_2"), &[16]);
        layer(format!("{block}.attn.out_proj"), &[16, 16]);
        layer(format!("{block}.mlp.c_fc"), &[32, 16]);
        layer(format!("{block}.mlp.c_proj"), &[16, 32]);
        layer(format!("{block}.attn.in_proj"), &[48, 16]);
    }
    for (name, _) in &mut shapes {
        *name = format!("visual.{}", name.replace("in_proj.", "in_proj_"));
    }
    shapes
}

/// The tiny model's seeded tensors under open_clip's names.
fn tensors() -> Tensors {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let numbers = seeded::tensor(&name, &shape, seeded::SEED);
        (name, Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap())
    };
    shapes().into_iter().map(tensor).collect()
}

/// A folder with a config and what `write` puts beside it.
fn folder(config: (&str, &str), write: impl FnOnce(&Path)) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(config.0), config.1).unwrap();
    write(folder.path());
    folder
}

fn open_clip(tensors: &Tensors) -> TempDir {
    folder(("open_clip_config.json", OPEN_CLIP_CONFIG), |folder| {
        candle_core::safetensors::save(tensors, folder.join("open_clip_model.safetensors"))
            .unwrap();
    })
}

fn load(folder: &TempDir) -> Result<Model, Box<ModelError>> {
    let name = format!("local-dir:{}", folder.path().display());
    Model::load(registry::resolve(&name, "openai").unwrap(), &options(None)).map_err(Box::new)
}

fn embed(folder: &TempDir) -> Embedding {
    let model = load(folder).unwrap();
    let preprocess = preprocess_for(model.architecture(), Kernels::best(), DECODE);
    let pixels = preprocess.pixels(&image("cat.png")).unwrap();
    model.embed(&[pixels.as_slice()]).unwrap().remove(0)
}

/// The message of a checkpoint that must not load.
fn refusal(folder: &TempDir) -> String {
    load(folder).map(|_| ()).expect_err("must not load").to_string()
}

fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn every_kind_of_checkpoint_gives_the_same_model() {
    let reference_embedding = embed(&open_clip(&tensors()));
    assert_eq!(reference_embedding.len(), 8);
    for name in ["open_clip_pytorch_model.bin", "wrapped.pt"] {
        let pickle = folder(("open_clip_config.json", OPEN_CLIP_CONFIG), |folder| {
            let from = reference().join("tiny").join(name);
            fs::copy(from, folder.join("open_clip_pytorch_model.bin")).unwrap();
        });
        assert_eq!(embed(&pickle), reference_embedding, "{name}");
    }
    assert_eq!(embed(&hugging_face(&tensors())), reference_embedding);
}

#[test]
fn safetensors_come_before_pickles() {
    let both = open_clip(&tensors());
    fs::write(both.path().join("open_clip_pytorch_model.bin"), "no pickle at all").unwrap();
    embed(&both);
}

#[test]
fn halves_are_taken_as_floats() {
    let halves = tensors().into_iter().map(|(name, t)| (name, t.to_dtype(DType::F16).unwrap()));
    let found = embed(&open_clip(&halves.collect()));
    assert!(difference(&found, &embed(&open_clip(&tensors()))) < 1e-2);
}

#[test]
fn a_missing_tensor_is_named() {
    let mut tensors = tensors();
    tensors.remove("visual.transformer.resblocks.1.mlp.c_fc.weight");
    let message = refusal(&open_clip(&tensors));
    let tensor = "`visual.transformer.resblocks.1.mlp.c_fc.weight` is missing";
    assert_names(&message, &["open_clip_model.safetensors", tensor, "[32, 16]"]);
}

#[test]
fn every_single_tensor_is_needed() {
    for (name, _) in shapes() {
        let mut tensors = tensors();
        tensors.remove(&name);
        let message = refusal(&open_clip(&tensors));
        assert!(message.contains(&name) || name == "visual.conv1.weight", "{name}: {message}");
    }
}

#[test]
fn a_wrong_shape_is_named_with_both() {
    let mut tensors = tensors();
    tensors.insert(
        "visual.proj".to_owned(),
        Tensor::zeros((8, 16), DType::F32, &Device::Cpu).unwrap(),
    );
    let message = refusal(&open_clip(&tensors));
    assert_names(&message, &["`visual.proj`", "[8, 16]", "[16, 8]", "safetensors"]);
}

#[test]
fn a_wrong_type_is_named() {
    let mut tensors = tensors();
    let wrong = tensors["visual.ln_pre.bias"].to_dtype(DType::I64).unwrap();
    tensors.insert("visual.ln_pre.bias".to_owned(), wrong);
    let message = refusal(&open_clip(&tensors));
    assert_names(&message, &["`visual.ln_pre.bias`", "I64", "F32, F16 or BF16"]);
}

#[test]
fn nan_and_infinity_are_named_with_their_place() {
    for (bad, said) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut numbers = [0.5f32; 16];
        numbers[11] = bad;
        let mut tensors = tensors();
        let tensor = Tensor::new(&numbers, &Device::Cpu).unwrap();
        tensors.insert("visual.class_embedding".to_owned(), tensor);
        let message = refusal(&open_clip(&tensors));
        assert_names(&message, &["`visual.class_embedding`", said, "element 11"]);
    }
    let mut tensors = tensors();
    let tensor = Tensor::new(&[f16::INFINITY; 16], &Device::Cpu).unwrap();
    tensors.insert("visual.class_embedding".to_owned(), tensor);
    assert_names(&refusal(&open_clip(&tensors)), &["inf at element 0"]);
}

#[test]
fn an_embedding_that_is_not_finite_is_an_error() {
    let mut tensors = tensors();
    let huge = Tensor::full(f32::MAX, (16, 8), &Device::Cpu).unwrap();
    tensors.insert("visual.proj".to_owned(), huge);
    let model = load(&open_clip(&tensors)).unwrap();
    let pixels = preprocess_for(model.architecture(), Kernels::best(), DECODE)
        .pixels(&image("cat.png"))
        .unwrap();
    let error = model.embed(&[pixels.as_slice()]).unwrap_err();
    assert_names(&error.to_string(), &["not finite"]);
}

#[test]
fn a_pickle_with_hugging_faces_name_is_found_last() {
    let named = folder(("open_clip_config.json", OPEN_CLIP_CONFIG), |folder| {
        let from = reference().join("tiny/open_clip_pytorch_model.bin");
        fs::copy(from, folder.join("pytorch_model.bin")).unwrap();
    });
    assert_eq!(embed(&named), embed(&open_clip(&tensors())));
}

#[test]
fn a_damaged_or_foreign_file_is_refused() {
    let broken = |bytes: &[u8]| {
        folder(("open_clip_config.json", OPEN_CLIP_CONFIG), |folder| {
            fs::write(folder.join("open_clip_model.safetensors"), bytes).unwrap();
        })
    };
    let whole = fs::read(open_clip(&tensors()).path().join("open_clip_model.safetensors")).unwrap();
    let zip = b"PK\x03\x04 and then nothing";
    for bytes in [&b""[..], b"no checkpoint", &whole[..whole.len() / 2], zip] {
        let message = refusal(&broken(bytes));
        assert_names(&message, &["open_clip_model.safetensors", "not a checkpoint"]);
    }
    let other = [("encoder.weight".to_owned(), tensors().remove("visual.proj").unwrap())];
    let message = refusal(&open_clip(&HashMap::from(other)));
    assert_names(&message, &["no CLIP vision tower", "`encoder.weight`", "1 tensors"]);
}

#[test]
fn a_file_or_a_folder_that_is_not_there_is_named() {
    let spec = registry::resolve("ViT-B-32", "/nowhere/weights.safetensors").unwrap();
    let error = Model::load(spec, &options(None)).map(|_| ()).unwrap_err();
    assert_names(&error.to_string(), &["/nowhere/weights.safetensors", "No such file"]);
    let empty = folder(("open_clip_config.json", OPEN_CLIP_CONFIG), |_| ());
    assert_names(&refusal(&empty), &["no checkpoint in this folder", "model.safetensors"]);
}

#[test]
fn weights_of_another_size_do_not_load_as_vit_b_32() {
    let tiny = open_clip(&tensors());
    let file = tiny.path().join("open_clip_model.safetensors");
    let spec = registry::resolve("ViT-B-32", file.to_str().unwrap()).unwrap();
    let error = Model::load(spec, &options(None)).map(|_| ()).unwrap_err();
    assert_names(&error.to_string(), &["has shape", "expected", "safetensors"]);
}

/// The same tensors as Hugging Face's `CLIPModel` saves them.
fn hugging_face(tensors: &Tensors) -> TempDir {
    let mut renamed = Tensors::new();
    for (name, tensor) in tensors {
        let name = name.strip_prefix("visual.").unwrap();
        let name = match name.strip_prefix("transformer.resblocks.") {
            Some(block) => format!("vision_model.encoder.layers.{}", hugging_face_block(block)),
            None => match name {
                "proj" => {
                    let transposed = tensor.t().unwrap().contiguous().unwrap();
                    renamed.insert("visual_projection.weight".to_owned(), transposed);
                    continue;
                }
                "class_embedding" => "vision_model.embeddings.class_embedding".to_owned(),
                "conv1.weight" => "vision_model.embeddings.patch_embedding.weight".to_owned(),
                "positional_embedding" => {
                    "vision_model.embeddings.position_embedding.weight".to_owned()
                }
                norm => format!("vision_model.{norm}")
                    .replace("ln_pre", "pre_layrnorm")
                    .replace("ln_post", "post_layernorm"),
            },
        };
        if let Some((layer, kind)) = name.split_once("self_attn.in_proj_") {
            for (letter, part) in ["q", "k", "v"].iter().zip(tensor.chunk(3, 0).unwrap()) {
                let part = part.contiguous().unwrap();
                renamed.insert(format!("{layer}self_attn.{letter}_proj.{kind}"), part);
            }
        } else {
            renamed.insert(name, tensor.clone());
        }
    }
    folder(("config.json", HUGGING_FACE_CONFIG), |folder| {
        candle_core::safetensors::save(&renamed, folder.join("model.safetensors")).unwrap();
    })
}

fn hugging_face_block(name: &str) -> String {
    name.replace("attn.", "self_attn.")
        .replace("ln_1", "layer_norm1")
        .replace("ln_2", "layer_norm2")
        .replace("mlp.c_fc", "mlp.fc1")
        .replace("mlp.c_proj", "mlp.fc2")
}
