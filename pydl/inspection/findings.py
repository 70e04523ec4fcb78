"""From the statistics of layers to sentences: what is wrong, and what to try."""
import math

# where a number stops being usual; the sentences name them
FADES = 1e-3                # a signal or gradient that falls to this share along the network, or grows by its inverse
DEAD, ZEROS = 0.5, 0.95     # share of units that are 0 for the whole batch; share of outputs that are 0
SATURATED = 0.5             # share of outputs near the ends of tanh or a sigmoid
STEP = (1e-7, 0.1)          # the norm of an update by the norm of the weights; about 1e-3 is usual


class Finding:
    """One thing found: kind, layers (names; layer is the first, or None) and the sentence, which is also its str()."""

    def __init__(self, kind, layers, text):
        self.kind, self.layers, self.text = kind, list(layers), text

    layer = property(lambda self: self.layers[0] if self.layers else None, doc="The first of the layers it is about, or None.")

    def __str__(self):
        return self.text

    def __repr__(self):
        return f"<Finding {self.kind}: {self.text}>"


def factor(value):
    """A ratio: 0.25, 1.0e-05."""
    return f"{value:.1e}" if value < 0.01 or value >= 1000 else f"{value:.2g}"


def listed(rows, value=None, most=3):
    """"'a' (81%), 'b' (90%) and 4 more"."""
    said = [f"'{r['name']}'" + (f" ({value(r)})" if value else "") for r in rows[:most]]
    if len(rows) > most:
        return f"{', '.join(said)} and {len(rows) - most} more"
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def share(name, form=".0%"):
    """What `listed` puts behind a layer: the value of that name, 81% or 1e+30 times."""
    return lambda r: format(r[name], form) if r[name] < 10 else f"{r[name]:.1e} times"


def finding(kind, rows, text):
    """A Finding about the layers of these rows, in a list; none for no rows."""
    return [Finding(kind, [r["name"] for r in rows], text)] if rows else []


def diagnose(rows, loss=None):
    """Return the Findings for rows of `inspect_model`, in the order of how much they explain."""
    found = []
    if loss is not None and not math.isfinite(loss):
        found.append(Finding("loss", [], f"The loss is {loss}: lower the learning rate, clip gradients (clipnorm), and check the data for NaN."))
    broken = next((r for r in rows if r["bad"]), None)
    if broken:                                  # everything behind it is no longer about the network
        return found + finding("not finite", [broken], f"{broken['bad']} of the outputs of '{broken['name']}' are NaN or infinite; it is the first layer "
                               "whose outputs are, so look at its inputs and weights.")
    weighted = [r for r in rows if r["weight_norm"] is not None]
    hidden = weighted[:-1]
    twins = [r for r in hidden if r["twins"]]
    if twins:
        found += finding("initialisation", twins, f"All units of {listed(twins)} have the same weights: they compute the same and will learn the same; "
                         "initialise them at random (GlorotUniform, HeNormal).")
    found += _forward(hidden) + _backward(weighted)
    dead = [r for r in rows if r["dead"] is not None and (r["dead"] > DEAD or r["zeros"] > ZEROS) and r not in twins]
    if dead:
        found += finding("dead units", dead, f"relu units that are 0 for every sample of the batch, and learn nothing: {listed(dead, share('dead'))}; "
                         "lower the learning rate, use HeNormal weights, or LeakyReLU.")
    ended = [r for r in rows[:-1] if r["saturated"] is not None and r["saturated"] > SATURATED]
    if ended:
        found += finding("saturation", ended, f"Outputs near the ends of {ended[0]['activation']}, where its slope is almost 0: "
                         f"{listed(ended, share('saturated'))}; scale the inputs, use smaller weights (GlorotUniform) or batch normalisation before.")
    return found + _steps(weighted)


def _forward(hidden):
    spread = [r for r in hidden if r["std"] > 0]
    if len(hidden) < 2 or len(spread) < 2:
        return []
    first, last = spread[0], spread[-1]
    ratio = last["std"] / first["std"]
    if FADES < ratio < 1 / FADES:
        return []
    fades = ratio <= FADES
    return finding("initialisation", [last, first], f"The signal {'fades' if fades else 'grows'} on its way forward: the standard deviation of the outputs is "
                   f"{first['std']:.2g} at '{first['name']}' and {last['std']:.2g} at '{last['name']}', {factor(ratio)} times as much; the initial weights "
                   f"are too {'small' if fades else 'large'}: HeNormal for relu, GlorotUniform for tanh, or batch normalisation keeps it level.")


def _backward(weighted):
    flowing = [r for r in weighted if r["gradient_norm"] is not None]
    bad = [r for r in reversed(flowing) if not math.isfinite(r["gradient_norm"])]
    if bad:
        return finding("not finite", bad[:1], f"The gradient of '{bad[0]['name']}' is NaN or infinite, while its outputs are finite: "
                       "lower the learning rate or clip gradients.")
    if flowing and all(r["gradient_norm"] == 0 for r in flowing):
        return finding("no gradient", flowing, "No gradient reaches any layer: the loss does not depend on the outputs, or they are so large that it is flat.")
    if len(flowing) < 3 or flowing[-1]["gradient_norm"] == 0:
        return []
    first, last = flowing[0], flowing[-1]
    ratio = first["gradient_norm"] / last["gradient_norm"]
    by = (f"its norm is {first['gradient_norm']:.2g} at the outputs of '{first['name']}' and {last['gradient_norm']:.2g} at those of '{last['name']}', "
          f"{factor(ratio)} times as much")
    if ratio < FADES:
        return finding("vanishing gradients", [first], f"The gradient vanishes on its way back: {by}; the first layers hardly learn. "
                       "Use relu instead of sigmoid or tanh, HeNormal weights, batch normalisation or shortcut connections.")
    if ratio > 1 / FADES:
        return finding("exploding gradients", [first], f"The gradient explodes on its way back: {by}. "
                       "Clip it (clipnorm), and use smaller initial weights or batch normalisation.")
    return []


def _steps(weighted):
    stepping = [r for r in weighted if r["update_ratio"] is not None]
    large = [r for r in stepping if r["update_ratio"] > STEP[1]]
    small = [r for r in stepping if r["update_ratio"] < STEP[0] and r["weight_gradient"]]
    found = []
    if large:
        found += finding("large steps", large, f"One step changes the weights by much of their norm, where 0.1% is usual: "
                         f"{listed(large, share('update_ratio'))}; lower the learning rate.")
    if small:
        found += finding("small steps", small, f"One step hardly changes the weights, where 1e-3 of their norm is usual: "
                         f"{listed(small, share('update_ratio', '.0e'))}; raise the learning rate, or look for vanishing gradients.")
    return found
