"""Tokenisation: text to characters or words."""
import re

from pydl.errors import boolean, show

_WORDS = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")


def _text(who, text):
    if not isinstance(text, str):
        raise TypeError(f"{who}: text must be a string, got {show(text)}")
    return text


def characters(text, lower=False):
    """Split a text into its characters (code points), spaces and line ends too.

    Args:      lower: turn it into lower case first.
    Example:
        >>> from pydl.text import characters
        >>> characters("Ab c", lower=True)
        ['a', 'b', ' ', 'c']
    """
    text = _text("characters", text)
    return list(text.lower() if boolean("characters", "lower", lower) else text)


def words(text, lower=True, punctuation=True):
    """Split a text into words; each punctuation mark is a word of its own.

    A word is letters, digits and underscores of any script, with apostrophes inside ("don't").

    Args:      lower: turn it into lower case first.
               punctuation: False leaves the marks out.
    Example:
        >>> from pydl.text import words
        >>> words("The cat doesn't sleep.")
        ['the', 'cat', "doesn't", 'sleep', '.']
    """
    text = _text("words", text)
    lower, punctuation = boolean("words", "lower", lower), boolean("words", "punctuation", punctuation)
    found = _WORDS.findall(text.lower() if lower else text)
    return found if punctuation else [word for word in found if word[0].isalnum() or word[0] == "_"]
