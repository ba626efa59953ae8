//! NumPy's format, version 1.0: a head that says type and shape, and the numbers.
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use super::{Writer, jsonl::line};
use crate::files::Record;

/// The numbers, and beside them the paths.
pub(super) struct Npy {
    numbers: BufWriter<File>,
    paths: BufWriter<File>,
    /// Records that the head has announced and that are to come.
    left: usize,
}

/// The head's length is a multiple of it, so that the numbers can be mapped.
const ALIGNMENT: usize = 64;

impl Npy {
    pub fn begin(
        mut numbers: BufWriter<File>,
        paths: BufWriter<File>,
        [count, dim]: [usize; 2],
    ) -> io::Result<Self> {
        numbers.write_all(&head(count, dim))?;
        Ok(Self { numbers, paths, left: count })
    }
}

fn head(count: usize, dim: usize) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {dim}), }}");
    // Before it stand ten bytes, after it a line feed.
    let length = (10 + text.len() + 1).next_multiple_of(ALIGNMENT) - 10;
    text.extend(std::iter::repeat_n(' ', length - text.len() - 1));
    text.push('\n');
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    head.extend((length as u16).to_le_bytes());
    head.extend(text.bytes());
    head
}

impl Writer for Npy {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        let announced = || io::Error::other("more records than were announced");
        self.left = self.left.checked_sub(1).ok_or_else(announced)?;
        for number in &record.embedding {
            self.numbers.write_all(&number.to_le_bytes())?;
        }
        line(&mut self.paths, record, false)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.left > 0 {
            return Err(io::Error::other("fewer records than were announced"));
        }
        self.numbers.flush()?;
        self.paths.flush()
    }
}
