//! What can be wrong with a call of gRPC, whatever its message says.

/// Why a call cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrpcError {
    /// A call of Triton's that is not served.
    #[error(
        "{0} is not served here: there are ServerLive, ServerReady, ModelReady, ServerMetadata, \
         ModelMetadata, ModelConfig, ModelStatistics, RepositoryIndex and ModelInfer"
    )]
    NotServed(String),
    /// The body is not one message with its length before it.
    #[error("the body of the call is not one message: {0}")]
    Frame(String),
    /// A message is compressed in a way that is not read.
    #[error("grpc-encoding {0:?} is not read here: use gzip, deflate or identity")]
    Encoding(String),
    /// A message that is no protobuf, or not the one that it should be.
    #[error("the message cannot be read: {0}")]
    Message(String),
    /// The client's own time is up.
    #[error("the time that the client gave the call (grpc-timeout) is over")]
    Deadline,
}

impl GrpcError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotServed(_) => "not_served",
            Self::Encoding(_) => "unsupported_encoding",
            Self::Frame(_) | Self::Message(_) => "invalid_message",
            Self::Deadline => "deadline_exceeded",
        }
    }
}
