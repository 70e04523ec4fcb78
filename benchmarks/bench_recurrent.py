"""SimpleRNN, GRU and LSTM over whole sequences, forward and forward with backward: pydl, and PyTorch if it is installed, in turn.

    python benchmarks/bench_recurrent.py [--threads 1] [--rounds 9] [--cells lstm gru tanh]

The same weights; results and all gradients are compared first.  pydl runs as it does inside `fit`, recorded and replayed.
"""
import argparse

from turns import race, setting, torch_or_none, with_threads

SHAPES = [(1, 100, 27, 100), (32, 100, 128, 128), (64, 50, 256, 512)]
GATES = {"tanh": 1, "lstm": 4, "gru": 3}
ORDER = {"tanh": [0], "lstm": [0, 1, 2, 3], "gru": [1, 0, 2]}          # PyTorch's gates: i f g o, and r z n


def compare(cell, shape, torch, rounds):
    """One shape: the same values and gradients from both, then the races."""
    import numpy as np

    from pydl.autodiff import backward
    from pydl.backends import cpu as B
    from pydl.capture import Step
    from pydl.layers.recurrent import connect
    from pydl.tensor import made_by, no_grad

    n, t, d, units = shape
    width, rng = GATES[cell] * units, np.random.default_rng(1)
    arrays = [rng.standard_normal(s).astype("float32") * k for s, k in (
        ((n, t, d), 1), ((d, width), d ** -0.5), ((units, width), units ** -0.5), ((2, width) if cell == "gru" else (width,), 0.1))]
    seed = rng.standard_normal((n, t, units)).astype("float32")
    slots = [B.owned(a.shape) for a in arrays]
    seed_slot = B.owned(seed.shape)

    def forward(*given):
        with no_grad():
            y, *_ = connect(cell, *(made_by(a, None, 0) for a in given), [], None, False)
        return [y.array]

    def both(*given):
        tensors = [made_by(a, None, 0) for a in given]
        for tensor in tensors:
            tensor.needs_gradient = True
        y, *_ = connect(cell, *tensors, [], None, False)
        return [y.array, *backward(y, tensors, seed=seed_slot)]
    steps = []
    for slot, values in zip([*slots, seed_slot], [*arrays, seed]):
        B.assign(slot, values)
    for function in (forward, both):
        step = Step(function, slots, "recurrent", strict=True)
        for _ in range(3):
            results = step.run()
        steps.append(step)
    title = f"{cell} (batch {n}, {t} steps, {d} in, {units} units)"
    fl = 2 * n * t * (d + units) * width
    ours = [("pydl", step.program.run) for step in steps]
    if not torch:
        for name, opponent, work in (("forward", ours[0], fl), ("forward + backward", ours[1], 3 * fl)):
            median = race(f"{title} {name}", [opponent], rounds)["pydl"]
            print(f"  {work / median / 1e9:.0f} GFLOP/s")
        return
    made = {"tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](d, units, batch_first=True)

    def torch_order(a):
        """(.., gates * units) to PyTorch's (gates * units, ..)."""
        return torch.from_numpy(np.concatenate([np.split(a, GATES[cell], -1)[g] for g in ORDER[cell]], -1).T.copy())

    with torch.no_grad():
        made.weight_ih_l0.copy_(torch_order(arrays[1]))
        made.weight_hh_l0.copy_(torch_order(arrays[2]))
        made.bias_ih_l0.copy_(torch_order(arrays[3][0] if cell == "gru" else arrays[3]))
        made.bias_hh_l0.copy_(torch_order(arrays[3][1] if cell == "gru" else 0 * arrays[3]))
    x, v = torch.from_numpy(arrays[0]), torch.from_numpy(seed)

    def torch_forward():
        with torch.no_grad():
            return made(x)[0]

    def torch_both():
        xs = x.detach().requires_grad_()
        made.zero_grad()
        y, _ = made(xs)
        y.backward(v)
        return [y, xs.grad, *[p.grad for p in made.parameters()]]
    y, dx, dw, du, *_ = torch_both()
    for got, want in zip(results, (y.detach(), dx, None, None)):
        if want is not None:
            scale = want.abs().max().item()
            assert np.abs(np.asarray(got) - want.numpy()).max() < 2e-4 * scale, title
    for got, want in ((results[2], dw), (results[3], du)):
        assert np.abs(torch_order(np.asarray(got)).numpy() - want.numpy()).max() < 2e-4 * want.abs().max().item(), title
    for name, opponent, theirs, work in (("forward", ours[0], torch_forward, fl), ("forward + backward", ours[1], torch_both, 3 * fl)):
        median = race(f"{title} {name}", [opponent, ("PyTorch", theirs)], rounds)["pydl"]
        print(f"  {work / median / 1e9:.0f} GFLOP/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cells", nargs="+", choices=tuple(GATES), default=["lstm", "gru", "tanh"])
    args = parser.parse_args()
    with_threads(args.threads)
    import pydl

    pydl.set_num_threads(args.threads)
    print(setting(args.threads))
    torch = torch_or_none(args.threads)
    for cell in args.cells:
        for shape in SHAPES:
            compare(cell, shape, torch, args.rounds)


if __name__ == "__main__":
    main()
