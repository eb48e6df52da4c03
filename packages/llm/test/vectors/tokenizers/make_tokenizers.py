"""Writes the small tokenizers of this folder and vectors.json, for tokenizer-families.test.ts.

Each has the normalizer, pre-tokenizer, post-processor, decoder and model options of a family's tokenizer.json, with a
vocabulary of about a thousand pieces trained on WordNet glosses (packages/devnet/assets/wordnet-qa) and the texts below.

    python -m venv venv && venv/bin/pip install tokenizers==0.22.2
    venv/bin/python make_tokenizers.py            # train and write vectors
    venv/bin/python make_tokenizers.py --vectors  # keep the tokenizers, write vectors only
    venv/bin/python make_tokenizers.py --of X     # write X/*/ids.json for real tokenizers X/*/tokenizer.json, which the
                                                  # test reads with TUNING_TOKENIZERS=X
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
ROWS = HERE / "../../../../devnet/assets/wordnet-qa/data/train.jsonl"
VOCABULARY = 1000

TEXTS = json.loads((HERE / "texts.json").read_text("utf-8"))

# --- texts made by a rule that the test repeats -------------------------------------------------------------------

RANGES = [
    (0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x30, 0x39), (0xA0, 0x17F), (0x300, 0x36F),
    (0x370, 0x3FF), (0x400, 0x45F), (0x5D0, 0x5EA), (0x620, 0x655), (0x905, 0x94D), (0xE01, 0xE3A), (0x1100, 0x1112),
    (0x2000, 0x2064), (0x2190, 0x21FF), (0x3041, 0x30FE), (0x4E00, 0x4EFF), (0xAC00, 0xAC60), (0xFE00, 0xFE0F),
    (0xFF01, 0xFF5E), (0x1F300, 0x1F64F), (0x1F3FB, 0x1F3FF), (0x0, 0x1F), (0x7F, 0x9F), (0xE000, 0xE010),
]
GROUPS, PER_GROUP = 20, 50


def generated():
    """GROUPS lists of PER_GROUP texts by a linear congruential generator (Numerical Recipes' constants)."""
    state = 20_241_008

    def below(bound):
        nonlocal state
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        return state * bound // 2**32

    def text():
        out = []
        for _ in range(1 + below(6)):
            low, high = RANGES[below(len(RANGES))]
            out.append("".join(chr(low + below(high - low + 1)) for _ in range(1 + below(8))))
            if below(2):
                out.append(" ")
        return "".join(out)

    return [[text() for _ in range(PER_GROUP)] for _ in range(GROUPS)]


def rows():
    return [value for line in ROWS.read_text("utf-8").splitlines() for value in json.loads(line).values()]


def digest(lists):
    """sha256 over all ids as little-endian u32, each text ended by 0xffffffff."""
    sha = hashlib.sha256()
    for ids in lists:
        sha.update(struct.pack(f"<{len(ids) + 1}I", *ids, 0xFFFFFFFF))
    return sha.hexdigest()


# --- the families -------------------------------------------------------------------------------------------------

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated", invert=False)


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, "use_regex": False, **options})


def template(bos, id):
    return processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, id)]
    )


def byte_bpe(specials, pre_tokenizer, normalizer=None, post=None, decoder=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_texts(), trainer)
    # As in the originals, the special tokens stand behind the vocabulary.
    tokenizer.add_special_tokens(specials)
    tokenizer.decoder = decoder or decoders.ByteLevel()
    if post:
        tokenizer.post_processor = post(tokenizer)
    return json.loads(tokenizer.to_str())


