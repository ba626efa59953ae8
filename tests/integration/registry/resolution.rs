//! Names: accepted as open_clip accepts them, shown in one spelling, compared by the same rules,
//! corrected when wrong; and the activation that they lead to.

use std::path::PathBuf;

use inference_service::model::architecture::{Activation, Architecture};
use inference_service::model::registry::{
    ConfigUse, ModelSpec, RANDOM, RegistryError, ServedModel, Source, resolve,
};

const REPO: &str = "hf-hub:timm/vit_base_patch32_clip_224.openai";

fn spec(model_name: &str, pretrained: &str) -> ModelSpec {
    resolve(model_name, pretrained).unwrap_or_else(|error| panic!("{error}"))
}

fn served(model_name: &str, pretrained: &str, config: Option<Architecture>) -> ServedModel {
    spec(model_name, pretrained).with_config(config).unwrap_or_else(|error| panic!("{error}"))
}

fn hub(repo: &str, revision: Option<&str>) -> Source {
    Source::Hub { repo: repo.to_owned(), revision: revision.map(str::to_owned) }
}

/// The config of a ViT-B-32 checkpoint that was trained with QuickGELU, on 224 pixels.
fn quick_config() -> Architecture {
    let json = r#"{"model_cfg": {"embed_dim": 512, "quick_gelu": true,
        "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}}}"#;
    Architecture::from_open_clip_config("config", json).unwrap()
}

#[test]
fn every_spelling_of_open_clip_is_shown_in_the_registry_s() {
    for model in ["ViT-B-32", "ViT-B/32", "vit-b-32", " VIT-B/32 "] {
        for tag in ["laion2b_s34b_b79k", "laion2b-s34b-b79k", "LAION2B-s34B-b79K"] {
            let spec = spec(model, tag);
            assert_eq!(spec.model_name, "ViT-B-32");
            assert_eq!(spec.pretrained, "laion2b_s34b_b79k");
            assert_eq!(spec.source, hub("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", None));
            assert_eq!(spec.config, ConfigUse::Unused);
        }
    }
}

#[test]
fn a_model_with_a_scheme_brings_everything_and_ignores_the_tag() {
    let by_hub = spec("hf-hub:openai/clip-vit-base-patch32@refs/pr/15", "openai");
    assert_eq!(by_hub.source, hub("openai/clip-vit-base-patch32", Some("refs/pr/15")));
    assert_eq!(by_hub.config, ConfigUse::Required);
    assert_eq!(by_hub.model_name, "hf-hub:openai/clip-vit-base-patch32@refs/pr/15");
    assert_eq!(by_hub.pretrained, by_hub.model_name);

    let by_folder = spec("local-dir:/data/clip", "");
    assert_eq!(by_folder.source, Source::LocalDir(PathBuf::from("/data/clip")));
    assert_eq!(by_folder.config, ConfigUse::Required);
}

#[test]
fn a_model_with_a_scheme_refuses_another_source_of_weights() {
    assert_eq!(spec(REPO, REPO).source, spec(REPO, "openai").source);
    for other in [RANDOM, "Random", "/data/clip.safetensors", "local-dir:/data", "hf-hub:a/b"] {
        let error = resolve(REPO, other).unwrap_err();
        assert_eq!(error.code(), "conflicting_sources", "{other}");
        assert!(error.to_string().contains(other), "{error}");
    }
}

#[test]
fn weights_of_an_architecture_may_come_from_anywhere() {
    let seeded = spec("ViT-L-14", "Random");
    assert_eq!((seeded.source, seeded.pretrained.as_str()), (Source::Seeded, RANDOM));

    for file in ["/data/ViT-B-32.safetensors", "weights.BIN", "./ViT-B-32.pt"] {
        let spec = spec("ViT-B-32", file);
        assert_eq!(spec.source, Source::File(PathBuf::from(file)));
        assert_eq!((spec.pretrained.as_str(), spec.config), (file, ConfigUse::Unused));
    }

    let repository = spec("ViT-B-32", "HF-HUB:org/repo@main");
    assert_eq!(repository.source, hub("org/repo", Some("main")));
    assert_eq!(repository.pretrained, "hf-hub:org/repo@main");
    assert_eq!(repository.config, ConfigUse::IfPresent);
    assert_eq!(spec("ViT-B-32", "local-dir:w").source, Source::LocalDir(PathBuf::from("w")));
}

#[test]
fn an_unknown_model_leads_to_the_nearest() {
    let error = resolve("VitB32", "openai").unwrap_err();
    assert_eq!(error.code(), "unknown_model");
    let RegistryError::UnknownModel { nearest, .. } = &error else { panic!("{error}") };
    assert_eq!(nearest[0], "ViT-B-32");
    assert!(error.to_string().contains("`VitB32`"), "{error}");

    // A repository whose scheme was forgotten.
    let error = resolve("openai/clip-vit-base-patch32", "openai").unwrap_err();
    assert!(error.to_string().contains("hf-hub:ORG/REPO"), "{error}");
}

