//! Embeds every `models/*.json` in the binary, so that adding a model needs no code, and makes the
//! types of `proto/*.proto`, without a `protoc`.
//!
//! Writes to `OUT_DIR` a list of (file name, text), `model_files.rs`, sorted by name; the messages of
//! gRPC, `inference.rs`; and their description, `inference.bin`. The model files are not understood
//! here: `src/model/registry/model_file.rs` reads them, and a test loads them all.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost_build::Config;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=models");
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut names = model_files(Path::new("models"))?;
    names.sort();
    let entries: String = names.iter().map(|name| entry(name)).collect();
    fs::write(out.join("model_files.rs"), format!("&[\n{entries}]\n"))?;
    messages(&out)
}

/// The messages, with those inside them, whose JSON is an answer of `/v2` too.
const AS_JSON: [&str; 15] = [
    "ServerLiveResponse",
    "ServerReadyResponse",
    "ServerMetadataResponse",
    "ModelMetadataResponse",
    "ModelConfig",
    "ModelInput",
    "ModelOutput",
    "ModelDynamicBatching",
    "ModelTransactionPolicy",
    "ModelStatisticsResponse",
    "ModelStatistics",
    "InferStatistics",
    "InferBatchStatistics",
    "StatisticDuration",
    "RepositoryIndexResponse.ModelIndex",
];

fn messages(out: &Path) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).open_file("inference.proto")?;
    fs::write(out.join("inference.bin"), compiler.encode_file_descriptor_set())?;
    let mut config = Config::new();
    config.bytes(["."]);
    for message in AS_JSON {
        let derive = "#[derive(::serde::Serialize, ::utoipa::ToSchema)]";
        config.type_attribute(format!(".inference.{message}"), derive);
    }
    for field in ["ModelInput.data_type", "ModelOutput.data_type"] {
        let by_name = "#[serde(serialize_with = \"data_type_by_name\")]";
        let described = "#[schema(value_type = String, example = \"TYPE_FP32\")]";
        config.field_attribute(format!(".inference.{field}"), by_name);
        config.field_attribute(format!(".inference.{field}"), described);
    }
    Ok(config.compile_fds(compiler.file_descriptor_set())?)
}

fn entry(name: &str) -> String {
    let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/models/\", {name:?})");
    format!("    ({name:?}, include_str!({path})),\n")
}

fn model_files(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().and_then(|name| name.to_str());
            names.push(name.ok_or_else(|| format!("{path:?}: the name is not UTF-8"))?.to_owned());
        }
    }
    Ok(names)
}
