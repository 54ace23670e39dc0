//! Requests by URL: connections are kept and bounded, names resolved, redirects followed.
//!
//! An [`Agent`] belongs to one core. It holds at most so many connections for each host (scheme, name and port) and in all; requests
//! beyond that wait in order. What an idle agent holds is its kept connections, until their time is over.

use std::borrow::Cow;
use std::rc::Rc;

use crore_base::time::{Duration, Instant};
use crore_http::Fields;
use crore_rt::net::{TcpStream, resolve};
use crore_rt::time;

use super::link::{Home, Link};
use super::upload::{Ask, Times};
use super::url::Origin;
use super::{Answer, ClientError, ClientOptions, Download, Upload, Url, connect_plainly, redirect};
use crate::limits::REDIRECT_BODY_BYTES_MAX;

mod places;

pub(super) use places::Place;
use places::Places;

/// What an agent allows itself.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// How to connect, deadlines, bounds of responses. The deadline of an exchange counts from when it is asked for, so it holds the
    /// wait for a connection, connecting and redirects too.
    pub client: ClientOptions,
    /// Connections to one host at a time, 1 or more; default 32.
    pub connections_per_host: usize,
    /// Connections in all, 1 or more, kept ones included; default 1,024, so that descriptors are left for a server beside it.
    pub connections: usize,
    /// Requests that may wait for a connection; default 65,536. More fail at once with [`ClientError::Busy`].
    pub waiting: usize,
    /// How long a connection is kept for the next request; default 15 s, less than most servers keep theirs.
    pub idle_timeout: Duration,
    /// Redirects that are followed for one request; default 10, as most clients do; 0 gives the redirect itself. Never from `https` to
    /// `http`; `Authorization` and `Cookie` do not follow to another host.
    pub redirects: u8,
}

impl Default for AgentOptions {
    fn default() -> Self {
        AgentOptions {
            client: ClientOptions::default(),
            connections_per_host: 32,
            connections: 1024,
            waiting: 65_536,
            idle_timeout: Duration::from_secs(15),
            redirects: 10,
        }
    }
}

/// How busy an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentCounts {
    /// Connections that are being opened or carry a request.
    pub busy: usize,
    /// Connections that wait for the next one.
    pub kept: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
}

/// A client for any number of servers. Clones are the same agent.
#[derive(Clone)]
pub struct Agent(Rc<Inner>);

struct Inner {
    options: AgentOptions,
    places: Places,
}

impl Agent {
    /// An agent without connections yet.
    ///
    /// # Panics
    /// If it may have none.
    pub fn new(options: AgentOptions) -> Agent {
        Agent(Rc::new(Inner { places: Places::new(&options), options }))
    }

    /// The whole response to a `GET` without headers.
    ///
    /// # Errors
    /// What [`ClientError`] names. A status such as 404 is no error.
    pub async fn get(&self, url: &str) -> Result<Answer, ClientError> {
        self.request("GET", url, &Fields::new(), &[]).await
    }

    /// Sends a request and waits for the whole response.
    ///
    /// # Errors
    /// As [`get`](Agent::get).
    pub async fn request(&self, method: &str, url: &str, fields: &Fields, body: &[u8]) -> Result<Answer, ClientError> {
        self.fetch(method, url, fields, body).await?.whole().await
    }

