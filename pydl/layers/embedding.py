"""Embedding: a row of a table for each id; Masking: steps that are padding."""
import numpy as np

from pydl import constraints, initializers, regularizers
from pydl.autodiff import Op, RowGradient
from pydl.errors import DTypeError, ShapeError, boolean, in_range, positive_int
from pydl.kernels._common import KernelError
from pydl.layers.base import InputSpec, Layer
from pydl.ops import any as any_of
from pydl.ops import cast, equal, floor, logical_and, multiply, not_equal, where
from pydl.ops.elementwise import floating
from pydl.ops.operands import numbers
from pydl.tensor import Tensor, as_tensor

STEPS_A_ROW = 2                         # from so many on a recurrent layer multiplies the table by its kernel instead of the steps
FRACTION = "; of ids given as floats, fractions and NaN are taken for -1"


def outside(who, ids, error):
    """What is raised for an id that the kernel refused."""
    return ValueError(f"{who}: id {error.value} (number {error.where} of ids {ids.shape}) is outside the vocabulary, "
                      f"0 <= id < {error.limit}{FRACTION if error.value == -1 else ''}")


class EmbeddingOp(Op):
    """Inputs table (rows, width) and ids of any shape.  sparse: None, True or False, as the layer says."""

    def __init__(self, who, sparse=None): self.who, self.sparse = who, sparse

    def forward(self, B, table, ids):
        y = B.empty((*ids.shape, table.shape[1]), table.dtype)
        try:
            B.take_rows(table, ids, y)
        except KernelError as error:
            raise outside(self.who, ids, error) from None
        self.ids, self.shape = ids, table.shape
        return y

    def backward(self, B, dy):
        gradient = RowGradient([(self.ids, dy)], self.shape, self.sparse)
        leaf = isinstance(self.edges[0][0], Tensor)         # what other ops have made wants an Array
        return gradient if leaf and self.sparse is not False else gradient.dense(), None


def embedding(ids, table):
    """Return row id of the table for every id.

    Shapes:    ids of any shape (...), table (vocab, width) -> (..., width)
    Dtypes:    ids int32 or int64; table float32, float64.
    Gradients: table, the sum over the look-ups of each row, in their order.    Saves: the ids.
    Raises:    ValueError for an id outside 0 <= id < vocab, naming both.
    Example:
        >>> from pydl.layers.embedding import embedding
        >>> embedding([[1, 1], [0, 1]], [[0.5, 1.0], [2.0, 3.0]]).shape
        (2, 2, 2)
    """
    table = floating("embedding", table)
    if table.ndim != 2:
        raise ShapeError(f"embedding: table must be (vocab, width), got {table.shape}")
    return EmbeddingOp("embedding")(table, _whole("embedding", ids))


def _whole(who, ids):
    """Ids as int32 or int64; floats (which functional inputs are by default) may hold whole numbers."""
    ids = numbers(who, "ids", ids)
    if ids.dtype.name in ("bool", "uint64"):
        raise DTypeError(f"{who}: ids must be integers, of at most 64 bits with a sign, got {ids.dtype.name}")
    if ids.dtype.kind == "f":
        return cast(where(equal(ids, floor(ids)), ids, -1.0), "int64")     # a fraction is no id, and NaN is none
    return ids if ids.dtype.name in ("int32", "int64") else cast(ids, "int32" if ids.dtype.itemsize < 4 else "int64")


def _both(live, mask):
    return live if mask is None else logical_and(live, mask)


