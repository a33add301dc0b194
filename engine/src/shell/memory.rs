//! Memory of arenas: reserved address space that is made usable ahead of use.
