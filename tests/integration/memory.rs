//! The memory is a sum that is kept: a configuration whose parts do not fit does not start, and an
//! image that cannot fit is refused by its header.

use serde_json::json;

use crate::service::{Service, base64, binary};

#[test]
fn parts_that_do_not_fit_are_refused_with_the_sum() {
    let output = binary()
        .args(["--pretrained", "random", "--memory-limit", "1GiB", "--port", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let error = str::from_utf8(&output.stderr).unwrap();
    for part in
        ["--memory-limit", "MiB are missing", "weights 336 +", "1024 MiB", "--max-body-bytes"]
    {
        assert!(error.contains(part), "{error}");
    }
}

/// The head of a PNG of this size, with 8-bit RGB.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend(width.to_be_bytes());
    png.extend(height.to_be_bytes());
    png.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..]);
    png.extend(crc.sum().to_be_bytes());
    png.extend(b"\0\0\x10\0IDAT");
    png
}

#[test]
fn an_image_that_can_never_fit_is_refused_at_once_and_a_smaller_one_is_not() {
    let service = Service::random(&[
        "--memory-limit",
        "1GiB",
        "--max-body-bytes",
        "16MiB",
        "--max-connections",
        "256",
    ]);
    let refusal = service.post("/embed", "image/png", &png(13_377, 13_377)).with_status(413);
    assert_eq!(refusal["code"], "too_large_to_decode");
    let detail = refusal["detail"].as_str().unwrap();
    assert!(detail.contains("--memory-limit"), "{detail}");
    // With `skip` it costs its own place alone.
    let images = [base64(&png(13_377, 13_377)), base64(&crate::service::CAT)];
    let answer = service.post_json("/embed", &json!({"images": images, "on_error": "skip"}));
    let answer = answer.with_status(200);
    assert!(answer["embeddings"][0].is_null() && answer["embeddings"][1].is_array());
    assert_eq!(answer["errors"][0]["code"], "too_large_to_decode");
    // This one is refused for being cut short, so it was let in.
    let refusal = service.post("/embed", "image/png", &png(1000, 1000)).with_status(400);
    assert_eq!(refusal["code"], "truncated_image");
    service.embeds_as_ever();
}

/// What the process holds, in MiB.
fn resident(service: &Service) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap() / 1024.
}

#[test]
fn memory_is_given_back_after_a_peak() {
    let service = Service::random(&[]);
    let idle = resident(&service);
    let body = json!({"images": vec![base64(&crate::service::photo("coffee-12mp.jpg")); 8]});
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| service.post_json("/embed", &body).embeddings());
        }
    });
    let start = std::time::Instant::now();
    while resident(&service) > idle + 60. {
        let after = resident(&service);
        assert!(start.elapsed().as_secs() < 60, "{after} MiB, {idle} MiB before");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}
