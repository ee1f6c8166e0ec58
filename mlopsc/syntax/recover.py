class Recovery:
    def __init__(self, machine, lexer, problems):
        self.m=machine;self.l=lexer;self.p=problems
    def go_on(self):
        raise SystemExit(('err', self.l.starts[self.m.at], self.l.text[self.l.starts[self.m.at]-30:self.l.starts[self.m.at]+30]))
