"""The formulas of elman.md."""

import math

import numpy as np

from neural_networks.layers import Elman
from tests.derivations.differences import along, central, joined
from tests.derivations.registry import check, example, formula

SIGMA = {"linear": lambda z: z, "tanh": math.tanh, "sigmoid": lambda z: 1 / (1 + math.exp(-z))}
SLOPE = {
    "linear": lambda z: 1.0,
    "tanh": lambda z: 1 - math.tanh(z) ** 2,
    "sigmoid": lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2,
}


def drawn(rng, m=None):
    """Sequences x (T, m, d), parameters, a first state and a gradient for every output."""
    T, d, n = rng.integers(1, 4, 3)
    m = m or rng.integers(1, 4)
    shapes = {"x": (T, m, d), "W": (d, n), "U": (n, n), "b": (1, n), "s_0": (m, n)}
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    used = rng.integers(0, 2, (T, 1, 1))  # 0 at the steps whose output is not used
    dLdy = used * rng.standard_normal((T, m, n))
    return {**arrays, "dLdy": dLdy, "sigma": str(rng.choice(list(SIGMA)))}


def one_sequence(rng):
    return drawn(rng, m=1)


# ----------------------------------------------------------------------------- one sequence


@formula("elman/forward")
def forward(x, W, U, b, s_0, sigma):
    r"""
    s_{tk} = \sigma(z_{tk}) \qquad
    z_{tk} = \sum_{a=1}^{d} x_{ta} W_{ak} + \sum_{j=1}^{n} s_{t-1,j} U_{jk} + b_k
    """
    s, _ = states(x[:, 0], W, U, b[0], s_0[0], sigma)
    return s[1:, None]


def states(x, W, U, b, s_0, sigma):
    """s_0 … s_T and z_1 … z_T of one sequence, in arrays that begin with 0 and with 1."""
    (T, d), n = x.shape, len(b)
    s, z = np.zeros((T + 1, n)), np.zeros((T + 1, n))
    s[0] = s_0
    for t in range(1, T + 1):
        for k in range(n):
            z[t, k] = b[k]
            for a in range(d):
                z[t, k] += x[t - 1, a] * W[a, k]
            for j in range(n):
                z[t, k] += s[t - 1, j] * U[j, k]
            s[t, k] = SIGMA[sigma](z[t, k])
    return s, z[1:]


@formula("elman/steps")
def steps(x, W, U, b, s_0, dLdy, sigma):
    r"""
    \frac{\partial L}{\partial s_{tj}} = \frac{\partial L}{\partial y_{tj}}
    + \sum_{k=1}^{n} \frac{\partial L}{\partial z_{t+1,k}} U_{jk} \qquad
    \frac{\partial L}{\partial z_{tk}} = \sigma'(z_{tk}) \, \frac{\partial L}{\partial s_{tk}}
    """
    return joined(*recursion(x, W, U, b, s_0, dLdy, sigma))


def recursion(x, W, U, b, s_0, dLdy, sigma):
    """dL/ds_0 … dL/ds_T and dL/dz_1 … dL/dz_T of one sequence."""
    _, z = states(x[:, 0], W, U, b[0], s_0[0], sigma)
    T, n = z.shape
    dLds, dLdz = np.zeros((T + 1, n)), np.zeros((T + 2, n))
    for t in reversed(range(T + 1)):
        for j in range(n):
            dLds[t, j] = dLdy[t - 1, 0, j] if t > 0 else 0
            for k in range(n):
                dLds[t, j] += dLdz[t + 1, k] * U[j, k]
            if t > 0:
                dLdz[t, j] = SLOPE[sigma](z[t - 1, j]) * dLds[t, j]
    return dLds, dLdz[1 : T + 1]


@formula("elman/parameters")
def parameters(x, W, U, b, s_0, dLdy, sigma):
    r"""
    \frac{\partial L}{\partial W_{ak}} = \sum_{t=1}^{T} x_{ta} \frac{\partial L}{\partial z_{tk}}
    \qquad \frac{\partial L}{\partial U_{jk}}
    = \sum_{t=1}^{T} s_{t-1,j} \frac{\partial L}{\partial z_{tk}} \qquad
    \frac{\partial L}{\partial b_k} = \sum_{t=1}^{T} \frac{\partial L}{\partial z_{tk}}
    """
    s, _ = states(x[:, 0], W, U, b[0], s_0[0], sigma)
    _, dLdz = recursion(x, W, U, b, s_0, dLdy, sigma)
    dLdW, dLdU, dLdb = np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)
    for t, k in np.ndindex(dLdz.shape):
        for a in range(len(W)):
            dLdW[a, k] += x[t, 0, a] * dLdz[t, k]
        for j in range(len(U)):
            dLdU[j, k] += s[t, j] * dLdz[t, k]
        dLdb[0, k] += dLdz[t, k]
    return joined(dLdW, dLdU, dLdb)


