//! Clients that come in numbers and say nothing: those that are refused at connect, and those that stay.

use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream as Blocking;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

/// Connects so many times, so many at a time, and reads what it is told until the server closes.
pub(crate) fn connect(at: &str, connects: u32, at_a_time: u32) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let clients = (0..at_a_time).map(|n| {
            let (at, own) = (at.to_owned(), connects / at_a_time + u32::from(n < connects % at_a_time));
            tokio::spawn(async move {
                for _ in 0..own {
                    refused(&at).await?;
                }
                io::Result::Ok(())
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("a client ends").expect("the server refuses and closes");
        }
    });
}

/// Is told 421, and that is that.
async fn refused(at: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    let mut told = [0; 512];
    let mut used = 0;
    while let read @ 1.. = stream.read(&mut told[used..]).await? {
        used += read;
    }
    if told.starts_with(b"421") { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Holds so many connections, each of which was greeted; says so, and lets go when its output is no longer read.
pub(crate) fn hold(at: &str, connections: usize) {
    let held: Vec<Blocking> = (0..connections).map(|_| greeted(at).expect("a connection is greeted")).collect();
    println!("holds {}", held.len());
    let _ = io::stdin().read(&mut [0]);
}

/// A connection that was let in.
pub(crate) fn greeted(at: &str) -> io::Result<Blocking> {
    let stream = Blocking::connect(at)?;
    let mut greeting = String::new();
    BufReader::new(&stream).read_line(&mut greeting)?;
    if greeting.starts_with("220") { Ok(stream) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Shells give 1,024 descriptors; processes that are started from here have as many.
pub(crate) fn as_many_descriptors_as_may_be() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