#[test]
fn an_unknown_tag_leads_to_the_nearest_to_all_tags_and_to_models_that_have_it() {
    let error = resolve("ViT-B-32", "openia").unwrap_err();
    assert_eq!(error.code(), "unknown_pretrained");
    let RegistryError::UnknownPretrained { nearest, tags, elsewhere, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(nearest[0], "openai");
    assert_eq!(tags.len(), 22);
    assert!(elsewhere.is_empty());
    for known in ["commonpool_s_text_s13m_b4k", RANDOM] {
        assert!(error.to_string().contains(known), "{error}");
    }

    let error = resolve("ViT-B-32-quickgelu", "laion2b-s34b-b79k").unwrap_err();
    assert!(error.to_string().ends_with("Models that have it: ViT-B-32"), "{error}");
}

#[test]
fn a_path_that_is_no_file_of_weights_says_what_is() {
    for path in ["/data/model.onnx", "/data/clip", "timm/vit_base_patch32_clip_224.openai"] {
        let error = resolve("ViT-B-32", path).unwrap_err();
        assert_eq!(error.code(), "malformed_model_name");
        let message = error.to_string();
        assert!(message.contains(path) && message.contains(".safetensors"), "{message}");
    }
}

#[test]
fn a_request_means_the_served_model_under_the_same_rules() {
    let openai = spec("ViT-B-32", "openai");
    let same = [
        (None, None),
        (Some(""), Some(" ")),
        (Some("ViT-B-32"), Some("openai")),
        (Some("vit-b/32"), None),
        (None, Some("OpenAI")),
    ];
    assert!(same.iter().all(|&(model, weights)| openai.matches(model, weights)));
    let other = [
        (Some("ViT-B-16"), Some("openai")),
        (Some("ViT-B-32"), Some("laion2b_e16")),
        (Some("ViT-B-32-quickgelu"), Some("openai")),
        (Some(REPO), None),
        (None, Some("random")),
        (Some("hf-hub:"), None),
    ];
    assert!(other.iter().all(|&(model, weights)| !openai.matches(model, weights)));
}

#[test]
fn a_request_for_a_repository_or_a_file_compares_it_exactly() {
    let repository = spec(REPO, "openai");
    assert!(repository.matches(Some(REPO), Some("openai")));
    assert!(repository.matches(Some(REPO), Some(REPO)));
    assert!(repository.matches(None, Some(REPO)));
    assert!(!repository.matches(None, Some("openai")));
    assert!(!repository.matches(Some("hf-hub:timm/VIT_base_patch32_clip_224.openai"), None));
    assert!(!repository.matches(Some(REPO), Some("random")));
    assert!(!repository.matches(Some(&format!("{REPO}@main")), None));

    let file = spec("ViT-B-32", "/data/my-clip.safetensors");
    assert!(file.matches(Some("ViT-B/32"), Some("/data/my-clip.safetensors")));
    assert!(!file.matches(None, Some("/data/my_clip.safetensors")));
}

#[test]
fn the_activation_follows_the_checkpoint() {
    for (model, weights, runs) in [
        ("ViT-B-32", "openai", Activation::QuickGelu),
        ("ViT-B-32", "laion2b_s34b_b79k", Activation::Gelu),
        ("ViT-B-32", "random", Activation::Gelu),
        ("ViT-B-32", "clip.safetensors", Activation::Gelu),
        ("ViT-B-32-quickgelu", "openai", Activation::QuickGelu),
        ("ViT-B-32-quickgelu", "random", Activation::QuickGelu),
        ("ViT-B-32-quickgelu", "clip.safetensors", Activation::QuickGelu),
    ] {
        let choice = served(model, weights, None).activation(None);
        assert_eq!(choice.activation, runs, "{model} {weights}");
        assert!(choice.reason.contains(runs.name()), "{}", choice.reason);
    }
    let quick = served(REPO, "openai", Some(quick_config())).activation(None);
    assert_eq!(quick.activation, Activation::QuickGelu);
    let quick = served("ViT-B-32", REPO, Some(quick_config())).activation(None);
    assert_eq!(quick.activation, Activation::QuickGelu);
    assert_eq!(served("ViT-B-32", REPO, None).activation(None).activation, Activation::Gelu);
}

#[test]
fn a_forced_activation_runs_and_the_reason_says_against_what() {
    let openai = served("ViT-B-32", "openai", None);
    assert_eq!(
        openai.activation(Some(Activation::Gelu)).reason,
        "forced to gelu, although the checkpoint openai was trained with quick_gelu; open_clip \
         2.29 and later run ViT-B-32 with gelu, so force gelu for an index that they filled"
    );
    let quick = served("ViT-B-32-quickgelu", "openai", None);
    let forced = quick.activation(Some(Activation::QuickGelu));
    assert_eq!(forced.activation, Activation::QuickGelu);
    assert_eq!(
        forced.reason,
        "forced to quick_gelu, as the model ViT-B-32-quickgelu always runs quick_gelu"
    );
    let forced = quick.activation(Some(Activation::Gelu));
    assert_eq!(forced.activation, Activation::Gelu);
}

#[test]
fn a_repository_s_config_gives_the_architecture_under_the_name_asked_for() {
    let model = served(REPO, "openai", Some(quick_config()));
    assert_eq!(model.architecture, Architecture { name: REPO.to_owned(), ..quick_config() });
    let error = spec(REPO, "openai").with_config(None).unwrap_err();
    assert_eq!(error.code(), "missing_model_config");
}

#[test]
fn weights_whose_config_is_of_another_shape_are_refused() {
    let error = spec("ViT-B-32-256", REPO).with_config(Some(quick_config())).unwrap_err();
    assert_eq!(error.code(), "model_config_mismatch");
    let message = error.to_string();
    assert!(message.contains("image_size 224, the model has 256"), "{message}");
}
