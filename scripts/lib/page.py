"""A small reader of HTML for tests: a tree of nodes by html.parser, strict about nesting.

Follows the HTML standard (html.spec.whatwg.org), void elements.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


@dataclass
class Node:
    tag: str
    attributes: dict = field(default_factory=dict)
    children: list = field(default_factory=list)                # nodes and strings

    def all(self, *tags):
        """The nodes below with such a tag (with none named, all), in order."""
        for child in self.children:
            if isinstance(child, Node):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def one(self, *tags):
        return next(self.all(*tags))

    def text(self):
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def rows(self):
        """The cells of a table's body, by their text."""
        return [[cell.text() for cell in row.all("th", "td")] for row in self.one("tbody").all("tr")]


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = [Node("")]

    def handle_starttag(self, tag, attributes):
        node = Node(tag, dict(attributes))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag, attributes):
        self.open[-1].children.append(Node(tag, dict(attributes)))

    def handle_endtag(self, tag):
        if self.open[-1].tag != tag:
            raise ValueError(f"</{tag}> at {self.getpos()} ends <{self.open[-1].tag}>")
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(text):
    """The tree. A ValueError says what is not nested right."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    if len(reader.open) != 1:
        raise ValueError(f"<{reader.open[-1].tag}> does not end")
    return reader.open[0]
