"""pydl: single kernels through the backend, networks through the functional API, `fit` and `predict`."""
import numpy as np

name = "pydl"


def start(threads):
    import pydl

    pydl.set_num_threads(threads)
    return pydl.__version__


def _out(*arrays):
    return lambda _: [np.asarray(a) for a in arrays]


def _constant(a):
    """The array of a Parameter, as a model's weights are: kernels lay it out once for all calls that do not change it."""
    from pydl.tensor import Parameter

    return Parameter(a).array


def gemm(a, b):
    from pydl.backends import cpu as B

    x, w, y = B.from_numpy(a), _constant(b), B.empty((a.shape[0], b.shape[1]))
    return {"forward": (lambda: B.dense_forward(x, w, None, False, y, True), _out(y))}


def conv(x, weight, bias, dy, settings):
    from pydl.backends import cpu as B

    _, _, _, stride, padding, first = settings
    a, w, b, d = B.from_numpy(x), _constant(weight), _constant(bias), B.from_numpy(dy)
    y, dx, dw, db = (B.empty(v.shape) for v in (dy, x, weight, bias))
    geometry = (stride, stride), (1, 1), (padding, padding), 1

    def forward():
        B.conv2d_forward(a, w, b, *geometry, False, True, y, True)

    def both():                                     # a step of training changes the weights
        B.conv2d_forward(a, w, b, *geometry, False, True, y)
        if not first:
            B.conv2d_backward_input(d, None, w, *geometry, True, dx)
        B.conv2d_backward_weight(a, d, None, *geometry, True, dw, db)
    return {"forward": (forward, _out(y)), "both": (both, _out(y, *(() if first else (dx,)), dw, db))}


def pool(x, dy, settings):
    from pydl.backends import cpu as B

    _, kind, k = settings
    a, d, y, dx, argmax = B.from_numpy(x), B.from_numpy(dy), B.empty(dy.shape), B.empty(x.shape), B.empty(dy.shape, "uint8")
    geometry = (k, k), (2, 2), (0, 0)
    if kind == "max":
        def forward():
            B.max_pool2d_forward(a, *geometry, y)

        def both():
            B.max_pool2d_forward(a, *geometry, y, argmax)
            B.max_pool2d_backward(d, argmax, *geometry, dx)
    else:
        def forward():
            B.avg_pool2d_forward(a, *geometry, y)

        def both():
            forward()
            B.avg_pool2d_backward(d, *geometry, dx)
    return {"forward": (forward, _out(y)), "both": (both, _out(y, dx))}


def batch_norm(x, gamma, beta, dy):
    from pydl.backends import cpu as B

    a, g, b, d = map(B.from_numpy, (x, gamma, beta, dy))
    y, dx, dgamma, dbeta, mean, rstd = (B.empty(v.shape) for v in (x, x, gamma, gamma, gamma, gamma))
    moving_mean, moving_variance = B.zeros(gamma.shape), B.zeros(gamma.shape)

    def forward():
        B.batch_norm_forward(a, g, b, 1e-3, 0.99, False, y, mean, rstd, moving_mean, moving_variance)

    def both():
        forward()
        B.batch_norm_backward(d, a, g, b, mean, rstd, False, dx, dgamma, dbeta)
    return {"forward": (forward, _out(y)), "both": (both, _out(y, dx, dgamma, dbeta))}


def _replayed(function, *arrays):
    """The program of a function of arrays, recorded, as `fit` runs it; and its results."""
    from pydl.backends import cpu as B
    from pydl.capture import Step

    step = Step(function, [B.owned(a.shape, a.dtype) for a in arrays], "benchmark", strict=True)
    for slot, values in zip(step.inputs, arrays):
        B.assign(slot, values)
    for _ in range(3):
        results = step.run()
    return step.program.run, _out(*results)


def cross_entropy(logits, labels):
    import pydl
    from pydl.autodiff import backward
    from pydl.tensor import made_by

    entropy = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)

    def both(xs, ys):
        given = made_by(xs, None, 0)
        given.needs_gradient = True
        value = entropy(made_by(ys, None, 0), given)
        return [value.array, backward(value, [given])[0]]
    return {"both": _replayed(both, logits, labels)}


def adam(weight, gradient):
    import pydl
    from pydl.tensor import Parameter

    parameter, method = Parameter(weight), pydl.optimizers.Adam()
    method.build([parameter])
    run, _ = _replayed(lambda g: [method.apply([g]) or g], gradient)
    after = parameter.numpy().copy()                # recorded twice and replayed once
    return {"step": (run, lambda _: [after])}


def network(name):
    """The functional model, with the same weights as everywhere.  An activation after a convolution or a product belongs to it, as users write it."""
    import networks

    from pydl import Model, layers

    def call(layer, x, *arrays):
        y = layer(x)
        layer.set_weights([a for a in arrays if a is not None])
        return y

    def build(steps, x):
        for i, (kind, *how) in enumerate(steps):
            relu = "relu" if steps[i + 1:i + 2] == [("relu",)] else None
            if kind == "conv":
                weight, bias, stride, padding = how
                filters = layers.Conv2D(weight.shape[3], weight.shape[0], strides=stride, padding=padding, use_bias=bias is not None, activation=relu)
                x = call(filters, x, weight, bias)
            elif kind == "bn":
                x = call(layers.BatchNormalization(), x, *how)
            elif kind == "dense":
                x = call(layers.Dense(how[0].shape[1], activation=relu), x, *how[:2])
            elif kind == "max":
                window, stride, padding = how
                x = layers.MaxPooling2D(window, stride)(layers.ZeroPadding2D(padding)(x) if padding else x)
            elif kind == "mean":
                x = layers.GlobalAveragePooling2D()(x)
            elif kind == "flatten":
                x = layers.Flatten()(x)
            elif kind == "add":
                x = layers.Add()([build(branch, x) for branch in how])
            if relu and kind in ("bn", "add"):
                x = layers.Activation("relu")(x)
        return x
    steps, shape = networks.filled(name)
    entry = layers.Input(shape)
    return Model(entry, build(steps, entry))


def train(name, x, labels, calls=8):
    import pydl

    model = network(name)
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = [np.asarray(model.train_on_batch(x, labels), float) for _ in range(3)]
    many = np.concatenate([x] * calls), np.concatenate([labels] * calls)

    def fit():
        model.fit(*many, batch_size=len(x), epochs=1, shuffle=False, verbose=0)
    return {"step": (fit, lambda _: losses, calls)}


def infer(name, x):
    model = network(name)
    return {"forward": (lambda: model.predict(x, verbose=0), lambda y: [y])}
