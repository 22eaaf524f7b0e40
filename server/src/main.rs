//! Labels on chats over HTTP: a small server on top of `label-index`.

mod app;
mod arguments;
mod chat_write;
mod demo;
mod events;
mod failure;
mod follow;
mod label_write;
mod metrics;
mod observe;
mod page;
mod rate;
mod request;
mod routes;
mod schemas;
mod serve;
mod stripes;
mod tls;
mod tokens;
mod upstream;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    observe::log_to_stderr();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime.map_err(|error| format!("no runtime: {error}")).and_then(|runtime| {
        let served = runtime.block_on(serve::serve(arguments));
        // The store is closed by then; a request that is still being answered cannot change anything.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("label-index-server: {message}");
            ExitCode::FAILURE
        }
    }
}
