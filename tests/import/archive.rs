//! Archives as no honest tool writes them.

use tar::{Builder, EntryType, Header};

/// An archive on its way; with names as they stand, which honest tools do not write.
pub(crate) struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub(crate) fn new() -> Archive {
        Archive(Builder::new(Vec::new()))
    }

    /// An entry of this kind, with what `change` does to its header.
    pub(crate) fn add(&mut self, name: &str, kind: EntryType, change: impl FnOnce(&mut Header)) {
        self.entry(name, kind, "", "", change);
    }

    pub(crate) fn file(&mut self, name: &str, text: &str) {
        self.entry(name, EntryType::Regular, "", text, |_| {});
    }

    pub(crate) fn link(&mut self, name: &str, target: &str) {
        self.entry(name, EntryType::Symlink, target, "", |_| {});
    }

    pub(crate) fn raw(&mut self, name: &str, kind: EntryType, target: &str, text: &str) {
        self.entry(name, kind, target, text, |_| {});
    }

    /// A name that is too long for the header.
    pub(crate) fn long(&mut self, name: &str, text: &str) {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, text.as_bytes()).expect("a vector takes everything");
    }

    pub(crate) fn entry(
        &mut self,
        name: &str,
        kind: EntryType,
        target: &str,
        text: &str,
        change: impl FnOnce(&mut Header),
    ) {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_size(text.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        change(&mut header);
        header.set_cksum();
        self.0.append(&header, text.as_bytes()).expect("a vector takes everything");
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("a vector takes everything")
    }
}
