//! Connections with TLS. Trusted certificates are those of the process, so these tests run the program.

use std::process::{Command, Output};

use super::connect;
use super::server::Server;
use crate::program::BINARY;

/// Gives the server a certificate of its own. Returns the file.
fn secure(server: &Server) -> std::path::PathBuf {
    let (certificate, key) = (server.data().join("server.crt"), server.data().join("server.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost"]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    let made = openssl.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    server.give(&[&certificate, &key]);
    server.sql("ALTER SYSTEM SET ssl = on");
    server.sql("SELECT pg_reload_conf()");
    certificate
}

#[test]
fn a_certificate_is_checked_as_the_url_asks() {
    let Some(server) = Server::start() else { return };
    let certificate = secure(&server);
    let url = server.url().replace("sslmode=disable", "sslmode=require");
    drop(connect(&server, "label_index"));
    let stats = |url: &str, trusts: bool| -> Output {
        let mut program = Command::new(BINARY);
        program.args(["stats", "--store", url]);
        if trusts {
            program.env("SSL_CERT_FILE", &certificate);
        }
        program.output().unwrap()
    };
    let by_name = url.replace("127.0.0.1", "localhost");
    let (trusted, unknown, misnamed) = (stats(&by_name, true), stats(&by_name, false), stats(&url, true));
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(trusted.status.success(), "{}", said(&trusted));
    for refused in [&unknown, &misnamed] {
        assert!(!refused.status.success() && said(refused).contains("certificate"), "{}", said(refused));
        assert!(!said(refused).contains("s3cret"), "{}", said(refused));
    }
    // The server accepts only TLS, so the connection that worked had it.
    let rules = server.data().join("pg_hba.conf");
    std::fs::write(&rules, "hostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\nlocal all all trust\n")
        .unwrap();
    server.give(&[&rules]);
    server.reload();
    assert!(stats(&by_name, true).status.success());
    assert!(!stats(&by_name.replace("require", "disable"), true).status.success());
    assert!(stats(&by_name.replace("?sslmode=require", ""), true).status.success(), "TLS is used where it is offered");
}
