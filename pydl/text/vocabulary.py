"""Vocabulary: tokens (characters or words) and their numbers."""
import json
import os
from collections import Counter

import numpy as np

from pydl.data.arrays import as_array
from pydl.errors import DTypeError, FormatError, ShapeError, boolean, integer, one_of, positive_int, show
from pydl.files import write_atomically

FORMAT, VERSION = "pydl vocabulary", 1
SPECIAL = ("padding", "unknown", "start", "end")


class Vocabulary:
    """Tokens by number and numbers by token.

    Special tokens that are given and not among `tokens` come first, in the order padding, unknown, start, end: so padding is 0, as `mask_zero` and
    `pad_sequences` have it.

    Args:      tokens: the tokens in the order of their numbers, each once; a string is its characters.
               unknown: the token that stands for all others; None makes an unknown token an error.
               padding, start, end: the tokens of padding, and of the beginning and the end of a sequence; None for none.
    Raises:    ValueError naming a token that comes twice, or is empty.
    Example:
        >>> from pydl.text import Vocabulary
        >>> vocabulary = Vocabulary(["the", "cat"], padding="<PAD>", end="<EOS>")
        >>> vocabulary.encode(["the", "dog"], end=True).tolist()
        [3, 1, 2]
        >>> vocabulary.decode([3, 4])
        ['the', 'cat']
    """

    def __init__(self, tokens, unknown="<UNK>", padding=None, start=None, end=None):
        given = {"padding": padding, "unknown": unknown, "start": start, "end": end}
        tokens = _tokens("Vocabulary", tokens)
        for name, token in given.items():
            if token is not None and not (isinstance(token, str) and token):
                raise TypeError(f"Vocabulary: {name} must be a string that is not empty, or None, got {show(token)}")
        named = [token for token in given.values() if token is not None]
        if len(set(named)) != len(named):
            raise ValueError(f"Vocabulary: the special tokens must differ, got {', '.join(map(repr, named))}")
        inside = set(tokens)
        self.tokens = [token for token in named if token not in inside] + tokens
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"Vocabulary: the token {twice!r} comes more than once")
        if not self.tokens:
            raise ValueError("Vocabulary: there are no tokens")
        self.padding, self.unknown, self.start, self.end = padding, unknown, start, end

    @classmethod
    def from_sequences(cls, sequences, size=None, min_count=1, order="count", unknown="<UNK>", padding=None, start=None, end=None):
        """Make a vocabulary of the tokens that occur in sequences of them.

        Args:      sequences: lists of tokens; a string is its characters.
                   size: the most numbers, the special tokens among them; the rarest tokens are left out.
                   min_count: tokens that occur less often are left out.
                   order: "count", the most frequent first, of equal ones the lower code points; or "sorted", by code points.
        Example:
            >>> from pydl.text import Vocabulary
            >>> Vocabulary.from_sequences(["abba", "a"], unknown=None).tokens
            ['a', 'b']
        """
        who = "Vocabulary.from_sequences"
        min_count, order = positive_int(who, "min_count", min_count), one_of(who, "order", order, ("count", "sorted"))
        if isinstance(sequences, str):
            raise TypeError(f"{who}: sequences must be a list of sequences; for one text pass [text]")
        if not hasattr(sequences, "__iter__"):
            raise TypeError(f"{who}: sequences must be a list of sequences, got {show(sequences)}")
        counts = Counter()
        for i, sequence in enumerate(sequences):
            try:
                counts.update(iter(sequence))
            except TypeError:
                raise TypeError(f"{who}: sequence {i} must be a list of tokens, got {show(sequence)}") from None
        odd = next((token for token in counts if not isinstance(token, str) or not token), None)
        if odd is not None:
            raise TypeError(f"{who}: tokens must be strings that are not empty, got {show(odd)}")
        kept = sorted((token for token, count in counts.items() if count >= min_count), key=lambda token: (-counts[token], token))
        if size is not None:
            special = [token for token in (padding, unknown, start, end) if token is not None]
            room = integer(who, "size", size, max(1, len(special))) - len(special)
            plain = [token for token in kept if token not in special][:room]
            kept = [token for token in kept if token in special or token in set(plain)]
        return cls(sorted(kept) if order == "sorted" else kept, unknown, padding, start, end)

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._ids

    def __eq__(self, other):
        return isinstance(other, Vocabulary) and self.tokens == other.tokens and all(getattr(self, n) == getattr(other, n) for n in SPECIAL)

    __hash__ = None

    def __repr__(self):
        return f"<Vocabulary of {len(self)} tokens>"

    def _id_of(self, name):
        token = getattr(self, name)
        if token is None:
            raise ValueError(f"Vocabulary: it has no token of {name}; pass {name}= when making it")
        return self._ids[token]

    padding_id = property(lambda self: self._id_of("padding"), doc="The number of the padding.")
    unknown_id = property(lambda self: self._id_of("unknown"), doc="The number of unknown tokens.")
    start_id = property(lambda self: self._id_of("start"), doc="The number of the beginning.")
    end_id = property(lambda self: self._id_of("end"), doc="The number of the end.")

    def id_of(self, token):
        """Return the number of a token; that of `unknown` if it has none, ValueError if there is no such token either."""
        found = self._ids.get(token)
        if found is not None:
            return found
        if self.unknown is None or not isinstance(token, str):
            raise ValueError(f"Vocabulary: {show(token)} is none of the {len(self)} tokens, and there is no token for unknown ones")
        return self._ids[self.unknown]

    def encode(self, tokens, start=False, end=False):
        """Return the numbers of a sequence of tokens (a string is its characters) as an int32 ndarray.

        Args:      start, end: whether to put the number of the beginning before, and of the end behind.
        Raises:    ValueError for a token that is unknown, where there is no token for those.
        """
        who = "Vocabulary.encode"
        start, end = boolean(who, "start", start), boolean(who, "end", end)
        if not isinstance(tokens, str) and not hasattr(tokens, "__iter__"):
            raise TypeError(f"{who}: tokens must be a sequence of strings, got {show(tokens)}")
        ids = self._ids
        numbers = [ids[token] if token in ids else self.id_of(token) for token in tokens]
        before, behind = [self.start_id] if start else [], [self.end_id] if end else []
        return np.array(before + numbers + behind, np.int32)

    def decode(self, ids, join=None):
        """Return the tokens of a sequence of numbers as a list, or joined to one string by `join` ("" for characters, " " for words).

        Padding is left out, and what follows the first end.
        """
        if join is not None and not isinstance(join, str):
            raise TypeError(f"Vocabulary.decode: join must be a string, got {show(join)}")
        stop, skip = self._ids.get(self.end), self._ids.get(self.padding)
        found = []
        for i in self._checked("Vocabulary.decode", ids, 1).tolist():
            if i == stop:
                break
            if i != skip:
                found.append(self.tokens[i])
        return found if join is None else join.join(found)

    def one_hot(self, ids, dtype="float32"):
        """Return rows with a 1 at each number: ids (...) -> (..., len(vocabulary))."""
        dtype = one_of("Vocabulary.one_hot", "dtype", dtype, ("float32", "float64"))
        ids = self._checked("Vocabulary.one_hot", ids)
        rows = np.zeros((ids.size, len(self)), dtype)
        rows[np.arange(ids.size), ids.reshape(-1)] = 1
        return rows.reshape(*ids.shape, len(self))

    def _checked(self, who, ids, ndim=None):
        ids = as_array(who, "ids", ids) if len(np.shape(ids)) != 1 or len(ids) else np.zeros(0, np.int64)
        if ids.dtype.kind not in "iu":
            raise DTypeError(f"{who}: ids must be integers, got {ids.dtype}")
        if ndim is not None and ids.ndim != ndim:
            raise ShapeError(f"{who}: expected one sequence of ids, got shape {ids.shape}")
        wrong = np.flatnonzero((ids < 0) | (ids >= len(self)))
        if wrong.size:
            raise ValueError(f"{who}: id {ids.reshape(-1)[wrong[0]]} (number {wrong[0]}) is outside the vocabulary, 0 <= id < {len(self)}")
        return ids

    def save(self, path):
        """Write it to a file (JSON, UTF-8), whole or not at all; `Vocabulary.load` reads it."""
        content = {"format": FORMAT, "version": VERSION, "tokens": self.tokens, **{name: getattr(self, name) for name in SPECIAL}}
        write_atomically(path, [json.dumps(content, ensure_ascii=True, indent=0).encode()])

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Raises:    FormatError, a ValueError, if the file is something else or damaged; OSError if it cannot be read.
        Example:
            >>> import os, tempfile
            >>> from pydl.text import Vocabulary
            >>> path = os.path.join(tempfile.mkdtemp(), "letters.json")
            >>> Vocabulary("abc").save(path); Vocabulary.load(path) == Vocabulary("abc")
            True
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"Vocabulary.load: path must be a string or a path, got {show(path)}")
        shown = os.fsdecode(os.fspath(path))
        with open(path, "rb") as file:
            data = file.read()
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{shown}: not a vocabulary: {error}") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise FormatError(f"{shown}: not a vocabulary")
        if content.get("version") != VERSION:
            raise FormatError(f"{shown}: a vocabulary of version {show(content.get('version'))}; this pydl reads {VERSION}")
        if set(content) != {"format", "version", "tokens", *SPECIAL} or not isinstance(content["tokens"], list):
            raise FormatError(f"{shown}: a damaged vocabulary: it has {show(sorted(content))}")
        try:
            return cls(content["tokens"], **{name: content[name] for name in SPECIAL})
        except (TypeError, ValueError) as error:
            raise FormatError(f"{shown}: a damaged vocabulary: {error}") from None


def _tokens(who, tokens):
    if not hasattr(tokens, "__iter__"):
        raise TypeError(f"{who}: tokens must be a list of strings, got {show(tokens)}")
    tokens = list(tokens)
    odd = next((token for token in tokens if not isinstance(token, str)), None)
    if odd is not None:
        raise TypeError(f"{who}: tokens must be strings, got {show(odd)}")
    if "" in tokens:
        raise ValueError(f"{who}: a token must not be empty")
    return tokens
