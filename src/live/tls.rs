//! TLS on loopback: a certificate made at the start, and a client that does not look at certificates.
//!
//! Nobody is protected by it: what is tested is that STARTTLS takes place, what it costs and what breaks. TLS 1.2 and
//! 1.3, with the cryptography of aws-lc, named here and not left to what a process happens to have chosen.

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

/// The server's side: a certificate, signed by itself, and whatever is done with it.
#[derive(Clone)]
pub struct Acceptor {
    tls: TlsAcceptor,
    pem: Arc<str>,
}

/// The client's side. It takes whatever certificate it is shown: on loopback there is nobody to be taken in, and the
/// certificates there are signed by themselves. Not for any other network.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
}

/// A handshake may take so long on the wall: on loopback it takes milliseconds.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

impl Acceptor {
    /// Makes a certificate for these names or addresses, `localhost` besides, and signs it with its own key. Neither is
    /// ever written anywhere.
    ///
    /// # Errors
    /// A name cannot stand in a certificate.
    pub fn for_names(names: impl IntoIterator<Item = String>) -> io::Result<Self> {
        let mut names: Vec<String> = names.into_iter().chain(["localhost".to_owned()]).collect();
        names.sort_unstable();
        names.dedup();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "mxlab");
        let own = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&own).map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(own.serialize_der()).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(cryptography())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key))
            .map_err(io::Error::other)?;
        Ok(Self { tls: Arc::new(config).into(), pem: certificate.pem().into() })
    }

    /// The certificate, for whoever wants to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Shakes hands on a connection on which the client has just been told to go ahead.
    ///
    /// # Errors
    /// What came was not TLS, or not all of it within [`HANDSHAKE_MAX`].
    pub async fn accept<S>(&self, stream: S) -> io::Result<ServerStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        in_time(HANDSHAKE_MAX, self.tls.accept(stream)).await
    }
}

impl Connector {
    /// A client that trusts anybody.
    ///
    /// # Errors
    /// The cryptography has no cipher for TLS 1.2 or 1.3: never, as it is built here.
    pub fn trusting_anybody() -> io::Result<Self> {
        let provider = cryptography();
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(config).into() })
    }

    /// Shakes hands on a connection on which the server has just said to go ahead. `name` is what it is asked for by; a
    /// text that is no name, as an MX's may be, is not sent.
    ///
    /// # Errors
    /// The server did not speak TLS, or not in time.
    pub async fn connect<S>(&self, name: &str, stream: S) -> io::Result<ClientStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let unnamed = || ServerName::from(IpAddr::from([127, 0, 0, 1]));
        let name = ServerName::try_from(name.to_owned()).unwrap_or_else(|_| unnamed());
        in_time(HANDSHAKE_MAX, self.tls.connect(name, stream)).await
    }
}

async fn in_time<T>(limit: Duration, handshake: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, handshake).await?
}

fn cryptography() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes any certificate, and still wants the handshake signed with its key: what is on the wire is TLS in earnest.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
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

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio_rustls::rustls::{ProtocolVersion, RootCertStore, SupportedProtocolVersion};

    use super::*;

    fn acceptor() -> Acceptor {
        Acceptor::for_names(["mx.charter.net", "127.0.1.1"].map(str::to_owned)).unwrap()
    }

    /// The certificate as it stands in its PEM.
    fn certificate(acceptor: &Acceptor) -> CertificateDer<'static> {
        use rustls::pki_types::pem::PemObject;
        CertificateDer::from_pem_slice(acceptor.pem().as_bytes()).unwrap()
    }

    async fn shake(connector: &Connector, name: &str, acceptor: &Acceptor) -> io::Result<ClientStream<DuplexStream>> {
        let (near, far) = duplex(8_192);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut server = acceptor.accept(far).await?;
            server.write_all(b"220 now in private\r\n").await?;
            server.shutdown().await
        });
        connector.connect(name, near).await
    }

    #[tokio::test]
    async fn hands_are_shaken_whatever_the_name() {
        let connector = Connector::trusting_anybody().unwrap();
        for name in ["mx.charter.net", "another.example", "127.0.0.9", "no name at all"] {
            let mut client = shake(&connector, name, &acceptor()).await.unwrap();
            assert_eq!(client.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
            let mut said = String::new();
            client.read_to_string(&mut said).await.unwrap();
            assert_eq!(said, "220 now in private\r\n");
        }
    }

    /// A client that trusts this certificate and looks at names.
    fn careful(acceptor: &Acceptor, version: &'static SupportedProtocolVersion) -> Connector {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(acceptor)).unwrap();
        let config = ClientConfig::builder_with_provider(cryptography())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Connector { tls: Arc::new(config).into() }
    }

    #[tokio::test]
    async fn whoever_trusts_the_certificate_finds_its_names_in_it() {
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
    async fn what_is_no_handshake_is_an_error() {
        let (mut near, far) = duplex(1_024);
        near.write_all(b"EHLO client.example\r\n").await.unwrap();
        assert!(acceptor().accept(far).await.is_err());
        let (near, far) = duplex(1_024);
        drop(far);
        let connector = Connector::trusting_anybody().unwrap();
        assert!(connector.connect("mx.charter.net", near).await.is_err(), "nobody there any more");
    }

    #[tokio::test]
    async fn a_handshake_is_not_waited_for_forever() {
        let (near, far) = duplex(1_024);
        let error = in_time(Duration::from_millis(1), acceptor().tls.accept(far)).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(near);
    }

    #[test]
    fn a_name_that_is_none_is_an_error() {
        assert!(Acceptor::for_names(["grüße.example".to_owned()]).is_err());
    }
}
