"""One module a library, each used as its own users would use it.

A module has `name`, `start(threads)`, which sets the threads and returns the version, and a function for each family it takes part in:

    gemm(a, b)   conv(x, weight, bias, dy, settings)   pool(x, dy, settings)   batch_norm(x, gamma, beta, dy)   cross_entropy(logits, labels)
    adam(weight, gradient)   train(name, x, labels)   infer(name, x)

which returns {pass: (call, arrays)}: `call()` does the work (once, or as often as a third entry says) and waits for it; `arrays(call())` is its
result as a list of NumPy arrays, features last, in the order (y, dx, dweight, dbias), (y, dx), (y, dx, dgamma, dbeta), (loss, dlogits),
(weight after 3 calls), (losses of 3 calls), (y).
"""
