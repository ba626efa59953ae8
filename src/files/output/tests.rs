//! Every format read back, by another reader where there is one.

use std::fs;

use ::parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};

use super::*;
use crate::{
    files::{Stamp, input},
    preprocess::{PerceptualHash, PhotoFacts},
};

const DIM: usize = 3;

fn records(count: usize) -> Vec<Record> {
    let record = |at: usize| Record {
        path: format!("photos/{at} \"é\"\n.jpg").into(),
        stamp: Stamp { bytes: 1 << 40 | at as u64, modified: 0 },
        facts: PhotoFacts {
            width: at as u32,
            height: u32::MAX - at as u32,
            hash: PerceptualHash(u64::MAX - at as u64),
        },
        embedding: vec![at as f32, 0.1, -1e-9],
    };
    (0..count).map(record).collect()
}

fn written(folder: &Path, name: &str, count: usize) -> PathBuf {
    let path = folder.join(name);
    let format = path.extension().and_then(|extension| extension.to_str()).unwrap();
    let format = Format::named(format).unwrap();
    write(&path, format, [count, DIM], records(count).into_iter().map(Ok)).unwrap();
    path
}

#[test]
fn json_lines_and_numpy_are_read_again_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["out.jsonl", "out.npy", "OUT.NPY"] {
        for count in [0, 1, 17] {
            let path = written(folder.path(), name, count);
            let found: io::Result<Vec<_>> = input::read(&path).unwrap().collect();
            assert_eq!(found.unwrap(), records(count), "{name}");
        }
    }
}

#[test]
fn a_numpy_file_is_numpys() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(written(folder.path(), "out.npy", 2)).unwrap();
    let head =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    assert_eq!(&bytes[..head.len()], head);
    assert_eq!((bytes[127], bytes.len()), (b'\n', 128 + 2 * 3 * 4));
    assert_eq!(bytes[128 + 12..128 + 16], 1_f32.to_le_bytes());
    let paths = fs::read_to_string(folder.path().join("out.npy.paths.jsonl")).unwrap();
    assert_eq!(paths.lines().count(), 2);
    assert!(!paths.contains("embedding"), "{paths}");
}

#[test]
fn parquet_has_a_row_for_each_record() {
    let folder = tempfile::tempdir().unwrap();
    for count in [0, 5] {
        let path = written(folder.path(), "out.parquet", count);
        let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), count);
        for (row, record) in rows.iter().zip(records(count)) {
            let embedding = row.get_list(5).unwrap();
            let numbers = (0..embedding.len()).map(|at| {
                use ::parquet::record::ListAccessor;
                embedding.get_float(at).unwrap()
            });
            let found = Record {
                path: row.get_string(0).unwrap().into(),
                stamp: Stamp { bytes: row.get_ulong(3).unwrap(), modified: 0 },
                facts: PhotoFacts {
                    width: row.get_uint(1).unwrap(),
                    height: row.get_uint(2).unwrap(),
                    hash: row.get_string(4).unwrap().parse().unwrap(),
                },
                embedding: numbers.collect(),
            };
            assert_eq!(found, record);
        }
    }
}

#[test]
fn a_file_that_cannot_be_finished_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["out.jsonl", "out.npy", "out.parquet"] {
        let path = written(folder.path(), name, 3);
        let before = fs::read(&path).unwrap();
        let format = Format::named(path.extension().unwrap().to_str().unwrap()).unwrap();
        let broken = || {
            let good = records(1).into_iter().map(Ok);
            good.chain([Err(io::Error::other("the disk is gone"))])
        };
        let error = write(&path, format, [2, DIM], broken()).unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone");
        assert_eq!(fs::read(&path).unwrap(), before, "{name}");
    }
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "nothing half done is left: {left:?}");
}

#[test]
fn what_is_no_output_of_ours_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let read = input::read(&path).and_then(|records| records.collect::<io::Result<Vec<_>>>());
        read.map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused("a.parquet", b"PAR1").contains(".jsonl"));
    assert!(refused("a.jsonl", b"{\"path\": 1}\n").contains("line 1"));
    let without = br#"{"path":"a","width":1,"height":1,"hash":"0000000000000000","bytes":1}"#;
    assert!(refused("a.jsonl", without).contains("no embedding"));
    assert!(refused("a.npy", b"\x93NUMPY\x01\x00\x02\x00{}").contains("float32"));
    let whole = fs::read(written(folder.path(), "b.npy", 2)).unwrap();
    assert!(refused("c.npy", &whole).contains("c.npy.paths.jsonl"));
    assert!(refused("b.npy", &whole[..whole.len() - 1]).contains("fill"));
}
