//! placeholder until the branch with the real one is merged
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls;

#[derive(Clone)]
pub struct Acceptor(tokio_rustls::TlsAcceptor);
impl std::fmt::Debug for Acceptor { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("Acceptor") } }
impl Acceptor {
    pub fn for_names(names: impl IntoIterator<Item = String>) -> io::Result<Self> {
        let names: Vec<String> = names.into_iter().collect();
        let ck = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(ck.signing_key.serialize_der().into());
        let c = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)?
            .with_no_client_auth().with_single_cert(vec![ck.cert.der().clone()], key).map_err(io::Error::other)?;
        Ok(Self(tokio_rustls::TlsAcceptor::from(Arc::new(c))))
    }
    pub async fn accept(&self, s: TcpStream) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> { self.0.accept(s).await }
}
#[derive(Clone)]
pub struct Connector(tokio_rustls::TlsConnector);
impl std::fmt::Debug for Connector { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("Connector") } }
impl Connector {
    pub async fn connect(&self, _name: &str, s: TcpStream) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        self.0.connect(rustls::pki_types::ServerName::try_from("localhost").unwrap(), s).await
    }
}
