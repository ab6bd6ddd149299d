//! What a copy must keep, seen from the copy.

use super::*;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("coracle-copy-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A copy of what `fill` makes, and the source beside it.
fn copied(name: &str, fill: impl FnOnce(&Path)) -> (PathBuf, PathBuf) {
    let (from, to) = (folder(&format!("{name}-from")), folder(&format!("{name}-to")));
    fill(&from);
    tree(File::open(&from).unwrap().as_fd(), &to).unwrap();
    (from, to)
}

fn clean_up(folders: (PathBuf, PathBuf)) {
    fs::remove_dir_all(folders.0).unwrap();
    fs::remove_dir_all(folders.1).unwrap();
}

#[test]
fn contents_modes_and_times_are_kept() {
    let (from, to) = copied("plain", |from| {
        fs::create_dir(from.join("a")).unwrap();
        let file = File::create(from.join("a/file")).unwrap();
        file.write_at(b"hello", 0).unwrap();
        file.set_permissions(Permissions::from_mode(0o4751)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::new(1_000_000_000, 5)).unwrap();
        File::create(from.join("empty")).unwrap();
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o1555)).unwrap();
        fs::set_permissions(from, Permissions::from_mode(0o711)).unwrap();
    });
    assert_eq!(fs::read(to.join("a/file")).unwrap(), b"hello");
    for path in ["", "a", "a/file", "empty"] {
        let (old, new) = (from.join(path).metadata().unwrap(), to.join(path).metadata().unwrap());
        assert_eq!((old.mode(), old.mtime_nsec(), old.len()), (new.mode(), new.mtime_nsec(), new.len()));
        assert_ne!(old.ino(), new.ino());
    }
    for closed in [from.join("a"), to.join("a")] {
        fs::set_permissions(closed, Permissions::from_mode(0o755)).unwrap();
    }
    clean_up((from, to));
}

#[test]
fn hard_links_stay_links_among_themselves_and_symbolic_links_stay_as_they_are() {
    let (from, to) = copied("links", |from| {
        fs::create_dir(from.join("a")).unwrap();
        fs::write(from.join("one"), "1").unwrap();
        fs::hard_link(from.join("one"), from.join("a/two")).unwrap();
        symlink("/etc/../no such target", from.join("link")).unwrap();
        symlink("one", from.join("inner")).unwrap();
        fs::hard_link(from.join("inner"), from.join("a/inner")).unwrap();
    });
    let inode = |path: &str| to.join(path).symlink_metadata().unwrap().ino();
    assert_eq!(inode("one"), inode("a/two"));
    assert_eq!(inode("inner"), inode("a/inner"));
    assert_ne!(inode("one"), from.join("one").metadata().unwrap().ino());
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc/../no such target"));
    clean_up((from, to));
}

#[test]
fn holes_stay_holes() {
    let (from, to) = copied("holes", |from| {
        let file = File::create(from.join("sparse")).unwrap();
        file.write_at(b"middle", 8 << 20).unwrap();
        file.set_len(64 << 20).unwrap();
        File::create(from.join("hole")).unwrap().set_len(1 << 20).unwrap();
    });
    let meta = to.join("sparse").metadata().unwrap();
    assert_eq!(meta.len(), 64 << 20);
    assert!(meta.blocks() * 512 < 1 << 20, "{} blocks", meta.blocks());
    let mut middle = [0; 6];
    File::open(to.join("sparse")).unwrap().read_exact_at(&mut middle, 8 << 20).unwrap();
    assert_eq!(&middle, b"middle");
    assert_eq!(to.join("hole").metadata().unwrap().len(), 1 << 20);
    clean_up((from, to));
}

#[test]
fn the_second_and_third_way_copy_the_same() {
    let (from, to) = copied("ways", |from| fs::write(from.join("file"), [7; 100_000]).unwrap());
    for way in [Way::Copy, Way::Send] {
        let source = OwnedFd::from(File::open(from.join("file")).unwrap());
        let target = OwnedFd::from(File::create(to.join("again")).unwrap());
        let mut copy = Copy::new(way);
        copy.range(&source, &target, 0, 100_000).unwrap();
        copy.range(&source, &target, 99_990, 100_000).unwrap();
        assert_eq!(fs::read(to.join("again")).unwrap(), [7; 100_000], "{way:?}");
    }
    clean_up((from, to));
}

#[test]
fn an_error_names_the_file() {
    let (from, to) = copied("error", |_| ());
    fs::write(from.join("file"), "").unwrap();
    fs::write(to.join("file"), "in the way").unwrap();
    let error = tree(File::open(&from).unwrap().as_fd(), &to).unwrap_err();
    assert_eq!(error.errno, nix::errno::Errno::EEXIST);
    assert!(error.doing.starts_with("copy `/file` to `"), "{}", error.doing);
    clean_up((from, to));
}
