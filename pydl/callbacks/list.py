"""CallbackList: several callbacks called as one."""
from pydl.callbacks.base import Callback, History
from pydl.callbacks.progress import ProgressBar
from pydl.errors import show


class CallbackList:
    """Calls the hooks of several callbacks in their order.

    Args:      callbacks: a callback, a list of them, a CallbackList, or None.
               add_history, add_progbar: append a History, a ProgressBar, if none is among them.
               model, **params: given to each by set_model and set_params.
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        if isinstance(callbacks, CallbackList):
            callbacks = callbacks.callbacks
        if callbacks is None:
            callbacks = []
        self.callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for callback in self.callbacks:
            if isinstance(callback, type) or not isinstance(callback, Callback):
                hint = f"; make one with {callback.__name__}(...)" if isinstance(callback, type) else ""
                raise TypeError(f"callbacks: expected instances of pydl.callbacks.Callback, got {show(callback)}{hint}")
        if add_progbar and not any(isinstance(callback, ProgressBar) for callback in self.callbacks):
            self.callbacks.append(ProgressBar())
        if add_history and not any(isinstance(callback, History) for callback in self.callbacks):
            self.callbacks.append(History())
        self.callbacks.sort(key=lambda callback: callback.comes_last)
        self._calls = {}
        self.params = {}
        self.model = model
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    @property
    def history(self):
        """The History among the callbacks, or None."""
        return next((callback for callback in self.callbacks if isinstance(callback, History)), None)

    def append(self, callback):
        """Add a callback at the end."""
        self.callbacks = CallbackList([*self.callbacks, callback]).callbacks
        self._calls = {}
        callback.set_params(self.params)
        callback.set_model(self.model)

    def set_params(self, params):
        self.params = dict(params)
        self._calls = {}
        for callback in self.callbacks:
            callback.set_params(self.params)

    def set_model(self, model):
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def wants(self, hook):
        """Tell whether any callback does something at `hook`; where not, its logs need not be made."""
        return bool(self._called(hook))

    def _called(self, hook):
        calls = self._calls.get(hook)
        if calls is None:
            calls = self._calls[hook] = [getattr(callback, hook) for callback in self.callbacks if callback.wants(hook)]
        return calls

    def call(self, hook, *args):
        """Call a hook of each callback that has something to do there."""
        for call in self._called(hook):
            call(*args)

    def on_train_begin(self, logs=None):
        for callback in self.callbacks:
            callback.before_training(self)
        self._calls = {}           # what a callback wants may have changed since the last run
        self.call("on_train_begin", logs)

    def on_test_begin(self, logs=None):
        self.call("on_test_begin", logs)

    def on_predict_begin(self, logs=None):
        self.call("on_predict_begin", logs)

    def on_train_end(self, logs=None):
        self.call("on_train_end", logs)

    def on_test_end(self, logs=None):
        self.call("on_test_end", logs)

    def on_predict_end(self, logs=None):
        self.call("on_predict_end", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        """One dict goes to all of them, so that a History sees the learning rate that a scheduler put in."""
        self.call("on_epoch_end", epoch, {} if logs is None else logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.call("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self.call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self.call("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self.call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self.call("on_predict_batch_end", batch, logs)

    def get_state(self):
        """Return the states of all callbacks, each with the name of its class."""
        return [{"callback": type(callback).__name__, "state": callback.get_state()} for callback in self.callbacks]

    def set_state(self, states):
        """Give each callback the state that one of its class and rank had."""
        left = list(states)
        for callback in self.callbacks:
            found = next((entry for entry in left if entry["callback"] == type(callback).__name__), None)
            if found is not None:
                left.remove(found)
                callback.set_state(found["state"])
