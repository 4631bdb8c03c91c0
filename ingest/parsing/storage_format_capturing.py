"""The open elements of storage format: which are shown, which are read as values, and what they point to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ingest.parsing.elements import Attributes, Closer, is_styled_away
from ingest.parsing.storage_format_targets import Target
from ingest.parsing.storage_format_writer import PageWriter

# Hints of templates, keys, and what only a browser reads.
_SKIPPED = frozenset(
    "ac:placeholder ac:task-id ac:task-uuid ac:adf-mark ac:adf-leaf ac:adf-parameter at:declarations style script svg "
    "colgroup".split()
)
# White space between the elements that these hold is only how the source is laid out.
_HOLDERS = frozenset(
    "ac:structured-macro ac:macro ac:link ac:image ac:task ac:task-list ac:layout ac:layout-section ac:layout-cell "
    "ac:adf-extension ac:adf-node ul ol dl table thead tbody tfoot tr".split()
)


@dataclass(slots=True, kw_only=True)
class Capture:
    """An element whose content is read as a value. `depth`: how many elements inside it are open."""

    finish: Callable[["Capture"], None]
    pieces: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    depth: int = 0

    @property
    def text(self) -> str:
        """As it is written."""
        return "".join(self.pieces)


@dataclass(slots=True, kw_only=True)
class Pointer:
    """An open link or image, and what it points to. `caption`: of an image."""

    target: Target | None = None
    caption: str = ""


class CapturingReader:
    """Receives events. Every start has its end, which calls what the start left to be done."""

    def __init__(self, page: PageWriter) -> None:
        self.page = page
        self.pointers: list[Pointer] = []
        self._tags: list[str] = []
        self._closers: list[Closer] = []
        self._skipped_depth = 0
        self._capture: Capture | None = None

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""
        if self._skipped_depth:
            self._skipped_depth += 1
        elif self._capture:
            self._capture.depth += 1
            if tag == "annotation":
                # The source of a formula, which comes last, says all that its MathML does.
                self._capture.pieces.clear()
            self.point(self.page.targets.read(tag, attributes), address=attributes.get("href", ""))
        elif tag in _SKIPPED or is_styled_away(attributes):
            self._skipped_depth = 1
        else:
            self._tags.append(tag)
            self._closers.append(self.open_element(tag, attributes))

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._skipped_depth:
            self._skipped_depth -= 1
            return
        if self._capture and self._capture.depth:
            self._capture.depth -= 1
            return
        if self._closers:
            self._tags.pop()
            self._closers.pop()()

    def take_text(self, text: str) -> None:
        """Text between tags."""
        if self._skipped_depth:
            self.page.take_hidden(text)
        elif self._capture:
            self._capture.pieces.append(text)
            self.page.take_hidden(text)
        elif not text.isspace() or not self._tags or self._tags[-1] not in _HOLDERS:
            self.page.take_text(text)

    def close(self) -> None:
        """The page ends."""
        self.page.assembler.finish()

    def open_element(self, tag: str, attributes: Attributes) -> Closer:
        """Begin what a shown element stands for; gives what ends it."""
        return self.page.elements.open(tag, attributes)

    def point(self, target: Target | None, *, address: str = "") -> None:
        """What an element names belongs to the value, the image or the link it is in; the first one counts."""
        if self._capture:
            found = target or (Target(text=address, url=address) if address else None)
            self._capture.targets += [found] if found else []
        elif target and self.pointers:
            self.pointers[-1].target = self.pointers[-1].target or target
        elif target:
            self.page.write(target.text)

    def start_capture(self, finish: Callable[[Capture], None]) -> Closer:
        """Read the element that has just begun as a value, for `finish`."""
        self._capture = capture = Capture(finish=finish)
        return partial(self._finish_capture, capture)

    def _finish_capture(self, capture: Capture) -> None:
        self._capture = None
        capture.finish(capture)
