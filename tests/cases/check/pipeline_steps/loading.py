def load():
    return []


def make():
    return None


async def publish(d, m):
    return {}
