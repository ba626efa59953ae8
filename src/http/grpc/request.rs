//! A `ModelInferRequest`, read field by field ([`super::wire`]): its numbers and files stay parts of the
//! message, and of what repeats no more is kept than one request can have.

use bytes::{Bytes, BytesMut};

use super::{
    error::GrpcError,
    wire::{Fields, Value, text, varint},
};
use crate::http::{
    oip::{
        error::{CLASSIFICATION, OipError, SHARED_MEMORY},
        tensor::Reader,
    },
    rejection::Rejection,
};

/// Most outputs that are asked for, and axes of a shape: more than any model here has.
const MOST: usize = 16;

/// What the message says, its parts not yet read.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub model: String,
    pub version: String,
    id: String,
    /// The first input, and how many there are.
    input: Bytes,
    inputs: usize,
    outputs: Vec<Bytes>,
    /// The first of `raw_input_contents`, and how many there are.
    raw: Bytes,
    raws: usize,
}

/// The one input.
#[derive(Debug)]
pub(super) struct Input {
    pub name: String,
    pub datatype: String,
    pub shape: Vec<i64>,
    pub elements: Elements,
}

/// The elements of an input.
#[derive(Debug)]
pub(super) enum Elements {
    /// As bytes alone.
    Raw(Bytes),
    /// Of the type BYTES, one by one.
    Bytes(Vec<Bytes>),
}

impl Told {
    /// Reads the outermost fields.
    ///
    /// # Errors
    /// [`GrpcError::Message`].
    pub fn read(message: Bytes) -> Result<Self, GrpcError> {
        let mut told = Self::default();
        for field in Fields(message) {
            match field? {
                (1, value) => told.model = text(value)?,
                (2, value) => told.version = text(value)?,
                (3, value) => told.id = text(value)?,
                (5, Value::Bytes(input)) => {
                    if told.inputs == 0 {
                        told.input = input;
                    }
                    told.inputs += 1;
                }
                (6, Value::Bytes(output)) => {
                    if told.outputs.len() == MOST {
                        let wrong = format!("more than {MOST} outputs are asked for");
                        return Err(GrpcError::Message(wrong));
                    }
                    told.outputs.push(output);
                }
                (7, Value::Bytes(raw)) => {
                    if told.raws == 0 {
                        told.raw = raw;
                    }
                    told.raws += 1;
                }
                // Parameters, none of which means anything here, and what newer clients know.
                _ => {}
            }
        }
        Ok(told)
    }

    /// The `id` and the one input, where the rest is in order.
    ///
    /// # Errors
    /// [`GrpcError::Message`] and [`OipError`].
    pub fn check(self, reader: &Reader) -> Result<(String, Input), Rejection> {
        for output in self.outputs {
            reader.check_output(&name_of_output(output)?)?;
        }
        if self.inputs != 1 {
            return Err(reader.input_count(self.inputs).into());
        }
        let (mut input, contents) = Input::read(self.input)?;
        input.elements = match (self.raws, contents) {
            (1, None) => Elements::Raw(self.raw),
            (0, Some(contents)) => contents.elements(reader)?,
            (0, None) => return Err(reader.data("has no contents, raw or typed").into()),
            (1, Some(_)) => {
                return Err(reader.data("has contents and raw_input_contents: give one").into());
            }
            (raws, _) => {
                let wrong = format!("is one, but there are {raws} raw_input_contents");
                return Err(reader.data(wrong).into());
            }
        };
        Ok((self.id, input))
    }
}

fn name_of_output(output: Bytes) -> Result<String, Rejection> {
    let mut name = String::new();
    for field in Fields(output) {
        match field? {
            (1, value) => name = text(value)?,
            (2, Value::Bytes(entry)) => check_parameter(entry)?,
            _ => {}
        }
    }
    Ok(name)
}

/// Refuses what changes the meaning of a tensor and is not served; other parameters are ignored.
fn check_parameter(entry: Bytes) -> Result<(), Rejection> {
    for field in Fields(entry) {
        let (1, Value::Bytes(name)) = field? else { continue };
        let what = match &*name {
            b"shared_memory_region" => SHARED_MEMORY,
            b"classification" => CLASSIFICATION,
            _ => continue,
        };
        return Err(OipError::NotServed(what.into()).into());
    }
    Ok(())
}

