//! Connections that can be refused, and broken at any time.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A connection, as a request knows it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Breaks it when it is cancelled.
    pub broken: CancellationToken,
}

/// Accepts connections that all break when `all` is cancelled.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    all: CancellationToken,
}

impl Door {
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub async fn open(address: SocketAddr, all: CancellationToken) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, all })
    }
}

impl Listener for Door {
    type Io = Breakable;
    type Addr = Connection;

    async fn accept(&mut self) -> (Breakable, Connection) {
        let (stream, _) = Listener::accept(&mut self.listener).await;
        // Events are small, and must not wait for more.
        let _ = stream.set_nodelay(true);
        let broken = self.all.child_token();
        let io = Breakable { stream, broken: Box::pin(broken.clone().cancelled_owned()) };
        (io, Connection { broken })
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Ok(Connection { broken: self.all.clone() })
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A stream that fails once it is broken.
pub struct Breakable {
    stream: TcpStream,
    broken: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Breakable {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.broken.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
