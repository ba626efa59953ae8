//! Embeds every `models/*.json` in the binary, so that adding a model needs no code.
//!
//! Writes a list of (file name, text) to `OUT_DIR/model_files.rs`, sorted by name. The files are
//! not understood here: `src/model/registry/model_file.rs` reads them, and a test loads them all.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=models");
    let mut names = model_files(Path::new("models"))?;
    names.sort();
    let entries: String = names.iter().map(|name| entry(name)).collect();
    let out = Path::new(&env::var("OUT_DIR")?).join("model_files.rs");
    Ok(fs::write(out, format!("&[\n{entries}]\n"))?)
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