@formula("elman/input")
def inputs(x, W, U, b, s_0, dLdy, sigma):
    r"""
    \frac{\partial L}{\partial x_{ta}} = \sum_{k=1}^{n} \frac{\partial L}{\partial z_{tk}} W_{ak}
    """
    _, dLdz = recursion(x, W, U, b, s_0, dLdy, sigma)
    dLdx = np.zeros(x.shape)
    for t, a in np.ndindex(len(x), len(W)):
        dLdx[t, 0, a] = sum(dLdz[t, k] * W[a, k] for k in range(len(U)))
    return dLdx


# ---------------------------------------------------------------------------------- a batch


def batch_recursion(x, W, U, b, s_0, dLdy, sigma):
    """s, and the gradients of all s_t and z_t, by products of matrices."""
    (T, m, _), n = x.shape, len(U)
    s, z = np.zeros((T + 1, m, n)), np.zeros((T + 1, m, n))
    s[0] = s_0
    for t in range(1, T + 1):
        z[t] = x[t - 1] @ W + s[t - 1] @ U + b
        s[t] = np.vectorize(SIGMA[sigma])(z[t])
    dLds, dLdz = np.zeros((T + 1, m, n)), np.zeros((T + 2, m, n))
    for t in range(T, 0, -1):
        dLds[t] = dLdy[t - 1] + dLdz[t + 1] @ U.T
        dLdz[t] = np.vectorize(SLOPE[sigma])(z[t]) * dLds[t]
    dLds[0] = dLdz[1] @ U.T
    return s, dLds, dLdz[1 : T + 1]


@formula("elman/batch_steps")
def batch_steps(x, W, U, b, s_0, dLdy, sigma):
    r"""
    \frac{\partial L}{\partial s_t} = \frac{\partial L}{\partial y_t}
    + \frac{\partial L}{\partial z_{t+1}} U^\top \qquad
    \frac{\partial L}{\partial z_t} = \sigma'(z_t) \odot \frac{\partial L}{\partial s_t} \qquad
    \frac{\partial L}{\partial x_t} = \frac{\partial L}{\partial z_t} W^\top
    """
    _, dLds, dLdz = batch_recursion(x, W, U, b, s_0, dLdy, sigma)
    return joined(dLds, dLdz, dLdz @ W.T)


@formula("elman/batch_parameters")
def batch_parameters(x, W, U, b, s_0, dLdy, sigma):
    r"""
    \frac{\partial L}{\partial W} = \sum_{t=1}^{T} x_t^\top \frac{\partial L}{\partial z_t}
    \qquad \frac{\partial L}{\partial U}
    = \sum_{t=1}^{T} s_{t-1}^\top \frac{\partial L}{\partial z_t} \qquad
    \frac{\partial L}{\partial b} = \sum_{t=1}^{T} \mathbf{1}_m^\top \frac{\partial L}{\partial z_t}
    """
    s, _, dLdz = batch_recursion(x, W, U, b, s_0, dLdy, sigma)
    T, ones = len(x), np.ones((x.shape[1], 1))
    return joined(
        sum(x[t].T @ dLdz[t] for t in range(T)),
        sum(s[t].T @ dLdz[t] for t in range(T)),
        sum(ones.T @ dLdz[t] for t in range(T)),
    )


# -------------------------------------------------------------------- what they agree with


def layer_on(x, W, U, b, s_0, sigma):
    """The layer with these parameters after the forward pass of sequences (T, m, d)."""
    X, layer = x.transpose(1, 2, 0), Elman(len(U), sigma, return_sequences=True)
    layer.check_input(X)  # creates the parameters
    layer.parameters.update(W=W, U=U, b=b)
    layer.initial_state = s_0
    layer.forward(X)
    return layer


def after_both_passes(x, W, U, b, s_0, dLdy, sigma):
    """The layer, and dL/dx (T, m, d)."""
    layer = layer_on(x, W, U, b, s_0, sigma)
    return layer, layer.backward(dLdy.transpose(1, 2, 0)).transpose(2, 0, 1)


def library_states(x, W, U, b, s_0, sigma):
    return layer_on(x, W, U, b, s_0, sigma).cache["s"][1:]


