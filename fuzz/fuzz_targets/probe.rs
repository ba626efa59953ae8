//! The headers of files of any format.
#![no_main]

use inference_service_fuzz::probing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| probing::check(file));
