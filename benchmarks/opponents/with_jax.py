"""JAX: compiled functions (jit), features last."""
import os

import numpy as np

os.environ["JAX_PLATFORMS"] = "cpu"
name = "JAX"
jax = None


def start(threads):
    """The threads are those of the CPUs that this process may use."""
    global jax
    import jax as found

    jax = found
    return jax.__version__


def _numpy(found):
    return [np.asarray(a) for a in found]


def _compiled(function, *arrays):
    graph, given = jax.jit(function), [jax.numpy.asarray(a) for a in arrays]
    return lambda: jax.block_until_ready(graph(*given))


def _image_op(function, leaves, constants, dy):
    def both(dy, *given):
        y, pull = jax.vjp(lambda *leaf: function(*leaf, *given[len(leaves):]), *given[:len(leaves)])
        return [y, *pull(dy)]
    return {"forward": (_compiled(lambda *given: [function(*given)], *leaves, *constants), _numpy), "both": (_compiled(both, dy, *leaves, *constants), _numpy)}


def _conv(x, w, stride, padding):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), ((padding, padding),) * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _max_pool(x, window, stride, padding=0):
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, window, window, 1), (1, stride, stride, 1), pads)


def gemm(a, b):
    return {"forward": (_compiled(lambda x, w: [x @ w], a, b), _numpy)}


def conv(x, weight, bias, dy, settings):
    _, _, _, stride, padding, first = settings
    if first:
        return _image_op(lambda w, b, x: _conv(x, w, stride, padding) + b, (weight, bias), (x,), dy)
    return _image_op(lambda x, w, b: _conv(x, w, stride, padding) + b, (x, weight, bias), (), dy)


def pool(x, dy, settings):
    _, kind, k = settings
    if kind == "max":
        return _image_op(lambda x: _max_pool(x, k, 2), (x,), (), dy)
    return _image_op(lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, k, k, 1), (1, 2, 2, 1), "VALID") / (k * k), (x,), (), dy)


def batch_norm(x, gamma, beta, dy):
    def function(x, g, b):
        mean = x.mean((0, 1, 2))
        centred = x - mean
        return centred * (g * jax.lax.rsqrt((centred * centred).mean((0, 1, 2)) + 1e-3)) + b
    return _image_op(function, (x, gamma, beta), (), dy)


def _loss(z, y):
    return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()


def cross_entropy(logits, labels):
    return {"both": (_compiled(lambda z, y: list(jax.value_and_grad(_loss)(z, y)), logits, labels), _numpy)}


def _adam(state, gradients):
    """One step for lists of arrays; state: (step number, weights, first moments, second moments)."""
    t, ws, ms, vs = state
    t = t + 1
    rate = 1e-3 * jax.numpy.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
    ms = [m + (g - m) * 0.1 for m, g in zip(ms, gradients)]
    vs = [v + (g * g - v) * 0.001 for v, g in zip(vs, gradients)]
    return t, [w - rate * m / (jax.numpy.sqrt(v) + 1e-7) for w, m, v in zip(ws, ms, vs)], ms, vs


def _start_of(weights):
    zeros = [jax.numpy.zeros_like(w) for w in weights]
    return jax.numpy.float32(0), [jax.numpy.array(w) for w in weights], zeros, [z.copy() for z in zeros]


def adam(weight, gradient):
    step, g = jax.jit(_adam, donate_argnums=0), [jax.numpy.asarray(gradient)]
    held = [_start_of([weight])]

    def call():
        held[0] = jax.block_until_ready(step(held[0], g))
    for _ in range(3):
        call()
    after = np.array(held[0][1][0])
    return {"step": (call, lambda _: [after])}


def network(name):
    """(function(weights, x, training), weights) with the same weights as everywhere."""
    import networks

    steps, _ = networks.filled(name)
    weights = []

    def keep(*arrays):
        weights.extend(arrays)
        return len(weights) - len(arrays)

    def build(steps):
        """A list of functions (weights, x, training) -> x."""
        made = []
        for kind, *how in steps:
            if kind == "conv":
                weight, bias, stride, padding = how
                at = keep(weight, *([] if bias is None else [bias]))
                made.append(lambda ws, x, training, at=at, b=bias is not None, s=stride, p=padding: _conv(x, ws[at], s, p) + (ws[at + 1] if b else 0))
            elif kind == "bn":
                at = keep(*how[:2])
                made.append(lambda ws, x, training, at=at, kept=how[2:]: _norm(x, ws[at], ws[at + 1], kept, training))
            elif kind == "dense":
                at = keep(*how[:2])
                made.append(lambda ws, x, training, at=at: x @ ws[at] + ws[at + 1])
            elif kind == "relu":
                made.append(lambda ws, x, training: jax.nn.relu(x))
            elif kind == "max":
                made.append(lambda ws, x, training, how=tuple(how): _max_pool(x, *how))
            elif kind == "mean":
                made.append(lambda ws, x, training: x.mean((1, 2)))
            elif kind == "flatten":
                made.append(lambda ws, x, training: x.reshape(x.shape[0], -1))
            elif kind == "add":
                branches = [build(branch) for branch in how]
                made.append(lambda ws, x, training, b=branches: _run(b[0], ws, x, training) + _run(b[1], ws, x, training))
        return made
    functions = build(steps)
    return lambda ws, x, training: _run(functions, ws, x, training), weights


def _run(functions, ws, x, training):
    for f in functions:
        x = f(ws, x, training)
    return x


def _norm(x, gamma, beta, kept, training):
    mean, variance = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if training else kept
    return (x - mean) * (gamma * jax.lax.rsqrt(variance + 1e-3)) + beta


def train(name, x, labels):
    function, weights = network(name)

    def step(state, x, y):
        loss, gradients = jax.value_and_grad(lambda ws: _loss(function(ws, x, True), y))(state[1])
        return _adam(state, gradients), loss
    compiled, held = jax.jit(step, donate_argnums=0), [_start_of(weights)]
    tx, ty = jax.numpy.asarray(x), jax.numpy.asarray(labels)

    def call():
        held[0], loss = jax.block_until_ready(compiled(held[0], tx, ty))
        return loss
    losses = [np.asarray(call()) for _ in range(3)]
    return {"step": (call, lambda _: losses)}


def infer(name, x):
    function, weights = network(name)
    weights = [jax.numpy.asarray(w) for w in weights]
    graph, tx = jax.jit(lambda x: function(weights, x, False)), jax.numpy.asarray(x)
    return {"forward": (lambda: jax.block_until_ready(graph(tx)), lambda y: [np.asarray(y)])}
