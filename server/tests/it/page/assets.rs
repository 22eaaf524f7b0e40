//! The files of the page, and the headers that they come with.

use reqwest::{Method, StatusCode};

use crate::server::{Server, send};

/// The addresses in a file, relative to the page.
fn references(text: &str) -> Vec<String> {
    let quoted = text.split('"').filter(|part| part.starts_with("page/") || part.starts_with("./"));
    quoted.map(|part| format!("/{}", part.replace("./", "page/"))).collect()
}

#[tokio::test]
async fn the_files_are_all_there_and_name_nobody_else() {
    let server = Server::start();
    let (mut known, mut open) = (Vec::new(), vec!["/".to_owned()]);
    while let Some(path) = open.pop() {
        if known.contains(&path) {
            continue;
        }
        let response = server.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("require-trusted-types-for 'script'"));
        assert_eq!(
            (&headers["x-content-type-options"], &headers["referrer-policy"]),
            (&"nosniff".parse().unwrap(), &"no-referrer".parse().unwrap())
        );
        let text = response.text().await.unwrap();
        // The names of XML are no addresses: nothing is loaded from them.
        let plain = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!plain.contains("//www.") && !plain.contains("http:") && !plain.contains("https:"), "{path}");
        open.extend(references(&text));
        known.push(path);
    }
    assert!(known.len() > 30, "{known:?}");
}

#[tokio::test]
async fn a_browser_that_has_a_file_is_not_sent_it_again() {
    let server = Server::start();
    let first = server.request(Method::GET, "/page/main.js").send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    let again = server.request(Method::GET, "/page/main.js").header("if-none-match", &tag).send().await.unwrap();
    assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &tag));
    assert_eq!(again.bytes().await.unwrap().len(), 0);
    let other = server.request(Method::GET, "/page/inbox.js").header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn there_are_no_other_files() {
    let server = Server::start();
    for path in ["/page", "/page/", "/page/other.js", "/page/..%2Fmod.rs", "/page/script/main.js"] {
        send(server.request(Method::GET, path)).await.fails(404, "Not found");
    }
    send(server.request(Method::POST, "/")).await.fails(405, "Method not allowed");
}
