"""Matrix products: pydl, NumPy (OpenBLAS), and PyTorch and onnxruntime if they are installed, in turn.

    python benchmarks/bench_gemm.py [--threads 1] [--rounds 15] [--dtype float32] [--large] [--only 64x120x84]

Results are compared first.  Shapes are m x k x n, then which operands are transposed: nn forward, tn gradient by the weights, nt gradient by
the inputs.  OPENBLAS_CORETYPE decides what NumPy's OpenBLAS uses (SkylakeX is its best on AVX-512 machines it does not know); it is printed.
onnxruntime runs float32 twice: the right matrix given with each call, as everybody else gets it, and known beforehand, which it then keeps packed.
GF/s are of the median round.
"""
import argparse
import os

from turns import race, setting, torch_or_none, with_threads

SMALL = ["64x400x120", "64x120x84", "64x84x10", "32x400x120", "128x400x120", "32x128x512", "1x400x120", "1x120x84", "1x84x10", "1x100x400",
         "8x512x512", "16x64x64", "2000x300x1", "4096x27x64"]
MIDDLE = ["128x784x512", "128x512x512", "512x128x512", "64x512x2048", "256x256x256", "784x576x64", "3136x64x256"]
LARGE = ["512x512x512", "1024x1024x1024", "2048x2048x2048", "12544x1152x128", "1x4096x1000"]


def onnxruntime_product(a, b, known, threads):
    """A function that multiplies by onnxruntime, b given with each call or known beforehand; None where it is missing."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return None
    import numpy as np
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info(name, kind, x.shape) for name, x in (("a", a), ("b", b))]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", inputs[:1] if known else inputs,
                              [helper.make_tensor_value_info("c", kind, (a.shape[0], b.shape[1]))], [onnx.numpy_helper.from_array(b, "b")] if known else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    bound = session.io_binding()
    for name, x in (("a", a), ("b", b))[:1 if known else 2]:
        bound.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(x))
    bound.bind_ortvalue_output("c", onnxruntime.OrtValue.ortvalue_from_numpy(np.empty((a.shape[0], b.shape[1]), np.float32)))
    return lambda: session.run_with_iobinding(bound)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--transposed", nargs="*", choices=("nn", "nt", "tn", "tt"), default=["nn"])
    options = parser.parse_args()
    with_threads(options.threads)
    import numpy as np

    import pydl
    from pydl.backends import cpu as B

    pydl.set_num_threads(options.threads)
    torch = torch_or_none(options.threads)
    rng = np.random.default_rng(1)
    print(f"{setting(options.threads)}, {options.dtype}, OPENBLAS_CORETYPE={os.environ.get('OPENBLAS_CORETYPE', 'not set')}")
    for shape in options.only or SMALL + MIDDLE + LARGE * options.large:
        m, k, n = map(int, shape.split("x"))
        for way in options.transposed:
            a = rng.standard_normal((m, k) if way[0] == "n" else (k, m)).astype(options.dtype)
            b = rng.standard_normal((k, n) if way[1] == "n" else (n, k)).astype(options.dtype)
            x, y, c, numpy_c = B.from_numpy(a), B.from_numpy(b), B.empty((m, n), options.dtype), np.empty((m, n), options.dtype)
            left, right = (a if way[0] == "n" else a.T), (b if way[1] == "n" else b.T)

            def ours(x=x, y=y, c=c, way=way):
                B.gemm(x, y, None, c, way[0] == "t", way[1] == "t")

            opponents = [("pydl", ours), ("NumPy", lambda left=left, right=right, out=numpy_c: np.matmul(left, right, out=out))]
            if torch:
                tensors = torch.from_numpy(left), torch.from_numpy(right), torch.empty((m, n), dtype=getattr(torch, options.dtype))
                opponents.append((f"PyTorch {torch.__version__.split('+')[0]}", lambda t=tensors: torch.mm(t[0], t[1], out=t[2])))
            if options.dtype == "float32":
                runs = [onnxruntime_product(np.ascontiguousarray(left), np.ascontiguousarray(right), known, options.threads) for known in (False, True)]
                opponents += [(name, run) for name, run in zip(("onnxruntime", "onnxruntime, b packed"), runs) if run]
            for _, call in opponents:
                call()
            bound = 1e-4 if options.dtype == "float32" else 1e-12
            assert np.allclose(np.asarray(c), numpy_c, rtol=bound, atol=bound * k**0.5)
            found = race(f"{shape} {way}", opponents, options.rounds)
            print(f"  {2e-9 * m * n * k / found['pydl']:.1f} GF/s")


if __name__ == "__main__":
    main()
