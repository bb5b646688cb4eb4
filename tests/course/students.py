"""Right solutions in a student's style: loops over numbers, lists, nothing of the library's."""

import math

import numpy as np

from neural_networks import activations, losses, models
from neural_networks.layers import conv2d, elman, fully_connected, pool2d


class ReLU(activations.ReLU):
    def forward(self, Z):
        Y = Z.copy()
        Y[Y < 0] = 0
        return Y

    def backward(self, Z, dY):
        dZ = np.zeros(Z.shape)
        for i in np.ndindex(Z.shape):
            if Z[i] > 0:
                dZ[i] = dY[i]
        return dZ


class Sigmoid(activations.Sigmoid):
    def forward(self, Z):
        Y = np.zeros(Z.shape)
        for i in np.ndindex(Z.shape):
            z = Z[i]
            Y[i] = 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))
        return Y

    def backward(self, Z, dY):
        E = np.exp(-np.abs(Z))
        return dY * E / (1 + E) ** 2


class SoftMax(activations.SoftMax):
    def forward(self, Z):
        rows = Z.reshape(-1, Z.shape[-1])
        out = []
        for row in rows:
            e = [math.exp(z - max(row)) for z in row]
            out.append([x / sum(e) for x in e])
        return np.array(out).reshape(Z.shape)

    def backward(self, Z, dY):
        S = self.forward(Z)
        dZ = np.zeros(Z.shape)
        for i in range(Z.shape[0]):
            jacobian = np.diag(S[i]) - np.outer(S[i], S[i])
            dZ[i] = np.dot(jacobian, dY[i])
        return dZ


class CrossEntropy(losses.CrossEntropy):
    def forward(self, Y, Y_hat):
        cost = 0.0
        for y, p in zip(Y.flatten(), Y_hat.flatten(), strict=True):
            if y != 0:
                cost -= y * math.log(p)
        return cost / Y.shape[0]

    def backward(self, Y, Y_hat):
        m = Y.shape[0]
        return (-1 / m) * (Y / Y_hat)


class L2(losses.L2):
    def forward(self, Y, Y_hat):
        return np.linalg.norm(Y - Y_hat) ** 2 / Y.shape[0]

    def backward(self, Y, Y_hat):
        return np.divide(np.subtract(Y_hat, Y) * 2, Y.shape[0])


class FullyConnected(fully_connected.FullyConnected):
    def _init_parameters(self, X_shape):
        self.n_in = X_shape[1]
        W = self._draw_weights((self.n_in, self.n_out))
        b = np.zeros((1, self.n_out))
        self.parameters["W"], self.parameters["b"] = W, b
        self.gradients["W"], self.gradients["b"] = 0 * W, 0 * b

    def forward(self, X):
        X = self.check_input(X)
        Z = np.zeros((X.shape[0], self.n_out))
        for j in range(self.n_out):
            Z[:, j] = np.dot(X, self.parameters["W"][:, j]) + self.parameters["b"][0, j]
        self.cache["saved"] = (X, Z)
        return self.activation.forward(Z)

    def backward(self, dLdY):
        X, Z = self.cache["saved"]
        dZ = self.activation.backward(Z, dLdY)
        W = self.parameters["W"]
        dW, db, dX = np.zeros(W.shape), np.zeros((1, W.shape[1])), np.zeros(X.shape)
        for i in range(X.shape[0]):
            dW += np.outer(X[i], dZ[i])
            db[0] += dZ[i]
            dX[i] = np.dot(W, dZ[i])
        self.gradients = {"W": dW, "b": db}
        return dX


