use std::fs;
use std::io::Read;
use std::os::fd::AsFd;

use super::*;
use crate::directory::temp::Temp;

const WHOLE: i32 = 8192;

fn verdict(way: Way, written: Option<i32>, synced: Option<i32>, attempts: u32) -> Verdict {
    let flight = Flight {
        file: Arc::new(File::open("/dev/null").unwrap()),
        offset: 0,
        len: WHOLE as usize,
        done: 0,
        large: None,
        attempts,
        unsubmitted: 0,
        parted: false,
        written,
        synced,
    };
    let parted = Flight { parted: true, ..flight };
    let apart = parted.verdict(way);
    let together = Flight { parted: false, ..parted }.verdict(way);
    // Apart, a sync proves nothing; all else is the same.
    match together {
        Verdict::Durable => assert_eq!(apart, Verdict::Again(0)),
        _ => assert_eq!(apart, together),
    }
    together
}

#[test]
fn a_write_is_durable_only_when_it_was_whole_and_its_sync_came_behind_it() {
    use Verdict::{Again, Durable, Failed, Open};
    let linked = |written, synced| verdict(Way::Linked, written, synced, 1);
    assert_eq!(linked(None, None), Open);
    assert_eq!(linked(Some(WHOLE), None), Open);
    assert_eq!(linked(None, Some(0)), Open);
    assert_eq!(linked(Some(WHOLE), Some(0)), Durable);
    let cancelled = Some(-libc::ECANCELED);
    assert_eq!(linked(Some(4096), cancelled), Again(4096));
    assert_eq!(linked(Some(4097), Some(0)), Again(4096));
    assert_eq!(linked(Some(0), cancelled), Again(0));
    assert_eq!(linked(Some(-libc::EINTR), cancelled), Again(0));
    assert_eq!(linked(Some(-libc::EAGAIN), cancelled), Again(0));
    assert_eq!(linked(Some(-libc::ENOSPC), cancelled), Failed(libc::ENOSPC));
    // A sync that failed is never done again, whatever became of the write.
    for written in [WHOLE, 4096, -libc::EINTR] {
        assert_eq!(linked(Some(written), Some(-libc::EIO)), Failed(libc::EIO));
        assert_eq!(linked(Some(written), Some(-libc::EINTR)), Failed(libc::EINTR));
    }
    assert_eq!(linked(Some(WHOLE), cancelled), Failed(libc::ECANCELED));
    let alone = |written| verdict(Way::Dsync, written, None, 1);
    assert_eq!(alone(None), Open);
    assert_eq!(alone(Some(WHOLE)), Durable);
    assert_eq!(alone(Some(4096)), Again(4096));
    assert_eq!(alone(Some(-libc::EIO)), Failed(libc::EIO));
    // The rest of a write that came short has a sync behind it, which stands for both parts.
    let rest = |written, synced| {
        let flight = Flight {
            file: Arc::new(File::open("/dev/null").unwrap()),
            offset: 0,
            len: WHOLE as usize,
            done: 4096,
            large: None,
            attempts: 2,
            unsubmitted: 0,
            parted: false,
            written,
            synced,
        };
        flight.verdict(Way::Dsync)
    };
    assert_eq!(rest(Some(4096), None), Open);
    assert_eq!(rest(Some(4096), Some(0)), Durable);
    assert_eq!(rest(Some(-libc::ENOSPC), cancelled), Failed(libc::ENOSPC));
    assert_eq!(rest(Some(100), cancelled), Again(4096));
    let last = |written| verdict(Way::Linked, Some(written), cancelled, ATTEMPTS_MAX);
    assert_eq!(last(4096), Failed(0));
    assert_eq!(last(-libc::EINTR), Failed(libc::EINTR));
}

/// A ring and a file, where this process may have a ring.
fn ring(way: Way) -> Option<(Ring, Temp, Arc<File>)> {
    let ring = match Ring::new(way, &[0]) {
        Ok(ring) => ring,
        Err(error) => {
            println!("skipped: no io_uring here ({error})");
            return None;
        }
    };
    let temp = Temp::new();
    let file = Arc::new(File::create(temp.join("file")).unwrap());
    Some((ring, temp, file))
}

#[test]
fn writes_of_any_length_come_to_their_places_with_zeros_behind_them() {
    for way in [Way::Linked, Way::Dsync] {
        let Some((mut ring, temp, file)) = ring(way) else { return };
        let mut expected = Vec::new();
        for (byte, bytes, len) in
            [(1, 4096, 4096), (2, 4096, 65_536), (3, 300_000, 303_104), (4, 1 << 21, 1 << 21)]
        {
            let written = vec![byte; bytes];
            ring.begin(&file, expected.len() as u64, &written, len);
            assert!(!ring.is_free());
            ring.wait().unwrap();
            expected.extend(written);
            expected.resize(expected.len() + len - bytes, 0);
        }
        assert!(fs::read(temp.join("file")).unwrap() == expected);
    }
}

#[test]
fn a_file_that_takes_no_writes_fails_the_write_and_the_ring_goes_on() {
    for way in [Way::Linked, Way::Dsync] {
        let Some((mut ring, temp, file)) = ring(way) else { return };
        let only_read = Arc::new(File::open(temp.join("file")).unwrap());
        ring.begin(&only_read, 0, &[1; 4096], 4096);
        assert_eq!(ring.wait().unwrap_err().raw_os_error(), Some(libc::EBADF));
        ring.begin(&file, 0, &[2; 4096], 4096);
        ring.wait().unwrap();
        assert!(fs::read(temp.join("file")).unwrap() == [2; 4096]);
    }
}

#[test]
fn a_ring_that_is_dropped_waits_for_what_is_in_flight() {
    for way in [Way::Linked, Way::Dsync] {
        let Some((mut ring, temp, file)) = ring(way) else { return };
        ring.begin(&file, 0, &vec![7; 1 << 20], 1 << 20);
        drop(ring);
        assert_eq!(Arc::strong_count(&file), 1);
        assert!(fs::read(temp.join("file")).unwrap() == vec![7; 1 << 20]);
    }
}

#[test]
fn completions_are_counted_where_a_thread_waits_for_them() {
    let Some((mut ring, _temp, file)) = ring(Way::Linked) else { return };
    let mut counted = count().unwrap();
    ring.notify(counted.as_fd()).unwrap();
    ring.begin(&file, 0, &[1; 4096], 4096);
    let mut seen = 0;
    while ring.poll().is_none() {
        let mut bytes = [0; 8];
        counted.read_exact(&mut bytes).unwrap();
        seen += u64::from_ne_bytes(bytes);
    }
    assert!(seen <= 2, "a write and a sync were counted {seen} times");
}
