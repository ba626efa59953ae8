//! The JSON body of a request.
#![no_main]

use inference_service_fuzz::requests;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| requests::check_json(body));
