"""Textbook classes in place of ours: ``python -m tests.support.textbook [ROOM ...]``.

``ReLU``, ``CrossEntropy`` and ``FullyConnected`` as a course would hand them out: the methods that
it asks students to write, without a helper, a sequence or a guard. They replace the library's
classes, then the tests of the rooms run (all rooms by default), but for ``NOT_CLAIMED`` and
``UNREACHED``.
"""

import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neural_networks import activations, layers, losses
from neural_networks.layers import factory, fully_connected

ROOT = Path(__file__).resolve().parents[2]

NOT_CLAIMED = {
    "sequences (m, d, t)": """
        activations_losses.test_weights.TestLayers.test_parameters_of_an_initializer
        activations_losses.test_weights.TestLayers.test_the_gain_is_that_of_the_activation
        cli.test_train_rnn.TestFlags.test_a_prediction_at_every_step
        cli.test_train_rnn.TestFlags.test_and_back_to_the_last_one
        layers.test_elman_gradients.TestNetworks.test_cross_entropy_of_a_class_at_every_step
        layers.test_elman_gradients.TestNetworks.test_squared_error
        layers.test_gradients.TestAgainstOracle.test_fully_connected_with_every_activation
        layers.test_gradients.TestAnyShapeAndValue.test_fully_connected
        layers.test_gradients.TestCentralDifferences.test_fully_connected
        layers.test_gradients.TestRandomDirections.test_fully_connected
        layers.test_layers_rules.TestForwardAndBackward.test_a_sequence_is_a_row_for_each_step
        layers.test_layers_rules.TestForwardAndBackward.test_batches_may_change_their_size_and
        layers.test_layers_rules.TestForwardAndBackward.test_softmax_of_a_sequence_goes_over
        layers.test_layers_rules.TestForwardWithParam.test_leaves_the_layer_as_it_was
        layers.test_layers_rules.TestInference.test_output_is_the_same
        layers.test_layers_rules.TestParameters.test_created_for_a_sequence
        layers.test_layers_rules.TestParameters.test_created_once
        layers.test_many_to_many.
        layers.test_residual.TestAgainstPyTorch.test_every_block
        layers.test_residual.TestAnyShapeAndValue.test_gradients
        layers.test_residual.TestByHand.test_of_a_block_of_zeros_the_input_is_left
        layers.test_residual.TestByHand.test_softmax_goes_over_the_features
        layers.test_residual.TestCentralDifferences.
        layers.test_residual.TestRandomDirections.test_bigger_blocks
        layers.test_residual_rules.TestBackward.test_belongs_to_the_last_forward
        layers.test_residual_rules.TestInference.test_output_is_the_same_where_nothing_depends
        layers.test_residual_rules.TestParameters.test_are_created_once
        layers.test_residual_rules.TestParameters.test_what_is_assigned_is_what_is_used
        layers.test_residual_rules.TestTypesAndPurity.test_arguments_stay_as_they_are
        layers.test_types_and_purity.TestPurity.test_layers
        models.test_canonical.TestExtremeLogits.test_sequences
        models.test_elman_networks.TestTraining.test_learns_at_every_step
        models.test_models.TestGradientsOfWholeNetworks.test_sequences
        models.test_models_deep.TestSizesOfBatches.test_the_shape_of_an_example_is_that_of
        models.test_network_threads.TestRule.test_steps_of_sequences_are_rows
        models.test_own_layers.TestBareRecurrentLayer.
        models.test_summary.TestLayers.test_every_kind
        training.test_forecasting.TestForecasts.test_of_an_output_at_every_step_the_last_one
        training.test_operations.TestOperations.test_dense
        training.test_kaggle.TestTable.test_classes_of_every_step_have_no_place_in_a_table
    """,
    "outputs and labels that fit a loss, which are not judged for classes of one's own": """
        models.test_compatibility.
        models.test_own_parts.
    """,
    "another process, where the classes are the library's": """
        training.test_state.TestEveryStep.test_in_a_fresh_process
    """,
    "float32: its biases and losses are float64": """
        cli.test_presets.TestWhatTheyAre.test_each
        cli.test_train_cnn.TestFlags.test_parameters_and_config_rebuild_the_network
        cli.test_train_rnn.TestDefaultRun.test_predicts_the_wave_and_goes_on_with_it
        cli.test_train_rnn.TestFlags.test_parameters_and_config_rebuild_the_network
        layers.test_dropout.TestTypesAndPurity.test_a_network_learns_with_it
        layers.test_normalization_rules.TestNetworks.test_learns_in_either_type
        layers.test_residual_rules.TestNetworks.test_learns_in_either_type
        layers.test_residual_rules.TestTypesAndPurity.test_every_array_has_the_layer_s_type
        layers.test_types_and_purity.TestTypes.
        models.test_convolution_training.TestNetwork.test_every_array_has_the_network_s_type
        models.test_elman_networks.TestTraining.test_every_array_has_the_network_s_type
        models.test_elman_networks.TestTraining.test_save_and_load
        models.test_ensemble.TestOfTrainedNetworks.test_float32_stays_float32
        models.test_models.TestSaturatedLogits.test_l2
        models.test_models.TestType.test_both_types_with_data_of_the_other
        models.test_models_deep.TestFiles.test_loading_converts_the_statistics_too
        models.test_models_deep.TestFiles.test_round_trip
        models.test_models_state.TestFiles.test_load_replaces_and_converts
        models.test_models_state.TestFiles.test_round_trip
        models.test_own_layers.TestAssignedParameters.test_are_taken_in_the_layer_s_type
        models.test_own_layers.TestBareLayer.test_none_in_a_configuration_is_the_network_s_own
        models.test_regularization.TestDescent.test_float32_stays_float32
        models.test_summary.TestSummary.test_output_shapes_and_counts
        training.test_forecasting.TestForecasts.test_type_is_that_of_the_network
    """,
    "saturated predictions: warnings, and losses that are not finite": """
        activations_losses.test_losses_rules.TestZeros.
        course.test_mistakes.TestRightCode.test_ours
        test_losses.TestCrossEntropy.test_forward
        cli.test_data_flags.TestKaggleFile.test_default_networks
        cli.test_scripts_mistakes.TestMistakes.test_diverging_loss
        logs.test_logs.TestARun.test_predictions_of_a_classifier
        ocr.test_neuralnet_mistakes.TestFailures.test_divergence
        ocr.test_neuralnet_mistakes.TestFailures.test_large_rates_raise_no_warning
        models.test_canonical.TestExtremeLogits.
        models.test_canonical.TestSwitch.test_off
        models.test_models.TestSaturatedLogits.
        models.test_sanity_ladder.TestTheFirstLoss.test_weights_that_are_too_large_are_seen
        training.test_best_epoch.TestWhatIsKept.
    """,
    "canonical pairs and the gradient of the data: entrances beside backward": """
        activations_losses.test_loss_gradients.TestAnyShapeAndValue.test_softmax_with_cross_entropy
        activations_losses.test_loss_gradients.TestCanonicalPairsAtExtremeLogits.
        layers.test_gradients.TestCentralDifferences.test_affine_part_alone
        layers.test_layers_rules.TestForwardAndBackward.test_without_input_gradient
        models.test_call_counts.TestCalls.test_forward_of_a_fully_connected_layer
        models.test_canonical.
        models.test_models_state.TestGradientOfTheData.
        models.test_own_layers.TestSubclass.test_only_the_class_itself_may_be_bypassed
    """,
    "the trace of the OCR program, which starts at the logits": """
        ocr.test_neuralnet.TestPlaces.test_devices_stay_devices
        ocr.test_neuralnet.TestTrace.
        ocr.test_neuralnet_mistakes.TestFailures.test_no_room_for_a_picture
        ocr.test_neuralnet_mistakes.TestOutputs.test_a_trace_that_has_no_room
        ocr.test_neuralnet_mistakes.TestOutputs.test_room_for_a_trace_is_about_what_it_takes
    """,
    "guards: a backward without a forward, gradients of another shape, the mode of a layer": """
        activations_losses.test_losses_rules.TestRefusals.
        layers.test_layers_rules.TestInference.
        layers.test_layers_rules.TestInitializeLayer.test_names_and_their_classes
        layers.test_layers_rules.TestParameters.test_clear_gradients
        layers.test_layers_rules.TestRefusals.test_backward_before_forward
        layers.test_layers_rules.TestRefusals.test_upstream_gradient_of_another_shape
        layers.test_residual_rules.TestInference.
        models.test_ensemble.TestOfTrainedNetworks.test_labels_that_are_not_numbers
        models.test_models_bad_input.TestData.test_backward_before_forward
    """,
    "itself": """
        models.test_textbook.
    """,
}
"""Tests that ask for more than the textbook claims, by reason: ids below ``tests``, or their
beginnings."""

