//! What the gateway is told: defaults, then the file, then the environment, then flags, each stronger than the one before.
//!
//! [`Layer`] is what one of them says, all of it optional; [`Config`] is what holds in the end. A wrong key or value is an
//! error that names its place.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crore_base::time::Duration;
use crore_hub::ChannelOptions;
use crore_rt::limits::STALL_MIN;
use crore_rt::net::{Accept, Network, Prefix, TlsError, TlsServer};

mod layer;
pub mod values;

#[cfg(test)]
mod tests;

pub use layer::{ConfigError, Layer, NamespaceLayer, unknown_variables};

/// Where the gateway listens unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8000";

/// What holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses for clients.
    pub listen: Vec<SocketAddr>,
    /// An address of its own for console, API and metrics; none: they are on every listener.
    pub admin: Option<SocketAddr>,
    /// The I/O model by name.
    pub io: String,
    /// Our addresses where `io` names a device; empty: they follow from `listen`, if they can.
    pub addresses: Vec<Prefix>,
    /// The routers of the device's network.
    pub gateways: Vec<IpAddr>,
    /// Sources whose frames an `xdp:` device drops before anybody looks at them.
    pub blocked: Vec<Prefix>,
    /// Every frame of the device is written to this file.
    pub capture: Option<PathBuf>,
    /// Cores; 0: one for each processor.
    pub workers: usize,
    /// Everything is permitted to everybody.
    pub insecure: bool,
    /// No configuration was given: loopback only, anybody may do anything.
    pub playground: bool,
    /// The key of the server API.
    pub api_key: Option<String>,
    /// The HMAC secret of connection and subscription tokens.
    pub token_hmac_secret: Option<String>,
    /// PEM files of certificate chain and key: the listeners for clients speak TLS, an admin listener does not. None: nobody does.
    pub tls: Option<TlsFiles>,
    /// Clients may connect without a token.
    pub allow_anonymous: bool,
    /// From which pages browsers may connect, like `https://example.com`; `*`: all. Empty: only the one whose host is ours.
    pub allowed_origins: Vec<String>,
    /// Time between pings; zero: none.
    pub ping_interval: Duration,
    /// How long a pong may take; zero: none is asked for.
    pub pong_timeout: Duration,
    /// Bytes that may wait for a client before it is slow (3008).
    pub queue_bytes: u32,
    /// How the cores share the connections of an address.
    pub accept: Accept,
    /// Connections accepted a second on each listener of each core, at most; 0: as many as come.
    pub accept_rate: u64,
    /// Over how long a drain spreads its disconnects.
    pub drain_window: Duration,
    /// How long a task may hold its core before a warning names it; none: nobody looks.
    pub stall_after: Option<Duration>,
    /// What holds for channels without a namespace.
    pub without_namespace: Namespace,
    /// By name.
    pub namespaces: BTreeMap<String, Namespace>,
}

/// Where a server's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Both or none.
    fn of(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
        let lonely = |path: &Path, have: &str, lack: &str| {
            Err(ConfigError::new(format!("{have} is {} and {lack} is not given: TLS takes both", path.display())))
        };
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (Some(certificate), None) => lonely(&certificate, "tls_certificate", "tls_key"),
            (None, Some(key)) => lonely(&key, "tls_key", "tls_certificate"),
        }
    }

    /// Reads them.
    pub(crate) fn load(&self) -> Result<TlsServer, TlsError> {
        TlsServer::from_files(&self.certificate, &self.key)
    }
}

/// What holds for the channels of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Namespace {
    /// Publications kept; 0: no history.
    pub history_size: u32,
    /// How long they are kept; zero: no history.
    pub history_ttl: Duration,
    /// Subscriptions are recoverable and positioned without asking.
    pub force_recovery: bool,
    /// Who is subscribed may be asked. Not offered yet: the commands answer error 108, and the log says so at the start.
    pub presence: bool,
    /// Clients may subscribe without a token.
    pub allow_subscribe: bool,
    /// Clients may publish.
    pub allow_publish: bool,
}

