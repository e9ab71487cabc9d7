//! The floor: ends of a connection that do nothing but move bytes.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// Connections of the bare client.
const SESSIONS: u32 = 100;

/// Says where it listens, as a server of mxlab does, and serves each connection with `serve`.
fn listen<F: Future<Output = io::Result<()>> + Send + 'static>(serve: impl Fn(TcpStream) -> F) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        eprintln!("listens on {}", listener.local_addr().expect("an address"));
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            tokio::spawn(serve(stream));
        }
    });
}

/// A server that looks at the first letter of a line, and for the end of data.
pub(crate) fn smtp() {
    listen(|mut stream| async move {
        stream.write_all(b"220 bare\r\n").await?;
        let (mut buffer, mut used, mut in_message) = (vec![0; 65_536], 0, false);
        loop {
            let read = stream.read(&mut buffer[used..]).await?;
            if read == 0 {
                return Ok(());
            }
            used += read;
            if in_message {
                if !buffer[..used].ends_with(b"\r\n.\r\n") {
                    // Whatever comes before the last five bytes is not needed any more.
                    let keep = used.min(5);
                    buffer.copy_within(used - keep..used, 0);
                    used = keep;
                    continue;
                }
                in_message = false;
                stream.write_all(b"250 ok\r\n").await?;
            } else if buffer[..used].ends_with(b"\n") {
                let reply: &[u8] = match buffer[0].to_ascii_uppercase() {
                    b'D' => b"354 go\r\n",
                    b'Q' => return stream.write_all(b"221 bye\r\n").await,
                    _ => b"250 ok\r\n",
                };
                in_message = reply.starts_with(b"354");
                stream.write_all(reply).await?;
            } else {
                continue;
            }
            used = 0;
        }
    });
}

/// A server that refuses every client.
pub(crate) fn refuse() {
    listen(|mut stream| async move { stream.write_all(b"421 bare is busy\r\n").await });
}

/// Sizes of what goes to and fro in a transaction: a command and its reply, four times; or all commands, then the
/// message.
fn exchanges(size: usize, pipelined: bool) -> Vec<(usize, usize)> {
    if pipelined { vec![(70, 40), (size, 10)] } else { vec![(28, 14), (28, 14), (6, 12), (size, 10)] }
}

/// Answers fixed sizes with fixed sizes.
pub(crate) fn pong(size: usize, pipelined: bool) {
    listen(move |mut stream| async move {
        let (exchanges, mut buffer, reply) = (exchanges(size, pipelined), vec![0; 65_536], [b'2'; 64]);
        loop {
            for (to, fro) in &exchanges {
                let mut left = *to;
                while left > 0 {
                    let most = left.min(buffer.len());
                    let read = stream.read(&mut buffer[..most]).await?;
                    if read == 0 {
                        return Ok(());
                    }
                    left -= read;
                }
                stream.write_all(&reply[..*fro]).await?;
            }
        }
    });
}

/// Sends fixed sizes and waits for fixed sizes.
pub(crate) fn ping(at: &str, size: usize, messages: u32, pipelined: bool) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sessions = (0..SESSIONS).map(|n| {
            let (at, own) = (at.to_owned(), messages / SESSIONS + u32::from(n < messages % SESSIONS));
            tokio::spawn(session(at, size, own, pipelined))
        });
        for session in sessions.collect::<Vec<_>>() {
            session.await.expect("a session ends").expect("the other end is there");
        }
    });
}

async fn session(at: String, size: usize, messages: u32, pipelined: bool) -> io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let (exchanges, body, mut reply) = (exchanges(size, pipelined), vec![b'x'; size], [0; 64]);
    for _ in 0..messages {
        for (to, fro) in &exchanges {
            stream.write_all(&body[..*to]).await?;
            stream.read_exact(&mut reply[..*fro]).await?;
        }
    }
    Ok(())
}
