//! From a socket to an encrypted stream, within the time that a client has for its first head. What
//! begins otherwise than TLS does is not taken for it; plain HTTP is told so.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::server::TlsStream;

use super::{activity::Activity, watched::Taken};
use crate::http::tls::Tls;

/// The type of a record that begins a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Most bytes that TLS keeps of an answer until the system takes them; a part of the memory of a
/// connection (`config::memory`). Two of the largest records.
const UNSENT: usize = 32 << 10;

/// What those read who speak plain HTTP.
const SPEAKS_TLS: &str = "This port speaks TLS: use https:// instead of http://\n";

/// How long the rest of their request is taken in, so that they get to read it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why there is no encrypted stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("the time for a handshake is over (--header-timeout)")]
    Late,
    #[error("the client speaks something else than TLS")]
    Plain,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// Leads the handshake, until `limit` at most.
///
/// # Errors
/// [`HandshakeError`]; the connection is of no more use then.
pub(super) async fn encrypt(
    tls: &Tls,
    socket: TcpStream,
    activity: &Arc<Activity>,
    limit: Instant,
) -> Result<TlsStream<Taken<TcpStream>>, HandshakeError> {
    let mut first = [0];
    let read = timeout_at(limit, socket.peek(&mut first)).await;
    match read.map_err(|_| HandshakeError::Late)?? {
        0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        _ if first == [HANDSHAKE] => {}
        _ => {
            if first[0].is_ascii_uppercase() {
                // Whoever does not read it misses nothing else.
                let _ = timeout(FAREWELL, refuse(socket)).await;
            }
            return Err(HandshakeError::Plain);
        }
    }
    let socket = Taken { stream: socket, activity: Arc::clone(activity) };
    let stream =
        tls.acceptor().accept_with(socket, |session| session.set_buffer_limit(Some(UNSENT)));
    Ok(timeout_at(limit, stream).await.map_err(|_| HandshakeError::Late)??)
}

/// Answers plain HTTP, and takes in what still comes, since a socket that is closed with unread data
/// is reset, and the answer lost with it.
async fn refuse(mut socket: TcpStream) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{SPEAKS_TLS}",
        SPEAKS_TLS.len()
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    let mut rest = [0; 4096];
    while socket.read(&mut rest).await? > 0 {}
    Ok(())
}
