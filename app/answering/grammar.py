"""What a chat model may write at all: sentences, lists, code that stands in a section, and `[n]` of a section shown.

In llama.cpp's notation (GBNF). A model held to it writes no link, image or tag and calls nobody by `@name`, and it ends
behind a whole sentence. Words of pages are in it as code only, letter by letter.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from app.answering.types import Passage
from app.answering.units import units_of

# Longer code is quoted from its page anyway.
_LONGEST_CODE = 800
_MOST_CODES = 8
_ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
# Within a sentence a full stop has something behind it (3.5, setup.cfg), a colon anything but a slash, and an @ letters
# on both sides, as in an address. Small models like to begin with the number of the section.
_RULES = r"""
gap ::= " " | "\n" "\n"?
sentence ::= echo? text marks end marks
item ::= ("-" | [1-9] [0-9]? ".") " " text marks (end marks)?
end ::= [.!?:] ["')”’]?
marks ::= (" "? mark)*
echo ::= "Section " mark ":"? [ \n]+
text ::= (first | inline) (within | inline | mark)*
first ::= [^<>\[\]{}`@:.!?\n\r\t|*# -]
within ::= plain | [.!?] after-stop ("@" [A-Za-z0-9])? | ":" after-colon | [A-Za-z0-9._-] "@" [A-Za-z0-9]
plain ::= [^<\[\]{}`@:.!?\n\r\t|*]
after-stop ::= [^<\[\]{}`@:.!?\n\r\t|* "')”’]
after-colon ::= [^/<\[\]{}`@:\n\r\t|*]
inline ::= "`" ([^<`@:\n\r] | ":" [^/<`@:\n\r])+ "`"
"""


def output_grammar(passages: Sequence[Passage], *, most_sentences: int) -> str:
    """The grammar of an answer of so many sentences from these passages, which are numbered from 1 in this order."""
    codes = [f'"{code.translate(_ESCAPES)}"' for code in islice(_fenced(passages), _MOST_CODES)]
    other, last = ("| code gap ", "| code") if codes else ("", "")
    lines = [
        f"root ::= (sentence gap | item [\\n]+ {other}){{0,{most_sentences - 1}}} (sentence | item {last})",
        "mark ::= " + (" | ".join(f'"[{number}]"' for number in range(1, len(passages) + 1)) or '"[]"'),
    ]
    if codes:
        lines.append("code ::= " + " | ".join(codes))
    return "\n".join(lines) + _RULES


def _fenced(passages: Sequence[Passage]) -> Iterator[str]:
    """The passages' pieces of code, each as it would stand in an answer."""
    for passage in passages:
        for unit in units_of(passage.text):
            if unit.kind == "code" and len(unit.quote) <= _LONGEST_CODE:
                yield f"```{unit.language}\n{unit.quote}\n```"