class Embedding(Layer):
    """Turn ids into vectors that are learned: `embedding` as a layer.

    In a model, with a SimpleRNN, GRU, SimplifiedGRU or LSTM behind it, the two are one op where a batch has at least twice as many ids as the table has
    rows: each row meets that layer's kernel once, however often it is looked up.  The same sums, rounded otherwise.

    Args:      input_dim: size of the vocabulary.    output_dim: width of a vector.
               embeddings_initializer: what the table starts from.
               embeddings_regularizer, embeddings_constraint: of the table.
               mask_zero: whether id 0 is padding: layers after this one get a mask of the others.
               weights: a table to start from, or a list that holds it.
               sparse: True: a training step reads and changes only the rows that the batch uses, with every optimizer, so its cost does not depend
               on input_dim; running means of other rows rest ("lazy" Adam: not what the whole table would get).  None: so only where the
               result is the same (see `pydl.optimizers.Optimizer`).  False: never.
    Shapes:    (N, ...) -> (N, ..., output_dim).    Weights: embeddings (input_dim, output_dim).
    Dtypes:    ids int32, int64; the table float32, float64.
    Gradients: the table.
    Raises:    ValueError for an id outside the vocabulary, naming both.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Embedding(100, 8)(np.array([[1, 2, 3]])).shape
        (1, 3, 8)
    """
    takes_integers = True

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None, embeddings_constraint=None,
                 mask_zero=False, weights=None, sparse=None, **kwargs):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = positive_int(self.who, "input_dim", input_dim), positive_int(self.who, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer, f"{self.who}: embeddings_initializer")
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer, f"{self.who}: embeddings_regularizer")
        self.embeddings_constraint = constraints.get(embeddings_constraint, f"{self.who}: embeddings_constraint")
        self.mask_zero = boolean(self.who, "mask_zero", mask_zero)
        self.sparse = None if sparse is None else boolean(self.who, "sparse", sparse)
        if self.sparse and (self.embeddings_regularizer is not None or self.embeddings_constraint is not None):
            raise ValueError(f"{self.who}: sparse=True leaves rows out that embeddings_regularizer and embeddings_constraint concern at every step; "
                             "use sparse=None, which trains the whole table")
        if weights is not None:
            table = np.asarray(weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 else weights)
            if table.shape != (self.input_dim, self.output_dim):
                raise ShapeError(f"{self.who}: weights must have shape {(self.input_dim, self.output_dim)}, got {table.shape}")
            self.build(None)
            self.embeddings.assign(table)

    def build(self, input_shape):
        self.embeddings = self.add_weight((self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings",
                                          regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint)

    def call(self, ids, recurrent=None, training=False):
        """Look the rows up.  recurrent: a layer that a model found behind this one, which is run, too: by `look_up` where there are steps enough for each row."""
        ids = _whole(self.who, ids)
        if recurrent is not None and ids.size >= STEPS_A_ROW * self.input_dim:
            try:
                return recurrent.look_up(ids, self.embeddings, self.compute_mask(ids), training)
            except KernelError as error:
                raise outside(self.who, ids, error) from None
        y = EmbeddingOp(self.who, self.sparse)(self.embeddings, ids)
        if self.mask_zero:
            y.mask = self.compute_mask(ids)
        return y if recurrent is None else recurrent(y, training=training)

    def compute_mask(self, inputs, previous_mask=None):
        """Return where the ids are not 0; None unless mask_zero."""
        return not_equal(as_tensor(inputs), 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def get_config(self):
        """Return the settings; not the table given as `weights`, which is saved as a weight."""
        config = super().get_config()
        config.pop("weights", None)
        return config


class Masking(Layer):
    """Mark the steps whose numbers all equal mask_value as padding, and set them to 0: recurrent layers after this one skip them.

    What a layer before it has marked stays marked.

    Args:      mask_value: what padding is made of.
    Shapes:    (N, T, D) -> the same.
    Gradients: x, at the steps that are not masked.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Masking()(np.array([[[1.0], [0.0]]])).mask.numpy().tolist()
        [[True, False]]
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = in_range(self.who, "mask_value", mask_value)
        self.input_spec = InputSpec(min_ndim=3)

    def call(self, x, mask=None):
        live = any_of(not_equal(x, self.mask_value), axis=-1, keepdims=True)
        y = multiply(x, cast(live, x.dtype))
        y.mask = _both(live[..., 0], mask)
        return y

    def compute_mask(self, inputs, previous_mask=None):
        """Return where a step is not padding, nor was marked as such before."""
        return _both(any_of(not_equal(as_tensor(inputs), self.mask_value), axis=-1), previous_mask)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
