def z(): pass
