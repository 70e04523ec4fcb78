"""One library a process: runs recurrent layers for bench_recurrent.py, which says what over stdin and reads the answers.

    python benchmarks/recurrent_peers.py {pydl,torch,keras,jax,onnxruntime} THREADS

Everybody gets the same weights in Keras's order (gates i f g o, z r g with the reset after the product) and the same gradient of the output,
and gives back y and the gradients by x, kernel, recurrent kernel and bias in that order.  Each runs as fast as it is known to: pydl recorded
and replayed, torch eager (its layers are single calls), keras inside tf.function, jax jitted with the products of the inputs before the scan.
"""
import json
import os
import sys
import time

from turns import REST

GATES = {"tanh": 1, "lstm": 4, "gru": 3}
TORCH_ORDER = {"tanh": [0], "lstm": [0, 1, 2, 3], "gru": [1, 0, 2]}           # i f g o;  r z n
ONNX_ORDER = {"tanh": [0], "lstm": [0, 3, 1, 2], "gru": [0, 1, 2]}            # i o f g;  z r h
VOCAB, WIDTH = 64, 64                                                          # of the character model; its other sizes come with the request


def numbers(cell, n, t, d, units):
    """x, kernel, recurrent kernel, bias, and the gradient of the output."""
    import numpy as np

    width, rng = GATES[cell] * units, np.random.default_rng(1)
    shapes = ((n, t, d), 1), ((d, width), d ** -0.5), ((units, width), units ** -0.5), ((2, width) if cell == "gru" else (width,), 0.1), ((n, t, units), 1)
    return [(rng.standard_normal(s) * k).astype("float32") for s, k in shapes]


def reordered(a, gates, order):
    """The blocks of the last axis in another order."""
    import numpy as np

    parts = np.split(a, gates, -1)
    return np.concatenate([parts[k] for k in order], -1)


def characters(n, t):
    """Ids and the ids that follow them, (n, t)."""
    import numpy as np

    text = np.random.default_rng(2).integers(0, VOCAB, (n, t + 1)).astype("int32")
    return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])


