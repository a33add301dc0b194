//! File systems of a few MiB that fill up or fail. They are mounted, which only root may do.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use sluicedb_tests::report;

/// A file system in memory, of as many MiB as are asked for.
pub(crate) struct Memory {
    place: PathBuf,
}

impl Memory {
    /// Mounts one, or says why it cannot.
    pub(crate) fn mount(mebibytes: u32) -> Result<Memory, String> {
        let place = folder()?;
        let options = format!("size={mebibytes}m");
        run("mount", &["-t", "tmpfs", "-o", &options, "sluicedb", text(&place)])?;
        Ok(Memory { place })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    /// Forbids writes, or allows them.
    pub(crate) fn set_read_only(&self, read_only: bool) -> Result<(), String> {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        run("mount", &["-o", options, text(&self.place)]).map(drop)
    }

    /// Gives it another size.
    pub(crate) fn resize(&self, mebibytes: u32) -> Result<(), String> {
        let options = format!("remount,size={mebibytes}m");
        run("mount", &["-o", &options, text(&self.place)]).map(drop)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        unmount(&self.place);
        let _gone = std::fs::remove_dir(&self.place);
    }
}

/// An ext4 on a device that says it has 64 MiB and has fewer: the kernel takes writes into its cache and
/// fails to bring them to the device.
pub(crate) struct Short {
    // In this order they go.
    mounted: Mounted,
    memory: Memory,
}

/// A file system on a loop device over an image.
struct Mounted {
    place: PathBuf,
    device: String,
}

/// What the device has, in MiB: the file system itself takes five.
const SHORT: u32 = 16;
const WHOLE: u32 = 80;

impl Short {
    pub(crate) fn mount() -> Result<Short, String> {
        let memory = Memory::mount(SHORT)?;
        let image = make_image(&memory)?;
        Ok(Short { mounted: Mounted::mount(&image)?, memory })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.mounted.place
    }

    /// Power is lost, and comes again: what has come to the device is found by another one, which has all
    /// that it says it has. What the kernel still has in memory is gone.
    pub(crate) fn replace(self) -> Result<Short, String> {
        let memory = Memory::mount(WHOLE)?;
        let (from, image) = (self.memory.path().join("image"), memory.path().join("image"));
        run("cp", &["--sparse=always", text(&from), text(&image)])?;
        drop(self);
        Ok(Short { mounted: Mounted::mount(&image)?, memory })
    }
}

/// An ext4 that can be made to stand still: whoever writes waits, and whoever reads finds all that has
/// come to the device.
pub(crate) struct Whole {
    // In this order they go.
    mounted: Mounted,
    _memory: Memory,
}

/// While it is there, a file system stands still.
pub(crate) struct Still<'a>(&'a Path);

impl Whole {
    pub(crate) fn mount() -> Result<Whole, String> {
        let memory = Memory::mount(WHOLE)?;
        let image = make_image(&memory)?;
        let whole = Whole { mounted: Mounted::mount(&image)?, _memory: memory };
        // Whether it can be made to stand still is known before anybody writes.
        run("fsfreeze", &["-f", text(whole.path())])?;
        drop(Still(whole.path()));
        Ok(whole)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.mounted.place
    }

    /// Has it stand still, with all that was written until now.
    pub(crate) fn freeze(&self) -> Still<'_> {
        run("fsfreeze", &["-f", text(self.path())]).unwrap();
        Still(self.path())
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        run("fsfreeze", &["-u", text(self.0)]).unwrap();
    }
}

/// An image of 64 MiB with a file system, which takes as much memory as is written to it.
fn make_image(memory: &Memory) -> Result<PathBuf, String> {
    let image = memory.path().join("image");
    let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
    file.set_len(64 << 20).map_err(|error| error.to_string())?;
    run("mkfs.ext4", &["-q", "-E", "lazy_itable_init=1", text(&image)])?;
    Ok(image)
}

impl Mounted {
    fn mount(image: &Path) -> Result<Mounted, String> {
        let device = run("losetup", &["--show", "-f", text(image)])?.trim().to_owned();
        let place = folder()?;
        if let Err(why) = run("mount", &[&device, text(&place)]) {
            let _free = run("losetup", &["-d", &device]);
            return Err(why);
        }
        Ok(Mounted { place, device })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(&self.place);
        let _gone = std::fs::remove_dir(&self.place);
        let _free = run("losetup", &["-d", &self.device]);
    }
}

/// A lane cannot run because something was refused: that is all right for all but root.
pub(crate) fn skip(lane: u8, why: &str) {
    let root = std::fs::metadata("/proc/self").expect("proc is there").uid() == 0;
    assert!(!root, "lane {lane} runs as root and was refused a file system: {why}");
    report::skipped(lane, why);
}

fn folder() -> Result<PathBuf, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("mount-{}-{number}", std::process::id());
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    Ok(place)
}

fn unmount(place: &Path) {
    if run("umount", &[text(place)]).is_err() {
        // Whoever still looks at it keeps it until then.
        let _later = run("umount", &["-l", text(place)]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the target folder has a plain name")
}

/// Runs a program that root finds beside the usual ones; what it printed.
fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let paths = std::env::var("PATH").unwrap_or_default();
    let command =
        Command::new(program).args(arguments).env("PATH", paths + ":/usr/sbin:/sbin").output();
    let output = command.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
