use std::process::{Command, id};

use super::temp::Temp;
use super::*;

/// Refuses `path`, and leaves what `temp` holds as it is; why, with the path as `DIR`.
fn refused(temp: &Temp, path: &Path) -> String {
    let before = temp.listing();
    let error = Directory::open(path).unwrap_err();
    assert_eq!(temp.listing(), before, "{error}");
    error.to_string().replace(&path.display().to_string(), "DIR")
}

fn put(path: &Path, name: &str, bytes: &[u8]) {
    fs::write(path.join(name), bytes).unwrap();
}

#[test]
fn a_missing_directory_is_made_and_founded_once() {
    let temp = Temp::new();
    let path = temp.join("data");
    let first = Directory::open(&path).unwrap();
    assert!(first.founded());
    assert_eq!(first.list(), [FileName::Identity]);
    assert_eq!(identity::read(&first), Ok(Some(first.database())));
    let database = first.database();
    drop(first);
    let second = Directory::open(&path).unwrap();
    assert_eq!((second.database(), second.founded()), (database, false));
    assert_ne!(Directory::open(&temp.join("other")).unwrap().database(), database);
}

#[test]
fn a_founding_that_was_cut_short_is_done_again() {
    let temp = Temp::new();
    put(&temp, DRAFT, b"half an iden");
    put(&temp, LOCK, b"12345\n");
    fs::create_dir(temp.join(LOST_AND_FOUND)).unwrap();
    assert!(Directory::open(&temp).unwrap().founded());
    assert!(!temp.join(DRAFT).exists());
    assert!(!Directory::open(&temp).unwrap().founded());
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let temp = Temp::new();
    put(&temp, "notes.txt", b"mine");
    let expected = "DIR is not a SluiceDB directory: it holds \"notes.txt\" and no database; name \
                    an empty or missing directory to begin a database, or the directory of an \
                    existing one";
    assert_eq!(refused(&temp, &temp), expected);
    assert!(refused(&temp, &temp.join("notes.txt")).starts_with("DIR is not a directory: "));
    assert!(refused(&temp, &temp.join("notes.txt/x")).starts_with("DIR is not a directory: "));
    let missing = refused(&temp, &temp.join("a/b"));
    assert!(missing.contains("the directory around it is missing"), "{missing}");
}