impl Input {
    /// An input, and its typed contents if it has any.
    fn read(input: Bytes) -> Result<(Self, Option<Contents>), Rejection> {
        let elements = Elements::Bytes(Vec::new());
        let mut read =
            Self { name: String::new(), datatype: String::new(), shape: Vec::new(), elements };
        let mut contents: Option<Contents> = None;
        for field in Fields(input) {
            match field? {
                (1, value) => read.name = text(value)?,
                (2, value) => read.datatype = text(value)?,
                (3, Value::Varint(size)) => read.axis(size)?,
                (3, Value::Bytes(mut sizes)) => {
                    while !sizes.is_empty() {
                        let broken = || GrpcError::Message("a shape is broken off".into());
                        read.axis(varint(&mut sizes).ok_or_else(broken)?)?;
                    }
                }
                (4, Value::Bytes(entry)) => check_parameter(entry)?,
                (5, Value::Bytes(typed)) => contents.get_or_insert_default().read(typed)?,
                _ => {}
            }
        }
        Ok((read, contents))
    }

    fn axis(&mut self, size: u64) -> Result<(), GrpcError> {
        if self.shape.len() == MOST {
            return Err(GrpcError::Message(format!("a shape has more than {MOST} axes")));
        }
        // Protobuf writes negative numbers as what they are modulo 2^64.
        self.shape.push(size as i64);
        Ok(())
    }
}

/// Typed contents.
#[derive(Debug, Default)]
struct Contents {
    /// f32, little-endian, where all of them came in one piece.
    numbers: Bytes,
    /// The same where they came in several.
    pieces: BytesMut,
    elements: Vec<Bytes>,
    /// Whether there are elements of another type.
    other: bool,
}

/// `InferTensorContents.fp32_contents`.
const FP32: u32 = 6;
/// `InferTensorContents.bytes_contents`.
const BYTES: u32 = 8;

/// Elements of BYTES that are kept: above any limit of a request.
const MOST_ELEMENTS: usize = 1 << 16;

impl Contents {
    fn read(&mut self, contents: Bytes) -> Result<(), GrpcError> {
        for field in Fields(contents) {
            match field? {
                (FP32, Value::Bytes(packed))
                    if self.numbers.is_empty() && self.pieces.is_empty() =>
                {
                    self.numbers = packed;
                }
                (FP32, Value::Bytes(packed)) => self.more(&packed),
                (FP32, Value::Fixed32(number)) => self.more(&number),
                (BYTES, Value::Bytes(element)) => {
                    if self.elements.len() == MOST_ELEMENTS {
                        let wrong = format!("more than {MOST_ELEMENTS} bytes_contents");
                        return Err(GrpcError::Message(wrong));
                    }
                    self.elements.push(element);
                }
                (_, Value::Bytes(packed)) if packed.is_empty() => {}
                _ => self.other = true,
            }
        }
        Ok(())
    }

    fn more(&mut self, numbers: &[u8]) {
        self.pieces.extend_from_slice(&std::mem::take(&mut self.numbers));
        self.pieces.extend_from_slice(numbers);
    }

