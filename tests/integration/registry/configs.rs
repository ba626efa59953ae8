//! Configs of repositories: open_clip's and Hugging Face's are read with their own defaults, and
//! what cannot be served is refused by the name of the field.

use inference_service::model::architecture::{
    Activation, Architecture, ArchitectureError, PreprocessConfig,
};
use inference_service::model::registry::resolve;
use serde_json::{Value, json};

/// As in `timm/vit_base_patch32_clip_224.openai`.
fn open_clip_config() -> Value {
    json!({
        "model_cfg": {
            "embed_dim": 512,
            "vision_cfg": { "image_size": 224, "layers": 12, "width": 768, "patch_size": 32 },
            "text_cfg": { "context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8,
                          "layers": 12 },
            "quick_gelu": true
        },
        "preprocess_cfg": {
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic",
            "resize_mode": "shortest"
        }
    })
}

fn open_clip(config: &Value) -> Result<Architecture, ArchitectureError> {
    Architecture::from_open_clip_config("ViT-B-32", &config.to_string())
}

fn hugging_face(config: &Value) -> Result<Architecture, ArchitectureError> {
    Architecture::from_hf_config("ViT-B-32", &config.to_string())
}

fn with(mut config: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[field] = value;
    config
}

fn vit_b_32() -> Architecture {
    resolve("ViT-B-32", "random").unwrap().with_config(None).unwrap().architecture
}

#[test]
fn open_clip_config_of_vit_b_32_is_the_registry_s_architecture() {
    let quick = Architecture { activation: Activation::QuickGelu, ..vit_b_32() };
    assert_eq!(open_clip(&open_clip_config()), Ok(quick));

    let plain = with(open_clip_config(), "/model_cfg/quick_gelu", Value::Null);
    assert_eq!(open_clip(&plain), Ok(vit_b_32()));
}

#[test]
fn open_clip_defaults_are_those_of_its_dataclasses() {
    let bare = json!({ "model_cfg": { "embed_dim": 512, "vision_cfg": {}, "text_cfg": {} } });
    let mut expected = vit_b_32();
    expected.vision.patch_size = 16;
    assert_eq!(open_clip(&bare), Ok(expected));
}

#[test]
fn a_text_tower_of_another_kind_leaves_the_images() {
    for (field, value) in [
        ("hf_model_name", json!("roberta-base")),
        ("pool_type", json!("last")),
        ("no_causal_mask", json!(true)),
        ("proj_type", json!("mlp")),
    ] {
        let config = with(open_clip_config(), &format!("/model_cfg/text_cfg/{field}"), value);
        let found = open_clip(&config).unwrap();
        let expected = Architecture { text: None, activation: Activation::QuickGelu, ..vit_b_32() };
        assert_eq!(found, expected, "{field}");
    }
}

#[test]
fn open_clip_head_width_and_mlp_ratio_are_rounded_down() {
    // ViT-g-14.
    let tower = json!({ "image_size": 224, "layers": 40, "width": 1408, "head_width": 88,
                        "mlp_ratio": 4.3637, "patch_size": 14 });
    let model = open_clip(&with(open_clip_config(), "/model_cfg/vision_cfg", tower)).unwrap();
    assert_eq!((model.vision.heads, model.vision.mlp_width), (16, 6144));
}

#[test]
fn open_clip_fields_that_change_nothing_are_accepted() {
    for (field, value) in [
        ("image_size", json!([224, 224])),
        ("patch_size", json!([32])),
        ("patch_dropout", json!(0.5)),
        ("no_ln_pre", json!(false)),
        ("pool_type", json!("tok")),
        ("output_tokens", json!(true)),
        ("final_ln_after_pool", json!(true)),
        ("norm_kwargs", json!({})),
        ("act_kwargs", json!({})),
        ("timm_model_name", Value::Null),
        ("ls_init_value", Value::Null),
    ] {
        let pointer = format!("/model_cfg/vision_cfg/{field}");
        let model = open_clip(&with(open_clip_config(), &pointer, value));
        assert_eq!(model, open_clip(&open_clip_config()), "{field}");
    }
    let eps = with(open_clip_config(), "/model_cfg/vision_cfg/norm_kwargs", json!({ "eps": 1e-6 }));
    assert_eq!(open_clip(&eps).unwrap().vision.layer_norm_eps, 1e-6);
}

