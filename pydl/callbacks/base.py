"""Callback, and the two every run can use: History and LambdaCallback."""
import weakref

from pydl.errors import show, suggestion

HOOKS = tuple(f"on_{what}_{when}" for what in ("train", "test", "predict", "epoch", "batch", "train_batch", "test_batch", "predict_batch")
              for when in ("begin", "end"))


class Callback:
    """Base of all callbacks: every hook does nothing until a subclass overrides it.

    `self.model` is the model, `self.params` a dict with epochs, steps, verbose, and where fit knows them before it starts
    metrics (the names the logs of an epoch will have) and validation_freq.
    """
    comes_last = False      # after all others at each hook: what writes down how things stand

    def __init__(self):
        self.params = {}
        self._model = None

    @property
    def model(self):
        """The model that is trained; None before."""
        return self._model

    def set_params(self, params):
        """Called once, before all hooks, with what `params` holds."""
        self.params = dict(params)

    def set_model(self, model):
        """Called once, before all hooks."""
        self._model = model

    def get_state(self):
        """Return what has to be kept to go on in another process: a dict, {} if nothing."""
        return {}

    def set_state(self, state):
        """Take over what get_state returned; the next training goes on from there instead of starting anew."""

    def before_training(self, callbacks):
        """Called by fit before anybody's on_train_begin, with the CallbackList: the time to put back an interrupted training."""

    def on_batch_begin(self, batch, logs=None):
        """Called by on_train_batch_begin, an older name of it."""

    def on_batch_end(self, batch, logs=None):
        """Called by on_train_batch_end, an older name of it."""

    def on_epoch_begin(self, epoch, logs=None):
        """Epochs count from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """logs: loss and metrics of the epoch, those of the validation with the prefix val_."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before each step of training."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """logs: the running means since the epoch began."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Also called for the batches of a validation."""

    def on_test_batch_end(self, batch, logs=None):
        """Also called for the batches of a validation."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each batch of predict."""

    def on_predict_batch_end(self, batch, logs=None):
        """logs: {"outputs": the predictions of the batch}."""

    def on_train_begin(self, logs=None):
        """Called once, before the first epoch."""

    def on_train_end(self, logs=None):
        """Called once, after the last epoch, also if training was stopped early."""

    def on_test_begin(self, logs=None):
        """Called at the beginning of evaluate, and of each validation."""

    def on_test_end(self, logs=None):
        """Called at the end of evaluate, and of each validation."""

    def on_predict_begin(self, logs=None):
        """Called at the beginning of predict."""

    def on_predict_end(self, logs=None):
        """Called at the end of predict."""

    def wants(self, hook):
        """Tell whether `hook` ("on_train_batch_end") does anything here; those that do nothing are not called per batch."""
        names = [hook, hook.replace("train_", "")] if "train_batch" in hook else [hook]
        return any(name in vars(self) or getattr(type(self), name) is not getattr(Callback, name) for name in names)


class History(Callback):
    """Keep the logs of every epoch: history is {name: [one float an epoch]}, epoch the list of epoch numbers. fit returns it.

    A copy, and what is read from a pickle, has the records and no model.
    """

    def __init__(self):
        super().__init__()
        self.history = {}
        self.epoch = []
        self._resumed = False

    @property
    def model(self):
        """The model that was trained."""
        return None if self._model is None else self._model()

    def set_model(self, model):
        self._model = None if model is None else weakref.ref(model)     # the model holds its history, not the other way round

    def __getstate__(self):
        return {**self.__dict__, "_model": None}

    def on_train_begin(self, logs=None):
        if not self._resumed:
            self.history, self.epoch = {}, []
        self._resumed = False

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self):
        return {"epoch": list(self.epoch), "history": {name: list(values) for name, values in self.history.items()}}

    def set_state(self, state):
        self.epoch, self.history, self._resumed = list(state["epoch"]), {name: list(v) for name, v in state["history"].items()}, True


class LambdaCallback(Callback):
    """Make a callback of functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))."""

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None, on_train_batch_begin=None,
                 on_train_batch_end=None, **kwargs):
        super().__init__()
        given = dict(on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_begin=on_train_begin, on_train_end=on_train_end,
                     on_train_batch_begin=on_train_batch_begin, on_train_batch_end=on_train_batch_end, **kwargs)
        for hook, function in given.items():
            if hook not in HOOKS:
                raise TypeError(f"LambdaCallback: unknown hook {hook!r}{suggestion(hook, HOOKS)}")
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"LambdaCallback: {hook} must be a function, got {show(function)}")
            setattr(self, hook, function)