impl Namespace {
    /// The playground's: everything, with a little history.
    const OPEN: Namespace = Namespace {
        history_size: 100,
        history_ttl: Duration::from_secs(300),
        force_recovery: true,
        presence: false,
        allow_subscribe: true,
        allow_publish: true,
    };

    /// What the hub needs to know.
    pub(crate) fn channel_options(&self) -> ChannelOptions {
        ChannelOptions { history_size: self.history_size, history_ttl: self.history_ttl }
    }

    /// Whether positions are offered to subscribers.
    pub(crate) fn recovers(&self) -> bool {
        self.force_recovery && self.channel_options().has_history()
    }
}

/// A second: long enough that nothing which should be there is named.
const STALL_AFTER: Duration = Duration::from_secs(1);

fn stall_after(span: Duration) -> Result<Option<Duration>, ConfigError> {
    if span > Duration::ZERO && span < STALL_MIN {
        let text = format!("stall_after = \"{span}\" is too short: {STALL_MIN} at least, or 0 for nobody who looks");
        return Err(ConfigError::new(text));
    }
    Ok(Some(span).filter(|&span| span > Duration::ZERO))
}

impl Config {
    /// Reads all layers and decides. `flags` is the strongest; `environment` is the process's variables.
    ///
    /// # Errors
    /// A file that cannot be read, a wrong key or value in any layer, or settings that must not go together.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Layer,
    ) -> Result<Config, ConfigError> {
        let of_file = file.map(Layer::read).transpose()?;
        let of_environment = Layer::from_environment(environment)?;
        let configured = of_file.is_some() || of_environment.secures();
        let merged = of_file.unwrap_or_default().under(of_environment).under(flags);
        Config::decide(merged, configured)
    }

    fn decide(layer: Layer, configured: bool) -> Result<Config, ConfigError> {
        let insecure = layer.insecure.unwrap_or(false);
        let playground = !configured;
        let base = if playground || insecure { Namespace::OPEN } else { Namespace::default() };
        let listen = layer.listen.unwrap_or_default().0;
        let without_namespace = layer.without_namespace.unwrap_or_default().over(base);
        let namespaces = layer.namespace.unwrap_or_default().into_iter();
        let config = Config {
            listen: match listen.is_empty() {
                true => vec![DEFAULT_LISTEN.parse().expect("the default is an address")],
                false => listen,
            },
            admin: layer.admin,
            io: layer.io.unwrap_or_else(|| "auto".to_owned()),
            addresses: prefixes(layer.addresses),
            blocked: prefixes(layer.blocked),
            gateways: layer.gateways.unwrap_or_default(),
            capture: layer.capture,
            workers: layer.workers.map_or(0, |workers| workers.0),
            insecure,
            playground,
            api_key: layer.api_key,
            token_hmac_secret: layer.token_hmac_secret,
            tls: TlsFiles::of(layer.tls_certificate, layer.tls_key)?,
            allow_anonymous: layer.allow_anonymous.unwrap_or(playground || insecure),
            allowed_origins: layer.allowed_origins.unwrap_or_default(),
            ping_interval: layer.ping_interval.map_or(Duration::from_secs(25), |it| it.0),
            pong_timeout: layer.pong_timeout.map_or(Duration::from_secs(8), |it| it.0),
            queue_bytes: layer.queue_bytes.map_or(1 << 20, |it| it.0),
            accept: layer.accept.map_or(Accept::default(), |it| it.0),
            accept_rate: layer.accept_rate.map_or(0, |it| it.0),
            drain_window: layer.drain_window.map_or(Duration::from_secs(10), |it| it.0),
            stall_after: stall_after(layer.stall_after.map_or(STALL_AFTER, |it| it.0))?,
            without_namespace,
            namespaces: namespaces.map(|(name, layer)| (name, layer.over(Namespace::default()))).collect(),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::new(text));
        if self.ping_interval > Duration::ZERO && self.pong_timeout >= self.ping_interval {
            return wrong(format!(
                "pong_timeout is {} and ping_interval {}: a pong must be due before the next ping, so make it shorter (0 asks for no pongs)",
                self.pong_timeout, self.ping_interval
            ));
        }
        if let Err(text) = crore_rt::check_driver(&self.io) {
            return wrong(format!("io is {:?}: {text}", self.io));
        }
        if self.accept != Accept::PerWorker && crore_rt::is_device(&self.io) {
            return wrong(format!(
                "accept is {} and io {:?}: our own TCP/IP accepts on each core by itself, which is {}",
                self.accept,
                self.io,
                Accept::PerWorker
            ));
        }
        if let Err(text) = self.network() {
            return wrong(text);
        }
        if let Some(Err(error)) = self.tls.as_ref().map(TlsFiles::load) {
            return wrong(format!("tls_certificate and tls_key: {error}"));
        }
        let cores_max = crore_rt::limits::CORES_MAX;
        if self.workers > cores_max {
            return wrong(format!(
                "workers is {}: at most {cores_max} can be, and one a processor is best",
                self.workers
            ));
        }
        for name in self.namespaces.keys() {
            if name.len() < 2 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
                return wrong(format!("namespace {name:?}: a name has two or more of A-Z a-z 0-9 - _"));
            }
        }
        // A wire leads to one other process of the same user, so nobody else reaches what listens on it.
        let listen = if self.io.starts_with("wire:") { &[][..] } else { &self.listen[..] };
        let everywhere = listen.iter().chain(&self.admin).find(|address| !address.ip().is_loopback());
        match everywhere {
            Some(address) if self.playground && !self.insecure => wrong(format!(
                "will not listen on {address} without a configuration, only on loopback: anybody who reaches it could read and publish \
                 everything. Give a file with --config (see docs/operating.md), or --insecure if that is what you want"
            )),
            _ => Ok(()),
        }
    }

    /// Who the gateway is on the network of its device.
    ///
    /// # Errors
    /// The device needs an address, and none is given.
    pub fn network(&self) -> Result<Network, String> {
        let network = Network::for_server(&self.io, &self.listen, &self.addresses, &self.gateways)?;
        Ok(Network { capture: self.capture.clone(), blocked: self.blocked.clone(), ..network })
    }

    /// What holds for a channel; none: its namespace is not configured.
    pub(crate) fn namespace_of(&self, channel: &str) -> Option<&Namespace> {
        let name = channel.strip_prefix('$').unwrap_or(channel);
        match name.split_once(':') {
            None => Some(&self.without_namespace),
            Some((namespace, _)) => {
                let known = self.namespaces.get(namespace);
                // Any namespace exists where everything is open.
                known.or_else(|| (self.playground || self.insecure).then_some(&self.without_namespace))
            }
        }
    }

    /// Whether any namespace asks for presence.
    pub(crate) fn wants_presence(&self) -> bool {
        self.without_namespace.presence || self.namespaces.values().any(|namespace| namespace.presence)
    }

    /// Whether a client may subscribe without a token.
    pub(crate) fn may_subscribe(&self, channel: &str, namespace: &Namespace) -> bool {
        !is_private(channel) && (namespace.allow_subscribe || self.insecure)
    }

    /// Whether a client may publish.
    pub(crate) fn may_publish(&self, namespace: &Namespace) -> bool {
        namespace.allow_publish || self.insecure
    }

    /// Whether what a channel holds may be read without being subscribed to it.
    pub(crate) fn is_open(&self, channel: &str) -> bool {
        (self.playground || self.insecure) && !is_private(channel)
    }
}

fn prefixes(networks: Option<Vec<values::Network>>) -> Vec<Prefix> {
    networks.unwrap_or_default().into_iter().map(|network| network.0).collect()
}

/// Private channels, whose names begin with `$`, are for those who have a token for them (section 18 of the protocol).
pub(crate) fn is_private(channel: &str) -> bool {
    channel.starts_with('$')
}
