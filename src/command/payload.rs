//! `inference-service payload PHOTO...`: the body of `POST /embed/base64` with these photos, for curl,
//! hey and other load programs.

use std::{
    ffi::OsString,
    io::{self, Read},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

pub(super) fn command() -> Command {
    let photos = Arg::new("photos")
        .value_name("PHOTO")
        .help("A file of any format that the service reads; - is standard input")
        .required(true)
        .num_args(1..)
        .value_hint(ValueHint::FilePath)
        .value_parser(value_parser!(OsString));
    Command::new("payload")
        .about("Prints the JSON body of POST /embed/base64 with these photos")
        .arg(photos)
        .after_help(
            "inference-service payload photo.jpg >body.json\n\
             curl -H 'Content-Type: application/json' --data-binary @body.json http://127.0.0.1:8002/embed/base64\n\
             hey -n 200 -c 20 -m POST -T application/json -D body.json http://127.0.0.1:8002/embed",
        )
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    let mut images = Vec::new();
    for path in matches.get_many::<OsString>("photos").into_iter().flatten() {
        match read(path) {
            Ok(photo) => images.push(STANDARD.encode(photo)),
            Err(error) => {
                eprintln!("inference-service payload: {}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    let body = serde_json::json!({ "images": images });
    super::print(body)
}

fn read(path: &OsString) -> io::Result<Vec<u8>> {
    if path != "-" {
        return std::fs::read(path);
    }
    let mut photo = Vec::new();
    io::stdin().lock().read_to_end(&mut photo)?;
    Ok(photo)
}
