//! Base64 and `data:` URIs.
#![no_main]

use inference_service_fuzz::requests;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| requests::check_base64(text));
