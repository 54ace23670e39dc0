//! The live console's files: one page, its style, its script and its icon, embedded in the binary.
//!
//! What it is not: a template. Nothing is put into these files at run time, so they may be cached, compared and served as they
//! are; the page fetches its figures from `/api/info` and `/api/channels` and its playground speaks `/connection/websocket`.
//! Invariant: the page works under [`POLICY`], so it has no inline script, no inline style and no resource from elsewhere.

/// One embedded file, as it goes on the wire.
#[derive(Debug)]
pub(crate) struct Page {
    /// The value of `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The body, UTF-8.
    pub(crate) body: &'static str,
}

/// The `Content-Security-Policy` that every page of the console is served with. `ws:` and `wss:` are open because the playground
/// may be pointed at another listener than the one that serves the console (`admin` has an address of its own).
pub(crate) const POLICY: &str =
    "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: Page = Page { content_type: "text/html; charset=utf-8", body: include_str!("index.html") };

const STYLE: Page = Page { content_type: "text/css; charset=utf-8", body: include_str!("style.css") };

/// The files of one script: they share one scope, and the order is that of use.
const SCRIPT: Page = Page {
    content_type: "text/javascript; charset=utf-8",
    body: concat!(
        include_str!("meters.js"),
        include_str!("dashboard.js"),
        include_str!("channels.js"),
        include_str!("link.js"),
        include_str!("playground.js"),
    ),
};

const ICON: Page = Page { content_type: "image/svg+xml", body: include_str!("icon.svg") };

/// The file served at `path` (without a query), or `None` when it is not one of the console's. Allocates nothing.
pub(crate) fn page(path: &str) -> Option<&'static Page> {
    match path {
        "/" => Some(&INDEX),
        "/console.css" => Some(&STYLE),
        "/console.js" => Some(&SCRIPT),
        "/console.svg" => Some(&ICON),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
