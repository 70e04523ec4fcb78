"""The space of hyperparameters: ranges on scales of their own, choices, and what depends on a choice."""
import hashlib
import math

from pydl.errors import boolean, in_range, integer, positive_int, show, string
from pydl.pictures.chart import integer_scale, linear_scale, log_scale, tick_text

CONSTANTS = (str, int, float, bool, type(None))


class Range:
    """What a hyperparameter may be: a map between positions, 0 to 1, and values.  Equal steps of the position are equally likely.

    Subclasses define `value(position)`, `position(value)`, `within(low, high)` and `grid(points)`.
    """

    def value(self, position):
        """Return the value at a position in [0, 1]."""
        raise TypeError(f"{type(self).__name__}: define value(self, position)")

    def position(self, value):
        """Return the position of a value: the other way round."""
        raise TypeError(f"{type(self).__name__}: define position(self, value)")

    def within(self, low, high):
        """Return the part of the range between two positions, as a Range of the same kind."""
        raise TypeError(f"{type(self).__name__}: define within(self, low, high)")

    def grid(self, points):
        """Return about so many values, evenly spread on the scale, both ends among them."""
        return [self.value(0.5)] if points == 1 else [self.value(i / (points - 1)) for i in range(points)]

    def ticks(self):
        """Return [(position, text)] for an axis."""
        return [(p, tick_text(self.value(p))) for p in (0.0, 0.25, 0.5, 0.75, 1.0)]

    def describe(self):
        """Return the kind and the ends, as JSON can hold them."""
        return [type(self).__name__, self.low, self.high]

    def __repr__(self):
        return f"{type(self).__name__}({self.low:g}, {self.high:g})"


class Linear(Range):
    """A number between low and high, each as likely as any other: dropout rates, momenta far from 1.

    Example:
        >>> from pydl import strategy
        >>> strategy.Linear(0.0, 0.5).value(0.5)
        0.25
    """

    def __init__(self, low, high):
        who = type(self).__name__
        self.low, self.high = in_range(who, "low", low), in_range(who, "high", high)
        if not self.low < self.high:
            raise ValueError(f"{who}: low must be below high, got {show(low)} and {show(high)}")

    def value(self, position):
        return min(self.high, max(self.low, self.low + position * (self.high - self.low)))

    def position(self, value):
        return (value - self.low) / (self.high - self.low)

    def within(self, low, high):
        return type(self)(self.value(low), self.value(high))

    def ticks(self):
        return [(self.position(v), text) for v, text in linear_scale([self.low, self.high], 4).ticks if self.low <= v <= self.high]


class Log(Linear):
    """A number between low > 0 and high whose logarithm is uniform: learning rates, strengths of a penalty.

    value = low^(1 - p) high^p

    Source:    Deep Learning Specialization, course 2: using an appropriate scale to pick hyperparameters.
    Example:
        >>> from pydl import strategy
        >>> round(strategy.Log(1e-4, 1.0).value(0.5), 12)
        0.01
    """

    def __init__(self, low, high):
        in_range(type(self).__name__, "low", low, 0, low_open=True)
        super().__init__(low, high)

    def value(self, position):
        return min(self.high, max(self.low, math.exp((1 - position) * math.log(self.low) + position * math.log(self.high))))

    def position(self, value):
        return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))

    def ticks(self):
        return [(self.position(v), text) for v, text in log_scale([self.low, self.high]).ticks if self.low <= v <= self.high]


class ReverseLog(Linear):
    """A number between low and high < 1 for which 1 - value is uniform in its logarithm: the beta of running means.

    1 - value = (1 - low)^(1 - p) (1 - high)^p;  from 0.9 to 0.999 half of the draws lie above 0.99.

    Source:    Deep Learning Specialization, course 2: hyperparameters for exponentially weighted averages.
    Example:
        >>> from pydl import strategy
        >>> round(strategy.ReverseLog(0.9, 0.999).value(0.5), 12)
        0.99
    """

    def __init__(self, low, high):
        in_range(type(self).__name__, "high", high, None, 1, high_open=True)
        super().__init__(low, high)

    def value(self, position):
        return min(self.high, max(self.low, 1 - math.exp((1 - position) * math.log1p(-self.low) + position * math.log1p(-self.high))))

    def position(self, value):
        return (math.log1p(-value) - math.log1p(-self.low)) / (math.log1p(-self.high) - math.log1p(-self.low))

    def ticks(self):
        places = [(self.position(1 - v), tick_text(1 - v)) for v, _ in log_scale([1 - self.high, 1 - self.low]).ticks]
        return [(place, text) for place, text in places if -1e-9 <= place <= 1 + 1e-9]


