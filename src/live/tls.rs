//! TLS on loopback: a certificate made at the start, and a client that checks none.
//!
//! It protects nothing: what is tested is that STARTTLS takes place, what it costs and what breaks. TLS 1.2 and 1.3,
//! with the cryptography of aws-lc, named here and not left to the process's default.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream as ClientStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio_rustls::server::TlsStream as ServerStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The server's side: a certificate, signed by itself, and its configuration.
#[derive(Clone)]
pub struct ServerTls {
    tls: TlsAcceptor,
    pem: Arc<str>,
}

/// The client's side. It accepts any certificate: those of test servers on loopback are signed by themselves. Not for
/// any other network.
#[derive(Clone)]
pub struct ClientTls {
    tls: TlsConnector,
}

/// Whether a client asks for STARTTLS.
#[derive(Clone, Debug, Default)]
pub enum StartTls {
    /// It stays in the clear, whatever is offered.
    #[default]
    Never,
    /// Where it is offered; where it is refused, the client goes on in the clear.
    May(ClientTls),
    /// Always: where it is not to be had, the client sends nothing.
    Must(ClientTls),
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate cannot be made: an invalid name, or no random numbers.
    #[error("the certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate or the configuration cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

impl ServerTls {
    /// Makes a certificate for these names and addresses and `localhost`, and signs it with its own key. Neither is
    /// written to a file.
    ///
    /// # Errors
    /// A name cannot stand in a certificate.
    pub fn self_signed(names: &[String], addresses: &[IpAddr]) -> Result<Self, TlsError> {
        let mut all = vec!["localhost".to_owned()];
        all.extend(names.iter().cloned().chain(addresses.iter().map(IpAddr::to_string)));
        all.sort_unstable();
        all.dedup();
        let mut params = CertificateParams::new(all)?;
        params.distinguished_name.push(DnType::CommonName, "mxlab");
        let own = KeyPair::generate()?;
        let certificate = params.self_signed(&own)?;
        let key = PrivateKeyDer::try_from(own.serialize_der()).map_err(|e| rustls::Error::General(e.into()))?;
        let config = ServerConfig::builder_with_provider(cryptography())
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Self { tls: Arc::new(config).into(), pem: certificate.pem().into() })
    }

    /// The certificate, for clients that are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Does the handshake on a connection on which the client has just been told to go ahead.
    ///
    /// # Errors
    /// The client does not speak TLS, or the handshake takes longer than `limit` of wall-clock time.
    pub async fn accept<S>(&self, stream: S, limit: Duration) -> io::Result<ServerStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(limit, self.tls.accept(stream)).await?
    }
}

impl ClientTls {
    /// A client that accepts any certificate.
    ///
    /// # Errors
    /// The TLS library rejects its own defaults; nothing that a caller does can cause it.
    pub fn accepting_any_certificate() -> Result<Self, TlsError> {
        let provider = cryptography();
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(config).into() })
    }

    /// Does the handshake on a connection on which the server has just said to go ahead. `name` is sent as the server's
    /// name; a text that is no host name is not sent.
    ///
    /// # Errors
    /// The server does not speak TLS, or the handshake takes longer than `limit` of wall-clock time.
    pub async fn connect<S>(&self, name: &str, stream: S, limit: Duration) -> io::Result<ClientStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let unnamed = || ServerName::from(IpAddr::from([127, 0, 0, 1]));
        let name = ServerName::try_from(name.to_owned()).unwrap_or_else(|_| unnamed());
        timeout(limit, self.tls.connect(name, stream)).await?
    }
}

fn cryptography() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Accepts any certificate, but checks that the handshake is signed with its key: what is on the wire is real TLS.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio_rustls::rustls::{ProtocolVersion, RootCertStore, SupportedProtocolVersion};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn acceptor() -> ServerTls {
        ServerTls::self_signed(&["mx.charter.net".to_owned()], &[[127, 0, 1, 1].into()]).unwrap()
    }

    /// The certificate in the acceptor's PEM.
    fn certificate(acceptor: &ServerTls) -> CertificateDer<'static> {
        use rustls::pki_types::pem::PemObject;
        CertificateDer::from_pem_slice(acceptor.pem().as_bytes()).unwrap()
    }

    async fn shake(connector: &ClientTls, name: &str, acceptor: &ServerTls) -> io::Result<ClientStream<DuplexStream>> {
        let (near, far) = duplex(8_192);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut server = acceptor.accept(far, LIMIT).await?;
            server.write_all(b"220 now in private\r\n").await?;
            server.shutdown().await
        });
        connector.connect(name, near, LIMIT).await
    }

    #[tokio::test]
    async fn the_client_accepts_a_certificate_for_any_name() {
        let connector = ClientTls::accepting_any_certificate().unwrap();
        for name in ["mx.charter.net", "another.example", "127.0.0.9", "no name at all"] {
            let mut client = shake(&connector, name, &acceptor()).await.unwrap();
            assert_eq!(client.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
            let mut said = String::new();
            client.read_to_string(&mut said).await.unwrap();
            assert_eq!(said, "220 now in private\r\n");
        }
    }

    /// A client that trusts only this certificate, and checks names.
    fn careful(acceptor: &ServerTls, version: &'static SupportedProtocolVersion) -> ClientTls {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(acceptor)).unwrap();
        let config = ClientConfig::builder_with_provider(cryptography())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        ClientTls { tls: Arc::new(config).into() }
    }

    #[tokio::test]
    async fn the_certificate_has_the_names_it_was_made_for() {
        let acceptor = acceptor();
        for version in [&TLS12, &TLS13] {
            for (name, good) in
                [("mx.charter.net", true), ("localhost", true), ("127.0.1.1", true), ("mx.rr.com", false)]
            {
                let client = shake(&careful(&acceptor, version), name, &acceptor).await;
                assert_eq!(client.is_ok(), good, "{name} over {:?}: {client:?}", version.version);
            }
        }
    }

    #[tokio::test]
    async fn a_failed_or_slow_handshake_is_an_error() {
        let (mut near, far) = duplex(1_024);
        near.write_all(b"EHLO client.example\r\n").await.unwrap();
        assert!(acceptor().accept(far, LIMIT).await.is_err());
        let (near, far) = duplex(1_024);
        let error = acceptor().accept(far, Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let connector = ClientTls::accepting_any_certificate().unwrap();
        assert!(connector.connect("mx.charter.net", near, LIMIT).await.is_err(), "the server is gone");
    }

    #[test]
    fn a_certificate_for_an_invalid_name_is_an_error() {
        assert!(ServerTls::self_signed(&["grüße.example".to_owned()], &[]).is_err());
    }
}
