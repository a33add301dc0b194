//! Names of places in an arena: small numbers that stay valid across checkpoint and restore.

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 4096;

/// Most blocks of a region: 64 GiB a shard. A `HeapId` keeps a block number in 24 bits.
pub const BLOCKS_MAX: u32 = 1 << 24;

/// The unit of allocation, of copy-on-write and of checkpoints.
pub type Block = [u8; BLOCK_BYTES];

/// Number of a block in its arena; stable until the block is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

impl BlockId {
    /// Stands for "no block" inside of blocks.
    pub const NONE: BlockId = BlockId(u32::MAX);

    /// Whether this names a block.
    #[inline]
    pub fn is_some(self) -> bool {
        self != BlockId::NONE
    }
}

/// The state of one operator, which has its own current epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(pub u32);

/// Blocks of one zone that can be freed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtentId(pub u32);

/// Where a container keeps its header: a block and the byte offset in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The block, most often the root block of a zone.
    pub block: BlockId,
    /// First byte of the header.
    pub offset: u16,
}

impl Anchor {
    /// The anchor at `offset` of `block`.
    pub fn new(block: BlockId, offset: u16) -> Anchor {
        Anchor { block, offset }
    }

    /// The anchor `bytes` behind this one.
    pub fn plus(self, bytes: u16) -> Anchor {
        Anchor { block: self.block, offset: self.offset + bytes }
    }

    /// Offset of byte `at` of the header in its block.
    #[inline]
    pub(super) fn at(self, at: usize) -> usize {
        self.offset as usize + at
    }
}

/// Contents of blocks: of an arena as it is, or as it was at a freeze.
pub trait Blocks {
    /// The bytes of a live block.
    fn block(&self, id: BlockId) -> &Block;
}
