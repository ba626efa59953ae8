"""Writes what open_clip gives for hard strings: the yardstick for the tokenizer and the text tower.

    pip install torch open_clip_torch ftfy regex   (made with Python 3.11.7, open_clip_torch 2.24.0, ftfy 6.3.1,
                                                    regex 2026.11.19, numpy 2.4.6, torch 2.15.0)
    python make_text_reference.py [--out FILE]

FILE (`expected/text.json` beside this script) holds

    {"context": 77,
     "logit_scale": {"quick_gelu": ln of the scale, "gelu": ...},
     "texts": [{"name": ..., "text": ..., "ids": [77 token ids, zero behind the end token],
                "embedding": {"quick_gelu": [512 numbers], "gelu": [512 numbers]}},    (on the first EMBEDDED only)
               ...]}

The text tower takes the state at the first end token (the highest id), which a text may hold itself.

The embeddings are L2-normalised, computed in double precision with the weights of random_weights.py (seed 0), of
ViT-B-32-quickgelu and ViT-B-32, and rounded to 9 significant digits.
"""

# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "numpy==2.4.6", "torch==2.15.0", "open_clip_torch==2.24.0", "ftfy==6.3.1", "regex==2026.11.19",
# ]
# ///

import argparse
import json
from pathlib import Path

import open_clip
import torch

from make_reference import load

CONTEXT = 77

# `cat` is one token, so that these are N tokens between start and end.
CATS = {f"{n} tokens between start and end": " ".join(["cat"] * n) for n in (73, 74, 75, 76, 77, 78)}

# Embeddings are written for these.
EMBEDDED = {
    "empty": "",
    "one word": "cat",
    "caption": "a photo of a cat",
    "caption with capitals and a full stop": "A photo of TWO dogs playing on the Beach.",
    "caption with a number": "3 people standing next to a 1967 Ford Mustang, 35mm",
    "long caption": (
        "an astronaut in an orange suit smiles in front of a flag and a model of the space shuttle, "
        "studio portrait, high resolution"
    ),
    "emoji": "a 🐱 and a 🐶 at the beach 🏖️",
    "emoji joined and with skin": "family 👨‍👩‍👧‍👦 waving 👋🏽 👩🏿‍🚀",
    "accents composed": "café crème brûlée à la plage, señor Müller",
    "accents decomposed": "cafe\u0301 cre\u0300me bru\u0302le\u0301e a\u0300 la plage, sen\u0303or Mu\u0308ller",
    "entities": "salt &amp; pepper &lt;b&gt; it&#39;s caf&eacute;",
    "mojibake": "schÃ¶n cafÃ© â€œquotesâ€\x9d donâ€™t",
    "curly quotes": "“quoted” ‘single’ it’s „low‟",
    "chinese": "一只猫坐在桌子上",
    "arabic": "قطة تجلس على الطاولة",
    "cyrillic": "КОШКА сидит на СТОЛЕ",
    "greek with final sigma": "ΟΔΥΣΣΕΥΣ ΚΑΙ Ο ΣΚΥΛΟΣ. Σ",
    "start token written out": "<start_of_text>a photo",
    "end token written out": "a cat<end_of_text> and a dog",
    "75 tokens between start and end": CATS["75 tokens between start and end"],
    "500 words": " ".join(f"word{n % 7} of" for n in range(250)),
}

