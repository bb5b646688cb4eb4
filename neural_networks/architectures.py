"""Common architectures, as lists of layers for ``initialize_model``.

Each function returns a new list of plain dictionaries, which may be changed. The last layer's
``n_out`` may be None: the dataset sets it.

If ``weight_scale`` is a number, weights are drawn from N(0, weight_scale²); if it is small, the
scores of an untrained network are close to 0 and its loss is close to that of guessing. If it is
None, weights have the distribution of He et al., which depends on the size of the layer.
"""

from collections.abc import Callable, Sequence
from typing import Any

from neural_networks.utils.factories import build, lookup
from neural_networks.utils.validation import number_in, positive_integer

Layers = list[dict[str, Any]]

NORMALIZATIONS = {"batch": "batch_norm", "layer": "layer_norm"}
MAX_POOL = {"name": "pool2d", "kernel_shape": 2, "stride": 2, "mode": "max"}


def two_layer_net(
    n_hidden: int = 100,
    n_out: int | None = None,
    *,
    activation: str = "relu",
    weight_scale: float | None = 1e-2,
    output: str = "softmax",
) -> Layers:
    """affine - activation - affine - output.

    Parameters
    ----------
    n_hidden : int
        Units of the hidden layer.
    n_out : int, optional
        Outputs.
    activation : str
        Activation of the hidden layer.
    weight_scale : float, optional
        Standard deviation of the initial weights.
    output : str
        Activation of the output: ``"softmax"`` for cross-entropy, ``"linear"`` for a hinge loss.
    """
    return [
        _dense(positive_integer("n_hidden", n_hidden), activation, weight_scale),
        _dense(n_out, output, weight_scale),
    ]


def fully_connected_net(
    hidden_sizes: Sequence[int],
    n_out: int | None = None,
    *,
    dropout: float = 0.0,
    normalization: str | None = None,
    activation: str = "relu",
    weight_scale: float | None = 1e-2,
    output: str = "softmax",
) -> Layers:
    """(affine - [normalization] - activation - [dropout])×N - affine - output.

    Parameters
    ----------
    hidden_sizes : sequence of int
        Units of each of the N hidden layers.
    dropout : float
        Probability of dropping a hidden unit; 0 for no dropout.
    normalization : str, optional
        ``"batch"`` or ``"layer"``.
    n_out, activation, weight_scale, output
        See ``two_layer_net``.
    """
    layers: Layers = []
    end = dropped(dropout)
    for n in _sizes("hidden_sizes", hidden_sizes):
        layers += normalized(_dense(n, activation, weight_scale), normalization)
        layers += map(dict, end)
    return [*layers, _dense(n_out, output, weight_scale)]


def three_layer_conv_net(
    n_filters: int = 32,
    kernel: int = 7,
    n_hidden: int = 100,
    n_out: int | None = None,
    *,
    activation: str = "relu",
    weight_scale: float | None = 1e-2,
    output: str = "softmax",
) -> Layers:
    """conv - activation - 2×2 max pool - affine - activation - affine - output.

    Parameters
    ----------
    n_filters : int
        Number of kernels.
    kernel : int
        Their height and width.
    n_hidden, n_out, activation, weight_scale, output
        See ``two_layer_net``.
    """
    return [
        _convolution(positive_integer("n_filters", n_filters), kernel, activation, weight_scale),
        dict(MAX_POOL),
        {"name": "flatten"},
        *two_layer_net(
            n_hidden, n_out, activation=activation, weight_scale=weight_scale, output=output
        ),
    ]


