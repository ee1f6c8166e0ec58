def f(): pass
async def g(): pass
class K: pass
h = 3
from os import path as pp
