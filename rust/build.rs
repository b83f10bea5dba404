// SPDX-License-Identifier: MIT
//! Tells cargo where libpages is, as pkg-config knows it.
use std::process::Command;

fn main() {
    let found = Command::new("pkg-config").args(["--variable=libdir", "libpages"]).output();
    if let Ok(out) = found {
        if out.status.success() {
            println!("cargo:rustc-link-search=native={}", String::from_utf8_lossy(&out.stdout).trim());
        }
    }
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
}
