//! With the feature `dpdk`: compiles the shim against Debian's `libdpdk-dev` and links its shared libraries.
//!
//! Shared, because EAL then loads every driver that is installed from the folder that the library names, and a driver that is
//! not there is no matter of linking. The static archives would have to be linked whole, a hundred drivers with all that they
//! need in turn.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "dpdk")]
    dpdk::build();
}

#[cfg(feature = "dpdk")]
mod dpdk {
    use std::process::Command;

    /// The oldest release with everything that the shim calls.
    const VERSION_MIN: &str = "22.11";
    const SHIM: &str = "src/dpdk/shim.c";
    /// What the shim and its caller call; drivers are EAL's to load.
    const LIBRARIES: [&str; 4] = ["rte_ethdev", "rte_mbuf", "rte_mempool", "rte_eal"];

    pub(crate) fn build() {
        println!("cargo:rerun-if-changed={SHIM}");
        println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
        pkg_config(&["--atleast-version", VERSION_MIN]);
        let mut shim = cc::Build::new();
        // What DPDK was built for is part of its headers' meaning, so it goes with them.
        for flag in pkg_config(&["--cflags"]).split_whitespace() {
            shim.flag(flag);
        }
        // The headers have inline functions that are compiled with ours: they are slow, or noisy, unless this is so.
        shim.file(SHIM).opt_level(2).flag("-Wno-unused-parameter").compile("crore_dpdk");
        for folder in pkg_config(&["--libs-only-L"]).split_whitespace().filter_map(|flag| flag.strip_prefix("-L")) {
            println!("cargo:rustc-link-search=native={folder}");
        }
        LIBRARIES.iter().for_each(|library| println!("cargo:rustc-link-lib=dylib={library}"));
    }

    /// What `pkg-config` says about DPDK.
    fn pkg_config(arguments: &[&str]) -> String {
        match Command::new("pkg-config").args(arguments).arg("libdpdk").output() {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
            _ => panic!(
                "the feature `dpdk` needs pkg-config and DPDK {VERSION_MIN} or newer: on Debian, \
                 `apt-get install pkg-config libdpdk-dev`"
            ),
        }
    }
}