def library_steps(x, W, U, b, s_0, dLdy, sigma):
    """The gradients of all states, then of all pre-activations.

    The layer tells that of its first state. So the rest of the sequence, from each step on, tells
    that of the state there, but for the output of this step itself.
    """
    layer = layer_on(x, W, U, b, s_0, sigma)
    s, z, T = layer.cache["s"], layer.cache["Z"], len(x)
    dLds = np.concatenate([np.zeros((1, *s_0.shape)), dLdy])
    for t in range(T):
        rest, _ = after_both_passes(x[t:], W, U, b, s[t], dLdy[t:], sigma)
        dLds[t] += rest.initial_state_gradient
    return joined(dLds, [layer.activation.backward(z[t], dLds[t + 1]) for t in range(T)])


def library_inputs(x, W, U, b, s_0, dLdy, sigma):
    return after_both_passes(x, W, U, b, s_0, dLdy, sigma)[1]


def library_all_steps(x, W, U, b, s_0, dLdy, sigma):
    given = x, W, U, b, s_0, dLdy, sigma
    return joined(library_steps(*given), library_inputs(*given))


def library_parameters(x, W, U, b, s_0, dLdy, sigma):
    layer, _ = after_both_passes(x, W, U, b, s_0, dLdy, sigma)
    return joined(*(layer.gradients[name] for name in "WUb"))


def loss(x, W, U, b, s_0, dLdy, sigma):
    """L = Σ dL/dy_t · y_t of all sequences and steps."""
    each = [states(x[:, i], W, U, b[0], s_0[i], sigma)[0][1:] for i in range(len(s_0))]
    return sum((dLdy[:, i] * each[i]).sum() for i in range(len(s_0)))


def numeric_steps(given):
    """The differences for all states, then for all pre-activations."""
    x, dLdy = given["x"], given["dLdy"]
    layer = layer_on(**{name: given[name] for name in given if name != "dLdy"})
    activate = np.vectorize(SIGMA[given["sigma"]], otypes=[float])

    def with_state(t):
        """L as a function of s_t: this output, and the rest of the sequence from there."""
        rest = {**given, "x": x[t:], "dLdy": dLdy[t:]}
        output = dLdy[t - 1] if t > 0 else np.zeros(given["s_0"].shape)
        return lambda s_t: (output * s_t).sum() + loss(**{**rest, "s_0": s_t})

    of_states = [central(with_state(t), s_t) for t, s_t in enumerate(layer.cache["s"])]
    of_pre_activations = [
        central(lambda z_t, t=t: with_state(t)(activate(z_t)), z_t)
        for t, z_t in enumerate(layer.cache["Z"], start=1)
    ]
    return joined(of_states, of_pre_activations)


def numeric_parameters(given):
    return joined(*(along(loss, given, name) for name in "WUb"))


def numeric_inputs(given):
    return along(loss, given, "x")


check("elman/forward", draw=one_sequence, library=library_states)
check("elman/steps", draw=one_sequence, library=library_steps, numeric=numeric_steps)
check("elman/input", draw=one_sequence, library=library_inputs, numeric=numeric_inputs)
check("elman/parameters", draw=one_sequence, library=library_parameters, numeric=numeric_parameters)
check(
    "elman/batch_steps",
    draw=drawn,
    library=library_all_steps,
    numeric=lambda given: joined(numeric_steps(given), numeric_inputs(given)),
)
check("elman/batch_parameters", draw=drawn, library=library_parameters, numeric=numeric_parameters)


@example("elman")
def elman_example():
    x, s_0 = np.array([[[1.0]], [[2.0]]]), np.zeros((1, 2))
    W, U, b = np.array([[1.0, -1]]), np.array([[1.0, -2], [2, 1]]), np.array([[0.0, 2]])
    layer, dLdx = after_both_passes(x, W, U, b, s_0, np.array([[[0.0, 0]], [[2, 4]]]), "relu")
    rest, _ = after_both_passes(x[1:], W, U, b, layer.cache["s"][1], np.array([[[2.0, 4]]]), "relu")
    dLds_1, dLds_2 = rest.initial_state_gradient, np.array([[2.0, 4]])
    backward = layer.activation.backward
    return {
        "x_1": x[0],
        "x_2": x[1],
        "W": W,
        "U": U,
        "b": b,
        **{f"s_{t}": s for t, s in enumerate(layer.cache["s"])},
        **{f"z_{t}": z for t, z in enumerate(layer.cache["Z"], start=1)},
        r"\frac{\partial L}{\partial s_1}": dLds_1,
        r"\frac{\partial L}{\partial s_2}": dLds_2,
        r"\frac{\partial L}{\partial z_1}": backward(layer.cache["Z"][0], dLds_1),
        r"\frac{\partial L}{\partial z_2}": backward(layer.cache["Z"][1], dLds_2),
        r"\frac{\partial L}{\partial x_1}": dLdx[0],
        r"\frac{\partial L}{\partial x_2}": dLdx[1],
        **{rf"\frac{{\partial L}}{{\partial {name}}}": layer.gradients[name] for name in "WUb"},
    }
