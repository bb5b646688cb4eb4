"""Flags of the scripts for a network: sizes, dropout, normalization, networks by name."""

import json

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.architectures import conv_net, fully_connected_net, two_layer_net
from neural_networks.cli.network_flags import blocks, fit_output, resize, with_normalization
from tests.support.scripts import FlagTest, quietly

HIDDEN = train_ffnn.hidden
OUTPUT = train_ffnn.output
DROPOUT = {"name": "dropout", "p": 0.25}


def dense(n_out, activation="relu"):
    return {**HIDDEN, "n_out": n_out, "activation": activation}


def norm(name="batch_norm", activation="relu"):
    return {"name": name, "activation": activation}


class TestGroups(FlagTest):
    def test_a_layer_with_a_size_begins_a_block(self):
        layers = [dense(5), DROPOUT, dense(4), norm(), DROPOUT, {"name": "elman", "n_out": 3}]
        self.assertEqual(blocks(layers), [layers[:2], layers[2:5], layers[5:]])
        self.assertEqual(blocks([DROPOUT, dense(5)]), [[DROPOUT], [dense(5)]])
        self.assertEqual(blocks([]), [])

    def test_sizes_repeat_the_first_block(self):
        layers = [dense(5, "tanh"), norm(), DROPOUT, dense(4)]
        expected = [dense(7, "tanh"), norm(), DROPOUT, dense(6, "tanh"), norm(), DROPOUT]
        self.assertEqual(resize(layers, [7, 6], HIDDEN), expected)
        self.assertEqual(resize(layers, None, HIDDEN), layers)
        self.assertEqual(resize(layers, [], HIDDEN), [])
        self.assertEqual(resize([], [7], HIDDEN), [dense(7)])

    def test_what_comes_before_the_first_size_stays(self):
        start = [norm("layer_norm", "linear"), DROPOUT]
        self.assertEqual(resize([*start, dense(5)], [3, 2], HIDDEN), [*start, dense(3), dense(2)])
        self.assertEqual(resize(start, [3], HIDDEN), [*start, HIDDEN | {"n_out": 3}])

    def test_the_activation_is_not_that_of_a_normalization_of_the_input(self):
        self.done()
        start = norm("layer_norm", "linear")
        config = self.edited(lambda config: config["model"]["layer_args"].insert(0, start))
        layers = self.layers("--config", config, "--activation", "tanh", "--hidden", 3)
        self.assertEqual(layers, [start, dense(3, "tanh"), OUTPUT])

    def test_a_normalization_of_the_input_hides_no_mistake(self):
        with self.assertRaisesRegex(ValueError, "--normalization needs a hidden layer"):
            with_normalization([norm("layer_norm", "linear")], "batch")

    def test_a_layer_without_a_name(self):
        self.done()
        config = self.edited(lambda config: config["model"]["layer_args"][0].pop("name"))
        words = f"error: layer 1 in {config} has no 'name'"
        for flags in ((), ("--normalization", "batch"), ("--dropout", 0)):
            with self.subTest(flags):
                _, _, err = self.train("--config", config, *flags)
                self.assertIn(words, err)

    def test_the_output_follows_a_loss_if_both_are_known(self):
        for last, loss, expected in (
            (dense(3), "cross_entropy", dense(3, "softmax")),
            (dense(3), "hing", dense(3)),
            ({"name": "flatten"}, "hinge", {"name": "flatten"}),
        ):
            fit_output(last, loss)
            self.assertEqual(last, expected)

    def test_layers_made_alike_can_be_changed_one_by_one(self):
        layers = resize([dense(5), dict(DROPOUT)], [7, 6], HIDDEN)
        layers[0]["activation"], layers[1]["p"] = "tanh", 0.5
        self.assertEqual(layers[2:], [dense(6), DROPOUT])


