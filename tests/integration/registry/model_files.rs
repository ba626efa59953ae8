//! The folder `models/`: complete, sound, equal to open_clip's tables; a broken file is named.

use std::fs;
use std::path::Path;

use inference_service::model::architecture::{Activation, PreprocessConfig};
use inference_service::model::registry::{Registry, RegistryError, Source, resolve};

/// Model, tag, repository and `quick_gelu` as in `pretrained.py` of open_clip 3.2.0.
const OPEN_CLIP: [(&str, &str, &str, bool); 30] = [
    ("ViT-B-32", "openai", "timm/vit_base_patch32_clip_224.openai", true),
    ("ViT-B-32", "laion400m_e31", "timm/vit_base_patch32_clip_224.laion400m_e31", true),
    ("ViT-B-32", "laion400m_e32", "timm/vit_base_patch32_clip_224.laion400m_e32", true),
    ("ViT-B-32", "laion2b_e16", "timm/vit_base_patch32_clip_224.laion2b_e16", false),
    ("ViT-B-32", "laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", false),
    ("ViT-B-32", "datacomp_xl_s13b_b90k", "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K", false),
    ("ViT-B-32", "datacomp_m_s128m_b4k", "laion/CLIP-ViT-B-32-DataComp.M-s128M-b4K", false),
    (
        "ViT-B-32",
        "commonpool_m_clip_s128m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.M.clip-s128M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_m_laion_s128m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.M.laion-s128M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_m_image_s128m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.M.image-s128M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_m_text_s128m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.M.text-s128M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_m_basic_s128m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.M.basic-s128M-b4K",
        false,
    ),
    ("ViT-B-32", "commonpool_m_s128m_b4k", "laion/CLIP-ViT-B-32-CommonPool.M-s128M-b4K", false),
    ("ViT-B-32", "datacomp_s_s13m_b4k", "laion/CLIP-ViT-B-32-DataComp.S-s13M-b4K", false),
    (
        "ViT-B-32",
        "commonpool_s_clip_s13m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.S.clip-s13M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_s_laion_s13m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.S.laion-s13M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_s_image_s13m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.S.image-s13M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_s_text_s13m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.S.text-s13M-b4K",
        false,
    ),
    (
        "ViT-B-32",
        "commonpool_s_basic_s13m_b4k",
        "laion/CLIP-ViT-B-32-CommonPool.S.basic-s13M-b4K",
        false,
    ),
    ("ViT-B-32", "commonpool_s_s13m_b4k", "laion/CLIP-ViT-B-32-CommonPool.S-s13M-b4K", false),
    ("ViT-B-32", "metaclip_400m", "timm/vit_base_patch32_clip_224.metaclip_400m", true),
    ("ViT-B-32", "metaclip_fullcc", "timm/vit_base_patch32_clip_224.metaclip_2pt5b", true),
    ("ViT-B-32-quickgelu", "openai", "timm/vit_base_patch32_clip_224.openai", true),
    ("ViT-B-32-quickgelu", "laion400m_e31", "timm/vit_base_patch32_clip_224.laion400m_e31", true),
    ("ViT-B-32-quickgelu", "laion400m_e32", "timm/vit_base_patch32_clip_224.laion400m_e32", true),
    ("ViT-B-32-quickgelu", "metaclip_400m", "timm/vit_base_patch32_clip_224.metaclip_400m", true),
    (
        "ViT-B-32-quickgelu",
        "metaclip_fullcc",
        "timm/vit_base_patch32_clip_224.metaclip_2pt5b",
        true,
    ),
    ("ViT-B-32-256", "datacomp_s34b_b86k", "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", false),
    ("ViT-B-16", "openai", "timm/vit_base_patch16_clip_224.openai", true),
    ("ViT-L-14", "openai", "timm/vit_large_patch14_clip_224.openai", true),
];

fn registry() -> &'static Registry {
    Registry::builtin().unwrap_or_else(|error| panic!("{error}"))
}

fn model_file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn models_folder_is_embedded_whole_and_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    files.sort();
    let mut embedded: Vec<_> = registry().models().map(|(model, _)| model.name.clone()).collect();
    embedded.sort();
    assert_eq!(embedded, files);
}

#[test]
fn models_folder_holds_the_tables_of_open_clip() {
    let mut ours = Vec::new();
    for (model, tags) in registry().models() {
        for tag in tags {
            let served = resolve(&model.name, tag).unwrap().with_config(None).unwrap();
            let Source::Hub { repo, revision: None } = &served.spec.source else {
                panic!("{} {tag} is not at the hub's main: {:?}", model.name, served.spec.source)
            };
            let quick = served.activation(None).activation == Activation::QuickGelu;
            ours.push((model.name.clone(), tag.to_owned(), repo.clone(), quick));
        }
    }
    for (model, tag, repo, quick) in OPEN_CLIP {
        let row = (model.to_owned(), tag.to_owned(), repo.to_owned(), quick);
        assert!(ours.contains(&row), "{row:?}");
    }
}

#[test]
fn shapes_are_those_of_open_clip() {
    let shape = |name| {
        let served = resolve(name, "random").unwrap().with_config(None).unwrap();
        let model = served.architecture;
        assert_eq!(model.preprocess, PreprocessConfig::CLIP);
        assert_eq!(model.vision.layer_norm_eps, 1e-5);
        let vision = model.vision;
        let tower = [vision.image_size, vision.patch_size, vision.width, vision.layers];
        (tower, vision.heads, vision.mlp_width, model.embed_dim, model.activation)
    };
    let base = ([224, 32, 768, 12], 12, 3072, 512, Activation::Gelu);
    assert_eq!(shape("ViT-B-32"), base);
    assert_eq!(shape("ViT-B-32-quickgelu"), (base.0, 12, 3072, 512, Activation::QuickGelu));
    assert_eq!(shape("ViT-B-32-256"), ([256, 32, 768, 12], 12, 3072, 512, Activation::Gelu));
    assert_eq!(shape("ViT-B-16"), ([224, 16, 768, 12], 12, 3072, 512, Activation::Gelu));
    assert_eq!(shape("ViT-L-14"), ([224, 14, 1024, 24], 16, 4096, 768, Activation::Gelu));
}

