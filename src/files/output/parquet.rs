//! Parquet: a table with a row for each record, for pandas, DuckDB and the like.

use std::{
    fs::File,
    io::{self, BufWriter},
    sync::Arc,
};

use parquet::{
    basic::Compression,
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};

use super::Writer;
use crate::files::{Record, names::text};

/// The columns, in Parquet's own words.
const SCHEMA: &str = "message photos {
    required binary path (STRING);
    required int32 width (INTEGER(32, false));
    required int32 height (INTEGER(32, false));
    required int64 bytes (INTEGER(64, false));
    required binary hash (STRING);
    required group embedding (LIST) { repeated group list { required float element; } }
}";

/// Numbers that are collected before they are written as a group of rows: 16 MiB.
const GROUP_NUMBERS: usize = 1 << 22;

/// Rows of a group, however short vectors are.
const GROUP_ROWS: usize = 1 << 16;

/// Records of a group that is being collected.
pub(super) struct Parquet {
    file: SerializedFileWriter<BufWriter<File>>,
    dim: usize,
    records: Vec<Record>,
}

impl Parquet {
    pub fn begin(file: BufWriter<File>, dim: usize) -> io::Result<Self> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder()
            .set_created_by(concat!("inference-service ", env!("CARGO_PKG_VERSION")).to_owned())
            // Neither vectors nor paths repeat, and a range of either says nothing.
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_compression(Compression::UNCOMPRESSED)
            .build();
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        Ok(Self { file, dim, records: Vec::new() })
    }

    /// Writes the records that were collected.
    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        let mut column = 0;
        while let Some(mut writer) = group.next_column()? {
            write_column(writer.untyped(), column, &self.records, self.dim)?;
            writer.close()?;
            column += 1;
        }
        group.close()?;
        self.records.clear();
        Ok(())
    }
}

/// Writes column `column` of [`SCHEMA`].
fn write_column(
    writer: &mut ColumnWriter<'_>,
    column: usize,
    records: &[Record],
    dim: usize,
) -> Result<(), ParquetError> {
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let text = |record: &Record| match column {
                0 => text(&record.path),
                _ => record.facts.hash.to_string(),
            };
            let texts: Vec<_> =
                records.iter().map(|record| ByteArray::from(text(record).into_bytes())).collect();
            writer.write_batch(&texts, None, None)?;
        }
        // Unsigned numbers are stored as the signed ones of the same bits.
        ColumnWriter::Int32ColumnWriter(writer) => {
            let side = |record: &Record| match column {
                1 => record.facts.width,
                _ => record.facts.height,
            };
            let sides: Vec<_> = records.iter().map(|record| side(record).cast_signed()).collect();
            writer.write_batch(&sides, None, None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let bytes = |record: &Record| record.stamp.bytes.cast_signed();
            writer.write_batch(&records.iter().map(bytes).collect::<Vec<_>>(), None, None)?;
        }
        ColumnWriter::FloatColumnWriter(writer) => {
            // Each number is there, and the first of a vector begins a row.
            let is_there = vec![1; dim];
            let repeats: Vec<_> = (0..dim).map(|at| i16::from(at > 0)).collect();
            for record in records {
                writer.write_batch(&record.embedding, Some(&is_there), Some(&repeats))?;
            }
        }
        _ => return Err(ParquetError::General("the schema has no such column".to_owned())),
    }
    Ok(())
}

impl Writer for Parquet {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        self.records.push(record.clone());
        let rows = self.records.len();
        if rows >= GROUP_ROWS || rows * self.dim >= GROUP_NUMBERS {
            self.write_group()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if !self.records.is_empty() {
            self.write_group()?;
        }
        self.file.close()?;
        Ok(())
    }
}