    fn elements(self, reader: &Reader) -> Result<Elements, OipError> {
        let Self { numbers, pieces, elements, other } = self;
        let numbers = if pieces.is_empty() { numbers } else { pieces.freeze() };
        let wanted = reader.served.datatype();
        let is_fp32 = wanted == "FP32";
        if other || if is_fp32 { !elements.is_empty() } else { !numbers.is_empty() } {
            return Err(reader.data(format!("has contents of another type than {wanted}")));
        }
        Ok(if is_fp32 { Elements::Raw(numbers) } else { Elements::Bytes(elements) })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::{
        http::oip::{
            messages::{
                InferParameter, InferTensorContents, ModelInferRequest,
                infer_parameter::ParameterChoice,
                model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
            },
            models,
        },
        model::registry,
        upload::Limits,
    };

    fn reader(model: &str) -> Reader {
        let spec = registry::resolve("ViT-B-32", "random").unwrap();
        let architecture = spec.with_config(None).unwrap().architecture;
        let limits = Limits { body_bytes: 1 << 20, images: 4 };
        Reader::new(models::find(model, "").unwrap(), &architecture, &limits)
    }

    /// A request as a generated client writes it.
    fn request(contents: Option<InferTensorContents>, raw: &[&'static [u8]]) -> ModelInferRequest {
        ModelInferRequest {
            model_name: "clip_vit_b32".into(),
            model_version: "1".into(),
            id: "7".into(),
            inputs: vec![InferInputTensor {
                name: "image".into(),
                datatype: "FP32".into(),
                shape: vec![-1, 3, 1 << 40],
                contents,
                ..Default::default()
            }],
            outputs: vec![InferRequestedOutputTensor {
                name: "embedding".into(),
                ..Default::default()
            }],
            raw_input_contents: raw.iter().map(|raw| Bytes::from_static(raw)).collect(),
            ..Default::default()
        }
    }

    fn check(request: &ModelInferRequest) -> Result<(String, Input), Rejection> {
        let told = Told::read(request.encode_to_vec().into())?;
        assert_eq!((&*told.model, &*told.version), ("clip_vit_b32", "1"));
        told.check(&reader("clip_vit_b32"))
    }

    #[test]
    fn what_a_generated_client_writes_is_read() {
        let numbers = InferTensorContents { fp32_contents: vec![1., -2.], ..Default::default() };
        let bytes: Vec<u8> = [1_f32, -2.].iter().flat_map(|number| number.to_le_bytes()).collect();
        for request in [request(None, &[b"raw"]), request(Some(numbers), &[])] {
            let (id, input) = check(&request).unwrap();
            assert_eq!((&*id, &*input.name, &*input.datatype), ("7", "image", "FP32"));
            assert_eq!(input.shape, [-1, 3, 1 << 40]);
            let Elements::Raw(found) = input.elements else { panic!("{input:?}") };
            assert!(found == "raw" || found == bytes, "{found:?}");
        }
    }

    #[test]
    fn numbers_may_come_one_by_one() {
        // Field 6 as four bytes each, and once in a packed piece between them.
        let mut contents = Contents::default();
        let pieces = b"\x32\x04\0\0\x80\x3f\x35\0\0\0\x40\x32\x04\0\0\x40\x40";
        contents.read(Bytes::from_static(pieces)).unwrap();
        let Ok(Elements::Raw(found)) = contents.elements(&reader("clip_vit_b32")) else { panic!() };
        assert_eq!(found, [1_f32, 2., 3.].map(f32::to_le_bytes).concat());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let typed = |contents: InferTensorContents| request(Some(contents), &[]);
        let floats = || InferTensorContents { fp32_contents: vec![1.], ..Default::default() };
        let mut two = request(None, &[b""]);
        two.inputs.push(two.inputs[0].clone());
        let mut shared = request(None, &[b""]);
        let region = ParameterChoice::StringParam("a".into());
        let region = InferParameter { parameter_choice: Some(region) };
        shared.inputs[0].parameters.insert("shared_memory_region".into(), region.clone());
        let mut classified = request(None, &[b""]);
        classified.outputs[0].parameters.insert("classification".into(), region);
        let mut axes = request(None, &[b""]);
        axes.inputs[0].shape = vec![1; MOST + 1];
        let mut unknown = request(None, &[b""]);
        unknown.outputs[0].name = "logits".into();
        let int64 = InferTensorContents { int64_contents: vec![1], ..Default::default() };
        let bytes = InferTensorContents { bytes_contents: vec!["a".into()], ..Default::default() };
        for (request, wrong) in [
            (request(None, &[]), "no contents"),
            (request(None, &[b"a", b"b"]), "2 raw_input_contents"),
            (request(Some(floats()), &[b"a"]), "give one"),
            (typed(int64), "another type than FP32"),
            (typed(bytes), "another type than FP32"),
            (two, "expected 1 input but got 2"),
            (shared, "shared memory is not served"),
            (classified, "classification extension is not served"),
            (axes, "more than 16 axes"),
            (unknown, "unexpected inference output 'logits'"),
        ] {
            let found = match check(&request).unwrap_err() {
                Rejection::Oip(error) => error.to_string(),
                Rejection::Grpc(error) => error.to_string(),
                other => panic!("{other:?}"),
            };
            assert!(found.contains(wrong), "{found}");
        }
    }

    #[test]
    fn a_message_of_empty_fields_costs_nothing() {
        // As generated types these would take gigabytes.
        let inputs = b"\x2a\0".repeat(1 << 20);
        let told = Told::read(inputs.into()).unwrap();
        assert_eq!((told.inputs, told.input.len()), (1 << 20, 0));
        let outputs = b"\x32\0".repeat(1 << 20);
        assert!(Told::read(outputs.into()).is_err());
        let mut contents = Contents::default();
        assert!(contents.read(b"\x42\0".repeat(1 << 20).into()).is_err());
    }
}