class TestDropout(FlagTest):
    def test_after_each_hidden_layer(self):
        expected = [dense(7), DROPOUT, dense(6), DROPOUT, OUTPUT]
        self.assertEqual(self.layers("--hidden", 7, 6, "--dropout", 0.25), expected)
        self.changes_the_run("--dropout", 0.25)

    def test_a_run_with_it_can_have_more_less_or_none(self):
        self.done("--hidden", 7, 6, "--dropout", 0.25)
        config = self.edited(lambda config: None)
        layers = self.layers("--config", config, "--dropout", 0.5)
        self.assertEqual([layer.get("p") for layer in layers], [None, 0.5, None, 0.5, None])
        layers = self.layers("--config", config, "--dropout", 0)
        self.assertEqual(layers, [dense(7), dense(6), OUTPUT])

    def test_sizes_keep_it(self):
        self.done("--dropout", 0.25)
        layers = self.layers("--config", self.edited(lambda config: None), "--hidden", 5, 4)
        self.assertEqual(layers, [dense(5), DROPOUT, dense(4), DROPOUT, OUTPUT])

    def test_mistakes(self):
        self.refused("dropout must be at least 0 and below 1, got 1.0", "--dropout", 1)
        self.refused("dropout must be at least 0 and below 1, got nan", "--dropout", "nan")
        self.refused("expected one argument", "--dropout")
        self.refused("--dropout needs a hidden layer", "--hidden", "--dropout", 0.5)


class TestNormalization(FlagTest):
    def test_between_each_hidden_layer_and_its_activation(self):
        for normalization, name in (("batch", "batch_norm"), ("layer", "layer_norm")):
            flags = ("--normalization", normalization)
            block = [dense(7, "linear"), norm(name), dense(6, "linear"), norm(name)]
            self.assertEqual(self.layers("--hidden", 7, 6, *flags), [*block, OUTPUT])
            self.changes_the_run(*flags)

    def test_with_an_activation_and_dropout(self):
        expected = [dense(7, "linear"), norm("layer_norm", "tanh"), DROPOUT, OUTPUT]
        flags = ("--normalization", "layer", "--activation", "tanh", "--dropout", 0.25)
        self.assertEqual(self.layers("--hidden", 7, *flags), expected)

    def test_another_one_takes_the_place_of_the_first(self):
        self.done("--normalization", "batch", "--dropout", 0.25, "--activation", "tanh")
        config = self.edited(lambda config: None)
        layers = self.layers("--config", config, "--normalization", "layer")
        expected = [dense(10, "linear"), norm("layer_norm", "tanh"), DROPOUT, OUTPUT]
        self.assertEqual(layers, expected)
        layers = self.layers("--config", config, "--normalization", "layer", "--activation", "relu")
        self.assertEqual(layers, [dense(10, "linear"), norm("layer_norm"), DROPOUT, OUTPUT])

    def test_an_activation_goes_to_the_normalization(self):
        self.done("--normalization", "batch")
        config = self.edited(lambda config: None)
        layers = self.layers("--config", config, "--activation", "arctan")
        self.assertEqual(layers, [dense(10, "linear"), norm(activation="arctan"), OUTPUT])

    def test_layers_that_do_not_name_their_activation(self):
        for layers in ([dense(7)], [dense(7), norm("layer_norm")]):
            layers = [dict(layer) for layer in layers]
            layers[-1].pop("activation")
            expected = [dense(7, "linear"), norm(activation="linear")]
            self.assertEqual(with_normalization(layers, "batch"), expected)

    def test_what_has_none_keeps_what_follows(self):
        start = [norm("layer_norm", "linear"), DROPOUT, {"name": "elman", "n_out": 3}, DROPOUT]
        layers = with_normalization([*start, dense(5), DROPOUT], "batch")
        self.assertEqual(layers, [*start, dense(5, "linear"), norm(), DROPOUT])

    def test_statistics_are_saved_with_the_parameters(self):
        self.done("--normalization", "batch")
        for name in ("parameters.npz", "best_parameters.npz"):
            self.assertIn(b"layer2.running_mean.npy", (self.runs / "run" / name).read_bytes())

    def test_mistakes(self):
        words = "unknown normalization 'bath'; did you mean 'batch'"
        self.refused(words, "--normalization", "bath")
        words = "layer 2 cannot train on a batch of 1, and 105 examples in batches of 26 end with"
        self.refused(words, "--normalization", "batch", "--batch-size", 26)
        self.refused("needs a hidden layer", "--normalization", "batch", "--hidden")


