"""Lessons, one program each: `python -m pydl.examples.planar`.  Each prints its numbers; its own docstring says what it printed here.

Course 1    logistic_cats        week 2   logistic regression is a network of one neuron
            planar               week 3   one hidden layer bends the line between two classes
            deep_cats            week 4   two and four layers, the worst mistakes
Course 2    initialization       week 1   zeros, large numbers, He
            regularization       week 1   L2 and dropout on a football pitch
            gradient_checking    week 1   planted bugs, and what finds them
            optimizer_comparison week 2   gradient descent, momentum and Adam on two moons
            batch_norm           week 3   six layers of sigmoids, with and without
            softmax_mnist        week 3   ten classes
            house_prices                  regression: units, logarithms, the noise that stays
Course 5    dinosaurs, shakespeare, melodies           week 1   sequences that write themselves
            nationality, sentiment, chunking           many to one, many to many
            dates, trigger_word                        week 3   an encoder and a decoder; a recurrent network that listens

The kinds of networks of course 5, week 1, by what goes in and what comes out: one to one is the plain network, a picture in and a class out (softmax_mnist);
one to many: melodies; many to one: nationality, sentiment; many to many, step for step: chunking, trigger_word; encoder and decoder: dates.

Those on cats and football take the path of the course's files, softmax_mnist that of MNIST; the others of courses 1 and 2 draw their data by formula.
`lesson` is what they share, `lenet_numpy` the plain net beside which `pydl demo` trains.
"""
