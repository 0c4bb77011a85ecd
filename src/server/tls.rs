//! The server's certificate and key: ring underneath, read again when the files change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum_server::tls_rustls::RustlsConfig;
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::listen::ServeError;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Files of a certificate chain and its private key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads both and checks that they fit together.
    ///
    /// # Errors
    /// [`ServeError::Tls`], naming the file.
    pub fn load(&self) -> Result<Arc<ServerConfig>, ServeError> {
        let chain = read(&self.cert)
            .and_then(|pem| {
                CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())
            })
            .and_then(
                |chain| if chain.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(chain) },
            )
            .map_err(|why| ServeError::Tls { file: self.cert.clone(), why })?;
        let key = read(&self.key)
            .and_then(|pem| PrivateKeyDer::from_pem_slice(&pem).map_err(|e| format!("no private key: {e}")))
            .map_err(|why| ServeError::Tls { file: self.key.clone(), why })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| ServeError::Tls { file: self.cert.clone(), why: error.to_string() })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
    }

    /// Reads the files again whenever they change; what cannot be used is logged, and the old ones stay.
    pub async fn follow(self, config: RustlsConfig) {
        let mut seen = self.changed();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.changed();
            if now == seen {
                continue;
            }
            seen = now;
            match self.load() {
                Ok(fresh) => {
                    config.reload_from_config(fresh);
                    tracing::info!("the certificate was renewed");
                }
                Err(error) => tracing::error!(%error, "the new certificate cannot be used: the old one stays"),
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| error.to_string())
}

/// Makes ring the process's provider, for whoever asks without naming one.
pub fn provider() {
    // It fails when there is one already, which is as good.
    let _ = ring::default_provider().install_default();
}
