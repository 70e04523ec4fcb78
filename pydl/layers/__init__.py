"""Layers: one file a family, an Op pair, its function and its Layer class in each."""
from pydl import registry
from pydl.layers import conv_columns  # noqa: F401
from pydl.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax  # noqa: F401
from pydl.layers.base import InputSpec, Layer, clear_session  # noqa: F401
from pydl.layers.cells import RNN, GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells  # noqa: F401
from pydl.layers.conv import (  # noqa: F401
    Conv1D,
    Conv2D,
    Convolution1D,
    Convolution2D,
    DepthwiseConv2D,
    SeparableConv2D,
    SeparableConvolution2D,
)
from pydl.layers.conv3d import Conv3D, Convolution3D  # noqa: F401
from pydl.layers.conv_transpose import Conv2DTranspose, Convolution2DTranspose  # noqa: F401
from pydl.layers.core import ActivityRegularization, Identity, Lambda  # noqa: F401
from pydl.layers.dense import Dense  # noqa: F401
from pydl.layers.dropout import AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D  # noqa: F401
from pydl.layers.embedding import Embedding, Masking  # noqa: F401
from pydl.layers.group_norm import GroupNormalization, RMSNormalization, UnitNormalization  # noqa: F401
from pydl.layers.merging import (  # noqa: F401
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from pydl.layers.norm import BatchNormalization, LayerNormalization  # noqa: F401
from pydl.layers.pool import (  # noqa: F401
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from pydl.layers.recurrent import GRU, LSTM, SimpleRNN, SimplifiedGRU  # noqa: F401
from pydl.layers.reshaping import (  # noqa: F401
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    ZeroPadding1D,
    ZeroPadding2D,
)
from pydl.layers.scaling import Normalization, Rescaling  # noqa: F401
from pydl.layers.symbol import Input, InputLayer  # noqa: F401
from pydl.layers.upsampling import UpSampling1D, UpSampling2D  # noqa: F401
from pydl.layers.wrappers import Bidirectional, TimeDistributed  # noqa: F401

registry.register("layers", *[thing for thing in list(globals().values())
                              if isinstance(thing, type) and issubclass(thing, Layer) and thing is not Layer])
