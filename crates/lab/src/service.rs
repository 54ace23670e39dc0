//! What the models speak.

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Every byte comes back.
    Echo,
    /// `GET /`, `POST /digest` and `GET /disk?at=N&length=N`.
    Http,
}

impl Protocol {
    /// The name it is chosen by.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Echo => "echo",
            Protocol::Http => "http",
        }
    }
}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(name: &str) -> Result<Protocol, String> {
        match name {
            "echo" => Ok(Protocol::Echo),
            "http" => Ok(Protocol::Http),
            _ => Err(format!("there is no protocol {name:?}: choose echo or http")),
        }
    }
}
