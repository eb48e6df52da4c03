"""Ids as a text that llama.cpp turns back into those ids: a character each; see llama_gguf.py."""

# CJK extensions from B on: no white space, no combining marks, nothing that a tokenizer normalises.
FIRST_CHARACTER = 0x20000


def piece(id):
    return chr(FIRST_CHARACTER + id)


def text_of(ids):
    return "".join(map(piece, ids))
