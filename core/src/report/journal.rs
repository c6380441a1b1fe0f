//! Events for the journal, with fields to search by: what happened in a transaction is not only on a screen that has
//! scrolled away. The protocol is systemd's (systemd.io/JOURNAL_NATIVE_PROTOCOL).

use super::event::{Event, Sink};
use super::lines::line;
use crate::model::Instance;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Passes events on, and sends those that a quiet log has to the journal as well.
pub struct Journal {
    inner: Box<dyn Sink>,
    socket: UnixDatagram,
}

impl Journal {
    /// In front of `inner`, which is given back where nobody listens at `socket`.
    ///
    /// # Errors
    /// There is no journal.
    pub fn new(inner: Box<dyn Sink>, socket: &Path) -> Result<Self, Box<dyn Sink>> {
        let connected = UnixDatagram::unbound().and_then(|unbound| {
            unbound.set_nonblocking(true)?;
            unbound.connect(socket)?;
            Ok(unbound)
        });
        match connected {
            Ok(socket) => Ok(Self { inner, socket }),
            Err(_) => Err(inner),
        }
    }
}

impl Sink for Journal {
    fn event(&self, event: &Event<'_>) {
        self.inner.event(event);
        if let Some(entry) = entry(event) {
            // A journal that is busy or gone must not stop a transaction.
            let _ = self.socket.send(&entry);
        }
    }
}

/// An event as the protocol has it; `None` where a quiet log says nothing.
fn entry(event: &Event<'_>) -> Option<Vec<u8>> {
    let text = line(event)?;
    // syslog's: error, warning, notice, info.
    let (priority, instance) = match event {
        Event::Failed { instance, .. } => ("3", Some(*instance)),
        Event::Warning { .. } => ("4", None),
        Event::Note { .. } => ("5", None),
        Event::Built { instance, .. }
        | Event::Reused { instance, .. }
        | Event::Installed { instance, .. }
        | Event::Removed { instance, .. } => ("6", Some(*instance)),
        _ => ("6", None),
    };
    let mut fields = vec![("MESSAGE", text), ("PRIORITY", priority.into())];
    fields.push(("SYSLOG_IDENTIFIER", "evermod".into()));
    if let Some(Instance { module, kernel, .. }) = instance {
        fields.push(("EVERMOD_MODULE", module.to_string()));
        fields.push(("EVERMOD_KERNEL", kernel.to_string()));
    }
    let mut entry = Vec::new();
    for (name, value) in fields {
        entry.extend(name.as_bytes());
        if value.contains('\n') {
            entry.push(b'\n');
            entry.extend((value.len() as u64).to_le_bytes());
        } else {
            entry.push(b'=');
        }
        entry.extend(value.as_bytes());
        entry.push(b'\n');
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Silent;

    #[test]
    fn entries_reach_the_socket_in_its_form() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        assert!(Journal::new(Box::new(Silent), &path).is_err(), "nobody listens");
        let listener = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::new(Box::new(Silent), &path).ok().unwrap();
        journal.event(&Event::Note { text: "one" });
        journal.event(&Event::Planned { builds: 1 });
        journal.event(&Event::Note { text: "two\nlines" });
        let receive = || {
            let mut buffer = [0; 200];
            let length = listener.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        };
        assert_eq!(receive(), b"MESSAGE=one\nPRIORITY=5\nSYSLOG_IDENTIFIER=evermod\n");
        let two = b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=5\nSYSLOG_IDENTIFIER=evermod\n";
        assert_eq!(receive(), two);
        listener.set_nonblocking(true).unwrap();
        assert!(listener.recv(&mut [0; 9]).is_err(), "what is quiet is quiet here too");
    }
}
