//! The body of an answer, which notes how it is taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::activity::Sending;
use crate::shutdown::Unanswered;

/// Most bytes that are handed to HTTP/2 at once: it keeps what it is given until the client takes
/// it, whatever the client's window is. The size of its frames (RFC 9113, section 4.2).
const PIECE: usize = 16 << 10;

/// See the module.
pub(super) struct Answer {
    body: Body,
    /// What is left of the frame that was begun.
    rest: Bytes,
    /// Whether frames are handed over in pieces.
    pieces: bool,
    sending: Sending,
    _unanswered: Unanswered,
}

impl Answer {
    pub(super) fn new(body: Body, pieces: bool, sending: Sending, unanswered: Unanswered) -> Self {
        Self { body, rest: Bytes::new(), pieces, sending, _unanswered: unanswered }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(end) => return Poll::Ready(end),
                Poll::Pending => {
                    self.sending.waits();
                    return Poll::Pending;
                }
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        self.sending.progress();
        let most = if self.pieces { PIECE } else { usize::MAX };
        let length = self.rest.len().min(most);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, left) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(left.lower() + rest);
        if let Some(upper) = left.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
