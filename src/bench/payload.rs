//! Bodies of requests: photos wrapped as a route takes them. The photos stand in memory once,
//! however many requests carry them at a time.

use std::{
    convert::Infallible,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    vec::IntoIter,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    options::{Photos, Route},
    photos::PhotoError,
};

/// Stands in no photo: after a line break, no encoder writes such a line.
const BOUNDARY: &str = "inference-service-bench-8d1f0c5be7";

/// The bodies of all requests of a run.
#[derive(Debug)]
pub struct Payloads {
    /// The value of `Content-Type`.
    pub content_type: String,
    images: usize,
    /// As they stand in a body: base64 for JSON.
    photos: Vec<Bytes>,
    before: Bytes,
    between: Bytes,
    after: Bytes,
    /// Of the photos' files.
    photo_bytes: usize,
}

/// Why there are no photos to send.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It could not be made.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// It could not be read.
    #[error("--file {}: {error}", path.display())]
    File {
        /// As it was given.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
}

impl Payloads {
    /// Makes or reads all photos.
    ///
    /// # Errors
    /// When a photo can be neither made nor read.
    pub fn new(route: Route, images: usize, photos: &Photos) -> Result<Self, PayloadError> {
        let files: Vec<Vec<u8>> = match photos {
            Photos::Made(picture, count) => {
                (0..*count as u64).map(|seed| picture.encode(seed)).collect::<Result<_, _>>()?
            }
            Photos::Files(paths) => {
                let read = |path: &PathBuf| {
                    let unread = |error| PayloadError::File { path: path.clone(), error };
                    std::fs::read(path).map_err(unread)
                };
                paths.iter().map(read).collect::<Result<_, _>>()?
            }
        };
        let photo_bytes = files.iter().map(Vec::len).sum::<usize>() / files.len();
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"files\"; filename=\"photo\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let (content_type, [before, between, after]) = match route {
            Route::Base64 => (
                "application/json".to_owned(),
                [r#"{"images":[""#.to_owned(), r#"",""#.to_owned(), r#""]}"#.to_owned()],
            ),
            Route::Batch => (
                format!("multipart/form-data; boundary={BOUNDARY}"),
                [head.clone(), format!("\r\n{head}"), format!("\r\n--{BOUNDARY}--\r\n")],
            ),
            Route::Raw => ("application/octet-stream".to_owned(), Default::default()),
        };
        let wrap = |file: Vec<u8>| match route {
            Route::Base64 => STANDARD.encode(file).into(),
            Route::Batch | Route::Raw => file.into(),
        };
        Ok(Self {
            content_type,
            images,
            photos: files.into_iter().map(wrap).collect(),
            before: before.into(),
            between: between.into(),
            after: after.into(),
            photo_bytes,
        })
    }

    /// The body of request `number`: the next photos in turn.
    pub fn body(&self, number: u64) -> Payload {
        let first = (number % self.photos.len() as u64) as usize * self.images;
        let mut parts = vec![self.before.clone()];
        for image in 0..self.images {
            if image > 0 {
                parts.push(self.between.clone());
            }
            parts.push(self.photos[(first + image) % self.photos.len()].clone());
        }
        parts.push(self.after.clone());
        Payload::of(parts)
    }

    /// Different photos.
    pub fn photos(&self) -> usize {
        self.photos.len()
    }

    /// Mean size of a photo's file.
    pub fn photo_bytes(&self) -> usize {
        self.photo_bytes
    }
}

/// One body: pieces that are shared with other bodies.
#[derive(Debug)]
pub struct Payload {
    parts: IntoIter<Bytes>,
    left: u64,
}

impl Payload {
    /// The body of a request that has none.
    pub fn empty() -> Self {
        Self::of(Vec::new())
    }

    fn of(mut parts: Vec<Bytes>) -> Self {
        parts.retain(|part| !part.is_empty());
        let left = parts.iter().map(|part| part.len() as u64).sum();
        Self { parts: parts.into_iter(), left }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.parts.next();
        self.left -= next.as_ref().map_or(0, |part| part.len() as u64);
        Poll::Ready(next.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(route: Route, images: usize) -> Payloads {
        let files = ["cat-224.png", "cat-thumbnail.jpg"];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = files.map(|name| folder.join("tests/reference/images").join(name));
        Payloads::new(route, images, &Photos::Files(files.into())).unwrap()
    }

    fn whole(payload: Payload) -> Vec<u8> {
        let announced = payload.size_hint().exact().unwrap();
        let body = payload.parts.flatten().collect::<Vec<_>>();
        assert_eq!(body.len() as u64, announced);
        body
    }

    #[test]
    fn requests_take_the_photos_in_turn() {
        let payloads = payloads(Route::Base64, 3);
        let images = |number| -> Vec<String> {
            let body: serde_json::Value =
                serde_json::from_slice(&whole(payloads.body(number))).unwrap();
            serde_json::from_value(body["images"].clone()).unwrap()
        };
        let (even, odd) = (images(0), images(1));
        assert_eq!(even.len(), 3);
        assert_ne!(even[0], even[1]);
        assert_eq!([&even[0], &even[1]], [&even[2], &odd[0]]);
        assert_eq!(images(2), even);
    }

    #[test]
    fn a_photo_is_sent_as_it_is() {
        let payloads = payloads(Route::Raw, 1);
        assert_eq!(whole(payloads.body(0)).len(), payloads.photos[0].len());
    }
}
