//! PNG: sizes without data, data without end, and chunks that inflate or come by the thousand.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

use super::{Bomb, odd_photo, photo};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(name);
    chunk.extend_from_slice(data);
    let mut checksum = flate2::Crc::new();
    checksum.update(&chunk[4..]);
    chunk.extend(checksum.sum().to_be_bytes());
    chunk
}

/// `IHDR`: bits a sample, colour type, and whether it is interlaced.
fn header([width, height]: [u32; 2], [bits, color, interlaced]: [u8; 3]) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(b"IHDR", &[&size[..], &[bits, color, 0, 0, interlaced]].concat())
}

const RGB: [u8; 3] = [8, 2, 0];

fn file(header: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, header, &chunks.concat(), &chunk(b"IEND", &[])].concat()
}

/// `size` zeros, deflated.
pub(super) fn zeros(size: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        encoder.write_all(&block).unwrap();
    }
    encoder.write_all(&block[..size % (1 << 20)]).unwrap();
    encoder.finish().unwrap()
}

fn pixels(size: usize) -> Vec<u8> {
    chunk(b"IDAT", &zeros(size))
}

/// A good image of 8 x 8 with `chunks` before its pixels.
fn with(chunks: &[u8]) -> Vec<u8> {
    file(&header([8, 8], RGB), &[chunks.to_vec(), pixels(25 * 8)])
}

pub(super) fn all() -> Vec<Bomb> {
    let largest = [13_377, 13_377];
    let none = |size, kind| file(&header(size, kind), &[pixels(100)]);
    let inflating = zeros(1 << 30);
    let text = |name, head: &[u8]| with(&chunk(name, &[head, &inflating].concat()));
    let many_texts = chunk(b"zTXt", &[b"XML:com.adobe.xmp\0\0", &zeros(1 << 24)[..]].concat());
    let frames: Vec<u8> = (0..10_000u32)
        .flat_map(|n| {
            let mut control = (2 * n + 1).to_be_bytes().to_vec();
            control.extend([0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
            let data = [&(2 * n + 2).to_be_bytes()[..], &zeros(25 * 8)].concat();
            [chunk(b"fcTL", &control), chunk(b"fdAT", &data)].concat()
        })
        .collect();
    let animation = [&10_000u32.to_be_bytes()[..], &[0; 4]].concat();
    let animated = file(&header([8, 8], RGB), &[chunk(b"acTL", &animation), pixels(200), frames]);
    let long_chunk = [SIGNATURE, &header([8, 8], RGB), b"\x7F\xFF\xFF\xFFiCCPa\0\0"].concat();
    vec![
        photo("png: 2^31 - 1 squared", "too_many_pixels", none([i32::MAX as u32; 2], RGB)),
        photo("png: 65,535 x 65,535", "too_many_pixels", none([65_535; 2], RGB)),
        photo("png: largest legal, no data", "truncated_image", none(largest, RGB)),
        photo("png: the same of 16 bits", "truncated_image", none(largest, [16, 6, 0])),
        photo("png: the same interlaced", "truncated_image", none(largest, [8, 2, 1])),
        photo("png: one row, no data", "truncated_image", none([178_956_970, 1], [16, 6, 0])),
        photo("png: one column, no data", "truncated_image", none([1, 178_956_970], [1, 0, 1])),
        odd_photo("png: 1 GiB of pixels for 8 x 8", file(&header([8, 8], RGB), &[pixels(1 << 30)])),
        odd_photo("png: a profile of 1 GiB", text(b"iCCP", b"a\0\0")),
        odd_photo("png: a zTXt of 1 GiB", text(b"zTXt", b"XML:com.adobe.xmp\0\0")),
        odd_photo("png: an iTXt of 1 GiB", text(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0")),
        odd_photo("png: 500 texts of 16 MiB", with(&many_texts.repeat(500))),
        odd_photo("png: 10 MiB of eXIf", with(&chunk(b"eXIf", &vec![b'I'; 10 << 20]))),
        odd_photo("png: 1 million chunks", with(&chunk(b"prVt", &[]).repeat(1_000_000))),
        odd_photo("png: 1 million parts of pixels", with(&chunk(b"IDAT", &[]).repeat(1_000_000))),
        odd_photo("png: 10,000 frames", animated),
        photo("png: a chunk of 2^31 - 1", "truncated_image", long_chunk),
        photo(
            "png: a palette of 6 MB",
            "corrupt_image",
            with(&chunk(b"PLTE", &vec![7; 6_000_000])),
        ),
    ]
}
