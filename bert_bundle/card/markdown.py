"""Text of others in Markdown, which can then neither format nor end anything."""


def plain(text: object) -> str:
    """Return `text` on one line with all that means something in Markdown escaped, tables included."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+!|" else c if c.isprintable() else " " for c in str(text))


def code(text: object) -> str:
    """Return `text` on one line as code."""
    return "`{}`".format("".join(c if c.isprintable() and c != "`" else " " for c in str(text)))