UNREACHED = """
    layers.test_convolution.TestIm2col.
    layers.test_convolution_gradients.TestCentralDifferences.test_both_implementations
    layers.test_convolution_gradients.TestRandomDirections.
    layers.test_convolution_gradients.TestTwoImplementations.
    layers.test_convolution_oracle.TestPooling.
    layers.test_elman_bad_input.
    layers.test_elman_gradients.TestAnyShapeAndValue.
    layers.test_elman_gradients.TestCentralDifferences.
    layers.test_elman_gradients.TestRandomDirections
    layers.test_elman_gradients.TestTwoImplementations.
    layers.test_elman_steps.
    layers.test_fast_pooling.
    layers.test_new_layers.
    layers.test_normalization.TestAnyShapeAndValue.
    layers.test_normalization.TestRandomDirections.
    layers.test_normalization_rules.TestNetworks.test_a_leak_would_be_seen
    layers.test_normalization_rules.TestNetworks.test_from_step_to_step
    layers.test_normalization_rules.TestNetworks.test_predicting_leaves_nothing
    layers.test_pooling.
    layers.test_residual_rules.TestNetworks.test_a_leak_would_be_seen
    layers.test_residual_rules.TestNetworks.test_from_step_to_step
    layers.test_residual_rules.TestNetworks.test_predicting_leaves_nothing
    layers.test_winograd_gradients.
    models.test_convolution_training.TestMemory.
    models.test_convolution_training.TestNothingGrows.test_a_leak_would_be_seen
    models.test_elman_networks.TestMemory.
    models.test_elman_networks.TestNothingGrows.test_a_leak_would_be_seen
    models.test_elman_networks.TestNothingGrows.test_walking_through_sequences
    training.test_forecasting.TestFiles.test_a_network_that_predicts_no_numbers_at_all
    training.test_forecasting.TestFiles.test_the_picture_is_of_the_first_feature
    training.test_forecasting.TestPicture.test_a_network_that_runs_away_leaves_the_panel
    training.test_state_bad_input.TestDamage.
"""
"""Tests that take their time and never call a class of the textbook; whose subject is another test,
or damage; or whose twin calls the same classes: ``TestCentralDifferencesFaster``, and the memory of
the networks in ``models``."""


