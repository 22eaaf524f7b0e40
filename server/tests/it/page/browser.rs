//! A browser, and the page in it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel, TypingData};
use tokio::sync::Semaphore;

use crate::server::Server;

/// The longest wait for any condition.
const PATIENCE: Duration = Duration::from_secs(20);
/// The interval of checks.
const INTERVAL: Duration = Duration::from_millis(25);

/// Limits the number of browsers that run at the same time.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// A window of the browser with the page in it.
#[derive(Clone)]
pub(crate) struct Page {
    driver: WebDriver,
}

/// `chromedriver`, which is killed when it is dropped.
struct Driver {
    child: Child,
    url: String,
}

/// Runs a test in a browser, and requires that the page wrote no error to the console and sent requests to this server
/// alone.
///
/// Without `chromedriver` the test is skipped with a message, unless `LABEL_INDEX_REQUIRE_CHROMIUM` is `1`.
pub(crate) async fn browse(server: &Server, test: impl AsyncFnOnce(&Page)) {
    let Some((errors, addresses)) = run(test).await else { return };
    assert!(errors.is_empty(), "{errors:#?}");
    let elsewhere: Vec<_> = addresses.iter().filter(|address| !address.starts_with(&server.url)).collect();
    assert!(!addresses.is_empty() && elsewhere.is_empty(), "{elsewhere:?} of {addresses:?}");
    let with_token: Vec<_> = addresses.iter().filter(|address| address.contains("token=")).collect();
    assert!(with_token.is_empty(), "a token belongs into a header: {with_token:?}");
}