class Integer(Range):
    """A whole number from low to high, both included; with log=True each doubling is as likely as any other.

    Example:
        >>> from pydl import strategy
        >>> strategy.Integer(1, 4).grid(9), strategy.Integer(16, 256, log=True).grid(5)
        ([1, 2, 3, 4], [16, 32, 64, 128, 256])
    """

    def __init__(self, low, high, log=False):
        self.log = boolean("Integer", "log", log)
        self.low = integer("Integer", "low", low, 1 if self.log else None)
        self.high = integer("Integer", "high", high)
        if self.low > self.high:
            raise ValueError(f"Integer: low must not be above high, got {show(low)} and {show(high)}")

    def value(self, position):
        if self.log:                                # as for 3 of the cells [1, 2) [2, 3) [3, 4), by their logarithm
            found = math.exp((1 - position) * math.log(self.low) + position * math.log(self.high + 1))
        else:
            found = self.low + position * (self.high + 1 - self.low)
        return min(self.high, max(self.low, math.floor(found)))

    def position(self, value):
        if self.log:
            return (math.log(value + 0.5) - math.log(self.low)) / (math.log(self.high + 1) - math.log(self.low))
        return (value + 0.5 - self.low) / (self.high + 1 - self.low)

    def within(self, low, high):
        return Integer(self.value(low), self.value(high), self.log)

    def grid(self, points):
        if points == 1:
            return [self.value(0.5)]
        ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        marks = [ends[0] + i / (points - 1) * (ends[1] - ends[0]) for i in range(points)]
        return sorted({min(self.high, max(self.low, round(math.exp(m) if self.log else m))) for m in marks})

    def ticks(self):
        scale = log_scale([self.low, self.high]) if self.log else integer_scale(self.low, self.high)
        values = [v for v, _ in scale.ticks if self.low <= v <= self.high and v == int(v)]
        if self.log and len(values) < 3:
            values = self.grid(5)
        return [(self.position(v), tick_text(v)) for v in values]

    def describe(self):
        return ["Integer", self.low, self.high, self.log]

    def __repr__(self):
        return f"Integer({self.low}, {self.high}{', log=True' if self.log else ''})"


class Choice(Range):
    """One of several values; of a dict, one of its keys, with hyperparameters of its own that exist only where it is chosen.

    Args:      options: a list of values, or a dict {value: {name: range}}.
    Example:
        >>> from pydl import strategy
        >>> optimizer = strategy.Choice({"adam": {}, "sgd": {"momentum": strategy.ReverseLog(0.5, 0.99)}})
        >>> sorted(strategy.Space({"optimizer": optimizer}).draw(seed=0, number=0))
        ['momentum', 'optimizer']
    """

    def __init__(self, options):
        if not isinstance(options, (list, tuple, dict)):
            raise TypeError(f"Choice: options must be a list of values, or a dict from values to spaces, got {show(options)}")
        self.options = list(options)
        if not self.options:
            raise ValueError("Choice: options must not be empty")
        for i, option in enumerate(self.options):
            if any(type(option) is type(other) and option == other for other in self.options[:i]):
                raise ValueError(f"Choice: {show(option)} stands twice among the options")
        self.spaces = [_entries("Choice", options[o]) for o in self.options] if isinstance(options, dict) else [{} for _ in self.options]

    def value(self, position):
        return self.options[min(len(self.options) - 1, int(position * len(self.options)))]

    def index(self, value):
        """Return which of the options a value is."""
        return next(i for i, option in enumerate(self.options) if type(option) is type(value) and option == value)

    def position(self, value):
        return (self.index(value) + 0.5) / len(self.options)

    def grid(self, points):
        """Return all options, however many points are asked for."""
        return list(self.options)

    def ticks(self):
        return [((i + 0.5) / len(self.options), str(option)) for i, option in enumerate(self.options)]

    def describe(self):
        return ["Choice", [[o if isinstance(o, CONSTANTS) else repr(o), {n: _described(r) for n, r in s.items()}] for o, s in zip(self.options, self.spaces)]]

    def __repr__(self):
        return f"Choice({show(self.options)})"


def _entries(who, entries):
    """A dict {name: Range or constant}, checked."""
    if not isinstance(entries, dict):
        raise TypeError(f"{who}: expected a dict from names to ranges, got {show(entries)}")
    for name, entry in entries.items():
        string(who, "each name", name)
        if isinstance(entry, (list, tuple, dict, set)):
            raise TypeError(f"{who}: {name!r} is {show(entry)}; for one of several values write Choice({show(entry, 30)})")
        if isinstance(entry, type) or not isinstance(entry, (Range, *CONSTANTS)):
            raise TypeError(f"{who}: {name!r} must be Linear, Log, ReverseLog, Integer, Choice or a constant, got {show(entry)}")
    return dict(entries)


def _described(entry):
    return entry.describe() if isinstance(entry, Range) else entry


