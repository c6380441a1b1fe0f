//! A web server for a directory of a root, in the root's own network: what a client of a repository talks to.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::roots::Overlay;

/// The server; it ends with the value.
#[derive(Debug)]
pub struct Server(Child);

/// Where a client in the root finds it.
pub const URL: &str = "http://127.0.0.1:8000";

/// Brings the loopback interface up (netdevice(7)), since the network of a root has nothing else, and serves.
const SCRIPT: &str = "
import fcntl, functools, http.server, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1
    fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', IFF_UP))
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 8000), handler)
print('serving', flush=True)
server.serve_forever()
";

impl Server {
    /// Serves the directory `dir` of the root.
    ///
    /// # Errors
    /// Fails where the host has no python3.
    pub fn new(root: &Overlay, dir: &str) -> Result<Self> {
        let network = format!("--net={}", root.network().display());
        let mut child = Command::new("nsenter")
            .args([&network, "--", "python3", "-c", SCRIPT])
            .arg(root.path(dir))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("nsenter")?;
        let stdout = child.stdout.take();
        let server = Self(child);
        let mut line = String::new();
        BufReader::new(stdout.context("the server's output")?).read_line(&mut line)?;
        ensure!(line == "serving\n", "the web server did not start");
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done here about a server that is already gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