#[test]
fn open_clip_towers_that_cannot_be_served_are_named() {
    for (field, value) in [
        ("image_size", json!([224, 256])),
        ("layers", json!([3, 4, 6, 3])),
        ("timm_model_name", json!("vit_base_patch32_siglip_256")),
        ("attentional_pool", json!(true)),
        ("no_ln_pre", json!(true)),
        ("pool_type", json!("avg")),
        ("pos_embed_type", json!("sin_cos_2d")),
        ("ls_init_value", json!(0.1)),
        ("qk_norm", json!(true)),
        ("act_kwargs", json!({ "approximate": "tanh" })),
        ("a_field_of_tomorrow", json!(1)),
    ] {
        let pointer = format!("/model_cfg/vision_cfg/{field}");
        let error = open_clip(&with(open_clip_config(), &pointer, value.clone())).unwrap_err();
        assert_eq!(error.code(), "config_unsupported", "{error}");
        let start = format!("`model_cfg.vision_cfg.{field}` is {value}, which cannot be served; ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[test]
fn open_clip_preprocessing_that_cannot_be_served_is_named() {
    for (field, value) in
        [("resize_mode", "squash"), ("resize_mode", "longest"), ("interpolation", "bilinear")]
    {
        let pointer = format!("/preprocess_cfg/{field}");
        let error = open_clip(&with(open_clip_config(), &pointer, json!(value))).unwrap_err();
        assert_eq!(error.code(), "config_unsupported");
        let start = format!("`preprocess_cfg.{field}` is \"{value}\"");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    let half = with(open_clip_config(), "/preprocess_cfg/mean", json!([0.5, 0.5, 0.5]));
    assert_eq!(open_clip(&half).unwrap().preprocess.mean, [0.5; 3]);
    let two = with(open_clip_config(), "/preprocess_cfg/mean", json!([0.5, 0.5]));
    assert_eq!(open_clip(&two).unwrap_err().code(), "config_invalid");
}

#[test]
fn open_clip_config_that_is_broken_says_where() {
    for (config, code, says) in [
        (json!({}), "config_missing_field", "`model_cfg`"),
        (
            json!({ "model_cfg": { "embed_dim": 512 } }),
            "config_missing_field",
            "`model_cfg.vision_cfg`",
        ),
        (
            with(open_clip_config(), "/model_cfg/embed_dim", json!("512")),
            "config_invalid",
            "`model_cfg.embed_dim` is \"512\"",
        ),
        (
            with(open_clip_config(), "/model_cfg/vision_cfg/width", json!(-1)),
            "config_invalid",
            "`model_cfg.vision_cfg.width` is -1",
        ),
        (
            with(open_clip_config(), "/model_cfg/vision_cfg/layers", json!(1e9)),
            "config_invalid",
            "65536",
        ),
        (
            with(open_clip_config(), "/model_cfg/vision_cfg/patch_size", json!(30)),
            "config_invalid",
            "a multiple of patch_size",
        ),
        (
            with(open_clip_config(), "/model_cfg/vision_cfg/head_width", json!(1000)),
            "config_invalid",
            "`heads` is 0",
        ),
        (json!([]), "config_syntax", "not a JSON object"),
    ] {
        let error = open_clip(&config).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = Architecture::from_open_clip_config("x", "{\"model_cfg\": ").unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn hugging_face_leaves_out_what_equals_vit_b_32() {
    let bare = json!({ "model_type": "clip", "vision_config": {} });
    let quick = Architecture { activation: Activation::QuickGelu, ..vit_b_32() };
    assert_eq!(hugging_face(&bare), Ok(quick.clone()));
    // As in laion/CLIP-ViT-B-32-laion2B-s34B-b79K.
    let gelu = json!({ "model_type": "clip", "projection_dim": 512,
                       "vision_config": { "hidden_act": "gelu", "num_channels": 3 } });
    assert_eq!(hugging_face(&gelu), Ok(vit_b_32()));
    let images_alone = Architecture { text: None, ..quick };
    assert_eq!(hugging_face(&json!({ "model_type": "clip_vision_model" })), Ok(images_alone));
}

#[test]
fn hugging_face_vision_config_dict_replaces_vision_config() {
    // The second as in openai/clip-vit-large-patch14; the first would be refused.
    let config = json!({
        "model_type": "clip",
        "projection_dim": 768,
        "vision_config": { "hidden_size": 7, "hidden_act": "gelu" },
        "vision_config_dict": { "hidden_size": 1024, "intermediate_size": 4096,
            "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14,
            "projection_dim": 768 },
        "text_config": { "hidden_size": 7 },
        "text_config_dict": { "hidden_size": 768, "intermediate_size": 3072,
            "num_attention_heads": 12 }
    });
    let mut expected =
        resolve("ViT-L-14", "random").unwrap().with_config(None).unwrap().architecture;
    expected.name = "ViT-B-32".to_owned();
    expected.activation = Activation::QuickGelu;
    assert_eq!(hugging_face(&config), Ok(expected));
}

#[test]
fn hugging_face_embedding_size_is_the_model_s_not_the_tower_s() {
    let both = json!({ "model_type": "clip", "projection_dim": 256,
                       "vision_config": { "projection_dim": 512 } });
    assert_eq!(hugging_face(&both).unwrap().embed_dim, 256);
    let tower = json!({ "model_type": "clip_vision_model", "projection_dim": 640 });
    assert_eq!(hugging_face(&tower).unwrap().embed_dim, 640);
}

fn clip(field: &str, value: Value) -> Value {
    json!({ "model_type": "clip", "vision_config": { field: value } })
}

#[test]
fn hugging_face_models_that_cannot_be_served_are_named() {
    for (config, code, says) in [
        (json!({ "model_type": "siglip" }), "config_unsupported", "`model_type` is \"siglip\""),
        (
            json!({ "architecture": "vit_base_patch32_clip_224" }),
            "config_missing_field",
            "`model_type`",
        ),
        (json!({ "model_type": "clip" }), "config_missing_field", "`vision_config`"),
        (
            clip("hidden_act", json!("gelu_new")),
            "config_unsupported",
            "`vision_config.hidden_act` is \"gelu_new\"",
        ),
        (clip("num_channels", json!(1)), "config_unsupported", "`vision_config.num_channels` is 1"),
        (
            clip("image_size", json!([224, 256])),
            "config_unsupported",
            "`vision_config.image_size` is [224,256]",
        ),
        (
            clip("num_attention_heads", json!(7)),
            "config_invalid",
            "a multiple of heads, which is 7",
        ),
        (clip("layer_norm_eps", json!(0.0)), "config_invalid", "`layer_norm_eps` is 0"),
    ] {
        let error = hugging_face(&config).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn clip_s_own_preprocessing_is_what_the_model_files_say() {
    assert_eq!(vit_b_32().preprocess, PreprocessConfig::CLIP);
}
