"""The layout of a graph that flows one way: boxes in ranks, few crossings, long edges straight.

After Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System Structures (1981): ranks by the longest
path, order within a rank by the mean place of the neighbours, places by least squares under the order.
"""

WAYPOINT = 14           # room for an edge that passes a rank
SWEEPS = 12


class Layout:
    """Where things are: places {key: (x, y)} of the centres of boxes, routes [points] of the edges, width and height."""

    def __init__(self, places, routes, width, height):
        self.places, self.routes, self.width, self.height = places, routes, width, height


def layered(sizes, edges, across=26, down=34):
    """Lay out a graph from top to bottom.

    Args:      sizes: {key: (width, height)}, in the order of drawing: an edge never leads back in it.
               edges: [(from key, to key)]; several between the same two are fine.
               across, down: the gaps between boxes of a rank, and between ranks.
    Returns:   a Layout with the left and top at 0.
    """
    keys = list(sizes)
    order = {key: i for i, key in enumerate(keys)}
    if any(order[a] >= order[b] for a, b in edges):
        raise ValueError("layered: an edge leads back; the graph must flow one way, in the order of its boxes")
    rank = _ranks(keys, edges)
    # an edge over several ranks passes a waypoint, a thing ("edge", number, rank), in each between
    width = {key: sizes[key][0] for key in keys}
    rows = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for key in keys:
        rows[rank[key]].append(key)
    chains, above, below = [], {}, {}
    for i, (a, b) in enumerate(edges):
        chain = [a] + [("edge", i, r) for r in range(rank[a] + 1, rank[b])] + [b]
        for point in chain[1:-1]:
            width[point] = WAYPOINT
            rows[point[2]].append(point)
        chains.append(chain)
        for upper, lower in zip(chain, chain[1:]):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    rows = _ordered(rows, above, below)
    x = _placed(rows, above, below, width, across)
    heights = [max((sizes[key][1] for key in row if key in sizes), default=0) for row in rows]
    tops, y = [], 0.0
    for height in heights:
        tops.append(y)
        y += height + down
    left = min((x[key] - width[key] / 2 for key in x), default=0.0)
    x = {key: value - left for key, value in x.items()}
    places = {key: (x[key], tops[rank[key]] + heights[rank[key]] / 2) for key in keys}
    routes = _routes(chains, sizes, places, x, tops, heights, above, below)
    return Layout(places, routes, max((x[key] + width[key] / 2 for key in x), default=0.0), max(0.0, y - down))


def _ranks(keys, edges):
    rank = dict.fromkeys(keys, 0)
    after, before = {}, {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
        before.setdefault(b, []).append(a)
    for key in keys:
        rank[key] = max((rank[a] + 1 for a in before.get(key, ())), default=0)
    for key in reversed(keys):                      # an input stands close to what it feeds, not at the top of everything
        if key in after and key not in before:
            rank[key] = min(rank[b] for b in after[key]) - 1
    return rank


def _ordered(rows, above, below):
    """The rows with fewest crossings among those that sorting by the neighbours' mean place, down and up, leads to."""
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downward = sweep % 2 == 0
        near = above if downward else below
        for r in range(1, len(rows)) if downward else range(len(rows) - 2, -1, -1):
            fixed = {key: i for i, key in enumerate(rows[r - 1 if downward else r + 1])}
            place = {}
            for i, key in enumerate(rows[r]):
                found = [fixed[other] for other in near.get(key, ()) if other in fixed]
                place[key] = sum(found) / len(found) if found else i
            rows[r] = sorted(rows[r], key=place.get)
        now = _crossings(rows, below)
        if now < fewest:
            best, fewest = [list(row) for row in rows], now
    return best


def _crossings(rows, below):
    total = 0
    for upper, lower in zip(rows, rows[1:]):
        place = {key: i for i, key in enumerate(lower)}
        ends = [sorted(place[b] for b in below.get(a, ()) if b in place) for a in upper]
        flat = [i for row in ends for i in row]
        total += sum(flat[i] > flat[j] for i in range(len(flat)) for j in range(i + 1, len(flat))) if len(flat) < 400 else 0
    return total


def _placed(rows, above, below, width, gap):
    """The horizontal centre of everything: near the mean of its neighbours, in order, nothing on top of another."""
    x = {}
    for row in rows:
        at = 0.0
        for key in row:
            x[key] = at + width[key] / 2
            at += width[key] + gap
        for key in row:
            x[key] -= (at - gap) / 2
    waypoint = {key: isinstance(key, tuple) and key[0] == "edge" for key in x}
    for sweep in range(2 * SWEEPS):
        downward = sweep % 2 == 0
        for row in rows if downward else reversed(rows):
            wanted, weights = [], []
            for key in row:
                near = (above if downward else below).get(key, ()) or (below if downward else above).get(key, ())
                wanted.append(sum(x[other] for other in near) / len(near) if near else x[key])
                weights.append(8.0 if waypoint[key] and any(waypoint[o] for o in near) else 1.0)
            room = [(width[a] + width[b]) / 2 + (gap / 2 if waypoint[a] or waypoint[b] else gap) for a, b in zip(row, row[1:])]
            x.update(zip(row, apart(wanted, weights, room)))
    return x


def apart(wanted, weights, room):
    """The places nearest to those wanted, in weighted least squares, each at least `room` behind the one before.

    Subtracting the room in front turns "apart" into "not falling", which pooling of adjacent violators solves exactly.
    """
    shift, blocks = [0.0], []
    for r in room:
        shift.append(shift[-1] + r)
    for i, (w, k) in enumerate(zip(wanted, weights)):
        blocks.append([w - shift[i], k, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, weight, count = blocks.pop()
            other = blocks[-1]
            other[0] = (other[0] * other[1] + value * weight) / (other[1] + weight)
            other[1], other[2] = other[1] + weight, other[2] + count
    flat = [value for value, _, count in blocks for _ in range(count)]
    return [value + s for value, s in zip(flat, shift)]


def _routes(chains, sizes, places, x, tops, heights, above, below):
    """Points of each edge: from the lower side of its first box, through its waypoints, to the upper side of its last."""
    def port(key, other, others):
        """Edges of one side leave it next to each other, in the order of where they go."""
        ranked = sorted(others, key=lambda o: (x[o], str(o)))
        i, n = ranked.index(other), len(ranked)
        return x[key] + (i - (n - 1) / 2) * min(18.0, sizes[key][0] * 0.8 / n)
    routes = []
    for chain in chains:
        a, b = chain[0], chain[-1]
        points = [(port(a, chain[1], below[a]), places[a][1] + sizes[a][1] / 2)]
        for point in chain[1:-1]:
            r = point[2]
            points += [(x[point], tops[r]), (x[point], tops[r] + heights[r])]
        points.append((port(b, chain[-2], above[b]), places[b][1] - sizes[b][1] / 2))
        routes.append(points)
    return routes