#[test]
fn foreign_files_beside_a_database_are_let_be() {
    let temp = Temp::new();
    drop(Directory::open(&temp).unwrap());
    put(&temp, "notes.txt", b"mine");
    assert_eq!(Directory::open(&temp).unwrap().list(), [FileName::Identity]);
    assert_eq!(fs::read(temp.join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn files_of_a_database_without_its_identity_are_refused() {
    let temp = Temp::new();
    put(&temp, &FileName::Manifest { epoch: 7 }.to_string(), b"");
    let said = refused(&temp, &temp);
    assert!(said.contains("but not its identity file: bring that file back"), "{said}");
}

#[test]
fn an_identity_that_rotted_is_refused() {
    let temp = Temp::new();
    drop(Directory::open(&temp).unwrap());
    let name = temp.join(FileName::Identity.to_string());
    let mut bytes = fs::read(&name).unwrap();
    bytes[20] ^= 1;
    fs::write(&name, &bytes).unwrap();
    let said = refused(&temp, &temp);
    assert!(said.starts_with("DIR cannot be opened: identity is corrupt at byte 0"), "{said}");
}

#[test]
fn a_link_in_place_of_a_file_is_refused() {
    let temp = Temp::new();
    put(&temp, "target", b"not to be emptied");
    std::os::unix::fs::symlink(temp.join("target"), temp.join(LOCK)).unwrap();
    let said = refused(&temp, &temp);
    assert!(said.starts_with("\"LOCK\" in DIR is not a plain file"), "{said}");
}

#[test]
fn a_file_system_that_takes_no_writes_is_refused() {
    let temp = match Temp::mount("size=4m") {
        Ok(temp) => temp,
        Err(why) => return println!("skipped: {why}"),
    };
    for founded in [false, true] {
        temp.remount("ro");
        let said = refused(&temp, &temp);
        assert!(said.starts_with("DIR is on a file system that takes no writes"), "{said}");
        temp.remount("rw");
        assert_eq!(Directory::open(&temp).unwrap().founded(), !founded);
    }
}

#[test]
fn a_file_system_without_room_is_refused() {
    let temp = match Temp::mount("size=2m") {
        Ok(temp) => temp,
        Err(why) => return println!("skipped: {why}"),
    };
    for founded in [false, true] {
        put(&temp, LOCK, &[0; 1536 << 10]);
        for path in [temp.to_path_buf(), temp.join("missing")] {
            let said = refused(&temp, &path);
            assert!(said.contains("is on a file system that is full ("), "{said}");
            assert!(said.contains(" bytes are free): free space there, or name another"), "{said}");
        }
        put(&temp, LOCK, b"");
        assert_eq!(Directory::open(&temp).unwrap().founded(), !founded);
    }
}

#[test]
fn a_refusal_of_rights_says_what_was_denied() {
    // The tests may run as somebody to whom nothing is denied, so the system's word is given.
    let error = io::Error::from(io::ErrorKind::PermissionDenied);
    let said = DirectoryError::of(Path::new("/data"), "opening the lock file", &error).to_string();
    assert!(said.starts_with("/data: opening the lock file is not permitted: give "), "{said}");
}

#[test]
fn a_second_opening_is_refused_until_the_first_is_dropped() {
    let temp = Temp::new();
    let first = Directory::open(&temp).unwrap();
    let expected = format!(
        "DIR is open in this process (pid {}) already: use that database, or drop it first",
        id()
    );
    assert_eq!(refused(&temp, &temp), expected);
    drop(first);
    assert!(Directory::open(&temp).is_ok());
    assert_eq!(temp.descriptors(), 0);
}

/// Runs itself in the directory, where it finds a database: that is how it knows its part.
#[test]
fn another_process_is_refused_and_told_who_holds_the_directory() {
    if Path::new("identity").exists() {
        return match Directory::open(Path::new(".")) {
            Ok(directory) => println!("the database is {}", directory.database()),
            Err(error) => println!("refused: {error}"),
        };
    }
    let temp = Temp::new();
    let held = Directory::open(&temp).unwrap();
    let in_another_process = || {
        let name = "another_process_is_refused_and_told_who_holds_the_directory";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([&format!("directory::tests::{name}"), "--exact", "--nocapture"]);
        let output = child.current_dir(&*temp).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = in_another_process();
    let expected = format!("refused: . is in use by process {}, which holds LOCK in it", id());
    assert!(said.contains(&expected), "{said}");
    let database = held.database();
    drop(held);
    let said = in_another_process();
    assert!(said.contains(&format!("the database is {database}")), "{said}");
}

#[test]
fn what_is_read_is_what_is_there_at_any_place_and_length() {
    let temp = Temp::new();
    drop(Directory::open(&temp).unwrap());
    let (long, short) =
        (FileName::Segment { shard: 0, number: 1 }, FileName::Segment { shard: 0, number: 2 });
    // Longer than two windows, and not whole blocks.
    let bytes: Vec<u8> = (0..2_500_123_u32).map(|at| (at / 7) as u8).collect();
    put(&temp, &long.to_string(), &bytes);
    put(&temp, &short.to_string(), &bytes[..1000]);
    let directory = Directory::open(&temp).unwrap();
    assert_eq!(directory.size(&long), Some(bytes.len() as u64));
    let end = bytes.len() as u64;
    let wanted =
        [(0, 1), (0, 4096), (4096, 4096), (8192, 64), (8192, 70_000), (100_001, 2), (0, 0)]
            .into_iter()
            .chain([(0, end), (end - 1, 1), (end, 0), (1 << 20, 1 << 20), ((1 << 20) - 1, 2)]);
    for (offset, len) in wanted {
        let read = directory.read(&long, offset, len).unwrap();
        assert!(read == bytes[offset as usize..(offset + len) as usize], "{len} at {offset}");
        assert_eq!(directory.read(&short, 990, 10).unwrap(), &bytes[990..1000]);
    }
    let failure = directory.read(&short, 0, 1001).unwrap_err();
    assert_eq!(failure.said, "unexpected end of file");
    let missing = FileName::Segment { shard: 0, number: 3 };
    assert_eq!(directory.size(&missing), None);
    assert_eq!(directory.read(&missing, 0, 1).unwrap_err().errno, Some(2));
}
