//! The deployed binary itself: nothing of the local cloud in it, nothing that needs a C library of the platform, no more than it
//! may weigh.

use std::collections::BTreeSet;
use std::process::Command;

use cos_issuer_e2e::bootstrap;

#[test]
fn it_holds_nothing_of_the_local_cloud() {
    let binary = std::fs::read(bootstrap().unwrap()).unwrap();
    assert!(
        !contains(&binary, cos_emulator::MARKER),
        "the local cloud is in the deployed binary"
    );
    // The same search finds what is there, so it is able to fail.
    assert!(contains(
        &binary,
        "the function refuses to start until its variables are mended"
    ));
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(
        contains(&own, cos_emulator::MARKER),
        "the marker is lost: the check above proves nothing"
    );
}

#[test]
fn its_dependencies_are_not_those_of_tests() {
    let tree = |package: &str| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--locked",
                "--offline",
                "-e",
                "normal",
                "--prefix",
                "none",
                "-p",
                package,
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = String::from_utf8(output.stdout).unwrap();
        let names = lines.lines().filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let deployed = tree("cos-issuer");
    for foreign in [
        "cos-emulator",
        "rcgen",
        "clap",
        "proptest",
        "aws-lc-rs",
        "openssl",
        "native-tls",
    ] {
        assert!(!deployed.contains(foreign), "{foreign}");
    }
    assert!(
        tree("cos-emulator").contains("rcgen"),
        "the search looks for names that do not exist"
    );
}

/// The issuing path alone keeps to 4 MB (of a million bytes); tokens take 70 KB more, and the grants file with its TOML 170 KB.
/// Whatever makes it grow further has to be worth it.
#[test]
fn it_weighs_at_most_4_2_mb() {
    let bytes = std::fs::metadata(bootstrap().unwrap()).unwrap().len();
    assert!(bytes <= 4_200_000, "{bytes} bytes");
}

fn contains(binary: &[u8], text: &str) -> bool {
    binary
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
