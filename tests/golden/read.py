#!/usr/bin/env python3
"""Reads the newest manifest and the logs of a directory, by wal/FORMAT.md alone.

    python3 read.py DIR

Prints what recovery starts from: the manifest, and every record behind its `log from`, shard by shard.
Ends with an error that names file and offset where a byte is not as the format wants it. It shares no
code with the database: where the two disagree, one of them or the text is wrong.
"""
import os
import re
import struct
import sys
from zlib import crc32

BLOCK, PIECE, U64 = 4096, 8192, (1 << 64) - 1
HALVES = [
    (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D1, 0x082EFA98EC4E6C89),
    (0x452821E638D01377, 0xBE5466CF34E90C6C, 0xC0AC29B7C97C50DD, 0x3F84D5B5B5470917),
]


class Bad(Exception):
    def __init__(self, file, offset, what):
        super().__init__(f"{file} is corrupt at byte {offset}: {what}")


def up(count):
    return (count + BLOCK - 1) // BLOCK * BLOCK


def half(data, a, b, factor, h):
    for at in range(0, len(data), 16):
        x, y = struct.unpack("<QQ", data[at:at + 16].ljust(16, b"\0"))
        product = (x ^ a) * (y ^ b)
        h = (((h << 29 | h >> 35) & U64) + (product & U64 ^ product >> 64)) * factor & U64
    h ^= len(data)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor & U64
    return h ^ h >> 33


def hash128(data):
    high, low = (half(data, *keys) for keys in HALVES)
    return high << 64 | low


class Cursor:
    """Takes integers off a body, one after another."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("it is cut")
        self.at += count
        return self.data[self.at - count:self.at]

    def int(self, count):
        return int.from_bytes(self.take(count), "little")


def read_manifest(name, data):
    """The database id, the epoch, and by shard `log from` and `log durable`."""
    body_bytes, body_hash = struct.unpack("<Q", data[16:24])[0], int.from_bytes(data[24:40], "little")
    if data[:8] != b"SLUICEMF" or data[8:12] != b"\1\0\0\0":
        raise Bad(name, 0, "magic or version")
    if crc32(data[16:], crc32(data[:12])) != int.from_bytes(data[12:16], "little"):
        raise Bad(name, 0, "checksum")
    body = data[40:40 + body_bytes]
    if len(data) != up(40 + body_bytes) or any(data[40 + body_bytes:]) or hash128(body) != body_hash:
        raise Bad(name, 0, "length, padding or hash")
    c = Cursor(body)
    database, epoch, previous = c.int(16), c.int(8), c.int(16)
    print(f"manifest epoch={epoch} database={database:032x} previous={previous:032x}")
    logs = {}
    for shard in range(c.int(2)):
        refs = [(c.int(1), c.int(2), c.int(8), c.int(8), c.int(16)) for _ in range(c.int(4))]
        start, durable, digest = c.int(8), c.int(8), c.int(8)
        logs[shard] = (start, durable)
        print(f"shard {shard} from={start} durable={durable} digest={digest}")
        for kind, of, at, size, digest in refs:
            if kind != 1:
                raise Bad(name, 40, "kind of a file")
            print(f"file shard={of} epoch={at} bytes={size} hash={digest:032x}")
    front = c.take(c.int(8))
    print(f"front bytes={len(front)} crc={crc32(front)}")
    if c.at != len(body):
        raise Bad(name, 40, "bytes behind the body")
    return database, epoch, logs


def read_header(name, data, database, shard, number):
    """The fields of a segment's header, or nothing where there is no valid one."""
    block = data[:BLOCK]
    crc = int.from_bytes(block[12:16], "little")
    if len(block) < BLOCK or block[:8] != b"SLUICELG" or crc32(block[16:], crc32(block[:12])) != crc:
        return None
    found = int.from_bytes(block[16:32], "little"), *struct.unpack("<QQQQQIH", block[32:78])
    of, own, first, salt, before, end, chain, owner = found
    if (of, own, owner) != (database, number, shard) or block[8:12] != b"\1\0\0\0" or any(block[78:]):
        raise Bad(name, 0, "a header of something else")
    return {"number": own, "first": first, "salt": salt, "link": (before, end, chain), "crc": crc}


