"""Every op of the vocabulary, called once or more: what the tests of both runtimes go through."""

import numpy as np

from bert_bundle.graph import ops


def arrays():
    """Values of the inputs x, y and ids."""
    random = np.random.RandomState(0)
    x, y = random.uniform(-1, 2, (2, 3, 4, 6)).astype("float32")
    return [x, y, random.randint(0, 5, (3, 4)).astype("int32")]


class Feeds:
    """The inputs of one runtime's model, (n, 4, 6), (n, 4, 6) and (n, 4), and what an op makes of them."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.x, self.y = (runtime.keras.Input((4, 6), dtype="float32", name=name) for name in ("x", "y"))
        self.ids = runtime.keras.Input((4,), dtype="int32", name="ids")
        self.inputs = [self.x, self.y, self.ids]

    def op(self, name, **arguments):
        return self.runtime.dialect.apply(name, arguments, "float32")

    def arguments(self, case):
        return CASES[case][1](self)

    def results(self, case):
        """Return the tensors that the op of `case` makes."""
        made = self.op(CASES[case][0], **self.arguments(case))
        return list(made) if isinstance(made, (list, tuple)) else [made]

    @property
    def truths(self):
        return {"x1": self.op("greater", x1=self.x, x2=0.0), "x2": self.op("less", x1=self.y, x2=0.5)}

    @property
    def largest(self):
        """The largest id, which is known when the model runs."""
        return self.op("max", x=self.ids)

    @property
    def smallest(self):
        return self.op("min", x=self.ids)

    def up_to(self, largest):
        """Return the ids, none larger than `largest`."""
        return self.op("minimum", x1=self.ids, x2=largest)

    @property
    def rows(self):
        return self.size(0)

    @property
    def sizes(self):
        return self.op("shape", x=self.x)

    def size(self, axis):
        """How long an axis of x is, as a scalar tensor."""
        return self.op("getitem", x=self.sizes, key=axis)


_OWN = {
    "getitem": lambda f: {"x": f.x, "key": [slice(None), slice(1, None, 2), -1]},
    "getitem of some rows": lambda f: {"x": f.x, "key": slice(1, None)},
    "getitem of a new axis": lambda f: {"x": f.x, "key": None},
    "getitem up to a size": lambda f: {"x": f.x, "key": [slice(None), slice(None, f.size(1), 2)]},
    "getitem up to a value": lambda f: {"x": f.x, "key": [Ellipsis, slice(f.smallest, f.largest), slice(1, -1)]},
    "cast": lambda f: {"x": f.x, "dtype": "int32"},
    "expand_dims": lambda f: {"x": f.x, "axis": 1},
    "squeeze": lambda f: {"x": f.op("getitem", x=f.x, key=[slice(None), slice(0, 1)]), "axis": 1},
    "reshape": lambda f: {"x": f.x, "newshape": [-1, 24]},
    "reshape to a size": lambda f: {"x": f.x, "newshape": [f.rows, -1]},
    "reshape to two sizes": lambda f: {"x": f.x, "newshape": [f.rows, f.op("multiply", x1=f.size(1), x2=6)]},
    "reshape to a tensor": lambda f: {"x": f.x, "newshape": f.op("stack", xs=[f.rows, 6, 4])},
    "reshape to joined sizes": lambda f: {
        "x": f.x,
        "newshape": f.op("concatenate", xs=[f.op("getitem", x=f.sizes, key=slice(None, -1)), [2, 3]], axis=0),
    },
    "transpose": lambda f: {"x": f.x, "axes": [0, 2, 1]},
    "concatenate": lambda f: {"xs": [f.x, f.y], "axis": -1},
    "stack": lambda f: {"xs": [f.x, f.y], "axis": 1},
    "tile": lambda f: {"x": f.x, "repeats": [1, 2, 1]},
    "tile by a size": lambda f: {"x": f.op("zeros", shape=[1, 2], dtype="float32"), "repeats": [f.rows, 3]},
    "repeat": lambda f: {"x": f.x, "repeats": 2, "axis": 1},
    "broadcast_to": lambda f: {"x": f.op("expand_dims", x=f.x, axis=1), "shape": [f.rows, 3, 4, 6]},
    "broadcast_to a tensor": lambda f: {
        "x": f.op("getitem", x=f.x, key=[slice(None), slice(0, 1)]),
        "shape": f.op("stack", xs=[f.rows, 3, 6]),
    },
    "flip": lambda f: {"x": f.x, "axis": [1]},
    "pad": lambda f: {"x": f.x, "pad_width": [[0, 0], [1, 0], [0, 2]], "constant_values": 0.25},
    "pad by a size": lambda f: {"x": f.x, "pad_width": [[0, 0], [0, f.size(1)], [0, 0]]},
    "pad by a value": lambda f: {"x": f.x, "pad_width": [[0, 0], [0, 0], [f.smallest, f.largest]]},
    "conv": lambda f: {"x": f.x, "kernel": f.op("ones", shape=[2, 6, 3], dtype="float32")},
    "conv with steps": lambda f: {
        "x": f.op("expand_dims", x=f.x, axis=-1),
        "kernel": f.op("ones", shape=[2, 2, 1, 3], dtype="float32"),
        "strides": [2, 2],
        "padding": "same",
    },
    "take": lambda f: {"x": f.x, "indices": [0, 3], "axis": 1},
    "take by a tensor": lambda f: {"x": [0.5, 1.5, 2.5, 3.5, 4.5], "indices": f.ids, "axis": 0},
    "gather_nd": lambda f: {"x": f.x, "indices": [[0, 1], [2, 3]]},
    "gather_nd in each row": lambda f: {
        "x": f.x,
        "indices": f.op("expand_dims", x=f.up_to(3), axis=-1),
        "batch_dims": 1,
    },
    "gather_nd of whole rows": lambda f: {"x": f.x, "indices": f.op("stack", xs=[f.up_to(2), f.up_to(3)], axis=-1)},
    "split": lambda f: {"x": f.x, "indices_or_sections": 2, "axis": -1},
    "unstack": lambda f: {"x": f.x, "num": 4, "axis": 1},
    "top_k": lambda f: {"x": f.x, "k": 2},
    "sort": lambda f: {"x": f.x},
    "argmax": lambda f: {"x": f.x, "axis": -1},
    "argmin": lambda f: {"x": f.x, "axis": 1},
    "cumsum": lambda f: {"x": f.x, "axis": 1},
    "one_hot": lambda f: {"x": f.ids, "num_classes": 5, "dtype": "float32"},
    "shape": lambda f: {"x": f.x},
    "arange": lambda f: {"start": f.size(2)},
    "arange from one to another": lambda f: {"start": 1, "stop": f.size(2), "step": 2, "dtype": "int32"},
    "ones": lambda f: {"shape": [f.rows, 3], "dtype": "float32"},
    "zeros": lambda f: {"shape": f.op("stack", xs=[f.rows, 2]), "dtype": "int32"},
    "full": lambda f: {"shape": [f.rows, 2], "fill_value": 0.5},
    "full of whole numbers": lambda f: {"shape": [f.rows, 2], "fill_value": 7},
    "where": lambda f: {"condition": f.truths["x1"], "x1": f.x, "x2": -1.0},
    "clip": lambda f: {"x": f.x, "x_min": -0.5, "x_max": 0.5},
    "matmul": lambda f: {"x1": f.x, "x2": f.y, "transpose_b": True},
    "tensordot": lambda f: {"x1": f.x, "x2": [[0.5, 1.0]] * 6, "axes": 1},
    "einsum": lambda f: {"subscripts": "btf,buf->btu", "operands": [f.x, f.y]},
    "normalize": lambda f: {"x": f.x, "axis": -1},
    "any": lambda f: {"x": f.truths["x1"], "axis": 1},
    "all": lambda f: {"x": f.truths["x2"], "axis": -1, "keepdims": True},
    "norm": lambda f: {"x": f.x, "axis": -1},
    "logical_and": lambda f: f.truths,
    "logical_or": lambda f: f.truths,
    "logical_not": lambda f: {"x": f.truths["x1"]},
    "leaky_relu": lambda f: {"x": f.x, "negative_slope": 0.1},
    "gelu": lambda f: {"x": f.x, "approximate": True},
    "softmax": lambda f: {"x": f.x, "axis": 1},
    "log_softmax": lambda f: {"x": f.x},
}
# By the names of their parameters: one tensor, two tensors, a reduction.
_KINDS = {
    ("x",): lambda f: {"x": f.x},
    ("x1", "x2"): lambda f: {"x1": f.x, "x2": f.y},
    ("x", "axis", "keepdims"): lambda f: {"x": f.x, "axis": 1, "keepdims": True},
}


def _of(name):
    return _OWN.get(name) or _KINDS[tuple(p.name for p in ops.BY_NAME[name].parameters)]


# What the case is called -> (name of the op, Feeds -> its arguments).
CASES = {case: (case.split()[0], _of(case)) for case in [*ops.BY_NAME, *(c for c in _OWN if c not in ops.BY_NAME)]}
# Those that are given a size as a tensor, and have more than one axis to give it to.
SIZED = [case for case in CASES if any(word in case for word in ("size", "tensor", "whole", "ones", "zeros", "full"))]
