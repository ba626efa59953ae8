//! A photo that cannot be embedded fails its request: 400, with its place, a code and a reason.

use serde_json::json;

use crate::service::{CAT, base64, form, photo, shared};

/// A photo, the code that it gets, and what the reason speaks of.
fn bad_photos() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let jpeg = photo("astronaut-420.jpg");
    vec![
        (jpeg[..jpeg.len() / 2].to_vec(), "truncated_image", "JPEG file is truncated"),
        (CAT[..CAT.len() / 2].to_vec(), "truncated_image", "PNG file is truncated"),
        (b"%PDF-1.7 is no photo".to_vec(), "unknown_image_format", "PDF"),
        (b"hello".to_vec(), "unknown_image_format", "JPEG, PNG, GIF, WebP, BMP and TIFF"),
        (png_header(60_000, 50_000), "too_many_pixels", "60000 x 50000 = 3000000000 pixels"),
        (png_header(0, 7), "zero_size_image", "0 x 7"),
    ]
}

/// A PNG file that has a header and nothing else.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    let mut png = b"\x89PNG\r\n\x1A\n\0\0\0\x0D".to_vec();
    png.extend(&chunk);
    png.extend(crc.sum().to_be_bytes());
    png
}

#[test]
fn a_bad_photo_fails_the_request_and_is_named() {
    for (bad, code, reason) in bad_photos() {
        let images = [base64(&CAT), base64(&bad), base64(&CAT)];
        let from_json = shared().post_json("/embed/base64", &json!({"images": images}));
        let answer = from_json.with_status(400);
        assert_eq!((&answer["code"], &answer["index"]), (&json!(code), &json!(1)), "{answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.starts_with("Failed to decode image 1: "), "{detail}");
        assert!(detail.contains(reason), "{detail}");

        let files = [&CAT, &bad, &*CAT].map(|file: &Vec<u8>| ("files", Some("a.jpg"), &**file));
        let (content_type, body) = form(&files);
        let from_form = shared().post("/embed/batch", &content_type, &body);
        assert_eq!(from_form.with_status(400), answer);

        let alone = shared().post("/embed", "image/jpeg", &bad).with_status(400);
        assert_eq!((&alone["code"], &alone["index"]), (&json!(code), &json!(0)));
        shared().embeds_as_ever();
    }
}

#[test]
fn bad_base64_is_named() {
    let text = base64(&photo("cat.png"));
    let bare = text.trim_end_matches('=');
    for (image, reason) in [
        (&bare[..bare.len() / 4 * 4 - 1], "padding"),
        (&bare[..bare.len() / 4 * 4 - 3], "1 more than a multiple of 4"),
        ("data:image/png;base64", "without a comma"),
        ("", "empty"),
        ("data:,", "empty"),
        (" \n ", "empty"),
    ] {
        let answer =
            shared().post_json("/embed/base64", &json!({"images": [image]})).with_status(400);
        assert_eq!((&answer["code"], &answer["index"]), (&json!("invalid_base64"), &json!(0)));
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.starts_with("Failed to decode image 0: "), "{detail}");
        assert!(detail.contains(reason), "{detail}");
    }
    shared().embeds_as_ever();
}

#[test]
fn the_first_of_several_bad_photos_is_named() {
    let images = [base64(&CAT), "bad".to_owned(), base64(b"no photo"), base64(&CAT)];
    let answer = shared().post_json("/embed", &json!({"images": images})).with_status(400);
    assert_eq!((&answer["code"], &answer["index"]), (&json!("invalid_base64"), &json!(1)));
}

#[test]
fn no_photos_are_told_in_the_originals_words() {
    let no_images = json!({"detail": "No images provided", "code": "no_images"});
    for path in ["/embed", "/embed/base64"] {
        assert_eq!(shared().post_json(path, &json!({"images": []})).with_status(400), no_images);
    }
    for content_type in ["image/jpeg", "application/octet-stream"] {
        assert_eq!(shared().post("/embed", content_type, b"").with_status(400), no_images);
    }
    let no_files = json!({"detail": "No files provided", "code": "no_files"});
    for fields in [&[("file", Some("a.jpg"), &**CAT)], &[("mode", None, &b"remote"[..])]] {
        let (content_type, body) = form(fields);
        for path in ["/embed", "/embed/batch"] {
            assert_eq!(shared().post(path, &content_type, &body).with_status(400), no_files);
        }
    }
}

#[test]
fn a_file_of_no_bytes_is_named() {
    let (content_type, body) = form(&[("files", Some("a"), &CAT), ("files", Some("b"), b"")]);
    let answer = shared().post("/embed/batch", &content_type, &body).with_status(400);
    assert_eq!((&answer["code"], &answer["index"]), (&json!("empty_image"), &json!(1)));
}

#[test]
fn a_url_in_the_place_of_a_photo_is_refused_where_none_are_fetched() {
    for url in ["https://photos.example/cat.png", "HTTP://169.254.169.254/latest"] {
        let error = shared().post_json("/embed", &json!({ "images": [url] })).with_status(400);
        assert_eq!(error["code"], "url_disabled");
        assert!(error["detail"].as_str().unwrap().contains("--url-hosts"), "{error}");
    }
}
