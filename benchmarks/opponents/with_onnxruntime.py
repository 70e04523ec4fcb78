"""onnxruntime: graphs with the weights inside, which it lays out once; forward only."""
import numpy as np

name = "onnxruntime"
ort = None
_threads = 1


def start(threads):
    global ort, _threads
    import onnx  # noqa: F401    the graphs are built with it
    import onnxruntime as found

    ort, _threads = found, threads
    return ort.__version__


class Graph:
    """Nodes in order; each method appends one and returns the name of its result."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, a):
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(a), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def node(self, kind, *given, **attributes):
        from onnx import helper

        result = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [g if isinstance(g, str) else self.constant(g) for g in given], [result], **attributes))
        return result

    def session(self, x, result):
        """A call on x, bound once, so that it is not copied."""
        from onnx import TensorProto, helper

        graph = helper.make_graph(self.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                                  [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = _threads, 1, 3
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"x": x})[0]


def _first(a):
    return np.ascontiguousarray(a.transpose(0, 3, 1, 2))


def _last(y):
    return [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y]


def gemm(a, b):
    graph = Graph()
    return {"forward": (graph.session(a, graph.node("MatMul", "x", b)), _last)}


def conv(x, weight, bias, dy, settings):
    _, _, _, stride, padding, _ = settings
    graph = Graph()
    y = graph.node("Conv", "x", weight.transpose(3, 2, 0, 1), bias, strides=[stride] * 2, pads=[padding] * 4)
    return {"forward": (graph.session(_first(x), y), _last)}


def pool(x, dy, settings):
    _, kind, k = settings
    graph = Graph()
    y = graph.node("MaxPool" if kind == "max" else "AveragePool", "x", kernel_shape=[k, k], strides=[2, 2])
    return {"forward": (graph.session(_first(x), y), _last)}


def infer(name, x):
    import networks

    graph = Graph()

    def build(steps, x):
        for kind, *how in steps:
            if kind == "conv":
                weight, bias, stride, padding = how
                x = graph.node("Conv", x, weight.transpose(3, 2, 0, 1), *([] if bias is None else [bias]), strides=[stride] * 2, pads=[padding] * 4)
            elif kind == "bn":
                x = graph.node("BatchNormalization", x, *how, epsilon=1e-3)
            elif kind == "dense":
                weight, bias, image = how
                if image:
                    weight = weight.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
                x = graph.node("Gemm", x, weight, bias)
            elif kind == "relu":
                x = graph.node("Relu", x)
            elif kind == "max":
                x = graph.node("MaxPool", x, kernel_shape=[how[0]] * 2, strides=[how[1]] * 2, pads=[how[2]] * 4)
            elif kind == "mean":
                x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
            elif kind == "flatten":
                x = graph.node("Flatten", x)
            elif kind == "add":
                x = graph.node("Add", *(build(branch, x) for branch in how))
        return x
    y = build(networks.filled(name)[0], "x")
    return {"forward": (graph.session(_first(x) if x.ndim == 4 else x, y), _last)}