class TestNetworks(FlagTest):
    def plain(self, layers):
        """Layers as in a JSON file."""
        return json.loads(json.dumps(layers))

    def test_by_name(self):
        self.assertEqual(self.layers("--network", "two_layer_net"), self.plain(two_layer_net()))
        flags = ("n_hidden=7", "weight_scale=0.5", "activation=tanh")
        layers = self.layers("--network", "two_layer_net", "--network-args", *flags)
        expected = two_layer_net(7, weight_scale=0.5, activation="tanh")
        self.assertEqual(layers, self.plain(expected))
        self.changes_the_run("--network", "two_layer_net")

    def test_sizes(self):
        flags = ("--network", "fully_connected_net", "--hidden", 7, 6)
        self.assertEqual(self.layers(*flags), self.plain(fully_connected_net([7, 6])))
        flags = ("--network", "fully_connected_net", "--network-args", "hidden_sizes=[7, 6]")
        options = {"dropout": 0.25, "normalization": "layer"}
        expected = self.plain(fully_connected_net([7, 6], **options))
        self.assertEqual(self.layers(*flags, "dropout=0.25", "normalization=layer"), expected)
        layers = self.layers("--network", "two_layer_net", "--hidden", 7, 6)
        self.assertEqual(layers, self.plain(fully_connected_net([7, 6])))

    def test_other_flags_apply_to_it(self):
        layers = self.layers(
            *("--network", "two_layer_net", "--dropout", 0.25, "--normalization", "batch"),
            *("--activation", "tanh", "--loss", "hinge", "--weight-init", "he_normal"),
        )
        options = {"dropout": 0.25, "normalization": "batch", "activation": "tanh"}
        expected = fully_connected_net([100], weight_scale=None, output="linear", **options)
        self.assertEqual(layers, self.plain(expected))

    def test_its_output_follows_the_loss_of_a_configuration(self):
        self.done("--loss", "hinge")
        config = self.edited(lambda config: None)
        layers = self.layers("--config", config, "--network", "two_layer_net")
        self.assertEqual(layers[-1]["activation"], "linear")
        options = ("--network-args", "output=tanh")
        layers = self.layers("--config", config, "--network", "two_layer_net", *options)
        self.assertEqual(layers[-1]["activation"], "tanh")

    def test_it_repeats(self):
        self.done("--network", "two_layer_net", "--seed", 3)
        expected = self.log("run")
        self.done("--config", self.edited(lambda config: None))
        self.assertEqual(self.log("run"), expected)

    def test_mistakes(self):
        words = "unknown network 'two_layers'; did you mean 'two_layer_net'"
        self.refused(words, "--network", "two_layers")
        self.refused("--network-args goes with --network", "--network-args", "n_hidden=3")
        words = "'fully_connected_net' needs the option 'hidden_sizes'"
        self.refused(words, "--network", "fully_connected_net")
        flags = ("--network", "fully_connected_net", "--network-args", "hidden_sizes=7")
        self.refused("hidden_sizes must be a list", *flags)
        net = ("--network", "two_layer_net", "--network-args")
        self.refused("'two_layer_net' has no option 'hidden'; did", *net, "hidden=3")
        self.refused("'n_hidden' is not of the form KEY=VALUE", *net, "n_hidden")
        self.refused("'two_layer_net' has no option 'name'", *net, "name=3")
        self.refused("weight_scale must be greater than 0", *net, "weight_scale=0")
        self.refused(
            "layer 1: .*images", "--network", "conv_net", "--network-args", "n_filters=[2]"
        )