/// Runs a test in a browser in which requests fail, which the browser writes to the console.
pub(crate) async fn browse_with_failures(test: impl AsyncFnOnce(&Page)) {
    let Some((errors, _)) = run(test).await else { return };
    let errors: Vec<_> = errors.iter().filter(|error| !error.contains("Failed to load resource")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Returns the errors on the console, and the requested addresses.
async fn run(test: impl AsyncFnOnce(&Page)) -> Option<(Vec<String>, Vec<String>)> {
    let Some(driver) = Driver::start() else {
        assert!(std::env::var("LABEL_INDEX_REQUIRE_CHROMIUM").as_deref() != Ok("1"), "chromedriver cannot be run");
        eprintln!("skipped: chromedriver cannot be run; install the packages chromium and chromium-driver");
        return None;
    };
    let _permit = BROWSERS.acquire().await.unwrap();
    // Fails for all calls but the first, which is as good.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut wanted = DesiredCapabilities::chrome();
    for argument in
        ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,860"]
    {
        wanted.add_arg(argument).unwrap();
    }
    wanted.set_logging_prefs("browser", LoggingPrefsLogLevel::All).unwrap();
    wanted.set_logging_prefs("performance", LoggingPrefsLogLevel::All).unwrap();
    let browser = WebDriver::new(driver.url.clone(), wanted).await.unwrap();
    let logs = browser.run_and_quit(async |driver| {
        let page = Page { driver };
        test(&page).await;
        Ok::<_, WebDriverError>((page.errors().await, page.addresses().await))
    });
    Some(logs.await.unwrap())
}

impl Driver {
    /// `chromedriver` takes a free port of IPv6 and ends if the same one is taken in IPv4, such as by a connection of
    /// another test: then it is started again, and takes another port.
    fn start() -> Option<Self> {
        const STARTS: usize = 10;
        for _ in 0..STARTS {
            let mut command = Command::new("chromedriver");
            let child = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
            let mut driver = Self { child, url: String::new() };
            if let Some(port) = driver.port() {
                driver.url = format!("http://127.0.0.1:{port}");
                return Some(driver);
            }
        }
        panic!("chromedriver ended {STARTS} times before it had a port");
    }

    /// The port that it says it has; `None` if it ends before.
    fn port(&mut self) -> Option<String> {
        BufReader::new(self.child.stdout.take()?).lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl Page {
    /// Opens the page for an instance with a token in the fragment, and waits for its chats.
    pub(crate) async fn open(&self, server: &Server, instance: &str, token: &str) {
        self.go(&format!("{}/#instance={instance}&token={token}", server.url)).await;
        self.ready().await;
    }

    pub(crate) async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Waits until the page is connected and shows the answer to its filter.
    pub(crate) async fn ready(&self) {
        self.until("document.getElementById('live').dataset.state === 'live'").await;
        self.until("document.getElementById('chat-list').ariaBusy === 'false'").await;
        self.until("document.getElementById('label-list').ariaBusy === 'false'").await;
    }

    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// The value of an expression in JavaScript.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let returned = self.driver.execute(format!("return {expression}"), Vec::new()).await;
        returned.unwrap_or_else(|error| panic!("{expression}: {error}")).json().clone()
    }

    /// The texts of elements.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let selector = json!(selector);
        let texts = self.value(&format!("[...document.querySelectorAll({selector})].map((e) => e.textContent)")).await;
        serde_json::from_value(texts).unwrap()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: impl Into<String>) -> impl Future<Output = ()> {
        let (expression, caller) = (expression.into(), std::panic::Location::caller());
        async move {
            let began = Instant::now();
            while self.value(&format!("Boolean({expression})")).await != true {
                let state = "document.body.innerText.slice(0, 2000)";
                let is_late = began.elapsed() > PATIENCE;
                assert!(!is_late, "{caller}: not within {PATIENCE:?}: {expression}\n{}", self.value(state).await);
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// Waits until an element has a text.
    #[track_caller]
    pub(crate) fn until_text(&self, selector: &str, text: &str) -> impl Future<Output = ()> {
        let expression = format!("document.querySelector({})?.textContent === {}", json!(selector), json!(text));
        let caller = std::panic::Location::caller();
        async move {
            let began = Instant::now();
            while self.value(&expression).await != true {
                let texts = self.texts(selector).await;
                assert!(began.elapsed() < PATIENCE, "{caller}: {selector} is not {text:?}: {texts:?}");
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// Clicks an element as a user does: it has to be there, visible, and not covered by another.
    pub(crate) async fn click(&self, selector: &str) {
        let began = Instant::now();
        loop {
            let clicked = match self.driver.find(By::Css(selector)).await {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            match clicked {
                Ok(()) => return,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{selector}: {error}"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Types into the element that has the focus.
    pub(crate) async fn keys(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Chooses an option of a list.
    pub(crate) async fn choose(&self, selector: &str, option: &str) {
        self.click(&format!("{selector} option[value={}]", json!(option))).await;
    }

    /// The ids of the chats that are shown.
    pub(crate) async fn chats(&self) -> Vec<String> {
        let ids = self.value("[...document.querySelectorAll('#chat-list .who')].map((e) => e.title)").await;
        serde_json::from_value(ids).unwrap()
    }

    /// Waits until these chats are shown, in any order.
    #[track_caller]
    pub(crate) fn until_chats(&self, chats: &[&str]) -> impl Future<Output = ()> {
        let mut wanted = chats.to_vec();
        wanted.sort_unstable();
        let shown = "[...document.querySelectorAll('#chat-list .who')].map((e) => e.title).sort()";
        self.until(format!("JSON.stringify({shown}) === JSON.stringify({})", json!(wanted)))
    }

    /// The names of labels that a chat is shown with.
    pub(crate) async fn labels_of(&self, chat: &str) -> Vec<String> {
        self.texts(&format!("#chat-list .chat[data-key={}] .chip .name", json!(chat))).await
    }

    /// A command to the browser beyond those of every browser.
    pub(crate) async fn tell(&self, command: &str, parameters: Value) {
        self.driver.cdp().send_raw(command, parameters).await.unwrap();
    }

    /// Gives the window the size of a phone.
    pub(crate) async fn be_a_phone(&self) {
        let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
        self.tell("Emulation.setDeviceMetricsOverride", phone).await;
    }

    /// Opens another window of the same browser, in which further steps happen.
    pub(crate) async fn new_window(&self) {
        let window = self.driver.new_window().await.unwrap();
        self.driver.switch_to_window(window).await.unwrap();
    }

    /// Switches to a window, by the order in which they were opened.
    pub(crate) async fn switch_to(&self, number: usize) {
        let windows = self.driver.windows().await.unwrap();
        self.driver.switch_to_window(windows[number].clone()).await.unwrap();
    }

    async fn errors(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        log.into_iter().filter(|entry| entry.level == "SEVERE").map(|entry| entry.message).collect()
    }

    /// The requested addresses of this window.
    async fn addresses(&self) -> Vec<String> {
        let log = self.driver.get_log("performance").await.unwrap();
        let sent = log.into_iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(&entry.message).unwrap();
            let event = &event["message"];
            let address = event["params"]["request"]["url"].as_str()?;
            (event["method"] == "Network.requestWillBeSent").then(|| address.to_owned())
        });
        sent.collect()
    }
}
