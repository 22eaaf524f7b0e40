//! The certificate, which can be replaced while the server runs.

use std::path::{Path, PathBuf};

use axum_server::tls_rustls::RustlsConfig;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::Arguments;

/// A certificate and its key, and their files.
#[derive(Debug)]
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    config: RustlsConfig,
}

impl Tls {
    /// The configured certificate, if there is one.
    ///
    /// # Errors
    ///
    /// The fault in a file, or in the pair.
    pub(crate) async fn open(arguments: &Arguments) -> Result<Option<Self>, String> {
        let (Some(cert), Some(key)) = (arguments.cert.clone(), arguments.key.clone()) else { return Ok(None) };
        let (chain, secret) = read(&cert, &key).await?;
        let config = RustlsConfig::from_pem(chain, secret).await;
        let config = config.map_err(|error| of_both(&cert, &key, &error))?;
        Ok(Some(Self { cert, key, config }))
    }

    /// The configuration of connections.
    pub(crate) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Reads both files again at each SIGHUP, for later connections. If they cannot be used, that is logged, and the
    /// certificate stays.
    ///
    /// # Errors
    ///
    /// When signals cannot be received.
    pub(crate) fn follow(self) -> Result<(), String> {
        let told = signal(SignalKind::hangup()).map_err(|error| format!("no signals: {error}"))?;
        tokio::spawn(self.reload_when(told));
        Ok(())
    }

    async fn reload_when(self, mut told: Signal) {
        while told.recv().await.is_some() {
            match self.reload().await {
                Ok(()) => tracing::info!("the certificate was read anew"),
                Err(error) => tracing::error!(error, "the certificate stays as it was"),
            }
        }
    }

    async fn reload(&self) -> Result<(), String> {
        let (cert, key) = read(&self.cert, &self.key).await?;
        self.config.reload_from_pem(cert, key).await.map_err(|error| of_both(&self.cert, &self.key, &error))
    }
}

async fn read(cert: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), String> {
    let read = async |file: &Path| {
        let bytes = tokio::fs::read(file).await;
        bytes.map_err(|error| format!("{}: {error}", file.display()))
    };
    Ok((read(cert).await?, read(key).await?))
}

fn of_both(cert: &Path, key: &Path, error: &std::io::Error) -> String {
    format!("{} and {}: {error}", cert.display(), key.display())
}
