"""The command `pydl`: a thin door; each subcommand lives where it belongs."""
import argparse
import sys


def main(arguments=None):
    """Run `pydl <command>` and return the exit status."""
    from pydl._version import __version__

    parser = argparse.ArgumentParser(prog="pydl", description="Deep learning with the speed of C and the accent of Keras.")
    parser.add_argument("--version", action="version", version=f"pydl {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    info = commands.add_parser("info", help="how pydl was built and what it uses on this machine")
    info.set_defaults(run=_info)

    demo = commands.add_parser("demo", help="train LeNet-5 on the embedded digits, beside a plain NumPy version of the same net")
    demo.add_argument("--output", default=".", metavar="FOLDER", help="where the model and the picture go (default: here)")
    demo.add_argument("--epochs", type=_positive, default=None, help="epochs to train (default: enough for 97 %% on the test digits)")
    demo.set_defaults(run=_demo)

    options = parser.parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:                                  # `pydl info | head` is no error
        sys.stderr.close()
        return 0


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


def _info(options):
    from pydl.info import show_config

    show_config()


def _demo(options):
    from pydl.demo import run

    return run(output=options.output, **({} if options.epochs is None else {"epochs": options.epochs}))


if __name__ == "__main__":
    sys.exit(main())
