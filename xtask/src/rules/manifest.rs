//! Rules about Cargo manifests, read line by line: the tables we write have one dependency a line.

/// The rooms of the house, each above those that may depend on it.
const LAYERS: &[&str] =
    &["base", "wire", "tcp", "nic", "macros", "rt", "compat", "http", "web", "hub", "gateway", "load", "lab", "sim"];

/// Lines of the root manifest's dependency table without a reason. Our own crates need none: their order is the reason.
pub(super) fn reasons(manifest: &str) -> Vec<String> {
    section(manifest, |name| name == "workspace.dependencies")
        .filter(|(_, line)| !line.contains("path = \"crates/"))
        .filter(|(_, line)| comment(line).is_none_or(|reason| reason.trim().is_empty()))
        .map(|(number, line)| {
            let name = line.split('=').next().unwrap_or(line).trim();
            format!("Cargo.toml:{number}: {name} has no `# reason`")
        })
        .collect()
}

/// Dependencies of one crate on crates that are not above it. Tests may look down, so development dependencies may too.
pub(super) fn layer(krate: &str, manifest: &str) -> Vec<String> {
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let Some(own) = place(krate) else {
        return vec![format!("crates/{krate}: is not one of the layers {}", LAYERS.join(", "))];
    };
    let is_table = |name: &str| name.ends_with("dependencies") && !name.ends_with("dev-dependencies");
    section(manifest, is_table)
        .filter_map(|(number, line)| {
            let key = line.split(['=', '.', ' ']).next().unwrap_or(line);
            let other = key.trim().strip_prefix("crore-")?;
            let above = place(other).is_some_and(|place| place < own);
            (!above).then(|| format!("crates/{krate}/Cargo.toml:{number}: depends on {other}, which is not above it"))
        })
        .collect()
}

/// The `key = value` lines of the tables whose name is wanted, with their line numbers.
fn section<'a>(manifest: &'a str, wanted: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = (usize, &'a str)> {
    let mut inside = false;
    manifest.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            inside = wanted(name.split(']').next().unwrap_or(name).trim());
            return None;
        }
        let starts_with_key = line.starts_with(|first: char| first.is_ascii_alphanumeric());
        (inside && starts_with_key && line.contains('=')).then_some((index + 1, line))
    })
}

/// What stands behind the first `#` outside quotes.
fn comment(line: &str) -> Option<&str> {
    let mut quoted = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' if !quoted => return Some(&line[at + 1..]),
            _ => {}
        }
    }
    None
}