IDS_ONLY = {
    "spaces only": "     ",
    "white space of all kinds": " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000 ",
    **{name: text for name, text in CATS.items() if name not in EMBEDDED},
    "tabs and line breaks": "a photo\tof\r\na\n\n\ncat\rand\u2028a dog",
    "control characters": "a\x00 ph\x01oto\x7f of \x1b[31mred\x1b[0m \x0bcat\ufeff \x1b[ \ufffc",
    "C1 control characters": "smart \x93quotes\x94 and\x85 dots",
    "flags": "🇫🇷 🇩🇪🇯🇵 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏳️‍🌈",
    "keycaps and variants": "1️⃣ 2️⃣ #️⃣ ☎︎ ☎️ ©️",
    "entities escaped twice": "&amp;amp; &amp;lt;i&amp;gt; &amp;amp;amp;amp;amp; &amp;#233; &amp;eacute;",
    "entities of all kinds": "&EACUTE; &hellip; &notin; &notit; &#128; &#x80; &#xD800; &#x110000; &#0; &#1; &#x1F431; &bogus;",
    "entities without semicolon": "&lt &amp &copy2024 AT&T R&D &#65 &#x41g &notin",
    "entities beside a tag": "<b>caf&eacute;</b> &amp; &lt;i&gt; &EACUTE;\n&EACUTE; next line",
    "mojibake of mojibake": "dÃƒÂ©jÃƒÂ  vu, Ã la mode, voilÃ le travail",
    "mojibake beside good text": "naïve schön and Ã¼ber âœ” Ã³",
    "mojibake of emoji": "ðŸ˜€ happy ðŸ¶",
    "mojibake with losses": "â€� and â€?",
    "mojibake in other code pages": "РїСЂРёРІРµС‚ вЂњ—ћвЂќ вЂ“ ‚Äúhi‚Äù",
    "not mojibake": "PARCE QUE SUR LEURS PLAQUES IL Y A ÉCRIT: Â© 2024, ÃO, 50° Ö",
    "quotes of all kinds": "ʼnʼ ‛x‛ ‚low‚ ‟y‟ «guillemets» ‹single› `back´ ′ ″",
    "ligatures": "ﬂubberiﬁc oﬃce ﬀ ﬄ ﬅ ﬆ ĳ Ĳ ǆ Ǆ ǅ ŉ ﬓ æ œ",
    "full width": "ＬＯＵＤ　ＮＯＩＳＥＳ ＡＢＣ１２３！ ﾀｰﾝ Ｕﾀﾞ ￦",
    "devanagari": "मेज पर बैठी बिल्ली ३ क़",
    "thai": "แมวนั่งอยู่บนโต๊ะ",
    "hebrew and korean": "חתול יושב 고양이가 앉아 있다 각",
    "japanese": "テーブルの上に座っている猫 が",
    "final sigma": "ΣΑΣ ΑΣ' ΑΣΑ Σ. Α.Σ ΑΣ.Α ΑΣ\u0301 ͺΣ ΑΣͺ ΑΣ_Α Α:Σ",
    "turkish": "İSTANBUL ISPARTA ıssız İ",
    "german": "STRAẞE Straße GROSS groß",
    "case beyond tables of pairs": "ΐ ᾼ ÅÅ ǅ Ⓐ ⅷ Ⅷ 𐐀 Ꭰ Ა Kelvin",
    "tokens written out": "a<end_of_text>b <START_OF_TEXT> <|endoftext|> <end_of_text <ſtart_of_text>",
    "digits": "1234567890 3.14 1,000 x2 ٣٤ ½ ² Ⅳ ④ 一二",
    "contractions": "don't I'LL we've they're I'm he'd it's 'tis rock'n'roll 'S'T x''s '",
    "contraction with a long s": "it'ſ 'ſt",
    "punctuation": "wait... what?!?! #hash @at $5.00 -- --- (a) [b] {c} a/b\\c ~^|<>=+*&%",
    "underscores": "snake_case_name __init__ _ a_1_b",
    "very long word": "pneumonoultramicroscopicsilicovolcanoconiosis" * 8,
    "long run of one letter": "a" * 300,
    "long run of punctuation": "!" * 200,
    "combining marks": "a\u0301\u0302\u0303 e\u0327\u0301 \u0301alone Z\u0351\u036b\u0343 q\u0307\u0323",
    "astral letters and symbols": "𝒜𝓃 𝔞𝔟 𝟙𝟚 🄰 𓀀 😀😀",
    "private use and unassigned": "\ue000 \uf8ff \U000f0000 \u0378 \uffff",
    "invisible": "zero\u200bwidth soft\u00adhyphen word\u2060joiner rtl\u200fmark \u202eover\u202c \u206anot",
}


def rounded(embedding: torch.Tensor) -> list[float]:
    return [float(f"{number:.9g}") for number in embedding.tolist()]


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "expected" / "text.json")
    out = args.parse_args().out

    texts = EMBEDDED | IDS_ONLY
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    ids = tokenizer(list(texts.values()), context_length=CONTEXT)
    entries = [{"name": name, "text": text, "ids": row.tolist()} for (name, text), row in zip(texts.items(), ids)]

    scales = {}
    for activation, name in (("quick_gelu", "ViT-B-32-quickgelu"), ("gelu", "ViT-B-32")):
        model, _ = load(name)
        scales[activation] = model.logit_scale.item()
        with torch.no_grad():
            found = torch.nn.functional.normalize(model.double().encode_text(ids[: len(EMBEDDED)]), dim=-1)
        for entry, embedding in zip(entries, found):
            entry.setdefault("embedding", {})[activation] = rounded(embedding)

    # One text a line, in ASCII: what is written cannot be normalised away by an editor.
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    head = json.dumps({"context": CONTEXT, "logit_scale": scales})[:-1]
    out.write_text(f'{head}, "texts": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
