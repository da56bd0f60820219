//! A network between clients and a server that a test can make slow, cut off, and reset.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port that leads to another one.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    road: Arc<Road>,
    resets: watch::Sender<u32>,
    _end: tokio::sync::oneshot::Sender<()>,
}

#[derive(Default)]
struct Road {
    cut: AtomicBool,
    delay_ms: AtomicU64,
}

impl Proxy {
    /// Starts one, with a thread of its own.
    pub(crate) fn start(target: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let road = Arc::new(Road::default());
        let (resets, seen) = watch::channel(0);
        let (end, ended) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&road);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, target, shared, seen) => {}
                    _ = ended => {}
                }
            });
        });
        Self { port, road, resets, _end: end }
    }

    /// Lets nothing through any more: no bytes, no FIN, no RST; who dials is accepted and hears nothing. Or lets all through again that has
    /// come meanwhile, as a network does after a break.
    pub(crate) fn cut(&self, cut: bool) {
        self.road.cut.store(cut, Ordering::SeqCst);
    }

    /// Lets everything take this long, on each way.
    pub(crate) fn delay(&self, delay: Duration) {
        self.road.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Ends all connections by RST, to both sides. What is on its way is lost.
    pub(crate) fn reset(&self) {
        self.resets.send_modify(|count| *count += 1);
    }
}

async fn accept(listener: TcpListener, target: u16, road: Arc<Road>, seen: watch::Receiver<u32>) {
    while let Ok((near, _)) = listener.accept().await {
        let (road, mut seen) = (Arc::clone(&road), seen.clone());
        seen.mark_unchanged();
        tokio::spawn(async move {
            open(&road).await;
            let Ok(far) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))).await else {
                return;
            };
            let (mut near, mut far) = (near, far);
            let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
            tokio::select! {
                _ = async { tokio::join!(pass(near_in, far_out, &road), pass(far_in, near_out, &road)) } => {}
                _ = seen.changed() => {
                    for stream in [&near, &far] {
                        let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
                    }
                }
            }
        });
    }
}

async fn pass(mut from: tokio::net::tcp::ReadHalf<'_>, mut to: tokio::net::tcp::WriteHalf<'_>, road: &Road) {
    let mut chunk = [0; 8192];
    loop {
        let read = from.read(&mut chunk).await.unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(road.delay_ms.load(Ordering::SeqCst))).await;
        open(road).await;
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits until the road is open.
async fn open(road: &Road) {
    while road.cut.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
