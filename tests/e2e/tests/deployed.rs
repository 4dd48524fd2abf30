//! The deployed binary itself: nothing of the local cloud in it, nothing that needs a C library of
//! the platform, no more than it may weigh.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use cos_issuer_e2e::bootstrap;

#[test]
fn it_contains_nothing_of_the_local_cloud() {
    let binary = std::fs::read(bootstrap().unwrap()).unwrap();
    assert!(!contains(&binary, cos_emulator::MARKER), "the local cloud is in the deployed binary");
    // The same search finds what is there, so it is able to fail.
    assert!(contains(&binary, "(listed above)."));
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
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let names = lines.lines().filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let deployed = tree("cos-issuer");
    for foreign in
        ["cos-emulator", "rcgen", "clap", "proptest", "aws-lc-rs", "openssl", "native-tls"]
    {
        assert!(!deployed.contains(foreign), "{foreign}");
    }
    assert!(tree("cos-emulator").contains("rcgen"), "the search looks for names that do not exist");
}

/// What is ours in it; the C library of the machine that links it adds 0.9 MB, more with each
/// release. The issuing path has 2.9 MB (of a million bytes); tokens take 70 KB more, and the
/// grants file with its TOML 170 KB. Cache, retries, endpoints and clock of STS take 90 KB;
/// limits, kill switch, shared store and the server's own limits take 0.5 MB; several issuers,
/// roles and signed requests 0.1 MB; what each request passes of the dependencies is optimised
/// for speed, for 0.2 MB. Whatever makes it grow further has to be worth it.
#[test]
fn it_weighs_at_most_4_1_mb_more_than_a_program_in_c() {
    let folder = tempfile::tempdir().unwrap();
    let hello = folder.path().join("hello");
    let mut compiler = Command::new("cc")
        .args(["-x", "c", "-O2", "-static-pie", "-s", "-o"])
        .arg(&hello)
        .args(["-", "-lm"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut source = compiler.stdin.take().unwrap();
    source.write_all(HELLO_IN_C.as_bytes()).unwrap();
    drop(source);
    assert!(compiler.wait().unwrap().success());
    let bytes = |path| std::fs::metadata(path).unwrap().len();
    let ours = bytes(bootstrap().unwrap()).saturating_sub(bytes(hello));
    // Not less either: then the C program would not be what it should.
    assert!((2_000_000..=4_100_000).contains(&ours), "{ours} bytes");
}

/// What the deployed binary uses most of the C library for: names of hosts, threads, numbers.
const HELLO_IN_C: &str = r#"
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
static void *run(void *argument) { return argument; }
int main(int count, char **arguments) {
    struct addrinfo *found;
    pthread_t thread;
    pthread_create(&thread, 0, run, 0);
    pthread_join(thread, 0);
    printf("%d %f\n", getaddrinfo(arguments[0], 0, 0, &found), pow(count, count));
    return 0;
}
"#;

fn contains(binary: &[u8], text: &str) -> bool {
    binary.windows(text.len()).any(|window| window == text.as_bytes())
}