    /// As [`request`](Agent::request), but comes back with the head; the body is read piece by piece. The connection is the response's
    /// until that has ended or is dropped.
    ///
    /// # Errors
    /// As [`get`](Agent::get).
    pub async fn fetch(
        &self,
        method: &str,
        url: &str,
        fields: &Fields,
        body: &[u8],
    ) -> Result<Download<'static>, ClientError> {
        let times = Times::of(&self.0.options.client);
        let mut url = Url::parse(url)?;
        let (mut method, mut fields, mut body) = (method, Cow::Borrowed(fields), body);
        let mut followed = 0;
        loop {
            let download = self.exchange(&url, method, &fields, body, times).await?;
            let limit = self.0.options.redirects;
            if limit == 0 {
                return Ok(download);
            }
            let Some(next) = redirect::of(download.head(), method, &url)? else { return Ok(download) };
            if followed == limit {
                return Err(ClientError::TooManyRedirects { limit });
            }
            followed += 1;
            download.skip(REDIRECT_BODY_BYTES_MAX).await;
            fields = Cow::Owned(next.fields(&fields)?);
            if next.becomes_get {
                (method, body) = ("GET", &[]);
            }
            url = next.url;
        }
    }

    /// Begins a request whose body is sent piece by piece: of `length` bytes, or, if that is not known, in chunks. Redirects are given
    /// as they are, and nothing is sent twice, because the body is gone.
    ///
    /// # Errors
    /// As [`get`](Agent::get).
    pub async fn upload(
        &self,
        method: &str,
        url: &str,
        fields: &Fields,
        length: Option<u64>,
    ) -> Result<Upload<'static>, ClientError> {
        let times = Times::of(&self.0.options.client);
        let url = Url::parse(url)?;
        let (place, link) = self.link(&url, times.whole).await?;
        let host = url.origin.authority();
        let ask = Ask { method, target: &url.target, host: &host, fields };
        Upload::begin_streamed(link, Home::Agent(place), ask, length, times, &self.0.options.client).await
    }

    /// How busy it is.
    pub fn counts(&self) -> AgentCounts {
        let (busy, kept, waiting) = self.0.places.counts();
        AgentCounts { busy, kept, waiting }
    }

    /// One request and the head of its response. A kept connection may have been ended by its server a moment ago: what may be sent
    /// twice is then sent once more, on a new one (RFC 9110, section 9.2.2).
    async fn exchange(
        &self,
        url: &Url,
        method: &str,
        fields: &Fields,
        body: &[u8],
        times: Times,
    ) -> Result<Download<'static>, ClientError> {
        let client = &self.0.options.client;
        let host = url.origin.authority();
        let ask = Ask { method, target: &url.target, host: &host, fields };
        let mut place = self.place(url, times.whole).await?;
        if let Some(kept) = place.take_link() {
            let mut upload = Upload::begin_whole(kept, Home::Agent(place), ask, body, times, client)?;
            match upload.exchange(body).await {
                Ok(()) => return Ok(upload.into_download()),
                Err(error) if upload.has_heard() || !is_idempotent(method) || !is_end(&error) => return Err(error),
                Err(_) => {}
            }
            place = match upload.into_home() {
                Home::Agent(place) => place,
                Home::Client(_) => unreachable!("an agent's connection comes from the agent"),
            };
        }
        let link = self.connect(&url.origin, times.whole).await?;
        let mut upload = Upload::begin_whole(link, Home::Agent(place), ask, body, times, client)?;
        upload.exchange(body).await?;
        Ok(upload.into_download())
    }

    async fn place(&self, url: &Url, deadline: Instant) -> Result<Place, ClientError> {
        self.0.places.take(&Rc::new(url.origin.clone()), deadline).await
    }

    async fn link(&self, url: &Url, deadline: Instant) -> Result<(Place, Link), ClientError> {
        let mut place = self.place(url, deadline).await?;
        match place.take_link() {
            Some(kept) => Ok((place, kept)),
            None => Ok((place, self.connect(&url.origin, deadline).await?)),
        }
    }

    /// Connects to the first address that answers.
    async fn connect(&self, origin: &Origin, deadline: Instant) -> Result<Link, ClientError> {
        let options = &self.0.options.client;
        let tls = match origin.is_https {
            true => Some(options.tls.as_ref().ok_or(ClientError::NeedsTls)?),
            false => None,
        };
        let connected = async {
            let mut last = None;
            for address in resolve(&origin.host, origin.port).await? {
                match connect_plainly(address, options).await {
                    Ok(stream) => {
                        if let Some(tls) = tls {
                            stream.secure_as_client(tls, &origin.host)?;
                        }
                        return Ok::<TcpStream, ClientError>(stream);
                    }
                    Err(error) => last = Some(error),
                }
            }
            Err(last.expect("a name that is resolved has an address").into())
        };
        let deadline = deadline.min(time::now() + options.connect_timeout);
        Ok(time::deadline(deadline, connected).await??.into())
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.counts().fmt(f)
    }
}

/// Methods that may be sent twice (RFC 9110, section 9.2.2).
fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "TRACE")
}

/// Whether the connection ended, rather than that something was wrong with what came over it.
fn is_end(error: &ClientError) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    match error {
        ClientError::Ended => true,
        ClientError::Io(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
        }
        _ => false,
    }
}
