//! What the fuzz targets call. Each `run` takes any bytes, and panics only if a promise is broken.

pub mod body;
pub mod connection;
pub mod corpora;
pub mod frame;
pub mod lives;
pub mod messages;
pub mod pair;
pub mod query;
pub mod request;
pub mod response;
pub mod seeds;
pub mod splits;
pub mod sse;
pub mod tcp_header;
pub mod websocket;
