"""LeNet-5 with its training step in plain NumPy: what `pydl demo` and the benchmarks compare pydl with.

The best that short NumPy does: float32 throughout, convolutions as one matrix product over copied windows, no gradient by the images.
Formulas, initial weights and batches are those of the pydl model, so the losses agree step by step.

    images (N, 28, 28, 1) -> conv 6@5x5 same, relu, max pool -> conv 16@5x5, relu, max pool -> 400 -> 120 relu -> 84 relu -> 10 logits
"""

import numpy as np


class LeNet:
    """LeNet-5 with softmax cross-entropy and Adam, as in Keras (epsilon outside the bias-corrected root).

    Args:      weights: kernel and bias of the five layers, in order: model.get_weights() of the pydl model. They are copied.
    """

    def __init__(self, weights, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.weights = [np.array(w, np.float32) for w in weights]
        self.m = [np.zeros_like(w) for w in self.weights]
        self.v = [np.zeros_like(w) for w in self.weights]
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self.t = 0

    def train(self, x, y):
        """Take one step on images (N, 28, 28, 1) and classes (N,); return the loss before it."""
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5 = self.weights
        n = len(x)

        x = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
        columns1 = windows(x, 5)                                          # (N*28*28, 25)
        a1 = np.maximum(columns1 @ k1.reshape(25, 6) + b1, 0).reshape(n, 28, 28, 6)
        p1 = pool(a1)                                                     # (N, 14, 14, 6)
        columns2 = windows(p1, 5)                                         # (N*10*10, 150)
        a2 = np.maximum(columns2 @ k2.reshape(150, 16) + b2, 0).reshape(n, 10, 10, 16)
        p2 = pool(a2)                                                     # (N, 5, 5, 16)
        flat = p2.reshape(n, 400)
        h3 = np.maximum(flat @ w3 + b3, 0)
        h4 = np.maximum(h3 @ w4 + b4, 0)
        logits = h4 @ w5 + b5

        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(n)
        loss = float(np.mean(np.log(sums[:, 0]) - shifted[rows, y]))

        d5 = exponentials / sums
        d5[rows, y] -= 1
        d5 /= n
        d4 = (d5 @ w5.T) * (h4 > 0)
        d3 = (d4 @ w4.T) * (h3 > 0)
        dp2 = (d3 @ w3.T).reshape(n, 5, 5, 16)
        da2 = (pool_backward(a2, p2, dp2) * (a2 > 0)).reshape(-1, 16)
        dp1 = windows_backward(da2 @ k2.reshape(150, 16).T, p1.shape, 5)
        da1 = (pool_backward(a1, p1, dp1) * (a1 > 0)).reshape(-1, 6)
        self.adam([(columns1.T @ da1).reshape(k1.shape), da1.sum(axis=0), (columns2.T @ da2).reshape(k2.shape), da2.sum(axis=0),
                   flat.T @ d3, d3.sum(axis=0), h3.T @ d4, d4.sum(axis=0), h4.T @ d5, d5.sum(axis=0)])
        return loss

    def adam(self, gradients):
        """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g*g;  w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)."""
        self.t += 1
        rate = np.float32(self.learning_rate * np.sqrt(1 - self.beta_2**self.t) / (1 - self.beta_1**self.t))
        for w, m, v, g in zip(self.weights, self.m, self.v, gradients, strict=True):
            m += (g - m) * np.float32(1 - self.beta_1)
            v += (g * g - v) * np.float32(1 - self.beta_2)
            w -= rate * m / (np.sqrt(v) + np.float32(self.epsilon))


def windows(x, k):
    """Copy every k x k window of (N, H, W, C) into a row: (N * H' * W', k * k * C)."""
    n, h, w, c = x.shape
    view = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))                      # (N, H', W', C, k, k)
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(n * (h - k + 1) * (w - k + 1), k * k * c)


def windows_backward(drows, shape, k):
    """Add the rows back where their windows were; the adjoint of `windows`."""
    n, h, w, c = shape
    drows = drows.reshape(n, h - k + 1, w - k + 1, k, k, c)
    dx = np.zeros(shape, drows.dtype)
    for i in range(k):
        for j in range(k):
            dx[:, i:i + h - k + 1, j:j + w - k + 1] += drows[:, :, :, i, j]
    return dx


def pool(x):
    """Return the largest of each 2 x 2 window."""
    return np.maximum(np.maximum(x[:, ::2, ::2], x[:, ::2, 1::2]), np.maximum(x[:, 1::2, ::2], x[:, 1::2, 1::2]))


def pool_backward(x, y, dy):
    """Give each window's gradient to its largest element, the first of equal ones."""
    dx = np.empty_like(x)
    waiting = np.ones(y.shape, bool)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        here = waiting & (x[:, i::2, j::2] == y)
        dx[:, i::2, j::2] = dy * here
        waiting &= ~here
    return dx
