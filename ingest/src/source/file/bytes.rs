//! The bytes of a file of text, unpacked where gzip packed them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;
use sluicedb::db::SqlError;

use super::open::{open, unreadable};
use crate::file::{GZIP_SUFFIX, Options};

/// What a file begins with that gzip packed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file of text that is read.
#[derive(Debug)]
pub(super) enum Bytes {
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Bytes {
    /// Opens the file. One that grows cannot be packed.
    pub(super) fn open(options: &Options, grows: bool) -> Result<Bytes, SqlError> {
        let Options { path, at, .. } = options;
        let mut file = open(options)?;
        let named = path.ends_with(GZIP_SUFFIX);
        // What comes through a pipe cannot be looked at twice, and its name must do.
        let packed = match file.metadata().is_ok_and(|known| known.is_file()) {
            true => begins_packed(&mut file).map_err(|error| unreadable(path, &error, *at))?,
            false => named,
        };
        if grows && (packed || named) {
            let message = format!("\"{path}\" cannot be followed: gzip packed it");
            let error = SqlError::invalid_parameter(message);
            return Err(error.hint("Leave \"follow\" out, or unpack it.").at(*at));
        }
        Ok(match packed {
            true => Bytes::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
            false => Bytes::Plain(file),
        })
    }
}

impl Bytes {
    /// The file itself.
    pub(super) fn file(&self) -> &File {
        match self {
            Bytes::Plain(file) => file,
            Bytes::Gzip(file) => file.get_ref().get_ref(),
        }
    }

    /// Whether reading can go on in the middle.
    pub(super) fn seeks(&self) -> bool {
        matches!(self, Bytes::Plain(_))
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Bytes::Plain(file) => file.seek(to),
            Bytes::Gzip(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

fn begins_packed(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::with_capacity(GZIP.len());
    file.by_ref().take(GZIP.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    Ok(begin == GZIP)
}

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Bytes::Plain(file) => file.read(out),
            Bytes::Gzip(file) => file.read(out),
        }
    }
}
