def kind_of(number):
    return "k" * (1 + number % 3)
