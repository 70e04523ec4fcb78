"""PyTorch eager, for images in the faster of its two layouts, which is found out by trying."""
import time

import numpy as np

name = "PyTorch"
torch = None


def start(threads):
    global torch
    import torch as found

    torch = found
    torch.set_num_threads(threads)
    return torch.__version__.split("+")[0]


def turned(a, layout):
    """(n, h, w, c) -> (n, c, h, w) in memory as the layout says."""
    return torch.from_numpy(a.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)


def faster(make):
    """The quicker of make(layout) for both layouts, pass by pass."""
    found = [make(layout) for layout in (torch.contiguous_format, torch.channels_last)]
    return {key: min((passes[key] for passes in found), key=lambda entry: _seconds(entry[0])) for key in found[0]}


def _seconds(call):
    times = []
    call()
    for _ in range(3):
        start_at = time.perf_counter()
        call()
        times.append(time.perf_counter() - start_at)
    return min(times)


def images(tensors):
    """Back to NumPy, features last; None stays out."""
    found = []
    for t in tensors:
        if t is not None:
            a = t.detach().numpy()
            found.append(a.transpose(0, 2, 3, 1) if a.ndim == 4 else a)
    return found


def gemm(a, b):
    x, w = torch.from_numpy(a), torch.from_numpy(b)
    y = torch.empty(a.shape[0], b.shape[1])
    return {"forward": (lambda: torch.mm(x, w, out=y), lambda y: [y.numpy()])}


def conv(x, weight, bias, dy, settings):
    _, _, _, stride, padding, first = settings

    def make(layout):
        tx, tdy = turned(x, layout), turned(dy, layout)
        tw = torch.from_numpy(weight.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=layout)
        tb = torch.from_numpy(bias)
        leaves = (tw, tb) if first else (tx, tw, tb)
        for leaf in leaves:
            leaf.requires_grad_()

        def forward():
            with torch.no_grad():
                return torch.nn.functional.conv2d(tx, tw, tb, stride, padding)

        def both():
            for leaf in leaves:
                leaf.grad = None
            y = torch.nn.functional.conv2d(tx, tw, tb, stride, padding)
            y.backward(tdy)
            return y

        def arrays(y):
            dw = tw.grad.numpy().transpose(2, 3, 1, 0)
            return [*images([y, tx.grad]), dw, tb.grad.numpy()]
        return {"forward": (forward, lambda y: images([y])), "both": (both, arrays)}
    return faster(make)


def pool(x, dy, settings):
    _, kind, k = settings
    function = torch.nn.functional.max_pool2d if kind == "max" else torch.nn.functional.avg_pool2d

    def make(layout):
        tx, tdy = turned(x, layout).requires_grad_(), turned(dy, layout)

        def forward():
            with torch.no_grad():
                return function(tx, k, 2)

        def both():
            tx.grad = None
            y = function(tx, k, 2)
            y.backward(tdy)
            return y
        return {"forward": (forward, lambda y: images([y])), "both": (both, lambda y: images([y, tx.grad]))}
    return faster(make)


def batch_norm(x, gamma, beta, dy):
    def make(layout):
        tx, tdy = turned(x, layout).requires_grad_(), turned(dy, layout)
        norm = torch.nn.BatchNorm2d(len(gamma), eps=1e-3)
        with torch.no_grad():
            norm.weight.copy_(torch.from_numpy(gamma))
            norm.bias.copy_(torch.from_numpy(beta))

        def forward():
            with torch.no_grad():
                return norm(tx)

        def both():
            tx.grad = norm.weight.grad = norm.bias.grad = None
            y = norm(tx)
            y.backward(tdy)
            return y
        return {"forward": (forward, lambda y: images([y])), "both": (both, lambda y: images([y, tx.grad, norm.weight.grad, norm.bias.grad]))}
    return faster(make)


def cross_entropy(logits, labels):
    leaf, target = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(labels)

    def both():
        leaf.grad = None
        loss = torch.nn.functional.cross_entropy(leaf, target)
        loss.backward()
        return loss
    return {"both": (both, lambda loss: [loss.detach().numpy(), leaf.grad.numpy()])}


def adam(weight, gradient):
    parameter = torch.nn.Parameter(torch.from_numpy(weight.copy()))
    parameter.grad = torch.from_numpy(gradient)
    method = torch.optim.Adam([parameter], lr=1e-3, eps=1e-7, fused=True)
    for _ in range(3):
        method.step()
    after = parameter.detach().numpy().copy()
    return {"step": (method.step, lambda _: [after])}


def network(name):
    """nn.Modules with the same weights as everywhere."""
    import networks
    from torch import nn

    class Add(nn.Module):
        def __init__(self, main, other):
            super().__init__()
            self.main, self.other = main, other

        def forward(self, x):
            return self.main(x) + self.other(x)

    def build(steps):
        made = []
        for kind, *how in steps:
            if kind == "conv":
                weight, bias, stride, padding = how
                made.append(nn.Conv2d(weight.shape[2], weight.shape[3], weight.shape[0], stride, padding, bias=bias is not None))
                fill(made[-1], weight.transpose(3, 2, 0, 1), bias)
            elif kind == "bn":
                made.append(nn.BatchNorm2d(len(how[0]), eps=1e-3, momentum=0.01))
            elif kind == "dense":
                weight, bias, image = how
                if image:                                   # flattened channels first
                    weight = weight.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
                made.append(nn.Linear(*weight.shape))
                fill(made[-1], weight.T, bias)
            elif kind == "relu":
                made.append(nn.ReLU())
            elif kind == "max":
                made.append(nn.MaxPool2d(*how))
            elif kind == "mean":
                made += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            elif kind == "flatten":
                made.append(nn.Flatten())
            elif kind == "add":
                made.append(Add(*(build(branch) for branch in how)))
        return nn.Sequential(*made)

    def fill(module, weight, bias):
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            if bias is not None:
                module.bias.copy_(torch.from_numpy(bias))
    return build(networks.filled(name)[0])


def laid_out(name, x, layout):
    net = network(name).to(memory_format=layout)
    return net, turned(x, layout) if x.ndim == 4 else torch.from_numpy(x)


def train(name, x, labels):
    target = torch.from_numpy(labels)

    def make(layout):
        net, tx = laid_out(name, x, layout)
        method = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=True)

        def step():
            method.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(tx), target)
            loss.backward()
            method.step()
            return loss
        losses = [np.asarray(step().item()) for _ in range(3)]
        return {"step": (step, lambda _: losses)}
    return faster(make)


def infer(name, x):
    def make(layout):
        net, tx = laid_out(name, x, layout)
        net.eval()

        def forward():
            with torch.inference_mode():
                return net(tx)
        return {"forward": (forward, lambda y: [y.numpy()])}
    return faster(make)