def conv_net(
    n_filters: Sequence[int],
    hidden_sizes: Sequence[int] = (),
    n_out: int | None = None,
    *,
    convolutions: int = 1,
    last_filters: int | None = None,
    kernel: int = 3,
    dropout: float = 0.0,
    normalization: str | None = None,
    activation: str = "relu",
    weight_scale: float | None = 1e-2,
    output: str = "softmax",
) -> Layers:
    """((conv - relu)×K - pool)×N - [conv - relu] - (affine - relu)×(M-1) - affine - output.

    Parameters
    ----------
    n_filters : sequence of int
        Number of kernels in each convolution of each of the N blocks. A block ends with a 2×2
        max pool, which halves the image.
    hidden_sizes : sequence of int
        Units of each of the M - 1 hidden affine layers.
    convolutions : int
        K, the convolutions in a block: 1 makes (conv-relu-pool)×N, 2 makes
        (conv-relu-conv-relu-pool)×N.
    last_filters : int, optional
        Number of kernels in one more convolution after the blocks; none by default.
    kernel : int
        Height and width of all kernels.
    dropout : float
        Probability of dropping a unit of a hidden affine layer.
    normalization : str, optional
        ``"batch"`` or ``"layer"``, between each convolution or hidden affine layer and its
        activation.
    n_out, activation, weight_scale, output
        See ``two_layer_net``.
    """

    def convolution(n: int) -> Layers:
        return normalized(_convolution(n, kernel, activation, weight_scale), normalization)

    layers: Layers = []
    for n in _sizes("n_filters", n_filters):
        for _ in range(positive_integer("convolutions", convolutions)):
            layers += convolution(n)
        layers.append(dict(MAX_POOL))
    if last_filters is not None:
        layers += convolution(positive_integer("last_filters", last_filters))
    affine = fully_connected_net(
        hidden_sizes,
        n_out,
        dropout=dropout,
        normalization=normalization,
        activation=activation,
        weight_scale=weight_scale,
        output=output,
    )
    return [*layers, {"name": "flatten"}, *affine]


def normalized(layer: dict[str, Any], normalization: str | None) -> Layers:
    """A layer, with a normalization, if any, between its affine part and its activation."""
    if normalization is None:
        return [layer]
    name = lookup("normalization", normalization, NORMALIZATIONS)
    activation = layer.get("activation", "linear")
    return [{**layer, "activation": "linear"}, {"name": name, "activation": activation}]


def dropped(p: float) -> Layers:
    """A dropout layer, or none if p is 0."""
    return [{"name": "dropout", "p": p}] if number_in("dropout", p, 0, 1) else []


def _dense(n_out: int | None, activation: str, weight_scale: float | None) -> dict[str, Any]:
    return {
        "name": "fully_connected",
        "n_out": None if n_out is None else positive_integer("n_out", n_out),
        "activation": activation,
        "weight_init": _weight_init(weight_scale),
    }


def _convolution(
    n_filters: int, kernel: int, activation: str, weight_scale: float | None
) -> dict[str, Any]:
    return {
        "name": "conv2d",
        "n_out": n_filters,
        "kernel_shape": kernel,
        "activation": activation,
        "weight_init": _weight_init(weight_scale),
    }


def _weight_init(weight_scale: float | None) -> str | dict[str, Any]:
    """He's distribution for None, else N(0, weight_scale²)."""
    if weight_scale is None:
        return "he_normal"
    return {"name": "normal", "std": number_in("weight_scale", weight_scale, 0, open_low=True)}


def _sizes(name: str, sizes: Sequence[int]) -> list[int]:
    if isinstance(sizes, str) or not isinstance(sizes, Sequence):
        raise TypeError(f"{name} must be a list of whole numbers, got {sizes!r}")
    return [positive_integer(name, n) for n in sizes]


NETWORKS: dict[str, Callable[..., Layers]] = {
    "two_layer_net": two_layer_net,
    "fully_connected_net": fully_connected_net,
    "three_layer_conv_net": three_layer_conv_net,
    "conv_net": conv_net,
}


def initialize_network(name: str, /, **options: Any) -> Layers:
    """Create the layers of a network by its name, one of ``NETWORKS``.

    Parameters
    ----------
    name : str
    **options
        Arguments of the function of that name.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a number is out of range.

    Examples
    --------
    >>> layers = initialize_network("fully_connected_net", hidden_sizes=[50, 20], dropout=0.2)
    >>> [layer["name"] for layer in layers]
    ['fully_connected', 'dropout', 'fully_connected', 'dropout', 'fully_connected']
    """
    return build("network", NETWORKS, name, options, keep_none=True)
