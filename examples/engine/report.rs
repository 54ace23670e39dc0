//! What was measured. The names of the JSON object are an interface.

/// Everything that one run found out.
#[derive(Default, Debug)]
pub(crate) struct Report {
    pub(crate) connections: u64,
    pub(crate) verified: u64,
    pub(crate) connect_seconds: f64,
    pub(crate) bytes_per_connection: f64,
    pub(crate) max_rss_bytes: u64,
    pub(crate) handshakes_per_second: f64,
    pub(crate) exchanges_per_second_1k: f64,
    pub(crate) exchanges_per_second_all: f64,
    pub(crate) bulk_bits_per_second: f64,
    pub(crate) idle_cpu_share: f64,
}

impl Report {
    /// One object on one line of standard output, or words for people on standard error.
    pub(crate) fn print(&self, json: bool) {
        if json {
            println!("{}", self.to_json());
            return;
        }
        eprintln!("connections            {:>14}", self.connections);
        eprintln!("verified               {:>14}", self.verified);
        eprintln!("connected in           {:>14.1} s", self.connect_seconds);
        eprintln!("server's memory        {:>14.1} bytes a connection", self.bytes_per_connection);
        eprintln!("both ends' memory      {:>14.2} GB", self.max_rss_bytes as f64 / 1e9);
        eprintln!("handshakes             {:>14.0} a second", self.handshakes_per_second);
        eprintln!("exchanges over 1,000   {:>14.0} a second", self.exchanges_per_second_1k);
        eprintln!("exchanges over all     {:>14.0} a second", self.exchanges_per_second_all);
        eprintln!("bulk                   {:>14.2} Gbit/s", self.bulk_bits_per_second / 1e9);
        eprintln!("server at rest         {:>14.3} % of a core", self.idle_cpu_share * 100.0);
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "connections": self.connections,
            "verified": self.verified,
            "connect_seconds": self.connect_seconds,
            "bytes_per_connection": self.bytes_per_connection,
            "max_rss_bytes": self.max_rss_bytes,
            "handshakes_per_second": self.handshakes_per_second,
            "exchanges_per_second_1k": self.exchanges_per_second_1k,
            "exchanges_per_second_all": self.exchanges_per_second_all,
            "bulk_bits_per_second": self.bulk_bits_per_second,
            "idle_cpu_share": self.idle_cpu_share,
        })
    }
}
