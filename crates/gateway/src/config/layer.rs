//! What one source says: the file, the environment or the flags. Everything is optional; unknown keys are errors.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Namespace;
use super::values::{Accept, Addresses, Bytes, Count, Network, Rate, Span};

/// A wrong setting: what, where, and what to do.
#[derive(Debug)]
pub struct ConfigError(String);

impl ConfigError {
    pub(super) fn new(text: String) -> ConfigError {
        ConfigError(text)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// The keys that may stand in the environment: all but the tables of namespaces.
const VARIABLES: &[&str] = &[
    "listen",
    "admin",
    "io",
    "addresses",
    "gateways",
    "blocked",
    "capture",
    "workers",
    "insecure",
    "api_key",
    "token_hmac_secret",
    "tls_certificate",
    "tls_key",
    "allow_anonymous",
    "allowed_origins",
    "ping_interval",
    "pong_timeout",
    "queue_bytes",
    "accept",
    "accept_rate",
    "drain_window",
    "stall_after",
];

/// The variables that look like ours and are not: a mistake perhaps, worth a line in the log. `CRORE_LOG` is the log's.
pub fn unknown_variables<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let is_unknown = |name: &&str| {
        let key = name.strip_prefix("CRORE_").map(str::to_ascii_lowercase);
        key.is_some_and(|key| key != "log" && !VARIABLES.contains(&key.as_str()))
    };
    names.into_iter().filter(is_unknown).collect()
}

/// One source's settings. The names are those of the file; in the environment they are in capitals behind `CRORE_`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Where to listen for clients: an address or a list of them.
    pub listen: Option<Addresses>,
    /// Where to listen for console, API and metrics.
    pub admin: Option<SocketAddr>,
    /// The I/O model.
    pub io: Option<String>,
    /// Our addresses on the network of a device.
    pub addresses: Option<Vec<Network>>,
    /// The routers of that network.
    pub gateways: Option<Vec<IpAddr>>,
    /// Sources whose frames an `xdp:` device drops before anybody looks at them.
    pub blocked: Option<Vec<Network>>,
    /// Where every frame of the device is written to.
    pub capture: Option<PathBuf>,
    /// Cores.
    pub workers: Option<Count>,
    /// Everything is permitted.
    pub insecure: Option<bool>,
    /// The key of the server API.
    pub api_key: Option<String>,
    /// The HMAC secret of tokens.
    pub token_hmac_secret: Option<String>,
    /// The certificate chain that clients are shown.
    pub tls_certificate: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
    /// Clients may connect without a token.
    pub allow_anonymous: Option<bool>,
    /// From which pages browsers may connect.
    pub allowed_origins: Option<Vec<String>>,
    /// Time between pings.
    pub ping_interval: Option<Span>,
    /// How long a pong may take.
    pub pong_timeout: Option<Span>,
    /// Bytes that may wait for a client.
    pub queue_bytes: Option<Bytes>,
    /// How the cores share an address.
    pub accept: Option<Accept>,
    /// Connections accepted a second.
    pub accept_rate: Option<Rate>,
    /// Over how long a drain spreads.
    pub drain_window: Option<Span>,
    /// How long a task may hold its core before a warning names it; 0: nobody looks.
    pub stall_after: Option<Span>,
    /// Channels without a namespace.
    pub without_namespace: Option<NamespaceLayer>,
    /// Channels of namespaces, by name.
    pub namespace: Option<BTreeMap<String, NamespaceLayer>>,
}

/// The settings of one namespace.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceLayer {
    history_size: Option<Count>,
    history_ttl: Option<Span>,
    force_recovery: Option<bool>,
    presence: Option<bool>,
    allow_subscribe: Option<bool>,
    allow_publish: Option<bool>,
}

