//! `inference-service payload PHOTO...`: the body of `POST /embed/base64` with these photos, for curl,
//! hey and other load programs.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::config::USAGE;

const HELP: &str = "\
Prints the JSON body of POST /embed/base64 with these photos.

Usage: inference-service payload PHOTO...

PHOTO is a file of any format that the service reads; - is standard input.

  inference-service payload photo.jpg >body.json
  curl -H 'Content-Type: application/json' --data-binary @body.json http://127.0.0.1:8002/embed/base64
  hey -n 200 -c 20 -m POST -T application/json -D body.json http://127.0.0.1:8002/embed";

pub(super) fn main(arguments: Vec<OsString>) -> ExitCode {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if arguments.is_empty() {
        eprintln!("inference-service payload: no photo\n\n{HELP}");
        return ExitCode::from(USAGE);
    }
    let mut images = Vec::new();
    for path in arguments {
        match read(&path) {
            Ok(photo) => images.push(STANDARD.encode(photo)),
            Err(error) => {
                eprintln!("inference-service payload: {}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    let body = serde_json::json!({ "images": images });
    match writeln!(io::stdout().lock(), "{body}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inference-service payload: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read(path: &OsString) -> io::Result<Vec<u8>> {
    if path != "-" {
        return std::fs::read(path);
    }
    let mut photo = Vec::new();
    io::stdin().lock().read_to_end(&mut photo)?;
    Ok(photo)
}
