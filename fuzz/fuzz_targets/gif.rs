//! Decoding of files that open as Gif.
#![no_main]

use inference_service_fuzz::{decoding, preprocess::Format};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|file: &[u8]| -> Corpus { decoding::check(Format::Gif, file) });
