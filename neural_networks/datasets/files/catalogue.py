"""The catalogue: content, source, license and citation of each dataset."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Parameters
    ----------
    name : str
        Its file name, both published and local.
    addresses : sequence of str
        URLs, in order of preference.
    size : int
        Bytes.
    sha256 : str
        SHA-256 hash of the content.
    """

    name: str
    addresses: Sequence[str]
    size: int
    sha256: str


@dataclass(frozen=True)
class DatasetInfo:
    """Description of a dataset.

    Parameters
    ----------
    title : str
        A short description.
    examples : str
        Number and shape of the examples.
    split : str
        Sizes of training, validation and test set.
    license : str
        Terms of use.
    citation : str
        The publication to cite.
    class_names, feature_names : sequence of str
        Empty if classes or features have no names.
    files : sequence of RemoteFile
        The files that ``download`` fetches.
    originals : sequence of sequence of str
        Lists of file names to read the dataset from; any one list is enough.
    folders : sequence of str
        Further folders to look for them in, where other programs put them.
    source : str
        Origin of the data if there is nothing to download.
    kaggle_file : str
        Name of the file of predictions for the Kaggle competition; empty without one.
    first_id : int
        The ``Id`` of the first example in that file.
    image_shape : tuple of int
        (H, W, C) if the examples are images, or rows of their pixels; empty for others.
    """

    title: str
    examples: str
    split: str
    license: str
    citation: str
    class_names: Sequence[str] = ()
    feature_names: Sequence[str] = ()
    files: Sequence[RemoteFile] = ()
    originals: Sequence[Sequence[str]] = ()
    folders: Sequence[str] = ()
    source: str = ""
    kaggle_file: str = ""
    first_id: int = 0
    image_shape: tuple[int, ...] = ()

    @property
    def images(self) -> bool:
        """True if the examples are images, or can be."""
        return bool(self.image_shape)


_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/00280/HIGGS.csv.gz"
_UCI_MIRROR = "http://mlphysics.ics.uci.edu/data/higgs/HIGGS.csv.gz"
_ZALANDO = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
_ZALANDO_MIRROR = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"


def _fashion(name: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(name, (f"{_ZALANDO}/{name}", f"{_ZALANDO_MIRROR}/{name}"), size, sha256)


_IDX = ("images-idx3", "labels-idx1")
_CIFAR_BATCHES = tuple(
    f"cifar-10-batches-bin/{name}.bin"
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
)
_PARTICLES = ["lepton", "missing energy", "jet 1", "jet 2", "jet 3", "jet 4"]
_HIGGS_FEATURES = [
    *(f"{_PARTICLES[0]} {what}" for what in ("pT", "eta", "phi")),
    *(f"{_PARTICLES[1]} {what}" for what in ("magnitude", "phi")),
    *(f"{jet} {what}" for jet in _PARTICLES[2:] for what in ("pT", "eta", "phi", "b-tag")),
    *("m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb"),
]

CATALOGUE = {
    "iris": DatasetInfo(
        title="irises of three species, measured",
        examples="150 × 4 lengths in cm",
        split="105 / 15 / 30",
        license="CC BY 4.0",
        citation="Fisher, The use of multiple measurements in taxonomic problems, 1936",
        class_names=("setosa", "versicolor", "virginica"),
        feature_names=tuple(
            f"{leaf} {side} (cm)" for leaf in ("sepal", "petal") for side in ("length", "width")
        ),
        source="comes with scikit-learn",
    ),
    "digits": DatasetInfo(
        title="handwritten digits",
        image_shape=(8, 8, 1),
        examples="1,797 images of 8×8, gray",
        split="1,259 / 179 / 359",
        license="CC BY 4.0",
        citation="Alpaydin and Kaynak, Optical recognition of handwritten digits, UCI 1998",
        class_names=tuple("0123456789"),
        source="comes with scikit-learn",
    ),
    "sinewave": DatasetInfo(
        title="sine waves, to predict the next value",
        examples="10,000 × 50 steps",
        split="7,000 / 1,000 / 2,000",
        license="none needed",
        citation="none needed",
        source="drawn from the seed",
    ),
    "higgs": DatasetInfo(
        title="particle collisions with and without a Higgs boson",
        examples="11,000,000 × 28 numbers",
        split="500,000 / 50,000 / 50,000, in proportion if there are fewer",
        license="CC BY 4.0",
        citation="Baldi, Sadowski and Whiteson, Searching for exotic particles in high-energy "
        "physics with deep learning, Nature Communications 2014",
        class_names=("background", "signal"),
        feature_names=tuple(_HIGGS_FEATURES),
        files=(
            RemoteFile(
                "HIGGS.csv.gz",
                (_UCI, _UCI_MIRROR),
                2_816_407_858,
                "ea302c18164d4e3d916a1e2e83a9a8d07069fa6ebc7771e4c0540d54e593b698",
            ),
        ),
        originals=(("HIGGS.csv.gz",),),
        kaggle_file="kaggle_predictions.csv",
    ),
    "fashion_mnist": DatasetInfo(
        title="pieces of clothing",
        image_shape=(28, 28, 1),
        examples="70,000 images of 28×28, gray",
        split="50,000 / 10,000 / 10,000",
        license="MIT",
        citation="Xiao, Rasul and Vollgraf, Fashion-MNIST: a novel image dataset for "
        "benchmarking machine learning algorithms, 2017",
        class_names=(
            *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
        files=(
            _fashion(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            _fashion(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            _fashion(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            _fashion(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        originals=(
            tuple(f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in _IDX),
        ),
        folders=("FashionMNIST/raw",),  # torchvision's
    ),
    "cifar10": DatasetInfo(
        title="photographs of animals and vehicles",
        image_shape=(32, 32, 3),
        examples="60,000 images of 32×32, color",
        split="49,000 / 1,000 / 10,000",
        license="none stated; free for research",
        citation="Krizhevsky, Learning multiple layers of features from tiny images, 2009",
        class_names=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        files=(
            RemoteFile(
                "cifar-10-binary.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        originals=(_CIFAR_BATCHES, ("cifar-10-binary.tar.gz",)),
        kaggle_file="submission.csv",
        first_id=1,
    ),
    "letters": DatasetInfo(
        title="handwritten letters",
        image_shape=(16, 8, 1),
        examples="600, 6,000 or 10,000 images of 16×8, black and white",
        split="500 / 100, 5,000 / 1,000 or 9,000 / 1,000; no test set",
        license="for courses; no terms stated",
        citation="Kassel, A comparison of approaches to on-line handwritten character "
        "recognition, 1995; chosen for the course CMU 10-301/601",
        class_names=tuple("aegilnortu"),
        originals=tuple(
            (f"{size}Train.csv", f"{size}Validation.csv") for size in ("large", "medium", "small")
        ),
        source="a course's handout, to be put there by hand",
    ),
    "csv": DatasetInfo(
        title="your own table",
        examples="rows of numbers and a label",
        split="70 / 10 / 20 percent",
        license="yours",
        citation="yours",
        source="a CSV file with names in its first line",
    ),
}
"""Descriptions of the datasets by name, the small ones first."""


def image_shape(name: str, example_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape (H, W, C) of images, also of those that are examples as rows of pixels.

    Parameters
    ----------
    name : str
        The dataset's.
    example_shape : tuple of int
        The shape of a raw example.

    Returns
    -------
    tuple of int
        Empty if the examples are no images.
    """
    if len(example_shape) == 3:
        return example_shape
    shape = CATALOGUE[name].image_shape if name in CATALOGUE else ()
    return shape if shape and example_shape == (math.prod(shape),) else ()
