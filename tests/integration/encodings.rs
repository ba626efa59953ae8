//! Bodies are taken and given in gzip and zstd: taken within the limits that hold for what they become,
//! given to those alone who ask.

mod bombs;
mod compressed;
mod expanded;

use std::io::{Read, Write};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

/// `body` in gzip.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// `body` in zstd.
fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).unwrap()
}

/// What `body` was before it was compressed.
fn plain(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => MultiGzDecoder::new(body).read_to_end(&mut plain).map(|_| ()).unwrap(),
        _ => plain = zstd::decode_all(body).unwrap(),
    }
    plain
}
