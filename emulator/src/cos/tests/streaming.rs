//! A gigabyte through a process that may not grow by it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::HOST;
use super::child::{self, Served};

const TEST: &str = "cos::tests::streaming::a_gigabyte_comes_and_goes_in_bounded_memory";
const CHUNK: usize = 1024 * 1024;
const CHUNKS: usize = 1024;
const MAX_GROWTH_KIB: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_comes_and_goes_in_bounded_memory() {
    if child::serves().await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(TEST, directory.path()).await;
    let before = served.peak_kib();
    let head = |method: &str, length: usize| {
        format!(
            "{method} /big HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: let-me-in\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let chunk = vec![0x5a; CHUNK];
    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    let put = head("PUT", CHUNK * CHUNKS);
    stream.write_all(put.as_bytes()).await.unwrap();
    for _ in 0..CHUNKS {
        stream.write_all(&chunk).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(served.peak_kib() < before + MAX_GROWTH_KIB);

    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    stream.write_all(head("GET", 0).as_bytes()).await.unwrap();
    let mut buffer = vec![0; CHUNK];
    let mut received = 0;
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => received += read,
        }
    }
    // The head comes before it.
    assert!((1..2000).contains(&(received - CHUNK * CHUNKS)), "{received}");
    let grown = served.peak_kib() - before;
    assert!(grown < MAX_GROWTH_KIB, "{grown} KiB more");
}
