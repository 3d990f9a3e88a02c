//! What can keep the server from starting or a replay from running.

use tidemill_core::Coded;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of the server as a whole; those of requests are [`crate::fault::ApiError`]s.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {problem}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        problem: String,
    },
    /// Without keys, the server speaks to this machine alone.
    #[error("{address} is reachable from other machines, and the store holds no API key")]
    Open {
        /// The address.
        address: String,
    },
    /// Two models of one name.
    #[error("two models are called '{name}'")]
    SameName {
        /// The name.
        name: String,
    },
    /// A model's name that no address of the API can hold.
    #[error("'{name}' cannot be the name of a model")]
    Name {
        /// The name.
        name: String,
    },
    /// What is no origin.
    #[error("'{origin}' is not an origin")]
    Origin {
        /// What was given.
        origin: String,
    },
    /// Nothing can be kept for so short a time.
    #[error("a retention of less than a second would delete every prediction")]
    Retention,
    /// Nothing can be answered within such a limit.
    #[error("{limit} would refuse every request")]
    Limit {
        /// The limit.
        limit: &'static str,
    },
    /// A name for more than one model.
    #[error("--name is for one model file, and {given} given")]
    OneName {
        /// What was given.
        given: String,
    },
    /// The system refused something it needs.
    #[error("{0}")]
    System(String),
    /// A request of the replay failed.
    #[error("the server answered a request of the replay with {status}: {message}")]
    Request {
        /// The status.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "listen",
            Error::Open { .. } => "open_to_the_world",
            Error::SameName { .. } => "same_name",
            Error::Name { .. } => "bad_name",
            Error::Origin { .. } => "origin",
            Error::Retention => "retention",
            Error::Limit { .. } => "limit",
            Error::OneName { .. } => "one_name",
            Error::System(_) => "system",
            Error::Request { .. } => "request",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Error::Listen { .. } => "choose another port with --listen, or stop what uses this one",
                Error::Open { .. } => "make a key with `tidemill keys create`, or listen on 127.0.0.1",
                Error::SameName { .. } => "give them different file names, or serve one of them",
                Error::Name { .. } => {
                    "give a name of at most 200 characters without slashes, line breaks and spaces at its ends"
                }
                Error::Origin { .. } => {
                    "write a scheme and a host, such as https://app.example or http://localhost:3000"
                }
                Error::Retention => "give a time such as 2160h, or leave --retention out to keep all",
                Error::Limit { .. } => "give more, or leave the option out",
                Error::OneName { .. } => "rename the files: models are called by them",
                Error::System(_) | Error::Request { .. } => return None,
            }
            .into(),
        )
    }
}
