//! Requests and responses, one at a time, on one connection.

use std::net::SocketAddr;

use crore_http::{Fields, ResponseHead};

use super::link::{Home, Link};
use super::upload::{Ask, Times};
use super::{ClientError, ClientOptions, Download, Upload, connect};

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    /// None while a request is under way, and after one that ended the connection.
    link: Option<Link>,
    host: String,
    options: ClientOptions,
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its head.
    pub head: ResponseHead,
    /// Its body, decoded.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Connects. `host` is what `Host` will say.
    ///
    /// # Errors
    /// The system's, or that it took too long.
    pub async fn connect(address: SocketAddr, host: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let stream = connect(address, host, &options).await?;
        Ok(Client { link: Some(stream.into()), host: host.to_owned(), options })
    }

    /// Whether another request may be sent: the last response was complete and did not close the connection.
    pub fn is_reusable(&self) -> bool {
        self.link.is_some()
    }

    /// Sends a request and waits for the whole response. An empty body is announced for `POST`, `PUT` and `PATCH` only.
    ///
    /// # Errors
    /// What [`ClientError`] names; the connection is of no use then.
    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &Fields,
        body: &[u8],
    ) -> Result<Answer, ClientError> {
        self.fetch(method, target, fields, body).await?.whole().await
    }

    /// Short for a `GET` without headers.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get(&mut self, target: &str) -> Result<Answer, ClientError> {
        self.request("GET", target, &Fields::new(), &[]).await
    }

    /// As [`request`](Client::request), but comes back with the head; the body is read piece by piece. Large bodies of requests
    /// (1 MiB) are announced with `Expect: 100-continue`.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn fetch(
        &mut self,
        method: &str,
        target: &str,
        fields: &Fields,
        body: &[u8],
    ) -> Result<Download<'_>, ClientError> {
        let link = self.link.take().ok_or(ClientError::Ended)?;
        let ask = Ask { method, target, host: &self.host, fields };
        let (home, times) = (Home::Client(&mut self.link), Times::of(&self.options));
        let mut upload = Upload::begin_whole(link, home, ask, body, times, &self.options)?;
        upload.exchange(body).await?;
        Ok(upload.into_download())
    }

    /// Begins a request whose body is sent piece by piece: of `length` bytes, or, if that is not known, in chunks. Large ones and
    /// those of unknown length wait for the server's `100 Continue`, at most for [`ClientOptions::continue_timeout`].
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn upload(
        &mut self,
        method: &str,
        target: &str,
        fields: &Fields,
        length: Option<u64>,
    ) -> Result<Upload<'_>, ClientError> {
        let link = self.link.take().ok_or(ClientError::Ended)?;
        let ask = Ask { method, target, host: &self.host, fields };
        let (home, times) = (Home::Client(&mut self.link), Times::of(&self.options));
        Upload::begin_streamed(link, home, ask, length, times, &self.options).await
    }
}
