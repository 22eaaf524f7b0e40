//! TLS with a certificate of the test's own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use reqwest::{Certificate, Client, Method};

use crate::server::{SHOP, Server, command};

/// A certificate for `localhost` and its key, in files.
struct Pair {
    cert: PathBuf,
    key: PathBuf,
    pem: String,
}

impl Pair {
    fn new(folder: &Path, name: &str) -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        let pem = signed.cert.pem();
        std::fs::write(&cert, &pem).unwrap();
        std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
        Self { cert, key, pem }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn requests_are_answered_over_tls_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::new(folder.path(), "shop");
    let arguments = ["--cert", text(&pair.cert), "--key", text(&pair.key)];
    let mut server = Server::start_in(&folder.path().join("data"), &arguments);
    assert!(server.url.starts_with("https://127.0.0.1:"));

    let plain = server.url.replace("https://", "http://");
    assert!(server.client.get(plain).send().await.is_err());
    assert!(server.request(Method::GET, "/v2/instances").send().await.is_err(), "nobody vouches for the certificate");

    server.url = server.url.replace("127.0.0.1", "localhost");
    let root = Certificate::from_pem(pair.pem.as_bytes()).unwrap();
    server.client = Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    assert_eq!(server.get("/v2/instances").await.ok()["instances"][0], "shop");
    let vip = server.label("VIP").await;
    server.link(&vip, "5511999990001").await;
    assert_eq!(server.labels_of("5511999990001").await, [vip]);
    assert_eq!(server.with_token(Method::GET, "/openapi.json", SHOP).send().await.unwrap().status(), 200);

    let stranger = Certificate::from_pem(Pair::new(folder.path(), "stranger").pem.as_bytes()).unwrap();
    server.client = Client::builder().no_proxy().tls_certs_only([stranger]).build().unwrap();
    assert!(server.request(Method::GET, "/v2/instances").send().await.is_err(), "signed by somebody else");
    assert!(server.terminate());
}

#[tokio::test]
async fn a_certificate_is_read_anew_and_one_that_cannot_be_used_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, next) = (Pair::new(folder.path(), "shop"), Pair::new(folder.path(), "next"));
    let mut server = Server::start_in(
        &folder.path().join("data"),
        &["--cert", text(&pair.cert), "--key", text(&pair.key), "--drain", "0"],
    );
    server.url = server.url.replace("127.0.0.1", "localhost");
    // Each request has a connection of its own.
    let is_trusted = async |server: &Server, pem: &str| {
        let root = Certificate::from_pem(pem.as_bytes()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
        client.get(format!("{}/healthz", server.url)).send().await.is_ok()
    };
    let has = async |server: &Server, pem: &str| {
        let began = std::time::Instant::now();
        while !is_trusted(server, pem).await {
            assert!(began.elapsed() < std::time::Duration::from_secs(20), "the certificate is not read");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    has(&server, &pair.pem).await;
    assert!(!is_trusted(&server, &next.pem).await);
    // The certificate does not fit the key yet: until its key is there too, the old one is used.
    std::fs::copy(&next.cert, &pair.cert).unwrap();
    server.hang_up();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(is_trusted(&server, &pair.pem).await && !is_trusted(&server, &next.pem).await);
    std::fs::copy(&next.key, &pair.key).unwrap();
    server.hang_up();
    has(&server, &next.pem).await;
    assert!(!is_trusted(&server, &pair.pem).await);
    std::fs::remove_file(&pair.key).unwrap();
    server.hang_up();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(is_trusted(&server, &next.pem).await);
    assert!(server.terminate());
}

#[test]
fn what_cannot_be_a_certificate_and_its_key_is_named_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, other) = (Pair::new(folder.path(), "shop"), Pair::new(folder.path(), "other"));
    let (empty, missing) = (folder.path().join("empty.pem"), folder.path().join("missing.pem"));
    std::fs::write(&empty, "").unwrap();
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, pair.pem.replace("MII", "M%I")).unwrap();
    let data = folder.path().join("data");
    let refused = |cert: &Path, key: &Path| {
        let mut command = command();
        command.args(["--data", text(&data), "--cert", text(cert), "--key", text(key)]).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{} and {} are taken", text(cert), text(key));
        String::from_utf8(output.stderr).unwrap()
    };
    for (cert, key, expected) in [
        (&missing, &pair.key, vec![text(&missing), "No such file"]),
        (&pair.cert, &missing, vec![text(&missing), "No such file"]),
        (&pair.cert, &other.key, vec![text(&pair.cert), text(&other.key), "KeyMismatch"]),
        (&pair.cert, &empty, vec![text(&empty), "private"]),
        (&empty, &pair.key, vec![text(&empty), "certificate"]),
        (&pair.key, &pair.cert, vec![text(&pair.key)]),
        (&broken, &pair.key, vec![text(&broken)]),
    ] {
        let message = refused(cert, key);
        assert!(expected.iter().all(|part| message.contains(part)), "no {expected:?} in {message}");
        assert!(!message.contains("panicked"), "{message}");
    }
    assert!(!std::fs::exists(&data).unwrap());
}