class Pydl:
    def __init__(self, threads):
        import pydl

        pydl.set_num_threads(threads)

    def layer(self, cell, n, t, d, units):
        from pydl.autodiff import backward
        from pydl.backends import cpu as B
        from pydl.capture import Step
        from pydl.layers.recurrent import connect
        from pydl.tensor import Parameter, made_by, no_grad

        *arrays, seed = numbers(cell, n, t, d, units)
        slots, seed_slot = [B.owned(a.shape) for a in arrays], B.owned(seed.shape)
        for slot, a in zip([*slots, seed_slot], [*arrays, seed]):
            B.assign(slot, a)
        weights = [Parameter(a) for a in arrays[1:]]

        def forward(x):
            with no_grad():
                return [connect(cell, made_by(x, None, 0), *weights, [], None, False)[0].array]

        def both(*given):
            tensors = [made_by(a, None, 0) for a in given]
            for tensor in tensors:
                tensor.needs_gradient = True
            y, *_ = connect(cell, *tensors, [], None, False)
            return [y.array, *backward(y, tensors, seed=seed_slot)]
        steps = [Step(f, given, "recurrent", strict=True) for f, given in ((forward, slots[:1]), (both, slots))]
        for step in steps:
            for _ in range(3):
                results = step.run()
        return {"forward": steps[0].program.run, "both": steps[1].program.run}, lambda: results

    def train(self, n, t, units):
        import pydl

        x, y = characters(n, t)
        model = pydl.Sequential([pydl.layers.Embedding(VOCAB, WIDTH), pydl.layers.LSTM(units, return_sequences=True), pydl.layers.Dense(VOCAB)])
        model.compile(pydl.optimizers.Adam(), pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
        return lambda: model.train_on_batch(x, y)


class Torch:
    def __init__(self, threads):
        import torch

        torch.set_num_threads(threads)

    def layer(self, cell, n, t, d, units):
        import numpy as np
        import torch

        x, kernel, recurrent, bias, seed = numbers(cell, n, t, d, units)
        gates, order = GATES[cell], TORCH_ORDER[cell]
        back = [order.index(k) for k in range(gates)]
        made = {"tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](d, units, batch_first=True)
        both_biases = bias if cell == "gru" else np.stack([bias, 0 * bias])
        with torch.no_grad():
            for name, a in (("weight_ih_l0", kernel.T), ("weight_hh_l0", recurrent.T), ("bias_ih_l0", both_biases[0]), ("bias_hh_l0", both_biases[1])):
                a = reordered(a.T, gates, order).T if a.ndim == 2 else reordered(a, gates, order)
                getattr(made, name).copy_(torch.from_numpy(np.ascontiguousarray(a)))
        x, seed = torch.from_numpy(x), torch.from_numpy(seed)

        def forward():
            with torch.no_grad():
                return made(x)[0]

        def both():
            given = x.detach().requires_grad_()
            made.zero_grad()
            y, _ = made(given)
            y.backward(seed)
            return y, given.grad

        def results():
            y, dx = both()
            of = [p.grad.numpy() for p in made.parameters()]
            dw, du = (reordered(a.T, gates, back) for a in of[:2])
            return [y.detach().numpy(), dx.numpy(), dw, du, reordered(np.stack(of[2:]) if cell == "gru" else of[2], gates, back)]
        return {"forward": forward, "both": both}, results

    def train(self, n, t, units):
        import torch

        x, y = (torch.from_numpy(a).long() for a in characters(n, t))
        embed, lstm, out = torch.nn.Embedding(VOCAB, WIDTH), torch.nn.LSTM(WIDTH, units, batch_first=True), torch.nn.Linear(units, VOCAB)
        adam = torch.optim.Adam([*embed.parameters(), *lstm.parameters(), *out.parameters()], fused=True)

        def step():
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(out(lstm(embed(x))[0]).reshape(-1, VOCAB), y.reshape(-1))
            loss.backward()
            adam.step()
            return loss.item()
        return step


class Keras:
    def __init__(self, threads):
        os.environ.update({"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""})
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)

    def layer(self, cell, n, t, d, units):
        import keras
        import tensorflow as tf

        x, kernel, recurrent, bias, seed = numbers(cell, n, t, d, units)
        made = {"tanh": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell](units, return_sequences=True)
        made.build(x.shape)
        made.set_weights([kernel, recurrent, bias])
        x, seed, weights = tf.constant(x), tf.constant(seed), made.trainable_variables

        @tf.function
        def forward():
            return made(x)

        @tf.function
        def both():
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = made(x)
            return [y, *tape.gradient(y, [x, *weights], seed)]
        return {"forward": forward, "both": both}, lambda: [a.numpy() for a in both()]

    def train(self, n, t, units):
        import keras

        x, y = characters(n, t)
        model = keras.Sequential([keras.layers.Embedding(VOCAB, WIDTH), keras.layers.LSTM(units, return_sequences=True), keras.layers.Dense(VOCAB)])
        model.compile(keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return lambda: model.train_on_batch(x, y)


class Jax:
    def __init__(self, threads):
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax

        jax.config.update("jax_platforms", "cpu")

    @staticmethod
    def run(cell, x, kernel, recurrent, bias):
        import jax
        import jax.numpy as jnp

        n, units, sigmoid = x.shape[0], recurrent.shape[0], jax.nn.sigmoid
        given = jnp.swapaxes(x, 0, 1) @ kernel + (bias[0] if cell == "gru" else bias)
        zero = jnp.zeros((n, units), x.dtype)

        def tanh(h, p):
            h = jnp.tanh(p + h @ recurrent)
            return h, h

        def lstm(state, p):
            h, c = state
            i, f, g, o = jnp.split(p + h @ recurrent, 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            h = sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        def gru(h, p):
            (pz, pr, pg), (qz, qr, qg) = jnp.split(p, 3, -1), jnp.split(h @ recurrent + bias[1], 3, -1)
            z = sigmoid(pz + qz)
            h = z * h + (1 - z) * jnp.tanh(pg + sigmoid(pr + qr) * qg)
            return h, h
        step = {"tanh": tanh, "lstm": lstm, "gru": gru}[cell]
        return jnp.swapaxes(jax.lax.scan(step, (zero, zero) if cell == "lstm" else zero, given)[1], 0, 1)

    def layer(self, cell, n, t, d, units):
        import jax
        import numpy as np

        *arrays, seed = (jax.numpy.asarray(a) for a in numbers(cell, n, t, d, units))
        run = jax.jit(lambda *a: self.run(cell, *a))

        @jax.jit
        def derived(*a):
            y, back = jax.vjp(lambda *b: self.run(cell, *b), *a)
            return [y, *back(seed)]
        return {"forward": lambda: jax.block_until_ready(run(*arrays)), "both": lambda: jax.block_until_ready(derived(*arrays))}, \
            lambda: [np.asarray(a) for a in derived(*arrays)]

    def train(self, n, t, units):
        import jax
        import jax.numpy as jnp
        import numpy as np

        x, y = (jnp.asarray(a) for a in characters(n, t))
        rng = np.random.default_rng(3)
        shapes = [(VOCAB, WIDTH), (WIDTH, 4 * units), (units, 4 * units), (4 * units,), (units, VOCAB), (VOCAB,)]
        weights = [jnp.asarray((rng.standard_normal(s) * 0.1).astype("float32")) for s in shapes]
        state = [weights, [jnp.zeros_like(w) for w in weights], [jnp.zeros_like(w) for w in weights], 0]

        def loss(w):
            scores = self.run("lstm", w[0][x], *w[1:4]) @ w[4] + w[5]
            return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[..., None], -1).mean()

        @jax.jit
        def update(w, m, v, k):
            value, g = jax.value_and_grad(loss)(w)
            m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
            v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
            rate = 0.001 * jnp.sqrt(1 - 0.999 ** (k + 1)) / (1 - 0.9 ** (k + 1))
            return value, [a - rate * b / (jnp.sqrt(c) + 1e-7) for a, b, c in zip(w, m, v)], m, v

        def step():
            value, *state[:3] = update(*state[:3], float(state[3]))
            state[3] += 1
            return float(value)
        return step


class OnnxRuntime:
    def __init__(self, threads):
        import onnxruntime

        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads, self.options.inter_op_num_threads = threads, 1

    def layer(self, cell, n, t, d, units):
        import numpy as np
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        x, kernel, recurrent, bias, _ = numbers(cell, n, t, d, units)
        gates, order = GATES[cell], ONNX_ORDER[cell]
        both_biases = bias if cell == "gru" else np.stack([bias, 0 * bias])
        constants = {"W": reordered(kernel, gates, order).T[None], "R": reordered(recurrent, gates, order).T[None],
                     "B": reordered(both_biases, gates, order).reshape(1, -1)}
        node = helper.make_node({"tanh": "RNN", "lstm": "LSTM", "gru": "GRU"}[cell], ["x", "W", "R", "B"], ["y"], hidden_size=units,
                                **({"linear_before_reset": 1} if cell == "gru" else {}))
        graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [t, n, d])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, [t, 1, n, units])],
                                  [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in constants.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=9)
        session = onnxruntime.InferenceSession(model.SerializeToString(), self.options, providers=["CPUExecutionProvider"])
        feed = {"x": np.ascontiguousarray(x.swapaxes(0, 1))}

        def forward():
            return session.run(None, feed)[0]
        return {"forward": forward}, lambda: [forward()[:, 0].swapaxes(0, 1)]


PEERS = {"pydl": Pydl, "torch": Torch, "keras": Keras, "jax": Jax, "onnxruntime": OnnxRuntime}


def timed(call, milliseconds, clock):
    """Seconds a call, the mean over as many as make the milliseconds."""
    start, count = clock(), 0
    while True:
        call()
        count += 1
        taken = clock() - start
        if taken * 1e3 >= milliseconds:
            return taken / count


def main():
    name, threads = sys.argv[1], int(sys.argv[2])
    clock = time.process_time if threads == 1 else time.perf_counter            # the processor's time, which a loaded machine disturbs less
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                                                               # whatever a library prints is no answer

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)
    try:
        peer = PEERS[name](threads)
    except ImportError:
        answer("missing")
        return
    answer("ready")
    calls = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "layer" in request:
            import numpy as np

            calls, results = peer.layer(*request["layer"])
            np.savez(request["file"], *results())
            for call in calls.values():
                timed(call, 50, clock)
            answer(list(calls))
        elif "train" in request:
            calls = {"train": peer.train(*request["train"])} if hasattr(peer, "train") else {}
            for call in calls.values():
                timed(call, 500, clock)
            answer(list(calls))
        else:
            time.sleep(REST)
            calls[request["time"]]()
            answer(timed(calls[request["time"]], request["milliseconds"], clock))


if __name__ == "__main__":
    main()