class Conv2D(conv2d.Conv2D):
    def borders(self):
        k1, k2 = self.kernel_shape
        if self.pad == "same":
            return (k1 - 1) // 2, (k2 - 1) // 2
        if self.pad == "valid":
            return 0, 0
        return (self.pad, self.pad) if isinstance(self.pad, int) else self.pad

    def forward(self, X):
        X = self.check_input(X)
        W, b, s = self.parameters["W"], self.parameters["b"], self.stride
        (k1, k2), (p1, p2) = self.kernel_shape, self.borders()
        m, height, width, _ = X.shape
        padded = np.pad(X, ((0, 0), (p1, p1), (p2, p2), (0, 0)))
        out = np.zeros(
            (m, (height + 2 * p1 - k1) // s + 1, (width + 2 * p2 - k2) // s + 1, self.n_out)
        )
        for r, c, n in np.ndindex(out.shape[1:]):
            window = padded[:, r * s : r * s + k1, c * s : c * s + k2]
            out[:, r, c, n] = np.sum(window * W[..., n], axis=(1, 2, 3)) + b[0, n]
        self.cache["padded"], self.cache["Z"] = padded, out
        return self.activation.forward(out)

    def backward(self, dLdY):
        padded, Z = self.cache["padded"], self.cache["Z"]
        W, s = self.parameters["W"], self.stride
        (k1, k2), (p1, p2) = self.kernel_shape, self.borders()
        dZ = self.activation.backward(Z, dLdY)
        dW, db, dX = np.zeros(W.shape), np.zeros((1, self.n_out)), np.zeros(padded.shape)
        for r, c, n in np.ndindex(Z.shape[1:]):
            g = dZ[:, r, c, n].reshape(-1, 1, 1, 1)
            dW[..., n] += np.sum(g * padded[:, r * s : r * s + k1, c * s : c * s + k2], axis=0)
            dX[:, r * s : r * s + k1, c * s : c * s + k2] += g * W[..., n]
            db[0, n] += g.sum()
        self.gradients["W"], self.gradients["b"] = dW, db
        return dX[:, p1 : dX.shape[1] - p1, p2 : dX.shape[2] - p2]


class Pool2D(pool2d.Pool2D):
    def windows(self, X):
        (k1, k2), s = self.kernel_shape, self.stride
        p1, p2 = (self.pad, self.pad) if isinstance(self.pad, int) else self.pad
        m, height, width, channels = X.shape
        rows, columns = (height + 2 * p1 - k1) // s + 1, (width + 2 * p2 - k2) // s + 1
        for i, r, c, k in np.ndindex(m, rows, columns, channels):
            inside = [
                (i, y, x, k)
                for y in range(r * s - p1, r * s - p1 + k1)
                for x in range(c * s - p2, c * s - p2 + k2)
                if 0 <= y < height and 0 <= x < width
            ]
            yield (i, r, c, k), inside
        self.size = (m, rows, columns, channels)

    def forward(self, X):
        X = self.check_input(X)
        self.cache["X"] = X
        values = {}
        for place, inside in self.windows(X):
            numbers = [X[index] for index in inside]
            average = sum(numbers) / (self.kernel_shape[0] * self.kernel_shape[1])
            values[place] = max(numbers) if self.mode == "max" else average
        return np.array(list(values.values())).reshape(self.size)

    def backward(self, dLdY):
        X = self.cache["X"]
        dX = np.zeros(X.shape)
        for place, inside in self.windows(X):
            if self.mode == "max":
                dX[max(inside, key=lambda index: X[index])] += dLdY[place]
            else:
                for index in inside:
                    dX[index] += dLdY[place] / np.prod(self.kernel_shape)
        return dX


class Elman(elman.Elman):
    def _init_parameters(self, X_shape):
        self.n_in = X_shape[1]
        self.parameters["W"] = self._draw_weights((self.n_in, self.n_out))
        self.parameters["U"] = self._draw_weights((self.n_out, self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out))
        self.gradients.update({name: 0 * value for name, value in self.parameters.items()})

    def forward_step(self, x_t):
        if not self.cache:
            self.cache.update(s=[np.zeros((x_t.shape[0], self.n_out))], X=[], Z=[])
        z = np.dot(x_t, self.parameters["W"]) + self.parameters["b"]
        z = z + np.dot(self.cache["s"][-1], self.parameters["U"])
        self.cache["X"].append(x_t)
        self.cache["Z"].append(z)
        self.cache["s"].append(self.activation.forward(z))
        return self.cache["s"][-1]

    def forward(self, X):
        X = self.check_input(X)
        self.cache.clear()
        return [self.forward_step(x_t) for x_t in np.moveaxis(X, 2, 0)][-1]

    def backward(self, dLdY):
        W, U, steps = self.parameters["W"], self.parameters["U"], []
        self.gradients = {name: np.zeros(p.shape) for name, p in self.parameters.items()}
        t = len(self.cache["Z"])
        while t > 0:
            t -= 1
            dz = self.activation.backward(self.cache["Z"][t], dLdY)
            self.gradients["W"] += np.einsum("md,mn->dn", self.cache["X"][t], dz)
            self.gradients["U"] += np.einsum("md,mn->dn", self.cache["s"][t], dz)
            self.gradients["b"] += np.ones((1, len(dz))) @ dz
            steps.insert(0, np.dot(W, dz.T).T)
            dLdY = np.dot(U, dz.T).T
        return steps


class NeuralNetwork(models.NeuralNetwork):
    def forward(self, X):
        for i in range(len(self.layers)):
            X = self.layers[i].forward_faster(X)
        return X

    def backward(self, target, out):
        g = self.loss.backward(target, out)
        for i in range(len(self.layers) - 1, -1, -1):
            g = self.layers[i].backward_faster(g)
        return self.loss(target, out)

    def predict(self, X, Y=None):
        out = self.forward(X)
        if Y is None:
            return out, float("nan")
        return out, self.loss(Y, out)