class TestFlagsWithoutTheirLayers(FlagTest):
    """A typed option that no layer can take is an error."""

    def test_activation(self):
        words = "--activation tanh needs a hidden layer, but there is none"
        self.refused(words, "--hidden", "--activation", "tanh")

    def test_kernel_and_pool(self):
        self.script = train_cnn
        flags = ("--network", "conv_net", "--network-args", "n_filters=[]")
        self.refused("--kernel 5 needs a layer 'conv2d', but there is none", *flags, "--kernel", 5)
        self.refused(
            "--pool max needs a layer 'pool2d', but there is none", *flags, "--pool", "max"
        )

    def test_an_output_that_was_typed_stays(self):
        flags = ("--network", "two_layer_net", "--network-args", "output=tanh")
        config, out = self.done(*flags, "--loss", "hinge")
        self.assertEqual(config["model"]["layer_args"][-1]["activation"], "tanh")
        self.assertNotIn("Because of", out)


class TestConvolutions(FlagTest):
    script = train_cnn
    FAST = ("--batch-size", 500, "--epochs", 1)

    def conv(self, n_out, activation="relu"):
        return {**train_cnn.convolution(n_out), "activation": activation}

    def test_normalization_of_all_and_dropout_of_what_comes_after(self):
        layers = self.layers(
            *("--filters", 2, "--hidden", 5, "--normalization", "batch", "--dropout", 0.25),
            *("--activation", "tanh", *self.FAST),
        )
        hidden = {**train_cnn.hidden, "n_out": 5, "activation": "linear"}
        image_layers = [self.conv(2, "linear"), norm(activation="tanh"), dict(train_cnn.halve)]
        dense_layers = [hidden, norm(activation="tanh"), DROPOUT, dict(train_cnn.output)]
        self.assertEqual(layers, [*image_layers, {"name": "flatten"}, *dense_layers])

    def test_network_by_name(self):
        flags = ("--network", "conv_net", "--network-args", "n_filters=[2]", "hidden_sizes=[5]")
        config, out = self.done(*flags, *self.FAST)
        layers = config["model"]["layer_args"]
        self.assertEqual(layers, json.loads(json.dumps(conv_net([2], [5]))))
        for name, shape in (("Pool2D  .*", r"\(4, 4, 2\)"), ("Flatten", r"\(32,\)")):
            self.assertRegex(out, rf"\n  \d  {name} +-> {shape} +0\n")
        layers = self.layers(*flags, "--kernel", 5, *self.FAST)
        self.assertEqual(layers, json.loads(json.dumps(conv_net([2], [5], kernel=5))))

    def test_network_without_images(self):
        self.refused("no layer 'flatten'", "--network", "two_layer_net")


class TestRecurrent(FlagTest):
    script = train_rnn
    FAST = ("--window", 4, "--batch-size", 1000, "--epochs", 1)

    def test_dropout_between_recurrent_layers(self):
        layers = self.layers("--hidden", 4, 3, "--dropout", 0.25, *self.FAST)
        names = ["elman", "dropout", "elman", "dropout", "fully_connected"]
        self.assertEqual([layer["name"] for layer in layers], names)
        self.assertEqual([layers[i]["return_sequences"] for i in (0, 2)], [True, False])

    def test_normalization_is_for_other_layers(self):
        words = "--normalization needs a hidden layer that is fully-connected or a convolution"
        self.refused(words, "--normalization", "batch")

    def test_networks_by_name_are_for_other_scripts(self):
        self.refused("unrecognized arguments: --network", "--network", "two_layer_net")


class TestHelp(FlagTest):
    FLAGS = "--dropout --normalization --loss --l2 --l1 --optimizer --optimizer-args --scheduler"
    FLAGS += " --scheduler-args --weight-decay --clip-global-norm --patience --monitor"
    FLAGS += " --restore-best --no-restore-best"

    def test_names_every_flag(self):
        for script in (train_ffnn, train_cnn, train_rnn):
            status, out, _ = quietly(script.main, "--help")
            self.assertEqual(status, 0)
            for flag in self.FLAGS.split():
                self.assertRegex(out, rf"(?m)(^ +|, ){flag}\b")
            known = "--network-args" in out
            self.assertEqual(known, script is not train_rnn)