impl NamespaceLayer {
    /// What it says, and for the rest what `base` says.
    pub(super) fn over(self, base: Namespace) -> Namespace {
        Namespace {
            history_size: self.history_size.map_or(base.history_size, |count| count.0 as u32),
            history_ttl: self.history_ttl.map_or(base.history_ttl, |span| span.0),
            force_recovery: self.force_recovery.unwrap_or(base.force_recovery),
            presence: self.presence.unwrap_or(base.presence),
            allow_subscribe: self.allow_subscribe.unwrap_or(base.allow_subscribe),
            allow_publish: self.allow_publish.unwrap_or(base.allow_publish),
        }
    }
}

impl Layer {
    /// Reads a TOML file.
    pub(super) fn read(path: &Path) -> Result<Layer, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("{}: cannot be read: {error}", path.display())))?;
        // The error shows line and column, and the line itself.
        toml::from_str(&text)
            .map_err(|error| ConfigError(format!("{}: {}", path.display(), error.to_string().trim_end())))
    }

    /// Takes the variables that are a key in capitals behind `CRORE_`. Others of that kind may be somebody else's: see
    /// [`unknown_variables`].
    pub(super) fn from_environment(
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, text) in environment {
            let Some(key) = name.strip_prefix("CRORE_") else { continue };
            let key = key.to_ascii_lowercase();
            if !VARIABLES.contains(&key.as_str()) {
                continue;
            }
            let one = Layer::from_text(&key, &text)
                .map_err(|error| ConfigError(format!("environment variable {name}={text:?}: {error}")))?;
            layer = layer.under(one);
        }
        Ok(layer)
    }

    /// A layer with one key, its value as text: TOML if it reads as such, a string otherwise.
    fn from_text(key: &str, text: &str) -> Result<Layer, String> {
        let parse = |value: &str| toml::from_str::<Layer>(&format!("{key} = {value}"));
        let quoted = toml::Value::String(text.to_owned()).to_string();
        // A secret of digits is a string, a number of workers is not: whichever the key takes.
        let parsed = parse(&quoted).or_else(|as_string| parse(text).map_err(|_| as_string));
        parsed.map_err(|error| error.message().to_owned())
    }

    /// Whether it holds keys that make the gateway more than a playground.
    pub(super) fn secures(&self) -> bool {
        self.api_key.is_some() || self.token_hmac_secret.is_some()
    }

    /// This layer, with `stronger` laid over it.
    pub(super) fn under(self, stronger: Layer) -> Layer {
        Layer {
            listen: stronger.listen.filter(|addresses| !addresses.0.is_empty()).or(self.listen),
            admin: stronger.admin.or(self.admin),
            io: stronger.io.or(self.io),
            addresses: stronger.addresses.or(self.addresses),
            gateways: stronger.gateways.or(self.gateways),
            blocked: stronger.blocked.or(self.blocked),
            capture: stronger.capture.or(self.capture),
            workers: stronger.workers.or(self.workers),
            insecure: stronger.insecure.or(self.insecure),
            api_key: stronger.api_key.or(self.api_key),
            token_hmac_secret: stronger.token_hmac_secret.or(self.token_hmac_secret),
            tls_certificate: stronger.tls_certificate.or(self.tls_certificate),
            tls_key: stronger.tls_key.or(self.tls_key),
            allow_anonymous: stronger.allow_anonymous.or(self.allow_anonymous),
            allowed_origins: stronger.allowed_origins.or(self.allowed_origins),
            ping_interval: stronger.ping_interval.or(self.ping_interval),
            pong_timeout: stronger.pong_timeout.or(self.pong_timeout),
            queue_bytes: stronger.queue_bytes.or(self.queue_bytes),
            accept: stronger.accept.or(self.accept),
            accept_rate: stronger.accept_rate.or(self.accept_rate),
            drain_window: stronger.drain_window.or(self.drain_window),
            stall_after: stronger.stall_after.or(self.stall_after),
            without_namespace: stronger.without_namespace.or(self.without_namespace),
            namespace: stronger.namespace.or(self.namespace),
        }
    }
}