def uniform(seed, *what):
    """A number in [0, 1) that belongs to (seed, what): the same on every machine, and for whatever else is drawn beside it."""
    digest = hashlib.sha256("/".join(map(str, (seed, *what))).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2 ** 64


class Space:
    """Hyperparameters by name: ranges, choices, and constants that all trials share.

    Args:      entries: a dict {name: Linear, Log, ReverseLog, Integer, Choice, or a constant}.
    Raises:    TypeError or ValueError naming the entry, also where a name that depends on a choice is taken already.
    Example:
        >>> from pydl import strategy
        >>> space = strategy.Space({"rate": strategy.Log(1e-4, 1.0), "units": strategy.Integer(16, 128), "activation": strategy.Choice(["relu", "tanh"])})
        >>> space.draw(seed=1, number=0) == space.draw(seed=1, number=0)
        True
        >>> len(space.grid(3))
        18
    """

    def __init__(self, entries):
        self.entries = _entries("Space", entries.entries if isinstance(entries, Space) else entries)
        if not self.entries:
            raise ValueError("Space: there is nothing to choose; give it at least one range")
        for names in _branches(self.entries):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"Space: the name {twice[0]!r} depends on a choice and stands elsewhere too; names of one trial must differ")

    def draw(self, seed, number):
        """Return the hyperparameters of trial `number` under a seed, a dict: a function of these two and the entry's name alone."""
        def drawn(entries, path):
            found = {}
            for name, entry in entries.items():
                found[name] = entry.value(uniform(seed, number, path, name)) if isinstance(entry, Range) else entry
                if isinstance(entry, Choice):
                    i = entry.index(found[name])
                    found.update(drawn(entry.spaces[i], f"{path}/{name}={i}"))
            return found
        return drawn(self.entries, "")

    def grid(self, points):
        """Return every combination of about `points` values a range, and of all options of choices, as a list of dicts.

        Args:      points: a number for all, or a dict by name (those not named get 3).
        """
        names = set(self.ranges())
        if isinstance(points, dict):
            unknown = [name for name in points if name not in names]
            if unknown:
                raise ValueError(f"Space: points names {show(unknown[0])}, which is no range; there are {', '.join(sorted(names))}")
            counts = {name: positive_int("Space", f"points[{name!r}]", n) for name, n in points.items()}
        else:
            counts = dict.fromkeys(names, positive_int("Space", "points", points))

        def crossed(entries):
            found = [{}]
            for name, entry in entries.items():
                values = entry.grid(counts.get(name, 3)) if isinstance(entry, Range) else [entry]
                inner = [crossed(entry.spaces[entry.index(v)]) if isinstance(entry, Choice) else [{}] for v in values]
                found = [{**params, name: v, **more} for params in found for v, below in zip(values, inner) for more in below]
            return found
        return crossed(self.entries)

    def narrowed(self, best, shrink):
        """Return the space around the best hyperparameters: of each range a share `shrink` of its scale, or what the best span if
        that is more; of each choice the options found among them.

        Args:      best: a list of dicts, the best first.
        """
        def around(entries, best):
            found = {}
            for name, entry in entries.items():
                values = [params[name] for params in best if name in params]
                if isinstance(entry, Choice) and values:
                    kept = [i for i, option in enumerate(entry.options) if any(entry.index(v) == i for v in values)]
                    found[name] = Choice([entry.options[i] for i in kept])
                    found[name].spaces = [around(entry.spaces[i], [b for b in best if name in b and entry.index(b[name]) == i]) for i in kept]
                elif isinstance(entry, Range) and values:
                    places = [entry.position(v) for v in values]
                    width = min(1.0, max(shrink, max(places) - min(places)))
                    low = min(1 - width, max(0.0, (max(places) + min(places)) / 2 - width / 2))
                    found[name] = entry.within(low, low + width)
                else:
                    found[name] = entry
            return found
        space = Space.__new__(Space)
        space.entries = around(self.entries, list(best))
        return space

    def ranges(self):
        """Return {name: Range} of everything that varies, those that depend on a choice included (of several of one name, the first)."""
        def walk(entries):
            for name, entry in entries.items():
                if isinstance(entry, Range):
                    yield name, entry
                for below in entry.spaces if isinstance(entry, Choice) else ():
                    yield from walk(below)
        found = {}
        for name, entry in walk(self.entries):
            found.setdefault(name, entry)
        return found

    def describe(self):
        """Return the entries as JSON can hold them."""
        return {name: _described(entry) for name, entry in self.entries.items()}

    def __repr__(self):
        return f"Space({show(self.entries, 200)})"


def _branches(entries):
    """Every list of names that one trial can have."""
    found = [[]]
    for name, entry in entries.items():
        below = [names for space in entry.spaces for names in _branches(space)] if isinstance(entry, Choice) else [[]]
        distinct = [list(names) for names in dict.fromkeys(map(tuple, below))]
        found = [names + [name] + more for names in found for more in distinct]
    return found