#[test]
fn readme_describes_every_field_of_a_model_file() {
    let readme = model_file("README.md");
    let file: serde_json::Value = serde_json::from_str(&model_file("ViT-B-32.json")).unwrap();
    for (field, value) in file.as_object().unwrap() {
        let described = |field: &str| {
            let row = format!("| `{field}` |");
            assert!(readme.contains(&row), "models/README.md has no row for {field}");
        };
        match (field.as_str(), value.as_object()) {
            ("pretrained", _) => {
                for inner in ["repo", "quick_gelu", "revision", "preprocess"] {
                    described(&format!("pretrained.TAG.{inner}"));
                }
            }
            (_, Some(section)) => {
                section.keys().for_each(|inner| described(&format!("{field}.{inner}")));
            }
            (_, None) => described(field),
        }
    }
}

#[test]
fn a_tag_can_have_a_revision_and_preprocessing_of_its_own() {
    let entry = r#""half": {
            "repo": "org/repo", "quick_gelu": false, "revision": "v1.0",
            "preprocess": { "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
                            "interpolation": "bicubic", "resize_mode": "shortest" }
        },
        "openai":"#;
    let json = model_file("ViT-L-14.json").replace("\"openai\":", entry);
    let registry = Registry::from_files(&[("ViT-L-14.json", &json)]).unwrap();
    let half = registry.resolve("ViT-L-14", "half").unwrap().with_config(None).unwrap();
    let revision = Some("v1.0".to_owned());
    assert_eq!(half.spec.source, Source::Hub { repo: "org/repo".to_owned(), revision });
    assert_eq!(half.architecture.preprocess.mean, [0.5; 3]);
    let openai = registry.resolve("ViT-L-14", "openai").unwrap().with_config(None).unwrap();
    assert_eq!(openai.architecture.preprocess, PreprocessConfig::CLIP);
}

#[test]
fn a_broken_file_is_an_error_that_names_file_and_fault() {
    let sound = model_file("ViT-B-32.json");
    for (from, to, fault) in [
        ("\"embed_dim\":", "embed_dim:", "at line 3"),
        ("\"embed_dim\": 512", "\"embed_dim\": 0", "`embed_dim` is 0"),
        ("\"embed_dim\": 512,", "", "missing field `embed_dim`"),
        ("\"patch_size\": 32", "\"patch_size\": 30", "a multiple of patch_size, which is 30"),
        ("\"head_width\": 64", "\"head_width\": 0", "`vision.head_width` is 0"),
        ("\"head_width\": 64", "\"head_width\": 100", "a multiple of heads, which is 7"),
        ("\"mlp_ratio\": 4.0", "\"mlp_ratio\": -4.0", "`mlp_width` is 0"),
        ("\"layers\": 12,", "\"layers\": 12, \"depth\": 3,", "unknown field `depth`"),
        ("1e-5", "0", "`layer_norm_eps` is 0"),
        (
            "\"heads\": 8",
            "\"heads\": 7",
            "`text.width` is 512; it must be a multiple of text.heads, which is 7",
        ),
        ("\"context_length\": 77", "\"context_length\": 0", "`text.context_length` is 0"),
        ("0.26862954", "0.0", "`std` is 0"),
        ("bicubic", "bilinear", "unknown variant `bilinear`"),
        ("shortest", "squash", "unknown variant `squash`"),
        ("\"activation\": \"gelu\"", "\"activation\": \"relu\"", "unknown variant `relu`"),
        ("\"activation\": \"gelu\"", "\"activation\": \"quick_gelu\"", "must be true"),
        ("\"openai\":", "\"OpenAI\":", "pretrained tag `OpenAI`"),
        ("\"openai\":", "\"random\":", "the seeded weights"),
        ("\"openai\":", "\"metaclip_400m\":", "the tag `metaclip_400m` stands twice"),
        ("timm/vit_base_patch32_clip_224.openai", "../x", "no repository of the hub"),
        ("\"quick_gelu\": true }", "\"quick_gelu\": true, \"revision\": \"\" }", "no branch"),
        ("\"name\": \"ViT-B-32\"", "\"name\": \"ViT\"", "must be called ViT.json"),
    ] {
        let broken = sound.replacen(from, to, 1);
        assert_ne!(broken, sound, "{from} is not in the file");
        let error = Registry::from_files(&[("ViT-B-32.json", &broken)]).unwrap_err();
        assert!(matches!(&error, RegistryError::BrokenModelFile { .. }), "{error}");
        let message = error.to_string();
        assert!(message.starts_with("models/ViT-B-32.json: "), "{message}");
        assert!(message.contains(fault), "{message} does not say {fault}");
    }
}

#[test]
fn two_files_whose_names_differ_in_case_alone_are_an_error() {
    let upper = model_file("ViT-B-32.json");
    let lower = upper.replace("\"name\": \"ViT-B-32\"", "\"name\": \"vit-b-32\"");
    let files = [("ViT-B-32.json", upper.as_str()), ("vit-b-32.json", lower.as_str())];
    let error = Registry::from_files(&files).unwrap_err();
    assert!(error.to_string().starts_with("models/vit-b-32.json: another file"), "{error}");
}