class ReLU(activations.ReLU):
    """σ(z) = max(0, z)."""

    def forward(self, Z):
        return np.maximum(0, Z)

    def backward(self, Z, dY):
        return dY * (Z > 0)


class CrossEntropy(losses.CrossEntropy):
    """L = -(1/m) Σ Y ln Y_hat."""

    def forward(self, Y, Y_hat):
        return float(-np.sum(Y * np.log(Y_hat)) / len(Y))

    def backward(self, Y, Y_hat):
        return -Y / Y_hat / len(Y)


class FullyConnected(fully_connected.FullyConnected):
    """Y = σ(X W + b)."""

    def _init_parameters(self, X_shape):
        self.n_in = X_shape[1]
        self.parameters["W"] = self._draw_weights((self.n_in, self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out))
        self.clear_gradients()

    def forward(self, X):
        X = self.check_input(X)
        W, b = self.parameters["W"], self.parameters["b"]
        Z = X @ W + b
        self.cache["X"], self.cache["Z"] = X, Z
        return self.activation(Z)

    def backward(self, dLdY):
        X, Z, W = self.cache["X"], self.cache["Z"], self.parameters["W"]
        dLdZ = self.activation.backward(Z, dLdY)
        self.gradients["W"] = X.T @ dLdZ
        self.gradients["b"] = dLdZ.sum(axis=0, keepdims=True)
        return dLdZ @ W.T


def install() -> None:
    """Replace the library's classes; call it before anything imports them by name."""
    for cls, modules, table, name in (
        (ReLU, [activations], activations.ACTIVATIONS, "relu"),
        (CrossEntropy, [losses], losses.LOSSES, "cross_entropy"),
        (FullyConnected, [layers, fully_connected], factory.LAYERS, "fully_connected"),
    ):
        table[name] = cls
        for module in modules:
            setattr(module, cls.__name__, cls)


def below_tests(names: str) -> tuple[str, ...]:
    """The ids of tests, or their beginnings, from names in a table above."""
    return tuple(f"tests.{name}" for name in names.split())


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The test cases of a suite of suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main(rooms: list[str]) -> int:
    """Run the tests of the rooms with the textbook's classes; the exit status."""
    install()
    loader = unittest.TestLoader()
    folders = [str(ROOT / "tests" / room) for room in rooms] or [str(ROOT / "tests")]
    found = [
        test
        for folder in folders
        for test in flatten(loader.discover(folder, top_level_dir=str(ROOT)))
        if not test.id().startswith(below_tests(UNREACHED))
    ]
    others = below_tests(" ".join(NOT_CLAIMED.values()))
    claimed = [test for test in found if not test.id().startswith(others)]
    print(f"{len(claimed)} of {len(found)} tests with textbook classes", file=sys.stderr)
    result = unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite(claimed))
    return 0 if claimed and result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
