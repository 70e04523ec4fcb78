"""TensorFlow and Keras: compiled functions (tf.function) over tensors made beforehand."""
import os

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
name = "TensorFlow"
tf = None


def start(threads):
    global tf
    import tensorflow as found

    tf = found
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf.__version__


def _numpy(found):
    return [t.numpy() for t in found]


def _compiled(function, *arrays):
    """A call of the compiled function on constants made once."""
    tensors = [tf.constant(a) for a in arrays]
    graph = tf.function(function)
    return lambda: graph(*tensors)


def _image_op(function, leaves, constants, dy):
    """Passes of function(*leaves, *constants): forward, and forward with the gradients by the leaves."""
    def both(dy, *given):
        with tf.GradientTape() as tape:
            for t in given[:len(leaves)]:
                tape.watch(t)
            y = function(*given)
        return [y, *tape.gradient(y, given[:len(leaves)], dy)]
    return {"forward": (_compiled(lambda *given: [function(*given)], *leaves, *constants), _numpy), "both": (_compiled(both, dy, *leaves, *constants), _numpy)}


def gemm(a, b):
    return {"forward": (_compiled(lambda x, w: [tf.matmul(x, w)], a, b), _numpy)}


def conv(x, weight, bias, dy, settings):
    _, window, _, stride, padding, first = settings
    pads = "VALID" if padding == 0 else "SAME" if stride == 1 and 2 * padding == window - 1 else [[0, 0], [padding] * 2, [padding] * 2, [0, 0]]

    def function(x, w, b):
        return tf.nn.bias_add(tf.nn.conv2d(x, w, stride, pads), b)
    if first:
        return _image_op(lambda w, b, x: function(x, w, b), (weight, bias), (x,), dy)
    return _image_op(function, (x, weight, bias), (), dy)


def pool(x, dy, settings):
    _, kind, k = settings
    function = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
    return _image_op(lambda x: function(x, k, 2, "VALID"), (x,), (), dy)


def batch_norm(x, gamma, beta, dy):
    return _image_op(lambda x, g, b: tf.compat.v1.nn.fused_batch_norm(x, g, b, epsilon=1e-3)[0], (x, gamma, beta), (), dy)


def cross_entropy(logits, labels):
    def both(z, y):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, z))
        return [loss, tape.gradient(loss, z)]
    return {"both": (_compiled(both, logits, labels), _numpy)}


def adam(weight, gradient):
    import keras

    variable, g = keras.Variable(weight), tf.constant(gradient)
    method = keras.optimizers.Adam()
    method.build([variable])
    step = tf.function(lambda: method.apply([g]))
    for _ in range(3):
        step()
    after = variable.numpy().copy()
    return {"step": (step, lambda _: [after])}


def network(name):
    import keras
    import networks
    from keras import layers

    def call(layer, x, *arrays):
        y = layer(x)
        layer.set_weights([a for a in arrays if a is not None])
        return y

    def build(steps, x):
        for kind, *how in steps:
            if kind == "conv":
                weight, bias, stride, padding = how
                same = stride == 1 and 2 * padding == weight.shape[0] - 1
                if padding and not same:
                    x = layers.ZeroPadding2D(padding)(x)
                made = layers.Conv2D(weight.shape[3], weight.shape[0], stride, "same" if same else "valid", use_bias=bias is not None)
                x = call(made, x, weight, bias)
            elif kind == "bn":
                x = call(layers.BatchNormalization(), x, *how)
            elif kind == "dense":
                x = call(layers.Dense(how[0].shape[1]), x, *how[:2])
            elif kind == "relu":
                x = layers.ReLU()(x)
            elif kind == "max":
                window, stride, padding = how
                x = layers.MaxPooling2D(window, stride)(layers.ZeroPadding2D(padding)(x) if padding else x)
            elif kind == "mean":
                x = layers.GlobalAveragePooling2D()(x)
            elif kind == "flatten":
                x = layers.Flatten()(x)
            elif kind == "add":
                x = layers.Add()([build(branch, x) for branch in how])
        return x
    steps, shape = networks.filled(name)
    entry = keras.Input(shape)
    return keras.Model(entry, build(steps, entry))


def train(name, x, labels):
    import keras

    net, method = network(name), keras.optimizers.Adam()
    method.build(net.trainable_variables)
    tx, ty = tf.constant(x), tf.constant(labels)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ty, net(tx, training=True)))
        method.apply(tape.gradient(loss, [v.value for v in net.trainable_variables]))
        return loss
    losses = [np.asarray(step().numpy()) for _ in range(3)]
    return {"step": (lambda: step().numpy(), lambda _: losses)}


def infer(name, x):
    net = network(name)
    return {"forward": (_compiled(lambda x: [net(x, training=False)], x), _numpy)}