def sentencepiece_bpe(specials, normalizer, pre_tokenizer, decoder, bos, training_split):
    """A BPE with byte fallback: the 256 byte pieces follow the specials, and are no added tokens."""
    byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = training_split
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=specials + byte_pieces,
        # Rarer characters are left to the byte pieces.
        limit_alphabet=150,
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_texts(), trainer)
    if normalizer:
        tokenizer.normalizer = normalizer
    out = json.loads(tokenizer.to_str())
    out["normalizer"] = json.loads(normalizer.__getstate__()) if normalizer else None
    out["pre_tokenizer"] = json.loads(pre_tokenizer.__getstate__()) if pre_tokenizer else None
    out["decoder"] = json.loads(decoder.__getstate__())
    out["post_processor"] = json.loads(template(bos, specials.index(bos)).__getstate__())
    out["added_tokens"] = [token for token in out["added_tokens"] if token["content"] in specials]
    return out


def training_texts():
    # The texts of many scripts often enough that some of their characters get pieces of their own.
    return rows()[:6000] + TEXTS * 20


def spm_decoder(strip):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)] if strip else steps)


def families():
    words = pre_tokenizers.Split("▁", "merged_with_next")
    legacy = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    yield "gpt2", byte_bpe(
        ["<|endoftext|>"],
        byte_level(use_regex=True),
        post=lambda _: processors.ByteLevel(trim_offsets=False),
    )
    yield "smollm2", byte_bpe(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True)]),
    )
    yield "llama3", byte_bpe(
        ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"],
        pre_tokenizers.Sequence([split(LLAMA3), byte_level()]),
        post=lambda tokenizer: processors.Sequence(
            [
                processors.ByteLevel(trim_offsets=False),
                template("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>")),
            ]
        ),
        ignore_merges=True,
    )
    yield "qwen", byte_bpe(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        pre_tokenizers.Sequence([split(QWEN), byte_level(trim_offsets=False)]),
        normalizer=normalizers.NFC(),
        post=lambda _: processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        decoder=decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    )
    yield "tinyllama", sentencepiece_bpe(
        ["<unk>", "<s>", "</s>"], legacy, None, spm_decoder(True), "<s>", words
    )
    yield "mistral", sentencepiece_bpe(
        ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
        None,
        pre_tokenizers.Metaspace("▁", "first", False),
        spm_decoder(True),
        "<s>",
        words,
    )
    phi3 = sentencepiece_bpe(
        ["<unk>", "<s>", "</s>", "<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>"],
        legacy,
        None,
        spm_decoder(True),
        "<s>",
        words,
    )
    for token in phi3["added_tokens"]:
        token["rstrip"] = token["content"] in ("</s>", "<|assistant|>", "<|end|>", "<|user|>")
    yield "phi3", phi3
    yield "gemma", sentencepiece_bpe(
        ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"],
        normalizers.Replace(" ", "▁"),
        pre_tokenizers.Split(" ", "merged_with_previous"),
        spm_decoder(False),
        "<bos>",
        words,
    )


# --- vectors ------------------------------------------------------------------------------------------------------


def vector(tokenizer):
    def encode(text, special=False):
        return tokenizer.encode(text, add_special_tokens=special).ids

    hard = [encode(text) for text in TEXTS]
    return {
        "texts": hard,
        "withSpecials": encode("Hello there", True),
        # Only what decodes to another text than it was made of.
        "decoded": {
            index: decoded
            for index, (text, ids) in enumerate(zip(TEXTS, hard))
            if (decoded := tokenizer.decode(ids, skip_special_tokens=False)) != text
        },
        "generated": [digest(encode(text) for text in group) for group in generated()],
        "rows": digest(encode(text) for text in rows()[::4]),
    }


def main():
    if "--of" in sys.argv:
        for path in Path(sys.argv[-1]).glob("*/tokenizer.json"):
            (path.parent / "ids.json").write_text(json.dumps(vector(Tokenizer.from_file(str(path)))), "utf-8")
        return
    if "--vectors" not in sys.argv:
        for name, content in families():
            (HERE / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=None) + "\n", "utf-8")
    names = sorted(path.stem for path in HERE.glob("*.json") if path.stem not in ("texts", "vectors"))
    out = {"tokenizers": tokenizers.__version__}
    for name in names:
        out[name] = vector(Tokenizer.from_file(str(HERE / f"{name}.json")))
    (HERE / "vectors.json").write_text(json.dumps(out, ensure_ascii=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
