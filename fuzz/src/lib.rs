//! What the fuzz targets call. Each `run` takes any bytes, and panics only if a promise is broken.

pub mod connection;
pub mod frame;
pub mod lives;
pub mod pair;
pub mod seeds;
pub mod tcp_header;
