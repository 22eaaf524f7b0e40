//! The program under test, and requests to it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A token for all instances.
pub(crate) const ACCOUNT: &str = "account-token-0123456789";
/// A token for the instance `shop`.
pub(crate) const SHOP: &str = "shop-token-0123456789abcd";
/// A token for the instance `other`.
pub(crate) const OTHER: &str = "other-token-0123456789abc";

/// A running server, which is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Kept open: a server that writes to a closed pipe would fail.
    out: BufReader<ChildStdout>,
    pub(crate) url: String,
    pub(crate) client: Client,
    folder: Option<tempfile::TempDir>,
}

/// An answer of the server.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        assert_eq!(self.body["success"], true);
        self.body
    }

    /// Requires a failure with exactly this message.
    #[track_caller]
    pub(crate) fn fails(&self, status: u16, message: &str) {
        let body = json!({ "success": false, "error": { "message": message } });
        assert_eq!((self.status.as_u16(), &self.body), (status, &body));
    }

    /// Requires a failure with a message that contains a text.
    #[track_caller]
    pub(crate) fn fails_with(&self, status: u16, part: &str) {
        let message = self.body["error"]["message"].as_str().unwrap_or_default();
        assert!(self.status.as_u16() == status && message.contains(part), "no {status} with {part:?}: {self:?}");
        assert_eq!(self.body["success"], false);
    }
}

/// The program on a free port, without the variables of the test's environment.
pub(crate) fn command() -> Command {
    command_at("127.0.0.1:0")
}

fn command_at(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-index-server"));
    command.env_clear().args(["--listen", address]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

impl Server {
    /// A server of the instances `shop` and `other` in a folder of its own.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(folder.path(), arguments);
        server.folder = Some(folder);
        server
    }

    /// A server on a folder.
    pub(crate) fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, arguments)
    }

    /// A server at an address.
    pub(crate) fn start_at(address: &str, folder: &Path, arguments: &[&str]) -> Self {
        let tokens = format!("account {ACCOUNT}\ninstance shop {SHOP}\ninstance other {OTHER}");
        let mut command = command_at(address);
        command.arg("--data").arg(folder).env("LABEL_INDEX_TOKENS", tokens).args(arguments);
        let (mut server, first) = Self::run(command);
        first.strip_prefix("listening ").expect("where it listens").clone_into(&mut server.url);
        server
    }

    /// Runs a command. Returns the first line that it prints.
    pub(crate) fn run(mut command: Command) -> (Self, String) {
        // Fails for all calls but the first, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, out, url: String::new(), client, folder: None };
        let first = server.line();
        (server, first)
    }

    /// The next line that the server prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A request of any kind.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request of the first interface, with a token in a header.
    pub(crate) fn with_token(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.request(method, path).header("token", token)
    }

    /// `GET` with the token of the shop in a header.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.with_token(Method::GET, path, SHOP)).await
    }

    /// A request of the second interface to the shop, without a body.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Answer {
        send(self.session(method, path)).await
    }

    /// A request of the second interface to the shop, with a body.
    pub(crate) async fn tell(&self, method: Method, path: &str, body: Value) -> Answer {
        send(self.session(method, path).json(&body)).await
    }

    /// A request of the second interface to the shop.
    pub(crate) fn session(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).query(&[("instance_id", "shop"), ("access_token", SHOP)])
    }

    /// Makes a label in the shop. Returns its id.
    pub(crate) async fn label(&self, name: &str) -> String {
        let created = self.tell(Method::POST, "/v2/labels", json!({ "name": name })).await;
        assert_eq!(created.status, StatusCode::CREATED);
        created.ok()["label"]["id"].as_str().unwrap().to_owned()
    }

    /// The address that the server listens at.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Links a chat of the shop.
    pub(crate) async fn link(&self, label: &str, chat: &str) {
        self.ask(Method::PUT, &format!("/v2/labels/{label}/chats/{chat}")).await.ok();
    }

    /// The ids of the labels that a chat of the shop has.
    pub(crate) async fn labels_of(&self, chat: &str) -> Vec<String> {
        let answer = self.ask(Method::GET, &format!("/v2/labels/chats/{chat}")).await.ok();
        ids(&answer["labels"])
    }
}

impl Server {
    /// Tells the server to end, and does not wait.
    pub(crate) fn signal(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
    }

    /// Tells the server to read its certificate again.
    pub(crate) fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }

    /// Kills the server, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells the server to end, as a service manager does. Returns whether it succeeded.
    pub(crate) fn terminate(&mut self) -> bool {
        self.signal();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Sends a request, and requires an answer in JSON.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {status} {text:?}"));
    Answer { status, body }
}

/// The ids of a list of labels.
pub(crate) fn ids(labels: &Value) -> Vec<String> {
    let labels = labels.as_array().expect("a list of labels");
    labels.iter().map(|label| label["id"].as_str().unwrap().to_owned()).collect()
}

/// The chats of a list of chats.
pub(crate) fn chats(answer: &Value) -> Vec<String> {
    let chats = answer["chats"].as_array().expect("a list of chats");
    chats.iter().map(|chat| chat["chat_id"].as_str().unwrap().to_owned()).collect()
}
