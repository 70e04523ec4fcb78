"""Chunks: stretches of tokens with a name, as tags B-name, I-name and O write them, and how many of them are found."""
from pydl.errors import ShapeError, show


def _listed(value):
    """Whether it is a list of something, or an array; a text is none."""
    return hasattr(value, "__len__") and hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict))


def chunks(tags):
    """Return the chunks of a tagged sequence: (name, first, behind the last).

    A chunk begins at B-, at I- after O, and at I- of another name than the tag before; it ends where another begins or at O.

    Args:      tags: strings "O", "B-name", "I-name".
    Raises:    ValueError naming a tag of another form.
    Source:    Tjong Kim Sang, Buchholz, Introduction to the CoNLL-2000 shared task: chunking, 2000.
    Example:
        >>> from pydl.text import chunks
        >>> chunks(["B-NP", "I-NP", "O", "I-VP", "B-VP"])
        [('NP', 0, 2), ('VP', 3, 4), ('VP', 4, 5)]
    """
    if not _listed(tags):
        raise TypeError(f"chunks: tags must be a list of strings, got {show(tags)}")
    found, name, first = [], None, 0
    for i, tag in enumerate(tags):
        kind, _, called = tag.partition("-") if isinstance(tag, str) else ("", "", "")
        if not (tag == "O" or (kind in ("B", "I") and called)):
            raise ValueError(f"chunks: tag {i} must be 'O', 'B-name' or 'I-name', got {show(tag)}")
        if name is not None and (tag == "O" or kind == "B" or called != name):
            found.append((name, first, i))
            name = None
        if name is None and tag != "O":
            name, first = called, i
    return found + ([(name, first, len(tags))] if name is not None else [])


def chunk_scores(true, predicted):
    """Return {"precision", "recall", "f1"} over the chunks of all sequences: a chunk is found if its name, its first and its last token are right.

    Where there is nothing to divide by, a share is 0.

    Args:      true, predicted: lists of tagged sequences, of the same lengths.
    Example:
        >>> from pydl.text import chunk_scores
        >>> chunk_scores([["B-NP", "I-NP", "B-VP"]], [["B-NP", "O", "B-VP"]])
        {'precision': 0.5, 'recall': 0.5, 'f1': 0.5}
    """
    for name, given in (("true", true), ("predicted", predicted)):
        if not _listed(given) or not all(map(_listed, given)):
            raise TypeError(f"chunk_scores: {name} must be a list of lists of tags, got {show(given)}")
    if len(true) != len(predicted):
        raise ShapeError(f"chunk_scores: {len(true)} true sequences, {len(predicted)} predicted ones")
    right = there = claimed = 0
    for i, (a, b) in enumerate(zip(true, predicted, strict=True)):
        if len(a) != len(b):
            raise ShapeError(f"chunk_scores: sequence {i} has {len(a)} true tags and {len(b)} predicted ones")
        a, b = set(chunks(a)), set(chunks(b))
        right, there, claimed = right + len(a & b), there + len(a), claimed + len(b)
    precision, recall = right / claimed if claimed else 0.0, right / there if there else 0.0
    return {"precision": precision, "recall": recall, "f1": 2 * right / (there + claimed) if there + claimed else 0.0}
