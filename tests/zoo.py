"""Real tokenizers of every kind, trained in a moment on a small mixed text, and texts that trip tokenizers."""

import json
from functools import cache

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PROSE = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair.\n\nCall me Ishmael. Some years ago, never mind "
    "how long precisely, having little or no money in my purse, and nothing particular to interest me on shore, I "
    "thought I would sail about a little and see the watery part of the world. In 1851 there were 123456 of them.\n"
)
MIXED = PROSE + (
    "def add(a, b):\r\n\treturn a + b  # done\r\n    if x == 0:\r\n        pass\n"
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。 नमस्ते दुनिया "
    "Ça va, naïve café? ÀÉÎ שלום 🙂🙂 aaaa aaaaaa\n"
)

HOSTILE = {
    "one letter": "a",
    "emoji with joiners": "👩‍🚀👨‍👩‍👧‍👦🏳️‍🌈🇯🇵 ok",
    "combining marks": "e\u0301 a\u0308\u0323 Z\u0351\u036b\u0343 cafe\u0301",
    "line ends": "one\r\ntwo\n\nthree\rfour\r\n\r\n",
    "japanese": "吾輩は猫である。名前はまだ無い。薔薇と鬱",
    "hindi": "नमस्ते दुनिया, क्षत्रिय",
    "right to left": "abc \u202eשלום\u202c \u200fעולם\u200f def",
    "NUL": "a\0b\0\0c",
    "lone blank mark": "▁",
    "blank marks": "▁a ▁ b▁▁c ▁é薔 薔▁鬱",
    "blank mark after a letter": "q▁薔 x",
    "blank mark after a line end": "\n▁a",
    "one blank": " ",
    "leading blanks": "   three before",
    "trailing blanks": "three behind   ",
    "many blanks": "a  b   c    d" + " " * 40 + "e",
    "tabs": "\ta\t\tb\t \tc\t",
    "only line ends": "\n\n\n",
    "script": '<script>alert("</script>")</script><!-- & -->',
    "marks": "<|endoftext|> <s>one</s> <unk> [CLS] [UNK] <|endoftext|><|endoftext|>",
    "byte entries typed": "<0xE3><0x81><0x82> <0x0A> あ",
    "astral": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \U0010ffff",
    "compatibility": "ﬁne ① ｆｕｌｌ ｶﾞ ﷽ Å Å",
    "byte order mark": "\ufeffHello",
    "long word": "a" * 10_000,
    "long number": "1234567890" * 300 + "12",
    "accented capitals": "ÀÉÎÕÜ ẞ ǅ ΣΑΣ İstanbul",
    "prose": PROSE,
    "mixed": MIXED,
}
BLANK_MARK = "▁"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level(*, prefix: bool = False, processor: bool | None = None, pattern: str | None = None) -> Tokenizer:
    """GPT-2's kind; `processor`: its trim_offsets; `pattern`: another way to split, as Llama 3's."""
    tokenizer = Tokenizer(models.BPE())
    if pattern is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    else:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [split, pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False)]
        )
    tokenizer.decoder = decoders.ByteLevel()
    if processor is not None:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=processor)
    trainer = trainers.BpeTrainer(
        vocab_size=450,
        special_tokens=["<|endoftext|>", "<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([MIXED], trainer)
    return tokenizer


def sentencepiece(blanks: str) -> Tokenizer:
    """BPE with byte fallback; `blanks` marked by Llama 2's "normalizer" or by the Metaspace scheme named."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    _mark_blanks(tokenizer, blanks)
    marks = ["<unk>", "<s>", "</s>"]
    known = "".join(c for c in MIXED if c not in "薔薇鬱無吾輩猫")
    tokenizer.train_from_iterator(
        [known], trainers.BpeTrainer(vocab_size=300, special_tokens=marks, show_progress=False)
    )
    entries = tokenizer.get_vocab()
    merges = [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    ids = {entry: i for i, entry in enumerate(dict.fromkeys([*marks, *BYTES, *sorted(entries, key=entries.get)]))}
    tokenizer.model = models.BPE(vocab=ids, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    fallback = [decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence([decoders.Replace(BLANK_MARK, " "), *fallback])
    return tokenizer


def _mark_blanks(tokenizer: Tokenizer, blanks: str) -> None:
    if blanks == "normalizer":
        steps = [normalizers.Prepend(BLANK_MARK), normalizers.Replace(" ", BLANK_MARK)]
        tokenizer.normalizer = normalizers.Sequence(steps)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=blanks, split=blanks != "first")


def unigram(*, fallback: bool, normalizer: normalizers.Normalizer | None = None) -> Tokenizer:
    """T5's kind: Unigram over words marked by Metaspace, with or without entries for bytes."""
    tokenizer = Tokenizer(models.Unigram())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    marks = ["<unk>", "<s>", "</s>"]
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=marks, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([MIXED], trainer)
    scores = json.loads(tokenizer.to_str())["model"]["vocab"]
    if fallback:
        scores = [*scores[:3], *([byte, -20.0] for byte in BYTES), *scores[3:]]
    tokenizer.model = models.Unigram([tuple(pair) for pair in scores], 0, fallback)
    tokenizer.decoder = decoders.Metaspace()
    if fallback:
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return tokenizer


def normalising(normalizer: normalizers.Normalizer, processor: bool | None = None) -> Tokenizer:
    """Byte-level, after a normalizer that changes the text."""
    tokenizer = byte_level(processor=processor)
    tokenizer.normalizer = normalizer
    return tokenizer


def wordpiece() -> Tokenizer:
    """BERT's kind: lowercase, no accents, blanks dropped."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]", "[CLS]"], show_progress=False)
    tokenizer.train_from_iterator([MIXED], trainer)
    return tokenizer


def with_added_words() -> Tokenizer:
    """Byte-level with added tokens that are no marks, as tool calls and runs of blanks are in newer models."""
    tokenizer = byte_level(processor=False)
    tokenizer.add_tokens([AddedToken("</script>", normalized=False), AddedToken("    ", normalized=False)])
    return tokenizer


LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTE_LEVEL = {
    "byte-level": lambda: byte_level(),
    "byte-level, trimmed offsets": lambda: byte_level(processor=True),
    "byte-level, whole offsets": lambda: byte_level(processor=False),
    "byte-level, blank in front": lambda: byte_level(prefix=True, processor=True),
    "byte-level, Llama 3 pattern": lambda: byte_level(pattern=LLAMA3),
    "byte-level, added words": with_added_words,
}
MARKED_BLANKS = {
    "SentencePiece, normalizer": lambda: sentencepiece("normalizer"),
    "SentencePiece, Metaspace always": lambda: sentencepiece("always"),
    "SentencePiece, Metaspace first": lambda: sentencepiece("first"),
    "SentencePiece, Metaspace never": lambda: sentencepiece("never"),
    "Unigram, byte fallback": lambda: unigram(fallback=True),
}
CHANGING = {
    "Unigram": lambda: unigram(fallback=False),
    "Unigram, NFKC": lambda: unigram(fallback=True, normalizer=normalizers.NFKC()),
    "lowercase": lambda: normalising(normalizers.Lowercase()),
    "lowercase, trimmed offsets": lambda: normalising(normalizers.Lowercase(), True),
    "NFC": lambda: normalising(normalizers.NFC()),
    "NFKC": lambda: normalising(normalizers.NFKC()),
    "NFD without accents": lambda: normalising(normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])),
    "stripped": lambda: normalising(normalizers.Strip()),
    "WordPiece": wordpiece,
}
ZOO = {**BYTE_LEVEL, **MARKED_BLANKS, **CHANGING}


@cache
def tokenizer(kind: str) -> Tokenizer:
    """The tokenizer of `kind`, made once."""
    return ZOO[kind]()