def read_group(data, shard, number, at, salt):
    """Fields and payload of the group at a place, or nothing where there is no valid one."""
    if at + BLOCK > len(data) or salt not in (None, struct.unpack("<Q", data[at + 8:at + 16])[0]):
        return None
    crc, chain, _, first, durable, epoch, size, count, sealed = struct.unpack("<IIQQQQIIQ", data[at:at + 56])
    pieces = (size + PIECE - 1) // PIECE if size > PIECE else 0
    whole = data[at:at + up(64 + 4 * pieces + size)]
    table, payload = whole[64:64 + 4 * pieces], whole[64 + 4 * pieces:64 + 4 * pieces + size]
    covered = whole[4:64] + (table or payload)
    sums = [crc32(payload[p:p + PIECE]) for p in range(0, size, PIECE)] if pieces else []
    valid = len(whole) == up(64 + 4 * pieces + size) and durable == first
    valid &= crc32(covered, crc32(struct.pack("<HQQ", shard, number, at))) == crc
    valid &= struct.pack(f"<{pieces}I", *sums) == table and not any(whole[56:64])
    if not valid or any(whole[64 + 4 * pieces + size:]):
        return None
    return {"crc": crc, "chain": chain, "first": first, "epoch": epoch, "payload": payload,
            "count": count, "sealed": sealed, "bytes": len(whole)}


def read_records(name, at, group):
    c, epochs = Cursor(group["payload"]), []
    while c.at < len(c.data):
        size, feeder, sequence, parts, epoch = struct.unpack("<IIQQQ", c.take(32))
        payload = c.take(size)
        epochs.append(epoch)
        yield group["first"] + c.at, (f"epoch={epoch} feeder={feeder} sequence={sequence} "
                                      f"parts={parts} bytes={size} crc={crc32(payload)}")
    if (len(epochs), max(epochs, default=0)) != (group["count"], group["epoch"]):
        raise Bad(name, at, "count or epoch of the records")


def read_log(shard, segments, database, newest, start, durable):
    headers = {n: read_header(name, data, database, shard, n) for n, (name, data) in segments.items()}
    valid = [n for n in sorted(headers) if headers[n]]
    chain = valid[-1:]
    for number in (n for n in segments if n > max(valid, default=0)):
        name, data = segments[number]
        if any(read_group(data, shard, number, at, None) for at in range(BLOCK, len(data), BLOCK)):
            raise Bad(name, 0, "a bad header before a valid group")
    while chain and headers[chain[0]]["link"][0] in valid and headers[chain[0]]["first"] > start:
        chain.insert(0, headers[chain[0]]["link"][0])
    if (headers[chain[0]]["first"] if chain else 0) > start or (start and not chain):
        raise Bad(f"log of shard {shard}", 0, "the segment that holds its start is missing or bad")
    end = tail = 0
    for number, after in zip(chain, chain[1:] + [None]):
        (name, data), header = segments[number], headers[number]
        link = headers[after]["link"] if after else None
        at, crc, end = BLOCK, header["crc"], header["first"]
        while not (link and link[2] == crc and link[1] <= end):
            group = read_group(data, shard, number, at, header["salt"])
            if not group or (group["chain"], group["first"]) != (crc, end):
                break
            if group["sealed"] > newest:
                raise Bad(f"manifest-{group['sealed']:020}", 0, "it is missing: the log knows of it")
            for position, text in read_records(name, at, group):
                if position > start and not (link and position > link[1]):
                    print(f"record shard={shard} end={position} {text}")
            at, crc, end = at + group["bytes"], group["crc"], end + len(group["payload"])
        if link and not (link[2] == crc and link[1] <= end):
            raise Bad(name, at, "the next segment builds on what is not there")
        later = (read_group(data, shard, number, p, header["salt"]) for p in range(at + BLOCK, len(data), BLOCK))
        if not link and any(group and group["first"] >= end for group in later):
            raise Bad(name, at, "a valid group stands behind a bad one")
        tail = "torn" if any(data[at:]) else "clean"
        end = headers[after]["first"] if after else end
    if end < max(start, durable):
        raise Bad(f"log of shard {shard}", end, "it ends before what was durable")
    print(f"log shard={shard} end={end} tail={tail or 'clean'}")


def main(folder):
    files = {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))}
    newest = [name for name in files if re.fullmatch(r"manifest-\d{20}", name)][-1]
    database, epoch, logs = read_manifest(newest, files[newest])
    for shard, (start, durable) in logs.items():
        own = {int(m[1]): (name, files[name]) for name in files
               if (m := re.fullmatch(rf"shard-{shard:05}-(\d{{20}})\.log", name))}
        read_log(shard, own, database, epoch, start, durable)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (Bad, ValueError) as bad:
        sys.exit(f"error: {bad}")
